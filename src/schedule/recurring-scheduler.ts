// Owns the next due time of a recurring rule inside its schedule's bounds.
import type { RecurringRule } from '../domain/schedule.ts';
import { type Bounds, type OccurrenceRule, PlanBounds, UNBOUNDED } from './occurrence-rule.ts';
import { RecurringSchedule } from './recurring-schedule.ts';

export class RecurringScheduler implements OccurrenceRule {
  readonly schedule: RecurringSchedule;
  readonly #bounds: PlanBounds;

  constructor(rule: RecurringRule, bounds: Bounds = UNBOUNDED) {
    this.schedule = new RecurringSchedule(rule);
    this.#bounds = new PlanBounds(bounds, rule.timezone);
  }

  next(after: number): number | null {
    return this.#bounds.next(this.schedule, after);
  }

  prev(before: number): number | null {
    return this.#bounds.prev(this.schedule, before);
  }

  matches(at: number): boolean {
    return this.schedule.matches(at) && this.#bounds.admits(Math.floor(at / 1_000) * 1_000);
  }

  describe(): string {
    return this.schedule.describe();
  }
}
