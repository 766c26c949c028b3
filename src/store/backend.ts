// Owns the port: atomic domain verbs, one readonly params object each. No SQL, transaction handle or connection crosses it.

import type { BudgetLimits } from '../domain/budget.ts';
import type { Random } from '../domain/clock.ts';
import type { ErrorData } from '../domain/errors.ts';
import type { EventType, LogisticsEvent } from '../domain/event.ts';
import type { IdSource } from '../domain/id.ts';
import type { Job, JobStatus, NewJob } from '../domain/job.ts';
import type { JobRange } from '../domain/job-range.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import { AGE_STEP_MS } from '../domain/priority.ts';
import type { QueueSettings } from '../domain/queue.ts';
import type { QueueOrder } from '../domain/queue-order.ts';
import type { RateLimit } from '../domain/rate-limit.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import type { Occurrence, OccurrenceStatus, RunResult, Schedule, SchedulePlan, ScheduleStatus } from '../domain/schedule.ts';
import type { PlannedTimes } from '../domain/schedule-view.ts';
import type { ClosePolicy, Session, SessionCall } from '../domain/session.ts';
import type { TaskVersion, TaskVersions } from '../domain/task-versions.ts';
import type { Decide, ExecutionEvent, TransitionReply } from '../domain/transition.ts';
import type { UsageTotals } from '../domain/usage.ts';
import type { WorkerAgent, WorkerHello } from '../domain/worker-agent.ts';
import type { StoredDefinition, WorkflowDefinition } from '../domain/workflow-definition.ts';
import type { ExecutionRow, ExecutionStatus, ParentLink, StepRow } from '../domain/workflow-execution.ts';
import type { BudgetVerbs } from './port/budgets.ts';
import type { ListFilter, Page, Receipt } from './port/common.ts';
import type { EventLogVerbs } from './port/event-log.ts';
import type { LineageReads } from './port/lineage.ts';
import type { MeasureReads } from './port/measures.ts';
import type { OutletStore } from './port/outlets.ts';
import type { ProjectVerbs } from './port/projects.ts';
import type { QueueCountReads } from './port/queue-counts.ts';
import type { ResourceVerbs } from './port/resources.ts';
import type { StepCacheVerbs } from './port/step-cache.ts';
import type { TrackingVerbs } from './port/tracking.ts';

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
  /** Places of the steps of a run by node, smaller first; null where durations tell nothing. A map lookup: it is asked inside a write. */
  readonly stepPlaces?: ((namespace: string, plan: Plan) => readonly number[] | null) | undefined;
  /** Versions of the users' task types in a plan, kept with each run of it; null when there are none. */
  readonly taskVersions?: ((plan: Plan) => TaskVersions | null) | undefined;
  /** Holds a result against an output schema; `key` names the schema, so that it is compiled once. Without it results are not checked. */
  readonly checkOutput?: ((schema: JsonObject, key: string, value: Json) => readonly OutputFault[]) | undefined;
  /** Without it there are no schedules in this program. */
  readonly schedules?: ScheduleSupport | undefined;
  /** Begins a trace for a run that a schedule starts; `end` is called once that is stored. Absent where nothing is traced. */
  readonly fireTrace?: ((facts: FiringFacts) => { readonly text: string; end(): void }) | undefined;
  /** Told of faults that no caller waits for, such as a commit listener that throws. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What is known of a fire when its input is rendered. */
export interface FiringFacts {
  readonly id: string;
  readonly name: string;
  readonly timezone: string;
  /** Epoch ms. */
  readonly plannedAt: number;
  readonly firedAt: number;
  /** The number of this run among those of the plan, from 1. */
  readonly runNumber: number;
}

/** The run of a schedule that ended last. */
export interface LastRun {
  readonly status: RunResult;
  readonly output: Json;
}

/** What a store asks of the floors above when a schedule fires; all of it is pure, and a refusal is a LogisticsError. */
export interface ScheduleSupport {
  readonly plannedTimes: (plan: SchedulePlan) => PlannedTimes;
  /** How long jitter delays a planned time. */
  readonly delayOf: (scheduleId: string, plannedAt: number, jitterMs: number) => number;
  /** The input with `${{ schedule.… }}` rendered. */
  readonly inputOf: (facts: FiringFacts, template: Json) => Json;
  readonly wakes: (source: string, facts: FiringFacts, last: LastRun | null, context: Json) => boolean;
  /** The payload as the task takes it, and what a process must offer for it. */
  readonly admitJob: (task: string, payload: Json) => { readonly payload: Json } & TargetNeed;
  /** The input with defaults of the workflow's schema. */
  readonly admitRun: (hash: string, plan: Plan, input: JsonObject) => JsonObject;
  /** What the steps of a workflow need that this process does not offer; throws for a step that can never run. */
  readonly needsOf: (plan: Plan) => readonly TargetNeed[];
  /** Whether this process offers all of it. */
  readonly offers: (requires: readonly string[]) => boolean;
}

/** What somebody has to offer for a run of a schedule. */
export interface TargetNeed {
  readonly requires: readonly string[];
  /** Set when this process does not know the task type: unless somebody else offers it, it can never run. */
  readonly unknown?: ErrorData | null | undefined;
}

/** What its author chose of a schedule. */
export type ScheduleSpec = Pick<
  Schedule,
  'rule' | 'target' | 'input' | 'overlap' | 'catchup' | 'jitterMs' | 'start' | 'end' | 'maxRuns' | 'exclusions' | 'pauseOnFailure' | 'when'
>;

export type ScheduleChange =
  | { readonly kind: 'pause'; readonly reason: string | null }
  | { readonly kind: 'resume' }
  | { readonly kind: 'delete' }
  /** The whole spec; refused as stale when the schedule was changed since `revision`. */
  | { readonly kind: 'update'; readonly revision: number; readonly name: string; readonly spec: ScheduleSpec };

export type ScheduleChangeResult =
  | { readonly kind: 'changed'; readonly schedule: Schedule; readonly replayed: boolean }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'conflict'; readonly error: ErrorData };

/** What did not go as planned since a time, of one schedule. */
export interface ScheduleAccount {
  readonly scheduleId: string;
  readonly name: string;
  /** Planned times by what became of them; those that ran on time are not counted. */
  readonly counts: Readonly<Partial<Record<OccurrenceStatus, number>>>;
  /** Runs that it started and that failed. */
  readonly failedRuns: number;
  /** The newest of these entries. */
  readonly newest: Occurrence;
  /** Where there are too many entries: those before this time are not counted; null when all are. */
  readonly countedFrom: number | null;
}

/** Where a result differs from its output schema. */
export interface OutputFault {
  readonly path: string;
  readonly message: string;
}

export interface BackendLimits {
  readonly ageStepMs: number;
  readonly maxCrashes: number;
  readonly leaseMs: number;
  readonly receiptDays: number;
  /** Most schedules above one that running work makes. */
  readonly scheduleDepth?: number | undefined;
}

export const DEFAULT_BACKEND_LIMITS: BackendLimits = { ageStepMs: AGE_STEP_MS, maxCrashes: 5, leaseMs: 30_000, receiptDays: 7 };

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
  /** The trace that it, or its execution, was asked for in. */
  readonly trace: string | null;
  /** Set for the job of a step; its payload is rendered from the definition. */
  readonly step: {
    readonly executionId: string;
    readonly hash: string;
    readonly index: number;
    readonly item: number | null;
    /** The version of its task type that the run began with, of a type that users define. */
    readonly began: TaskVersion | null;
  } | null;
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

/** A job in the hands of a worker agent; for the job of a step the caller renders `with`. */
export interface WorkerLease {
  readonly job: ClaimedJob;
  readonly claimedAt: number;
  /** Epoch ms; the worker's, so one renewal moves it for all that the worker holds. */
  readonly leaseUntil: number;
  readonly crashes: number;
  /** What the attempt before left, or null. */
  readonly previous: { readonly attempt: number; readonly note: Json; readonly share: number | null; readonly message: string | null } | null;
  readonly outputSchema: JsonObject | null;
}

export type WorkerClaim =
  | {
      readonly worker: WorkerAgent;
      readonly leases: readonly WorkerLease[];
      /** The same nonce was used before: these are its leases that are still held. */
      readonly replayed: boolean;
      /** What the worker held before this claim. */
      readonly held: readonly WorkerLease[];
    }
  | { readonly conflict: ErrorData };

export type WorkerReport =
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'progress'; readonly share: number | null; readonly message: string | null; readonly note: Json | undefined }
  | { readonly kind: 'complete'; readonly output: Json }
  | { readonly kind: 'fail'; readonly error: ErrorData }
  /** `unheard`: the worker never learned of the lease, so the nonce of its claim is free again. */
  | { readonly kind: 'release'; readonly note: Json | undefined; readonly unheard?: boolean | undefined };

export type WorkerReportResult =
  | { readonly kind: 'ok'; readonly status: JobStatus; readonly runAt: number | null; readonly leaseUntil: number; readonly cancelRequested: boolean }
  /** The same token reported this end before. */
  | { readonly kind: 'replayed'; readonly status: JobStatus }
  | { readonly kind: 'lease_lost'; readonly holder: string | null; readonly status: JobStatus | null }
  /** Not stored; the lease is kept. */
  | { readonly kind: 'output_invalid'; readonly leaseUntil: number; readonly faults: readonly OutputFault[] }
  | { readonly kind: 'not_found' };

/** Who offers all of some capabilities now: live processes, and worker agents with their free places. */
export interface CapabilityCover {
  readonly processes: number;
  readonly workers: readonly { readonly id: string; readonly name: string; readonly active: boolean; readonly free: number }[];
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

/** What is left in a namespace: open runs, open jobs, schedules that will fire; each counted up to a thousand. */
export interface Unfinished {
  readonly runs: number;
  readonly jobs: number;
  readonly schedules: number;
  /** Whether a process is needed for it: something runs, is ready for these capabilities, falls due, or waits for a signal, event or person. */
  readonly needed: boolean;
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
  /** Of all attempts, within 10 %. */
  readonly runMs: DurationStats | null;
  readonly waitMs: DurationStats | null;
  readonly last: { readonly minute: Ended; readonly fiveMinutes: Ended; readonly hour: Ended };
}

export interface DurationStats {
  readonly p50: number;
  readonly p95: number;
}

/** Jobs that ended in some time, and attempts that will be repeated. */
export interface Ended {
  readonly completed: number;
  readonly failed: number;
  readonly retries: number;
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
  /** Of a job that belongs to no execution. */
  readonly jobId: string | null;
}

export type StartResult =
  | { readonly kind: 'started'; readonly executionId: string; readonly replayed: boolean; readonly status: ExecutionStatus }
  | { readonly kind: 'conflict'; readonly error: ErrorData };

export type EnqueueResult =
  | {
      readonly kind: 'enqueued';
      /** In the order of the jobs given; of a deduplicated one, the earlier job that stands for it. */
      readonly jobIds: readonly string[];
      /** Those of them that existed before this call. */
      readonly deduplicated: readonly string[];
      readonly replayed: boolean;
    }
  | {
      readonly kind: 'conflict';
      readonly error: ErrorData;
      /** The job of the batch that cannot be taken. */
      readonly jobId?: string | undefined;
    };

export type UpdateResult =
  | { readonly kind: 'updated'; readonly reply: TransitionReply | null; readonly status: ExecutionStatus }
  | { readonly kind: 'not_found' };

export type SettleResult =
  | { readonly kind: 'settled'; readonly status: JobStatus; readonly runAt: number | null }
  /** The same token settled it before in the same way. */
  | { readonly kind: 'replayed'; readonly status: JobStatus }
  | { readonly kind: 'lease_lost' };

/** `taken`: another job, `by`, has its dedupe key. */
export type RedriveResult =
  | { readonly kind: 'redriven' | 'not_found' | 'refused'; readonly status: JobStatus | null }
  | { readonly kind: 'taken'; readonly status: JobStatus; readonly by: string };

export type CancelResult = { readonly kind: 'cancelled' | 'requested' | 'already_ended' | 'not_found'; readonly status: JobStatus | null };

export interface Backend
  extends BudgetVerbs,
    EventLogVerbs,
    LineageReads,
    MeasureReads,
    OutletStore,
    ProjectVerbs,
    QueueCountReads,
    ResourceVerbs,
    StepCacheVerbs,
    TrackingVerbs {
  readonly kind: 'sqlite' | 'in_memory' | (string & {});
  readonly capabilities: { readonly textSearch: boolean; readonly durable: boolean; readonly shared: boolean };

  /** Registers this process; its in-process jobs belong to the epoch. With `sole` refused as conflict while another process of this role lives in the namespace. */
  join(p: {
    readonly pid: number;
    readonly host: string;
    readonly role: string;
    readonly namespace: string;
    readonly capabilities: readonly string[];
    readonly version: string;
    readonly sole?: boolean | undefined;
  }): Promise<number>;
  heartbeat(p: { readonly epoch: number }): Promise<{ readonly alive: boolean }>;
  /**
   * Gives back what this epoch still runs and removes it; rejects when a job could not be given back, which is then left to
   * `reclaim`. With `idleIn` it leaves only if that namespace needs it no more in the same transaction, and says whether it did.
   */
  leave(p: { readonly epoch: number; readonly decide: Decide; readonly idleIn?: string | undefined }): Promise<boolean>;
  /**
   * Whether this process does a duty for all (default: it sweeps): it takes the lead when nobody has it, its lease (as long as a
   * process's) lapsed or its holder is gone, and renews it rarely. One that is no candidate only learns whether nobody leads.
   */
  lead(p: { readonly epoch: number; readonly candidate: boolean; readonly duty?: string | undefined }): Promise<boolean>;
  /** `capabilities` are those of the process that would go on; default: none. */
  unfinished(p: { readonly namespace: string; readonly capabilities?: readonly string[] | undefined }): Unfinished;
  /** Takes back the work of dead processes and of those silent for a lease. */
  reclaim(p: {
    readonly epoch: number;
    readonly decide: Decide;
    /** Learns of each job that could not be given back; without it the call rejects with the first, after the others are done. */
    readonly onError?: ((error: unknown) => void) | undefined;
  }): Promise<{ readonly processes: number; readonly jobs: number; readonly more: boolean }>;
  listProcesses(): readonly ProcessInfo[];
  /** Processes of a namespace that were heard of within a lease and are not known to be dead by a look at their locks. */
  liveProcesses(p: { readonly namespace: string }): readonly ProcessInfo[];

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
    /** The trace that it was asked for in; its jobs and children belong to it. */
    readonly trace?: string | null | undefined;
    /** The job or run whose work asks for it; what is none of this namespace counts for nothing. */
    readonly cause?: string | null | undefined;
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
  /** Open runs of a workflow with this concurrency key, oldest first. */
  openRunsOfKey(p: { readonly namespace: string; readonly workflow: string; readonly key: string; readonly limit: number }): readonly string[];
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
    /** Only these queues; default: all. */
    readonly queues?: readonly string[] | undefined;
  }): Promise<readonly ClaimedJob[]>;
  /** What runs under an epoch: one narrow read. */
  runningJobs(p: { readonly epoch: number }): readonly { readonly jobId: string; readonly token: number; readonly cancelRequested: boolean }[];
  /** Whether a claim with these capabilities would find a job now: a look that takes no lock. */
  hasReadyJobs(p: {
    readonly namespace: string;
    readonly capabilities: readonly string[];
    readonly queue?: string | undefined;
    readonly queues?: readonly string[] | undefined;
    /** For a claim by a worker agent. */
    readonly forWorker?: boolean | undefined;
  }): boolean;
  settleJob(p: {
    readonly jobId: string;
    readonly token: number;
    readonly outcome: AttemptOutcome;
    readonly logs: readonly JobLogLine[];
    /** What the attempt has used in all. */
    readonly usage?: UsageTotals | undefined;
    readonly decide: Decide;
  }): Promise<SettleResult>;
  reportProgress(p: {
    readonly jobId: string;
    readonly token: number;
    /** Null: as before. */
    readonly share: number | null;
    readonly message: string | null;
    readonly logs: readonly JobLogLine[];
    /** What the attempt has used so far. */
    readonly usage?: UsageTotals | undefined;
    /** With it a run whose budget that uses up is paused in this very commit. */
    readonly decide?: Decide | undefined;
  }): Promise<boolean>;
  /** Registers or renews the worker agent and gives it the best jobs of the lanes that require something and are all offered by it. */
  claimForWorker(p: {
    readonly worker: WorkerHello;
    readonly limit: number;
    readonly queue?: string | undefined;
    readonly nonce: string | null;
  }): Promise<WorkerClaim>;
  /** Moves the lease of all that the worker holds; null for an unknown worker, and for another one's where `principal` says who asks. */
  renewWorker(p: { readonly workerId: string; readonly principal?: string | undefined }): Promise<WorkerAgent | null>;
  /** Renews the worker's lease and, from the holder of the token, takes progress or the end of the attempt. */
  reportForWorker(p: {
    readonly workerId: string;
    /** Who asks; a worker of somebody else is then not found. */
    readonly principal?: string | undefined;
    readonly jobId: string;
    readonly token: number;
    readonly report: WorkerReport;
    readonly logs: readonly JobLogLine[];
    /** What the attempt has used so far. */
    readonly usage?: UsageTotals | undefined;
    readonly decide: Decide;
  }): Promise<WorkerReportResult>;
  /** Gives all that the worker holds back unharmed, or as after a crash; false for an unknown worker, or one of another principal. */
  leaveWorker(p: {
    readonly workerId: string;
    readonly principal?: string | undefined;
    readonly how?: 'released' | 'crashed' | undefined;
    readonly decide: Decide;
  }): Promise<boolean>;
  getWorker(id: string): WorkerAgent | null;
  listWorkers(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<WorkerAgent>;
  capabilityCover(p: { readonly namespace: string; readonly requires: readonly string[] }): CapabilityCover;
  cancelJob(p: { readonly jobId: string; readonly reason: string; readonly decide: Decide; readonly receipt?: Receipt | undefined }): Promise<CancelResult>;
  /** A failed or cancelled standalone job starts anew on the same id. */
  redriveJob(p: { readonly jobId: string; readonly receipt?: Receipt | undefined }): Promise<RedriveResult>;
  /** Cancels pending and retrying standalone jobs of a queue; at most `limit` at once. */
  clearQueue(p: { readonly namespace: string; readonly queue: string; readonly limit: number }): Promise<number>;
  /** Pauses or resumes a queue, sets or (with null) takes away its limits; gives its settings afterwards. What waits and may go, goes. */
  updateQueue(p: {
    readonly namespace: string;
    readonly queue: string;
    readonly paused?: boolean | undefined;
    readonly concurrency?: number | null | undefined;
    readonly rateLimit?: RateLimit | null | undefined;
    /** Ranks what becomes ready from now on. */
    readonly order?: QueueOrder | undefined;
    readonly from: 'config' | 'control';
    readonly receipt?: Receipt | undefined;
  }): Promise<QueueSettings>;
  /** Queues that are known: those that had a job, a worker agent or a setting. */
  queueSettings(p: {
    readonly namespace?: string | undefined;
    readonly queue?: string | undefined;
    /** With `oldestReadyAt`: since when the oldest waits, epoch ms. */
  }): readonly (QueueSettings & { readonly oldestReadyAt: number | null })[];
  getJob(id: string): Job | null;
  /** How the jobs of a batch stand; null when its first or last one is gone. */
  jobRange(p: JobRange & { readonly namespace?: string | undefined }): Readonly<Record<JobStatus, number>> | null;
  peekJob(p: { readonly namespace: string; readonly queue: string }): Job | null;
  queueSize(p: { readonly namespace: string; readonly queue: string }): number;
  listJobs(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<Job>;
  jobLogs(p: { readonly jobId: string }): readonly JobLogLine[];
  queueStats(p: { readonly namespace?: string | undefined; readonly queue?: string | undefined }): readonly QueueStats[];
  /** Which jobs and executions hold a gate, and its limit; of the limits of queues and keys also the ready jobs that go first. */
  gateHolders(p: { readonly gate: string; readonly limit: number }): { readonly limit: number; readonly used: number; readonly holders: readonly string[] };

  /**
   * Admits due jobs, fires due timers, ends what passed its deadline or expiry; bounded per call. What fails holds up nothing
   * else and is due again half a minute later: `onError` learns of each, without it the call rejects with the first at its end.
   */
  fireDue(p: {
    readonly decide: Decide;
    readonly limit: number;
    /** Only what was due by this moment; default: now. */
    readonly before?: number | undefined;
    readonly onError?: ((error: unknown) => void) | undefined;
  }): Promise<{ readonly fired: number; readonly nextDueAt: number | null }>;

  /** The answer to the first call with a receipt, or null when there was none; throws conflict when that had other arguments. */
  recall(receipt: Receipt): Json | null;

  putSchedule(p: {
    readonly schedule: Schedule;
    readonly budget?: BudgetLimits | null | undefined;
    /** The job or run whose work asks for it; refused when too many schedules stand above. */
    readonly cause?: string | null | undefined;
    readonly receipt?: Receipt | undefined;
  }): Promise<{ readonly kind: 'stored'; readonly schedule: Schedule; readonly replayed: boolean } | { readonly kind: 'conflict'; readonly error: ErrorData }>;
  changeSchedule(p: {
    readonly id: string;
    readonly change: ScheduleChange;
    readonly decide: Decide;
    readonly receipt?: Receipt | undefined;
  }): Promise<ScheduleChangeResult>;
  /** One run now, as far as the overlap policy allows; null for an unknown or deleted schedule. */
  triggerSchedule(p: { readonly id: string; readonly input: Json | undefined; readonly decide: Decide; readonly receipt?: Receipt | undefined }): Promise<{
    readonly plannedAt: number;
    readonly targetId: string | null;
    readonly status: OccurrenceStatus;
    readonly replayed: boolean;
  } | null>;
  /** Planned times from `from` to `to`, both included: one after the other, or together; null for an unknown or deleted schedule. */
  backfillSchedule(p: {
    readonly id: string;
    readonly from: number;
    readonly to: number;
    readonly limit: number;
    readonly together: boolean;
    readonly decide: Decide;
    readonly receipt?: Receipt | undefined;
  }): Promise<{
    readonly planned: number;
    readonly fired: number;
    readonly buffered: number;
    readonly already: number;
    readonly nextFrom: number | null;
    readonly replayed: boolean;
  } | null>;
  /** Also a deleted one, while its ledger is kept. */
  getSchedule(id: string): Schedule | null;
  findSchedule(p: { readonly namespace: string; readonly name: string }): Schedule | null;
  /** Deleted ones are left out. */
  listSchedules(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<Schedule>;
  /** Ledger of one schedule, newest planned time first. */
  scheduleLedger(p: {
    readonly id: string;
    readonly status?: OccurrenceStatus | undefined;
    readonly from?: number | undefined;
    readonly to?: number | undefined;
    readonly limit: number;
    readonly cursor: string | null;
  }): Page<Occurrence>;
  /** What did not go as planned since a time, by schedule; looks at the newest `limit` entries. */
  scheduleAccount(p: { readonly namespace: string; readonly since: number; readonly limit: number }): readonly ScheduleAccount[];
  scheduleCounts(p: { readonly namespace: string }): Readonly<Record<ScheduleStatus, number>>;
  /** The schedule that is due next, or null. */
  nextSchedule(p: { readonly namespace: string }): Schedule | null;

  putSession(p: {
    readonly session: Session;
    readonly budget?: BudgetLimits | null | undefined;
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

  /** With a namespace the executions are those of it; all else is of the store. */
  status(p?: { readonly namespace: string }): StoreStatus;
  /** Removes whole finished trees, their events and artifacts, old receipts; bounded per call. */
  retain(p: {
    readonly olderThan: number;
    readonly keepExecutions: number;
    readonly limit: number;
  }): Promise<{ readonly removed: number; readonly more: boolean }>;
  onCommit(listener: (notice: CommitNotice) => void): () => void;
  /** Resolves when reads see what was committed anywhere before the call; absent where they always do. */
  refresh?(): Promise<void>;
  /** Looks whether another process committed; tells the listeners if so. */
  pollForeign(): boolean;
  /** Ends after the writes in hand are stored. */
  close(): Promise<void>;
}
