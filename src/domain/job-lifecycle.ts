// Owns the life of one job: which state may follow which, what the end of an attempt leads to, when dependencies let it go.
import type { Random } from './clock.ts';
import { type ErrorData, LogisticsError } from './errors.ts';
import type { DependencyRule, JobStatus } from './job.ts';
import { nextDelayMs, type RetryPolicy } from './retry-policy.ts';

/** From each state, the states that may follow; `failed` and `cancelled` go back to `pending` on redrive only. */
export const JOB_TRANSITIONS: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  pending: ['running', 'cancelled', 'failed'],
  running: ['completed', 'failed', 'retry', 'cancelled', 'pending'],
  retry: ['pending', 'cancelled', 'failed'],
  completed: [],
  failed: ['pending'],
  cancelled: ['pending'],
};

export function canTransition(from: JobStatus, to: JobStatus): boolean {
  return JOB_TRANSITIONS[from].includes(to);
}

/** A running job at the end of an attempt. `attempt` counts from 1 and includes the one that ends. */
export interface RunningAttempt {
  readonly attempt: number;
  readonly crashes: number;
  readonly deadlineAt: number | null;
  readonly cancelRequested: boolean;
}

/** `released`: given back unharmed (shutdown). `crashed`: its process died or its lease ran out. */
export type AttemptEnd =
  | { readonly status: 'completed' }
  | { readonly status: 'failed'; readonly error: ErrorData }
  | { readonly status: 'released' }
  | { readonly status: 'crashed' };

export interface SettledAttempt {
  readonly status: 'completed' | 'failed' | 'cancelled' | 'retry' | 'pending';
  /** When the next attempt may start; set for `retry` only. */
  readonly runAt: number | null;
  readonly error: ErrorData | null;
  /** Failed with no attempt left. */
  readonly dead: boolean;
  readonly attempt: number;
  readonly crashes: number;
}

/** What the end of an attempt leads to; `now` is epoch ms. Releases and crashes give the attempt back. */
export function settleAttempt(
  job: RunningAttempt,
  end: AttemptEnd,
  policy: RetryPolicy,
  limits: { readonly maxCrashes: number },
  now: number,
  random: Random,
): SettledAttempt {
  const { attempt, crashes } = job;
  const base = { runAt: null, error: null, dead: false, attempt, crashes } as const;
  // A result that is there is kept, even when somebody asked to stop in the meantime.
  if (end.status === 'completed') return { ...base, status: 'completed' };
  if (job.cancelRequested) return { ...base, status: 'cancelled', error: errorOf('cancelled', 'It was cancelled while it ran.') };
  if (end.status === 'failed') return settleFailure(base, job.deadlineAt, end.error, nextDelayMs(policy, attempt, end.error, random), now);
  const given = { ...base, attempt: attempt - 1, crashes: end.status === 'crashed' ? crashes + 1 : crashes };
  if (given.crashes > limits.maxCrashes) {
    return {
      ...given,
      status: 'failed',
      error: errorOf('crash_loop', `Its process died or its worker was lost, ${given.crashes} times while it ran.`),
      dead: true,
    };
  }
  if (job.deadlineAt !== null && now >= job.deadlineAt)
    return { ...given, status: 'failed', error: errorOf('timeout', 'It ran past its deadline.'), dead: true };
  return { ...given, status: 'pending' };
}

/** A retry that could only start past the deadline is none: the error that it would have answered stands. */
function settleFailure(base: Omit<SettledAttempt, 'status'>, deadlineAt: number | null, error: ErrorData, delayMs: number | null, now: number): SettledAttempt {
  const runAt = delayMs === null ? null : now + delayMs;
  if (runAt === null || (deadlineAt !== null && runAt >= deadlineAt)) return { ...base, status: 'failed', error, dead: true };
  return { ...base, status: 'retry', runAt, error };
}

/** Ended dependencies of a job; `failed` counts cancelled ones too. */
export interface DependencyCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  readonly when: DependencyRule;
}

/** `open`: it may run; `failed`: it never will, and ends as cancelled with `dependency_failed`; `closed`: wait. */
export function dependencyGate(counts: DependencyCounts): 'open' | 'closed' | 'failed' {
  const { total, completed, failed, when } = counts;
  if (when === 'all_success' && failed > 0) return 'failed';
  return completed + failed >= total ? 'open' : 'closed';
}

function errorOf(code: string, message: string): ErrorData {
  return new LogisticsError(code, message).toData();
}
