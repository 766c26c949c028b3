// Owns a job on the wire: the short row of lists and the whole of a summary.

import { formatDuration } from '../../src/domain/duration.ts';
import type { Job } from '../../src/domain/job.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { RetryPolicy } from '../../src/domain/retry-policy.ts';
import { usageToWire } from './budget.ts';
import { clipped, compact, iso } from './compact.ts';
import { errorToWire } from './error.ts';

const VALUE_CHARS = 2_000;

/** One line of a list. */
export function jobRow(job: Job): JsonObject {
  return compact({
    job_id: job.id,
    name: job.name,
    task: job.task,
    queue: job.queue === 'default' ? undefined : job.queue,
    status: job.status,
    dead: job.dead || undefined,
    attempt: job.attempt,
    error_code: job.error?.code,
    execution_id: job.executionId,
    step: job.stepId,
    item: job.itemIndex,
    session_id: job.executionId === null ? job.sessionId : undefined,
    run_at: iso(job.runAt),
    created_at: iso(job.createdAt),
    completed_at: iso(job.completedAt),
  });
}

/** Everything about one job; long values are cut. */
export function jobToWire(job: Job): JsonObject {
  return {
    ...compact({
      job_id: job.id,
      name: job.name,
      task: job.task,
      namespace: job.namespace,
      queue: job.queue,
      priority: job.priority,
      status: job.status,
      dead: job.dead || undefined,
      cancel_requested: job.cancelRequested || undefined,
      attempt: job.attempt,
      max_attempts: job.retry.maxAttempts,
      crashes: job.crashes === 0 ? undefined : job.crashes,
      created_at: iso(job.createdAt),
      run_at: iso(job.runAt),
      started_at: iso(job.startedAt),
      completed_at: iso(job.completedAt),
      expires_at: iso(job.expiresAt),
      expected_duration_ms: job.expectedMs,
      timeout: job.timeoutMs === null ? undefined : formatDuration(job.timeoutMs),
      depends_on: job.dependsOn.length === 0 ? undefined : job.dependsOn,
      when: job.dependsOn.length === 0 ? undefined : job.when,
      retry: retryToWire(job.retry),
      requires: job.requires.length === 0 ? undefined : job.requires,
      concurrency: job.concurrency === null ? undefined : { key: job.concurrency.key, limit: job.concurrency.limit },
      rate_limit: job.rate === null ? undefined : compact({ key: job.rate.key, limit: job.rate.limit, period: formatDuration(job.rate.periodMs) }),
      session_id: job.sessionId,
      execution_id: job.executionId,
      step: job.stepId,
      item: job.itemIndex,
      worker: job.worker === null ? undefined : { worker_id: job.worker.id, name: job.worker.name, lease_expires_at: iso(job.worker.leaseUntil) },
      progress: job.progress === null ? undefined : compact({ share: job.progress.share, message: job.progress.message }),
      error: errorToWire(job.error),
      failed_attempts: failedAttempts(job),
      usage: job.usage === undefined ? undefined : usageToWire(job.usage),
    }),
    ...clipped('checkpoint', job.checkpoint, VALUE_CHARS),
    ...clipped('payload', job.payload, VALUE_CHARS),
    ...(job.status === 'completed' ? clipped('result', job.result, VALUE_CHARS) : {}),
  };
}

function failedAttempts(job: Job): JsonObject[] | undefined {
  const failed = job.attempts.filter((attempt) => attempt.error !== null).slice(-5);
  if (failed.length === 0) return undefined;
  return failed.map((attempt) =>
    compact({ attempt: attempt.attempt, started_at: iso(attempt.startedAt), ended_at: iso(attempt.endedAt), error: errorToWire(attempt.error) }),
  );
}

function retryToWire(retry: RetryPolicy): JsonObject {
  return {
    maxAttempts: retry.maxAttempts,
    initialInterval: formatDuration(retry.initialIntervalMs),
    backoffCoefficient: retry.backoffCoefficient,
    maxInterval: formatDuration(retry.maxIntervalMs),
    jitter: retry.jitter,
  };
}
