// Owns chance that can be repeated: the same seed gives the same numbers on every machine.
import type { Random } from '../domain/clock.ts';

/** Mulberry32: 32 bits of state, equidistributed enough for some thousand draws of durations. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
