// Owns that recurring rules plan the days and local times they name: random ones against a count of days by hand, and examples of every form.
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { type CalendarRule, type MonthDay, RecurringRule, type ScheduleRule, WEEKDAYS } from '../../src/domain/schedule.ts';
import { occurrencesOf } from '../../src/schedule/occurrences.ts';
import { RecurringSchedule } from '../../src/schedule/recurring-schedule.ts';
import { normaliseRule, RuleInput } from '../../src/schedule/rule-input.ts';

const NOW = Date.parse('2026-11-22T10:20:30Z');

function ruleOf(input: object): ScheduleRule {
  const { rule } = normaliseRule(RuleInput.parse({ kind: 'recurring', timezone: 'Europe/Berlin', ...input }), NOW);
  if (rule.kind === 'recurring') expect(RecurringRule.parse(rule)).toEqual(rule);
  return rule;
}

function locals(input: object, n: number, from = NOW): string[] {
  const rule = ruleOf(input);
  const occurrences = occurrencesOf(rule);
  const found: string[] = [];
  for (let at = occurrences.next(from); at !== null && found.length < n; at = occurrences.next(at)) {
    found.push(DateTime.fromMillis(at, { zone: rule.timezone }).toFormat("yyyy-MM-dd'T'HH:mm:ss"));
  }
  return found;
}

const monthDay: fc.Arbitrary<MonthDay> = fc.oneof(
  fc.integer({ min: 1, max: 31 }).map((day) => ({ day })),
  fc.constant({ last: true as const }),
  fc.record({ nth: fc.constantFrom(-1 as const, 1, 2, 3, 4, 5), weekday: fc.constantFrom(...WEEKDAYS, 'workday' as const) }),
);

const calendarRule: fc.Arbitrary<CalendarRule> = fc
  .record({
    n: fc.integer({ min: 1, max: 5 }),
    anchor: fc.integer({ min: 0, max: 4_000 }).map((day) => DateTime.utc(2020, 1, 1).plus({ days: day }).toFormat('yyyy-MM-dd')),
    at: fc.uniqueArray(
      fc.integer({ min: 0, max: 86_399 }).map((second) => DateTime.utc(2020, 1, 1).plus({ seconds: second }).toFormat('HH:mm:ss')),
      { minLength: 1, maxLength: 3 },
    ),
    gap: fc.constantFrom('next_valid' as const, 'shift' as const, 'skip' as const),
    fold: fc.constantFrom('first' as const, 'second' as const, 'both' as const),
    timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/Havana', 'Australia/Lord_Howe'),
    unit: fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'year' as const),
    weekdays: fc.subarray([...WEEKDAYS], { minLength: 1 }),
    days: fc.array(monthDay, { minLength: 1, maxLength: 3 }),
    months: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
    shortMonth: fc.constantFrom('last_day' as const, 'skip' as const),
  })
  .map(({ unit, weekdays, days, months, shortMonth, ...rest }) => {
    const base = { kind: 'recurring' as const, ...rest };
    if (unit === 'day') return { ...base, unit };
    if (unit === 'week') return { ...base, unit, weekdays };
    return unit === 'month' ? { ...base, unit, days, shortMonth } : { ...base, unit, months, days, shortMonth };
  });

/** Whether a local date is planned, by counting from the anchor. */
function planned(rule: CalendarRule, date: DateTime): boolean {
  const anchor = DateTime.fromISO(rule.anchor, { zone: 'utc' });
  const multiple = (count: number): boolean => Math.round(count) % rule.n === 0;
  const weekday = WEEKDAYS[date.weekday - 1];
  if (rule.unit === 'day') return multiple(date.diff(anchor, 'days').days);
  if (rule.unit === 'week') return multiple(date.startOf('week').diff(anchor.startOf('week'), 'weeks').weeks) && rule.weekdays.some((each) => each === weekday);
  const inPeriod =
    rule.unit === 'month'
      ? multiple((date.year - anchor.year) * 12 + date.month - anchor.month)
      : multiple(date.year - anchor.year) && rule.months.includes(date.month);
  return inPeriod && rule.days.some((each) => fitsMonth(each, date, rule.shortMonth));
}

function fitsMonth(each: MonthDay, date: DateTime, shortMonth: 'last_day' | 'skip'): boolean {
  const length = date.daysInMonth as number;
  if ('last' in each) return date.day === length;
  if ('day' in each) return date.day === each.day || (shortMonth === 'last_day' && each.day > length && date.day === length);
  const same = Array.from({ length }, (_, i) => date.set({ day: i + 1 })).filter((day) =>
    each.weekday === 'workday' ? day.weekday <= 5 : WEEKDAYS[day.weekday - 1] === each.weekday,
  );
  return same.at(each.nth === -1 ? -1 : each.nth - 1)?.day === date.day;
}

/** The instants of a local time, found by asking luxon for every offset of the day. */
function instants(local: DateTime, zone: string, { gap, fold }: CalendarRule): number[] {
  const offsets = [-1, 0, 1].map((days) => DateTime.fromMillis(local.toMillis() + days * 86_400_000, { zone }).offset);
  const candidates = [...new Set(offsets)].map((offset) => local.toMillis() - offset * 60_000).sort((a, b) => a - b);
  const valid = candidates.filter((at) => DateTime.fromMillis(at, { zone }).toFormat('yyyyMMddHHmmss') === local.toFormat('yyyyMMddHHmmss'));
  if (valid.length > 0) return fold === 'both' ? valid : [(fold === 'first' ? valid[0] : valid.at(-1)) as number];
  if (gap === 'skip') return [];
  const shifted = candidates.at(-1) as number;
  if (gap === 'shift') return [shifted];
  // The end of the gap: the first second from the day before whose offset is the later one.
  let end = shifted;
  while (DateTime.fromMillis(end - 1_000, { zone }).offset === DateTime.fromMillis(shifted, { zone }).offset) end -= 1_000;
  return [end];
}

describe('calendar rules', () => {
  it('agree with counting days by hand, forward and back', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(calendarRule, fc.integer({ min: 0, max: 3_000 }), (rule, offset) => {
        const from = DateTime.utc(2020, 1, 1).plus({ days: offset });
        const days = rule.unit === 'year' ? 500 : rule.unit === 'month' ? 200 : 60;
        const [low, high] = [from.toMillis() + 2 * 86_400_000, from.plus({ days: days - 2 }).toMillis()];
        const wanted = new Set<number>();
        for (let i = 0; i < days; i++) {
          const date = from.plus({ days: i });
          if (!planned(rule, date)) continue;
          for (const time of rule.at) {
            for (const at of instants(DateTime.fromISO(`${date.toISODate()}T${time}Z`, { zone: 'utc' }), rule.timezone, rule))
              if (at > low && at < high) wanted.add(at);
          }
        }
        let schedule: RecurringSchedule;
        try {
          schedule = new RecurringSchedule(rule);
        } catch {
          expect([...wanted]).toEqual([]);
          return;
        }
        const [forward, backward]: [number[], number[]] = [[], []];
        for (let at = schedule.next(low); at !== null && at < high; at = schedule.next(at)) forward.push(at);
        for (let at = schedule.prev(high); at !== null && at > low; at = schedule.prev(at)) backward.push(at);
        expect(forward).toEqual([...wanted].sort((a, b) => a - b));
        expect(backward.reverse()).toEqual(forward);
        for (const at of forward.slice(0, 3)) expect(schedule.matches(at + 999)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('keep their local time when the clocks change', () => {
    expect(locals({ every: 'day', at: '09:00' }, 2, Date.parse('2027-03-27T12:00:00Z'))).toEqual(['2027-03-28T09:00:00', '2027-03-29T09:00:00']);
    expect(locals({ every: '2 days', anchor: '2027-03-26T09:00' }, 2, Date.parse('2027-03-27T12:00:00Z'))).toEqual([
      '2027-03-28T09:00:00',
      '2027-03-30T09:00:00',
    ]);
  });

  it.each([
    [{ every: 'day', at: ['09:00', '2:30'] }, ['2026-11-23T02:30:00', '2026-11-23T09:00:00', '2026-11-24T02:30:00']],
    [{ every: '2 weeks', weekdays: ['mon', 'Friday'], at: '8:15' }, ['2026-11-30T08:15:00', '2026-12-04T08:15:00', '2026-12-14T08:15:00']],
    [{ every: 'weekly', weekdays: 'weekend', at: '10:00' }, ['2026-11-28T10:00:00', '2026-11-29T10:00:00', '2026-12-05T10:00:00']],
    [{ every: 'week', at: '10:00' }, ['2026-11-29T10:00:00', '2026-12-06T10:00:00', '2026-12-13T10:00:00']],
    [{ every: 'month', days: 31, at: '12:00' }, ['2026-11-30T12:00:00', '2026-12-31T12:00:00', '2027-01-31T12:00:00']],
    [{ every: 'month', days: 31, at: '12:00', shortMonth: 'skip' }, ['2026-12-31T12:00:00', '2027-01-31T12:00:00', '2027-03-31T12:00:00']],
    [{ every: 'month', days: ['last', '1st monday'], at: '12:00' }, ['2026-11-30T12:00:00', '2026-12-07T12:00:00', '2026-12-31T12:00:00']],
    [{ every: { n: 3, unit: 'months' }, days: 'last friday', at: '12:00' }, ['2026-11-27T12:00:00', '2027-02-26T12:00:00', '2027-05-28T12:00:00']],
    [{ every: 'month', days: 'last workday', at: '17:00' }, ['2026-11-30T17:00:00', '2026-12-31T17:00:00', '2027-01-29T17:00:00']],
    [{ every: 'year', months: 'february', days: 29, shortMonth: 'skip', at: '00:00' }, ['2028-02-29T00:00:00', '2032-02-29T00:00:00', '2036-02-29T00:00:00']],
    [{ every: 'year', months: [6, 'jan'], days: 15, at: '00:00' }, ['2027-01-15T00:00:00', '2027-06-15T00:00:00', '2028-01-15T00:00:00']],
    [{ every: 'year' }, ['2027-11-22T11:20:30', '2028-11-22T11:20:30', '2029-11-22T11:20:30']],
    [{ every: '90s' }, ['2026-11-22T11:22:00', '2026-11-22T11:23:30', '2026-11-22T11:25:00']],
    [{ every: '1h30m', anchor: '2026-11-22T00:00' }, ['2026-11-22T12:00:00', '2026-11-22T13:30:00', '2026-11-22T15:00:00']],
    [{ every: '1d', at: '07:00' }, ['2026-11-23T07:00:00', '2026-11-24T07:00:00', '2026-11-25T07:00:00']],
    [{ every: 'P1W', at: '07:00' }, ['2026-11-29T07:00:00', '2026-12-06T07:00:00', '2026-12-13T07:00:00']],
  ])('%j', (input, wanted) => {
    expect(locals(input, 3)).toEqual(wanted);
  });

  it.each([
    [{ every: 'day', at: ['09:00', '02:30'] }, 'Every day at 02:30 and 09:00, Europe/Berlin time.'],
    [{ every: '2 weeks', weekdays: ['fri', 'mon'], at: '08:15' }, 'Every 2 weeks on Monday and Friday at 08:15, counted from 2026-11-22, Europe/Berlin time.'],
    [{ every: 'month', days: 31, at: '12:00' }, 'Every month on day 31 (the last day in shorter months) at 12:00, Europe/Berlin time.'],
    [{ every: 'month', days: 31, at: '12:00', shortMonth: 'skip' }, 'Every month on day 31 (not in shorter months) at 12:00, Europe/Berlin time.'],
    [
      { every: 'year', months: 2, days: ['last', '2nd tue', 'last workday'], at: '12:00' },
      'Every year on the last day, the 2nd Tuesday and the last working day of February at 12:00, Europe/Berlin time.',
    ],
    [{ every: '90s' }, 'Every 90 seconds, counted from 2026-11-22T10:20:30Z, Europe/Berlin time.'],
  ])('%j reads', (input, sentence) => {
    expect(occurrencesOf(ruleOf(input)).describe()).toBe(sentence);
  });

  it.each([
    [{}, 'every', 'A recurring rule needs every, or rrule.'],
    [{ every: '-5m' }, 'every', '"-5m" is no interval.'],
    [{ every: '0s' }, 'every', '"0s" is no whole number of seconds above zero.'],
    [{ every: '1500ms' }, 'every', 'no whole number of seconds'],
    [{ every: '0 days' }, 'every', '0 is no interval.'],
    [{ every: { n: -1, unit: 'day' } }, 'every.n', '-1 is no interval.'],
    [{ every: { n: 1.5, unit: 'day' } }, 'every.n', '1.5 is no interval.'],
    [{ every: 'fortnight' }, 'every', 'There is no unit "fortnight".'],
    [{ every: { n: 1, unit: 'moth' } }, 'every.unit', 'There is no unit "moth".'],
    [{ every: 'hour', at: '10:00' }, 'at', 'at has no meaning for a rule of every hour.'],
    [{ every: 'day', weekdays: 'mon' }, 'weekdays', 'weekdays has no meaning'],
    [{ every: 'week', days: 1 }, 'days', 'days has no meaning'],
    [{ every: 'day', shortMonth: 'skip' }, 'shortMonth', 'shortMonth has no meaning'],
    [{ every: '5m', gap: 'skip' }, 'gap', 'gap has no meaning'],
    [{ every: 'day', at: '24:00' }, 'at', '"24:00" is no time of day.'],
    [{ every: 'week', weekdays: 'moonday' }, 'weekdays.0', 'There is no weekday "moonday".'],
    [{ every: 'month', days: 32 }, 'days.0', '"32" is no day of a month.'],
    [{ every: 'month', days: 'sixth friday' }, 'days.0', 'is no day of a month.'],
    [{ every: 'year', months: 13 }, 'months.0', 'There is no month "13".'],
    [{ every: 'year', months: 2, days: 30, shortMonth: 'skip' }, 'days', 'No month of the rule has one of its days.'],
    [{ every: 'day', anchor: 'yesterday' }, 'anchor', '"yesterday" is no time.'],
    [{ every: 'day', timezone: 'Mars/Olympus' }, 'timezone', 'There is no time zone "Mars/Olympus".'],
    [{ rrule: 'FREQ=DAILY', every: 'day' }, 'every', 'rrule stands in place of every'],
  ])('refuses %j', (input, path, message) => {
    expect(() => ruleOf(input)).toThrow(expect.objectContaining({ code: 'invalid_input', path, message: expect.stringContaining(message) }));
  });
});

describe('interval rules', () => {
  it('count elapsed time from their anchor in both directions, whatever the clocks do', () => {
    const rule: RecurringRule = { kind: 'recurring', unit: 'hour', n: 36, anchor: Date.parse('2026-10-24T00:00:00Z'), timezone: 'Europe/Berlin' };
    const schedule = new RecurringSchedule(rule);
    expect(schedule.next(rule.anchor)).toBe(rule.anchor + 36 * 3_600_000);
    expect(schedule.prev(rule.anchor)).toBe(rule.anchor - 36 * 3_600_000);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2e12 }), (at) => {
        const next = schedule.next(at) as number;
        expect(next - at).toBeGreaterThan(0);
        expect(next - at).toBeLessThanOrEqual(36 * 3_600_000);
        expect((next - rule.anchor) % (36 * 3_600_000)).toBe(next < rule.anchor ? -0 : 0);
        expect(schedule.prev(next + 1)).toBe(next);
        expect(schedule.next(schedule.prev(next) as number)).toBe(next);
      }),
    );
  });
});
