// Owns the planned times that the engine works with: rules compiled once, shared by schedules that have the same one.
import type { SchedulePlan } from '../domain/schedule.ts';
import type { PlannedTimes } from '../domain/schedule-view.ts';
import { OccurrenceCounter } from './count-occurrences.ts';
import type { OccurrenceRule } from './occurrence-rule.ts';
import { occurrencesOf } from './occurrences.ts';

/** Rules that are kept compiled; one takes about 2 KB. */
const KEPT = 2_000;

class Compiled implements PlannedTimes {
  readonly #rule: OccurrenceRule;
  readonly #plan: SchedulePlan;
  #counter: OccurrenceCounter | null = null;

  constructor(plan: SchedulePlan) {
    this.#plan = plan;
    this.#rule = occurrencesOf(plan.rule, plan);
  }

  next(after: number): number | null {
    return this.#rule.next(after);
  }

  prev(before: number): number | null {
    return this.#rule.prev(before);
  }

  countBetween(from: number, to: number): number {
    this.#counter ??= new OccurrenceCounter(this.#plan.rule, this.#plan);
    return this.#counter.between(from, to);
  }
}

/** Throws ScheduleError for a rule that cannot be used. */
export function createPlannedTimes(): (plan: SchedulePlan) => PlannedTimes {
  const kept = new Map<string, PlannedTimes>();
  return ({ rule, start, end, exclusions }) => {
    const key = JSON.stringify([rule, start, end, exclusions]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const fresh = new Compiled({ rule, start, end, exclusions });
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value as string);
    kept.set(key, fresh);
    return fresh;
  };
}
