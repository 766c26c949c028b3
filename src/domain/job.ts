// Owns the Job: a unit of work in a queue, its closed set of states, and how it is asked for.
import { z } from 'zod';
import type { Dedupe } from './dedupe.ts';
import { ErrorData } from './errors.ts';
import { Json, JsonObject } from './json.ts';
import type { JobConcurrency, JobRate } from './queue.ts';
import type { ResourceRequest } from './resource.ts';
import { RetryPolicy } from './retry-policy.ts';
import { UsageTotals } from './usage.ts';

export const JOB_STATUSES = ['pending', 'running', 'completed', 'failed', 'cancelled', 'retry'] as const;
export const JobStatus = z.enum(JOB_STATUSES);
export type JobStatus = z.infer<typeof JobStatus>;

export const QueueName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$/);
export const DEFAULT_QUEUE = 'default';
export const MAX_JOB_LOG_LINES = 200;

/** `all_success` (default) waits until all have completed and fails with them; `all_done` runs whatever their outcome. */
export const DependencyRule = z.enum(['all_success', 'all_done']);
export type DependencyRule = z.infer<typeof DependencyRule>;

export const AttemptRecord = z.object({ attempt: z.int(), startedAt: z.int(), endedAt: z.int(), error: ErrorData.nullable() });
export type AttemptRecord = z.infer<typeof AttemptRecord>;

export const Job = z.object({
  id: z.string(),
  namespace: z.string(),
  queue: z.string(),
  task: z.string(),
  /** Human label. */
  name: z.string().nullable(),
  payload: Json,
  priority: z.int(),
  status: JobStatus,
  createdAt: z.int(),
  readyAt: z.int().nullable(),
  startedAt: z.int().nullable(),
  completedAt: z.int().nullable(),
  runAt: z.int().nullable(),
  result: Json,
  error: ErrorData.nullable(),
  /** Number of the running or last attempt, from 1; crashes and releases do not count. */
  attempt: z.int(),
  crashes: z.int(),
  /** Dead letter: failed with no attempt left. */
  dead: z.boolean(),
  dependsOn: z.array(z.string()),
  when: DependencyRule,
  retry: RetryPolicy,
  timeoutMs: z.int().nullable(),
  deadlineAt: z.int().nullable(),
  expiresAt: z.int().nullable(),
  requires: z.array(z.string()),
  sessionId: z.string().nullable(),
  executionId: z.string().nullable(),
  stepId: z.string().nullable(),
  itemIndex: z.int().nullable(),
  cancelRequested: z.boolean(),
  progress: z.object({ share: z.number(), message: z.string().nullable() }).nullable(),
  attempts: z.array(AttemptRecord),
  /** The first closed gate it waits at, or null. */
  gate: z.string().nullable(),
  /** Bounds that it brought itself; a rate without a key is shared by its queue. */
  concurrency: z.object({ key: z.string(), limit: z.int() }).nullable(),
  rate: z.object({ key: z.string().nullable(), limit: z.int(), periodMs: z.int() }).nullable(),
  /** Given with the job, or null: then the mean of its task type counts. */
  expectedMs: z.int().nullable(),
  /** What it holds of pools while it runs, or null. */
  resources: JsonObject.nullable(),
  /** Epoch of the process that runs it, or null. */
  owner: z.int().nullable(),
  /** The worker agent that holds it, and until when without a further sign, or null. */
  worker: z.object({ id: z.string(), name: z.string(), leaseUntil: z.int() }).nullable(),
  /** What worker agents noted on it for the next attempt. */
  checkpoint: Json,
  /** What its attempts reported to have used, in all; absent when none did. */
  usage: UsageTotals.optional(),
});
export type Job = z.infer<typeof Job>;

/** A job to be made; ids are chosen by the caller so that a batch can refer to its own jobs. */
export interface NewJob {
  readonly id: string;
  readonly namespace: string;
  readonly queue: string;
  readonly task: string;
  readonly name: string | null;
  readonly payload: Json;
  readonly priority: number;
  readonly runAt: number | null;
  readonly dependsOn: readonly string[];
  readonly when: DependencyRule;
  readonly retry: RetryPolicy | null;
  readonly timeoutMs: number | null;
  readonly expiresAt: number | null;
  readonly requires: readonly string[];
  readonly sessionId: string | null;
  /** JSON Schema of the result. */
  readonly outputSchema?: JsonObject | null | undefined;
  readonly dedupe?: Dedupe | null | undefined;
  readonly concurrency?: JobConcurrency | null | undefined;
  readonly rate?: JobRate | null | undefined;
  /** How long it is expected to take; orders queues that go by duration. */
  readonly expectedMs?: number | null | undefined;
  /** The trace that it was asked for in, as text of domain/trace-context.ts. */
  readonly trace?: string | null | undefined;
  readonly resources?: ResourceRequest | null | undefined;
  /** The job or run whose work asks for it; what is none of its namespace counts for nothing. */
  readonly cause?: string | null | undefined;
}
