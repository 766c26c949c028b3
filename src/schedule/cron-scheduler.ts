// Owns the next due time of a cron rule inside its schedule's bounds.
import type { CronRule } from '../domain/schedule.ts';
import { CronExpression } from './cron-expression.ts';
import { type Bounds, type OccurrenceRule, PlanBounds, UNBOUNDED } from './occurrence-rule.ts';

export class CronScheduler implements OccurrenceRule {
  readonly expression: CronExpression;
  readonly #bounds: PlanBounds;

  constructor(rule: CronRule, bounds: Bounds = UNBOUNDED) {
    this.expression = CronExpression.of(rule);
    this.#bounds = new PlanBounds(bounds, this.expression.timezone);
  }

  next(after: number): number | null {
    return this.#bounds.next(this.expression, after);
  }

  prev(before: number): number | null {
    return this.#bounds.prev(this.expression, before);
  }

  matches(at: number): boolean {
    const unit = this.expression.hasSeconds ? 1_000 : 60_000;
    return this.expression.matches(at) && this.#bounds.admits(Math.floor(at / unit) * unit);
  }

  describe(): string {
    return this.expression.describe();
  }
}
