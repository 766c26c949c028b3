// Owns what belongs to one connection: built together, and built anew when the file is reopened.
import type { BackendEnvironment } from '../backend.ts';
import { Allocations } from './allocations.ts';
import { Artifacts } from './artifacts.ts';
import { Breakers } from './breakers.ts';
import { BudgetHolds } from './budget-holds.ts';
import { BudgetRows } from './budget-rows.ts';
import { Budgets } from './budgets.ts';
import { Claims } from './claims.ts';
import type { Db } from './connection.ts';
import { DecisionViews } from './decision-views.ts';
import { Dedupes } from './dedupes.ts';
import { readDefinition } from './definition-rows.ts';
import { Dependents } from './dependents.ts';
import { EventLog } from './event-log.ts';
import { ExecutionRows } from './execution-rows.ts';
import { Executions } from './executions.ts';
import { JobRows, type JobSql } from './job-rows.ts';
import { Jobs } from './jobs.ts';
import { Lineage } from './lineage.ts';
import { Lists } from './lists.ts';
import { OutputSchemas } from './output-schemas.ts';
import { Outputs } from './outputs.ts';
import { Plans } from './plans.ts';
import { ProjectCascades } from './project-cascades.ts';
import { Projects } from './projects.ts';
import { ResourceGate } from './resource-gate.ts';
import { ResourcePools } from './resource-pools.ts';
import { Retention } from './retention.ts';
import { ScheduleChanges } from './schedule-changes.ts';
import { ScheduleRows } from './schedule-rows.ts';
import { ScheduleRuns } from './schedule-runs.ts';
import type { ScheduleSql } from './schedule-sql.ts';
import { ScheduleStops } from './schedule-stops.ts';
import { Schedules } from './schedules.ts';
import { Sessions } from './sessions.ts';
import { StepCaches } from './step-caches.ts';
import { type RecordStatement, Tx } from './tx.ts';
import { jobView, summaryOf } from './views.ts';
import { WorkerRows } from './worker-rows.ts';
import { Workers } from './workers.ts';

export interface Parts {
  readonly db: Db;
  readonly tx: Tx;
  readonly rows: ExecutionRows;
  readonly jobRows: JobRows;
  readonly dependents: Dependents;
  readonly dedupes: Dedupes;
  readonly claims: Claims;
  readonly plans: Plans;
  readonly outputs: Outputs;
  readonly executions: Executions;
  readonly stepCaches: StepCaches;
  readonly decisionViews: DecisionViews;
  readonly jobs: Jobs;
  readonly schedules: Schedules;
  readonly scheduleChanges: ScheduleChanges;
  readonly sessions: Sessions;
  readonly lists: Lists;
  readonly log: EventLog;
  readonly artifacts: Artifacts;
  readonly retention: Retention;
  readonly projects: Projects;
  readonly cascades: ProjectCascades;
  readonly workers: Workers;
  readonly workerRows: WorkerRows;
  readonly pools: ResourcePools;
  readonly allocations: Allocations;
  readonly budgets: Budgets;
  readonly breakers: Breakers;
  readonly lineage: Lineage;
}

/** `record` is told of every statement that wrote rows. */
export function buildParts(db: Db, env: BackendEnvironment, record?: RecordStatement): Parts {
  const tx = new Tx(db, env, record);
  const rows = new ExecutionRows(tx);
  const gate = new ResourceGate(tx);
  const pools = new ResourcePools(tx, gate);
  const allocations = new Allocations(tx, gate, pools, rows);
  const jobRows = new JobRows(tx, rows, gate, pools);
  const dependents = new Dependents(tx, jobRows);
  const plans = new Plans(tx);
  const outputs = new Outputs(tx);
  const stepCaches = new StepCaches(tx);
  const breakers = new Breakers(tx);
  const budgetRows = new BudgetRows(tx, rows);
  const budgets = new Budgets(tx, { executions: rows, rows: budgetRows, holds: new BudgetHolds(tx, budgetRows, rows), breakers });
  const decisionViews = new DecisionViews(tx, rows, outputs, stepCaches, allocations, budgets);
  const executions = new Executions(tx, rows, jobRows, dependents, plans, decisionViews, stepCaches, allocations, { budgets, breakers });
  jobRows.requestOf = (job) => {
    const record = job.execution === null ? undefined : rows.load(job.execution);
    return record === undefined ? null : (plans.require(record.row.hash).nodes[job.idx as number]?.step.resources ?? null);
  };
  const claims = new Claims(tx, jobRows, executions, plans);
  const schemas = new OutputSchemas(tx, rows, plans);
  const jobs = new Jobs(tx, jobRows, dependents, executions, plans, schemas, budgets);
  const scheduleRows = new ScheduleRows(tx);
  const workerRows = new WorkerRows(tx);
  const scheduleRuns = new ScheduleRuns(tx, { rows: scheduleRows, executions, jobRows, plans, workerRows, budgets, breakers });
  const schedules = new Schedules(tx, { rows: scheduleRows, runs: scheduleRuns, stops: new ScheduleStops(scheduleRows, executions, jobs), budgets });
  const scheduleChanges = new ScheduleChanges(tx, schedules);
  budgets.holds.resumeSchedule = (num) => {
    const row = scheduleRows.byNum(num);
    if (row?.pause_reason?.startsWith('budget:') && row.deleted_at === null) scheduleChanges.resume(row);
  };
  const sessions = new Sessions(tx, executions, jobs, jobRows, scheduleChanges, allocations);
  const projects = new Projects(tx, executions);
  const workers = new Workers(tx, workerRows, { jobRows, jobs, claims, schemas, budgets });
  const log = new EventLog(tx, rows, plans);
  const lists = new Lists(tx, {
    execution: (raw) => summaryOf(plans, rows.read(raw)),
    job: (raw) => jobView({ tx, plans, outputs, executions, jobRows }, raw as JobSql),
    session: (raw) => sessions.read(raw),
    schedule: (raw) => scheduleRows.toSchedule(raw as ScheduleSql),
    definition: (raw) => readDefinition(tx, raw),
    worker: (raw) => workerRows.read(raw),
  });
  return {
    db,
    tx,
    rows,
    jobRows,
    dependents,
    dedupes: new Dedupes(tx, jobRows),
    claims,
    plans,
    outputs,
    executions,
    stepCaches,
    decisionViews,
    jobs,
    schedules,
    scheduleChanges,
    sessions,
    lists,
    log,
    artifacts: new Artifacts(tx, rows),
    retention: new Retention(tx, outputs, log, stepCaches),
    projects,
    cascades: new ProjectCascades(tx, { projects, executions, jobs, schedules, scheduleChanges }),
    workers,
    workerRows,
    pools,
    allocations,
    budgets,
    breakers,
    lineage: new Lineage(tx, plans),
  };
}
