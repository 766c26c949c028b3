// Owns the port: atomic domain verbs, one readonly params object each. No SQL, transaction handle or connection crosses it.

import type { Random } from '../domain/clock.ts';
import type { ErrorData } from '../domain/errors.ts';
import type { EventType, LogisticsEvent } from '../domain/event.ts';
import type { IdSource } from '../domain/id.ts';
import type { Job, JobStatus, NewJob } from '../domain/job.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import { AGE_STEP_MS } from '../domain/priority.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import type { ClosePolicy, Session, SessionCall } from '../domain/session.ts';
import type { Decide, ExecutionEvent, TransitionReply } from '../domain/transition.ts';
import type { StoredDefinition, WorkflowDefinition } from '../domain/workflow-definition.ts';
import type { ExecutionRow, ExecutionStatus, ParentLink, StepRow } from '../domain/workflow-execution.ts';

/** What the caller's program gives every adapter: clock, chance, ids, the plan compiler, and limits. */
export interface BackendEnvironment {
  readonly now: () => number;
  readonly random: Random;
  readonly newId: IdSource;
  /** Compiles a definition; adapters cache the result by hash. */
  readonly compile: (definition: WorkflowDefinition, hash: string) => Plan;
  /** The rendered concurrency key of a run with this input, or null. */
  readonly concurrencyKey: (plan: Plan, input: JsonObject) => string | null;
  readonly limits: BackendLimits;
  /** Told of faults that no caller waits for, such as a commit listener that throws. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface BackendLimits {
  readonly ageStepMs: number;
  readonly maxCrashes: number;
  readonly leaseMs: number;
  readonly receiptDays: number;
}

export const DEFAULT_BACKEND_LIMITS: BackendLimits = { ageStepMs: AGE_STEP_MS, maxCrashes: 5, leaseMs: 30_000, receiptDays: 7 };

/** Idempotency: same principal, tool and key with the same digest of arguments gives the first handle again. */
export interface Receipt {
  readonly principal: string;
  readonly tool: string;
  readonly key: string;
  readonly digest: string;
}

/** What one commit changed, for services of this process; `foreign` when another process committed. */
export interface CommitNotice {
  readonly jobsReady: boolean;
  /** Executions whose inbox has entries. */
  readonly inbox: readonly string[];
  /** Running jobs that are asked (or forced) to stop. */
  readonly stopJobs: readonly { readonly jobId: string; readonly forced: boolean }[];
  /** Ids of executions and jobs that reached an end. */
  readonly ended: readonly string[];
  /** Executions that changed visibly (waiting, paused …). */
  readonly changed: readonly string[];
  readonly timersChanged: boolean;
  readonly foreign: boolean;
}

export interface ClaimedJob {
  readonly jobId: string;
  /** Fencing token: grows with each claim of this job. */
  readonly token: number;
  readonly attempt: number;
  readonly task: string;
  readonly queue: string;
  readonly name: string | null;
  readonly payload: Json;
  readonly sessionId: string | null;
  readonly timeoutMs: number | null;
  readonly deadlineAt: number | null;
  readonly retry: RetryPolicy;
  /** Set for the job of a step; its payload is rendered from the definition. */
  readonly step: { readonly executionId: string; readonly hash: string; readonly index: number; readonly item: number | null } | null;
}

/** How one attempt ended. `released` gives it back unharmed (shutdown). */
export type AttemptOutcome =
  | { readonly status: 'completed'; readonly output: Json }
  | { readonly status: 'failed'; readonly error: ErrorData }
  | { readonly status: 'released' };

export interface JobLogLine {
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly fields: JsonObject | null;
}

/** What a worker needs to render the `with` of a step. */
export interface StepScope {
  readonly input: JsonObject;
  readonly steps: { readonly [stepId: string]: Json };
  readonly item: Json;
  readonly index: number | null;
  readonly session: JsonObject;
  readonly execution: JsonObject;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export interface ListFilter {
  readonly namespace?: string | undefined;
  readonly status?: string | undefined;
  readonly queue?: string | undefined;
  readonly task?: string | undefined;
  readonly workflow?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly executionId?: string | undefined;
  readonly dead?: boolean | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Substring of a name; a capability of this store. */
  readonly text?: string | undefined;
}

export interface ExecutionSummary extends ExecutionRow {
  readonly totalSteps: number;
  readonly gate: string | null;
}

/** A step as readers see it: the row with its job or children joined in; absent rows are derived. */
export interface StepView extends StepRow {
  readonly id: string;
  readonly task: string;
  readonly region: string;
  readonly jobId: string | null;
  readonly waitMs: number | null;
  readonly runMs: number | null;
  readonly nextAttemptAt: number | null;
}

export interface ProcessInfo {
  readonly epoch: number;
  readonly pid: number;
  readonly host: string;
  readonly role: string;
  readonly namespace: string;
  readonly startedAt: number;
  readonly heartbeatAt: number;
  readonly capabilities: readonly string[];
  readonly version: string;
  readonly runningJobs: number;
  readonly self: boolean;
}

export interface QueueStats {
  readonly namespace: string;
  readonly queue: string;
  readonly task: string;
  readonly counts: Readonly<Record<JobStatus, number>>;
  readonly completed: number;
  readonly failed: number;
  readonly retries: number;
  readonly meanRunMs: number | null;
  readonly maxRunMs: number | null;
  readonly meanWaitMs: number | null;
}

export interface StoreStatus {
  readonly kind: string;
  readonly location: string;
  readonly durability: string;
  readonly schemaVersion: number;
  readonly bytes: number;
  readonly executions: Readonly<Record<ExecutionStatus, number>>;
  readonly oldestReadyAt: number | null;
  readonly nextDueAt: number | null;
  readonly lastCursor: number;
}

export interface ArtifactInfo {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly createdAt: number;
  readonly executionId: string | null;
}

export type StartResult =
  | { readonly kind: 'started'; readonly executionId: string; readonly replayed: boolean; readonly status: ExecutionStatus }
  | { readonly kind: 'conflict'; readonly error: ErrorData };

export type EnqueueResult =
  | { readonly kind: 'enqueued'; readonly jobIds: readonly string[]; readonly replayed: boolean }
  | { readonly kind: 'conflict'; readonly error: ErrorData };

export type UpdateResult =
  | { readonly kind: 'updated'; readonly reply: TransitionReply | null; readonly status: ExecutionStatus }
  | { readonly kind: 'not_found' };

export type SettleResult =
  | { readonly kind: 'settled'; readonly status: JobStatus; readonly runAt: number | null }
  /** The same token settled it before in the same way. */
  | { readonly kind: 'replayed'; readonly status: JobStatus }
  | { readonly kind: 'lease_lost' };

export type CancelResult = { readonly kind: 'cancelled' | 'requested' | 'already_ended' | 'not_found'; readonly status: JobStatus | null };

export interface Backend {
  readonly kind: 'sqlite' | 'in_memory' | (string & {});
  readonly capabilities: { readonly textSearch: boolean; readonly durable: boolean; readonly shared: boolean };

  /** Registers this process; its in-process jobs belong to the epoch. */
  join(p: {
    readonly pid: number;
    readonly host: string;
    readonly role: string;
    readonly namespace: string;
    readonly capabilities: readonly string[];
    readonly version: string;
  }): Promise<number>;
  heartbeat(p: { readonly epoch: number }): Promise<{ readonly alive: boolean }>;
  /** Gives back what this epoch still runs and removes it; rejects when a job could not be given back, which is then left to `reclaim`. */
  leave(p: { readonly epoch: number; readonly decide: Decide }): Promise<void>;
  /** Takes back the work of dead processes and of those silent for a lease. */
  reclaim(p: {
    readonly epoch: number;
    readonly decide: Decide;
    /** Learns of each job that could not be given back; without it the call rejects with the first, after the others are done. */
    readonly onError?: ((error: unknown) => void) | undefined;
  }): Promise<{ readonly processes: number; readonly jobs: number; readonly more: boolean }>;
  listProcesses(): readonly ProcessInfo[];

  putDefinition(p: {
    readonly id: string;
    readonly namespace: string;
    readonly definition: WorkflowDefinition;
    readonly hash: string;
    /** Number that its author wrote: taken if it is free and the largest, a conflict otherwise. */
    readonly version?: number | null | undefined;
    /** False for a definition given inline: it is kept for its runs, but has no name. */
    readonly listed: boolean;
    readonly receipt?: Receipt | undefined;
  }): Promise<
    | { readonly kind: 'stored'; readonly stored: StoredDefinition; readonly created: boolean; readonly replayed: boolean }
    | { readonly kind: 'conflict'; readonly error: ErrorData }
  >;
  /** Newest version of a name, or the version asked for. */
  findDefinition(p: { readonly namespace: string; readonly name: string; readonly version?: number | undefined }): StoredDefinition | null;
  definitionById(id: string): StoredDefinition | null;
  planOf(hash: string): Plan | null;
  deleteDefinition(p: { readonly id: string; readonly receipt?: Receipt | undefined }): Promise<boolean>;
  listDefinitions(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<StoredDefinition>;

  startExecution(p: {
    readonly id: string;
    readonly namespace: string;
    readonly workflow: string;
    readonly version: number;
    readonly hash: string;
    readonly input: JsonObject;
    readonly priority: number;
    readonly sessionId: string | null;
    readonly startedBy: string;
    readonly forkedFrom: { readonly executionId: string; readonly stepIndex: number } | null;
    readonly concurrency: { readonly key: string; readonly limit: number; readonly onLimit: 'queue' | 'skip' | 'cancel_in_progress' | 'cancel_newest' } | null;
    readonly receipt?: Receipt | undefined;
    readonly decide: Decide;
  }): Promise<StartResult>;
  /** The central verb: loads what is needed, calls the pure decision, stores its Transition in one atomic write. Waiting inbox entries come first. */
  update(p: {
    readonly executionId: string;
    readonly events: readonly ExecutionEvent[];
    readonly decide: Decide;
    readonly receipt?: Receipt | undefined;
  }): Promise<UpdateResult>;
  /** Executions whose inbox has entries, oldest first. */
  pendingInbox(p: { readonly limit: number }): readonly string[];
  getExecution(id: string): ExecutionSummary | null;
  getSteps(p: { readonly executionId: string; readonly after: number; readonly limit: number }): readonly StepView[];
  getStep(p: { readonly executionId: string; readonly stepId: string }): StepView | null;
  /** Parsed output of a step, or of the whole execution when stepId is null. */
  getOutput(p: { readonly executionId: string; readonly stepId: string | null }): Json | undefined;
  listExecutions(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<ExecutionSummary>;
  childrenOf(p: { readonly executionId: string; readonly limit: number }): readonly ExecutionSummary[];
  parentOf(id: string): ParentLink | null;
  stepScope(p: { readonly executionId: string; readonly index: number; readonly item: number | null }): StepScope | null;

  enqueueJobs(p: { readonly jobs: readonly NewJob[]; readonly receipt?: Receipt | undefined }): Promise<EnqueueResult>;
  claimJobs(p: {
    readonly epoch: number;
    readonly namespace: string;
    readonly capabilities: readonly string[];
    readonly limit: number;
    readonly queue?: string | undefined;
  }): Promise<readonly ClaimedJob[]>;
  /** What runs under an epoch: one narrow read. */
  runningJobs(p: { readonly epoch: number }): readonly { readonly jobId: string; readonly token: number; readonly cancelRequested: boolean }[];
  /** Whether a claim with these capabilities would find a job now: a look that takes no lock. */
  hasReadyJobs(p: { readonly namespace: string; readonly capabilities: readonly string[]; readonly queue?: string | undefined }): boolean;
  settleJob(p: {
    readonly jobId: string;
    readonly token: number;
    readonly outcome: AttemptOutcome;
    readonly logs: readonly JobLogLine[];
    readonly decide: Decide;
  }): Promise<SettleResult>;
  reportProgress(p: {
    readonly jobId: string;
    readonly token: number;
    readonly share: number;
    readonly message: string | null;
    readonly logs: readonly JobLogLine[];
  }): Promise<boolean>;
  cancelJob(p: { readonly jobId: string; readonly reason: string; readonly decide: Decide; readonly receipt?: Receipt | undefined }): Promise<CancelResult>;
  /** A failed or cancelled standalone job starts anew on the same id. */
  redriveJob(p: {
    readonly jobId: string;
    readonly receipt?: Receipt | undefined;
  }): Promise<{ readonly kind: 'redriven' | 'not_found' | 'refused'; readonly status: JobStatus | null }>;
  /** Cancels pending and retrying standalone jobs of a queue; at most `limit` at once. */
  clearQueue(p: { readonly namespace: string; readonly queue: string; readonly limit: number }): Promise<number>;
  setQueuePaused(p: { readonly namespace: string; readonly queue: string; readonly paused: boolean }): Promise<void>;
  getJob(id: string): Job | null;
  peekJob(p: { readonly namespace: string; readonly queue: string }): Job | null;
  queueSize(p: { readonly namespace: string; readonly queue: string }): number;
  listJobs(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<Job>;
  jobLogs(p: { readonly jobId: string }): readonly JobLogLine[];
  queueStats(p: { readonly namespace?: string | undefined }): readonly QueueStats[];
  /** Which jobs and executions hold a gate, and its limit. */
  gateHolders(p: { readonly gate: string; readonly limit: number }): { readonly limit: number; readonly used: number; readonly holders: readonly string[] };

  /**
   * Admits due jobs, fires due timers, ends what passed its deadline or expiry; bounded per call. What fails holds up nothing
   * else and is due again half a minute later: `onError` learns of each, without it the call rejects with the first at its end.
   */
  fireDue(p: {
    readonly decide: Decide;
    readonly limit: number;
    readonly onError?: ((error: unknown) => void) | undefined;
  }): Promise<{ readonly fired: number; readonly nextDueAt: number | null }>;

  putSession(p: {
    readonly session: Session;
    readonly receipt?: Receipt | undefined;
  }): Promise<{ readonly session: Session; readonly replayed: boolean } | { readonly conflict: ErrorData }>;
  getSession(id: string): Session | null;
  updateSession(p: { readonly id: string; readonly change: (session: Session) => Session; readonly receipt?: Receipt | undefined }): Promise<Session | null>;
  closeSession(p: {
    readonly id: string;
    readonly status: 'completed' | 'cancelled' | 'failed' | 'expired';
    readonly policy: ClosePolicy;
    readonly decide: Decide;
    readonly receipt?: Receipt | undefined;
  }): Promise<{
    readonly session: Session | null;
    readonly closed: boolean;
    readonly cancelled: number;
  }>;
  recordCall(p: { readonly sessionId: string; readonly call: Omit<SessionCall, 'seq'> }): Promise<void>;
  sessionCalls(p: { readonly sessionId: string; readonly limit: number }): readonly SessionCall[];
  listSessions(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<Session>;

  /** Of a job: only by its holder, else lease_lost is thrown and nothing is stored. */
  putArtifact(p: {
    readonly id: string;
    readonly jobId: string | null;
    /** Fencing token of the claim; null without a job. */
    readonly token: number | null;
    readonly executionId: string | null;
    readonly name: string;
    readonly mediaType: string;
    readonly content: Uint8Array;
    readonly sha256: string;
  }): Promise<ArtifactInfo>;
  getArtifact(p: {
    readonly id: string;
    readonly offset: number;
    readonly limit: number;
  }): { readonly info: ArtifactInfo; readonly content: Uint8Array } | null;
  listArtifacts(p: { readonly executionId: string }): readonly ArtifactInfo[];

  /** Entries after a cursor (and up to `until`), oldest first; `types` and ids narrow. */
  readEvents(p: {
    readonly after: number;
    readonly until?: number | undefined;
    readonly limit: number;
    readonly namespace?: string | undefined;
    readonly executionId?: string | undefined;
    readonly jobId?: string | undefined;
    readonly sessionId?: string | undefined;
    readonly types?: readonly EventType[] | undefined;
    readonly newestFirst?: boolean | undefined;
  }): readonly LogisticsEvent[];
  /** Cursor of the last entry that was ever made; 0 when there was none. */
  lastCursor(): number;
  /** Cursor of the last entry at or before a time. */
  cursorAt(at: number): number;

  status(): StoreStatus;
  /** Removes whole finished trees, their events and artifacts, old receipts; bounded per call. */
  retain(p: {
    readonly olderThan: number;
    readonly keepExecutions: number;
    readonly limit: number;
  }): Promise<{ readonly removed: number; readonly more: boolean }>;
  onCommit(listener: (notice: CommitNotice) => void): () => void;
  /** Looks whether another process committed; tells the listeners if so. */
  pollForeign(): boolean;
  /** Ends after the writes in hand are stored. */
  close(): Promise<void>;
}
