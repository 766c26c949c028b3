// Owns the set of local times of a cron expression, as tables and bit sets: a search jumps from field to field and never walks minutes.
import { civilOf, DAY, daysInMonth, daysOf, weekdayOf } from './civil.ts';
import type { Atom } from './cron-syntax.ts';
import type { LocalTimes } from './zoned-times.ts';

/** The values of the six fields; day fields hold their plain values, the special forms are in `days` and `weekdays`. */
export interface CronValues {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  readonly daysOfWeek: readonly number[];
  readonly days: readonly Atom[];
  readonly weekdays: readonly Atom[];
}

/** The calendar repeats after so many months. */
const CYCLE_MONTHS = 4_800;

export class CronTable implements LocalTimes {
  readonly #second: Field;
  readonly #minute: Field;
  readonly #hour: Field;
  readonly #days: DayMasks;
  readonly #firstTime: number;
  readonly #lastTime: number;
  // The month of the last search: its first day, its length, its mask (0 when the month is not planned).
  #monthStart = Number.POSITIVE_INFINITY;
  #monthLength = 0;
  #monthMask = 0;

  constructor(values: CronValues) {
    this.#second = shared(fields, `60 ${values.seconds}`, () => new Field(values.seconds, 60));
    this.#minute = shared(fields, `60 ${values.minutes}`, () => new Field(values.minutes, 60));
    this.#hour = shared(fields, `24 ${values.hours}`, () => new Field(values.hours, 24));
    const days = [values.daysOfMonth, values.months, values.daysOfWeek, ...[values.days, values.weekdays].map((atoms) => atoms.map((atom) => atom.text))].join(
      ' ',
    );
    this.#days = shared(masks, days, () => new DayMasks(values));
    this.#firstTime = this.#hour.first * 3_600 + this.#minute.first * 60 + this.#second.first;
    this.#lastTime = this.#hour.last * 3_600 + this.#minute.last * 60 + this.#second.last;
  }

  /** True when no month of any shape has a planned day. */
  isEmpty(): boolean {
    return this.#days.isEmpty();
  }

  nextLocal(second: number): number {
    let day = Math.floor(second / DAY);
    if (this.#planned(day)) {
      const time = this.#nextTime(second - day * DAY);
      if (time >= 0) return day * DAY + time;
    }
    day = this.#nextDay(day + 1);
    return day * DAY + this.#firstTime;
  }

  prevLocal(second: number): number {
    let day = Math.floor(second / DAY);
    if (this.#planned(day)) {
      const time = this.#prevTime(second - day * DAY);
      if (time >= 0) return day * DAY + time;
    }
    day = this.#prevDay(day - 1);
    return day * DAY + this.#lastTime;
  }

  #nextTime(time: number): number {
    const hour = Math.floor(time / 3_600);
    if (this.#hour.next(hour) === hour) {
      const minute = Math.floor(time / 60) % 60;
      if (this.#minute.next(minute) === minute) {
        const second = this.#second.next(time % 60);
        if (second >= 0) return hour * 3_600 + minute * 60 + second;
      }
      const later = this.#minute.next(minute + 1);
      if (later >= 0) return hour * 3_600 + later * 60 + this.#second.first;
    }
    const later = this.#hour.next(hour + 1);
    return later < 0 ? -1 : later * 3_600 + this.#minute.first * 60 + this.#second.first;
  }

  #prevTime(time: number): number {
    const hour = Math.floor(time / 3_600);
    if (this.#hour.prev(hour) === hour) {
      const minute = Math.floor(time / 60) % 60;
      if (this.#minute.prev(minute) === minute) {
        const second = this.#second.prev(time % 60);
        if (second >= 0) return hour * 3_600 + minute * 60 + second;
      }
      const earlier = this.#minute.prev(minute - 1);
      if (earlier >= 0) return hour * 3_600 + earlier * 60 + this.#second.last;
    }
    const earlier = this.#hour.prev(hour - 1);
    return earlier < 0 ? -1 : earlier * 3_600 + this.#minute.last * 60 + this.#second.last;
  }

  #planned(day: number): boolean {
    const index = day - this.#monthStart;
    if (index >= 0 && index < this.#monthLength) return (this.#monthMask & (1 << index)) !== 0;
    const { year, month } = civilOf(day);
    this.#enter(year, month);
    return (this.#monthMask & (1 << (day - this.#monthStart))) !== 0;
  }

  /** Makes the month the one of the last search. */
  #enter(year: number, month: number): void {
    this.#monthStart = daysOf(year, month, 1);
    this.#monthLength = daysInMonth(year, month);
    this.#monthMask = this.#days.mask(month, this.#monthLength, weekdayOf(this.#monthStart));
  }

  /** The first planned day from `day` on. */
  #nextDay(day: number): number {
    let index = day - this.#monthStart;
    let year = 0;
    let month = 0;
    if (!(index >= 0 && index < this.#monthLength)) {
      ({ year, month } = civilOf(day));
      this.#enter(year, month);
      index = day - this.#monthStart;
    }
    let rest = this.#monthMask & (-1 << index);
    for (let months = 0; rest === 0; months++) {
      if (months > CYCLE_MONTHS) return Number.POSITIVE_INFINITY;
      if (month === 0) ({ year, month } = civilOf(this.#monthStart));
      month++;
      if (month > 12) {
        month = 1;
        year++;
      }
      this.#enter(year, month);
      rest = this.#monthMask;
    }
    return this.#monthStart + 31 - Math.clz32(rest & -rest);
  }

  /** The last planned day up to `day`. */
  #prevDay(day: number): number {
    let index = day - this.#monthStart;
    let year = 0;
    let month = 0;
    if (!(index >= 0 && index < this.#monthLength)) {
      ({ year, month } = civilOf(day));
      this.#enter(year, month);
      index = day - this.#monthStart;
    }
    let rest = this.#monthMask & (2 ** (index + 1) - 1);
    for (let months = 0; rest === 0; months++) {
      if (months > CYCLE_MONTHS) return Number.NEGATIVE_INFINITY;
      if (month === 0) ({ year, month } = civilOf(this.#monthStart));
      month--;
      if (month < 1) {
        month = 12;
        year--;
      }
      this.#enter(year, month);
      rest = this.#monthMask;
    }
    return this.#monthStart + 31 - Math.clz32(rest);
  }
}

/** Ten thousand schedules have few different fields: equal ones are kept once. */
const MAX_SHARED = 5_000;
const fields = new Map<string, Field>();
const masks = new Map<string, DayMasks>();

function shared<T>(kept: Map<string, T>, key: string, make: () => T): T {
  let value = kept.get(key);
  if (value === undefined) {
    if (kept.size >= MAX_SHARED) kept.clear();
    value = make();
    kept.set(key, value);
  }
  return value;
}

/** The planned days of every month as masks, bit 0 is day 1: one for each shape of a month, which is its length and the weekday it begins with. */
class DayMasks {
  readonly #values: CronValues;
  readonly #months: number;
  readonly #masks = new Int32Array(28).fill(-1);

  constructor(values: CronValues) {
    this.#values = values;
    this.#months = values.months.reduce((mask, month) => mask | (1 << month), 0);
  }

  mask(month: number, length: number, firstWeekday: number): number {
    if ((this.#months & (1 << month)) === 0) return 0;
    const shape = (length - 28) * 7 + firstWeekday;
    let mask = this.#masks[shape] as number;
    if (mask === -1) {
      mask = dayMask(this.#values, length, firstWeekday);
      this.#masks[shape] = mask;
    }
    return mask;
  }

  isEmpty(): boolean {
    return this.#values.months.every((month) => {
      const lengths = month === 2 ? [28, 29] : [daysInMonth(2026, month)];
      return lengths.every((length) => [0, 1, 2, 3, 4, 5, 6].every((weekday) => this.mask(month, length, weekday) === 0));
    });
  }
}

/** Vixie's rule: a day field that is `*` gives way to the other; when both are set, a day that fits either is planned. */
function dayMask({ days, weekdays, daysOfMonth, daysOfWeek }: CronValues, length: number, firstWeekday: number): number {
  const everyDay = days.some((atom) => atom.text === '*');
  const everyWeekday = weekdays.some((atom) => atom.text === '*');
  const weekday = (day: number): number => (firstWeekday + day - 1) % 7;
  let mask = 0;
  for (let day = 1; day <= length; day++) {
    const byDay = !everyDay && (daysOfMonth.includes(day) || days.some((atom) => fitsDay(atom, day, length, weekday)));
    const byWeekday = !everyWeekday && (daysOfWeek.includes(weekday(day)) || weekdays.some((atom) => fitsWeekday(atom, day, length, weekday(day))));
    if ((everyDay && everyWeekday) || byDay || byWeekday) mask |= 1 << (day - 1);
  }
  return mask;
}

function fitsDay(atom: Atom, day: number, length: number, weekday: (day: number) => number): boolean {
  if (atom.kind === 'last') return atom.weekday ? day === nearestWeekday(length, length, weekday) : day === length - atom.before;
  return atom.kind === 'nearest' && atom.day <= length && day === nearestWeekday(atom.day, length, weekday);
}

/** Monday to Friday nearest to a day, inside its month. */
function nearestWeekday(day: number, length: number, weekday: (day: number) => number): number {
  if (weekday(day) === 6) return day === 1 ? 3 : day - 1;
  if (weekday(day) === 0) return day === length ? day - 2 : day + 1;
  return day;
}

function fitsWeekday(atom: Atom, day: number, length: number, weekday: number): boolean {
  if (atom.kind !== 'nth' || atom.day !== weekday) return false;
  return atom.nth === -1 ? day > length - 7 : Math.ceil(day / 7) === atom.nth;
}

/** The values of a field as two tables: the next and the previous one of every value, -1 for none. */
class Field {
  readonly first: number;
  readonly last: number;
  readonly #next: Int8Array;
  readonly #prev: Int8Array;

  constructor(values: readonly number[], size: number) {
    const set = new Set(values);
    this.first = Math.min(...values);
    this.last = Math.max(...values);
    this.#next = new Int8Array(size + 1).fill(-1);
    this.#prev = new Int8Array(size).fill(-1);
    for (let value = size - 1; value >= 0; value--) this.#next[value] = set.has(value) ? value : (this.#next[value + 1] as number);
    for (let value = 0; value < size; value++) this.#prev[value] = set.has(value) ? value : value === 0 ? -1 : (this.#prev[value - 1] as number);
  }

  /** The first value from the given one on, or -1; one past the end is allowed. */
  next(value: number): number {
    return this.#next[value] as number;
  }

  /** The last value up to the given one, or -1; -1 is allowed. */
  prev(value: number): number {
    return value < 0 ? -1 : (this.#prev[value] as number);
  }
}
