// Owns the comparison at the end: what was acknowledged against what the store holds, and the store against itself.
import Database from 'better-sqlite3';
import { eventCodes, executionCodes, JOB, jobCodes, stepCodes } from '../../src/store/sqlite/codes.ts';
import { CHAOS_WORKFLOWS } from './definitions.ts';
import { staleWrites } from './fencing.ts';
import { type Ack, readLines } from './journal.ts';
import type { Trace } from './trace.ts';

export interface Audit {
  readonly acked: number;
  readonly lost: readonly string[];
  readonly stuck: readonly string[];
  readonly stale: readonly string[];
  readonly integrity: string;
  /** Broken invariants other than those four. */
  readonly broken: readonly string[];
  readonly totals: { readonly jobs: number; readonly executions: number; readonly events: number };
}

type Db = Database.Database;
type Row = Readonly<Record<string, string | number | null>>;

/** Opens the file read-only; nothing runs on it any more. */
export function audit(storeFile: string, ackFile: string, trace: Trace): Audit {
  const db = new Database(storeFile, { readonly: true });
  try {
    const acks = readLines(ackFile).lines.map((line) => JSON.parse(line) as Ack);
    const integrity = String(db.pragma('integrity_check', { simple: true }));
    const { lost, broken } = checkAcks(db, acks);
    const count = (table: string): number => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    return {
      acked: acks.filter((entry) => entry.k !== 'fault').length,
      lost,
      stuck: openWork(db),
      stale: staleWrites(db, trace),
      integrity,
      broken: [...broken, ...selfChecks(db)],
      totals: { jobs: count('job'), executions: count('execution'), events: count('event') },
    };
  } finally {
    db.close();
  }
}

function checkAcks(db: Db, acks: readonly Ack[]): { lost: string[]; broken: string[] } {
  const lost: string[] = [];
  const broken: string[] = [];
  const job = db.prepare('SELECT status, error, needs FROM job WHERE id = ?');
  const execution = db.prepare('SELECT num, status, workflow, error, forked_from FROM execution WHERE id = ?');
  const signal = db.prepare('SELECT 1 FROM signal s JOIN execution e ON e.num = s.execution WHERE e.id = ? AND s.signal_id = ?');
  const session = db.prepare('SELECT 1 FROM session WHERE id = ?');
  const ends = new Map<string, readonly string[]>(CHAOS_WORKFLOWS.map(({ definition, ends: right }) => [definition.name, right]));
  for (const ack of acks) {
    if (ack.k === 'fault') broken.push(`a child met: ${ack.what}`);
    else if (ack.k === 'session') {
      if (session.get(ack.id) === undefined) lost.push(`session ${ack.id}`);
    } else if (ack.k === 'signal') {
      if (signal.get(ack.id, ack.signal) === undefined) lost.push(`signal ${ack.signal} of ${ack.id}`);
    } else if (ack.id.startsWith('job_')) {
      const row = job.get(ack.id) as Row | undefined;
      if (row === undefined) lost.push(`${ack.k} of ${ack.id}`);
      else broken.push(...jobFaults(ack, row));
    } else {
      const row = execution.get(ack.id) as Row | undefined;
      if (row === undefined) lost.push(`${ack.k} of ${ack.id}`);
      else broken.push(...executionFaults(ack, row, ends));
    }
  }
  return { lost, broken };
}

function jobFaults(ack: Ack, row: Row): string[] {
  const status = jobCodes.name(row.status as number);
  const code = row.error === null ? null : (JSON.parse(row.error as string) as { code: string }).code;
  const id = (ack as { id: string }).id;
  if (ack.k === 'cancel') return ack.now && status !== 'cancelled' ? [`${id}: its cancel was acknowledged, and it is ${status}`] : [];
  if (status === 'completed') return ack.k === 'job' && ack.fails ? [`${id} always fails, and is completed`] : [];
  if (status === 'cancelled') return code === 'cancelled' || code === 'dependency_failed' ? [] : [`${id} was cancelled for ${code}`];
  if (status === 'failed') return ack.k === 'job' && ack.fails ? [] : [`${id} failed: ${row.error}`];
  return [];
}

function executionFaults(ack: Ack, row: Row, ends: ReadonlyMap<string, readonly string[]>): string[] {
  const status = executionCodes.name(row.status as number);
  const id = (ack as { id: string }).id;
  if (ack.k === 'cancel') return ack.now && status !== 'cancelled' ? [`${id}: it was cancelled when the call returned, and is ${status}`] : [];
  if (ack.k === 'fork' && row.forked_from === null) return [`${id} is a fork that does not know of what`];
  if (status !== 'completed' && status !== 'failed') return [];
  return ends.get(row.workflow as string)?.includes(status) ? [] : [`${id} (${row.workflow}) ended ${status}: ${row.error}`];
}

function openWork(db: Db): string[] {
  const executions = db.prepare('SELECT id, workflow, status, phase, gate, stopping, open_work FROM execution WHERE ended_at IS NULL').all() as Row[];
  const jobs = db
    .prepare(
      `SELECT id, status, rank, due_at, gate, owner, execution, idx, item, needs_open FROM job WHERE status IN (${JOB.pending}, ${JOB.running}, ${JOB.retry})`,
    )
    .all() as Row[];
  return [
    ...executions.map((row) => `execution ${JSON.stringify({ ...row, status: executionCodes.name(row.status as number) })}`),
    ...jobs.map((row) => `job ${JSON.stringify({ ...row, status: jobCodes.name(row.status as number) })}`),
  ];
}

/** Flag of a step row: it failed, and counts as completed (continueOnError). */
const TOLERATED = 1;
const END_EVENTS = ['workflow_completed', 'workflow_failed', 'workflow_cancelled'] as const;
const JOB_END_EVENTS = ['job_completed', 'job_failed', 'job_cancelled'] as const;

/** Each query gives the rows that break its rule. */
function selfChecks(db: Db): string[] {
  const codes = (types: readonly Parameters<typeof eventCodes.of>[0][]): string => types.map((type) => eventCodes.of(type)).join(', ');
  const closedSteps = (['completed', 'failed', 'skipped', 'cancelled'] as const).map((status) => stepCodes.of(status)).join(', ');
  const rules: readonly (readonly [string, string])[] = [
    [
      'job counters differ from a recount',
      `SELECT * FROM (SELECT queue, task, status, sum(n) AS n, sum(real) AS real FROM
       (SELECT queue, task, status, n, 0 AS real FROM counter UNION ALL SELECT queue, task, status, 0, count(*) FROM job GROUP BY queue, task, status) GROUP BY queue, task, status) WHERE n != real`,
    ],
    [
      'execution counters differ from a recount',
      `SELECT * FROM (SELECT status, sum(n) AS n, sum(real) AS real FROM
       (SELECT status, n, 0 AS real FROM execution_counter UNION ALL SELECT status, 0, count(*) FROM execution GROUP BY status) GROUP BY status) WHERE n != real`,
    ],
    [
      'statistics count another number of completed jobs than there are',
      `SELECT * FROM (SELECT queue, task, sum(n) AS n, sum(real) AS real FROM
       (SELECT queue, task, completed AS n, 0 AS real FROM measured UNION ALL SELECT queue, task, 0, count(*) FROM job WHERE status = ${JOB.completed} GROUP BY queue, task) GROUP BY queue, task) WHERE n != real`,
    ],
    [
      'an ended execution has an open step',
      `SELECT e.id, s.idx, s.status FROM execution e JOIN step s ON s.execution = e.num WHERE e.ended_at IS NOT NULL AND s.status NOT IN (0, ${closedSteps})`,
    ],
    [
      'a completed execution has a step that did not end',
      `SELECT e.id, e.workflow, count(s.idx) AS ended FROM execution e JOIN definition d ON d.hash = e.hash LEFT JOIN step s ON s.execution = e.num AND s.status IN (${closedSteps})
       AND s.idx < json_array_length(d.json, '$.steps') WHERE e.status = ${executionCodes.of('completed')} GROUP BY e.num HAVING ended != json_array_length(d.json, '$.steps')`,
    ],
    [
      'an execution counts its steps wrongly',
      `SELECT e.id, e.workflow, e.status, e.steps_done, e.steps_completed, count(s.idx) AS done, sum(s.status = ${stepCodes.of('completed')} OR (s.status = ${stepCodes.of('failed')} AND s.flags & ${TOLERATED})) AS completed FROM execution e JOIN definition d ON d.hash = e.hash
       JOIN step s ON s.execution = e.num AND s.idx < json_array_length(d.json, '$.steps') AND s.status IN (${closedSteps}) GROUP BY e.num HAVING done != e.steps_done OR completed != e.steps_completed`,
    ],
    ['an open execution has nothing but ended steps', `SELECT e.id FROM execution e WHERE e.ended_at IS NULL AND e.phase = 4`],
    [
      'a job is in an index that its state forbids',
      `SELECT id, status, rank, due_at, gate, owner FROM job WHERE status IN (${JOB.completed}, ${JOB.failed}, ${JOB.cancelled}) AND (rank IS NOT NULL OR due_at IS NOT NULL OR gate IS NOT NULL OR owner IS NOT NULL)`,
    ],
    ['a gate is held by nobody', 'SELECT key, used FROM gate WHERE used != 0 UNION ALL SELECT key, ready FROM gate_lane'],
    ['entries are left in an inbox', 'SELECT i.execution, i.event, e.ended_at FROM inbox i JOIN execution e ON e.num = i.execution LIMIT 20'],
    ['an ended execution has a timer', 'SELECT t.* FROM timer t JOIN execution e ON e.num = t.execution WHERE e.ended_at IS NOT NULL LIMIT 20'],
    ['an ended execution has a waiter', 'SELECT w.* FROM waiter w JOIN execution e ON e.num = w.execution WHERE e.ended_at IS NOT NULL LIMIT 20'],
    ['a dependency is left behind', 'SELECT * FROM job_need LIMIT 20'],
    ['a process is still registered', 'SELECT epoch, pid FROM process'],
    [
      'the event log has a gap',
      'SELECT * FROM (SELECT count(*) AS n, min(cursor) AS first, max(cursor) AS last FROM event) WHERE n > 0 AND n != last - first + 1',
    ],
    [
      'events are not in the order of time',
      'SELECT cursor FROM (SELECT cursor, at, lag(at) OVER (ORDER BY cursor) AS before FROM event) WHERE at < before - 60000 LIMIT 5',
    ],
    [
      'an ended execution has not exactly one end in the log',
      `SELECT e.id, e.status, count(v.cursor) AS n FROM execution e LEFT JOIN event v ON v.execution = e.num AND v.type IN (${codes(END_EVENTS)}) WHERE e.ended_at IS NOT NULL GROUP BY e.num HAVING n != 1`,
    ],
    [
      'an execution has several starts in the log',
      `SELECT execution, count(*) AS n FROM event WHERE type = ${eventCodes.of('workflow_started')} GROUP BY execution HAVING n > 1`,
    ],
    [
      'a step completed twice in the log',
      `SELECT execution, idx, item, count(*) AS n FROM event WHERE type = ${eventCodes.of('step_completed')} GROUP BY execution, idx, item HAVING n > 1`,
    ],
    [
      'a job was not enqueued once in the log',
      `SELECT j.id, count(v.cursor) AS n FROM job j LEFT JOIN event v ON v.job = j.num AND v.type = ${eventCodes.of('job_enqueued')} WHERE j.execution IS NULL GROUP BY j.num HAVING n != 1`,
    ],
    [
      'an ended job has not exactly one end in the log',
      `SELECT j.id, j.status, count(v.cursor) AS n FROM job j LEFT JOIN event v ON v.job = j.num AND v.execution IS NULL AND v.type IN (${codes(JOB_END_EVENTS)}) WHERE j.execution IS NULL AND j.ended_at IS NOT NULL GROUP BY j.num HAVING n != 1`,
    ],
    [
      'two jobs completed the same step',
      `SELECT execution, idx, item, count(*) AS n FROM job WHERE execution IS NOT NULL AND status = ${JOB.completed} GROUP BY execution, idx, item HAVING n > 1`,
    ],
    [
      'a dependent completed although what it needs did not',
      `SELECT j.id, n.id AS need, n.status FROM job j JOIN json_each(j.needs) x JOIN job n ON n.id = x.value WHERE j.status = ${JOB.completed} AND j.needs_when = 0 AND n.status != ${JOB.completed}`,
    ],
  ];
  const faults: string[] = [];
  for (const [rule, sql] of rules) {
    const rows = db.prepare(sql).all() as Row[];
    if (rows.length > 0)
      faults.push(
        `${rule} (${rows.length}): ${rows
          .slice(0, 3)
          .map((row) => JSON.stringify(row))
          .join(' ')}`,
      );
  }
  return faults;
}
