// Owns project rows: one name per namespace, a revision per change; a row says at once whether work of the project may start.
import { type ErrorData, LogisticsError, StoreError } from '../../domain/errors.ts';
import { CASCADES, type Cascade, checkTakesWork, namesOf, type Project, projectOf } from '../../domain/project.ts';
import type { ExecutionStatus } from '../../domain/workflow-execution.ts';
import type { ProjectCounts } from '../port/projects.ts';
import { executionCodes, projectCodes } from './codes.ts';
import type { Executions } from './executions.ts';
import { gateKeys } from './gates.ts';
import type { Tx } from './tx.ts';

export interface ProjectSql {
  readonly num: number;
  readonly id: string;
  readonly ns: number;
  readonly name: string;
  readonly status: number;
  readonly revision: number;
  readonly max_runs: number | null;
  readonly max_jobs: number | null;
  readonly cascade: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly data: string;
}

type Data = Omit<Project, 'id' | 'namespace' | 'name' | 'status' | 'revision' | 'createdAt' | 'updatedAt'>;

/** Where a cascade stands: behind this run, in the order of (workflow, number); `changed`: this round changed something. */
export interface CascadeState {
  readonly action: Cascade;
  readonly by: string;
  readonly workflow: string;
  readonly num: number;
  readonly changed: boolean;
}

/** The runs of a project: a range of an index that holds only names with a dot. */
export const RUNS_OF = "ns = @ns AND workflow >= @from AND workflow < @to AND instr(workflow, '.') > 0";
const ADMITTED_AT_ONCE = 200;

export class Projects {
  readonly #tx: Tx;
  readonly #executions: Executions;

  constructor(tx: Tx, executions: Executions) {
    this.#tx = tx;
    this.#executions = executions;
  }

  byId(id: string): ProjectSql | undefined {
    return this.#tx.sql('SELECT * FROM project WHERE id = ?').get(id) as ProjectSql | undefined;
  }

  byName(ns: number, name: string): ProjectSql | undefined {
    return this.#tx.sql('SELECT * FROM project WHERE ns = ? AND name = ?').get(ns, name) as ProjectSql | undefined;
  }

  insert(project: Project): ProjectSql | { readonly conflict: ErrorData } {
    const tx = this.#tx;
    const ns = tx.namespace(project.namespace);
    const taken = this.byName(ns, project.name);
    if (taken !== undefined) return { conflict: nameTaken(project.name, taken.id) };
    tx.sql('INSERT INTO project (id, ns, name, status, revision, max_runs, max_jobs, created_at, updated_at, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      project.id,
      ns,
      project.name,
      projectCodes.of(project.status),
      1,
      project.quota.runs,
      project.quota.jobs,
      tx.now,
      tx.now,
      JSON.stringify(dataOf(project)),
    );
    tx.log({ ns }, { type: 'project_created', data: { project_id: project.id, project: project.name } });
    return this.byId(project.id) as ProjectSql;
  }

  /** Stores what a pure change makes of it; what its new state or quota lets go, goes. */
  change(row: ProjectSql, change: (project: Project) => Project, cascade: Cascade | undefined, by: string): ProjectSql {
    const tx = this.#tx;
    const before = this.toProject(row);
    const after = change(before);
    const joining = after.members.filter((session) => !before.members.includes(session));
    // All that may be refused comes before anything is written: a refusal is an answer here, not a rollback.
    this.#checkFree(joining);
    const state: CascadeState | null = cascade === undefined ? null : { action: cascade, by, workflow: '', num: 0, changed: false };
    tx.sql(
      'UPDATE project SET status = ?, revision = revision + 1, max_runs = ?, max_jobs = ?, updated_at = ?, data = ?, cascade = coalesce(?, cascade) WHERE num = ?',
    ).run(
      projectCodes.of(after.status),
      after.quota.runs,
      after.quota.jobs,
      tx.now,
      JSON.stringify(dataOf(after)),
      state === null ? null : JSON.stringify(state),
      row.num,
    );
    if (before.status !== after.status)
      tx.log(
        { ns: row.ns },
        {
          type: 'project_updated',
          data: { project_id: row.id, project: row.name, status: after.status, ...(after.statusReason === null ? {} : { reason: after.statusReason }) },
        },
      );
    for (const session of joining) tx.sql('INSERT INTO project_member (session, project) VALUES (?, ?)').run(session, row.num);
    for (const session of before.members)
      if (!after.members.includes(session)) tx.sql('DELETE FROM project_member WHERE session = ? AND project = ?').run(session, row.num);
    this.admit(row.num);
    return this.byId(row.id) as ProjectSql;
  }

  /** A session works in one project at most. */
  #checkFree(sessions: readonly string[]): void {
    for (const session of sessions) {
      const other = this.#tx.sql('SELECT p.name FROM project_member m JOIN project p ON p.num = m.project WHERE m.session = ?').get(session) as
        | { name: string }
        | undefined;
      if (other === undefined) continue;
      throw new LogisticsError('conflict', `The session ${session} is a member of the project ${other.name}.`, {
        path: 'session_id',
        nextActions: [`Use manage_project remove_member on ${other.name} first.`],
      });
    }
  }

  /** Runs that wait for their project move on, a bounded number at once; each end of a run admits a further one. */
  admit(num: number): void {
    for (let left = ADMITTED_AT_ONCE; left > 0 && this.#executions.admitNextAt(gateKeys.project(num)); ) left--;
  }

  /** Why a run or job of this name may not be added, or null; a name that belongs to no project is nobody's business here. */
  refusal(ns: number, name: string, jobs: number): ErrorData | null {
    const project = projectOf(name);
    const row = project === null ? undefined : this.byName(ns, project);
    if (row === undefined) return null;
    const status = projectCodes.name(row.status);
    try {
      checkTakesWork({ name: row.name, status });
    } catch (error) {
      if (error instanceof LogisticsError) return error.toData();
      throw error;
    }
    if (jobs === 0) return null;
    if (status === 'paused')
      return new LogisticsError('invalid_transition', `The project ${row.name} is paused and takes no jobs.`, {
        path: 'queue',
        nextActions: ['Use manage_project with action resume.'],
      }).toData();
    if (row.max_jobs === null) return null;
    const open = this.openJobs(row);
    if (open + jobs <= row.max_jobs) return null;
    return new LogisticsError('limit_exceeded', `The project ${row.name} has ${open} open jobs; ${jobs} more would be over its quota of ${row.max_jobs}.`, {
      path: 'queue',
      expected: `at most ${row.max_jobs} open jobs`,
      nextActions: ['Wait until some have ended, or raise the quota: manage_project action=update, quota.jobs.'],
    }).toData();
  }

  openJobs(row: ProjectSql): number {
    const tx = this.#tx;
    tx.flushCounters();
    const [from, to] = namesOf(row.name);
    const sum = tx
      .sql(
        'SELECT coalesce(sum(n), 0) AS n FROM counter WHERE status IN (0, 1, 5) AND queue IN (SELECT num FROM queue WHERE ns = ? AND name >= ? AND name < ?)',
      )
      .get(row.ns, from, to) as { n: number };
    return sum.n;
  }

  counts(row: ProjectSql): ProjectCounts {
    const tx = this.#tx;
    const [from, to] = namesOf(row.name);
    const range = { ns: row.ns, from, to };
    const found = tx.sql(`SELECT status, count(*) AS n FROM execution INDEXED BY execution_project WHERE ${RUNS_OF} GROUP BY status`).all(range) as {
      status: number;
      n: number;
    }[];
    const executions = Object.fromEntries(executionCodes.names.map((name) => [name, 0])) as Record<ExecutionStatus, number>;
    for (const { status, n } of found) executions[executionCodes.name(status)] = n;
    const count = (text: string): number => (tx.sql(text).get(row.ns, from, to) as { n: number }).n;
    return {
      workflows: count('SELECT count(DISTINCT name) AS n FROM definition WHERE ns = ? AND name >= ? AND name < ? AND deleted = 0'),
      schedules: count('SELECT count(*) AS n FROM schedule WHERE ns = ? AND name >= ? AND name < ? AND deleted_at IS NULL'),
      executions,
      openJobs: count(
        'SELECT coalesce(sum(n), 0) AS n FROM counter WHERE status IN (0, 1, 5) AND queue IN (SELECT num FROM queue WHERE ns = ? AND name >= ? AND name < ?)',
      ),
      cascade: cascadeOf(row)?.action ?? null,
    };
  }

  toProject(row: ProjectSql): Project {
    return {
      ...(JSON.parse(row.data) as Data),
      id: row.id,
      namespace: this.#tx.namespaceName(row.ns),
      name: row.name,
      status: projectCodes.name(row.status),
      revision: row.revision,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  }
}

export function cascadeOf(row: ProjectSql): CascadeState | null {
  if (row.cascade === null) return null;
  const state = JSON.parse(row.cascade) as CascadeState;
  if (!CASCADES.includes(state.action))
    throw new StoreError('store_newer', `The project ${row.name} is in the middle of something that this version does not know.`);
  return state;
}

function dataOf({ id: _i, namespace: _n, name: _m, status: _s, revision: _r, createdAt: _c, updatedAt: _u, ...data }: Project): Data {
  return data;
}

function nameTaken(name: string, id: string): ErrorData {
  return new LogisticsError('conflict', `There is a project ${name} already (${id}).`, {
    path: 'name',
    nextActions: ['Choose another name, or use manage_project on this one.'],
  }).toData();
}
