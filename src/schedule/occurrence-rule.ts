// Owns what every kind of rule is to the rest: a set of planned instants, cut by the bounds of its schedule.
import type { Exclusion, SchedulePlan } from '../domain/schedule.ts';
import { DAY, secondsOfLocal } from './civil.ts';
import { refuse } from './schedule-error.ts';
import { meaningOfLocal } from './timezone-manager.ts';
import { zoneOf } from './zone.ts';

/** Planned instants in epoch ms; `next` and `prev` are inverses. */
export interface OccurrenceRule {
  /** The first one after the instant, or null. */
  next(after: number): number | null;
  /** The last one before the instant, or null. */
  prev(before: number): number | null;
  /** True in the minute (cron with five fields) or second of a planned instant. */
  matches(at: number): boolean;
  /** One English sentence. */
  describe(): string;
}

export type Bounds = Omit<SchedulePlan, 'rule'>;
export const UNBOUNDED: Bounds = { start: null, end: null, exclusions: [] };

interface Span {
  /** Epoch ms; both belong to it. */
  readonly from: number;
  readonly to: number;
}

/** Start, end and exclusions of a schedule in its zone. */
export class PlanBounds {
  readonly #start: number;
  readonly #end: number;
  /** Ascending and apart from each other. */
  readonly #excluded: readonly Span[];

  /** Throws ScheduleError `invalid_input` for an end before the start and for exclusions that are no dates. */
  constructor(bounds: Bounds, timezone: string) {
    this.#start = bounds.start ?? Number.NEGATIVE_INFINITY;
    this.#end = bounds.end ?? Number.POSITIVE_INFINITY;
    if (this.#end < this.#start) {
      refuse(`end (${iso(this.#end)}) lies before start (${iso(this.#start)}).`, { path: 'end', expected: 'a time that is not before start' });
    }
    this.#excluded = merge(bounds.exclusions.map((exclusion, i) => spanOf(exclusion, timezone, `exclusions.${i}`)));
  }

  next(rule: Pick<OccurrenceRule, 'next'>, after: number): number | null {
    let at = rule.next(Math.max(after, this.#start - 1));
    for (const { from, to } of this.#excluded) {
      if (at === null || at < from) break;
      if (at <= to) at = rule.next(to);
    }
    return at === null || at > this.#end ? null : at;
  }

  prev(rule: Pick<OccurrenceRule, 'prev'>, before: number): number | null {
    let at = rule.prev(Math.min(before, this.#end + 1));
    for (let i = this.#excluded.length - 1; i >= 0; i--) {
      const { from, to } = this.#excluded[i] as Span;
      if (at === null || at > to) break;
      if (at >= from) at = rule.prev(from);
    }
    return at === null || at < this.#start ? null : at;
  }

  /** The parts of a span, both ends included, in which every instant of the rule counts; ascending. */
  pieces(from: number, to: number): { readonly from: number; readonly to: number }[] {
    const pieces: Span[] = [];
    let begin = Math.max(from, this.#start);
    const end = Math.min(to, this.#end);
    for (const span of this.#excluded) {
      if (span.to < begin) continue;
      if (span.from > end) break;
      if (span.from > begin) pieces.push({ from: begin, to: span.from - 1 });
      begin = span.to + 1;
    }
    if (begin <= end) pieces.push({ from: begin, to: end });
    return pieces;
  }

  /** True when a planned instant of the rule counts. */
  admits(at: number): boolean {
    return at >= this.#start && at <= this.#end && !this.#excluded.some(({ from, to }) => at >= from && at <= to);
  }
}

function spanOf({ from, to }: Exclusion, timezone: string, path: string): Span {
  const [first, last] = [secondsOfLocal(from), secondsOfLocal(to)];
  if (first === undefined)
    refuse(`"${from}" is no date.`, { path: `${path}.from`, expected: 'a date such as 2026-12-24, or a local time such as 2026-12-24T18:00:00' });
  if (last === undefined)
    refuse(`"${to}" is no date.`, { path: `${path}.to`, expected: 'a date such as 2026-12-24, or a local time such as 2026-12-24T18:00:00' });
  if (last < first) refuse(`The exclusion ends (${to}) before it begins (${from}).`, { path: `${path}.to`, expected: `a date that is not before ${from}` });
  const zone = zoneOf(timezone);
  const begin = meaningOfLocal(zone, first);
  // The second after the last one; a day ends where the next one begins.
  const after = meaningOfLocal(zone, to.includes('T') ? last + 1 : last + DAY);
  return { from: begin.kind === 'fold' ? begin.first : begin.at, to: (after.kind === 'fold' ? after.second : after.at) - 1 };
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to + 1) merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else merged.push(span);
  }
  return merged;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
