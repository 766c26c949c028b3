// Owns the statistics of ended attempts: summed up in memory during a transaction, written once per queue, task type and pair of durations at its end.
import { bucketOf, MINUTE_MS } from '../../domain/histogram.ts';

/** Where the sums are written: the transaction. */
interface Sink {
  readonly now: number;
  sql(text: string): { run(...values: (string | number)[]): unknown };
}

export type AttemptKind = 'completed' | 'failed' | 'retry';

interface Ended {
  completed: number;
  failed: number;
  retries: number;
}

/** Attempts that ran about as long, after about as long a wait. */
interface Cell extends Ended {
  readonly run: number;
  readonly wait: number;
  runMs: number;
  runMax: number;
  waitMs: number;
}

interface Sums extends Ended {
  readonly queue: number;
  readonly task: number;
  readonly cells: Map<number, Cell>;
}

const FIELDS: Readonly<Record<AttemptKind, keyof Ended>> = { completed: 'completed', failed: 'failed', retry: 'retries' };

export class Measured {
  readonly #sums = new Map<number, Map<number, Sums>>();

  add(queue: number, task: number, kind: AttemptKind, runMs: number, waitMs: number): void {
    const row = this.#of(queue, task);
    const cell = cellOf(row.cells, bucketOf(runMs), bucketOf(waitMs));
    row[FIELDS[kind]]++;
    cell[FIELDS[kind]]++;
    cell.runMs += runMs;
    cell.runMax = Math.max(cell.runMax, runMs);
    cell.waitMs += waitMs;
  }

  #of(queue: number, task: number): Sums {
    let tasks = this.#sums.get(queue);
    if (tasks === undefined) {
      tasks = new Map();
      this.#sums.set(queue, tasks);
    }
    let row = tasks.get(task);
    if (row === undefined) {
      row = { queue, task, completed: 0, failed: 0, retries: 0, cells: new Map() };
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

// More buckets than any duration has: 2 ** 53 ms is in bucket 425.
const WIDTH = 512;

function cellOf(cells: Map<number, Cell>, run: number, wait: number): Cell {
  let cell = cells.get(run * WIDTH + wait);
  if (cell === undefined) {
    cell = { run, wait, completed: 0, failed: 0, retries: 0, runMs: 0, runMax: 0, waitMs: 0 };
    cells.set(run * WIDTH + wait, cell);
  }
  return cell;
}

function write(tx: Sink, row: Sums, minute: number): void {
  tx.sql(
    `INSERT INTO minute (minute, queue, task, completed, failed, retries) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET completed = completed + excluded.completed, failed = failed + excluded.failed, retries = retries + excluded.retries`,
  ).run(minute, row.queue, row.task, row.completed, row.failed, row.retries);
  for (const cell of row.cells.values()) {
    tx.sql(
      `INSERT INTO measured (queue, task, run, wait, completed, failed, retries, run_ms, run_max, wait_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET completed = completed + excluded.completed, failed = failed + excluded.failed, retries = retries + excluded.retries, run_ms = run_ms + excluded.run_ms,
       run_max = max(run_max, excluded.run_max), wait_ms = wait_ms + excluded.wait_ms`,
    ).run(row.queue, row.task, cell.run, cell.wait, cell.completed, cell.failed, cell.retries, cell.runMs, cell.runMax, cell.waitMs);
  }
}
