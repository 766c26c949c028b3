// Owns how origins are read from rows: of each kind the one row above it and the rows below it, each by an index.
import type { LineageNode, Origin } from '../../domain/lineage.ts';
import { executionCodes, jobCodes, scheduleCodes, sessionCodes } from './codes.ts';
import type { Plans } from './plans.ts';
import type { Tx } from './tx.ts';

interface ExecutionSql {
  num: number;
  id: string;
  workflow: string;
  status: number;
  created_at: number;
  started_by: string;
  parent: number | null;
  parent_step: number | null;
  parent_item: number | null;
  forked_from: number | null;
  session: number | null;
  occurrence: number | null;
  cause: string | null;
}

interface JobSql {
  num: number;
  id: string;
  name: string | null;
  task: number;
  status: number;
  created_at: number;
  execution: number | null;
  idx: number | null;
  item: number | null;
  session: number | null;
  occurrence: number | null;
  cause: string | null;
}

interface ScheduleSql {
  num: number;
  id: string;
  name: string;
  status: number;
  created_at: number;
  deleted_at: number | null;
  principal: string;
  session: number | null;
  cause: string | null;
  depth: number;
}

interface SessionSql {
  num: number;
  id: string;
  name: string | null;
  status: number;
  created_at: number;
  principal: string;
}

const EXECUTION =
  'SELECT e.num, e.id, e.workflow, e.status, e.created_at, e.started_by, e.parent, e.parent_step, e.parent_item, e.forked_from, e.session, e.occurrence, e.cause FROM execution e';
const JOB = 'SELECT j.num, j.id, j.name, j.task, j.status, j.created_at, j.execution, j.idx, j.item, j.session, j.occurrence, j.cause FROM job j';
const SCHEDULE = 'SELECT s.num, s.id, s.name, s.status, s.created_at, s.deleted_at, s.principal, s.session, s.cause, s.depth FROM schedule s';
/** The schedule above is looked for this far up. */
const CHAIN = 100;

export class Lineage {
  readonly #tx: Tx;
  readonly #plans: Plans;

  constructor(tx: Tx, plans: Plans) {
    this.#tx = tx;
    this.#plans = plans;
  }

  node(id: string): LineageNode | null {
    const tx = this.#tx;
    if (id.startsWith('exec_')) return this.#one(tx.sql(`${EXECUTION} WHERE e.id = ?`).get(id), (row) => this.#execution(row as ExecutionSql));
    if (id.startsWith('job_')) return this.#one(tx.sql(`${JOB} WHERE j.id = ?`).get(id), (row) => this.#job(row as JobSql));
    if (id.startsWith('sched_')) return this.#one(tx.sql(`${SCHEDULE} WHERE s.id = ?`).get(id), (row) => this.#schedule(row as ScheduleSql));
    if (!id.startsWith('sess_')) return null;
    return this.#one(tx.sql('SELECT num, id, name, status, created_at, principal FROM session WHERE id = ?').get(id), (row) =>
      this.#session(row as SessionSql),
    );
  }

  #one(row: unknown, read: (row: unknown) => LineageNode): LineageNode | null {
    return row === undefined ? null : read(row);
  }

  children(id: string, limit: number): LineageNode[] {
    if (id.startsWith('exec_')) return this.#ofExecution(id, limit);
    if (id.startsWith('job_')) return this.#caused('= ?', id, limit);
    if (id.startsWith('sched_')) return this.#ofSchedule(id, limit);
    return id.startsWith('sess_') ? this.#ofSession(id, limit) : [];
  }

  #ofExecution(id: string, limit: number): LineageNode[] {
    const num = (this.#tx.sql('SELECT num FROM execution WHERE id = ?').get(id) as { num: number } | undefined)?.num;
    if (num === undefined) return [];
    const runs = (where: string): LineageNode[] =>
      (this.#tx.sql(`${EXECUTION} WHERE ${where} ORDER BY e.num DESC LIMIT ?`).all(num, limit) as ExecutionSql[]).map((row) => this.#execution(row));
    const byJobs = this.#caused('IN (SELECT id FROM job WHERE execution = ?)', num, limit);
    return newest([...runs('e.parent = ?'), ...runs('e.forked_from = ?'), ...byJobs, ...this.#caused('= ?', id, limit)], limit);
  }

  /** What running work asked for: runs, jobs and schedules. */
  #caused(by: string, key: string | number, limit: number): LineageNode[] {
    const tx = this.#tx;
    const of = (select: string, table: string): unknown[] => tx.sql(`${select} WHERE ${table}.cause ${by} ORDER BY ${table}.num DESC LIMIT ?`).all(key, limit);
    return newest(
      [
        ...of(EXECUTION, 'e').map((row) => this.#execution(row as ExecutionSql)),
        ...of(JOB, 'j').map((row) => this.#job(row as JobSql)),
        ...of(SCHEDULE, 's').map((row) => this.#schedule(row as ScheduleSql)),
      ],
      limit,
    );
  }

  #ofSchedule(id: string, limit: number): LineageNode[] {
    const fires = this.#tx
      .sql('SELECT o.run FROM occurrence o JOIN schedule s ON s.num = o.schedule WHERE s.id = ? AND o.run IS NOT NULL ORDER BY o.planned_at DESC LIMIT ?')
      .all(id, limit) as { run: string }[];
    return fires.flatMap(({ run }) => this.node(run) ?? []);
  }

  /** What stands in no other work: a run of its schedule is shown there. */
  #ofSession(id: string, limit: number): LineageNode[] {
    const tx = this.#tx;
    const num = (tx.sql('SELECT num FROM session WHERE id = ?').get(id) as { num: number } | undefined)?.num;
    if (num === undefined) return [];
    const runs = tx
      .sql(
        `${EXECUTION} WHERE e.session = ? AND e.parent IS NULL AND e.occurrence IS NULL AND e.forked_from IS NULL AND e.cause IS NULL ORDER BY e.num DESC LIMIT ?`,
      )
      .all(num, limit) as ExecutionSql[];
    const jobs = tx
      .sql(`${JOB} WHERE j.session = ? AND j.execution IS NULL AND j.occurrence IS NULL AND j.cause IS NULL ORDER BY j.num DESC LIMIT ?`)
      .all(num, limit) as JobSql[];
    const schedules = tx.sql(`${SCHEDULE} WHERE s.session = ? AND s.cause IS NULL ORDER BY s.num DESC LIMIT ?`).all(num, limit) as ScheduleSql[];
    return newest([...runs.map((row) => this.#execution(row)), ...jobs.map((row) => this.#job(row)), ...schedules.map((row) => this.#schedule(row))], limit);
  }

  #execution(row: ExecutionSql): LineageNode {
    return {
      id: row.id,
      kind: 'execution',
      name: row.workflow,
      status: executionCodes.name(row.status),
      createdAt: row.created_at,
      principal: row.started_by,
      origin: this.#originOfRun(row),
    };
  }

  #originOfRun(row: ExecutionSql): Origin {
    if (row.parent !== null) {
      const step = row.parent_step === null ? undefined : this.#stepOf(row.parent, row.parent_step);
      return { how: 'step', id: this.#executionId(row.parent), step, ...(row.parent_item === null ? {} : { item: row.parent_item }) };
    }
    if (row.occurrence === null && row.cause === null && row.forked_from !== null) return { how: 'fork', id: this.#executionId(row.forked_from) };
    return this.#originOf(row);
  }

  #job(row: JobSql): LineageNode {
    const origin: Origin =
      row.execution === null
        ? this.#originOf(row)
        : {
            how: 'step',
            id: this.#executionId(row.execution),
            step: row.idx === null ? undefined : this.#stepOf(row.execution, row.idx),
            ...(row.item === null ? {} : { item: row.item }),
          };
    const name = row.name ?? this.#tx.taskName(row.task);
    return { id: row.id, kind: 'job', name, status: jobCodes.name(row.status), createdAt: row.created_at, principal: null, origin };
  }

  #schedule(row: ScheduleSql): LineageNode {
    return {
      id: row.id,
      kind: 'schedule',
      name: row.name,
      status: row.deleted_at === null ? scheduleCodes.name(row.status) : 'deleted',
      createdAt: row.created_at,
      principal: row.principal,
      origin: this.#originOf({ ...row, occurrence: null }),
      depth: row.depth,
    };
  }

  #session(row: SessionSql): LineageNode {
    const { id, name, created_at: createdAt, principal } = row;
    return { id, kind: 'session', name: name ?? '', status: sessionCodes.name(row.status), createdAt, principal, origin: { how: 'principal', id: null } };
  }

  #originOf({ occurrence, cause, session }: { readonly occurrence: number | null; readonly cause: string | null; readonly session: number | null }): Origin {
    if (occurrence !== null) {
      const fire = this.#tx.sql('SELECT s.id, o.planned_at AS at FROM occurrence o JOIN schedule s ON s.num = o.schedule WHERE o.num = ?').get(occurrence) as
        | { id: string; at: number }
        | undefined;
      if (fire !== undefined) return { how: 'schedule', id: fire.id, plannedAt: fire.at };
    }
    if (cause !== null) return { how: 'work', id: cause };
    return session === null ? { how: 'principal', id: null } : { how: 'session', id: this.#tx.sessionId(session) };
  }

  #executionId(num: number): string {
    return (this.#tx.sql('SELECT id FROM execution WHERE num = ?').get(num) as { id: string } | undefined)?.id ?? '';
  }

  #stepOf(execution: number, index: number): string | undefined {
    const row = this.#tx.sql('SELECT hash FROM execution WHERE num = ?').get(execution) as { hash: string } | undefined;
    return row === undefined ? undefined : this.#plans.find(row.hash)?.nodes[index]?.id;
  }

  /** What is said to be the cause, if it is a job or run of this namespace: the word of a caller makes nothing true of others. */
  causeIn(ns: number, id: string | null | undefined): string | null {
    if (!id) return null;
    const table = id.startsWith('job_') ? 'job' : id.startsWith('exec_') ? 'execution' : null;
    return table !== null && this.#tx.sql(`SELECT 1 FROM ${table} WHERE id = ? AND ns = ?`).get(id, ns) !== undefined ? id : null;
  }

  /** The nearest schedule above work, and how many stand above that; null where none is known. */
  scheduleAbove(cause: string): { readonly id: string; readonly depth: number } | null {
    let at: string | null = cause;
    for (let left = CHAIN; at !== null && left > 0; left--) {
      const node: LineageNode | null = this.node(at);
      if (node === null) return null;
      if (node.kind === 'schedule') return { id: node.id, depth: node.depth ?? 0 };
      at = node.origin.id;
    }
    return null;
  }
}

/** Of several kinds, those that were made last. */
function newest(nodes: readonly LineageNode[], limit: number): LineageNode[] {
  return [...nodes].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)).slice(0, limit);
}
