// Owns due times for a queue's user: a job now or at a moment, its cancellation, its state; start and stop of what runs it.
import type { TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Job, JobStatus } from '../domain/job.ts';
import type { Json } from '../domain/json.ts';
import type { Logger } from '../domain/log.ts';
import { isTerminal } from '../domain/workflow-execution.ts';
import { CurrentWork } from '../runtime/current-work.ts';
import { createRedactor } from '../runtime/redact.ts';
import { Waiters } from '../runtime/waiters.ts';
import type { CancelResult } from '../store/backend.ts';
import type { JobInput } from './job-input.ts';
import type { Queue } from './queue.ts';
import { checkPayload } from './step-input.ts';
import { TaskRegistry } from './task-registry.ts';
import { Worker } from './worker.ts';

export interface JobSchedulerOptions {
  /** Task types made with defineTask(); jobs of other types are refused, never run and never called completed. */
  readonly tasks: readonly TaskType[];
  /** Jobs that run at once; default 16. */
  readonly concurrency?: number | undefined;
  /** How long stop() lets running jobs finish before it asks them to stop; default 10 s. */
  readonly shutdownGraceMs?: number | undefined;
  readonly logger?: Logger | undefined;
}

/** A job without its moment: that is an argument of its own. */
export type ScheduledJob = Omit<JobInput, 'run_at' | 'delay' | 'queue'>;

const CLAIM_BATCH = 32;

export class JobScheduler {
  readonly #queue: Queue;
  readonly #registry: TaskRegistry;
  readonly #o: JobSchedulerOptions;
  readonly #waiters = new Waiters();
  #worker: Worker | null = null;

  /** Throws invalid_input for a concurrency that is none, conflict for a task type that is there twice. */
  constructor(queue: Queue, options: JobSchedulerOptions) {
    const { concurrency = 16 } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1_000) {
      throw new LogisticsError('invalid_input', `A concurrency of ${concurrency}.`, { path: 'concurrency', expected: 'a whole number from 1 to 1000' });
    }
    this.#queue = queue;
    this.#o = options;
    this.#registry = new TaskRegistry({ builtIns: [] });
    for (const task of options.tasks) this.#registry.register(task);
    queue.backend.onCommit((notice) => {
      this.#worker?.notify(notice);
      this.#waiters.notify(notice);
    });
  }

  /** Runs a job at a moment (epoch ms or Date) or after a delay; a moment in the past means now. */
  async schedule(job: ScheduledJob, when: number | Date | { readonly delayMs: number }): Promise<Job> {
    if (typeof when === 'object' && !(when instanceof Date)) return this.#enqueue({ ...job, delay: when.delayMs });
    const at = when instanceof Date ? when.getTime() : when;
    if (!Number.isSafeInteger(at) || at < 0) {
      throw new LogisticsError('invalid_input', 'The moment is not a date.', { path: 'when', expected: 'a Date, epoch ms, or {delayMs}' });
    }
    return this.#enqueue({ ...job, run_at: at });
  }

  /** Runs a job as soon as a slot is free. */
  async runNow(job: ScheduledJob): Promise<Job> {
    return this.#enqueue(job);
  }

  #enqueue(job: JobInput): Promise<Job> {
    const type = this.#registry.require(job.task);
    checkPayload(type, job.payload, 'payload');
    // Only a scheduler that knows the task claims the job.
    return this.#queue.enqueue({ ...job, requires: [...(job.requires ?? []), `handler:${type.type}`] });
  }

  /** A waiting job ends at once, a running one is asked to stop. */
  async cancel(jobId: string): Promise<CancelResult> {
    const result = await this.#queue.backend.cancelJob({ jobId, reason: 'Cancelled on request.', decide: this.#queue.decide });
    if (result.kind === 'not_found') throw notFound(jobId);
    return result;
  }

  /** The same as cancel. */
  cancelJob(jobId: string): Promise<CancelResult> {
    return this.cancel(jobId);
  }

  /** Throws not_found for an unknown job. */
  getStatus(jobId: string): JobStatus {
    return this.#require(jobId).status;
  }

  /** The result of a completed job; null while it has none. Throws what a failed or cancelled job ended with. */
  getResult(jobId: string): Json {
    const job = this.#require(jobId);
    if (job.status !== 'failed' && job.status !== 'cancelled') return job.result;
    throw new LogisticsError(job.error?.code ?? job.status, job.error?.message ?? `The job is ${job.status}.`, job.error ?? {});
  }

  /** The whole job, or null. */
  getJob(jobId: string): Job | null {
    return this.#queue.backend.getJob(jobId);
  }

  /** Waits until a job has ended, then gives it; throws timeout, which cancels nothing. */
  async wait(jobId: string, timeoutMs = 2 ** 31 - 1): Promise<Job> {
    const ended = (): boolean => isTerminal(this.#require(jobId).status);
    const end = await this.#waiters.wait({ ids: [jobId], check: ended, timeoutMs });
    if (end === 'met') return this.#require(jobId);
    throw new LogisticsError(end === 'timeout' ? 'timeout' : 'cancelled', `The wait for ${jobId} ended (${end}); the job goes on.`, {
      details: { job_id: jobId },
    });
  }

  /** Begins to run jobs; a second call does nothing. Call stop() before the queue is closed. */
  start(): void {
    if (this.#worker !== null) return;
    const { backend, namespace, name, newId, now, decide, upkeep } = this.#queue;
    const { concurrency = 16, shutdownGraceMs = 10_000, logger = SILENT } = this.#o;
    this.#worker = new Worker({
      backend,
      steps: null,
      registry: this.#registry,
      redactor: createRedactor(),
      now,
      newId,
      decide,
      currentWork: new CurrentWork(),
      namespace,
      concurrency,
      claimBatch: CLAIM_BATCH,
      shutdownGraceMs,
      epoch: () => upkeep.epoch,
      logger,
      queues: [name],
    });
    this.#worker.start();
  }

  /** Idempotent: lets running jobs finish within the grace period and gives back the rest. start() begins anew. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    await worker.stop();
    // Only now: until it has stopped it must hear of cancellations.
    if (this.#worker === worker) this.#worker = null;
  }

  /** Admits what is due by the queue's clock and looks for work; the timers do the same by themselves. Resolves to the delay in ms until the next look. */
  async tick(): Promise<number> {
    const delay = await this.#queue.upkeep.fireDue();
    this.#worker?.wake();
    return delay;
  }

  #require(jobId: string): Job {
    const job = this.getJob(jobId);
    if (job === null) throw notFound(jobId);
    return job;
  }
}

const SILENT: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => SILENT };

function notFound(jobId: string): LogisticsError {
  return new LogisticsError('not_found', `There is no job ${jobId}.`, { path: 'job_id' });
}
