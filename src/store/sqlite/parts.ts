// Owns what belongs to one connection: built together, and built anew when the file is reopened.
import type { BackendEnvironment } from '../backend.ts';
import { Artifacts } from './artifacts.ts';
import { Claims } from './claims.ts';
import type { Db } from './connection.ts';
import { DecisionViews } from './decision-views.ts';
import { readDefinition } from './definition-rows.ts';
import { Dependents } from './dependents.ts';
import { EventLog } from './event-log.ts';
import { ExecutionRows } from './execution-rows.ts';
import { Executions } from './executions.ts';
import { JobRows, type JobSql } from './job-rows.ts';
import { Jobs } from './jobs.ts';
import { Lists } from './lists.ts';
import { Outputs } from './outputs.ts';
import { Plans } from './plans.ts';
import { Retention } from './retention.ts';
import { Sessions } from './sessions.ts';
import { Tx } from './tx.ts';
import { jobView, summaryOf } from './views.ts';

export interface Parts {
  readonly db: Db;
  readonly tx: Tx;
  readonly rows: ExecutionRows;
  readonly jobRows: JobRows;
  readonly dependents: Dependents;
  readonly claims: Claims;
  readonly plans: Plans;
  readonly outputs: Outputs;
  readonly executions: Executions;
  readonly decisionViews: DecisionViews;
  readonly jobs: Jobs;
  readonly sessions: Sessions;
  readonly lists: Lists;
  readonly log: EventLog;
  readonly artifacts: Artifacts;
  readonly retention: Retention;
}

export function buildParts(db: Db, env: BackendEnvironment): Parts {
  const tx = new Tx(db, env);
  const rows = new ExecutionRows(tx);
  const jobRows = new JobRows(tx, rows);
  const dependents = new Dependents(tx, jobRows);
  const plans = new Plans(tx);
  const outputs = new Outputs(tx);
  const decisionViews = new DecisionViews(tx, rows, outputs);
  const executions = new Executions(tx, rows, jobRows, dependents, plans, decisionViews);
  const claims = new Claims(tx, jobRows, executions, plans);
  const jobs = new Jobs(tx, jobRows, dependents, executions, plans);
  const sessions = new Sessions(tx, executions, jobs, jobRows);
  const log = new EventLog(tx, rows, plans);
  const lists = new Lists(tx, {
    execution: (raw) => summaryOf(plans, rows.read(raw)),
    job: (raw) => jobView({ tx, plans, outputs, executions, jobRows }, raw as JobSql),
    session: (raw) => sessions.read(raw),
    definition: (raw) => readDefinition(tx, raw),
  });
  return {
    db,
    tx,
    rows,
    jobRows,
    dependents,
    claims,
    plans,
    outputs,
    executions,
    decisionViews,
    jobs,
    sessions,
    lists,
    log,
    artifacts: new Artifacts(tx, rows),
    retention: new Retention(tx, outputs, log),
  };
}
