// Owns which gates a job passes, in their order: its concurrency key, its rate, the rate and the size of its queue, then
// maxParallel and the limits of its session. Who waits for a rate holds no place in a queue or a session meanwhile.
import type { Job, NewJob } from '../../domain/job.ts';
import { type Gate, type GateList, gateKeys, isRate } from './gates.ts';
import { armGate, hasWaiters, setRate } from './rates.ts';
import type { Tx } from './tx.ts';

/** The gates that a job brings itself; the limits of the newest job with a key count for all of them. */
export function broughtGates(tx: Tx, ns: number, queue: number, job: Pick<NewJob, 'concurrency' | 'rate'>): GateList {
  const gates: Gate[] = [];
  if (job.concurrency) {
    const { limit } = job.concurrency;
    const key = gateKeys.jobs(ns, job.concurrency.key);
    const { changes } = tx.sql('UPDATE gate SET cap = ? WHERE key = ? AND cap != ?').run(limit, key, limit);
    if (changes > 0 && hasWaiters(tx, key)) armGate(tx, key, tx.now);
    gates.push([key, limit]);
  }
  if (job.rate) {
    const key = gateKeys.rate(ns, queue, job.rate.key);
    setRate(tx, key, job.rate);
    gates.push([key, job.rate.limit, job.rate.periodMs]);
  }
  return gates;
}

/** The bounds that a job brought, read from its gates. */
export function broughtBy(ns: number, gates: GateList): Pick<Job, 'concurrency' | 'rate'> {
  const [own, keyed, shared] = [gateKeys.jobs(ns, ''), gateKeys.rate(ns, 0, ''), `r:${ns}/q`];
  const held = gates.find(([key]) => key.startsWith(own));
  const rate = gates.find(([key]) => key.startsWith(keyed) || key.startsWith(shared));
  return {
    concurrency: held === undefined ? null : { key: held[0].slice(own.length), limit: held[1] },
    rate: rate === undefined ? null : { key: rate[0].startsWith(keyed) ? rate[0].slice(keyed.length) : null, limit: rate[1], periodMs: rate[2] ?? 0 },
  };
}

/** The same list when the queue has no limits, or its gates are there already. */
export function withQueueGates(tx: Tx, queue: number, gates: GateList): GateList {
  const limits = tx.queueLimits(queue);
  if (limits === null) return gates;
  const has = (key: string): boolean => gates.some((gate) => gate[0] === key);
  const own: Gate[] = [];
  const { rateLimit, concurrency } = limits;
  if (rateLimit !== null && !has(gateKeys.queueRate(queue))) own.push([gateKeys.queueRate(queue), rateLimit.limit, rateLimit.periodMs]);
  if (concurrency !== null && !has(gateKeys.queue(queue))) own.push([gateKeys.queue(queue), concurrency]);
  if (own.length === 0) return gates;
  const found = gates.findIndex(([key]) => !key.startsWith('j:') && !isRate(key));
  const at = found < 0 ? gates.length : found;
  return [...gates.slice(0, at), ...own, ...gates.slice(at)];
}
