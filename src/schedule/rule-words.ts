// Owns how tools, commands and files name a rule: an interval, days at local times, an RRULE, or one moment; exactly one of them.
import { z } from 'zod';
import { Duration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import { FoldPolicy, GapPolicy, ShortMonthPolicy } from '../domain/schedule.ts';
import { type NormalRule, normaliseRule, type RuleInput } from './rule-input.ts';

const Text = z.string().min(1).max(50);
const Texts = z.union([Text, z.array(Text).min(1).max(100)]);
const Days = z.union([
  Text,
  z.int(),
  z
    .array(z.union([Text, z.int()]))
    .min(1)
    .max(100),
]);

const calendar = { every: z.int().min(1).max(1_000).optional(), at: Texts.optional() };
const shortMonth = { short_month: ShortMonthPolicy.optional() };
const Daily = z.strictObject(calendar);
const Weekly = z.strictObject({ ...calendar, on: Texts.optional() });
const Monthly = z.strictObject({ ...calendar, on: Days.optional(), ...shortMonth });
const Yearly = z.strictObject({ ...calendar, months: Days.optional(), on: Days.optional(), ...shortMonth });

export const RecurringWords = z.strictObject({
  every: z.union([Text, z.strictObject({ n: z.number(), unit: z.string() })]).optional(),
  daily: Daily.optional(),
  weekly: Weekly.optional(),
  monthly: Monthly.optional(),
  yearly: Yearly.optional(),
  rrule: z.string().min(1).max(2_000).optional(),
  /** Alone: one moment. With every: times of day. */
  at: Texts.optional(),
  delay: Duration.optional(),
  on: Days.optional(),
  months: Days.optional(),
  ...shortMonth,
  anchor: Text.optional(),
  timezone: z.string().min(1).max(100).optional(),
  gap: GapPolicy.optional(),
  fold: FoldPolicy.optional(),
});
export type RecurringWords = z.output<typeof RecurringWords>;

/** Beside those of a cron expression. */
export const CronWords = z.strictObject({
  expression: z.string().min(1).max(1_000).optional(),
  /** Numbers in day-of-week count from Monday = 0. */
  monday_zero: z.boolean().optional(),
});

const KINDS = ['every', 'daily', 'weekly', 'monthly', 'yearly', 'rrule', 'at', 'delay'] as const;
const UNIT = { daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' } as const;
const EXPECTED = 'one of every, daily, weekly, monthly, yearly, rrule, at, delay';

/** Throws ScheduleError invalid_input under the names that were given. */
export function recurringRule(fields: RecurringWords, now: number): NormalRule {
  const given = KINDS.filter((kind) => fields[kind] !== undefined && !(kind === 'at' && fields.every !== undefined));
  const [kind, second] = given;
  if (kind === undefined) throw refusal('It is not said when it fires.', 'every', `${EXPECTED}; for example every: "15m"`);
  if (second !== undefined) throw refusal(`Both ${kind} and ${second} are given.`, second, EXPECTED);
  const { timezone, gap, fold, anchor } = fields;
  const zoned = { timezone, gap, fold };
  checkIdle(fields, kind);
  if (kind === 'at' || kind === 'delay') return once(fields, now);
  if (kind === 'rrule') return normaliseRule({ kind: 'recurring', rrule: fields.rrule, anchor, ...zoned }, now);
  if (kind === 'every') return named({ kind: 'recurring', every: fields.every, ...calendarFields(fields, unitOf(fields.every)), anchor, ...zoned }, now, '');
  const { every = 1, ...rest } = fields[kind] as z.output<typeof Yearly>;
  return named({ kind: 'recurring', every: { n: every, unit: UNIT[kind] }, ...calendarFields(rest, UNIT[kind]), anchor, ...zoned }, now, `${kind}.`);
}

/** A rule by expression, or by the words of recurring ones; monday_zero acts on an expression alone. */
export function ruleOfWords({ expression, monday_zero, ...words }: RecurringWords & z.output<typeof CronWords>, now: number): NormalRule {
  if (expression === undefined) {
    if (monday_zero !== undefined) throw refusal('monday_zero acts on a cron expression only.', 'monday_zero', 'expression with it');
    return recurringRule(words, now);
  }
  const { timezone, gap, fold, ...rest } = words;
  const second = Object.entries(rest).find(([, value]) => value !== undefined)?.[0];
  if (second !== undefined) throw refusal(`Both expression and ${second} are given.`, second, 'one rule');
  return normaliseRule({ kind: 'cron', expression, timezone, gap, fold, mondayZero: monday_zero }, now);
}

function once({ at, delay, timezone, gap, fold }: RecurringWords, now: number): NormalRule {
  if (Array.isArray(at)) throw refusal('A one-off schedule has one moment.', 'at', 'one moment; or every, daily … with times of day');
  if (at !== undefined && /^\d{1,2}:\d{2}(:\d{2})?$/.test(at.trim()))
    throw refusal(`"${at}" is a time of day, and at alone is one moment.`, 'at', `a date with a time; or daily: {"at": "${at.trim()}"}`);
  return normaliseRule({ kind: 'once', at, delay, timezone, gap, fold }, now);
}

/** Top-level companions of every, and which rule each is for. */
const COMPANIONS: Readonly<Record<'on' | 'months' | 'short_month' | 'anchor', readonly string[]>> = {
  on: ['every'],
  months: ['every'],
  short_month: ['every'],
  anchor: ['every', 'daily', 'weekly', 'monthly', 'yearly', 'rrule'],
};

function checkIdle(fields: RecurringWords, kind: string): void {
  for (const [name, kinds] of Object.entries(COMPANIONS)) {
    if (fields[name as keyof typeof COMPANIONS] === undefined || kinds.includes(kind)) continue;
    const inside = kind in UNIT ? `${kind}.${name}` : `${name} with ${kinds.join(' or ')}`;
    throw refusal(`${name} does not act beside ${kind}.`, name, inside);
  }
}

interface Calendar {
  readonly at?: string | string[] | undefined;
  readonly on?: z.output<typeof Days> | undefined;
  readonly months?: z.output<typeof Days> | undefined;
  readonly short_month?: 'last_day' | 'skip' | undefined;
}

/** `on` names weekdays in a week, days in a month. */
function calendarFields({ at, on, months, short_month }: Calendar, unit: string): object {
  const list = on === undefined ? undefined : Array.isArray(on) ? on : [on];
  return { at, ...(unit === 'week' ? { weekdays: list?.map(String) } : { days: list }), months, shortMonth: short_month };
}

function unitOf(every: RecurringWords['every']): string {
  const text = typeof every === 'string' ? every : (every?.unit ?? '');
  return /w(eek(s|ly)?)?$/.test(text.trim().toLowerCase()) ? 'week' : 'other';
}

const OURS: Readonly<Record<string, string>> = { weekdays: 'on', days: 'on', shortMonth: 'short_month' };

/** Faults are told under the names that were given. */
function named(input: RuleInput, now: number, prefix: string): NormalRule {
  try {
    return normaliseRule(input, now);
  } catch (error) {
    if (!(error instanceof LogisticsError) || error.path === undefined) throw error;
    const [head = '', ...rest] = error.path.split('.');
    const own = ['every', 'at', 'weekdays', 'days', 'months', 'shortMonth'].includes(head);
    const path = `${own ? prefix : ''}${[OURS[head] ?? head, ...rest].join('.')}`;
    const { code, message, expected, nearMatches, retryable, nextActions, details } = error;
    throw new LogisticsError(code, message, { path, expected, nearMatches, retryable, nextActions, details, cause: error });
  }
}

function refusal(message: string, path: string, expected: string): LogisticsError {
  return new LogisticsError('invalid_input', message, { path, expected });
}
