// Owns claim order for its user: enqueue, dequeue (a claim, never a destructive pop), acknowledge; the best ready job first.
import { type ErrorData, LogisticsError, QueueError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import type { Job } from '../domain/job.ts';
import type { Json } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Decide } from '../domain/transition.ts';
import type { AttemptOutcome, Backend, QueueStats } from '../store/backend.ts';
import { jobsInOrder } from './job-batch.ts';
import { JobInput, toNewJob } from './job-input.ts';
import type { QueueUpkeep } from './queue-upkeep.ts';
import { storableError, storableOutput } from './storable.ts';

export interface QueueOptions {
  readonly backend: Backend;
  readonly name: string;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly decide: Decide;
  readonly upkeep: QueueUpkeep;
}

/** A job as it is asked for; `depends_on` may name a `ref` of the same batch. */
export type BatchJob = JobInput & { readonly ref?: string | undefined };

/** A claimed job with the token that proves the claim. */
export interface LeasedJob extends Job {
  readonly token: number;
}

type Held = Pick<LeasedJob, 'id' | 'token'>;

const CLEAR_CHUNK = 500;

export class Queue {
  readonly backend: Backend;
  readonly name: string;
  readonly namespace: string;
  readonly now: () => number;
  readonly newId: IdSource;
  readonly decide: Decide;
  readonly upkeep: QueueUpkeep;

  constructor(options: QueueOptions) {
    this.backend = options.backend;
    this.name = options.name;
    this.namespace = options.namespace;
    this.now = options.now;
    this.newId = options.newId;
    this.decide = options.decide;
    this.upkeep = options.upkeep;
  }

  /** Adds a job; resolves when it is as durable as the backend says. Throws QueueError. */
  async enqueue(input: JobInput): Promise<Job> {
    const [job] = await this.enqueueAll([input]);
    return job as Job;
  }

  /** Adds all jobs or none, and gives them in the order of the inputs. */
  async enqueueAll(inputs: readonly BatchJob[]): Promise<readonly Job[]> {
    const { ordered, ids } = inQueueTerms(() => jobsInOrder(inputs, (input, at) => this.#newJob(input, inputs.length === 1 ? '' : `jobs[${at}]`)));
    const result = await this.backend.enqueueJobs({ jobs: ordered });
    if (result.kind === 'conflict') throw queueError(result.error);
    return ids.map((id) => this.#job(id));
  }

  #newJob(input: JobInput, path: string): ReturnType<typeof toNewJob> {
    const parsed = parseInput(JobInput, input, 'The job cannot be enqueued', path);
    if (parsed.queue !== undefined && parsed.queue !== this.name) {
      throw new LogisticsError('invalid_input', `The job names the queue ${parsed.queue}, and this is the queue ${this.name}.`, {
        path: 'queue',
        expected: this.name,
      });
    }
    return toNewJob(
      { ...parsed, queue: this.name },
      { namespace: this.namespace, sessionId: null, now: this.now(), newId: this.newId, capabilityOf: () => undefined, defaultAttempts: 3 },
    );
  }

  /** Claims the best ready job, or null when there is none. The job comes back when this process dies before it is acknowledged. */
  async dequeue(capabilities: readonly string[] = []): Promise<LeasedJob | null> {
    await this.upkeep.fireDue();
    return (await this.#claim(capabilities)) ?? ((await this.upkeep.reclaim()) ? this.#claim(capabilities) : null);
  }

  async #claim(capabilities: readonly string[]): Promise<LeasedJob | null> {
    const [claimed] = await this.backend.claimJobs({ epoch: this.upkeep.epoch, namespace: this.namespace, capabilities, limit: 1, queue: this.name });
    return claimed === undefined ? null : { ...this.#job(claimed.jobId), token: claimed.token };
  }

  /** Completes a claimed job. A repeat with the same token is a replay; a stale token throws lease_lost. */
  async ack(job: Held, result: Json = null): Promise<Job> {
    return this.#settle(job, { status: 'completed', output: inQueueTerms(() => storableOutput('the job', result)) });
  }

  /** Fails the attempt; its retry policy decides what follows. */
  fail(job: Held, error: unknown): Promise<Job> {
    return this.#settle(job, { status: 'failed', error: storableError(error) });
  }

  /** Gives a claimed job back unharmed. */
  release(job: Held): Promise<Job> {
    return this.#settle(job, { status: 'released' });
  }

  async #settle(job: Held, outcome: AttemptOutcome): Promise<Job> {
    const result = await this.backend.settleJob({ jobId: job.id, token: job.token, outcome, logs: [], decide: this.decide });
    if (result.kind === 'lease_lost') throw new QueueError('lease_lost', `The job ${job.id} is no longer held with this token.`);
    return this.#job(job.id);
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

  /** Counts and times per task type. */
  stats(): readonly QueueStats[] {
    return this.backend.queueStats({ namespace: this.namespace }).filter((row) => row.queue === this.name);
  }

  #job(id: string): Job {
    const job = this.backend.getJob(id);
    if (job === null) throw new QueueError('not_found', `There is no job ${id}.`);
    return job;
  }

  /** Gives claimed jobs back and closes the backend. */
  async close(): Promise<void> {
    await this.upkeep.stop();
    await this.backend.close();
  }
}

function inQueueTerms<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof LogisticsError ? queueError(error.toData()) : error;
  }
}

function queueError({ code, message, ...fields }: ErrorData): QueueError {
  return new QueueError(code, message, fields);
}
