// Owns the rule of a rate limit: never more than `limit` starts in any window of `period`, and none of them lost.
import { z } from 'zod';
import { Duration } from './duration.ts';

export const MAX_RATE_LIMIT = 1_000_000;

export const Period = Duration.refine((ms) => ms >= 1, 'expected at least 1 ms').describe('For example "1m".');

/** At most `limit` starts in any window of `period`; internally its length is in ms. */
export const RateLimit = z
  .strictObject({ limit: z.int().min(1).max(MAX_RATE_LIMIT), period: Period })
  .transform(({ limit, period }) => ({ limit, periodMs: period }));
export type RateLimit = z.output<typeof RateLimit>;

/** Starts that still count, oldest first: [moment from which its window runs, how many]. */
export type Starts = readonly (readonly [at: number, count: number])[];

// Up to this many starts are remembered one by one; more are remembered in hundredths of the period, each counted at its end.
const REMEMBERED = 100;

/** How many starts are free at `now` (epoch ms), when the next one becomes free (null when none is taken), and what still counts. */
export function freeStarts(starts: Starts, rate: RateLimit, now: number): { readonly free: number; readonly nextAt: number | null; readonly counted: Starts } {
  const counted = starts.filter(([at]) => at + rate.periodMs > now);
  const used = counted.reduce((sum, [, count]) => sum + count, 0);
  const oldest = counted[0];
  return { free: Math.max(0, rate.limit - used), nextAt: oldest === undefined ? null : oldest[0] + rate.periodMs, counted };
}

/** The starts with one more at `now`. Whether it was allowed is for `freeStarts` to say before. */
export function withStart(starts: Starts, rate: RateLimit, now: number): Starts {
  const grain = grainOf(rate);
  const counted = notAhead(starts, rate, now).filter(([at]) => at + rate.periodMs > now);
  const last = counted.at(-1);
  // A limit that was changed may have left a coarser moment.
  const at = Math.max(Math.ceil(now / grain) * grain, last?.[0] ?? 0);
  return last !== undefined && last[0] === at ? [...counted.slice(0, -1), [at, last[1] + 1]] : [...counted, [at, 1]];
}

/** After the clock was set back: starts that lie in the future count from `now` on, or nothing would start until then. The same list when there are none. */
export function notAhead(starts: Starts, rate: RateLimit, now: number): Starts {
  const latest = now + grainOf(rate);
  if ((starts.at(-1)?.[0] ?? 0) <= latest) return starts;
  const ahead = starts.filter(([at]) => at > latest).reduce((sum, [, count]) => sum + count, 0);
  return [...starts.filter(([at]) => at <= latest), [latest, ahead]];
}

function grainOf(rate: RateLimit): number {
  return rate.limit <= REMEMBERED ? 1 : Math.max(1, Math.floor(rate.periodMs / REMEMBERED));
}
