// Owns the rows of one run: an execution of counters, a sparse row per touched step, and their closed sets of states.
import { z } from 'zod';
import { ErrorData } from './errors.ts';
import { Json, JsonObject } from './json.ts';
import { TaskVersions } from './task-versions.ts';

export const EXECUTION_STATUSES = ['pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled'] as const;
export const ExecutionStatus = z.enum(EXECUTION_STATUSES);
export type ExecutionStatus = z.infer<typeof ExecutionStatus>;

export const STEP_STATUSES = ['pending', 'ready', 'running', 'waiting', 'retry', 'completed', 'failed', 'skipped', 'cancelled'] as const;
export const StepStatus = z.enum(STEP_STATUSES);
export type StepStatus = z.infer<typeof StepStatus>;

const TERMINAL = new Set<string>(['completed', 'failed', 'cancelled', 'skipped']);

/** True for a state that never changes by itself (execution, step or job). */
export function isTerminal(status: ExecutionStatus | StepStatus): boolean {
  return TERMINAL.has(status);
}

/** Why a step was skipped: a condition of its own, a need that was skipped, a need that failed, a rule that cannot come true. */
export const SkipReason = z.enum(['condition', 'upstream_skipped', 'upstream_failed', 'trigger_rule']);
export type SkipReason = z.infer<typeof SkipReason>;

/** Where a value lives: in the row, in an artifact, or spread over the items of a forEach. */
export const StoredValue = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('inline'), json: z.string() }),
  z.object({ kind: z.literal('artifact'), id: z.string(), bytes: z.int() }),
  z.object({ kind: z.literal('items') }),
]);
export type StoredValue = z.infer<typeof StoredValue>;

/** What a waiting step waits for. */
export const WaitState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('timer'), until: z.int() }),
  z.object({ kind: z.literal('signal'), name: z.string(), until: z.int().nullable() }),
  z.object({ kind: z.literal('event'), name: z.string(), match: Json, until: z.int().nullable() }),
  z.object({ kind: z.literal('approval'), message: z.string(), by: z.enum(['human', 'any']), digest: z.string(), until: z.int() }),
  z.object({ kind: z.literal('child'), executionId: z.string() }),
  z.object({ kind: z.literal('resource'), allocationId: z.string(), until: z.int().nullable() }),
]);
export type WaitState = z.infer<typeof WaitState>;

/** Progress of a forEach: items started so far are 0..next-1. */
export const EachState = z.object({
  total: z.int(),
  next: z.int(),
  live: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  /** Set once the tolerance is exceeded: no further item starts. */
  stopping: z.boolean(),
  /** After a retry: items above this one (and below `next`) are not counted yet; those not completed run again first. Null: all are counted. */
  redo: z.int().nullable(),
  /** Children among the live ones that somebody retried by themselves before the retry took them over; left out when there are none. */
  adopted: z.array(z.string()).optional(),
  /** The failure of the lowest item so far, for the error of the whole step. */
  first: z.object({ item: z.int(), error: ErrorData }).nullable(),
});
export type EachState = z.infer<typeof EachState>;

/** A missing row means pending with no finished need. */
export const StepRow = z.object({
  index: z.int(),
  status: StepStatus,
  skipReason: SkipReason.nullable(),
  /** Finished needs per outcome; `needsFailed` counts upstream failures too. */
  needsCompleted: z.int(),
  needsFailed: z.int(),
  needsSkipped: z.int(),
  /** Failed, but continueOnError: dependents and the execution see success. */
  tolerated: z.boolean(),
  /** Taken over from the execution this one was forked from, or from the cache: it did not run here, so nothing undoes it. */
  reused: z.boolean(),
  output: StoredValue.nullable(),
  error: ErrorData.nullable(),
  wait: WaitState.nullable(),
  each: EachState.nullable(),
  attempts: z.int(),
  readyAt: z.int().nullable(),
  startedAt: z.int().nullable(),
  endedAt: z.int().nullable(),
});
export type StepRow = z.infer<typeof StepRow>;

export function emptyStepRow(index: number): StepRow {
  return {
    index,
    status: 'pending',
    skipReason: null,
    needsCompleted: 0,
    needsFailed: 0,
    needsSkipped: 0,
    tolerated: false,
    reused: false,
    output: null,
    error: null,
    wait: null,
    each: null,
    attempts: 0,
    readyAt: null,
    startedAt: null,
    endedAt: null,
  };
}

/** `main` runs the DAG; on failure or cancel `compensate` undoes, on failure `on_failure` follows; `done` is the end. */
export const ExecutionPhase = z.enum(['admission', 'main', 'compensate', 'on_failure', 'done']);
export type ExecutionPhase = z.infer<typeof ExecutionPhase>;

export const ParentLink = z.object({ executionId: z.string(), stepIndex: z.int(), itemIndex: z.int().nullable() });
export type ParentLink = z.infer<typeof ParentLink>;

export const ExecutionRow = z.object({
  id: z.string(),
  namespace: z.string(),
  workflow: z.string(),
  version: z.int(),
  hash: z.string(),
  status: ExecutionStatus,
  phase: ExecutionPhase,
  /**
   * Where the phase `compensate` or `on_failure` stands: index into the plan's list. In `admission` 1 once the gates are passed and
   * only a pause holds it back; in `main` 1 while a retry counts anew and nothing may start. Otherwise 0.
   */
  phaseCursor: z.int(),
  input: JsonObject,
  output: StoredValue.nullable(),
  error: ErrorData.nullable(),
  priority: z.int(),
  sessionId: z.string().nullable(),
  /** Who started it: a principal, never shown as authority. */
  startedBy: z.string(),
  parent: ParentLink.nullable(),
  depth: z.int(),
  forkedFrom: z.object({ executionId: z.string(), stepIndex: z.int() }).nullable(),
  concurrencyKey: z.string().nullable(),
  /** Main steps that are terminal. */
  stepsDone: z.int(),
  stepsCompleted: z.int(),
  stepsSkipped: z.int(),
  /** Failed main steps that are not tolerated. */
  stepsFailed: z.int(),
  /** Steps with a live job (ready, running, retry) and steps that wait. */
  stepsRunning: z.int(),
  stepsWaiting: z.int(),
  /** A stop on the way: what the execution ends as, and why. */
  stopping: z.object({ as: z.enum(['cancelled', 'failed']), code: z.string(), message: z.string(), at: z.int(), scanned: z.boolean() }).nullable(),
  paused: z.boolean(),
  /** `continue` events on their way to itself; no phase ends before they are done. */
  openWork: z.int(),
  /** Versions of the users' task types that it began with; null when it has none of them. */
  taskVersions: TaskVersions.nullable(),
  /** Times the failed steps were retried by control. */
  retries: z.int(),
  createdAt: z.int(),
  startedAt: z.int().nullable(),
  endedAt: z.int().nullable(),
  deadlineAt: z.int().nullable(),
});
export type ExecutionRow = z.infer<typeof ExecutionRow>;
