import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { JOB_STATUSES } from '../../src/domain/job.ts';
import { type AttemptEnd, canTransition, dependencyGate, JOB_TRANSITIONS, type RunningAttempt, settleAttempt } from '../../src/domain/job-lifecycle.ts';
import { DEFAULT_RETRY, NO_RETRY, type RetryPolicy } from '../../src/domain/retry-policy.ts';

const NOW = 1_000_000;
const failure = new LogisticsError('handler_failed', 'No.').toData();
const fixed: RetryPolicy = { ...DEFAULT_RETRY, jitter: 'none' };
const running: RunningAttempt = { attempt: 1, crashes: 0, deadlineAt: null, cancelRequested: false };

function settle(job: Partial<RunningAttempt>, end: AttemptEnd, policy = fixed): ReturnType<typeof settleAttempt> {
  return settleAttempt({ ...running, ...job }, end, policy, { maxCrashes: 5 }, NOW, () => 0.5);
}

describe('settleAttempt', () => {
  it('keeps a result, also one that comes after a request to stop', () => {
    expect(settle({}, { status: 'completed' })).toEqual({ status: 'completed', runAt: null, error: null, dead: false, attempt: 1, crashes: 0 });
    expect(settle({ cancelRequested: true }, { status: 'completed' }).status).toBe('completed');
  });

  it('tries a failure again after the delay of the policy, until no attempt is left', () => {
    expect(settle({}, { status: 'failed', error: failure })).toMatchObject({ status: 'retry', runAt: NOW + 1_000, error: failure, dead: false, attempt: 1 });
    expect(settle({ attempt: 2 }, { status: 'failed', error: failure })).toMatchObject({ status: 'retry', runAt: NOW + 2_000 });
    expect(settle({ attempt: 3 }, { status: 'failed', error: failure })).toMatchObject({ status: 'failed', runAt: null, error: failure, dead: true });
    expect(settle({}, { status: 'failed', error: failure }, NO_RETRY)).toMatchObject({ status: 'failed', dead: true });
  });

  it('does not wait for a retry that could only start past the deadline', () => {
    expect(settle({ deadlineAt: NOW + 1_000 }, { status: 'failed', error: failure })).toMatchObject({ status: 'failed', error: failure, dead: true });
    expect(settle({ deadlineAt: NOW + 1_001 }, { status: 'failed', error: failure })).toMatchObject({ status: 'retry' });
  });

  it('cancels whatever does not complete after a request to stop', () => {
    for (const end of [{ status: 'failed', error: failure }, { status: 'released' }, { status: 'crashed' }] as const) {
      expect(settle({ cancelRequested: true }, end)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' }, dead: false });
    }
  });

  it('gives a released attempt back', () => {
    expect(settle({ attempt: 2 }, { status: 'released' })).toEqual({ status: 'pending', runAt: null, error: null, dead: false, attempt: 1, crashes: 0 });
  });

  it('counts crashes apart from attempts and ends a crash loop', () => {
    expect(settle({ attempt: 3, crashes: 4 }, { status: 'crashed' })).toMatchObject({ status: 'pending', attempt: 2, crashes: 5 });
    expect(settle({ attempt: 3, crashes: 5 }, { status: 'crashed' })).toMatchObject({
      status: 'failed',
      error: { code: 'crash_loop' },
      dead: true,
      attempt: 2,
      crashes: 6,
    });
  });

  it('ends what comes back past its deadline', () => {
    for (const status of ['released', 'crashed'] as const)
      expect(settle({ deadlineAt: NOW }, { status })).toMatchObject({ status: 'failed', error: { code: 'timeout' }, dead: true });
    expect(settle({ deadlineAt: NOW + 1 }, { status: 'released' }).status).toBe('pending');
  });

  it('always moves along the table, and ends in at most maxAttempts failures', () => {
    const ends = fc.array(fc.constantFrom<AttemptEnd>({ status: 'failed', error: failure }, { status: 'released' }, { status: 'crashed' }), {
      minLength: 40,
      maxLength: 40,
    });
    fc.assert(
      fc.property(ends, fc.integer({ min: 1, max: 6 }), (list, maxAttempts) => {
        let job = { attempt: 0, crashes: 0 };
        let failures = 0;
        for (const end of list) {
          const next = settleAttempt(
            { ...running, attempt: job.attempt + 1, crashes: job.crashes },
            end,
            { ...DEFAULT_RETRY, maxAttempts },
            { maxCrashes: 5 },
            NOW,
            Math.random,
          );
          if (end.status === 'failed') failures++;
          expect(canTransition('running', next.status)).toBe(true);
          expect(next.attempt).toBe(failures);
          expect(next.runAt !== null).toBe(next.status === 'retry');
          if (next.status === 'failed') {
            expect(failures === maxAttempts || next.crashes === 6).toBe(true);
            return;
          }
          job = next;
        }
        expect(failures).toBeLessThan(maxAttempts);
      }),
    );
  });
});

describe('JOB_TRANSITIONS', () => {
  it('is the table of the specification', () => {
    expect(JOB_TRANSITIONS).toEqual({
      pending: ['running', 'cancelled', 'failed'],
      running: ['completed', 'failed', 'retry', 'cancelled', 'pending'],
      retry: ['pending', 'cancelled', 'failed'],
      completed: [],
      failed: ['pending'],
      cancelled: ['pending'],
    });
    for (const status of JOB_STATUSES) expect(canTransition('completed', status)).toBe(false);
    expect(canTransition('failed', 'pending')).toBe(true);
  });
});

describe('dependencyGate', () => {
  it('waits for success of all by default and fails with the first that fails', () => {
    expect(dependencyGate({ total: 2, completed: 1, failed: 0, when: 'all_success' })).toBe('closed');
    expect(dependencyGate({ total: 2, completed: 2, failed: 0, when: 'all_success' })).toBe('open');
    expect(dependencyGate({ total: 2, completed: 0, failed: 1, when: 'all_success' })).toBe('failed');
  });

  it('with all_done it opens whatever the outcome', () => {
    expect(dependencyGate({ total: 2, completed: 0, failed: 1, when: 'all_done' })).toBe('closed');
    expect(dependencyGate({ total: 2, completed: 0, failed: 2, when: 'all_done' })).toBe('open');
    expect(dependencyGate({ total: 0, completed: 0, failed: 0, when: 'all_success' })).toBe('open');
  });
});
