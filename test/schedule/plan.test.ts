// Owns what lies around a rule: one-off times, bounds and exclusions, previews, warnings and jitter.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScheduleRule } from '../../src/domain/schedule.ts';
import { jitterOf } from '../../src/schedule/jitter.ts';
import { type Bounds, UNBOUNDED } from '../../src/schedule/occurrence-rule.ts';
import { occurrencesOf } from '../../src/schedule/occurrences.ts';
import { preview, warningsOf } from '../../src/schedule/preview.ts';
import { type NormalRule, normaliseRule, RuleInput } from '../../src/schedule/rule-input.ts';

const NOW = Date.parse('2026-11-22T10:20:30Z');
const berlin = { timezone: 'Europe/Berlin' };

function normal(input: object): NormalRule {
  const read = normaliseRule(RuleInput.parse(input), NOW);
  expect(ScheduleRule.parse(read.rule)).toEqual(read.rule);
  return read;
}

const cron = (expression: string, more: object = {}): ScheduleRule => normal({ kind: 'cron', expression, ...berlin, ...more }).rule;
const utc = (at: number | null | undefined): string | null => (at === null || at === undefined ? null : new Date(at).toISOString().replace('.000Z', 'Z'));

describe('once', () => {
  it.each([
    [{ at: '2026-12-01T09:00:00+02:00' }, '2026-12-01T07:00:00Z'],
    [{ at: '2026-12-01T09:00Z', ...berlin }, '2026-12-01T09:00:00Z'],
    [{ at: '2026-12-01T09:00:00.250-0330' }, '2026-12-01T12:30:00.250Z'],
    [{ at: '2026-12-01 09:00', ...berlin }, '2026-12-01T08:00:00Z'],
    [{ at: '2026-12-01', ...berlin }, '2026-11-30T23:00:00Z'],
    [{ at: '2026-12-01T09:00' }, '2026-12-01T09:00:00Z'],
    [{ delay: '10m' }, '2026-11-22T10:30:30Z'],
    [{ delay: 0 }, '2026-11-22T10:20:30Z'],
    [{ at: '2026-11-22T10:19:40Z' }, '2026-11-22T10:19:40Z'],
  ])('%j', (input, at) => {
    const { rule, notes } = normal({ kind: 'once', ...input });
    expect([utc((rule as { at: number }).at), notes]).toEqual([at, []]);
  });

  it('a local time that is skipped or repeated is told', () => {
    const gap = { kind: 'once', at: '2027-03-28T02:30', ...berlin };
    expect(normal(gap)).toMatchObject({ rule: { at: Date.parse('2027-03-28T01:00:00Z') }, notes: [expect.stringContaining('does not exist')] });
    expect(normal({ ...gap, gap: 'shift' })).toMatchObject({ rule: { at: Date.parse('2027-03-28T01:30:00Z') }, notes: [expect.stringContaining('03:30')] });
    expect(() => normal({ ...gap, gap: 'skip' })).toThrow(/does not exist: the clocks skip it/);
    const fold = { kind: 'once', at: '2027-10-31T02:30', ...berlin };
    expect(normal(fold)).toMatchObject({ rule: { at: Date.parse('2027-10-31T00:30:00Z') }, notes: [expect.stringContaining('happens twice; the first one')] });
    expect(normal({ ...fold, fold: 'second' })).toMatchObject({
      rule: { at: Date.parse('2027-10-31T01:30:00Z') },
      notes: [expect.stringContaining('the second one')],
    });
    expect(() => normal({ ...fold, fold: 'both' })).toThrow(/one instant/);
  });

  it.each([
    [{}, 'at', 'one of at and delay'],
    [{ at: '2027-01-01', delay: '1m' }, 'at', 'one of at and delay'],
    [{ at: 'tomorrow' }, 'at', '"tomorrow" is no time.'],
    [{ at: '2027-02-30T00:00Z' }, 'at', 'is no time.'],
    [{ at: '2027-01-01T25:00Z' }, 'at', 'is no time.'],
    [{ at: '2027-01-01T00:00+19:00' }, 'at', 'has no valid offset'],
    [{ at: '2026-11-22T10:00:00Z' }, 'at', '2026-11-22T10:00:00Z has passed: it was 20m30s ago.'],
  ])('refuses %j', (input, path, message) => {
    expect(() => normal({ kind: 'once', ...input })).toThrow(
      expect.objectContaining({ code: 'invalid_input', path, message: expect.stringContaining(message) }),
    );
  });

  it('is one occurrence', () => {
    const { rule } = normal({ kind: 'once', at: '2026-12-01T09:00', ...berlin });
    const at = Date.parse('2026-12-01T08:00:00Z');
    const once = occurrencesOf(rule);
    expect([once.next(at - 1), once.next(at), once.prev(at), once.prev(at + 1), once.matches(at + 500), once.matches(at - 1)]).toEqual([
      at,
      null,
      null,
      at,
      true,
      false,
    ]);
    expect(once.describe()).toBe('Once, at 2026-12-01T09:00:00+01:00.');
    expect(occurrencesOf(rule, { ...UNBOUNDED, end: at - 1 }).next(0)).toBeNull();
  });
});

describe('bounds', () => {
  const daily = cron('0 9 * * *');
  const start = Date.parse('2026-12-01T08:00:00Z');

  it('start and end belong to the plan', () => {
    const bounded = occurrencesOf(daily, { start, end: start + 2 * 86_400_000, exclusions: [] });
    expect([bounded.next(0), bounded.next(start + 86_400_000), bounded.next(start + 2 * 86_400_000)]).toEqual([start, start + 2 * 86_400_000, null]);
    expect([bounded.prev(9e12), bounded.prev(start + 1), bounded.prev(start)]).toEqual([start + 2 * 86_400_000, start, null]);
    expect([bounded.matches(start + 59_000), bounded.matches(start - 86_400_000)]).toEqual([true, false]);
  });

  it('excluded dates and local times plan nothing', () => {
    const exclusions = [
      { from: '2026-12-24', to: '2026-12-26' },
      { from: '2026-12-28T09:00:00', to: '2026-12-28T09:00:00' },
      { from: '2026-12-25', to: '2026-12-27' },
    ];
    const bounded = occurrencesOf(daily, { start: null, end: null, exclusions });
    expect(utc(bounded.next(Date.parse('2026-12-23T12:00:00Z')))).toBe('2026-12-29T08:00:00Z');
    expect(utc(bounded.prev(Date.parse('2026-12-29T08:00:00Z')))).toBe('2026-12-23T08:00:00Z');
    expect(bounded.matches(Date.parse('2026-12-25T08:00:00Z'))).toBe(false);
  });

  it('a short exclusion inside a long one changes nothing', () => {
    const exclusions = [
      { from: '2026-12-10', to: '2026-12-20' },
      { from: '2026-12-19', to: '2026-12-19' },
    ];
    const bounded = occurrencesOf(daily, { start: null, end: null, exclusions });
    expect(utc(bounded.prev(Date.parse('2026-12-21T08:00:00Z')))).toBe('2026-12-09T08:00:00Z');
    expect(utc(bounded.next(Date.parse('2026-12-09T08:00:00Z')))).toBe('2026-12-21T08:00:00Z');
  });

  it('an excluded day is as long as the clocks make it', () => {
    const hourly = cron('0 * * * *');
    const firesIn = (exclusions: Bounds['exclusions'], from: number): number => {
      const occurrences = occurrencesOf(hourly, { start: null, end: null, exclusions });
      let count = 0;
      for (let at = occurrences.next(from); at !== null && at <= from + 3 * 86_400_000; at = occurrences.next(at)) count++;
      return count;
    };
    const count = (date: string): number => {
      const from = Date.parse(`${date}T00:00:00Z`) - 86_400_000;
      return firesIn([], from) - firesIn([{ from: date, to: date }], from);
    };
    expect([count('2026-03-29'), count('2026-06-01'), count('2026-10-25')]).toEqual([23, 24, 25]);
  });

  it.each([
    [{ start, end: start - 1, exclusions: [] }, 'end', 'lies before start'],
    [{ start: null, end: null, exclusions: [{ from: '2026-02-30', to: '2026-03-01' }] }, 'exclusions.0.from', 'is no date'],
    [{ start: null, end: null, exclusions: [{ from: '2026-02-01', to: '2026-02-31' }] }, 'exclusions.0.to', 'is no date'],
    [{ start: null, end: null, exclusions: [{ from: '2026-03-02', to: '2026-03-01' }] }, 'exclusions.0.to', 'ends (2026-03-01) before it begins'],
  ])('refuses %j', (bounds: Bounds, path, message) => {
    expect(() => occurrencesOf(daily, bounds)).toThrow(expect.objectContaining({ path, message: expect.stringContaining(message) }));
  });

  it('next and prev stay inverses under random exclusions', () => {
    const day = fc.integer({ min: 0, max: 60 });
    const dateOf = (offset: number): string => new Date(Date.UTC(2026, 2, 1 + offset)).toISOString().slice(0, 10);
    const recurring = normal({ kind: 'recurring', every: '7h', anchor: '2026-03-01', ...berlin }).rule;
    fc.assert(
      fc.property(fc.constantFrom(daily, recurring), fc.array(fc.tuple(day, day), { maxLength: 6 }), day, (rule, ranges, offset) => {
        const exclusions = ranges.map(([a, b]) => ({ from: dateOf(Math.min(a, b)), to: dateOf(Math.max(a, b)) }));
        const bounded = occurrencesOf(rule, { start: null, end: null, exclusions });
        const at = Date.UTC(2026, 2, 1 + offset);
        const next = bounded.next(at) as number;
        expect(bounded.prev(next + 1)).toBe(next);
        expect(bounded.next(bounded.prev(next) as number)).toBe(next);
        expect(bounded.matches(next)).toBe(true);
        const [date] = preview(rule, 1, next - 1).map(({ local }) => local.slice(0, 10)) as [string];
        expect(exclusions.some(({ from, to }) => date >= from && date <= to)).toBe(false);
      }),
    );
  });
});

describe('preview and warnings', () => {
  const warn = (rule: ScheduleRule, bounds: Bounds = UNBOUNDED): string[] => warningsOf({ rule, ...bounds }, NOW);

  it('shows local time and UTC', () => {
    expect(preview(cron('30 2 * * *'), 2, Date.parse('2027-03-27T12:00:00Z'))).toEqual([
      { at: Date.parse('2027-03-28T01:00:00Z'), local: '2027-03-28T03:00:00+02:00', utc: '2027-03-28T01:00:00.000Z' },
      { at: Date.parse('2027-03-29T00:30:00Z'), local: '2027-03-29T02:30:00+02:00', utc: '2027-03-29T00:30:00.000Z' },
    ]);
    expect(preview(normal({ kind: 'once', delay: '1m' }).rule, 5, NOW)).toHaveLength(1);
  });

  it('a plain rule has none', () => {
    expect(warn(cron('0 9 * * 1-5'))).toEqual([]);
    expect(warn(cron('*/5 * * * *'))).toEqual([]);
    expect(warn(cron('30 2 * * *', { timezone: 'Asia/Kolkata' }))).toEqual([]);
    expect(warn(normal({ kind: 'recurring', every: '10s' }).rule)).toEqual([]);
  });

  it('names what is too frequent or over', () => {
    expect(warn(cron('*/5 * * * * *'))).toEqual(['It fires as often as every 5s.']);
    expect(warn(normal({ kind: 'recurring', every: '1s' }).rule)).toEqual(['It fires as often as every 1s.']);
    expect(warn(cron('0 9 * * *'), { ...UNBOUNDED, end: NOW })).toEqual(['It never fires again.']);
    expect(warn(cron('30 2 * 3 0L', { gap: 'skip' }))).toEqual(['It never fires again.']);
  });

  it('names the dates on which the clocks skip or repeat a planned time', () => {
    expect(warn(cron('30 2 * * *'))).toEqual([
      '02:30 on 2027-03-28 does not exist in Europe/Berlin: the clocks skip 02:00 to 03:00; it fires at the end of the gap (gap next_valid).',
      '02:30 on 2027-10-31 happens twice in Europe/Berlin: the clocks repeat 02:00 to 03:00; it fires at the first one (fold first).',
    ]);
    expect(warn(cron('30 2 * * *', { gap: 'shift', fold: 'both' }))).toEqual([
      expect.stringContaining('as far into the time after it'),
      expect.stringContaining('it fires at both'),
    ]);
    expect(warn(cron('30 2 * * *', { gap: 'skip', fold: 'second' }))).toEqual([
      expect.stringContaining('it does not fire then'),
      expect.stringContaining('at the second one'),
    ]);
    expect(warn(normal({ kind: 'recurring', every: 'week', weekdays: 'sun', at: '02:00', ...berlin }).rule)).toHaveLength(2);
    expect(warn(normal({ kind: 'recurring', every: 'week', weekdays: 'mon', at: '02:00', ...berlin }).rule)).toEqual([]);
    expect(warn(cron('30 2 * * *'), { ...UNBOUNDED, end: Date.parse('2027-01-01T00:00:00Z') })).toEqual([]);
  });
});

describe('jitter', () => {
  it('is the same for a planned time, in its range, and evenly spread', () => {
    expect(jitterOf('sched_a', NOW, 0)).toBe(0);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const jitter = jitterOf(`sched_${i % 100}`, NOW + Math.floor(i / 100) * 60_000, 9_999);
      expect(jitter).toBe(jitterOf(`sched_${i % 100}`, NOW + Math.floor(i / 100) * 60_000, 9_999));
      counts[Math.floor(jitter / 1_000)] = (counts[Math.floor(jitter / 1_000)] ?? 0) + 1;
    }
    expect(counts).toHaveLength(10);
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(250);
  });
});
