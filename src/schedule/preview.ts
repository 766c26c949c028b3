// Owns what is told about a rule before it runs: its next fires, and what may not be meant.
import { formatDuration } from '../domain/duration.ts';
import type { CronRule, RecurringRule, SchedulePlan, ScheduleRule } from '../domain/schedule.ts';
import { secondsOfLocal } from './civil.ts';
import { type Bounds, type OccurrenceRule, UNBOUNDED } from './occurrence-rule.ts';
import { occurrencesOf } from './occurrences.ts';
import { localIso, TimezoneManager, type ZoneTransition } from './timezone-manager.ts';
import { zoneOf } from './zone.ts';

/** Fires closer together than this are named. */
const FREQUENT_MS = 10_000;
const FREQUENT_SAMPLE = 20;
/** How far ahead changes of the clock are looked for. */
const DST_RANGE_MS = 2 * 366 * 86_400_000;
const MAX_CHANGES = 100;
const DAY_MS = 86_400_000;

export interface PreviewedFire {
  /** Epoch ms. */
  readonly at: number;
  /** ISO 8601 with the offset of the rule's zone. */
  readonly local: string;
  readonly utc: string;
}

/** The next `n` planned times after `from`. */
export function preview(rule: ScheduleRule, n: number, from: number, bounds: Bounds = UNBOUNDED): PreviewedFire[] {
  const occurrences = occurrencesOf(rule, bounds);
  const zone = zoneOf(rule.timezone);
  const fires: PreviewedFire[] = [];
  for (let at = occurrences.next(from); at !== null && fires.length < n; at = occurrences.next(at)) {
    fires.push({ at, local: localIso(at, zone), utc: new Date(at).toISOString() });
  }
  return fires;
}

/** What is allowed but may not be meant: too frequent, never again, more jitter than time between fires, or a local time that a coming change of the clock skips or repeats. */
export function warningsOf(plan: SchedulePlan, now: number, jitterMs = 0): string[] {
  const occurrences = occurrencesOf(plan.rule, plan);
  const first = occurrences.next(now);
  if (first === null) return ['It never fires again.'];
  const warnings: string[] = [];
  const distance = smallestDistance(occurrences, first);
  if (distance < FREQUENT_MS) warnings.push(`It fires as often as every ${formatDuration(distance)}.`);
  if (jitterMs > distance)
    warnings.push(`Its jitter of ${formatDuration(jitterMs)} is longer than the ${formatDuration(distance)} between two fires: several come due together.`);
  const seen = new Set<string>();
  for (const { kind, text } of clockChanges(plan, now, now + DST_RANGE_MS)) {
    if (!seen.has(kind)) warnings.push(text);
    seen.add(kind);
  }
  return warnings;
}

/** Each change of the clock in a range that skips or repeats a planned local time, at most a hundred. */
export function clockChangesOf(plan: SchedulePlan, from: number, to: number): string[] {
  const texts: string[] = [];
  for (const { text } of clockChanges(plan, from, to)) if (texts.push(text) === MAX_CHANGES) break;
  return texts;
}

function smallestDistance(occurrences: OccurrenceRule, first: number): number {
  let smallest = Number.POSITIVE_INFINITY;
  let before = first;
  for (let i = 0; i < FREQUENT_SAMPLE; i++) {
    const at = occurrences.next(before);
    if (at === null) break;
    smallest = Math.min(smallest, at - before);
    before = at;
  }
  return smallest;
}

/** An expression that runs in every hour is meant to. */
function followsTheClock(rule: ScheduleRule): boolean {
  return rule.kind === 'cron' && rule.expression.split(' ').at(-4) === '*';
}

type ZonedRule = CronRule | Extract<RecurringRule, { gap: unknown }>;

/** The skipped and the repeated local times that the rule plans, one for each change of the clock. */
function* clockChanges({ rule, ...bounds }: SchedulePlan, from: number, to: number): Generator<{ readonly kind: string; readonly text: string }, void> {
  if (rule.kind === 'once' || !('gap' in rule) || followsTheClock(rule)) return;
  // The same rule in UTC: its instants are the local times of the rule.
  const local = occurrencesOf({ ...rule, timezone: 'UTC' });
  const inside = occurrencesOf(rule, { ...bounds, exclusions: [] });
  // A skipped time may be the last one of the range.
  const last = Math.min(to, bounds.end ?? to, (inside.prev(to + 1) ?? from) + DAY_MS);
  for (const transition of new TimezoneManager(rule.timezone).transitions(Math.max(from, bounds.start ?? from), last)) {
    const planned = local.next(ms(transition.localFrom) - 1);
    if (planned !== null && planned < ms(transition.localTo)) yield { kind: transition.kind, text: changeText(rule, transition, planned) };
  }
}

function changeText(rule: ZonedRule, { kind, localFrom, localTo }: ZoneTransition, planned: number): string {
  const [date, time] = new Date(planned).toISOString().slice(0, 19).split('T') as [string, string];
  const clock = `${time.replace(/:00$/, '')} on ${date}`;
  const span = `${localFrom.slice(11, 16)} to ${localTo.slice(11, 16)}`;
  if (kind === 'gap') {
    const does = { next_valid: 'it fires at the end of the gap', shift: 'it fires as far into the time after it', skip: 'it does not fire then' }[rule.gap];
    return `${clock} does not exist in ${rule.timezone}: the clocks skip ${span}; ${does} (gap ${rule.gap}).`;
  }
  const does = { first: 'it fires at the first one', second: 'it fires at the second one', both: 'it fires at both' }[rule.fold];
  return `${clock} happens twice in ${rule.timezone}: the clocks repeat ${span}; ${does} (fold ${rule.fold}).`;
}

function ms(local: string): number {
  return (secondsOfLocal(local) as number) * 1_000;
}
