// Owns the verbs of the read side: what the store remembers of run times and of what went amiss.
import type { DurationHistory } from '../../domain/duration-history.ts';

/** Failed attempts alike: the same code in the same step (or task type) by the same worker, on one day or several. */
export interface FailureCluster {
  /** Null for jobs of their own; then `step` is the task type. */
  readonly workflow: string | null;
  /** Null for a whole run that took longer than its sla. */
  readonly step: string | null;
  /** Code of the error, or `sla_missed`. */
  readonly code: string;
  /** Name of the worker agent; null for a process. */
  readonly worker: string | null;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** The newest job or run. */
  readonly example: string;
}

export interface StepHistory {
  readonly workflow: string;
  readonly step: string;
  readonly history: DurationHistory;
}

/** Attempts that ended in one hour since the epoch. */
export interface HourOfWork {
  readonly hour: number;
  readonly completed: number;
  readonly failed: number;
  readonly retries: number;
}

export interface TrackingVerbs {
  /** Run times by step id of one workflow, '' being its whole runs; of all task types of the namespace, by name, where the workflow is null. */
  durationHistories(p: { readonly namespace: string; readonly workflow: string | null }): ReadonlyMap<string, DurationHistory>;
  /** Of the steps, whole runs and task types that were run last; those of the newest few hundred commits come on top of the limit. */
  recentHistories(p: { readonly namespace: string; readonly limit: number }): readonly StepHistory[];
  /** The most frequent first, by whole days (UTC) from the one of `since` on. */
  failureClusters(p: { readonly namespace: string; readonly since: number; readonly limit: number }): readonly FailureCluster[];
  /** Up to 25 hours back, oldest first; hours without work are left out. */
  hoursOfWork(p: { readonly namespace: string }): readonly HourOfWork[];
}
