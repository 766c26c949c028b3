// Owns how rules are written: one schema for library, tools and files, and the way from it to the normal form that is stored.
import { z } from 'zod';
import { Duration } from '../domain/duration.ts';
import { type Exclusion, FoldPolicy, GapPolicy, type ScheduleRule, ShortMonthPolicy } from '../domain/schedule.ts';
import { CronExpression } from './cron-expression.ts';
import { readMoment, readOnce } from './once.ts';
import { type RecurringInput, readRecurring } from './recurring-input.ts';
import { RecurringSchedule } from './recurring-schedule.ts';
import { readRRule } from './rrule-input.ts';
import { refuse } from './schedule-error.ts';
import { validZone } from './timezone-manager.ts';

const zoned = { timezone: z.string().max(100).optional(), gap: GapPolicy.optional(), fold: FoldPolicy.optional() };
const several = <T extends z.ZodType>(one: T): z.ZodUnion<[T, z.ZodArray<T>]> => z.union([one, z.array(one).min(1).max(100)]);

export const CronInput = z.strictObject({
  kind: z.literal('cron'),
  expression: z.string(),
  ...zoned,
  /** Numbers in day-of-week count from Monday = 0, as in codomyrmex. */
  mondayZero: z.boolean().optional(),
});

export const RecurringRuleInput = z.strictObject({
  kind: z.literal('recurring'),
  /** `90s`, `2 weeks`, `day`, or `{n: 2, unit: week}`. */
  every: z.union([z.string().max(50), z.strictObject({ n: z.number(), unit: z.string() })]).optional(),
  /** RFC 5545, in place of all other fields. */
  rrule: z.string().max(2_000).optional(),
  /** Local times of day, `09:00`; default: that of the anchor. */
  at: several(z.string().max(20)).optional(),
  weekdays: several(z.string().max(20)).optional(),
  /** `15`, `last`, `2nd tuesday`, `last friday`, `last workday`. */
  days: several(z.union([z.string().max(40), z.int()])).optional(),
  /** `1`, `january`. */
  months: several(z.union([z.string().max(20), z.int()])).optional(),
  shortMonth: ShortMonthPolicy.optional(),
  /** From when periods are counted; default: now. With an rrule: in place of its DTSTART. */
  anchor: z.string().max(50).optional(),
  ...zoned,
});

export const OnceRuleInput = z.strictObject({ kind: z.literal('once'), at: z.string().max(50).optional(), delay: Duration.optional(), ...zoned });

export const RuleInput = z.discriminatedUnion('kind', [CronInput, RecurringRuleInput, OnceRuleInput]);
export type RuleInput = z.output<typeof RuleInput>;

/** A stored rule, and what an RRULE said beside it. */
export interface NormalRule {
  readonly rule: ScheduleRule;
  /** What was decided for the caller, as sentences. */
  readonly notes: readonly string[];
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly maxRuns?: number | undefined;
  readonly exclusions?: readonly Exclusion[] | undefined;
}

/** The normal form of a written rule; throws ScheduleError `invalid_input` with the path of the field. */
export function normaliseRule(input: RuleInput, now: number): NormalRule {
  if (input.kind === 'cron') {
    const cron = CronExpression.parse(input.expression, input);
    return { rule: cron.rule, notes: cron.warnings };
  }
  const timezone = input.timezone === undefined ? 'UTC' : validZone(input.timezone);
  if (input.kind === 'once') return readOnce({ ...input, delayMs: input.delay }, timezone, now);
  if (input.rrule !== undefined) return fromRRule(input.rrule, input, now);
  const anchor = input.anchor === undefined ? { at: now, notes: [] } : readMoment(input.anchor, timezone, 'anchor', input);
  const rule = readRecurring(input, timezone, anchor.at);
  new RecurringSchedule(rule);
  return { rule, notes: anchor.notes };
}

function fromRRule(
  text: string,
  input: RecurringInput & { readonly timezone?: string | undefined; readonly anchor?: string | undefined },
  now: number,
): NormalRule {
  for (const field of ['every', 'at', 'weekdays', 'days', 'months', 'shortMonth'] as const) {
    if (input[field] !== undefined)
      refuse(`rrule stands in place of ${field}; keep one of them.`, { path: field, expected: 'rrule alone, with timezone, gap and fold' });
  }
  const { timezone, gap, fold, anchor } = input;
  if (anchor !== undefined && /\bDTSTART\b/i.test(text)) refuse('DTSTART is its anchor.', { path: 'anchor', expected: 'one of DTSTART and anchor' });
  const from = anchor === undefined ? now : readMoment(anchor, timezone === undefined ? 'UTC' : validZone(timezone), 'anchor', input).at;
  const read = readRRule(text, { timezone, gap, fold, now: from });
  new RecurringSchedule(read.rule);
  if (read.end !== undefined && read.end < now)
    refuse(`All times of the rule have passed; the last lay before ${new Date(read.end + 1_000).toISOString()}.`, {
      path: 'rrule',
      expected: 'UNTIL or COUNT with times after now',
    });
  for (const policy of ['gap', 'fold'] as const)
    if (input[policy] !== undefined && !('at' in read.rule))
      refuse(`${policy} does not act on elapsed time.`, { path: policy, expected: 'FREQ=DAILY or longer with it' });
  // An anchor says how periods are counted, not from when on it fires.
  return anchor === undefined ? read : { ...read, start: undefined };
}
