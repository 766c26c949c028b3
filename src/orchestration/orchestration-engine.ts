// Owns start and stop order, nothing more: what it holds is made elsewhere, started bottom up and stopped top down.

import type { DurationSource } from '../domain/duration-estimate.ts';
import { type ErrorData, LogisticsError } from '../domain/errors.ts';
import type { EventType, LogisticsEvent } from '../domain/event.ts';
import { batchStatus, type JobRange, parseRange } from '../domain/job-range.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import type { Logger } from '../domain/log.ts';
import type { ClosePolicy } from '../domain/session.ts';
import { isTerminal } from '../domain/workflow-execution.ts';
import { notificationText } from '../outlets/notification-text.ts';
import { OutletDispatcher } from '../outlets/outlet-dispatcher.ts';
import { ChangePoller } from '../runtime/change-poller.ts';
import { createDueTimer } from '../runtime/due-timer.ts';
import { EventFeed, type EventHandler } from '../runtime/event-feed.ts';
import { InboxPump } from '../runtime/inbox-pump.ts';
import { createSweeper, type Sweeper } from '../runtime/sweeper.ts';
import type { Ticker } from '../runtime/ticker.ts';
import type { Tracing } from '../runtime/tracing.ts';
import { type WaitEnd, Waiters } from '../runtime/waiters.ts';
import type { ScheduleManager } from '../schedule/schedule-manager.ts';
import type { Backend } from '../store/backend.ts';
import type { Receipt } from '../store/port/common.ts';
import type { JobInput } from '../task/job-input.ts';
import type { BatchJob } from '../task/queue.ts';
import type { TaskRegistry } from '../task/task-registry.ts';
import type { Worker } from '../task/worker.ts';
import type { WorkerAgents } from '../task/worker-agents.ts';
import { type Performance, performanceOf } from '../tracking/performance.ts';
import type { BudgetManager } from './budget-manager.ts';
import type { Caller } from './caller.ts';
import { LOCAL_HUMAN } from './caller.ts';
import type { EngineParts } from './engine-parts.ts';
import { type Health, healthOf } from './health.ts';
import { type Enqueued, JobIntake } from './job-intake.ts';
import type { OrchestrationSession, OrchestrationSessions, SessionRequest } from './orchestration-session.ts';
import type { ProjectManager } from './project-manager.ts';
import { applyQueueLimits } from './queue-limits.ts';
import { readiness } from './readiness.ts';
import { applyPools, type ResourceManager } from './resource-manager.ts';
import type { RunPlanner } from './run-planner.ts';
import { type WhoFires, whoFires } from './schedule-liveness.ts';
import { type SystemStatus, systemStatus } from './system-status.ts';
import type { TaskOrchestrator } from './task-orchestrator.ts';
import type { Started, StartRequest, WorkflowManager } from './workflow-manager.ts';
import type { WorkflowsDir } from './workflows-dir.ts';

export interface WorkflowResult {
  readonly executionId: string;
  readonly success: boolean;
  readonly status: string;
  readonly output: Json;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly durationMs: number;
  readonly replayed: boolean;
}

/** What waits for ids: an execution or job that ended (or, with `until: 'waiting'`, needs somebody). */
export interface WaitRequest {
  readonly ids: readonly string[];
  readonly mode?: 'all' | 'any' | undefined;
  readonly until?: 'ended' | 'waiting' | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const MAX_WAIT_IDS = 1_000;

const DAY_MS = 86_400_000;

export class OrchestrationEngine {
  readonly backend: Backend;
  readonly workflows: WorkflowManager;
  readonly tasks: TaskOrchestrator;
  readonly sessions: OrchestrationSessions;
  readonly resources: ResourceManager;
  /** What runs, sessions, schedules and projects may use, and breakers of workflows. */
  readonly budgets: BudgetManager;
  readonly registry: TaskRegistry;
  readonly schedules: ScheduleManager;
  readonly planner: RunPlanner;
  readonly projects: ProjectManager;
  readonly workerAgents: WorkerAgents;
  readonly durations: DurationSource;
  readonly workflowsDir: WorkflowsDir | null;
  readonly logger: Logger;
  /** null where nothing is traced. */
  readonly tracing: Tracing | null;
  readonly namespace: string;
  readonly version: string;
  readonly #p: EngineParts;
  readonly #waiters = new Waiters();
  readonly #intake: JobIntake;
  readonly #feed: EventFeed;
  readonly #pump: InboxPump;
  readonly #timer: Ticker;
  readonly #sweeper: Sweeper;
  readonly #poller: ChangePoller;
  /** Null where nobody is to be told, or this process runs no jobs. */
  readonly #outlets: OutletDispatcher | null;
  readonly #startedAt: number;
  #worker: Worker | null = null;
  #epoch = 0;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #unsubscribe: (() => void) | null = null;
  readonly #ending = new AbortController();
  /** It has no row any more: by its own wish, or because another took its place. */
  #left = false;
  #beforeClose: () => Promise<void> = async () => undefined;

  constructor(parts: EngineParts) {
    this.#p = parts;
    this.backend = parts.visible;
    this.workflows = parts.workflows;
    this.tasks = parts.tasks;
    this.sessions = parts.sessions;
    this.resources = parts.resources;
    this.budgets = parts.budgets;
    this.registry = parts.registry;
    this.schedules = parts.schedules;
    this.planner = parts.planner;
    this.projects = parts.projects;
    this.workerAgents = parts.workerAgents;
    this.durations = parts.durations;
    this.workflowsDir = parts.workflowsDir;
    this.logger = parts.log('engine');
    this.tracing = parts.tracing;
    this.namespace = parts.namespace;
    this.version = parts.version;
    this.#startedAt = parts.now();
    const { backend, decide, now, namespace } = parts;
    this.#intake = new JobIntake({ ...parts, backend: parts.visible });
    const onError = (duty: string): ((error: unknown) => void) => {
      const logger = parts.log(duty);
      return (error) => logger.error({ err: error }, `${duty} failed`);
    };
    const feedLog = parts.log('event-feed');
    this.#feed = new EventFeed(backend, namespace, (error, event) => {
      if (event === null) feedLog.error({ err: error }, 'the event log could not be read');
      else feedLog.warn({ err: error, type: event.type, ...idsOf(event) }, 'an event handler threw');
    });
    this.#pump = new InboxPump({ backend, decide, onError: onError('inbox-pump') });
    this.#timer = createDueTimer({ backend, decide, now, leading: () => this.#sweeper.leading, onError: onError('due-timer') });
    this.#poller = new ChangePoller(backend, onError('change-poller'));
    this.#outlets =
      parts.outlets.length === 0 || parts.makeWorker === null
        ? null
        : new OutletDispatcher({
            backend,
            namespace,
            outlets: parts.outlets,
            epoch: () => this.#epoch,
            now,
            words: notificationText,
            onError: onError('outlets'),
          });
    this.#sweeper = createSweeper({
      backend,
      decide,
      epoch: () => this.#epoch,
      now,
      settings: parts.sweep,
      candidate: parts.makeWorker !== null,
      onLost: () => this.#rejoin(),
      onSweep: async () => this.#worker?.giveBackOrphans(),
      onError: onError('sweeper'),
    });
  }

  /** Number of this process among all that ever joined the store. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Aborted as soon as this engine stops, for whatever reason. */
  get stopping(): AbortSignal {
    return this.#ending.signal;
  }

  /** Why it cannot work now: it does not run (any more), or its store can neither be read nor written; null while it can. */
  readiness(): ErrorData | null {
    return readiness(this.#p.backend, this.#state === 'running' && !this.#ending.signal.aborted, this.#epoch);
  }

  /** Jobs that run in this process now. */
  get runningHere(): number {
    return this.#worker?.running ?? 0;
  }

  get now(): number {
    return this.#p.now();
  }

  /** Registers this process, takes up what a dead one left, and starts to work. */
  start(): Promise<void> {
    if (this.#state !== 'new') return Promise.reject(new LogisticsError('invalid_transition', `The engine is ${this.#state}.`));
    this.#state = 'running';
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    await this.#join();
    const { backend } = this.#p;
    this.#unsubscribe = backend.onCommit((notice) => {
      this.#pump.add(notice.inbox);
      if (notice.foreign) this.#pump.ticker.wake();
      if (notice.timersChanged) this.#timer.wake();
      this.#worker?.notify(notice);
      this.#waiters.notify(notice);
      this.workerAgents.notify(notice);
      this.#feed.wake();
      this.#outlets?.wake();
    });
    this.#worker = this.#p.makeWorker?.(() => this.#epoch) ?? null;
    if (this.#worker !== null) {
      await applyQueueLimits(backend, this.namespace, this.#p.queues);
      await applyPools(backend, this.namespace, this.#p.pools);
    }
    this.#sweeper.start();
    this.#pump.ticker.start();
    this.#timer.start();
    if (backend.capabilities.shared) this.#poller.start();
    // What begins now is told of everything from here on.
    await this.#outlets?.ticker.tick();
    this.#worker?.start();
    this.#outlets?.ticker.start();
    if (this.#worker !== null) await this.workflowsDir?.start();
    this.logger.info({ namespace: this.namespace, store: backend.kind, epoch: this.#epoch }, 'engine started');
  }

  async #join(): Promise<void> {
    this.#epoch = await this.#p.backend.join({
      ...this.#p.join,
      namespace: this.namespace,
      capabilities: this.#p.makeWorker === null ? [] : this.registry.capabilities(),
      version: this.version,
    });
  }

  /** After a freeze longer than the lease: others took the work; go on under a new epoch. */
  async #rejoin(): Promise<void> {
    if (this.#left) return;
    this.logger.warn('this process was silent for longer than its lease; its jobs were taken back');
    try {
      await this.#join();
    } catch (error) {
      if (this.#p.join.sole !== true || !(error instanceof LogisticsError) || error.code !== 'conflict') throw error;
      this.logger.warn('another process took its place; it stops');
      this.#left = true;
      // Not awaited: the stop waits for the round that this is part of.
      this.stop().catch((cause: unknown) => this.logger.error({ err: cause }, 'the stop failed'));
    }
  }

  /** Leaves the registry if the namespace does not need this process in that very moment, and then stops; false = it does, it goes on. */
  async retire(): Promise<boolean> {
    // What is still to be delivered is work that is left.
    await this.#outlets?.drain();
    this.#left = await this.#p.backend.leave({ epoch: this.#epoch, decide: this.#p.decide, idleIn: this.namespace });
    if (this.#left) await this.stop();
    return this.#left;
  }

  /** Runs once this process has given everything back, while the store is still open. */
  beforeClose(handler: () => Promise<void>): void {
    this.#beforeClose = handler;
  }

  /** Idempotent. Finishes or gives back what runs, then closes the store. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const running = this.#state === 'running';
    this.#state = 'stopped';
    this.#ending.abort();
    // A start under way ends first, or its services would outlive the store.
    await this.#starting?.catch(() => undefined);
    this.#waiters.close();
    await this.workerAgents.close();
    if (running) {
      await this.workflowsDir?.stop();
      await this.#worker?.stop();
      await this.#lastDeliveries();
      await Promise.all([this.#timer.stop(), this.#pump.ticker.stop(), this.#sweeper.stop(), this.#poller.stop()]);
      this.#unsubscribe?.();
      await this.#signOff();
      await this.#beforeClose().catch((error: unknown) => this.logger.warn({ err: error }, 'the last look before the store closes failed'));
    }
    this.#feed.close();
    await this.#p.backend.close();
    await this.#p.dispose();
    this.logger.info('engine stopped');
  }

  /** What this process has logged becomes deliveries before it goes: the next one, or a background host, then finds jobs. */
  async #lastDeliveries(): Promise<void> {
    if (this.#outlets === null) return;
    await this.#outlets.ticker.stop();
    if (!this.#left)
      await this.#outlets.drain().catch((error: unknown) => this.logger.warn({ err: error }, 'the last events are delivered by the next process'));
  }

  async #signOff(): Promise<void> {
    if (this.#left) return;
    try {
      await this.#p.backend.leave({ epoch: this.#epoch, decide: this.#p.decide });
    } catch (error) {
      this.logger.warn({ err: error }, 'could not sign off; the next process takes the work back');
    }
  }

  /** Events from now on, in the log's order; returns the way to stop. A throwing handler harms nobody. */
  on(type: EventType | '*', handler: EventHandler): () => void {
    return this.#feed.on(type, handler);
  }

  /** Starts a workflow and waits for its end. */
  async executeWorkflow(
    request: StartRequest & { readonly timeoutMs?: number; readonly signal?: AbortSignal },
    caller: Caller = LOCAL_HUMAN,
  ): Promise<WorkflowResult> {
    return this.#resultOf(await this.workflows.start(request, caller), request);
  }

  async #resultOf(started: Started, options: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<WorkflowResult> {
    const end = await this.wait({ ids: [started.executionId], timeoutMs: options.timeoutMs ?? 2 ** 31 - 1, signal: options.signal });
    const execution = this.backend.getExecution(started.executionId);
    if (execution === null) throw new LogisticsError('not_found', `The execution ${started.executionId} is gone.`);
    if (end !== 'met')
      throw new LogisticsError(end === 'timeout' ? 'timeout' : 'cancelled', `The wait ended (${end}); the execution ${execution.id} goes on.`, {
        details: { execution_id: execution.id },
      });
    return {
      executionId: execution.id,
      success: execution.status === 'completed',
      status: execution.status,
      output: this.backend.getOutput({ executionId: execution.id, stepId: null }) ?? null,
      error: execution.error,
      durationMs: (execution.endedAt ?? this.now) - execution.createdAt,
      replayed: started.replayed,
    };
  }

  /** Starts a workflow of a project by its name inside it, or without one the project's plan, and waits for its end. */
  async executeProjectWorkflow(
    project: string,
    workflow: string | null,
    input: JsonObject = {},
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly caller?: Caller } = {},
  ): Promise<WorkflowResult> {
    const caller = options.caller ?? LOCAL_HUMAN;
    const started = workflow === null ? await this.projects.run(project, { input }, caller) : await this.projects.execute(project, workflow, { input }, caller);
    return this.#resultOf(started, options);
  }

  /** Enqueues one job and waits for its result; throws what it failed with. */
  async executeTask(input: JobInput, options: { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly caller?: Caller } = {}): Promise<Json> {
    const { jobIds } = await this.enqueue([input], options.caller ?? LOCAL_HUMAN);
    const [id] = jobIds as readonly [string];
    const end = await this.wait({ ids: [id], timeoutMs: options.timeoutMs ?? 2 ** 31 - 1, signal: options.signal });
    const job = this.backend.getJob(id);
    if (job === null) throw new LogisticsError('not_found', `The job ${id} is gone.`);
    if (end !== 'met')
      throw new LogisticsError(end === 'timeout' ? 'timeout' : 'cancelled', `The wait ended (${end}); the job ${id} goes on.`, { details: { job_id: id } });
    if (job.status === 'completed') return job.result;
    const details = isJsonObject(job.error?.details) ? job.error.details : {};
    throw new LogisticsError(job.error?.code ?? job.status, job.error?.message ?? `The job is ${job.status}.`, {
      ...job.error,
      details: { ...details, job_id: id },
    });
  }

  /** Adds all jobs or none; `depends_on` may name a `ref` of the same batch. Durable when it resolves. */
  enqueue(inputs: readonly BatchJob[], caller: Caller = LOCAL_HUMAN, receipt?: Receipt): Promise<Enqueued> {
    return this.#intake.enqueue(inputs, caller, receipt);
  }

  /** Makes a session; limits that are not given are the configured ones. Throws invalid_input, conflict. */
  createSession(request: SessionRequest = {}, caller: Caller = LOCAL_HUMAN): Promise<{ readonly session: OrchestrationSession; readonly replayed: boolean }> {
    return this.sessions.create(request, caller);
  }

  /** Ends a session: `detach` lets its work go on, `cancel` cancels what is open. */
  async closeSession(id: string, policy: ClosePolicy = 'detach'): ReturnType<OrchestrationSession['close']> {
    return this.sessions.require(id).close(policy);
  }

  /** A waiting job ends at once, a running one is asked to stop and ended after the grace period. */
  cancelJob(jobId: string, reason: string, receipt?: Receipt): ReturnType<Backend['cancelJob']> {
    return this.backend.cancelJob({ jobId, reason, decide: this.#p.decide, receipt });
  }

  /** Who fires the schedules of this namespace, now and once this process has ended. */
  whoFires(): WhoFires {
    return whoFires(this.backend, this.namespace, this.#p.background);
  }

  /** The health of each part, looked at now. */
  healthCheck(): Health {
    return healthOf(this);
  }

  /** How well it goes: work by the hour, failures alike, flaky and slowed steps, late runs; failures of whole days (UTC) from `windowMs` ago on, default a day. */
  performance({ windowMs = DAY_MS }: { readonly windowMs?: number } = {}): Performance {
    return performanceOf(this.backend, { namespace: this.namespace, now: this.now, windowMs });
  }

  /** How it is going: store, processes, queues, runs, failures; with `since`, also what changed from that time or cursor on. */
  getSystemStatus(since?: { readonly at: number } | { readonly cursor: number }): SystemStatus {
    return systemStatus({
      backend: this.backend,
      namespace: this.namespace,
      version: this.version,
      now: this.now,
      startedAt: this.#startedAt,
      leaseMs: this.#p.leaseMs,
      background: this.#p.background,
      outlets: this.#p.outlets,
      hooks: this.#p.hooks(),
      capabilities: this.registry.capabilities(),
      warnings: [...this.#p.warnings, ...(this.workflowsDir?.warnings() ?? [])],
      since,
    });
  }

  /** Waits for ids; a timeout or an abort is a normal answer and cancels nothing. Throws not_found for an unknown id. */
  async wait(request: WaitRequest): Promise<WaitEnd> {
    if (request.ids.length === 0 || request.ids.length > MAX_WAIT_IDS) {
      throw new LogisticsError('invalid_input', `A wait for ${request.ids.length} ids.`, { path: 'ids', expected: `1 to ${MAX_WAIT_IDS} ids` });
    }
    if (Number.isNaN(request.timeoutMs))
      throw new LogisticsError('invalid_input', 'The time limit is no number.', { path: 'timeout_ms', expected: 'milliseconds' });
    for (const id of request.ids) this.#statusOf(id, true);
    const done = (id: string): boolean => {
      const status = this.#statusOf(id, false);
      return isTerminal(status as never) || (request.until === 'waiting' && (status === 'waiting' || status === 'paused'));
    };
    // What has ended is not read again: a wait for 1,000 ids would otherwise read them all at each end.
    const open = new Set(request.ids);
    const check = (): boolean => {
      for (const id of open) {
        if (done(id)) {
          if (request.mode === 'any') return true;
          open.delete(id);
        } else if (request.mode !== 'any') return false;
      }
      return open.size === 0;
    };
    return this.#waiters.wait({ ids: request.ids, check, timeoutMs: request.timeoutMs, signal: request.signal });
  }

  #statusOf(id: string, must: boolean): string {
    const range = parseRange(id);
    if (range !== null) return this.#statusOfBatch(id, range, must);
    const allocation = id.startsWith('alloc_') ? this.backend.getAllocation(id) : null;
    // What is held has come to the end of its wait.
    if (allocation !== null) return allocation.status === 'waiting' ? 'pending' : 'completed';
    const found = id.startsWith('exec_') ? this.backend.getExecution(id) : id.startsWith('job_') ? this.backend.getJob(id) : null;
    if (found === null && must)
      throw new LogisticsError('not_found', `There is no execution, job or allocation ${id}.`, {
        path: 'ids',
        expected: 'ids that begin with exec_, job_ or alloc_',
      });
    return found?.status ?? 'cancelled';
  }

  #statusOfBatch(id: string, range: JobRange, must: boolean): string {
    const counts = this.backend.jobRange(range);
    if (counts !== null) return batchStatus(counts);
    if (must) throw new LogisticsError('not_found', `There is no batch ${id}; its first or last job is gone.`, { path: 'ids' });
    return 'cancelled';
  }

  /**
   * One round of every duty: due times, inboxes, heartbeat and sweep. The timers do the same by themselves; a caller with a
   * clock of its own takes the rounds by hand. Resolves to the delay in ms until the next one.
   */
  async tick(): Promise<number> {
    const delays = await Promise.all([
      this.#timer.tick(),
      this.#pump.ticker.tick(),
      this.#sweeper.tick(),
      ...(this.#outlets === null ? [] : [this.#outlets.ticker.tick()]),
    ]);
    return Math.min(...delays);
  }

  /** Entries of the log, for readers that keep a cursor. */
  events(query: Parameters<Backend['readEvents']>[0]): readonly LogisticsEvent[] {
    return this.backend.readEvents(query);
  }
}

function idsOf({ executionId, jobId, sessionId }: LogisticsEvent): Record<string, string> {
  return {
    ...(executionId === undefined ? {} : { execution_id: executionId }),
    ...(jobId === undefined ? {} : { job_id: jobId }),
    ...(sessionId === undefined ? {} : { session_id: sessionId }),
  };
}
