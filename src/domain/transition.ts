// Owns the language between advance() and the stores: what may happen to an execution, what a decision may read, and
// the delta it gives back. A Transition holds at most MAX_CHANGES row changes; the rest goes on as a `continue` event.

import type { BudgetLimit, StepBounds } from './budget.ts';
import type { ErrorData } from './errors.ts';
import type { NewEvent } from './event.ts';
import type { Json, JsonObject } from './json.ts';
import type { Plan } from './plan.ts';
import type { ResourceRequest } from './resource.ts';
import type { CachedOutput, CachePut } from './step-cache.ts';
import type { ExecutionRow, StepRow, StoredValue } from './workflow-execution.ts';

export const MAX_CHANGES = 500;

/**
 * A piece of work that did not fit into one transition; plain data, stored in the inbox. Whatever commits in between, each
 * piece looks at the rows as they then are and does only what is still to do.
 */
export type WorkItem =
  /** Decide and start a step whose rule has come true. */
  | { readonly k: 'activate'; readonly step: number }
  /** Tell the dependents of a finished step, from the `from`-th on. */
  | { readonly k: 'propagate'; readonly step: number; readonly from: number }
  | { readonly k: 'roots'; readonly from: number }
  /** Fill the window of a forEach. */
  | { readonly k: 'expand'; readonly step: number }
  /** Stop every open step after this index. */
  | { readonly k: 'stop'; readonly after: number; readonly force: boolean }
  /** Stop one step's jobs or children whose ids come after `after`. */
  | { readonly k: 'stop_step'; readonly step: number; readonly after: string; readonly force: boolean }
  /** Retry, first pass in topological order: reset what runs again, correct the counts of its dependents. */
  | { readonly k: 'recount'; readonly from: number }
  /** Start what may start: the second pass of a retry, and what a pause put off. */
  | { readonly k: 'arm'; readonly from: number }
  | { readonly k: 'settle' }
  /** An event that came with so many others that it did not fit. */
  | { readonly k: 'event'; readonly event: ExecutionEvent };

/** What happens to an execution; stored as JSON in its inbox or passed to `update`. */
export type ExecutionEvent =
  /** The execution passed its gates. */
  | { readonly type: 'admitted' }
  | {
      readonly type: 'job_settled';
      readonly step: number;
      readonly item: number | null;
      readonly status: 'completed' | 'failed' | 'cancelled';
      readonly output: StoredValue | null;
      readonly error: ErrorData | null;
      readonly attempts: number;
      readonly startedAt: number | null;
    }
  | {
      readonly type: 'child_ended';
      readonly step: number;
      readonly item: number | null;
      readonly childId: string;
      readonly status: 'completed' | 'failed' | 'cancelled';
      readonly output: StoredValue | null;
      readonly error: ErrorData | null;
      /** Times the child was retried by control before this end: its parent listens to a later end only when it has taken the child over. */
      readonly retries: number;
    }
  | { readonly type: 'timer'; readonly timer: TimerKind; readonly step: number | null; readonly dueAt: number }
  | { readonly type: 'signal'; readonly name: string; readonly payload: Json; readonly signalId: string; readonly by: string }
  | {
      readonly type: 'approve';
      /** Step id; may be left out when exactly one approval waits. */
      readonly stepId: string | null;
      readonly approved: boolean;
      readonly comment: string | null;
      /** Digest of what is approved, when the caller saw it; a wrong one is refused. */
      readonly digest: string | null;
      readonly by: string;
      /** `human` when a person decided (elicitation, CLI, dashboard), `agent` otherwise. */
      readonly actor: 'human' | 'agent';
    }
  | { readonly type: 'event_matched'; readonly step: number; readonly name: string; readonly payload: Json }
  /** A step that acquires resources has them, or can never have them. */
  | { readonly type: 'resource_granted'; readonly step: number; readonly allocationId: string }
  | { readonly type: 'resource_refused'; readonly step: number; readonly allocationId: string; readonly error: ErrorData }
  /** `reason` says why, where that is not a person's will. */
  | { readonly type: 'pause'; readonly by: string; readonly reason?: string | undefined }
  | { readonly type: 'resume'; readonly by: string }
  | { readonly type: 'cancel'; readonly reason: string; readonly code: string; readonly by: string }
  | { readonly type: 'retry'; readonly by: string }
  | { readonly type: 'continue'; readonly work: readonly WorkItem[] };

/**
 * `wake` ends a sleep; `wait_timeout` ends a wait; `execution_deadline` ends the run; `force_stop` ends the grace period of a
 * stop; `wall_clock` says that a run has used up its time, which is the store's to count. The deadline of a step is its job's.
 */
export type TimerKind = 'wake' | 'wait_timeout' | 'execution_deadline' | 'force_stop' | 'wall_clock';

export interface LiveJob {
  readonly jobId: string;
  readonly item: number | null;
  readonly running: boolean;
}

/** The newest run of one item of a forEach: a job, or a child execution, whose id it then gives. */
export interface ItemRun {
  readonly item: number;
  readonly state: 'completed' | 'ended' | 'live';
  readonly childId: string | null;
}

/**
 * What a decision may read; all reads are synchronous and see one consistent state. A store that cannot read
 * synchronously throws its own signal from a read, loads what was asked, and calls the decision again: it is re-runnable.
 */
export interface ExecutionView {
  readonly execution: ExecutionRow;
  readonly plan: Plan;
  readonly now: number;
  step(index: number): StepRow | undefined;
  /** Parsed value; a forEach output is assembled in input order, null for tolerated failures. */
  value(index: number, stored: StoredValue): Json;
  /** Rows that are ready, running, waiting or retry, by index, from `after` + 1. */
  openSteps(after: number, limit: number): readonly StepRow[];
  /** Rows that are failed (tolerated ones too), by index, from `after` + 1. */
  failedSteps(after: number, limit: number): readonly StepRow[];
  /** Jobs of a step that are not terminal, in a fixed order, from the one behind the job `after` ('' = from the first). */
  liveJobs(index: number, after: string, limit: number): readonly LiveJob[];
  /** Child executions of a step that are not terminal. */
  liveChildren(index: number): readonly { readonly executionId: string; readonly item: number | null }[];
  /** Newest runs of the items `after` + 1 to `after` + `count` of a forEach step, ascending; an item that never ran is left out. */
  itemRuns(index: number, after: number, count: number): readonly ItemRun[];
  /** One item of a forEach, as putItems stored it. */
  item(index: number, item: number): Json;
  /** Steps that wait for this signal name, oldest first; for kind approval the name is ''. */
  waiters(kind: 'signal' | 'approval', name: string): readonly number[];
  /** Oldest buffered signal of this name that nobody has consumed. */
  bufferedSignal(name: string): { readonly signalId: string; readonly payload: Json } | undefined;
  hasSignal(signalId: string): boolean;
  /** Newest version of a workflow in the execution's namespace (or the version asked for); one of the execution's own project comes first. */
  workflow(name: string, version: number | null): { readonly name: string; readonly hash: string; readonly version: number } | undefined;
  /** Row of the same step in the execution this one was forked from. */
  sourceStep(index: number): StepRow | undefined;
  sourceValue(index: number, stored: StoredValue): Json;
  /** The result that is kept for this step under a rendered key and has not expired. */
  cached(index: number, key: string): CachedOutput | undefined;
  sessionContext(): JsonObject;
  /** What the budgets that the run belongs to allow of one step. */
  bounds(): StepBounds;
  /** Whether this execution holds the allocation now. */
  holdsAllocation(id: string): boolean;
}

/** A job for a step; its payload is rendered by the worker after the claim. */
export interface NewStepJob {
  readonly id: string;
  readonly step: number;
  readonly item: number | null;
  readonly task: string;
  readonly queue: string;
  readonly priority: number;
  readonly requires: readonly string[];
  /** Overall deadline, epoch ms. */
  readonly deadlineAt: number | null;
  readonly resources?: ResourceRequest | undefined;
}

export interface ChildStart {
  readonly id: string;
  readonly step: number;
  readonly item: number | null;
  readonly workflow: string;
  readonly version: number;
  readonly hash: string;
  readonly input: JsonObject;
}

export interface TimerSet {
  readonly timer: TimerKind;
  readonly step: number | null;
  readonly dueAt: number;
}

export interface Transition {
  /** Changed fields of the execution row. */
  readonly execution: Partial<ExecutionRow>;
  /** Whole rows to store. */
  readonly steps: readonly StepRow[];
  readonly jobs: readonly NewStepJob[];
  /** Pending jobs to end as cancelled now (they send no event back), running ones to be asked to stop. */
  readonly cancelJobs: readonly { readonly jobId: string; readonly force: boolean }[];
  readonly children: readonly ChildStart[];
  /** Events for other executions (parent, children), or for this one (`continue`). */
  readonly inbox: readonly { readonly executionId: string; readonly event: ExecutionEvent }[];
  readonly setTimers: readonly TimerSet[];
  readonly clearTimers: readonly { readonly timer: TimerKind; readonly step: number | null }[];
  readonly setWaiters: readonly { readonly kind: 'signal' | 'approval' | 'event'; readonly name: string; readonly step: number; readonly match: Json }[];
  readonly clearWaiters: readonly number[];
  readonly putSignals: readonly { readonly signalId: string; readonly name: string; readonly payload: Json; readonly consumed: boolean }[];
  readonly consumeSignals: readonly string[];
  /** Items of a forEach, kept once, read by the worker per item. */
  readonly putItems: readonly { readonly step: number; readonly json: string }[];
  /** Results to be kept for other runs. */
  readonly cachePuts: readonly CachePut[];
  /** Application events for wait.event steps anywhere in the namespace. */
  readonly broadcasts: readonly { readonly name: string; readonly payload: Json }[];
  /** Resources that steps ask for; the answer comes as an event. */
  readonly acquire: readonly { readonly id: string; readonly step: number; readonly request: ResourceRequest; readonly priority: number }[];
  /** The bound of a budget that a step would have passed: the run is paused before it. */
  readonly heldBack: { readonly limit: BudgetLimit; readonly wanted: number } | null;
  /** Allocations of this execution that end. */
  readonly release: readonly string[];
  readonly events: readonly NewEvent[];
  /** What the caller of a control action is told. */
  readonly reply: TransitionReply | null;
}

/** `applied`: done; `replayed`: it was done before; `refused`: an expected conflict, nothing changed. */
export type TransitionReply =
  | { readonly kind: 'applied'; readonly message: string }
  | { readonly kind: 'replayed'; readonly message: string }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly nextActions?: readonly string[] | undefined };

/** The pure decision that a store runs inside its write. */
export type Decide = (view: ExecutionView, events: readonly ExecutionEvent[]) => Transition;
