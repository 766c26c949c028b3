// Owns the verbs of a queue as a whole: its settings, and what a changed limit means for those who run or wait.
import type { QueueSettings } from '../../domain/queue.ts';
import { QUEUE_ORDERS } from '../../domain/queue-order.ts';
import type { Backend } from '../backend.ts';
import { acquireAnyway, type GateList, gateKeys } from './gates.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';
import { oldestReadyAt } from './queue-stats.ts';
import { armGate, hasWaiters } from './rates.ts';
import type { Tx } from './tx.ts';

type Verbs = Pick<Backend, 'updateQueue' | 'queueSettings'>;

const SET_BY = ['config', 'control'] as const;

interface QueueSql {
  readonly num: number;
  readonly ns: number;
  readonly name: string;
  readonly paused: number;
  readonly concurrency: number | null;
  readonly rate_limit: number | null;
  readonly rate_period: number | null;
  readonly set_by: number | null;
  readonly job_order: number;
}

export function queueVerbs(host: Host): Verbs {
  return {
    updateQueue: (p) => host.writeOnce(p.receipt, (parts) => ({ ...update(parts, p) })),

    queueSettings: (p) => {
      const { tx } = host.parts;
      const ns = p.namespace === undefined ? null : (tx.findNamespace(p.namespace) ?? -1);
      const rows = tx
        .sql('SELECT * FROM queue WHERE (@ns IS NULL OR ns = @ns) AND (@name IS NULL OR name = @name) ORDER BY ns, name')
        .all({ ns, name: p.queue ?? null }) as QueueSql[];
      return rows.map((row) => ({ ...settingsOf(tx, row), oldestReadyAt: oldestReadyAt(tx, row.num) }));
    },
  };
}

function update({ tx }: Parts, p: Parameters<Backend['updateQueue']>[0]): QueueSettings {
  const num = tx.queue(tx.namespace(p.namespace), p.queue);
  const before = rowOf(tx, num);
  if (p.paused !== undefined && p.paused !== (before.paused === 1)) {
    tx.sql('UPDATE queue SET paused = ? WHERE num = ?').run(p.paused ? 1 : 0, num);
    tx.lanesVersion++;
    tx.notice.jobsReady ||= !p.paused;
  }
  if (p.order !== undefined && p.order !== QUEUE_ORDERS[before.job_order]) {
    tx.sql('UPDATE queue SET job_order = ?, set_by = ? WHERE num = ?').run(QUEUE_ORDERS.indexOf(p.order), SET_BY.indexOf(p.from), num);
    tx.sql('DELETE FROM fair_share WHERE queue = ?').run(num);
    tx.forgetQueueLimits(num);
  }
  if (p.concurrency !== undefined || p.rateLimit !== undefined) {
    const concurrency = p.concurrency === undefined ? before.concurrency : p.concurrency;
    const rate = p.rateLimit === undefined ? settingsOf(tx, before).rateLimit : p.rateLimit;
    tx.sql('UPDATE queue SET concurrency = ?, rate_limit = ?, rate_period = ?, set_by = ? WHERE num = ?').run(
      concurrency,
      rate?.limit ?? null,
      rate?.periodMs ?? null,
      SET_BY.indexOf(p.from),
      num,
    );
    tx.forgetQueueLimits(num);
    if (before.concurrency === null && concurrency !== null) countRunning(tx, num, concurrency);
    for (const key of [gateKeys.queue(num), gateKeys.queueRate(num)]) if (hasWaiters(tx, key)) armGate(tx, key, tx.now);
  }
  return settingsOf(tx, rowOf(tx, num));
}

/** Jobs that run already count for a limit that is new; ready ones meet it at their claim. */
function countRunning(tx: Tx, queue: number, concurrency: number): void {
  const key = gateKeys.queue(queue);
  const running = tx
    .sql(
      `SELECT num, gates, gate_pos FROM job WHERE owner IS NOT NULL AND status = 1 AND queue = @queue
       UNION SELECT num, gates, gate_pos FROM job WHERE worker IS NOT NULL AND status = 1 AND queue = @queue ORDER BY num`,
    )
    .all({ queue }) as { num: number; gates: string | null; gate_pos: number }[];
  for (const job of running) {
    const gates = job.gates === null ? [] : (JSON.parse(job.gates) as GateList);
    if (gates.some((gate) => gate[0] === key)) continue;
    acquireAnyway(tx, key, concurrency);
    tx.sql('UPDATE job SET gates = ?, gate_pos = ? WHERE num = ?').run(JSON.stringify([[key, concurrency], ...gates]), job.gate_pos + 1, job.num);
  }
}

function rowOf(tx: Tx, num: number): QueueSql {
  return tx.sql('SELECT * FROM queue WHERE num = ?').get(num) as QueueSql;
}

function settingsOf(tx: Tx, row: QueueSql): QueueSettings {
  return {
    namespace: tx.namespaceName(row.ns),
    queue: row.name,
    paused: row.paused === 1,
    concurrency: row.concurrency,
    rateLimit: row.rate_limit === null ? null : { limit: row.rate_limit, periodMs: row.rate_period as number },
    order: QUEUE_ORDERS[row.job_order] ?? 'fifo',
    from: row.set_by === null ? null : (SET_BY[row.set_by] ?? null),
  };
}
