// Owns the one door from a stored rule to its planned instants, whatever its kind.
import type { OnceRule, SchedulePlan } from '../domain/schedule.ts';
import { CronScheduler } from './cron-scheduler.ts';
import { type Bounds, type OccurrenceRule, PlanBounds, UNBOUNDED } from './occurrence-rule.ts';
import { RecurringScheduler } from './recurring-scheduler.ts';
import { localIso } from './timezone-manager.ts';
import { zoneOf } from './zone.ts';

/** The planned instants of a rule, cut by start, end and exclusions. How often it already ran is not known here. */
export function occurrencesOf(rule: SchedulePlan['rule'], bounds: Bounds = UNBOUNDED): OccurrenceRule {
  if (rule.kind === 'cron') return new CronScheduler(rule, bounds);
  return rule.kind === 'recurring' ? new RecurringScheduler(rule, bounds) : new OnceScheduler(rule, bounds);
}

class OnceScheduler implements OccurrenceRule {
  readonly #rule: OnceRule;
  readonly #admitted: boolean;

  constructor(rule: OnceRule, bounds: Bounds) {
    this.#rule = rule;
    this.#admitted = new PlanBounds(bounds, rule.timezone).admits(rule.at);
  }

  next(after: number): number | null {
    return this.#admitted && this.#rule.at > after ? this.#rule.at : null;
  }

  prev(before: number): number | null {
    return this.#admitted && this.#rule.at < before ? this.#rule.at : null;
  }

  matches(at: number): boolean {
    return this.#admitted && Math.floor(at / 1_000) === Math.floor(this.#rule.at / 1_000);
  }

  describe(): string {
    return `Once, at ${localIso(this.#rule.at, zoneOf(this.#rule.timezone))}.`;
  }
}
