// Owns the rule of a quota that refills: a token bucket, so that after any time t at most burst + capacity · t / period was given.
// Its state is two numbers, whatever the amounts; a sliding window would keep one entry for each grant or forget some.

/** One level of a pool: what it holds, and what of it is gone. Amounts are whole base units; `used` of a bucket shrinks with time. */
export interface Level {
  readonly capacity: number;
  /** Size of the bucket of one that refills. */
  readonly burst: number;
  /** Time in which `capacity` comes back; null for one that is given back by its holders. */
  readonly refillMs: number | null;
  readonly used: number;
  /** When `used` was right, epoch ms. */
  readonly at: number;
}

// A bucket's level is a fraction; what differs by less than this is a rounding.
const GRAIN = 1e-6;

/** The most that one request can ever get. */
export function ceilingOf(level: Level): number {
  return level.refillMs === null ? level.capacity : level.burst;
}

/** What is gone at `now`; a clock that was set back gives nothing back. */
export function usedAt(level: Level, now: number): number {
  if (level.refillMs === null) return level.used;
  return Math.max(0, level.used - (level.capacity * Math.max(0, now - level.at)) / level.refillMs);
}

export function freeAt(level: Level, now: number): number {
  return ceilingOf(level) - usedAt(level, now);
}

export function hasRoom(level: Level, amount: number, now: number): boolean {
  return freeAt(level, now) >= amount - GRAIN;
}

/** The moment from which `amount` is there if nobody takes any; null when only a holder can give it back, or it is too much for ever. */
export function roomAt(level: Level, amount: number, now: number): number | null {
  if (level.refillMs === null || amount > level.burst) return null;
  const missing = amount - freeAt(level, now);
  return missing <= GRAIN ? now : now + Math.max(1, Math.ceil((missing * level.refillMs) / level.capacity));
}
