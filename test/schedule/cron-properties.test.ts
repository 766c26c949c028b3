// Owns that next, prev and matches do what the wall clocks say: random expressions in sixteen zones against an independent oracle, and against croner in UTC.
import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CronExpression } from '../../src/schedule/cron-expression.ts';
import { ScheduleError } from '../../src/schedule/schedule-error.ts';
import { changesIn, firesOf, type Table, tableOf } from './cron-oracle.ts';
import { type RandomCron, randomCron } from './random-cron.ts';

/** Each with a year that holds its oddity. */
const ODDITIES: readonly (readonly [string, number])[] = [
  ['Europe/Berlin', 2026],
  ['America/New_York', 2026],
  ['America/St_Johns', 2010], // changes at 00:01
  ['America/Havana', 2026], // at midnight
  ['Australia/Lord_Howe', 2026], // half an hour
  ['Africa/Casablanca', 2026], // Ramadan
  ['Africa/Cairo', 2014], // four changes
  ['Pacific/Apia', 2011], // no 30 December
  ['Asia/Kathmandu', 1986], // a quarter of an hour
  ['Pacific/Chatham', 2026], // at 02:45
  ['America/Nuuk', 2024], // on Saturday evening
  ['America/Scoresbysund', 2024],
  ['Asia/Tehran', 2022],
  ['Antarctica/Troll', 2026], // two hours
  ['Asia/Pyongyang', 2015],
  ['Europe/Dublin', 2026],
];
const changes = ODDITIES.flatMap(([zone, year]) => changesIn(zone, year));
const calm: Table[] = [
  tableOf('UTC', Date.UTC(2028, 1, 10), 40),
  tableOf('Europe/Berlin', Date.UTC(2027, 11, 10), 45),
  tableOf('Asia/Kolkata', Date.UTC(2026, 6, 20), 40),
];
const MAX_FIRES = 500;

const gap = fc.constantFrom('next_valid', 'shift', 'skip', undefined);
const fold = fc.constantFrom('first', 'second', 'both', undefined);

/** The expression, or undefined for one that can never fire. */
function parse(random: RandomCron, options: Parameters<typeof CronExpression.parse>[1]): CronExpression | undefined {
  try {
    return CronExpression.parse(random.text, options);
  } catch (error) {
    if (error instanceof ScheduleError && error.message.includes('can never fire')) return undefined;
    throw error;
  }
}

function forward(cron: CronExpression, after: number, until: number): number[] {
  const fires: number[] = [];
  for (let at = cron.next(after); at !== null && at < until && fires.length < MAX_FIRES; at = cron.next(at)) fires.push(at);
  return fires;
}

function backward(cron: CronExpression, before: number, until: number): number[] {
  const fires: number[] = [];
  for (let at = cron.prev(before); at !== null && at > until && fires.length < MAX_FIRES; at = cron.prev(at)) fires.push(at);
  return fires.reverse();
}

function judge(
  table: Table,
  random: RandomCron,
  policy: { gap: 'next_valid' | 'shift' | 'skip' | undefined; fold: 'first' | 'second' | 'both' | undefined },
): void {
  const cron = parse(random, { timezone: table.zone, ...policy });
  const wanted = firesOf(table, {
    ...random,
    gap: policy.gap ?? (random.fixed ? 'next_valid' : 'skip'),
    fold: policy.fold ?? (random.fixed ? 'first' : 'both'),
  });
  const { from, to } = table;
  if (cron === undefined) expect(wanted).toEqual([]);
  else {
    expect(forward(cron, from, to)).toEqual(wanted.slice(0, MAX_FIRES));
    expect(backward(cron, to, from)).toEqual(wanted.slice(-MAX_FIRES));
  }
}

describe('next and prev', () => {
  it('the windows hold gaps and folds of every kind', () => {
    expect(changes.length).toBeGreaterThan(28);
  });

  it('agree with the wall clocks around changes, under every policy', () => {
    fc.assert(
      fc.property(fc.constantFrom(...changes), randomCron, gap, fold, (table, random, gapPolicy, foldPolicy) =>
        judge(table, random, { gap: gapPolicy, fold: foldPolicy }),
      ),
      { numRuns: 3_000 },
    );
  });

  it('agree with the wall clocks over whole months', () => {
    fc.assert(
      fc.property(fc.constantFrom(...calm), randomCron, (table, random) => judge(table, random, { gap: undefined, fold: undefined })),
      { numRuns: 400 },
    );
  });

  it('are inverses from any moment, years apart, and matches knows exactly their instants', () => {
    const zones = fc.constantFrom('UTC', ...ODDITIES.map(([zone]) => zone));
    const moment = fc.integer({ min: Date.UTC(1985, 0, 1), max: Date.UTC(2040, 0, 1) });
    fc.assert(
      fc.property(zones, randomCron, gap, fold, moment, (timezone, random, gapPolicy, foldPolicy, at) => {
        const cron = parse(random, { timezone, gap: gapPolicy, fold: foldPolicy });
        const next = cron?.next(at) ?? null;
        if (cron === undefined || next === null) return;
        expect(next).toBeGreaterThan(at);
        const before = cron.prev(next);
        if (before !== null) {
          expect(before).toBeLessThanOrEqual(at);
          expect(cron.next(before)).toBe(next);
        }
        expect(cron.prev(next + 1)).toBe(next);
        expect(cron.next(next - 1)).toBe(next);
        expect(cron.matches(next)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('agree with croner in UTC', () => {
    fc.assert(
      fc.property(
        randomCron.filter(({ special }) => !special),
        fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) }),
        (random, from) => {
          const cron = parse(random, {});
          if (cron === undefined) return;
          const theirs = new Cron(random.text, { timezone: 'UTC', sloppyRanges: true, legacyMode: true, paused: true });
          let [ours, other]: [number | null, Date | null] = [cron.next(from), theirs.nextRun(new Date(from))];
          for (let i = 0; i < 5; i++) {
            expect(ours).toBe(other?.getTime() ?? null);
            if (ours === null || other === null) return;
            [ours, other] = [cron.next(ours), theirs.nextRun(other)];
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('the normalised text means the same', () => {
    fc.assert(
      fc.property(randomCron, fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) }), (random, from) => {
        const cron = parse(random, { timezone: 'Europe/Berlin' });
        if (cron === undefined) return;
        const again = CronExpression.of(cron.rule);
        expect(again.rule).toEqual(cron.rule);
        expect(forward(again, from, from + 40 * 86_400_000).slice(0, 20)).toEqual(forward(cron, from, from + 40 * 86_400_000).slice(0, 20));
      }),
      { numRuns: 500 },
    );
  });
});
