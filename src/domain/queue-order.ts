// Owns the orders that a queue can have, as ranks fixed when a job becomes ready: none lets a job be passed by what becomes ready more than a stated time after it.
import { DEFAULT_PRIORITY, rankOf } from './priority.ts';

export const QUEUE_ORDERS = ['fifo', 'sjf', 'edf', 'wspt', 'fair'] as const;
export type QueueOrder = (typeof QUEUE_ORDERS)[number];

/** How far sjf, wspt and fair move a job before or behind its place in fifo. */
export const ORDER_SPAN_MS = 30 * 60_000;
/** With edf a job without a deadline, or with a later one, is due this long after it became ready. */
export const EDF_HORIZON_MS = 24 * 3_600_000;
/** Of a task type that never ran, in a queue where nothing ever did. */
const UNKNOWN_MS = 1_000;

export interface ReadyJob {
  readonly readyAt: number;
  readonly priority: number;
  /** Given with the job, else the mean of its task type in this queue, or null. */
  readonly expectedMs: number | null;
  /** Mean of all jobs of the queue, or null. */
  readonly meanMs: number | null;
  /** Deadline or expiry, epoch ms. */
  readonly dueAt: number | null;
}

/**
 * Place in the queue, smaller first. `sjf`: shortest first; `wspt`: shortest for its weight first (smallest expected duration
 * divided by weight), the weight doubling with each 25 points of priority; a job of a minute keeps its place in fifo, the shortest
 * and the longest are half an hour before and behind it. `edf`: the next deadline first, at most a day ahead; without one the
 * place in fifo. `fair` is fairTag.
 */
export function orderedRank(order: Exclude<QueueOrder, 'fair'>, job: ReadyJob, ageStepMs: number): number {
  const { readyAt, priority } = job;
  switch (order) {
    case 'fifo':
      return rankOf(readyAt, priority, ageStepMs);
    case 'sjf':
      return rankOf(readyAt + shift(sizeOf(job)), priority, ageStepMs);
    case 'wspt':
      return rankOf(readyAt + shift(sizeOf(job) / weightOf(priority)), DEFAULT_PRIORITY, ageStepMs);
    case 'edf': {
      const plain = rankOf(readyAt, priority, ageStepMs);
      if (job.dueAt === null) return plain;
      return Math.min(plain, rankOf(job.dueAt - EDF_HORIZON_MS, DEFAULT_PRIORITY, ageStepMs));
    }
  }
}

export interface FairShare {
  /** The smallest rank that waits in the queue, or null: nobody waits, and everybody starts anew. */
  readonly head: number | null;
  /** Where the last job of the same session ends in virtual time, or null. */
  readonly finish: number | null;
}

/**
 * Start-time fair queueing: a job starts, in virtual time, where the last one of its session ends, and not before what is served
 * now; it takes its expected duration divided by its weight. So sessions take turns by the work they ask for, however many jobs
 * one of them enqueues. Within half an hour of the place in fifo, so that nobody waits for ever behind ever new sessions.
 */
export function fairTag(job: ReadyJob, share: FairShare, ageStepMs: number): { readonly rank: number; readonly finish: number } {
  const now = rankOf(job.readyAt, DEFAULT_PRIORITY, ageStepMs);
  const start = Math.max(share.head ?? now, share.finish ?? Number.NEGATIVE_INFINITY);
  const rank = Math.min(now + ORDER_SPAN_MS, Math.max(now - ORDER_SPAN_MS, start));
  return { rank, finish: rank + Math.max(1, Math.round(sizeOf(job) / weightOf(job.priority))) };
}

/** Where a step stands inside its run: steps that became ready in the same half hour of it go in the order of `place`, before what came later. */
export function rankInRun(
  p: { readonly startedAt: number; readonly readyAt: number; readonly priority: number; readonly place: number },
  ageStepMs: number,
): number {
  const windows = Math.max(0, Math.floor((p.readyAt - p.startedAt) / ORDER_SPAN_MS));
  return rankOf(Math.min(p.readyAt, p.startedAt + windows * ORDER_SPAN_MS), p.priority, ageStepMs) + p.place;
}

function sizeOf({ expectedMs, meanMs }: ReadyJob): number {
  return expectedMs ?? meanMs ?? UNKNOWN_MS;
}

/** 1 at normal priority, 2 at high, 4 at critical, ½ at low, ¼ at background. */
function weightOf(priority: number): number {
  return 2 ** ((priority - DEFAULT_PRIORITY) / 25);
}

/** Six minutes for each factor of ten against a minute: twice as short is worth about two minutes of waiting, whatever the scale. From 0.6 ms to 69 days no two sizes share a place. */
function shift(sizeMs: number): number {
  return Math.round(ORDER_SPAN_MS * Math.max(-1, Math.min(1, Math.log10(Math.max(sizeMs, 0.1) / MIDDLE_MS) / DECADES)));
}

/** A job of this size has the same place as in fifo. */
const MIDDLE_MS = 60_000;
const DECADES = 5;
