// Owns the reads of statistics: from counters that each commit keeps, never from a count over jobs.
import { type Histogram, inLastMinutes, MINUTE_MS, quantileOf } from '../../domain/histogram.ts';
import type { JobStatus } from '../../domain/job.ts';
import type { DurationStats, Ended, QueueStats } from '../backend.ts';
import { jobCodes } from './codes.ts';
import { gateKeys } from './gates.ts';
import type { Tx } from './tx.ts';

interface Counted {
  readonly queue: number;
  readonly task: number;
  readonly status: number;
  readonly n: number;
  readonly ns: number;
  readonly name: string;
}

interface Cell {
  readonly run: number;
  readonly wait: number;
  readonly completed: number;
  readonly failed: number;
  readonly retries: number;
  readonly run_ms: number;
  readonly run_max: number;
  readonly wait_ms: number;
}

type Minutes = readonly { readonly minute: number; readonly completed: number; readonly failed: number; readonly retries: number }[];

const HOUR_MINUTES = 60;

export function queueStats(tx: Tx, p: { readonly namespace?: string | undefined; readonly queue?: string | undefined }): QueueStats[] {
  const ns = p.namespace === undefined ? null : (tx.findNamespace(p.namespace) ?? -1);
  const rows = tx
    .sql(
      `SELECT c.queue, c.task, c.status, c.n, q.ns, q.name FROM counter c JOIN queue q ON q.num = c.queue
       WHERE (@ns IS NULL OR q.ns = @ns) AND (@name IS NULL OR q.name = @name) ORDER BY q.ns, q.name, c.task`,
    )
    .all({ ns, name: p.queue ?? null }) as Counted[];
  const now = tx.env.now();
  const minutes = minutesOf(tx, now);
  const stats = new Map<string, QueueStats & { counts: Record<JobStatus, number> }>();
  for (const row of rows) {
    const key = `${row.queue}/${row.task}`;
    const entry = stats.get(key) ?? measured(tx, row, minutes.get(key) ?? [], now);
    stats.set(key, entry);
    entry.counts[jobCodes.name(row.status)] = row.n;
  }
  return [...stats.values()];
}

function minutesOf(tx: Tx, now: number): ReadonlyMap<string, Minutes> {
  const from = Math.floor(now / MINUTE_MS) - HOUR_MINUTES;
  const rows = tx.sql('SELECT * FROM minute WHERE minute >= ?').all(from) as (Minutes[number] & { queue: number; task: number })[];
  const found = new Map<string, Minutes[number][]>();
  for (const row of rows) {
    const key = `${row.queue}/${row.task}`;
    const list = found.get(key);
    if (list === undefined) found.set(key, [row]);
    else list.push(row);
  }
  return found;
}

function measured(tx: Tx, row: Counted, minutes: Minutes, now: number): QueueStats & { counts: Record<JobStatus, number> } {
  const cells = tx.sql('SELECT * FROM measured WHERE queue = ? AND task = ?').all(row.queue, row.task) as Cell[];
  const sum = (name: keyof Cell): number => cells.reduce((total, cell) => total + cell[name], 0);
  const [completed, failed, retries] = [sum('completed'), sum('failed'), sum('retries')];
  const runs = completed + failed + retries;
  return {
    namespace: tx.namespaceName(row.ns),
    queue: row.name,
    task: tx.taskName(row.task),
    counts: { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, retry: 0 },
    completed,
    failed,
    retries,
    meanRunMs: runs === 0 ? null : sum('run_ms') / runs,
    maxRunMs: runs === 0 ? null : Math.max(...cells.map((cell) => cell.run_max)),
    meanWaitMs: runs === 0 ? null : sum('wait_ms') / runs,
    runMs: durations(cells, 'run'),
    waitMs: durations(cells, 'wait'),
    last: { minute: ended(minutes, 1, now), fiveMinutes: ended(minutes, 5, now), hour: ended(minutes, HOUR_MINUTES, now) },
  };
}

function durations(cells: readonly Cell[], kind: 'run' | 'wait'): DurationStats | null {
  const histogram: Histogram = cells.map((cell) => [cell[kind], cell.completed + cell.failed + cell.retries]);
  const p50 = quantileOf(histogram, 0.5);
  const p95 = quantileOf(histogram, 0.95);
  return p50 === null || p95 === null ? null : { p50, p95 };
}

function ended(minutes: Minutes, window: number, now: number): Ended {
  const of = (name: 'completed' | 'failed' | 'retries'): number => inLastMinutes(new Map(minutes.map((row) => [row.minute, row[name]])), window, now);
  return { completed: of('completed'), failed: of('failed'), retries: of('retries') };
}

// The oldest of all would be a scan; among equals in priority the head is the oldest.
const HEADS = 100;

/** Since when the oldest job waits that could start but for a free worker or a limit of the queue, epoch ms; of each lane its best hundred are looked at. */
export function oldestReadyAt(tx: Tx, queue: number): number | null {
  const lanes = tx.sql('SELECT num FROM lane WHERE queue = ?').all(queue) as { num: number }[];
  const heads = lanes.map(({ num }) =>
    tx.sql(`SELECT min(ready_at) AS at FROM (SELECT ready_at FROM job WHERE lane = ? AND rank IS NOT NULL ORDER BY rank, num LIMIT ${HEADS})`).get(num),
  );
  const gated = [gateKeys.queue(queue), gateKeys.queueRate(queue)].map((key) =>
    tx.sql(`SELECT min(ready_at) AS at FROM (SELECT ready_at FROM job WHERE gate = ? ORDER BY gate_rank, num LIMIT ${HEADS})`).get(key),
  );
  const times = ([...heads, ...gated] as { at: number | null }[]).flatMap(({ at }) => (at === null ? [] : [at]));
  return times.length === 0 ? null : Math.min(...times);
}
