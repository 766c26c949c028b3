// The token bucket: what it may give, never more, and when it can.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ceilingOf, freeAt, hasRoom, type Level, roomAt, usedAt } from '../../src/domain/refill.ts';

const bucket: Level = { capacity: 60, burst: 10, refillMs: 60_000, used: 0, at: 0 };

describe('a pool that refills', () => {
  it('refills with time up to its burst, and not when the clock is set back', () => {
    const empty = { ...bucket, used: 10, at: 1_000 };
    expect([freeAt(empty, 1_000), freeAt(empty, 6_000), freeAt(empty, 999_999), freeAt(empty, 0)]).toEqual([0, 5, 10, 0]);
    expect([roomAt(empty, 1, 1_000), roomAt(empty, 10, 1_000), roomAt(empty, 11, 1_000)]).toEqual([2_000, 11_000, null]);
    expect(ceilingOf(bucket)).toBe(10);
  });

  it('gives at most burst + capacity · t / refill in any time, and as much as soon as it says', () => {
    const level = fc.record({
      capacity: fc.integer({ min: 1, max: 1_000_000 }),
      burst: fc.integer({ min: 1, max: 1_000_000 }),
      refillMs: fc.integer({ min: 1, max: 3_600_000 }),
    });
    const asks = fc.array(fc.record({ share: fc.double({ min: 0.01, max: 1, noNaN: true }), pause: fc.integer({ min: 0, max: 100_000 }) }), {
      minLength: 1,
      maxLength: 40,
    });
    void fc.assert(
      fc.property(level, asks, (form, list) => {
        let state: Level = { ...form, used: 0, at: 0 };
        let now = 0;
        const given: { at: number; amount: number }[] = [];
        for (const { share, pause } of list) {
          now += pause;
          const amount = Math.max(1, Math.floor(form.burst * share));
          const at = roomAt(state, amount, now);
          if (at === null) throw new Error('it never comes');
          if (at > now) expect(freeAt(state, at - 1)).toBeLessThan(amount + 1e-3);
          now = at;
          expect(hasRoom(state, amount, now)).toBe(true);
          state = { ...state, used: usedAt(state, now) + amount, at: now };
          given.push({ at: now, amount });
        }
        for (let i = 0; i < given.length; i++) {
          let sum = 0;
          for (let j = i; j < given.length; j++) {
            const last = given[j] as { at: number; amount: number };
            sum += last.amount;
            const most = form.burst + (form.capacity * (last.at - (given[i] as { at: number }).at)) / form.refillMs;
            expect(sum).toBeLessThanOrEqual(most * (1 + 1e-9) + 1e-3);
          }
        }
      }),
    );
  });

  it('a pool that is given back has no moment at which it refills', () => {
    const held: Level = { capacity: 4, burst: 4, refillMs: null, used: 3, at: 0 };
    expect([freeAt(held, 9e9), hasRoom(held, 1, 9e9), hasRoom(held, 2, 9e9), roomAt(held, 2, 9e9)]).toEqual([1, true, false, null]);
  });
});
