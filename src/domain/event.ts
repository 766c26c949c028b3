// Owns the closed list of events: one ordered durable log, each with a cursor.
import { z } from 'zod';
import { JsonObject } from './json.ts';

export const EVENT_TYPES = [
  'session_created',
  'session_closed',
  'session_expired',
  'workflow_created',
  'workflow_started',
  'workflow_waiting',
  'workflow_paused',
  'workflow_resumed',
  'workflow_completed',
  'workflow_failed',
  'workflow_cancelled',
  'step_started',
  'step_completed',
  'step_failed',
  'step_skipped',
  'step_retry',
  'job_enqueued',
  'job_retry',
  'job_completed',
  'job_failed',
  'job_cancelled',
  'schedule_created',
  'schedule_updated',
  'schedule_fired',
  'schedule_missed',
  'schedule_skipped',
  'schedule_paused',
  'approval_requested',
  'approval_decided',
  'resource_allocated',
  'resource_released',
  'worker_joined',
  'worker_lost',
  'budget_exceeded',
  'project_created',
  'project_updated',
  'breaker_opened',
  'breaker_closed',
  'sla_missed',
] as const;

export const EventType = z.enum(EVENT_TYPES);
export type EventType = z.infer<typeof EventType>;

/** One entry of the log. `cursor` grows with each entry and is never reused. */
export const LogisticsEvent = z.object({
  cursor: z.int(),
  at: z.int(),
  type: EventType,
  namespace: z.string(),
  executionId: z.string().optional(),
  stepId: z.string().optional(),
  itemIndex: z.int().optional(),
  jobId: z.string().optional(),
  sessionId: z.string().optional(),
  data: JsonObject,
});
export type LogisticsEvent = z.infer<typeof LogisticsEvent>;

/** What a decision wants logged; the store adds cursor and time. */
export interface NewEvent {
  readonly type: EventType;
  readonly stepId?: string | undefined;
  readonly itemIndex?: number | undefined;
  readonly jobId?: string | undefined;
  readonly data?: JsonObject | undefined;
}
