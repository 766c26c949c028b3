// Owns the statistics of ended attempts: summed up in memory during a transaction, written once per queue and task type at its end.
import { bucketOf, MINUTE_MS } from '../../domain/histogram.ts';

/** Where the sums are written: the transaction. */
interface Sink {
  readonly now: number;
  sql(text: string): { run(...values: (string | number)[]): unknown };
}

export type AttemptKind = 'completed' | 'failed' | 'retry';
export const DURATION_KINDS = { run: 0, wait: 1 } as const;

interface Sums {
  readonly queue: number;
  readonly task: number;
  completed: number;
  failed: number;
  retries: number;
  runMs: number;
  runMax: number;
  waitMs: number;
  runs: number;
  readonly buckets: readonly [run: Map<number, number>, wait: Map<number, number>];
}

export class Measured {
  readonly #sums = new Map<number, Map<number, Sums>>();

  add(queue: number, task: number, kind: AttemptKind, runMs: number, waitMs: number): void {
    const row = this.#of(queue, task);
    if (kind === 'completed') row.completed++;
    else if (kind === 'failed') row.failed++;
    else row.retries++;
    row.runMs += runMs;
    row.runMax = Math.max(row.runMax, runMs);
    row.waitMs += waitMs;
    row.runs++;
    count(row.buckets[DURATION_KINDS.run], bucketOf(runMs));
    count(row.buckets[DURATION_KINDS.wait], bucketOf(waitMs));
  }

  #of(queue: number, task: number): Sums {
    let tasks = this.#sums.get(queue);
    if (tasks === undefined) {
      tasks = new Map();
      this.#sums.set(queue, tasks);
    }
    let row = tasks.get(task);
    if (row === undefined) {
      row = { queue, task, completed: 0, failed: 0, retries: 0, runMs: 0, runMax: 0, waitMs: 0, runs: 0, buckets: [new Map(), new Map()] };
      tasks.set(task, row);
    }
    return row;
  }

  flush(tx: Sink): void {
    if (this.#sums.size === 0) return;
    const minute = Math.floor(tx.now / MINUTE_MS);
    for (const tasks of this.#sums.values()) for (const row of tasks.values()) write(tx, row, minute);
    this.#sums.clear();
  }

  clear(): void {
    this.#sums.clear();
  }
}

function write(tx: Sink, row: Sums, minute: number): void {
  tx.sql(
    `INSERT INTO task_stat (queue, task, completed, failed, retries, run_ms, run_max, wait_ms, runs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET completed = completed + excluded.completed, failed = failed + excluded.failed, retries = retries + excluded.retries, run_ms = run_ms + excluded.run_ms,
     run_max = max(run_max, excluded.run_max), wait_ms = wait_ms + excluded.wait_ms, runs = runs + excluded.runs`,
  ).run(row.queue, row.task, row.completed, row.failed, row.retries, row.runMs, row.runMax, row.waitMs, row.runs);
  tx.sql(
    `INSERT INTO minute (minute, queue, task, completed, failed, retries) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET completed = completed + excluded.completed, failed = failed + excluded.failed, retries = retries + excluded.retries`,
  ).run(minute, row.queue, row.task, row.completed, row.failed, row.retries);
  for (const [kind, buckets] of row.buckets.entries()) {
    for (const [bucket, n] of buckets) {
      tx.sql('INSERT INTO duration (queue, task, kind, bucket, n) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n').run(
        row.queue,
        row.task,
        kind,
        bucket,
        n,
      );
    }
  }
}

function count(buckets: Map<number, number>, bucket: number): void {
  buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
}
