// Owns that RFC 5545 rules become rules that plan the same times, and are written back; rrule-temporal is the judge.
import fc from 'fast-check';
import { RRuleTemporal } from 'rrule-temporal';
import { describe, expect, it } from 'vitest';
import type { RecurringRule } from '../../src/domain/schedule.ts';
import { occurrencesOf } from '../../src/schedule/occurrences.ts';
import { type ReadRRule, readRRule } from '../../src/schedule/rrule-input.ts';
import { writeRRule } from '../../src/schedule/rrule-output.ts';
import { type NormalRule, normaliseRule, RuleInput } from '../../src/schedule/rule-input.ts';

const NOW = Date.parse('2026-11-22T10:20:30Z');
const read = (text: string, timezone?: string): ReadRRule => readRRule(text, { timezone, gap: undefined, fold: undefined, now: NOW });
const bounds = ({ start, end, maxRuns, exclusions }: ReadRRule): Parameters<typeof writeRRule>[1] => ({
  start,
  end: end ?? null,
  maxRuns: maxRuns ?? null,
  exclusions: [...(exclusions ?? [])],
});

function ours(rrule: ReadRRule, n: number): string[] {
  const occurrences = occurrencesOf(rrule.rule, bounds(rrule));
  const found: string[] = [];
  for (let at = occurrences.next(rrule.start - 1); at !== null && found.length < Math.min(n, rrule.maxRuns ?? n); at = occurrences.next(at))
    found.push(new Date(at).toISOString());
  return found;
}

const theirs = (text: string, n: number): string[] =>
  new RRuleTemporal({ rruleString: text }).all((_, i) => i < n).map((each) => new Date(each.epochMilliseconds).toISOString());

describe('RRULE in', () => {
  it.each([
    'DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE',
    'DTSTART;TZID=America/New_York:20260301T110000\nRRULE:FREQ=DAILY;INTERVAL=3',
    'DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,17;BYMINUTE=30;BYSECOND=0',
    'DTSTART;TZID=Europe/Berlin:20260131T120000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=31',
    'DTSTART;TZID=Europe/Berlin:20260131T120000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1',
    'DTSTART;TZID=Europe/Berlin:20260113T120000\nRRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=2TU',
    'DTSTART;TZID=Europe/Berlin:20260130T120000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR',
    'DTSTART;TZID=Europe/Berlin:20260130T120000\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
    'DTSTART;TZID=Europe/Berlin:20260106T120000\nRRULE:FREQ=MONTHLY;BYDAY=TU',
    'DTSTART;TZID=Europe/Berlin:20240229T120000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29',
    'DTSTART;TZID=Europe/Berlin:20260104T120000\nRRULE:FREQ=YEARLY;BYMONTH=1,7;BYDAY=1SU',
    'DTSTART;TZID=Europe/Berlin:20260115T120000\nRRULE:FREQ=MONTHLY;BYMONTH=1,6;BYMONTHDAY=15',
    'DTSTART:20260101T000000Z\nRRULE:FREQ=HOURLY;INTERVAL=36',
    'DTSTART:20260101T000000Z\nRRULE:FREQ=MINUTELY;INTERVAL=45;COUNT=7',
    'DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260301T000000Z',
    'DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO\nEXDATE;TZID=Europe/Berlin:20260112T090000,20260119T090000',
  ])('%s', (text) => {
    const wanted = theirs(text, 12);
    expect(wanted.length).toBeGreaterThan(6);
    expect(ours(read(text), 12)).toEqual(wanted);
  });

  it('a time that the clocks skip is ignored, as RFC 5545 says', () => {
    const text = 'DTSTART;TZID=Europe/Berlin:20260327T023000\nRRULE:FREQ=DAILY';
    expect(ours(read(text), 4)).toEqual(['2026-03-27T01:30:00.000Z', '2026-03-28T01:30:00.000Z', '2026-03-30T00:30:00.000Z', '2026-03-31T00:30:00.000Z']);
  });

  it('without DTSTART it begins now', () => {
    expect(read('FREQ=DAILY', 'Europe/Berlin')).toMatchObject({
      start: NOW,
      rule: { unit: 'day', anchor: '2026-11-22', at: ['11:20:30'], timezone: 'Europe/Berlin' },
    });
  });

  it.each([
    ['FREQ=YEARLY;BYWEEKNO=3', 'not_available', 'BYWEEKNO with FREQ=YEARLY'],
    ['FREQ=YEARLY;BYYEARDAY=3', 'not_available', 'BYYEARDAY'],
    ['FREQ=HOURLY;BYMINUTE=3', 'not_available', 'BYMINUTE with FREQ=HOURLY'],
    ['FREQ=DAILY;INTERVAL=2;BYDAY=MO', 'not_available', 'BYDAY with FREQ=DAILY;INTERVAL=2'],
    ['FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO', 'not_available', 'WKST=SU with INTERVAL=2'],
    ['FREQ=MONTHLY;BYMONTHDAY=-2', 'not_available', 'BYMONTHDAY=-2'],
    ['FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1', 'not_available', 'BYSETPOS with these weekdays'],
    ['FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR', 'not_available', 'BYDAY together with BYMONTHDAY'],
    ['FREQ=YEARLY;BYDAY=1MO', 'not_available', 'BYDAY without BYMONTH'],
    ['FREQ=MONTHLY;INTERVAL=2;BYMONTH=1', 'not_available', 'BYMONTH with FREQ=MONTHLY;INTERVAL=2'],
    ['RRULE:FREQ=DAILY\nRDATE:20260101T000000Z', 'not_available', 'RDATE'],
    ['FREQ=FORTNIGHTLY', 'invalid_input', 'FREQ is FORTNIGHTLY'],
    ['RRULE:INTERVAL=2', 'invalid_input', 'FREQ is missing'],
    ['FREQ=DAILY;INTERVAL=0', 'invalid_input', 'INTERVAL=0 is out of range'],
    ['FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z', 'invalid_input', 'one of UNTIL and COUNT'],
    ['FREQ=WEEKLY;BYDAY=XX', 'invalid_input', 'no weekday XX'],
    ['FREQ=WEEKLY;BYDAY=2MO', 'invalid_input', 'no weekday 2MO'],
    ['FREQ=DAILY;FREQ=DAILY', 'invalid_input', 'cannot read'],
    ['FREQ=DAILY;UNTIL=tomorrow', 'invalid_input', 'is no date'],
    ['FREQ=MONTHLY;BYMONTHDAY=0', 'invalid_input', 'BYMONTHDAY=0 is out of range'],
    ['DTSTART:20260101T000000Z', 'invalid_input', 'needs one RRULE line'],
    ['DTSTART;TZID=Europe/Berln:20260101T000000\nRRULE:FREQ=DAILY', 'invalid_input', 'There is no time zone'],
  ])('refuses %s', (text, code, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code, path: 'rrule', message: expect.stringContaining(message) }));
  });

  it('refuses two time zones', () => {
    expect(() => read('DTSTART;TZID=Europe/Berlin:20260101T000000\nRRULE:FREQ=DAILY', 'UTC')).toThrow(expect.objectContaining({ path: 'timezone' }));
  });
});

describe('RRULE as a written rule', () => {
  it('gives rule, start, end and exclusions at once, and takes policies', () => {
    const rrule = 'DTSTART;TZID=Europe/Berlin:20270104T023000\nRRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=5\nEXDATE;TZID=Europe/Berlin:20270117T023000';
    expect(normaliseRule(RuleInput.parse({ kind: 'recurring', rrule, gap: 'shift' }), NOW)).toEqual({
      rule: {
        kind: 'recurring',
        unit: 'week',
        n: 1,
        weekdays: ['sun'],
        at: ['02:30:00'],
        anchor: '2027-01-04',
        timezone: 'Europe/Berlin',
        gap: 'shift',
        fold: 'first',
      },
      notes: [],
      start: Date.parse('2027-01-04T01:30:00Z'),
      // The fifth Sunday, although the second one is excluded.
      end: Date.parse('2027-02-07T01:30:00Z'),
      exclusions: [{ from: '2027-01-17T02:30:00', to: '2027-01-17T02:30:00' }],
    });
  });

  it('counts COUNT from DTSTART, whenever it is read', () => {
    const normal = (rrule: string, now = NOW): NormalRule => normaliseRule(RuleInput.parse({ kind: 'recurring', rrule }), now);
    const started = 'DTSTART:20261120T090000Z\nRRULE:FREQ=DAILY;COUNT=5';
    expect(normal(started)).toMatchObject({ end: Date.parse('2026-11-24T09:00:00Z') });
    expect(normal(started)).not.toHaveProperty('maxRuns');
    expect(normal('DTSTART:20261122T000000Z\nRRULE:FREQ=HOURLY;INTERVAL=12;COUNT=500000')).toMatchObject({
      end: Date.parse('2026-11-22T00:00:00Z') + 499_999 * 43_200_000,
    });
    expect(normal('FREQ=DAILY;COUNT=5')).toMatchObject({ maxRuns: 5 });
    expect(() => normal('DTSTART:20261101T090000Z\nRRULE:FREQ=DAILY;COUNT=5')).toThrow(
      expect.objectContaining({ path: 'rrule', message: expect.stringContaining('passed') }),
    );
  });

  it('refuses policies that do not act on elapsed time', () => {
    const refused = (input: object): unknown => {
      try {
        return normaliseRule(RuleInput.parse(input), NOW);
      } catch (error) {
        return (error as { path: string }).path;
      }
    };
    expect(refused({ kind: 'recurring', rrule: 'FREQ=HOURLY', gap: 'skip' })).toBe('gap');
    expect(refused({ kind: 'once', delay: '10m', gap: 'skip' })).toBe('gap');
    expect(refused({ kind: 'once', at: '2026-12-01T00:00:00Z', fold: 'second' })).toBe('fold');
    expect(refused({ kind: 'once', at: '2026-12-01 00:00', timezone: 'Europe/Berlin', fold: 'second' })).toMatchObject({ rule: { kind: 'once' } });
  });

  it('refuses a day that no month has', () => {
    expect(() => normaliseRule(RuleInput.parse({ kind: 'recurring', rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' }), NOW)).toThrow(/No month of the rule/);
  });
});

describe('RRULE out', () => {
  const none = { start: null, end: null, maxRuns: null, exclusions: [] };
  const daily: RecurringRule = {
    kind: 'recurring',
    unit: 'day',
    n: 1,
    anchor: '2026-01-01',
    at: ['09:00:00'],
    timezone: 'Europe/Berlin',
    gap: 'skip',
    fold: 'first',
  };

  it('what was read is written so that both read the same times in it', () => {
    const frequency = fc.constantFrom(
      'DAILY',
      'WEEKLY;BYDAY=TU,SA',
      'MONTHLY;BYMONTHDAY=5,-1',
      'MONTHLY;BYDAY=1MO,-1FR',
      'YEARLY;BYMONTH=3,9;BYMONTHDAY=31',
      'HOURLY',
      'MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1',
    );
    fc.assert(
      fc.property(frequency, fc.integer({ min: 1, max: 3 }), fc.constantFrom(';COUNT=6', ';UNTIL=20300101T000000Z', ''), (freq, interval, end) => {
        const text = `DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=${freq};INTERVAL=${interval}${end}`;
        const first = read(text);
        const written = writeRRule(first.rule as RecurringRule, bounds(first));
        expect(written).not.toBeNull();
        const again = read(written?.text as string);
        expect(ours(again, 10)).toEqual(ours(first, 10));
        expect(theirs(written?.text as string, 10)).toEqual(ours(first, 10));
        expect(written?.differs).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('says where a reader would plan other times', () => {
    expect(writeRRule({ ...daily, gap: 'next_valid', fold: 'both' }, none)?.differs).toEqual([
      expect.stringContaining('ignores times that the clocks skip'),
      expect.stringContaining('fold is both'),
    ]);
    expect(writeRRule({ ...daily, timezone: 'UTC', gap: 'next_valid' }, none)?.differs).toEqual([]);
    const excluded = {
      ...none,
      start: Date.parse('2026-01-01T08:00:00Z'),
      maxRuns: 3,
      exclusions: [{ from: '2026-01-02T09:00:00', to: '2026-01-02T09:00:00' }],
    };
    expect(writeRRule(daily, excluded)?.differs).toEqual([expect.stringContaining('COUNT')]);
  });

  it('is null where RFC 5545 has no words', () => {
    expect(writeRRule({ ...daily, at: ['02:30:00', '09:00:00'] }, none)).toBeNull();
    expect(writeRRule({ ...daily, unit: 'month', days: [{ day: 30 }], shortMonth: 'last_day' }, none)).toBeNull();
    expect(writeRRule({ ...daily, unit: 'month', days: [{ day: 3 }, { nth: 1, weekday: 'mon' }], shortMonth: 'skip' }, none)).toBeNull();
    expect(
      writeRRule(
        {
          ...daily,
          unit: 'month',
          days: [
            { nth: 1, weekday: 'workday' },
            { nth: 1, weekday: 'sun' },
          ],
          shortMonth: 'skip',
        },
        none,
      ),
    ).toBeNull();
    expect(writeRRule(daily, { ...none, maxRuns: 3 })).toBeNull();
    expect(writeRRule(daily, { ...none, start: 0, end: 1, maxRuns: 3 })).toBeNull();
    expect(writeRRule(daily, { ...none, exclusions: [{ from: '2026-01-02', to: '2026-01-05' }] })).toBeNull();
    expect(writeRRule({ ...daily, n: 2 }, { ...none, start: Date.parse('2026-01-02T08:00:00Z') })).toBeNull();
  });

  it('day 31 or the last one is the last one', () => {
    expect(writeRRule({ ...daily, timezone: 'UTC', unit: 'month', days: [{ day: 31 }], shortMonth: 'last_day' }, none)?.text).toBe(
      'DTSTART:20260101T090000Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9;BYMINUTE=0;BYSECOND=0',
    );
  });
});
