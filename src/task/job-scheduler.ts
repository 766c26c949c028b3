// Owns due times for a queue's user: a job now or at a moment, its cancellation, its state; start and stop of what runs it.
import { LogisticsError } from '../domain/errors.ts';
import type { Job, JobStatus } from '../domain/job.ts';
import type { Json } from '../domain/json.ts';
import type { Decide } from '../domain/transition.ts';
import type { CancelResult } from '../store/backend.ts';
import type { JobInput } from './job-input.ts';
import type { Queue } from './queue.ts';

/** What runs the jobs: a worker and the timers, started and stopped together. */
export interface JobRunner {
  start(): void;
  stop(): Promise<void>;
}

export interface JobSchedulerOptions {
  readonly queue: Queue;
  readonly decide: Decide;
  readonly runner: JobRunner;
}

export class JobScheduler {
  readonly #o: JobSchedulerOptions;

  constructor(options: JobSchedulerOptions) {
    this.#o = options;
  }

  /** Runs a job at a moment (epoch ms or Date) or after a delay; a moment in the past means now. */
  schedule(job: Omit<JobInput, 'run_at' | 'delay'>, when: number | Date | { readonly delayMs: number }): Promise<Job> {
    if (typeof when === 'object' && !(when instanceof Date)) return this.#o.queue.enqueue({ ...job, delay: when.delayMs });
    const at = when instanceof Date ? when.getTime() : when;
    if (!Number.isSafeInteger(at) || at < 0) {
      return Promise.reject(new LogisticsError('invalid_input', 'The moment is not a date.', { path: 'when', expected: 'a Date, epoch ms, or {delayMs}' }));
    }
    return this.#o.queue.enqueue({ ...job, run_at: at });
  }

  runNow(job: Omit<JobInput, 'run_at' | 'delay'>): Promise<Job> {
    return this.#o.queue.enqueue(job);
  }

  /** A waiting job ends at once, a running one is asked to stop. */
  async cancel(jobId: string): Promise<CancelResult> {
    const result = await this.#o.queue.backend.cancelJob({ jobId, reason: 'Cancelled on request.', decide: this.#o.decide });
    if (result.kind === 'not_found') throw notFound(jobId);
    return result;
  }

  cancelJob(jobId: string): Promise<CancelResult> {
    return this.cancel(jobId);
  }

  getStatus(jobId: string): JobStatus {
    return this.#require(jobId).status;
  }

  /** The result of a completed job; null while it has none. Throws what a failed job failed with. */
  getResult(jobId: string): Json {
    const job = this.#require(jobId);
    if (job.status === 'failed' || job.status === 'cancelled')
      throw new LogisticsError(job.error?.code ?? job.status, job.error?.message ?? `The job is ${job.status}.`, job.error ?? {});
    return job.result;
  }

  getJob(jobId: string): Job | null {
    return this.#o.queue.backend.getJob(jobId);
  }

  start(): void {
    this.#o.runner.start();
  }

  stop(): Promise<void> {
    return this.#o.runner.stop();
  }

  #require(jobId: string): Job {
    const job = this.getJob(jobId);
    if (job === null) throw notFound(jobId);
    return job;
  }
}

function notFound(jobId: string): LogisticsError {
  return new LogisticsError('not_found', `There is no job ${jobId}.`, { path: 'job_id' });
}
