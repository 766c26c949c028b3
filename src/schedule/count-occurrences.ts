// Owns counting planned times over long spans without walking them: by division for intervals, by whole days, hours and minutes for cron.
import type { IntervalRule, ScheduleRule } from '../domain/schedule.ts';
import type { Bounds, OccurrenceRule } from './occurrence-rule.ts';
import { PlanBounds } from './occurrence-rule.ts';
import { occurrencesOf } from './occurrences.ts';
import { type Zone, zoneOf } from './zone.ts';

const UNIT_MS = { second: 1_000, minute: 60_000, hour: 3_600_000 } as const;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
/** Around a change of the clock times are walked one by one; a gap policy may move a time by the length of the gap. */
const AROUND = 2 * HOUR;

type Times = Pick<OccurrenceRule, 'next'>;

/** Counts the planned times of one rule between two instants (epoch ms), both included. */
export class OccurrenceCounter {
  readonly #rule: ScheduleRule;
  readonly #bounds: PlanBounds;
  readonly #times: Times;
  readonly #zone: Zone;
  /** Of a cron rule: how many lie in a planned minute, hour and day; found out when first needed. */
  readonly #perUnit = new Map<number, number>();

  constructor(rule: ScheduleRule, bounds: Bounds) {
    this.#rule = rule;
    this.#bounds = new PlanBounds(bounds, rule.timezone);
    this.#times = occurrencesOf(rule);
    this.#zone = zoneOf(rule.timezone);
  }

  between(from: number, to: number): number {
    let count = 0;
    for (const piece of this.#bounds.pieces(from, to)) count += this.#piece(Math.ceil(piece.from), Math.floor(piece.to));
    return count;
  }

  #piece(from: number, to: number): number {
    const rule = this.#rule;
    if (rule.kind === 'recurring' && 'anchor' in rule && typeof rule.anchor === 'number') return inInterval(rule as IntervalRule, from, to);
    if (rule.kind !== 'cron') return walk(this.#times, from, to);
    let count = 0;
    for (const span of this.#spans(from, to)) count += span.isSteady ? this.#steady(span.from, span.to, span.offset) : walk(this.#times, span.from, span.to);
    return count;
  }

  /** The span cut at changes of the clock. */
  *#spans(from: number, to: number): Generator<{ readonly from: number; readonly to: number; readonly offset: number; readonly isSteady: boolean }, void> {
    let begin = from;
    let stretch = this.#zone.stretchAt(Math.floor(from / 1_000) - 2 * 86_400);
    while (begin <= to) {
      while (stretch.next === stretch.offset && stretch.to * 1_000 <= to + 2 * DAY) stretch = this.#zone.stretchAt(stretch.to);
      const change = stretch.next === stretch.offset ? Number.POSITIVE_INFINITY : stretch.to * 1_000;
      const around = AROUND + Math.abs(stretch.next - stretch.offset) * 1_000;
      const steadyTo = Math.min(to, change - around - 1);
      if (steadyTo >= begin) {
        yield { from: begin, to: steadyTo, offset: stretch.offset * 1_000, isSteady: true };
        begin = steadyTo + 1;
      }
      if (change === Number.POSITIVE_INFINITY) continue;
      const walkedTo = Math.min(to, change + around);
      if (walkedTo >= begin) {
        yield { from: begin, to: walkedTo, offset: 0, isSteady: false };
        begin = walkedTo + 1;
      }
      stretch = this.#zone.stretchAt(stretch.to);
    }
  }

  /** In one offset: whole local days, within the rest whole hours, within that whole minutes; all planned ones of a size hold the same number. */
  #steady(from: number, to: number, offset: number, unit: number = DAY): number {
    if (to < from) return 0;
    const smaller = unit === DAY ? HOUR : MINUTE;
    const part = (begin: number, end: number): number => (unit === MINUTE ? walk(this.#times, begin, end) : this.#steady(begin, end, offset, smaller));
    const first = Math.ceil((from + offset) / unit) * unit - offset;
    const end = Math.floor((to + 1 + offset) / unit) * unit - offset;
    if (end <= first) return unit === MINUTE ? walk(this.#times, from, to) : part(from, to);
    return part(from, first - 1) + this.#whole(first, end, offset, unit, smaller) + part(end, to);
  }

  #whole(first: number, end: number, offset: number, unit: number, smaller: number): number {
    let planned = 0;
    for (let at = this.#times.next(first - 1); at !== null && at < end; ) {
      planned++;
      const begin = Math.floor((at + offset) / unit) * unit - offset;
      if (!this.#perUnit.has(unit)) {
        const last = begin + unit - 1;
        this.#perUnit.set(unit, unit === MINUTE ? walk(this.#times, begin, last) : this.#whole(begin, begin + unit, offset, smaller, MINUTE));
      }
      at = this.#times.next(begin + unit - 1);
    }
    return planned === 0 ? 0 : planned * (this.#perUnit.get(unit) as number);
  }
}

function inInterval(rule: IntervalRule, from: number, to: number): number {
  const step = rule.n * UNIT_MS[rule.unit];
  return Math.max(0, Math.floor((to - rule.anchor) / step) - Math.ceil((from - rule.anchor) / step) + 1);
}

function walk(times: Times, from: number, to: number): number {
  let count = 0;
  for (let at = times.next(from - 1); at !== null && at <= to; at = times.next(at)) count++;
  return count;
}
