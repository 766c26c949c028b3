// Owns RFC 5545 recurrence rules as output: the lines that plan the same times, where RFC 5545 can say them.
import type { CalendarRule, MonthDay, RecurringRule, Schedule } from '../domain/schedule.ts';
import { localOfSeconds, secondsOfLocal } from './civil.ts';
import { UNIT_MS } from './recurring-schedule.ts';
import { RRULE_DAYS } from './rrule-input.ts';
import { zoneOf } from './zone.ts';

export interface WrittenRRule {
  /** Lines of DTSTART, RRULE and EXDATE. */
  readonly text: string;
  /** Where a reader of RFC 5545 plans other times than we do. */
  readonly differs: readonly string[];
}

const FREQ = { second: 'SECONDLY', minute: 'MINUTELY', hour: 'HOURLY', day: 'DAILY', week: 'WEEKLY', month: 'MONTHLY', year: 'YEARLY' } as const;

/** The rule and its bounds as RFC 5545, or null when that has no words for it. */
export function writeRRule(rule: RecurringRule, bounds: Pick<Schedule, 'start' | 'end' | 'maxRuns' | 'exclusions'>): WrittenRRule | null {
  if (bounds.end !== null && bounds.maxRuns !== null) return null;
  // COUNT counts from DTSTART, so an end or a count needs a start that is known.
  if (bounds.maxRuns !== null && bounds.start === null) return null;
  const parts = 'at' in rule ? calendarParts(rule) : [];
  if (parts === null) return null;
  const interval = rule.n === 1 ? [] : [`INTERVAL=${rule.n}`];
  const until = bounds.end === null ? [] : [`UNTIL=${compact(localOfSeconds(Math.floor(bounds.end / 1_000)))}Z`];
  const count = bounds.maxRuns === null ? [] : [`COUNT=${bounds.maxRuns}`];
  const exclusions = exdates(bounds.exclusions);
  const start = startOf(rule, bounds.start);
  if (exclusions === null || start === null) return null;
  const lines = [`DTSTART${start}`, `RRULE:${[`FREQ=${FREQ[rule.unit]}`, ...interval, ...parts, ...until, ...count].join(';')}`];
  if (exclusions !== '')
    lines.push(rule.timezone === 'UTC' ? `EXDATE:${exclusions.replaceAll(/(?=,|$)/g, 'Z')}` : `EXDATE;TZID=${rule.timezone}:${exclusions}`);
  return { text: lines.join('\n'), differs: differences(rule, bounds.maxRuns !== null && exclusions !== '') };
}

/** The anchor, moved by whole periods to the start when there is one. */
function startOf(rule: RecurringRule, start: number | null): string | null {
  if (!('at' in rule)) {
    if (start !== null && (start - rule.anchor) % (rule.n * UNIT_MS[rule.unit]) !== 0) return null;
    // Elapsed time is counted in UTC: no reader can take local hours for it.
    return `:${compact(localOfSeconds(Math.floor((start ?? rule.anchor) / 1_000)))}Z`;
  }
  const anchor = secondsOfLocal(`${rule.anchor}T${rule.at[0]}`) as number;
  const local = start === null ? anchor : Math.floor(start / 1_000) + zoneOf(rule.timezone).offsetAt(Math.floor(start / 1_000));
  // Periods of more than one are counted from DTSTART: another one than the anchor would shift them.
  if (rule.n > 1 && localOfSeconds(local).slice(0, 10) !== rule.anchor) return null;
  const text = compact(localOfSeconds(local));
  return rule.timezone === 'UTC' ? `:${text}Z` : `;TZID=${rule.timezone}:${text}`;
}

function calendarParts(rule: CalendarRule): string[] | null {
  const times = timeParts(rule.at);
  const days = dayParts(rule);
  return times === null || days === null ? null : [...days, ...times];
}

/** RFC 5545 combines hours, minutes and seconds; other sets of times have no words. */
function timeParts(at: readonly string[]): string[] | null {
  const column = (i: number): number[] => [...new Set(at.map((time) => Number(time.split(':')[i])))];
  const [hours, minutes, seconds] = [column(0), column(1), column(2)];
  if (hours.length * minutes.length * seconds.length !== at.length) return null;
  return [`BYHOUR=${hours.join(',')}`, `BYMINUTE=${minutes.join(',')}`, `BYSECOND=${seconds.join(',')}`];
}

function dayParts(rule: CalendarRule): string[] | null {
  if (rule.unit === 'day') return [];
  if (rule.unit === 'week') return [`BYDAY=${rule.weekdays.map((weekday) => RRULE_DAYS[weekday]).join(',')}`];
  const days = monthDayParts(rule.days, rule.shortMonth === 'last_day');
  if (days === null) return null;
  return rule.unit === 'year' ? [`BYMONTH=${rule.months.join(',')}`, ...days] : days;
}

function monthDayParts(days: readonly MonthDay[], clamp: boolean): string[] | null {
  if (days.every((each) => 'day' in each || 'last' in each)) {
    const numbers = days.map((each) => ('day' in each && !(clamp && each.day === 31) ? each.day : -1));
    // The last day for a missing 29th or 30th has no words.
    return clamp && numbers.some((day) => day > 28) ? null : [`BYMONTHDAY=${[...new Set(numbers)].join(',')}`];
  }
  const nth = days.flatMap((each) => ('nth' in each ? [each] : []));
  if (nth.length !== days.length) return null;
  if (nth.every((each) => each.weekday === 'workday')) return ['BYDAY=MO,TU,WE,TH,FR', `BYSETPOS=${nth.map((each) => each.nth).join(',')}`];
  const named = nth.flatMap((each) => (each.weekday === 'workday' ? [] : [`${each.nth}${RRULE_DAYS[each.weekday]}`]));
  return named.length === nth.length ? [`BYDAY=${named.join(',')}`] : null;
}

/** Single local times; ranges and whole days have no words. */
function exdates(exclusions: Schedule['exclusions']): string | null {
  return exclusions.every(({ from, to }) => from === to && from.includes('T')) ? exclusions.map(({ from }) => compact(from)).join(',') : null;
}

function differences(rule: RecurringRule, countsExcluded: boolean): string[] {
  const differs: string[] = [];
  if ('at' in rule && rule.timezone !== 'UTC' && rule.gap !== 'skip')
    differs.push(`RFC 5545 ignores times that the clocks skip; here they fire by gap ${rule.gap}.`);
  if ('at' in rule && rule.timezone !== 'UTC' && rule.fold !== 'first')
    differs.push(`RFC 5545 means the first of two repeated times; here fold is ${rule.fold}.`);
  if (countsExcluded) differs.push('RFC 5545 counts excluded times into COUNT; here only times that fire count.');
  return differs;
}

function compact(local: string): string {
  return local.replaceAll(/[-:]/g, '');
}
