// Owns forgetting: whole finished trees, oldest first, in bounded pieces; nothing unfinished, nothing that unfinished work refers to.
import { JOB } from './codes.ts';
import type { Outputs } from './outputs.ts';
import type { Tx } from './tx.ts';

const LOOSE_ARTIFACT_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface RetentionParameters {
  readonly olderThan: number;
  readonly keepExecutions: number;
  readonly limit: number;
}

export class Retention {
  readonly #tx: Tx;
  readonly #outputs: Outputs;

  constructor(tx: Tx, outputs: Outputs) {
    this.#tx = tx;
    this.#outputs = outputs;
  }

  run(p: RetentionParameters): { removed: number; more: boolean } {
    let left = p.limit;
    let removed = 0;
    while (left > 0) {
      const tree = this.#oldestTree(p);
      if (tree === null) break;
      const taken = this.#removeSome(tree, left);
      removed += taken;
      left -= taken;
      if (taken === 0) break;
    }
    if (left > 0) removed += this.#removeJobs(p.olderThan, left);
    removed += this.#removeLoose();
    return { removed, more: removed >= p.limit };
  }

  /** The deepest last member of the oldest finished tree that may go. */
  #oldestTree(p: RetentionParameters): number | null {
    const tx = this.#tx;
    const finished = (tx.sql('SELECT coalesce(sum(n), 0) AS n FROM execution_counter WHERE status IN (4, 5, 6)').get() as { n: number }).n;
    const tooMany = finished > p.keepExecutions ? 1 : 0;
    const root = tx
      .sql('SELECT num FROM execution WHERE parent IS NULL AND ended_at IS NOT NULL AND (ended_at < ? OR ?) ORDER BY num LIMIT 1')
      .get(p.olderThan, tooMany) as { num: number } | undefined;
    if (root === undefined) return null;
    let at = root.num;
    for (;;) {
      const child = tx.sql('SELECT num, ended_at FROM execution WHERE parent = ? ORDER BY num DESC LIMIT 1').get(at) as { num: number; ended_at: number | null } | undefined;
      if (child === undefined) return at;
      if (child.ended_at === null) return null;
      at = child.num;
    }
  }

  #removeSome(execution: number, limit: number): number {
    const tx = this.#tx;
    this.#outputs.forget();
    const jobs = tx.sql('SELECT num, queue, task, status FROM job WHERE execution = ? LIMIT ?').all(execution, limit) as { num: number; queue: number; task: number; status: number }[];
    for (const job of jobs) this.#removeJob(job);
    let left = limit - jobs.length;
    for (const table of ['event', 'step', 'step_items', 'signal', 'waiter', 'timer', 'inbox', 'artifact']) {
      if (left <= 0) return limit;
      const key = table === 'event' ? 'cursor' : table === 'inbox' ? 'seq' : table === 'artifact' ? 'num' : null;
      const changes =
        key === null
          ? this.#deleteKeyed(table, execution, left)
          : tx.sql(`DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE execution = ? LIMIT ?)`).run(execution, left).changes;
      left -= changes;
    }
    if (left <= 0) return limit;
    const row = tx.sql('DELETE FROM execution WHERE num = ? RETURNING status').get(execution) as { status: number };
    tx.countExecution(row.status, null);
    tx.sql('DELETE FROM gate WHERE key = ?').run(`x:${execution}`);
    return limit - left + 1;
  }

  #deleteKeyed(table: string, execution: number, limit: number): number {
    const tx = this.#tx;
    if (table === 'step' || table === 'step_items' || table === 'waiter') {
      const last = tx.sql(`SELECT idx FROM ${table} WHERE execution = ? ORDER BY idx LIMIT 1 OFFSET ?`).get(execution, limit - 1) as { idx: number } | undefined;
      return last === undefined ? tx.sql(`DELETE FROM ${table} WHERE execution = ?`).run(execution).changes : tx.sql(`DELETE FROM ${table} WHERE execution = ? AND idx <= ?`).run(execution, last.idx).changes;
    }
    return tx.sql(`DELETE FROM ${table} WHERE execution = ?`).run(execution).changes;
  }

  #removeJobs(olderThan: number, limit: number): number {
    const jobs = this.#tx
      .sql('SELECT num, queue, task, status FROM job WHERE execution IS NULL AND status IN (2, 3, 4) AND ended_at < ? ORDER BY num LIMIT ?')
      .all(olderThan, limit) as { num: number; queue: number; task: number; status: number }[];
    for (const job of jobs) this.#removeJob(job);
    return jobs.length;
  }

  #removeJob(job: { num: number; queue: number; task: number; status: number }): void {
    const tx = this.#tx;
    if (job.status === JOB.running) return;
    tx.sql('DELETE FROM job WHERE num = ?').run(job.num);
    tx.sql('DELETE FROM job_log WHERE job = ?').run(job.num);
    tx.sql('DELETE FROM job_need WHERE need = ?').run(job.num);
    tx.sql('DELETE FROM event WHERE job = ? AND execution IS NULL').run(job.num);
    tx.sql('DELETE FROM artifact WHERE job = ?').run(job.num);
    tx.count(job.queue, job.task, job.status, null);
  }

  #removeLoose(): number {
    const tx = this.#tx;
    const artifacts = tx.sql('DELETE FROM artifact WHERE num IN (SELECT num FROM artifact WHERE kept = 0 AND created_at < ? LIMIT 500)').run(tx.now - LOOSE_ARTIFACT_MS).changes;
    const receipts = tx
      .sql('DELETE FROM receipt WHERE (principal, tool, key) IN (SELECT principal, tool, key FROM receipt WHERE created_at < ? LIMIT 500)')
      .run(tx.now - tx.env.limits.receiptDays * DAY_MS).changes;
    return artifacts + receipts;
  }
}
