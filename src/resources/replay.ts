// Owns the replay of recorded requests on another capacity: a virtual clock, in the order of arrival, nobody overtaken, as the pool itself grants.
import { type Level, roomAt, usedAt } from '../domain/refill.ts';
import type { RecordedHold } from '../store/port/resources.ts';

export interface ReplayPool {
  /** Base units. */
  readonly capacity: number;
  readonly burst: number;
  readonly refillMs: number | null;
}

export interface Replayed {
  /** By order of arrival, ms. */
  readonly waits: readonly number[];
  /** Share of the capacity that was held, from the first arrival to the last end; of a quota that was used. */
  readonly utilisation: number;
}

/** Waits of the same requests for as long on another pool; null when one asks for more than it has. */
export function replay(holds: readonly RecordedHold[], pool: ReplayPool): Replayed | null {
  const most = pool.refillMs === null ? pool.capacity : pool.burst;
  if (holds.some((hold) => hold.amount > most)) return null;
  const arrivals = [...holds].sort((a, b) => a.arrivedAt - b.arrivedAt || a.grantedAt - b.grantedAt);
  return pool.refillMs === null ? ofPlaces(arrivals, pool.capacity) : ofQuota(arrivals, pool, pool.refillMs);
}

function ofPlaces(arrivals: readonly RecordedHold[], capacity: number): Replayed {
  /** Ends of what is held, the next one last. */
  const ends: { readonly at: number; readonly amount: number }[] = [];
  const waits: number[] = [];
  let free = capacity;
  let now = 0;
  let area = 0;
  let last = 0;
  for (const hold of arrivals) {
    now = Math.max(now, hold.arrivedAt);
    for (let end = ends.at(-1); end !== undefined && (end.at <= now || free < hold.amount); end = ends.at(-1)) {
      ends.pop();
      now = Math.max(now, end.at);
      free += end.amount;
    }
    const heldMs = Math.max(0, hold.endedAt - hold.grantedAt);
    free -= hold.amount;
    insert(ends, { at: now + heldMs, amount: hold.amount });
    waits.push(now - hold.arrivedAt);
    area += heldMs * hold.amount;
    last = Math.max(last, now + heldMs);
  }
  const spanMs = last - (arrivals[0]?.arrivedAt ?? 0);
  return { waits, utilisation: spanMs <= 0 ? 0 : area / (capacity * spanMs) };
}

function insert(ends: { readonly at: number; readonly amount: number }[], end: { readonly at: number; readonly amount: number }): void {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] as { at: number }).at > end.at) low = middle + 1;
    else high = middle;
  }
  ends.splice(low, 0, end);
}

function ofQuota(arrivals: readonly RecordedHold[], { capacity, burst }: ReplayPool, refillMs: number): Replayed {
  const waits: number[] = [];
  let level: Level = { capacity, burst, refillMs, used: 0, at: arrivals[0]?.arrivedAt ?? 0 };
  let now = 0;
  let taken = 0;
  for (const { arrivedAt, amount } of arrivals) {
    now = Math.max(now, arrivedAt);
    now = roomAt(level, amount, now) as number;
    level = { ...level, used: usedAt(level, now) + amount, at: now };
    waits.push(now - arrivedAt);
    taken += amount;
  }
  const spanMs = now - (arrivals[0]?.arrivedAt ?? 0);
  return { waits, utilisation: spanMs <= 0 ? 0 : Math.min(1, taken / (capacity * (spanMs / refillMs))) };
}

export function shareWithin(waits: readonly number[], targetMs: number): number {
  return waits.length === 0 ? 1 : waits.filter((wait) => wait <= targetMs).length / waits.length;
}

/** The smallest capacity on which at least `share` of the requests would have waited no longer than `targetMs`; the bucket of a quota grows with it. Null without requests. */
export function smallestCapacity(holds: readonly RecordedHold[], pool: ReplayPool, targetMs: number, share: number): number | null {
  if (holds.length === 0) return null;
  const sized = (capacity: number): ReplayPool => ({ ...pool, capacity, burst: Math.max(1, Math.round((pool.burst / pool.capacity) * capacity)) });
  const suffices = (capacity: number): boolean => {
    const replayed = replay(holds, sized(capacity));
    return replayed !== null && shareWithin(replayed.waits, targetMs) >= share - 1e-12;
  };
  // All at once fit into the sum of all.
  let high = Math.max(1, Math.ceil(holds.reduce((sum, hold) => sum + hold.amount, 0) * Math.max(1, pool.capacity / pool.burst)));
  let low = 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (suffices(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
