// Owns the table of failures: attempts that failed alike are one row a day, summed up in memory during a transaction and written in its commit.
import type { FailureCluster } from '../port/tracking.ts';

/** Where it is written: the transaction. */
interface Sink {
  readonly now: number;
  sql(text: string): { run(...values: (string | number)[]): unknown; all(...values: (string | number)[]): unknown[] };
}

export interface Failure {
  readonly ns: number;
  /** '' for jobs of their own; then `step` is the task type. */
  readonly workflow: string;
  /** '' for a whole run. */
  readonly step: string;
  readonly code: string;
  /** '' for a process. */
  readonly worker: string;
  readonly example: string;
}

const DAY_MS = 86_400_000;
/** Rows of days before are forgotten. */
const KEPT_DAYS = 30;
const CHUNK = 500;

export class FailureJournal {
  readonly #failures = new Map<string, Failure & { count: number; example: string }>();

  /** Costs something only where something failed: 4 µs for the first of its kind in a commit. */
  add(failure: Failure): void {
    const { ns, workflow, step, code, worker } = failure;
    const key = JSON.stringify([ns, workflow, step, code, worker]);
    const known = this.#failures.get(key);
    if (known === undefined) this.#failures.set(key, { ...failure, count: 1 });
    else {
      known.count++;
      known.example = failure.example;
    }
  }

  flush(tx: Sink): void {
    if (this.#failures.size === 0) return;
    for (const { ns, workflow, step, code, worker, count, example } of this.#failures.values())
      tx.sql(
        `INSERT INTO failure (ns, day, workflow, step, code, worker, n, first_at, last_at, example) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET n = n + excluded.n, last_at = excluded.last_at, example = excluded.example`,
      ).run(ns, Math.floor(tx.now / DAY_MS), workflow, step, code, worker, count, tx.now, tx.now, example);
    this.#failures.clear();
  }

  clear(): void {
    this.#failures.clear();
  }
}

export function readFailures(tx: Sink, p: { readonly ns: number; readonly since: number; readonly limit: number }): FailureCluster[] {
  const rows = tx
    .sql(
      `SELECT workflow, step, code, worker, sum(n) AS count, min(first_at) AS firstAt, max(last_at) AS lastAt,
         substr(max(printf('%016d%s', last_at, example)), 17) AS example FROM failure
       WHERE ns = ? AND day >= ? GROUP BY workflow, step, code, worker ORDER BY count DESC, lastAt DESC LIMIT ?`,
    )
    .all(p.ns, Math.floor(p.since / DAY_MS), p.limit) as (FailureCluster & { workflow: string; step: string; worker: string })[];
  return rows.map((row) => ({
    ...row,
    workflow: row.workflow === '' ? null : row.workflow,
    step: row.step === '' ? null : row.step,
    worker: row.worker === '' ? null : row.worker,
  }));
}

export function forgetFailures(tx: Sink): void {
  tx.sql('DELETE FROM failure WHERE rowid IN (SELECT rowid FROM failure WHERE day < ? LIMIT ?)').run(Math.floor(tx.now / DAY_MS) - KEPT_DAYS, CHUNK);
}
