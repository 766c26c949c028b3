// Owns how local times become instants: one search forward and back over any rule of local times, in any zone, under the named gap and fold policies.
import type { FoldPolicy, GapPolicy } from '../domain/schedule.ts';
import { DAY } from './civil.ts';
import { type Stretch, type Zone, zoneOf } from './zone.ts';

/** A set of local times, in seconds as if they were UTC; Infinity and -Infinity say that there is none. */
export interface LocalTimes {
  /** The first one that is not before the given second. */
  nextLocal(second: number): number;
  /** The last one that is not after the given second. */
  prevLocal(second: number): number;
}

export interface ZonePolicy {
  readonly timezone: string;
  readonly gap: GapPolicy;
  readonly fold: FoldPolicy;
}

/** 1900-01-01 and 9999-12-31, in seconds; nothing is planned outside. */
const FIRST = -2_208_988_800;
const LAST = 253_402_300_799;
/** A rule that has not fired for so long never will: the calendar repeats its rarest shape (29 February on a given weekday) within 40 years. */
const HORIZON = 100 * 366 * DAY;
/** No offset, and no change of one, is larger. */
const MARGIN = 2 * DAY;
const NONE = Number.NaN;
const NOWHERE: Stretch = { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY, offset: 0, before: 0, next: 0 };

/** The instants of a rule. They are a set that depends on nothing but rule, zone and policy, so `next` and `prev` are inverses. */
export class ZonedTimes {
  readonly #times: LocalTimes;
  readonly #zone: Zone;
  readonly #gap: GapPolicy;
  readonly #fold: FoldPolicy;
  #last: Stretch = NOWHERE;
  /** What the ordinary search of the last call of #first or #final came to, and from where; it tells how far the next may jump. */
  #reached = 0;
  #examined = 0;

  constructor(times: LocalTimes, policy: ZonePolicy) {
    this.#times = times;
    this.#zone = zoneOf(policy.timezone);
    this.#gap = policy.gap;
    this.#fold = policy.fold;
  }

  /** The first instant after the given one, in epoch ms, or null. */
  next(after: number): number | null {
    let second = Math.max(Math.floor(after / 1_000) + 1, FIRST);
    const limit = Math.min(second + HORIZON, LAST);
    while (second <= limit) {
      const stretch = this.#stretch(second);
      const found = this.#first(stretch, second);
      if (!Number.isNaN(found)) return found <= LAST ? found * 1_000 : null;
      // Local times up to #reached hold nothing: go there at once, unless a fold is about to repeat some that lie before.
      const seen = stretch.to + stretch.next >= this.#examined;
      second = seen ? Math.max(stretch.to, this.#reached - MARGIN) : stretch.to;
    }
    return null;
  }

  /** The last instant before the given one, in epoch ms, or null. */
  prev(before: number): number | null {
    let second = Math.min(Math.ceil(before / 1_000) - 1, LAST);
    const limit = Math.max(second - HORIZON, FIRST);
    while (second >= limit) {
      const stretch = this.#stretch(second);
      const found = this.#final(stretch, second);
      if (!Number.isNaN(found)) return found >= FIRST ? found * 1_000 : null;
      const seen = stretch.from + stretch.before <= this.#examined + 1;
      second = seen ? Math.min(stretch.from - 1, this.#reached + MARGIN) : stretch.from - 1;
    }
    return null;
  }

  #stretch(second: number): Stretch {
    const last = this.#last;
    if (second >= last.from && second < last.to) return last;
    this.#last = this.#zone.stretchAt(second);
    return this.#last;
  }

  /** The first instant of the stretch from `second` on, or NaN. */
  #first(stretch: Stretch, second: number): number {
    const { from, offset, before } = stretch;
    this.#examined = Math.max(second + offset, this.#low(stretch));
    const local = this.#times.nextLocal(this.#examined);
    this.#reached = local;
    const ordinary = local < this.#high(stretch) ? local - offset : NONE;
    if (before >= offset || this.#gap === 'skip') return ordinary;
    // The stretch begins with a gap: local times from `from + before` up to `from + offset` do not exist.
    if (this.#gap === 'next_valid') return second <= from && this.#times.nextLocal(from + before) < from + offset ? from : ordinary;
    if (second >= from + offset - before) return ordinary;
    const shifted = this.#times.nextLocal(second + before);
    return shifted < from + offset && !(shifted - before > ordinary) ? shifted - before : ordinary;
  }

  /** The last instant of the stretch up to `second`, or NaN. */
  #final(stretch: Stretch, second: number): number {
    const { from, offset, before } = stretch;
    const low = this.#low(stretch);
    this.#examined = Math.min(second + offset, this.#high(stretch) - 1);
    const local = this.#times.prevLocal(this.#examined);
    this.#reached = local;
    const ordinary = local >= low ? local - offset : NONE;
    if (before >= offset || this.#gap === 'skip') return ordinary;
    if (this.#gap === 'next_valid') return Number.isNaN(ordinary) && this.#times.prevLocal(from + offset - 1) >= from + before ? from : ordinary;
    const shifted = this.#times.prevLocal(Math.min(second + before, from + offset - 1));
    return shifted >= from + before && !(shifted - before < ordinary) ? shifted - before : ordinary;
  }

  /** The first local time that counts in the stretch: those that a fold repeats do not when the first one is meant. */
  #low({ from, offset, before }: Stretch): number {
    return this.#fold === 'first' && before > offset ? from + before : from + offset;
  }

  /** The first local time that counts no more: those that a fold will repeat do not when the second one is meant. */
  #high({ to, offset, next }: Stretch): number {
    return this.#fold === 'second' && next < offset ? to + next : to + offset;
  }
}
