// Owns the OrchestrationSession: an agent's handle over several calls, with context, limits and owned work.
import { z } from 'zod';
import { JsonObject } from './json.ts';

export const SESSION_STATUSES = ['pending', 'active', 'completed', 'cancelled', 'failed', 'expired'] as const;
export const SessionStatus = z.enum(SESSION_STATUSES);
export type SessionStatus = z.infer<typeof SessionStatus>;

export const MAX_CONTEXT_BYTES = 65_536;
export const MAX_SESSION_CALLS = 1_000;

export const ClosePolicy = z.enum(['detach', 'cancel']);
export type ClosePolicy = z.infer<typeof ClosePolicy>;

export const Session = z.object({
  id: z.string(),
  namespace: z.string(),
  name: z.string().nullable(),
  status: SessionStatus,
  /** Made for a connection, not by create_session. */
  implicit: z.boolean(),
  principal: z.string(),
  context: JsonObject,
  /** Grows by one with each change of the context. */
  contextVersion: z.int(),
  metadata: JsonObject,
  /** null = no limit of its own. */
  maxParallelTasks: z.int().nullable(),
  maxParallelWorkflows: z.int().nullable(),
  timeoutMs: z.int().nullable(),
  expiresAt: z.int().nullable(),
  createdAt: z.int(),
  closedAt: z.int().nullable(),
});
export type Session = z.infer<typeof Session>;

/** One call of an agent within a session: what was asked (as a digest), how it ended, how long it took. */
export const SessionCall = z.object({
  seq: z.int(),
  at: z.int(),
  tool: z.string(),
  argumentsDigest: z.string(),
  outcome: z.string(),
  result: z.string().nullable(),
  durationMs: z.number(),
});
export type SessionCall = z.infer<typeof SessionCall>;
