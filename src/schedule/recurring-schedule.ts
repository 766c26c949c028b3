// Owns the times of a recurring rule: its phase, the days that it plans and their times of day; an interval counts elapsed time, the others local days.
import { type CalendarRule, type MonthDay, type RecurringRule, WEEKDAYS, type Weekday } from '../domain/schedule.ts';
import { civilOf, DAY, daysInMonth, daysOf, secondsOfLocal, weekdayOf } from './civil.ts';
import { recurringSentence } from './recurring-sentence.ts';
import { refuse } from './schedule-error.ts';
import { type LocalTimes, ZonedTimes } from './zoned-times.ts';

export const UNIT_MS = { second: 1_000, minute: 60_000, hour: 3_600_000 } as const;
/** Year 9999, in months since year 0. */
const LAST_MONTH = 120_000;

/** The rule as a set of instants without a beginning and an end; the bounds of its schedule cut it. */
export class RecurringSchedule {
  readonly rule: RecurringRule;
  readonly #times: { next(after: number): number | null; prev(before: number): number | null };

  /** Throws ScheduleError `invalid_input` when no month of the rule has one of its days. */
  constructor(rule: RecurringRule) {
    this.rule = rule;
    this.#times = 'at' in rule ? calendar(rule) : interval(rule.n * UNIT_MS[rule.unit], rule.anchor);
  }

  next(after: number): number | null {
    return this.#times.next(after);
  }

  prev(before: number): number | null {
    return this.#times.prev(before);
  }

  /** True in the second of a planned time. */
  matches(at: number): boolean {
    const start = Math.floor(at / 1_000) * 1_000;
    return this.next(start - 1) === start;
  }

  /** One English sentence. */
  describe(): string {
    return recurringSentence(this.rule);
  }
}

function interval(step: number, anchor: number): { next(after: number): number; prev(before: number): number } {
  return {
    next: (after) => anchor + (Math.floor((after - anchor) / step) + 1) * step,
    prev: (before) => anchor + (Math.ceil((before - anchor) / step) - 1) * step,
  };
}

function calendar(rule: CalendarRule): ZonedTimes {
  return new ZonedTimes(new CalendarTimes(daysOfRule(rule), rule.at), rule);
}

/** The days of a rule, since 1970; Infinity and -Infinity say that there is none. */
interface PlannedDays {
  /** The first one from `day` on. */
  next(day: number): number;
  /** The last one up to `day`. */
  prev(day: number): number;
}

class CalendarTimes implements LocalTimes {
  readonly #days: PlannedDays;
  /** Seconds of the day, ascending. */
  readonly #at: readonly number[];

  constructor(days: PlannedDays, at: readonly string[]) {
    this.#days = days;
    this.#at = at.map((time) => secondsOfLocal(`1970-01-01T${time}`) as number).sort((a, b) => a - b);
  }

  nextLocal(second: number): number {
    const day = Math.floor(second / DAY);
    const planned = this.#days.next(day);
    const time = planned === day ? this.#at.find((each) => each >= second - day * DAY) : this.#at[0];
    if (time !== undefined) return planned * DAY + time;
    return this.#days.next(day + 1) * DAY + (this.#at[0] as number);
  }

  prevLocal(second: number): number {
    const day = Math.floor(second / DAY);
    const planned = this.#days.prev(day);
    const time = planned === day ? this.#at.findLast((each) => each <= second - day * DAY) : this.#at.at(-1);
    if (time !== undefined) return planned * DAY + time;
    return this.#days.prev(day - 1) * DAY + (this.#at.at(-1) as number);
  }
}

function daysOfRule(rule: CalendarRule): PlannedDays {
  const anchor = (secondsOfLocal(rule.anchor) as number) / DAY;
  if (rule.unit === 'day') return everyNthDay(rule.n, anchor);
  if (rule.unit === 'week') return weekDays(rule.n, anchor, rule.weekdays);
  const { year, month } = civilOf(anchor);
  const months =
    rule.unit === 'month'
      ? (index: number): boolean => modulo(index - (year * 12 + month - 1), rule.n) === 0
      : (index: number): boolean => modulo(Math.floor(index / 12) - year, rule.n) === 0 && rule.months.includes((index % 12) + 1);
  const candidates = rule.unit === 'month' ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] : rule.months;
  return monthDays(months, candidates, rule.days, rule.shortMonth === 'last_day');
}

function everyNthDay(n: number, anchor: number): PlannedDays {
  return { next: (day) => day + modulo(anchor - day, n), prev: (day) => day - modulo(day - anchor, n) };
}

function weekDays(n: number, anchor: number, weekdays: readonly Weekday[]): PlannedDays {
  const monday = anchor - ((weekdayOf(anchor) + 6) % 7);
  const places = weekdays.map((weekday) => WEEKDAYS.indexOf(weekday)).sort((a, b) => a - b);
  const [first, last] = [places[0] as number, places.at(-1) as number];
  return {
    next(day): number {
      const week = Math.floor((day - monday) / 7);
      const start = monday + week * 7;
      const place = modulo(week, n) === 0 ? places.find((each) => start + each >= day) : undefined;
      return place !== undefined ? start + place : start + (n - modulo(week, n)) * 7 + first;
    },
    prev(day): number {
      const week = Math.floor((day - monday) / 7);
      const start = monday + week * 7;
      const place = modulo(week, n) === 0 ? places.findLast((each) => start + each <= day) : undefined;
      return place !== undefined ? start + place : start - (modulo(week, n) || n) * 7 + last;
    },
  };
}

function monthDays(isPlanned: (month: number) => boolean, months: readonly number[], days: readonly MonthDay[], clamp: boolean): PlannedDays {
  const masks = new Map<number, number>();
  const maskOf = (index: number): number => {
    if (!isPlanned(index)) return 0;
    const [year, month] = [Math.floor(index / 12), (index % 12) + 1];
    const length = daysInMonth(year, month);
    const first = weekdayOf(daysOf(year, month, 1));
    const shape = length * 7 + first;
    const mask = masks.get(shape) ?? maskOfMonth(days, length, first, clamp);
    masks.set(shape, mask);
    return mask;
  };
  const possible = months.some((month) =>
    [0, 1, 2, 3, 4, 5, 6].some((first) => maskOfMonth(days, month === 2 ? 29 : daysInMonth(2026, month), first, clamp) !== 0),
  );
  if (!possible) {
    refuse(`No month of the rule has one of its days.`, { path: 'days', expected: 'a day that the months have, or shortMonth: last_day' });
  }
  return {
    next(day): number {
      const { year, month, day: date } = civilOf(day);
      let index = year * 12 + month - 1;
      let mask = maskOf(index) & (-1 << (date - 1));
      while (mask === 0 && ++index < LAST_MONTH) mask = maskOf(index);
      return mask === 0 ? Number.POSITIVE_INFINITY : daysOf(Math.floor(index / 12), (index % 12) + 1, 1) + 31 - Math.clz32(mask & -mask);
    },
    prev(day): number {
      const { year, month, day: date } = civilOf(day);
      let index = year * 12 + month - 1;
      let mask = maskOf(index) & (2 ** date - 1);
      while (mask === 0 && --index >= 0) mask = maskOf(index);
      return mask === 0 ? Number.NEGATIVE_INFINITY : daysOf(Math.floor(index / 12), (index % 12) + 1, 1) + 31 - Math.clz32(mask);
    },
  };
}

/** Bit 0 is day 1. */
function maskOfMonth(days: readonly MonthDay[], length: number, firstWeekday: number, clamp: boolean): number {
  let mask = 0;
  for (const each of days) {
    const day = dayOfMonth(each, length, firstWeekday, clamp);
    if (day !== undefined) mask |= 1 << (day - 1);
  }
  return mask;
}

function dayOfMonth(each: MonthDay, length: number, firstWeekday: number, clamp: boolean): number | undefined {
  if ('last' in each) return length;
  if ('day' in each) return each.day <= length ? each.day : clamp ? length : undefined;
  const { nth, weekday } = each;
  const fits: number[] = [];
  for (let day = 1; day <= length; day++) {
    const name = WEEKDAYS[(firstWeekday + day + 5) % 7] as Weekday;
    if (weekday === 'workday' ? name !== 'sat' && name !== 'sun' : name === weekday) fits.push(day);
  }
  return fits.at(nth === -1 ? -1 : nth - 1);
}

/** Never negative. */
function modulo(value: number, n: number): number {
  return ((value % n) + n) % n;
}
