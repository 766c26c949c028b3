// Owns the rank of a job that becomes ready: by the order of its queue; a queue without one of its own costs no statement.

import { rankOf } from '../../domain/priority.ts';
import type { QueueOrder } from '../../domain/queue-order.ts';
import { fairTag, orderedRank, type ReadyJob } from '../../domain/queue-order.ts';
import { gateKeys } from './gates.ts';
import type { Tx } from './tx.ts';

export interface RankedJob {
  readonly queue: number;
  readonly task: number;
  /** Row number, or null: all jobs without a session share one part. */
  readonly session: number | null;
  readonly priority: number;
  readonly readyAt: number;
  readonly expectedMs: number | null;
  readonly dueAt: number | null;
}

interface Mean {
  readonly at: number;
  readonly ms: number | null;
}

/** Means change slowly; each costs a read over the cells of its task type. */
const MEAN_MS = 10_000;

export class QueueRanks {
  readonly #tx: Tx;
  readonly #means = new Map<string, Mean>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** `inRun` is the place of a step by the order of its run; it counts where the queue has none of its own. */
  rank(job: RankedJob, inRun: number | null = null): number {
    const { ageStepMs } = this.#tx.env.limits;
    const order = this.#tx.queueOrder(job.queue);
    if (order === 'fifo') return inRun ?? rankOf(job.readyAt, job.priority, ageStepMs);
    const ready = this.#ready(job, order);
    return order === 'fair' ? this.#fair(job, ready) : orderedRank(order, ready, ageStepMs);
  }

  #ready(job: RankedJob, order: QueueOrder): ReadyJob {
    const { readyAt, priority, dueAt } = job;
    if (order === 'edf') return { readyAt, priority, dueAt, expectedMs: null, meanMs: null };
    return { readyAt, priority, dueAt, expectedMs: job.expectedMs ?? this.#mean(job.queue, job.task), meanMs: this.#mean(job.queue, null) };
  }

  #fair(job: RankedJob, ready: ReadyJob): number {
    const tx = this.#tx;
    const head = this.#head(job.queue);
    const session = job.session ?? 0;
    if (head === null) tx.sql('DELETE FROM fair_share WHERE queue = ?').run(job.queue);
    const served =
      head === null
        ? undefined
        : (tx.sql('SELECT finish FROM fair_share WHERE queue = ? AND session = ?').get(job.queue, session) as { finish: number } | undefined);
    const { rank, finish } = fairTag(ready, { head, finish: served?.finish ?? null }, tx.env.limits.ageStepMs);
    tx.sql('INSERT OR REPLACE INTO fair_share (queue, session, finish) VALUES (?, ?, ?)').run(job.queue, session, finish);
    return rank;
  }

  /** The smallest rank that waits in a queue: the first of each lane, and of those at the gates of the queue. */
  #head(queue: number): number | null {
    const tx = this.#tx;
    const first = tx
      .sql(
        `SELECT min(rank) AS rank FROM (SELECT (SELECT rank FROM job WHERE lane = l.num AND rank IS NOT NULL ORDER BY rank LIMIT 1) AS rank FROM lane l WHERE l.queue = ?
         UNION ALL SELECT (SELECT gate_rank FROM job WHERE gate = ? ORDER BY gate_rank LIMIT 1) UNION ALL SELECT (SELECT gate_rank FROM job WHERE gate = ? ORDER BY gate_rank LIMIT 1))`,
      )
      .get(queue, gateKeys.queue(queue), gateKeys.queueRate(queue)) as { rank: number | null };
    return first.rank;
  }

  /** Mean run time of a task type in a queue, or of the queue. */
  #mean(queue: number, task: number | null): number | null {
    const key = `${queue}/${task ?? ''}`;
    const known = this.#means.get(key);
    const { now } = this.#tx;
    if (known !== undefined && Math.abs(now - known.at) < MEAN_MS) return known.ms;
    const text = `SELECT sum(run_ms) AS ms, sum(completed + failed + retries) AS n FROM measured WHERE queue = ?${task === null ? '' : ' AND task = ?'}`;
    const row = this.#tx.sql(text).get(...(task === null ? [queue] : [queue, task])) as { ms: number | null; n: number | null };
    const ms = row.ms === null || !row.n ? null : row.ms / row.n;
    this.#means.set(key, { at: now, ms });
    return ms;
  }
}
