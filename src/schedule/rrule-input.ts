// Owns RFC 5545 recurrence rules as input: mapped to our normal form; what that cannot say is refused by name.
import type { Exclusion, FoldPolicy, GapPolicy, MonthDay, RecurringRule, Weekday } from '../domain/schedule.ts';
import { WEEKDAYS } from '../domain/schedule.ts';
import { localOfSeconds, two } from './civil.ts';
import { readMoment } from './once.ts';
import { RecurringSchedule, UNIT_MS } from './recurring-schedule.ts';
import { refuse, ScheduleError } from './schedule-error.ts';
import { validZone } from './timezone-manager.ts';
import { zoneOf } from './zone.ts';

export interface RRuleOptions {
  readonly timezone: string | undefined;
  /** RFC 5545 ignores times that do not exist: `skip` by default. */
  readonly gap: GapPolicy | undefined;
  readonly fold: FoldPolicy | undefined;
  readonly now: number;
}

export interface ReadRRule {
  readonly rule: RecurringRule;
  readonly notes: readonly string[];
  /** DTSTART, or the second it was read in. */
  readonly start: number;
  /** UNTIL; or the last of COUNT times when DTSTART says from where they are counted. */
  readonly end?: number;
  /** COUNT without DTSTART: counted in runs from now on. */
  readonly maxRuns?: number;
  readonly exclusions?: readonly Exclusion[];
}

export const RRULE_DAYS: Readonly<Record<Weekday, string>> = { mon: 'MO', tue: 'TU', wed: 'WE', thu: 'TH', fri: 'FR', sat: 'SA', sun: 'SU' };
const PATH = 'rrule';
/** Days, weeks, months and years are counted one by one. */
const MAX_CALENDAR_COUNT = 10_000;
const EXPECTED = 'lines of RFC 5545 such as DTSTART;TZID=Europe/Berlin:20260105T090000 and RRULE:FREQ=WEEKLY;BYDAY=MO';
const UNITS: Readonly<Record<string, RecurringRule['unit']>> = {
  SECONDLY: 'second',
  MINUTELY: 'minute',
  HOURLY: 'hour',
  DAILY: 'day',
  WEEKLY: 'week',
  MONTHLY: 'month',
  YEARLY: 'year',
};
/** Parts that act with a unit; all others of RFC 5545 are refused there. */
const PARTS: Readonly<Record<RecurringRule['unit'], readonly string[]>> = {
  second: [],
  minute: [],
  hour: [],
  day: ['BYHOUR', 'BYMINUTE', 'BYSECOND', 'BYDAY'],
  week: ['BYHOUR', 'BYMINUTE', 'BYSECOND', 'BYDAY', 'WKST'],
  month: ['BYHOUR', 'BYMINUTE', 'BYSECOND', 'BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS'],
  year: ['BYHOUR', 'BYMINUTE', 'BYSECOND', 'BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS'],
};

/** Reads RRULE, DTSTART and EXDATE lines. Throws ScheduleError: `invalid_input`, or `not_available` for what the normal form cannot say. */
export function readRRule(text: string, options: RRuleOptions): ReadRRule {
  const lines = text
    .trim()
    .replaceAll(/\r?\n[ \t]/g, '')
    .split(/\r?\n|\\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const named = (name: string): string[] => lines.filter((line) => new RegExp(`^${name}[;:]`, 'i').test(line));
  const other = lines.find((line) => !/^(RRULE:|DTSTART[;:]|EXDATE[;:]|FREQ=)/i.test(line));
  if (other !== undefined) unavailable(other.split(/[;:=]/)[0] ?? other);
  const rules = lines.filter((line) => /^(RRULE:|FREQ=)/i.test(line));
  const [start] = named('DTSTART');
  if (rules.length !== 1 || named('DTSTART').length > 1) refuse('An RRULE needs one RRULE line, and at most one DTSTART.', { path: PATH, expected: EXPECTED });
  const zone = zoneOfLine(start) ?? options.timezone;
  const timezone = zone === undefined ? 'UTC' : validZone(zone, PATH);
  if (options.timezone !== undefined && validZone(options.timezone) !== timezone) {
    refuse(`DTSTART names the time zone ${timezone}, and timezone names ${options.timezone}.`, { path: 'timezone', expected: 'one time zone' });
  }
  const startAt = start === undefined ? Math.floor(options.now / 1_000) * 1_000 : momentOf(afterColon(start), timezone);
  const parts = partsOf((rules[0] as string).replace(/^RRULE:/i, ''));
  const rule = ruleOf(parts, startAt, timezone, options);
  const exclusions = named('EXDATE').flatMap((line) =>
    afterColon(line)
      .split(',')
      .map((value) => exclusionOf(value, line, timezone)),
  );
  const until = parts.get('UNTIL');
  const count = parts.has('COUNT') ? numbersOf(parts, 'COUNT', 1, 'at' in rule ? MAX_CALENDAR_COUNT : 1_000_000)[0] : undefined;
  if (until !== undefined && count !== undefined) refuse('An RRULE has one of UNTIL and COUNT.', { path: PATH, expected: EXPECTED });
  const end = until === undefined ? undefined : momentOf(/^\d{8}$/.test(until) ? `${until}T235959` : until, timezone);
  const counted = count === undefined ? {} : start === undefined ? { maxRuns: count } : endOf(rule, startAt, count);
  return {
    rule,
    notes:
      start !== undefined || count === undefined || exclusions.length === 0 ? [] : ['COUNT counts the times that run; times in EXDATE are not among them.'],
    start: startAt,
    ...(end === undefined ? {} : { end }),
    ...counted,
    ...(exclusions.length === 0 ? {} : { exclusions }),
  };
}

type Parts = ReadonlyMap<string, string>;

/** Where COUNT times from DTSTART end, so that it means the same whenever it is read. */
function endOf(rule: RecurringRule, start: number, count: number): { readonly end?: number } {
  let end: number | null;
  if ('at' in rule) {
    const times = new RecurringSchedule(rule);
    end = times.next(start - 1);
    for (let left = count - 1; left > 0 && end !== null; left--) end = times.next(end);
  } else end = start + (count - 1) * rule.n * UNIT_MS[rule.unit];
  return end === null ? {} : { end };
}

function partsOf(text: string): Parts {
  const parts = new Map<string, string>();
  for (const part of text.split(';').filter((each) => each !== '')) {
    const [name = '', value = ''] = part.toUpperCase().split('=');
    if (value === '' || parts.has(name)) refuse(`RRULE: cannot read ${part}.`, { path: PATH, expected: EXPECTED });
    parts.set(name, value);
  }
  return parts;
}

function ruleOf(parts: Parts, startAt: number, timezone: string, options: RRuleOptions): RecurringRule {
  const unit = UNITS[parts.get('FREQ') ?? ''];
  if (unit === undefined) refuse(`RRULE: FREQ is ${parts.get('FREQ') ?? 'missing'}.`, { path: PATH, expected: Object.keys(UNITS).join(', ') });
  const foreign = [...parts.keys()].find((name) => !['FREQ', 'INTERVAL', 'UNTIL', 'COUNT', 'WKST', ...PARTS[unit]].includes(name));
  if (foreign !== undefined) unavailable(`${foreign} with FREQ=${parts.get('FREQ')}`);
  const n = parts.has('INTERVAL') ? (numbersOf(parts, 'INTERVAL', 1, 1_000_000)[0] as number) : 1;
  if (unit === 'second' || unit === 'minute' || unit === 'hour') return { kind: 'recurring', unit, n, timezone, anchor: startAt };
  if (unit === 'week' && n > 1 && (parts.get('WKST') ?? 'MO') !== 'MO') unavailable(`WKST=${parts.get('WKST')} with INTERVAL=${n}`);
  const second = startAt / 1_000;
  const local = localOfSeconds(Math.floor(second) + zoneOf(timezone).offsetAt(Math.floor(second)));
  const anchor = local.slice(0, 10);
  const base = {
    kind: 'recurring',
    n,
    timezone,
    anchor,
    at: timesOf(parts, local.slice(11)),
    gap: options.gap ?? 'skip',
    fold: options.fold ?? 'first',
  } as const;
  const weekday = WEEKDAYS[(new Date(`${anchor}T00:00:00Z`).getUTCDay() + 6) % 7] as Weekday;
  if (unit === 'week') return { ...base, unit, weekdays: parts.has('BYDAY') ? plainDays(parts) : [weekday] };
  if (unit === 'day') {
    if (!parts.has('BYDAY')) return { ...base, unit };
    if (n > 1) unavailable(`BYDAY with FREQ=DAILY;INTERVAL=${n}`);
    return { ...base, unit: 'week', weekdays: plainDays(parts) };
  }
  const days = monthDaysOf(parts, Number(anchor.slice(8)));
  if (unit === 'month' && !parts.has('BYMONTH')) return { ...base, unit, days, shortMonth: 'skip' };
  // Every month that is one of BYMONTH: each year.
  if (unit === 'month' && n > 1) unavailable(`BYMONTH with FREQ=MONTHLY;INTERVAL=${n}`);
  if (!parts.has('BYMONTH') && (parts.has('BYDAY') || parts.has('BYMONTHDAY'))) {
    // Without a month, BYMONTHDAY means every month and BYDAY the weeks of the year.
    if (parts.has('BYDAY')) unavailable('BYDAY without BYMONTH with FREQ=YEARLY');
    return { ...base, unit: 'year', months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], days, shortMonth: 'skip' };
  }
  const months = parts.has('BYMONTH') ? numbersOf(parts, 'BYMONTH', 1, 12) : [Number(anchor.slice(5, 7))];
  return { ...base, unit: 'year', months: months.sort((a, b) => a - b), days, shortMonth: 'skip' };
}

function monthDaysOf(parts: Parts, anchorDay: number): MonthDay[] {
  const positions = parts.has('BYSETPOS') ? numbersOf(parts, 'BYSETPOS', -1, 5) : undefined;
  if (parts.has('BYDAY') && parts.has('BYMONTHDAY')) unavailable('BYDAY together with BYMONTHDAY');
  if (parts.has('BYDAY') && positions !== undefined) {
    const days = plainDays(parts);
    const workdays = days.length === 5 && !days.includes('sat') && !days.includes('sun');
    if (!workdays && days.length !== 1) unavailable('BYSETPOS with these weekdays');
    return positions.map((nth) => ({ nth: nthOf(nth), weekday: workdays ? 'workday' : (days[0] as Weekday) }));
  }
  if (positions !== undefined) unavailable('BYSETPOS without BYDAY');
  if (parts.has('BYDAY')) return (parts.get('BYDAY') as string).split(',').flatMap(nthDay);
  if (!parts.has('BYMONTHDAY')) return [{ day: anchorDay }];
  return numbersOf(parts, 'BYMONTHDAY', -31, 31).map((day) => {
    if (day < -1) unavailable(`BYMONTHDAY=${day}`);
    return day === -1 ? { last: true } : { day };
  });
}

/** `2TU`, `-1FR`; `TU` alone is every Tuesday of the month. */
function nthDay(text: string): MonthDay[] {
  const match = /^([+-]?\d)?([A-Z]{2})$/.exec(text);
  const weekday = weekdayOfCode(match?.[2] ?? text);
  if (match?.[1] === undefined) return ([1, 2, 3, 4, 5] as const).map((nth) => ({ nth, weekday }));
  return [{ nth: nthOf(Number(match[1])), weekday }];
}

function nthOf(nth: number): Extract<MonthDay, { nth: number }>['nth'] {
  if (nth < -1 || nth > 5 || nth === 0) unavailable(`the weekday ${nth} of a month`);
  return nth as Extract<MonthDay, { nth: number }>['nth'];
}

function plainDays(parts: Parts): Weekday[] {
  const days = (parts.get('BYDAY') as string).split(',').map(weekdayOfCode);
  return WEEKDAYS.filter((day) => days.includes(day));
}

function weekdayOfCode(code: string): Weekday {
  const found = WEEKDAYS.find((day) => RRULE_DAYS[day] === code);
  return found ?? refuse(`RRULE: there is no weekday ${code} here.`, { path: PATH, expected: Object.values(RRULE_DAYS).join(', ') });
}

function timesOf(parts: Parts, time: string): string[] {
  const [hour, minute, second] = time.split(':').map(Number) as [number, number, number];
  const hours = parts.has('BYHOUR') ? numbersOf(parts, 'BYHOUR', 0, 23) : [hour];
  const minutes = parts.has('BYMINUTE') ? numbersOf(parts, 'BYMINUTE', 0, 59) : [minute];
  const seconds = parts.has('BYSECOND') ? numbersOf(parts, 'BYSECOND', 0, 59) : [second];
  return hours.flatMap((h) => minutes.flatMap((m) => seconds.map((s) => `${two(h)}:${two(m)}:${two(s)}`))).sort();
}

function numbersOf(parts: Parts, name: string, min: number, max: number): number[] {
  const values = (parts.get(name) as string).split(',').map(Number);
  const wrong = values.find((value) => !Number.isInteger(value) || value < min || value > max || (value === 0 && min < 0));
  if (wrong !== undefined) refuse(`RRULE: ${name}=${parts.get(name)} is out of range.`, { path: PATH, expected: `${name} from ${min} to ${max}` });
  return [...new Set(values)];
}

function afterColon(line: string): string {
  return line.slice(line.indexOf(':') + 1).trim();
}

function zoneOfLine(line: string | undefined): string | undefined {
  return /;TZID=([^;:]+)/i.exec(line ?? '')?.[1];
}

/** `20260105T090000` in the zone, `20260105T090000Z` in UTC. */
function isoOf(value: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/i.exec(value);
  if (match === null) refuse(`RRULE: "${value}" is no date.`, { path: PATH, expected: '20260105T090000 or 20260105T090000Z' });
  const [, year, month, day, hour, minute, second, utc = ''] = match;
  return `${year}-${month}-${day}${hour === undefined ? '' : `T${hour}:${minute}:${second}${utc}`}`;
}

function momentOf(value: string, timezone: string): number {
  return readMoment(isoOf(value), timezone, PATH).at;
}

function exclusionOf(value: string, line: string, timezone: string): Exclusion {
  const text = isoOf(value);
  if (!text.includes('T')) return { from: text, to: text };
  const second = momentOf(value, validZone(zoneOfLine(line) ?? timezone, PATH)) / 1_000;
  const local = localOfSeconds(second + zoneOf(timezone).offsetAt(second));
  return { from: local, to: local };
}

function unavailable(what: string): never {
  throw new ScheduleError('not_available', `RRULE: ${what} cannot be said in a recurring rule.`, {
    path: PATH,
    expected: 'FREQ with INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYHOUR, BYMINUTE, BYSECOND, BYSETPOS, COUNT, UNTIL; or a cron expression',
  });
}
