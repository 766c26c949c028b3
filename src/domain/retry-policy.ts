// Owns when a failed attempt is tried again: pure arithmetic over policy, attempt number, error and chance.
import { z } from 'zod';
import type { Random } from './clock.ts';
import { Duration } from './duration.ts';
import type { ErrorData } from './errors.ts';

/** As written by users; names are Temporal's. `maxAttempts` counts the first try. */
export const RetryPolicyInput = z.strictObject({
  maxAttempts: z.int().min(1).max(1000).default(3),
  initialInterval: Duration.default(1_000),
  backoffCoefficient: z.number().min(1).max(100).default(2),
  maxInterval: Duration.optional(),
  jitter: z.enum(['full', 'none']).default('full'),
  nonRetryable: z.array(z.string().min(1)).max(100).default([]),
  retryOn: z.array(z.string().min(1)).max(100).optional(),
});

/** Normal form: all intervals in ms. */
export const RetryPolicy = z.strictObject({
  maxAttempts: z.int().min(1),
  initialIntervalMs: z.int().min(0),
  backoffCoefficient: z.number().min(1),
  maxIntervalMs: z.int().min(0),
  jitter: z.enum(['full', 'none']),
  nonRetryable: z.array(z.string()),
  retryOn: z.array(z.string()).optional(),
});
export type RetryPolicy = z.infer<typeof RetryPolicy>;

export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 3,
  initialIntervalMs: 1_000,
  backoffCoefficient: 2,
  maxIntervalMs: 100_000,
  jitter: 'full',
  nonRetryable: [],
};

export const NO_RETRY: RetryPolicy = { ...DEFAULT_RETRY, maxAttempts: 1 };

/** The normal form of a written policy; `maxInterval` defaults to 100 x the initial interval. */
export function normaliseRetry(input: z.infer<typeof RetryPolicyInput>): RetryPolicy {
  return {
    maxAttempts: input.maxAttempts,
    initialIntervalMs: input.initialInterval,
    backoffCoefficient: input.backoffCoefficient,
    maxIntervalMs: input.maxInterval ?? input.initialInterval * 100,
    jitter: input.jitter,
    nonRetryable: input.nonRetryable,
    ...(input.retryOn === undefined ? {} : { retryOn: input.retryOn }),
  };
}

/**
 * Delay in ms before the next attempt, or null when there is none. `attempt` is the number of the attempt that failed,
 * from 1. A `retryAfterMs` in the error's details is honoured up to the policy's largest interval.
 */
export function nextDelayMs(policy: RetryPolicy, attempt: number, error: ErrorData, random: Random): number | null {
  if (attempt >= policy.maxAttempts || !isRetryable(policy, error)) return null;
  const ceiling = Math.min(policy.maxIntervalMs, policy.initialIntervalMs * policy.backoffCoefficient ** (attempt - 1));
  const wait = policy.jitter === 'full' ? Math.round(random() * ceiling) : Math.round(ceiling);
  return Math.max(wait, Math.min(retryAfterMs(error), Math.max(policy.maxIntervalMs, 60_000)));
}

function isRetryable(policy: RetryPolicy, error: ErrorData): boolean {
  if (policy.nonRetryable.includes(error.code)) return false;
  if (policy.retryOn !== undefined) return policy.retryOn.includes(error.code);
  return error.retryable;
}

function retryAfterMs(error: ErrorData): number {
  const details = error.details;
  if (typeof details !== 'object' || details === null || Array.isArray(details)) return 0;
  const asked = details.retryAfterMs;
  return typeof asked === 'number' && Number.isFinite(asked) && asked > 0 ? Math.round(asked) : 0;
}
