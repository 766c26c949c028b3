import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { DEFAULT_RETRY, nextDelayMs, normaliseRetry, type RetryPolicy, RetryPolicyInput } from '../../src/domain/retry-policy.ts';

const retryable = new LogisticsError('network', 'Unreachable.').toData();
const fatal = new LogisticsError('http_4xx', 'Refused.').toData();
const policy: RetryPolicy = { ...DEFAULT_RETRY, maxAttempts: 10, jitter: 'none' };
const half = (): number => 0.5;

describe('nextDelayMs', () => {
  it('grows by the coefficient up to the largest interval', () => {
    const delays = [1, 2, 3, 8, 9].map((attempt) => nextDelayMs(policy, attempt, retryable, half));
    expect(delays).toEqual([1_000, 2_000, 4_000, 100_000, 100_000]);
  });

  it('ends with the last attempt; the first try counts', () => {
    expect(nextDelayMs({ ...policy, maxAttempts: 3 }, 2, retryable, half)).toBe(2_000);
    expect(nextDelayMs({ ...policy, maxAttempts: 3 }, 3, retryable, half)).toBeNull();
    expect(nextDelayMs({ ...policy, maxAttempts: 1 }, 1, retryable, half)).toBeNull();
  });

  it('leaves errors alone that are not worth another try', () => {
    expect(nextDelayMs(policy, 1, fatal, half)).toBeNull();
    expect(nextDelayMs({ ...policy, nonRetryable: ['network'] }, 1, retryable, half)).toBeNull();
    expect(nextDelayMs({ ...policy, retryOn: ['http_4xx'] }, 1, fatal, half)).toBe(1_000);
    expect(nextDelayMs({ ...policy, retryOn: ['http_4xx'] }, 1, retryable, half)).toBeNull();
  });

  it('waits as long as the other side asked, up to a bound', () => {
    const asked = (retryAfterMs: unknown): ReturnType<typeof nextDelayMs> => nextDelayMs(policy, 1, { ...retryable, details: { retryAfterMs } as never }, half);
    expect(asked(30_000)).toBe(30_000);
    expect(asked(10_000_000)).toBe(100_000);
    for (const wrong of [-1, 'soon', null, Number.POSITIVE_INFINITY]) expect(asked(wrong)).toBe(1_000);
    expect(nextDelayMs(policy, 1, { ...retryable, details: [1] }, half)).toBe(1_000);
  });

  it('with full jitter stays between nothing and the interval', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, chance) => {
        const delay = nextDelayMs({ ...policy, jitter: 'full' }, attempt, retryable, () => chance) as number;
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(Math.min(100_000, 1_000 * 2 ** (attempt - 1)));
      }),
    );
  });
});

describe('normaliseRetry', () => {
  it('reads durations and defaults the largest interval to 100 times the first', () => {
    const normal = normaliseRetry(RetryPolicyInput.parse({ maxAttempts: 5, initialInterval: '2s', nonRetryable: ['http_4xx'] }));
    expect(normal).toEqual({
      maxAttempts: 5,
      initialIntervalMs: 2_000,
      backoffCoefficient: 2,
      maxIntervalMs: 200_000,
      jitter: 'full',
      nonRetryable: ['http_4xx'],
    });
    expect(normaliseRetry(RetryPolicyInput.parse({ maxInterval: '1m', retryOn: ['network'] }))).toMatchObject({ maxIntervalMs: 60_000, retryOn: ['network'] });
  });
});
