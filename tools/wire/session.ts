// Owns a session on the wire: the short row of lists, and the whole with its context and calls.
import { formatDuration } from '../../src/domain/duration.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Session, SessionCall } from '../../src/domain/session.ts';
import { clipped, compact, iso, round } from './compact.ts';

export function sessionRow(session: Session): JsonObject {
  return compact({
    session_id: session.id,
    name: session.name,
    status: session.status,
    mode: session.mode,
    implicit: session.implicit || undefined,
    created_at: iso(session.createdAt),
    closed_at: iso(session.closedAt),
    expires_at: iso(session.expiresAt),
  });
}

export function sessionToWire(session: Session): JsonObject {
  return {
    ...sessionRow(session),
    ...compact({
      namespace: session.namespace,
      context_version: session.contextVersion,
      max_parallel_tasks: session.maxParallelTasks,
      max_parallel_workflows: session.maxParallelWorkflows,
      timeout: session.timeoutMs === null ? undefined : formatDuration(session.timeoutMs),
    }),
    ...clipped('context', session.context, 3_000),
    ...clipped('metadata', Object.keys(session.metadata).length === 0 ? undefined : session.metadata, 1_000),
  };
}

export function callToWire(call: SessionCall): JsonObject {
  return compact({
    seq: call.seq,
    at: iso(call.at),
    tool: call.tool,
    outcome: call.outcome,
    result: call.result,
    arguments_digest: call.argumentsDigest,
    duration_ms: round(call.durationMs),
  });
}
