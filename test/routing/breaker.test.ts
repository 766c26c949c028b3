// The circuit breaker as a rule: it opens by failures in a row or by their share, lets one probe through, and never stays shut for ever.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admission, type BreakerRule, type BreakerState, DEFAULT_BREAKER, isExecutorsFault, observed, probing } from '../../src/domain/circuit-breaker.ts';
import { NO_LATENCY, withAttempt } from '../../src/domain/latency.ts';

const rule: BreakerRule = { failures: 3, rate: null, window: 20, cooldownMs: 1_000 };

function ends(given: string, by: BreakerRule, start: BreakerState | null = null): BreakerState | null {
  return [...given].reduce<BreakerState | null>(
    (state, end) => observed(state, end === 'f' ? 'failed' : end === 's' ? 'completed' : 'released', 1, by, 0),
    start,
  );
}

describe('a circuit breaker', () => {
  it('opens after as many failures in a row as the rule says; a success in between forgets them, a release does not', () => {
    expect(ends('ff', rule)).toEqual({ kind: 'closed', recent: 'ff' });
    expect(ends('ffsff', rule)).toEqual({ kind: 'closed', recent: 'ff' });
    expect(ends('frfrf', rule)).toEqual({ kind: 'open', until: 1_000, failures: 3 });
    expect(ends('ffs', rule)).toBe(null);
    expect(ends('sss', rule)).toBe(null);
  });

  it('opens when the share of failures in the window is reached, once the window is full', () => {
    const byRate: BreakerRule = { failures: 100, rate: 0.5, window: 4, cooldownMs: 1_000 };
    expect(ends('fsf', byRate)).toEqual({ kind: 'closed', recent: 'fsf' });
    expect(ends('fsff', byRate)).toEqual({ kind: 'open', until: 1_000, failures: 3 });
    expect(ends('fsssf', byRate)).toEqual({ kind: 'closed', recent: 'fsssf' });
  });

  it('lets one probe through after the cool-down: its success closes it, its failure opens it anew, its release lets the next one try', () => {
    const open = ends('fff', rule) as BreakerState;
    expect([admission(open, 999), admission(open, 1_000), admission(null, 0), admission({ kind: 'closed', recent: 'f' }, 0)]).toEqual([
      'block',
      'probe',
      'pass',
      'pass',
    ]);
    const half = probing(open, 7, rule, 1_000);
    expect([admission(half, 1_500), admission(half, 2_000)]).toEqual(['block', 'probe']);
    expect(observed(half, 'completed', 7, rule, 1_100)).toBe(null);
    expect(observed(half, 'failed', 7, rule, 1_100)).toEqual({ kind: 'open', until: 2_100, failures: 4 });
    expect(observed(half, 'released', 7, rule, 1_100)).toEqual({ kind: 'open', until: 1_100, failures: 3 });
    for (const end of ['completed', 'failed', 'released'] as const) {
      expect(observed(half, end, 8, rule, 1_100)).toBe(half);
      expect(observed(open, end, 8, rule, 1_100)).toBe(open);
    }
  });

  it('is never shut for longer than a cool-down, and never remembers more than its window', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            end: fc.constantFrom('completed' as const, 'failed' as const, 'released' as const),
            job: fc.integer({ min: 1, max: 3 }),
            wait: fc.integer({ min: 0, max: 1_500 }),
          }),
        ),
        fc.option(fc.double({ min: 0.1, max: 1, noNaN: true })),
        (ends, rate) => {
          const by: BreakerRule = { ...rule, rate, window: 5 };
          let state: BreakerState | null = null;
          let now = 0;
          for (const { end, job, wait } of ends) {
            now += wait;
            if (admission(state, now) === 'probe') state = probing(state as BreakerState, job, by, now);
            state = observed(state, end, job, by, now);
            if (state === null) continue;
            if (state.kind === 'closed') {
              expect(state.recent.length).toBeLessThanOrEqual(5);
              expect(state.recent).toContain('f');
            } else expect(state.until).toBeLessThanOrEqual(now + by.cooldownMs);
            expect(admission(state, now + by.cooldownMs)).not.toBe('block');
          }
        },
      ),
    );
  });

  it('counts no failure that would be the same anywhere', () => {
    expect(isExecutorsFault({ code: 'task_failed' })).toBe(true);
    expect(isExecutorsFault({ code: 'invalid_input', retryable: false })).toBe(false);
    expect(isExecutorsFault({ code: 'cancelled' })).toBe(false);
    expect(DEFAULT_BREAKER.failures).toBe(5);
  });
});

it('what a task type takes follows the newest attempts, and failures are counted apart', () => {
  const slow = Array.from({ length: 20 }).reduce<typeof NO_LATENCY>((before) => withAttempt(before, true, 1_000), withAttempt(NO_LATENCY, true, 100));
  expect(slow.ms).toBeGreaterThan(980);
  expect(withAttempt(NO_LATENCY, false, 5)).toEqual({ ms: null, failing: 0.2 });
});
