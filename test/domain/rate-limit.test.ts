// A rate limit: never more than its limit in any window, nothing lost when it is asked all the time, no drift.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freeStarts, notAhead, RateLimit, type Starts, withStart } from '../../src/domain/rate-limit.ts';

/** Starts whenever it may, at the moments given. */
function startsAt(rate: RateLimit, moments: readonly number[]): number[] {
  const done: number[] = [];
  let state: Starts = [];
  for (const now of moments) {
    if (freeStarts(state, rate, now).free === 0) continue;
    state = withStart(state, rate, now);
    done.push(now);
  }
  return done;
}

/** Asks without a pause, and goes on at the moment it is told. */
function saturated(rate: RateLimit, from: number, until: number): number[] {
  const done: number[] = [];
  let state: Starts = [];
  for (let now = from; now < until; ) {
    const { free, nextAt } = freeStarts(state, rate, now);
    if (free === 0) now = nextAt as number;
    else {
      state = withStart(state, rate, now);
      done.push(now);
    }
  }
  return done;
}

function most(starts: readonly number[], periodMs: number): number {
  let best = 0;
  for (let from = 0, to = 0; to < starts.length; to++) {
    while ((starts[to] as number) - (starts[from] as number) >= periodMs) from++;
    best = Math.max(best, to - from + 1);
  }
  return best;
}

const anyRate = fc.record({ limit: fc.integer({ min: 1, max: 400 }), periodMs: fc.integer({ min: 1, max: 100_000 }) });

describe('rate limit', () => {
  it('has never more starts than its limit in any window of its period', () => {
    fc.assert(
      fc.property(anyRate, fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 1_200 }), (rate, steps) => {
        let at = 1_700_000_000_000;
        const moments = steps.map((step) => (at += step % 7 === 0 ? step : step % 3));
        expect(most(startsAt(rate, moments), rate.periodMs)).toBeLessThanOrEqual(rate.limit);
      }),
    );
  });

  it('loses nothing up to 100 a period, and less than two hundredths of the period beyond, however long it goes on', () => {
    fc.assert(
      fc.property(anyRate, fc.integer({ min: 0, max: 10_000 }), (rate, offset) => {
        const periods = 5;
        const from = 1_700_000_000_000 + offset;
        const started = saturated(rate, from, from + periods * rate.periodMs).length;
        expect(most(saturated(rate, from, from + rate.periodMs), rate.periodMs)).toBe(rate.limit);
        if (rate.limit <= 100) expect(started).toBe(periods * rate.limit);
        else expect(started).toBeGreaterThanOrEqual((periods - 1) * rate.limit);
        const grain = rate.limit <= 100 ? 0 : Math.max(1, rate.periodMs / 100);
        const times = saturated(rate, from, from + periods * (rate.periodMs + grain) + 1);
        expect(times.length).toBeGreaterThanOrEqual(periods * rate.limit);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps its memory small, whatever the limit', () => {
    const rate = { limit: 1_000_000, periodMs: 60_000 };
    let state: Starts = [];
    for (let i = 0; i < 20_000; i++) state = withStart(state, rate, 1_700_000_000_000 + i * 7);
    expect(state.length).toBeLessThanOrEqual(101);
  });

  it('counts what lies in the future from now on when the clock was set back: strict for one period, open after it', () => {
    const rate = { limit: 1, periodMs: 1_000 };
    const state = notAhead(withStart([], rate, 10_000_000), rate, 5_000);
    expect(freeStarts(state, rate, 5_000)).toMatchObject({ free: 0, nextAt: 6_001 });
    expect(freeStarts(state, rate, 6_001).free).toBe(1);
    expect(withStart([[10_000, 1]], { ...rate, limit: 2 }, 5_000)).toEqual([[5_001, 2]]);
    const coarse = { limit: 1_000, periodMs: 60_000 };
    const now = 1_700_000_000_123;
    const kept = withStart([], coarse, now);
    expect(notAhead(kept, coarse, now)).toBe(kept);
  });

  it('is written with a duration, of at least a millisecond', () => {
    expect(RateLimit.parse({ limit: 3, period: '1m' })).toEqual({ limit: 3, periodMs: 60_000 });
    expect(RateLimit.safeParse({ limit: 3, period: 0 }).success).toBe(false);
    expect(RateLimit.safeParse({ limit: 0, period: '1s' }).success).toBe(false);
  });
});
