// Owns claim order for its user: enqueue, dequeue (a claim, never a destructive pop), acknowledge; the best ready job first.
import { hostname } from 'node:os';
import { LogisticsError, QueueError, toErrorData } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import type { Job } from '../domain/job.ts';
import type { Json } from '../domain/json.ts';
import type { Decide } from '../domain/transition.ts';
import type { Backend, QueueStats, SettleResult } from '../store/backend.ts';
import { JobInput, toNewJob } from './job-input.ts';

export interface QueueOptions {
  readonly backend: Backend;
  readonly name: string;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly decide?: Decide | undefined;
}

/** A claimed job with the token that proves the claim. */
export interface LeasedJob extends Job {
  readonly token: number;
}

const CLEAR_CHUNK = 500;

export class Queue {
  readonly backend: Backend;
  readonly name: string;
  readonly namespace: string;
  readonly #o: QueueOptions;
  #epoch: Promise<number> | null = null;

  constructor(options: QueueOptions) {
    this.#o = options;
    this.backend = options.backend;
    this.name = options.name;
    this.namespace = options.namespace;
  }

  /** Adds a job; resolves when it is as durable as the backend says. Throws QueueError. */
  async enqueue(input: JobInput): Promise<Job> {
    const [job] = await this.enqueueAll([input]);
    return job as Job;
  }

  /** Adds all jobs or none. */
  async enqueueAll(inputs: readonly JobInput[]): Promise<readonly Job[]> {
    const jobs = inputs.map((input) => {
      const parsed = JobInput.safeParse({ queue: this.name, ...input });
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        throw new QueueError('invalid_input', `The job cannot be enqueued: ${issue?.message ?? 'invalid'}.`, { path: issue?.path.join('.') });
      }
      return toNewJob(parsed.data, {
        namespace: this.namespace,
        sessionId: null,
        now: this.#o.now(),
        newId: this.#o.newId,
        capabilityOf: () => undefined,
        defaultAttempts: 3,
      });
    });
    const result = await this.backend.enqueueJobs({ jobs });
    if (result.kind === 'conflict') throw new QueueError(result.error.code, result.error.message, result.error);
    return result.jobIds.map((id) => this.backend.getJob(id) as Job);
  }

  /** Claims the best ready job, or null when there is none. The job comes back when this process dies before it is acknowledged. */
  async dequeue(capabilities: readonly string[] = []): Promise<LeasedJob | null> {
    const [claimed] = await this.backend.claimJobs({ epoch: await this.epoch(), namespace: this.namespace, capabilities, limit: 1, queue: this.name });
    if (claimed === undefined) return null;
    return { ...(this.backend.getJob(claimed.jobId) as Job), token: claimed.token };
  }

  /** Completes a claimed job. A repeat with the same token is a replay; a stale token throws lease_lost. */
  ack(job: { readonly id: string; readonly token: number }, result: Json = null): Promise<Job> {
    return this.#settle(job, { status: 'completed', output: result });
  }

  /** Fails the attempt; its retry policy decides what follows. */
  fail(job: { readonly id: string; readonly token: number }, error: unknown): Promise<Job> {
    return this.#settle(job, { status: 'failed', error: toErrorData(error) });
  }

  /** Gives a claimed job back unharmed. */
  release(job: { readonly id: string; readonly token: number }): Promise<Job> {
    return this.#settle(job, { status: 'released' });
  }

  async #settle(job: { readonly id: string; readonly token: number }, outcome: Parameters<Backend['settleJob']>[0]['outcome']): Promise<Job> {
    const result: SettleResult = await this.backend.settleJob({ jobId: job.id, token: job.token, outcome, logs: [], decide: this.#decide });
    if (result.kind === 'lease_lost') throw new QueueError('lease_lost', `The job ${job.id} is no longer held with this token.`);
    return this.backend.getJob(job.id) as Job;
  }

  /** The job that dequeue would claim first, without claiming it. */
  peek(): Job | null {
    return this.backend.peekJob({ namespace: this.namespace, queue: this.name });
  }

  /** Jobs that wait: pending and retrying. */
  size(): number {
    return this.backend.queueSize({ namespace: this.namespace, queue: this.name });
  }

  /** Cancels pending and retrying jobs; gives their number. Running ones go on. */
  async clear(): Promise<number> {
    let total = 0;
    for (let count = CLEAR_CHUNK; count === CLEAR_CHUNK; total += count) {
      count = await this.backend.clearQueue({ namespace: this.namespace, queue: this.name, limit: CLEAR_CHUNK });
    }
    return total;
  }

  stats(): readonly QueueStats[] {
    return this.backend.queueStats({ namespace: this.namespace }).filter((row) => row.queue === this.name);
  }

  get #decide(): Decide {
    return this.#o.decide ?? NO_EXECUTIONS;
  }

  /** Registers this process with the backend on first use. */
  epoch(): Promise<number> {
    this.#epoch ??= this.backend.join({ pid: process.pid, host: hostname(), role: 'queue', namespace: this.namespace, capabilities: [], version: '0' });
    return this.#epoch;
  }

  /** Gives claimed jobs back and closes the backend. */
  async close(): Promise<void> {
    if (this.#epoch !== null) await this.backend.leave({ epoch: await this.#epoch, decide: this.#decide });
    await this.backend.close();
  }
}

const NO_EXECUTIONS: Decide = () => {
  throw new LogisticsError('internal', 'This queue holds no executions.');
};
