// Owns the reads that a scrape of metrics is made of: what the store holds, from its counters, and how the writer of this process is doing.
import type { ErrorData } from '../../domain/errors.ts';
import type { Histogram } from '../../domain/histogram.ts';
import type { JobStatus } from '../../domain/job.ts';
import type { OccurrenceStatus, ScheduleStatus } from '../../domain/schedule.ts';
import type { ExecutionStatus } from '../../domain/workflow-execution.ts';

/** Names that are told apart, the oldest first, so that a series never moves to another name; all others are summed up under null. */
export interface MeasureLimits {
  readonly namespaces: number;
  readonly queues: number;
  readonly tasks: number;
}

export interface Durations {
  readonly buckets: Histogram;
  readonly sumMs: number;
}

interface OfNamespace {
  readonly namespace: string | null;
}

export interface OfTask extends OfNamespace {
  readonly queue: string | null;
  readonly task: string | null;
}

export interface StoreMeasures {
  /** Jobs that are kept now. */
  readonly jobs: readonly (OfTask & { readonly status: JobStatus; readonly count: number })[];
  /** Ended attempts since the store was made. */
  readonly attempts: readonly (OfTask & {
    readonly completed: number;
    readonly failed: number;
    readonly retries: number;
    readonly runs: Durations;
    readonly waits: Durations;
  })[];
  /** `oldestReadyAt`: epoch ms, null when nothing could start. */
  readonly queues: readonly (OfNamespace & { readonly queue: string | null; readonly paused: number; readonly oldestReadyAt: number | null })[];
  readonly executions: readonly (OfNamespace & { readonly status: ExecutionStatus; readonly count: number })[];
  /** Steps that wait for an approval; counted up to `APPROVALS_COUNTED`. */
  readonly approvals: readonly (OfNamespace & { readonly count: number })[];
  readonly schedules: readonly (OfNamespace & { readonly status: ScheduleStatus; readonly count: number })[];
  /** Planned times by what became of them, since the store keeps count of it. */
  readonly occurrences: readonly (OfNamespace & { readonly status: OccurrenceStatus; readonly count: number })[];
  /** From the planned time to the start of its run. */
  readonly lateness: readonly (OfNamespace & Durations)[];
  /** Worker agents that are active, the leases that they hold, and the leases that ran out since the store keeps count of it. */
  readonly workers: readonly (OfNamespace & { readonly online: number; readonly held: number; readonly expired: number })[];
  /** Live processes. */
  readonly processes: readonly (OfNamespace & { readonly role: string; readonly count: number })[];
}

/** How many there were up to each bound (not summed up), and beyond the last one. */
export interface BucketCounts {
  readonly bounds: readonly number[];
  /** One more than `bounds`. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface WriterState {
  /** Operations that shared a commit. */
  readonly batches: BucketCounts;
  /** From the begin of a transaction until it was durable, ms. */
  readonly latencyMs: BucketCounts;
  /** Times that somebody else held the write lock. */
  readonly busyRetries: number;
  /** Commits that failed. */
  readonly failures: number;
  /** Why nothing can be written now; null while it can. A heartbeat is written every few seconds, so it is no older than that. */
  readonly fault: ErrorData | null;
}

export const APPROVALS_COUNTED = 20_000;

export interface MeasureReads {
  /** Of one namespace or of all; reads counters and what is open, never the rows of what has ended. */
  measures(p: { readonly namespace?: string | undefined; readonly limits: MeasureLimits }): StoreMeasures;
  /** Of this process since it opened the store; names no object. */
  writerState(): WriterState;
}
