// Owns a step run on the wire, and what it waits for.
import type { JsonObject } from '../../src/domain/json.ts';
import type { WaitState } from '../../src/domain/workflow-execution.ts';
import type { StepView } from '../../src/store/backend.ts';
import { compact, iso, shortText } from './compact.ts';
import { errorToWire } from './error.ts';

export function stepToWire(step: StepView): JsonObject {
  return compact({
    step: step.id,
    task: step.task,
    status: step.status,
    region: step.region === 'main' ? undefined : step.region,
    skip_reason: step.skipReason,
    tolerated: step.tolerated || undefined,
    reused: step.reused || undefined,
    attempts: step.attempts === 0 ? undefined : step.attempts,
    items: step.each === null ? undefined : compact({ total: step.each.total, completed: step.each.completed, failed: step.each.failed, live: step.each.live }),
    error: errorToWire(step.error),
    waits_for: step.wait === null ? undefined : waitToWire(step.wait),
    next_attempt_at: iso(step.nextAttemptAt),
    job_id: step.jobId,
    wait_ms: step.waitMs ?? undefined,
    run_ms: step.runMs ?? undefined,
    started_at: iso(step.startedAt),
    ended_at: iso(step.endedAt),
  });
}

export function waitToWire(wait: WaitState): JsonObject {
  switch (wait.kind) {
    case 'timer':
      return { kind: 'time', until: iso(wait.until) };
    case 'signal':
      return compact({ kind: 'signal', name: wait.name, until: iso(wait.until) });
    case 'event':
      return compact({ kind: 'event', name: wait.name, until: iso(wait.until) });
    case 'approval':
      return { kind: 'approval', by: wait.by, message: shortText(wait.message), digest: wait.digest, until: iso(wait.until) };
    case 'resource':
      return compact({ kind: 'resource', allocation_id: wait.allocationId, until: iso(wait.until) });
    case 'child':
      return { kind: 'child', execution_id: wait.executionId };
  }
}
