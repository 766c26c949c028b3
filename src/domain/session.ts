// Owns the OrchestrationSession: an agent's handle over several calls, with context, limits and owned work.
import { z } from 'zod';
import { JsonObject } from './json.ts';

export const SESSION_STATUSES = ['pending', 'active', 'completed', 'cancelled', 'failed', 'expired'] as const;
export const SessionStatus = z.enum(SESSION_STATUSES);
export type SessionStatus = z.infer<typeof SessionStatus>;

/**
 * What of a session's work goes first where its limits hold it up. `sequential`: one job at a time, first come first served. `parallel`: up to the limits, first
 * come first served, whatever the priority. `priority`: up to the limits, the highest priority first, without ageing.
 */
export const SESSION_MODES = ['parallel', 'sequential', 'priority', 'resource_aware'] as const;
export const SessionMode = z.enum(SESSION_MODES);
export type SessionMode = z.infer<typeof SessionMode>;

/** Modes that are refused by name, with what is missing for them; a mode that is taken out of here is available. */
export const MODES_NOT_BUILT: Partial<Readonly<Record<SessionMode, string>>> = {
  resource_aware: 'A session cannot have a share of pools that its jobs draw from first; mode priority with resources of each job comes nearest.',
};

// More than any epoch in ms until the year 3000, so one point of priority outweighs every wait; 100 points of it stay exact.
const PRIORITY_STEP = 2 ** 45;

/** Place among those who wait at a limit of a session, smaller = sooner; `readyAt` says when the work came. */
export function sessionOrder(mode: SessionMode, readyAt: number, priority: number): number {
  return mode === 'priority' || mode === 'resource_aware' ? readyAt - priority * PRIORITY_STEP : readyAt;
}

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
  mode: SessionMode,
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
