// Owns claim order for its user: enqueue, dequeue (a claim, never a destructive pop), acknowledge; the best ready job first.
import { z } from 'zod';
import { type ErrorData, LogisticsError, QueueError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import type { Job } from '../domain/job.ts';
import type { Json } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import { MAX_QUEUE_CONCURRENCY, type QueueLimits, type QueueSettings } from '../domain/queue.ts';
import { QUEUE_ORDERS } from '../domain/queue-order.ts';
import { RateLimit } from '../domain/rate-limit.ts';
import type { Decide } from '../domain/transition.ts';
import type { AttemptOutcome, Backend, QueueStats } from '../store/backend.ts';
import type { Page } from '../store/port/common.ts';
import { inOrderOfInputs, jobsInOrder, refusedBatch } from './job-batch.ts';
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
const DEAD_PAGE = 100;

const SetLimits = z.strictObject({
  concurrency: z.int().min(1).max(MAX_QUEUE_CONCURRENCY).nullable().optional(),
  order: z.enum(QUEUE_ORDERS).optional(),
  rateLimit: RateLimit.nullable().optional(),
});
type SetLimits = z.input<typeof SetLimits>;

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
    const { ids } = await this.enqueueMany(inputs);
    return ids.map((id) => this.#job(id));
  }

  /** Adds up to 10,000 jobs or none; gives their ids in the order of the inputs. Throws QueueError. */
  async enqueueMany(inputs: readonly BatchJob[]): Promise<{ readonly ids: readonly string[]; readonly deduplicated: readonly string[] }> {
    const batch = await jobsInOrder(inputs, (input, at) => this.#newJob(input, inputs.length === 1 ? '' : `jobs[${at}]`)).catch(rethrow);
    const result = await this.backend.enqueueJobs({ jobs: batch.ordered });
    if (result.kind === 'conflict') throw queueError(refusedBatch(batch, result));
    return { ids: inOrderOfInputs(batch, result.jobIds), deduplicated: result.deduplicated };
  }

  #newJob(input: JobInput, path: string): ReturnType<typeof toNewJob> {
    const parsed = parseInput(JobInput, input, 'The job cannot be enqueued', path);
    if (parsed.queue !== undefined && parsed.queue !== this.name) {
      throw new LogisticsError('invalid_input', `The job names the queue ${parsed.queue}, and this is the queue ${this.name}.`, {
        path: 'queue',
        expected: this.name,
      });
    }
    if (parsed.output !== undefined)
      throw new LogisticsError('not_available', 'A queue without an engine checks no results.', {
        path: 'output',
        nextActions: ['Check the result before ack.'],
      });
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

  /** Starts nothing more; what runs goes on, and jobs can still be enqueued. */
  pause(): Promise<QueueSettings> {
    return this.#update({ paused: true });
  }

  resume(): Promise<QueueSettings> {
    return this.#update({ paused: false });
  }

  /** Bounds the jobs that run at once, and the starts in a period (`{limit, period}`); null takes a limit away, an absent one stays. Throws QueueError. */
  async setLimits(limits: SetLimits): Promise<QueueSettings> {
    const { concurrency, rateLimit, order } = inQueueTerms(() => parseInput(SetLimits, limits, 'The limits cannot be set', ''));
    return this.#update({ concurrency, rateLimit, order });
  }

  /** Whether it is paused, and its limits. */
  settings(): QueueSettings {
    const [found] = this.backend.queueSettings({ namespace: this.namespace, queue: this.name });
    return found ?? { namespace: this.namespace, queue: this.name, paused: false, concurrency: null, rateLimit: null, order: 'fifo', from: null };
  }

  #update(change: { readonly paused?: boolean } & QueueLimits): Promise<QueueSettings> {
    return this.backend.updateQueue({ namespace: this.namespace, queue: this.name, ...change, from: 'control' });
  }

  /** Jobs that failed with no attempt left, newest first. */
  dead(page: { readonly limit?: number; readonly cursor?: string | null } = {}): Page<Job> {
    const filter = { namespace: this.namespace, queue: this.name, dead: true };
    return this.backend.listJobs({ filter, limit: page.limit ?? DEAD_PAGE, cursor: page.cursor ?? null });
  }

  /** Starts a failed or cancelled job anew on the same id; without an id, all dead ones. Gives their number. Throws QueueError for an id that cannot be. */
  async redrive(jobId?: string): Promise<number> {
    if (jobId === undefined) return this.#redriveDead();
    const result = await this.backend.redriveJob({ jobId });
    const { kind, status } = result;
    if (result.kind === 'taken') throw new QueueError('conflict', `The job ${result.by} has the dedupe key of ${jobId}.`, { details: { job_id: result.by } });
    if (kind === 'not_found') throw new QueueError('not_found', `There is no job ${jobId}.`);
    if (kind === 'refused') throw new QueueError('invalid_transition', `The job ${jobId} is ${status}; only a failed or cancelled one is redriven.`);
    return 1;
  }

  async #redriveDead(): Promise<number> {
    let count = 0;
    for (let cursor: string | null = null, more = true; more; ) {
      const page: Page<Job> = this.dead({ limit: CLEAR_CHUNK, cursor });
      const results = await Promise.all(page.items.map(({ id }) => this.backend.redriveJob({ jobId: id })));
      count += results.filter(({ kind }) => kind === 'redriven').length;
      cursor = page.nextCursor;
      more = cursor !== null;
    }
    return count;
  }

  /** Counts, times and what ended lately, per task type. */
  stats(): readonly QueueStats[] {
    return this.backend.queueStats({ namespace: this.namespace, queue: this.name });
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
    rethrow(error);
  }
}

function rethrow(error: unknown): never {
  throw error instanceof LogisticsError ? queueError(error.toData()) : error;
}

function queueError({ code, message, ...fields }: ErrorData): QueueError {
  return new QueueError(code, message, fields);
}
