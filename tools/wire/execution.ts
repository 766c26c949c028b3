// Owns an execution on the wire: the short row of lists and the head of a summary.
import type { JsonObject } from '../../src/domain/json.ts';
import type { ExecutionSummary } from '../../src/store/backend.ts';
import { compact, iso } from './compact.ts';
import { errorToWire } from './error.ts';

/** One line of a list. */
export function executionRow(row: ExecutionSummary): JsonObject {
  return compact({
    execution_id: row.id,
    workflow: row.workflow,
    version: row.version,
    status: row.status,
    steps_done: row.stepsDone,
    steps_total: row.totalSteps,
    steps_failed: row.stepsFailed === 0 ? undefined : row.stepsFailed,
    error_code: row.error?.code,
    session_id: row.sessionId,
    created_at: iso(row.createdAt),
    ended_at: iso(row.endedAt),
  });
}

/** All that a summary says from the row alone. */
export function executionHead(row: ExecutionSummary, now: number): JsonObject {
  return compact({
    execution_id: row.id,
    namespace: row.namespace,
    workflow: row.workflow,
    version: row.version,
    status: row.status,
    paused: row.paused && row.status !== 'paused' ? true : undefined,
    stopping: row.stopping === null ? undefined : { as: row.stopping.as, code: row.stopping.code, message: row.stopping.message },
    steps: {
      total: row.totalSteps,
      done: row.stepsDone,
      completed: row.stepsCompleted,
      failed: row.stepsFailed,
      skipped: row.stepsSkipped,
      running: row.stepsRunning,
      waiting: row.stepsWaiting,
    },
    error: errorToWire(row.error),
    priority: row.priority,
    session_id: row.sessionId,
    parent: row.parent === null ? undefined : { execution_id: row.parent.executionId },
    forked_from: row.forkedFrom?.executionId,
    concurrency_key: row.concurrencyKey,
    created_at: iso(row.createdAt),
    started_at: iso(row.startedAt),
    ended_at: iso(row.endedAt),
    deadline_at: iso(row.deadlineAt),
    duration_ms: (row.endedAt ?? now) - row.createdAt,
  });
}
