// Capacity planning: formulas against known values, the replay against a plain model, and advice that holds on its own numbers.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planCapacity } from '../../src/resources/capacity-plan.ts';
import { erlangB, erlangC, fewestPlaces, type Load, meanWaitMs, shareBeyond } from '../../src/resources/queueing.ts';
import { type ReplayPool, replay, shareWithin, smallestCapacity } from '../../src/resources/replay.ts';
import type { RecordedHold } from '../../src/store/port/resources.ts';

const random = { arrivalVariation: 1, holdVariation: 1 };

describe('queueing formulas', () => {
  // Tables of Erlang: B(5, 3) = 0.1101, B(10, 7) = 0.0787; C(5, 3) = 0.2362, C(10, 8) = 0.4092, C(1, ρ) = ρ.
  it.each([
    [erlangB(5, 3), 0.1101],
    [erlangB(10, 7), 0.0787],
    [erlangC(5, 3), 0.2362],
    [erlangC(10, 8), 0.4092],
    [erlangC(1, 0.6), 0.6],
    [erlangC(2, 3), 1],
    [erlangC(3, 0), 0],
  ])('%d is %d in the tables', (value, known) => {
    expect(value).toBeCloseTo(known, 4);
  });

  it('M/M/1 and M/D/1 wait as Pollaczek and Khinchine say', () => {
    const load: Load = { arrivalRate: 0.008, meanHoldMs: 100, ...random };
    expect(meanWaitMs(1, load)).toBeCloseTo(400, 6);
    expect(meanWaitMs(1, { ...load, holdVariation: 0 })).toBeCloseTo(200, 6);
    expect(meanWaitMs(1, { ...load, arrivalRate: 0.01 })).toBe(Number.POSITIVE_INFINITY);
    expect(shareBeyond(1, load, 500)).toBeCloseTo(0.8 * Math.exp(-1), 6);
  });

  it('neither overflow nor lose their way with thousands of places', () => {
    expect(erlangC(5_000, 4_800)).toBeGreaterThan(0);
    expect(erlangC(5_000, 4_800)).toBeLessThan(0.1);
    expect(fewestPlaces({ arrivalRate: 1, meanHoldMs: 200_000, ...random }, 0, 0.9)).toBeNull();
  });

  it('find the fewest places: one less does not do, more never do worse', () => {
    const loads = fc.record({
      arrivalRate: fc.double({ min: 1e-5, max: 0.5, noNaN: true }),
      meanHoldMs: fc.double({ min: 1, max: 1_000, noNaN: true }),
      arrivalVariation: fc.double({ min: 0, max: 4, noNaN: true }),
      holdVariation: fc.double({ min: 0.01, max: 4, noNaN: true }),
    });
    void fc.assert(
      fc.property(loads, fc.integer({ min: 0, max: 2_000 }), fc.double({ min: 0.5, max: 0.999, noNaN: true }), (load, target, share) => {
        const places = fewestPlaces(load, target, share) as number;
        expect(shareBeyond(places, load, target)).toBeLessThanOrEqual(1 - share + 1e-9);
        if (places > 1) expect(shareBeyond(places - 1, load, target)).toBeGreaterThan(1 - share - 1e-9);
        expect(shareBeyond(places + 1, load, target)).toBeLessThanOrEqual(shareBeyond(places, load, target) + 1e-12);
      }),
    );
  });
});

const holdsOf = fc
  .array(fc.record({ gap: fc.integer({ min: 0, max: 50 }), held: fc.integer({ min: 1, max: 200 }), amount: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((list): RecordedHold[] => {
    let at = 1_000;
    return list.map(({ gap, held, amount }) => {
      at += gap;
      return { arrivedAt: at, grantedAt: at, endedAt: at + held, amount };
    });
  });

/** Grants ms by ms. */
function plainWaits(holds: readonly RecordedHold[], capacity: number): number[] {
  const waits: number[] = [];
  const ends: [number, number][] = [];
  let now = 0;
  for (const hold of holds) {
    now = Math.max(now, hold.arrivedAt);
    while (ends.reduce((sum, [at, amount]) => sum + (at > now ? amount : 0), 0) + hold.amount > capacity) now++;
    ends.push([now + hold.endedAt - hold.grantedAt, hold.amount]);
    waits.push(now - hold.arrivedAt);
  }
  return waits;
}

describe('the replay', () => {
  it('waits as a plain model does', () => {
    void fc.assert(
      fc.property(holdsOf, fc.integer({ min: 4, max: 12 }), (holds, capacity) => {
        expect(replay(holds, { capacity, burst: capacity, refillMs: null })?.waits).toEqual(plainWaits(holds, capacity));
      }),
    );
  });

  it('waits less on more, and the smallest capacity does while one less does not', () => {
    void fc.assert(
      fc.property(
        holdsOf,
        fc.integer({ min: 0, max: 300 }),
        fc.double({ min: 0.3, max: 1, noNaN: true }),
        fc.constantFrom(null, 100),
        (holds, target, share, refillMs) => {
          const pool = (capacity: number): ReplayPool => ({ capacity, burst: capacity, refillMs });
          const smallest = smallestCapacity(holds, pool(4), target, share) as number;
          const within = (capacity: number): number => {
            const at = replay(holds, pool(capacity));
            return at === null ? 0 : shareWithin(at.waits, target);
          };
          expect(within(smallest)).toBeGreaterThanOrEqual(share - 1e-9);
          if (smallest > 1) expect(within(smallest - 1)).toBeLessThan(share);
          expect(within(smallest + 1)).toBeGreaterThanOrEqual(within(smallest));
        },
      ),
    );
  });

  it('says so when one asks for more than there is', () => {
    expect(replay([{ arrivedAt: 0, grantedAt: 0, endedAt: 1, amount: 5 }], { capacity: 4, burst: 4, refillMs: null })).toBeNull();
    expect(smallestCapacity([], { capacity: 4, burst: 4, refillMs: null }, 0, 1)).toBeNull();
  });
});

describe('the advice', () => {
  const none = { requests: 0, area: 0 };
  const pool = { capacity: 2, burst: 2, refillMs: null };
  const steady = Array.from(
    { length: 100 },
    (_, i): RecordedHold => ({ arrivedAt: i * 1_000, grantedAt: i * 1_000 + 500, endedAt: i * 1_000 + 3_500, amount: 1 }),
  );

  it('gives its numbers: observed, by formula, by replay, and what they take for granted', () => {
    const plan = planCapacity({ pool, holds: steady, queued: none, scheduled: none, waitTargetMs: 0, share: 0.95 });
    expect(plan.observed).toMatchObject({ requests: 100, meanHoldMs: 3_000, meanWaitMs: 500, withinTarget: 0, arrivalVariation: 0, holdVariation: 0 });
    expect(plan.byReplay).toMatchObject({ capacity: 3, withinTarget: 1 });
    expect(plan.byFormula?.capacity).toBeGreaterThanOrEqual(3);
    expect(plan.advised).toBe(Math.max(plan.byFormula?.capacity ?? 0, 3));
    expect(plan.assumptions.join(' ')).toMatch(/Erlang C/);
  });

  it('counts the coming day, also where nothing was recorded', () => {
    const day = 86_400_000;
    const plan = planCapacity({ pool, holds: [], queued: { requests: 1, area: day }, scheduled: { requests: 9, area: 4 * day }, waitTargetMs: 0, share: 0.95 });
    expect(plan).toMatchObject({ observed: null, byFormula: null, byReplay: null, advised: 5, forecast: { utilisation: 2.5, ofObserved: null } });
    const grown = planCapacity({ pool, holds: steady, queued: none, scheduled: { requests: 1, area: 30 * day }, waitTargetMs: 0, share: 0.95 });
    expect(grown.forecast.ofObserved).toBeGreaterThan(5);
    expect(grown.advised).toBeGreaterThanOrEqual(30);
  });

  it('of a quota comes from the replay of its bucket', () => {
    const burst = Array.from({ length: 20 }, (_, i): RecordedHold => ({ arrivedAt: i, grantedAt: i, endedAt: i, amount: 1 }));
    const quota = { capacity: 10, burst: 10, refillMs: 1_000 };
    expect(planCapacity({ pool: quota, holds: burst, queued: none, scheduled: none, waitTargetMs: 0, share: 1 })).toMatchObject({
      byFormula: null,
      byReplay: { capacity: 20 },
    });
  });
});
