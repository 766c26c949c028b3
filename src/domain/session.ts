// Owns the OrchestrationSession: an agent's handle over several calls, with context, limits and owned work.
import { z } from 'zod';
import { JsonObject } from './json.ts';

export const SESSION_STATUSES = ['pending', 'active', 'completed', 'cancelled', 'failed', 'expired'] as const;
export const SessionStatus = z.enum(SESSION_STATUSES);
export type SessionStatus = z.infer<typeof SessionStatus>;

/**
 * What of a session's work goes first where its limits hold it up. `sequential`: one job at a time, first come first served. `parallel`: up to the limits, first
 * come first served, whatever the priority. `priority`: up to the limits, the highest priority first, without ageing. `resource_aware`: as `priority`, and a
 * job that has to wait for its pools holds no place meanwhile.
 */
export const SESSION_MODES = ['parallel', 'sequential', 'priority', 'resource_aware'] as const;
export const SessionMode = z.enum(SESSION_MODES);
export type SessionMode = z.infer<typeof SessionMode>;

// More than any epoch in ms until the year 3000, so one point of priority outweighs every wait; 100 points of it stay exact.
const PRIORITY_STEP = 2 ** 45;

/** Place among those who wait at a limit of a session, smaller = sooner; `readyAt` says when the work came. */
export function sessionOrder(mode: SessionMode, readyAt: number, priority: number): number {
  return mode === 'priority' || mode === 'resource_aware' ? readyAt - priority * PRIORITY_STEP : readyAt;
}

/** Place before all others at a limit of a session: of one that had waited in turn for its pools. */
export function sessionFirst(readyAt: number): number {
  return readyAt - FIRST_STEPS * PRIORITY_STEP;
}

export function isFirstInSession(order: number): boolean {
  return order < (1 - FIRST_STEPS) * PRIORITY_STEP;
}

// One more than the highest priority.
const FIRST_STEPS = 101;

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
