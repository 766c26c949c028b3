// Counting planned times agrees with walking them, in every zone and around every change of the clock, and takes no longer for a longer span.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ScheduleRule } from '../../src/domain/schedule.ts';
import { OccurrenceCounter } from '../../src/schedule/count-occurrences.ts';
import { CronExpression } from '../../src/schedule/cron-expression.ts';
import { UNBOUNDED } from '../../src/schedule/occurrence-rule.ts';
import { occurrencesOf } from '../../src/schedule/occurrences.ts';

const ZONES = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'America/Havana', 'Pacific/Apia', 'Asia/Kathmandu', 'Africa/Casablanca'];
const EXPRESSIONS = [
  '* * * * *',
  '*/7 * * * *',
  '0 * * * *',
  '30 2 * * *',
  '15,45 1-3 * * 1-5',
  '0 0 1 * *',
  '5 4 L * *',
  '*/20 */5 * * * *',
  '*/11 30 2 * * *',
  '0 12 13 * 5',
];
const DAY = 86_400_000;

function walked(rule: ScheduleRule, bounds: ConstructorParameters<typeof OccurrenceCounter>[1], from: number, to: number): number {
  const times = occurrencesOf(rule, bounds);
  let count = 0;
  for (let at = times.next(from - 1); at !== null && at <= to; at = times.next(at)) count++;
  return count;
}

it('agrees with walking for cron rules', () => {
  const begin = Date.UTC(2011, 0, 1);
  fc.assert(
    fc.property(
      fc.record({
        expression: fc.constantFrom(...EXPRESSIONS),
        timezone: fc.constantFrom(...ZONES),
        gap: fc.constantFrom('next_valid', 'shift', 'skip'),
        fold: fc.constantFrom('first', 'second', 'both'),
      }),
      fc.integer({ min: begin, max: begin + 400 * DAY }),
      fc.integer({ min: -5_000, max: 20 * DAY }),
      fc.boolean(),
      ({ expression, ...policy }, from, span, excludes) => {
        const { rule } = CronExpression.parse(expression, policy as never);
        const day = new Date(from + span / 2).toISOString().slice(0, 10);
        const bounds = excludes ? { ...UNBOUNDED, exclusions: [{ from: day, to: day }] } : UNBOUNDED;
        expect(new OccurrenceCounter(rule, bounds).between(from, from + span)).toBe(walked(rule, bounds, from, from + span));
      },
    ),
    { numRuns: 150 },
  );
});

it('agrees with walking over each change of the clock of a year', () => {
  for (const timezone of ZONES) {
    const { rule } = CronExpression.parse('*/10 * * * *', { timezone });
    const counter = new OccurrenceCounter(rule, UNBOUNDED);
    const from = Date.UTC(2011, 0, 1, 5, 3);
    expect(counter.between(from, from + 366 * DAY), timezone).toBe(walked(rule, UNBOUNDED, from, from + 366 * DAY));
  }
});

it('divides for intervals', () => {
  const rule = { kind: 'recurring', unit: 'second', n: 7, anchor: 1_000, timezone: 'UTC' } as const;
  const counter = new OccurrenceCounter(rule, { ...UNBOUNDED, start: 50_000, end: 500_000 });
  for (const [from, to] of [
    [0, 600_000],
    [50_000, 50_000],
    [57_000, 57_000],
    [60_001, 60_000],
  ] as const) {
    expect(counter.between(from, to)).toBe(walked(rule, { ...UNBOUNDED, start: 50_000, end: 500_000 }, from, to));
  }
});

it('counts ten years of seconds in well under a second', () => {
  const { rule } = CronExpression.parse('* * * * * *', { timezone: 'America/New_York' });
  const from = Date.UTC(2020, 0, 1, 12, 30, 1);
  const began = performance.now();
  expect(new OccurrenceCounter(rule, UNBOUNDED).between(from, from + 3_650 * DAY)).toBe(3_650 * 86_400 + 1);
  expect(performance.now() - began).toBeLessThan(1_500);
});
