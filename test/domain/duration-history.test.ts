// What is remembered of run times: the newest attempts count, however many there were, and an estimate stays within what was seen.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addAttempt,
  addSums,
  attemptsOf,
  type DurationHistory,
  type DurationSums,
  estimateFrom,
  foldIn,
  itemsOf,
  NO_HISTORY,
  NO_SUMS,
  WINDOW,
} from '../../src/domain/duration-history.ts';

function seen(...attempts: readonly { readonly ms: number; readonly ok?: boolean }[]): DurationSums {
  const cells: number[] = [];
  for (const { ms, ok = true } of attempts) addAttempt(cells, ok, ms);
  return { ...NO_SUMS, ended: attempts.length, cells };
}

const times = (ms: number, count: number): DurationHistory => Array.from({ length: count }, () => seen({ ms })).reduce(foldIn, NO_HISTORY);

describe('the history of run times', () => {
  it('expects nothing where nothing was seen', () => {
    expect(estimateFrom(NO_HISTORY, 'step')).toBeNull();
    expect(itemsOf(NO_HISTORY)).toBeNull();
  });

  it('has quantiles within a tenth, the exact mean and the share of failures', () => {
    const history = foldIn(NO_HISTORY, seen(...Array.from({ length: 100 }, (_, i) => ({ ms: (i + 1) * 10 })), { ms: 5, ok: false }));
    const estimate = estimateFrom(history, 'step');
    expect(estimate).toMatchObject({ source: 'step', samples: 100, confidence: 'high', meanMs: 505, failureRate: 1 / 101 });
    for (const [value, truth] of [
      [estimate?.p10Ms, 100],
      [estimate?.p50Ms, 500],
      [estimate?.p90Ms, 900],
      [estimate?.p95Ms, 950],
    ] as const)
      expect(Math.abs((value as number) - truth)).toBeLessThanOrEqual(truth / 10);
  });

  it('takes the run time of failures only where nothing completed', () => {
    expect(estimateFrom(foldIn(NO_HISTORY, seen({ ms: 1_000, ok: false })), 'task')).toMatchObject({
      samples: 1,
      failureRate: 1,
      p50Ms: expect.closeTo(1_000, -3),
    });
  });

  it('forgets what is more than two windows ago, by number', () => {
    let history = times(1_000, 5 * WINDOW);
    for (let i = 0; i < 2 * WINDOW; i++) history = foldIn(history, seen({ ms: 10 }));
    expect(estimateFrom(history, 'step')).toMatchObject({ meanMs: 10 });
    expect(attemptsOf(history.newest) + attemptsOf(history.earlier)).toBeLessThanOrEqual(2 * WINDOW);
  });

  it('keeps between one and two windows of the newest, whatever comes in which pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.record({ ms: fc.nat(100_000), ok: fc.boolean() }), { minLength: 1, maxLength: 50 }), { maxLength: 40 }), (pieces) => {
        const history = pieces.map((piece) => seen(...piece)).reduce(foldIn, NO_HISTORY);
        const all = pieces.flat();
        const kept = attemptsOf(history.newest) + attemptsOf(history.earlier);
        expect(kept).toBeGreaterThanOrEqual(Math.min(all.length, WINDOW));
        expect(kept).toBeLessThanOrEqual(2 * (WINDOW + 50));
        const estimate = estimateFrom(history, 'step');
        if (estimate === null) {
          expect(all).toEqual([]);
          return;
        }
        const newest = all.slice(-kept).filter(({ ok }, _, rest) => ok || rest.every((one) => !one.ok));
        const [low, high] = [Math.min(...newest.map(({ ms }) => ms)), Math.max(...newest.map(({ ms }) => ms))];
        expect(estimate.p10Ms).toBeGreaterThanOrEqual(Math.floor(low * 0.9) - 1);
        expect(estimate.p95Ms).toBeLessThanOrEqual(Math.ceil(high * 1.1) + 1);
        expect(estimate.p10Ms).toBeLessThanOrEqual(estimate.p50Ms);
        expect(estimate.p50Ms).toBeLessThanOrEqual(estimate.p90Ms);
      }),
    );
  });

  it('adds sums in any order to the same', () => {
    const a = { ...seen({ ms: 5 }, { ms: 700, ok: false }), eachRuns: 1, items: 4 };
    const b = { ...seen({ ms: 700 }), eachRuns: 1, items: 2 };
    expect(itemsOf({ newest: addSums(a, b), earlier: NO_SUMS })).toBe(3);
    expect(estimateFrom({ newest: addSums(a, b), earlier: NO_SUMS }, 'step')).toEqual(estimateFrom({ newest: b, earlier: a }, 'step'));
  });
});
