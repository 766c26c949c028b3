// Owns the words of recurring rules: units, times of day, weekdays, days of a month and months, in any usual spelling.
import { parseDuration } from '../domain/duration.ts';
import { nearMatches } from '../domain/near-match.ts';
import {
  type CalendarRule,
  type FoldPolicy,
  type GapPolicy,
  type MonthDay,
  type RecurringRule,
  type ShortMonthPolicy,
  WEEKDAYS,
  type Weekday,
} from '../domain/schedule.ts';
import { localOfSeconds } from './civil.ts';
import { MONTH_NAMES, WEEKDAY_NAMES } from './recurring-sentence.ts';
import { refuse } from './schedule-error.ts';
import { zoneOf } from './zone.ts';

type OneOrMore<T> = T | readonly T[];

export interface RecurringInput {
  readonly every?: string | { readonly n: number; readonly unit: string } | undefined;
  readonly at?: OneOrMore<string> | undefined;
  readonly weekdays?: OneOrMore<string> | undefined;
  readonly days?: OneOrMore<string | number> | undefined;
  readonly months?: OneOrMore<string | number> | undefined;
  readonly shortMonth?: ShortMonthPolicy | undefined;
  readonly anchor?: string | undefined;
  readonly gap?: GapPolicy | undefined;
  readonly fold?: FoldPolicy | undefined;
}

const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'year'] as const;
type Unit = (typeof UNITS)[number];
/** Which fields act with which units; any other is refused. */
const FIELDS: Readonly<Record<'at' | 'weekdays' | 'days' | 'months' | 'shortMonth' | 'gap' | 'fold', readonly Unit[]>> = {
  at: ['day', 'week', 'month', 'year'],
  weekdays: ['week'],
  days: ['month', 'year'],
  months: ['year'],
  shortMonth: ['month', 'year'],
  gap: ['day', 'week', 'month', 'year'],
  fold: ['day', 'week', 'month', 'year'],
};
const WORDS: Readonly<Record<string, Unit>> = {
  secondly: 'second',
  minutely: 'minute',
  hourly: 'hour',
  daily: 'day',
  weekly: 'week',
  monthly: 'month',
  yearly: 'year',
  annually: 'year',
};
const MAX_N = 1_000_000;
const EXPECTED_EVERY = '"90s", "5m", "2 weeks", "month", or {n: 2, unit: "week"} with a unit of second, minute, hour, day, week, month, year';

/** The normal form; what is not written comes from the local date and time of the anchor (epoch ms). */
export function readRecurring(input: RecurringInput, timezone: string, anchorAt: number): RecurringRule {
  const { n, unit } = everyOf(input.every);
  for (const [field, units] of Object.entries(FIELDS)) {
    if (input[field as keyof typeof FIELDS] !== undefined && !units.includes(unit)) {
      refuse(`${field} has no meaning for a rule of every ${unit}.`, { path: field, expected: `every ${units.join(', ')} with ${field}` });
    }
  }
  const anchorSecond = Math.floor(anchorAt / 1_000);
  if (unit === 'second' || unit === 'minute' || unit === 'hour') return { kind: 'recurring', unit, n, timezone, anchor: anchorSecond * 1_000 };
  const local = localOfSeconds(anchorSecond + zoneOf(timezone).offsetAt(anchorSecond));
  const [date = '', time = ''] = local.split('T');
  const at = [...new Set(input.at === undefined ? [time] : asList(input.at).map(timeOf))].sort();
  const base = { kind: 'recurring', n, timezone, anchor: date, at, gap: input.gap ?? 'next_valid', fold: input.fold ?? 'first' } as const;
  if (unit === 'day') return { ...base, unit };
  if (unit === 'week') return { ...base, unit, weekdays: weekdaysOf(input.weekdays, date) };
  return monthsRule(base, unit, input, date);
}

type Base = Omit<Extract<CalendarRule, { unit: 'day' }>, 'unit'>;

function monthsRule(base: Base, unit: 'month' | 'year', input: RecurringInput, date: string): CalendarRule {
  const days = input.days === undefined ? [{ day: Number(date.slice(8)) }] : asList(input.days).map((each, i) => dayOf(each, `days.${i}`));
  const shortMonth = input.shortMonth ?? 'last_day';
  if (unit === 'month') return { ...base, unit, days, shortMonth };
  const months = input.months === undefined ? [Number(date.slice(5, 7))] : asList(input.months).map((each, i) => monthOf(each, `months.${i}`));
  return { ...base, unit, months: [...new Set(months)].sort((a, b) => a - b), days, shortMonth };
}

function everyOf(every: RecurringInput['every']): { readonly n: number; readonly unit: Unit } {
  if (every === undefined) refuse('A recurring rule needs every, or rrule.', { path: 'every', expected: EXPECTED_EVERY });
  if (typeof every !== 'string') return { n: count(every.n, 'every.n'), unit: unitOf(every.unit, 'every.unit') };
  const text = every.trim().toLowerCase();
  const words = /^(?:every\s+)?(?:([+-]?\d+(?:\.\d+)?)\s+)?([a-z]{3,})$/.exec(text);
  if (words !== null) return { n: count(Number(words[1] ?? 1), 'every'), unit: WORDS[words[2] as string] ?? unitOf(words[2] as string, 'every') };
  // Days and weeks of a duration are local days: they keep their time of day when the clocks change.
  const days = /^p?(\d+)(d|w)$/.exec(text);
  if (days !== null) return { n: count(Number(days[1]), 'every'), unit: days[2] === 'd' ? 'day' : 'week' };
  const ms = /^-/.test(text) || /^\d+$/.test(text) ? undefined : parseDuration(every.trim());
  if (ms === undefined) refuse(`"${every}" is no interval.`, { path: 'every', expected: EXPECTED_EVERY });
  if (ms === 0 || ms % 1_000 !== 0) refuse(`"${every}" is no whole number of seconds above zero.`, { path: 'every', expected: EXPECTED_EVERY });
  const [unit, size] = ms % 3_600_000 === 0 ? (['hour', 3_600_000] as const) : ms % 60_000 === 0 ? (['minute', 60_000] as const) : (['second', 1_000] as const);
  return { n: ms / size, unit };
}

function count(n: number, path: string): number {
  if (!Number.isInteger(n) || n < 1 || n > MAX_N) refuse(`${n} is no interval.`, { path, expected: `a whole number from 1 to ${MAX_N}` });
  return n;
}

function unitOf(word: string, path: string): Unit {
  const lower = word.toLowerCase();
  const unit = UNITS.find((each) => each === lower || `${each}s` === lower);
  return unit ?? refuse(`There is no unit "${word}".`, { path, expected: EXPECTED_EVERY, nearMatches: nearMatches(word, UNITS) });
}

function timeOf(text: string): string {
  const match = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text.trim());
  const [hour, minute, second] = (match ?? []).slice(1).map((part) => Number(part ?? 0));
  if (hour === undefined || minute === undefined || second === undefined || hour > 23 || minute > 59 || second > 59) {
    refuse(`"${text}" is no time of day.`, { path: 'at', expected: 'a time such as 09:00 or 09:00:30, from 00:00 to 23:59:59' });
  }
  return [hour, minute, second].map((part) => String(part).padStart(2, '0')).join(':');
}

function weekdaysOf(written: RecurringInput['weekdays'], date: string): Weekday[] {
  if (written === undefined) return [WEEKDAYS[(new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7] as Weekday];
  const days = asList(written).flatMap((word, i) => weekdayGroup(word) ?? [weekdayNamed(word, `weekdays.${i}`)]);
  return WEEKDAYS.filter((day) => days.includes(day));
}

function weekdayGroup(word: string): readonly Weekday[] | undefined {
  const lower = word.trim().toLowerCase();
  if (lower === 'weekdays' || lower === 'workdays') return WEEKDAYS.slice(0, 5);
  return lower === 'weekend' || lower === 'weekends' ? WEEKDAYS.slice(5) : undefined;
}

function weekdayNamed(word: string, path: string): Weekday {
  const lower = word.trim().toLowerCase();
  const found = WEEKDAYS.find((day) => day === lower || WEEKDAY_NAMES[day].toLowerCase() === lower);
  return found ?? refuse(`There is no weekday "${word}".`, { path, expected: 'mon, tue, wed, thu, fri, sat, sun', nearMatches: nearMatches(lower, WEEKDAYS) });
}

const NTH: Readonly<Record<string, number>> = {
  first: 1,
  second: 2,
  third: 3,
  fourth: 4,
  fifth: 5,
  last: -1,
  '1st': 1,
  '2nd': 2,
  '3rd': 3,
  '4th': 4,
  '5th': 5,
};

function dayOf(written: string | number, path: string): MonthDay {
  const expected = 'a day from 1 to 31, "last", "2nd tuesday", "last friday" or "last workday"';
  const text = String(written).trim().toLowerCase();
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 31) return { day: Number(text) };
  if (text === 'last' || text === 'last day' || text === '-1') return { last: true };
  const [, word = '', weekday = ''] = /^(\S+)\s+(\S+)$/.exec(text) ?? [];
  const nth = NTH[word] as Extract<MonthDay, { nth: number }>['nth'] | undefined;
  if (nth === undefined) refuse(`"${written}" is no day of a month.`, { path, expected });
  return { nth, weekday: ['workday', 'weekday', 'working-day'].includes(weekday) ? 'workday' : weekdayNamed(weekday, path) };
}

function monthOf(written: string | number, path: string): number {
  const text = String(written).trim().toLowerCase();
  const index = /^\d+$/.test(text) ? Number(text) - 1 : MONTH_NAMES.findIndex((name) => name.toLowerCase() === text || name.slice(0, 3).toLowerCase() === text);
  if (index < 0 || index > 11)
    refuse(`There is no month "${written}".`, { path, expected: 'a month from 1 to 12, or january to december', nearMatches: nearMatches(text, MONTH_NAMES) });
  return index + 1;
}

function asList<T>(value: OneOrMore<T>): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
