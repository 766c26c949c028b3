// Owns a lease and a worker agent on the wire.
import type { JsonObject } from '../../src/domain/json.ts';
import { readTrace } from '../../src/domain/trace-context.ts';
import type { WorkerAgent } from '../../src/domain/worker-agent.ts';
import type { WorkerLease } from '../../src/store/backend.ts';
import type { AgentLease } from '../../src/task/worker-agents.ts';
import { compact, iso, shortText } from './compact.ts';

/** All that an agent needs to do the work; the payload is whole. */
export function leaseToWire(lease: AgentLease): JsonObject {
  const { job, previous } = lease;
  return {
    job_id: job.jobId,
    lease_token: job.token,
    lease_expires_at: iso(lease.leaseUntil) as string,
    task: job.task,
    ...compact({ name: job.name, queue: job.queue }),
    payload: lease.payload,
    attempt: job.attempt,
    max_attempts: job.retry.maxAttempts,
    idempotency_key: lease.idempotencyKey,
    ...compact({
      crashes: lease.crashes === 0 ? undefined : lease.crashes,
      execution_id: job.step?.executionId,
      step_id: lease.stepId,
      item_index: job.step?.item,
      deadline_at: iso(job.deadlineAt),
      timeout_ms: job.timeoutMs,
      output_schema: lease.outputSchema,
      ...(job.trace === null ? {} : readTrace(job.trace)),
    }),
    previous: previous === null ? null : { attempt: previous.attempt, note: previous.note, ...compact({ share: previous.share, message: previous.message }) },
  };
}

/** One line about a lease that the worker knows already. */
export function heldLease({ job, leaseUntil, claimedAt }: WorkerLease): JsonObject {
  return compact({
    job_id: job.jobId,
    lease_token: job.token,
    lease_expires_at: iso(leaseUntil),
    task: job.task,
    name: job.name,
    attempt: job.attempt,
    claimed_at: iso(claimedAt),
  });
}

/** One line of a list of workers. */
export function workerRow(worker: WorkerAgent): JsonObject {
  return compact({
    worker_id: worker.id,
    kind: 'agent',
    name: shortText(worker.name, 100),
    namespace: worker.namespace,
    status: worker.status,
    capabilities: worker.capabilities,
    capacity: worker.capacity,
    held: worker.held.length,
    last_seen_at: iso(worker.lastSeenAt),
    lease_expires_at: worker.status === 'active' ? iso(worker.leaseUntil) : undefined,
  });
}

/** Everything about one worker. */
export function workerToWire(worker: WorkerAgent): JsonObject {
  return {
    ...workerRow(worker),
    ...compact({
      principal: worker.principal,
      labels: Object.keys(worker.labels).length === 0 ? undefined : worker.labels,
      lease_ms: worker.leaseMs,
      registered_at: iso(worker.registeredAt),
    }),
    held_jobs: worker.held.map(({ jobId, claimedAt }) => ({ job_id: jobId, claimed_at: iso(claimedAt) as string })),
    completed: worker.completed,
    failed: worker.failed,
    crashes: worker.crashes,
  };
}
