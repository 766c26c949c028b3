// Owns the way of jobs into the queue: each is checked against its task before any of them exists; all are stored, or none.
import { LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import { isJsonObject } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Backend, Receipt } from '../store/backend.ts';
import { jobsInOrder } from '../task/job-batch.ts';
import { type JobContext, JobInput, toNewJob } from '../task/job-input.ts';
import type { BatchJob } from '../task/queue.ts';
import { checkPayload } from '../task/step-input.ts';
import type { TaskRegistry } from '../task/task-registry.ts';
import type { Caller } from './caller.ts';

export interface JobIntakeOptions {
  readonly backend: Backend;
  readonly registry: TaskRegistry;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly defaultAttempts: number;
}

export interface Enqueued {
  /** In the order of the inputs. */
  readonly jobIds: readonly string[];
  readonly replayed: boolean;
  readonly warnings: readonly string[];
}

export class JobIntake {
  readonly #o: JobIntakeOptions;

  constructor(options: JobIntakeOptions) {
    this.#o = options;
  }

  async enqueue(inputs: readonly BatchJob[], caller: Caller, receipt?: Receipt): Promise<Enqueued> {
    const { backend, registry, namespace, newId, now, defaultAttempts } = this.#o;
    const context: JobContext = {
      namespace,
      sessionId: caller.sessionId,
      now: now(),
      newId,
      capabilityOf: (task, payload) => registry.capabilityOf(task, isJsonObject(payload) ? payload : {}),
      defaultAttempts,
    };
    const { ordered, ids } = jobsInOrder(inputs, (input, at) => {
      const path = inputs.length === 1 ? '' : `jobs[${at}]`;
      const parsed = parseInput(JobInput, input, 'The job is wrong', path);
      const type = registry.require(parsed.task);
      checkPayload(type, parsed.payload, path === '' ? 'payload' : `${path}.payload`);
      return { ...toNewJob(parsed, context), task: type.type };
    });
    const result = await backend.enqueueJobs({ jobs: ordered, receipt });
    if (result.kind === 'conflict') throw new LogisticsError(result.error.code, result.error.message, result.error);
    const offered = new Set(registry.capabilities());
    const missing = new Set(ordered.flatMap((job) => job.requires).filter((capability) => !offered.has(capability)));
    return {
      // Stored in the order of dependence; ids sort in the order in which they were made, which is that of the inputs.
      jobIds: result.replayed ? [...result.jobIds].sort() : ids,
      replayed: result.replayed,
      warnings: [...missing].map((capability) => `This process does not offer ${capability}; the job waits for one that does.`),
    };
  }
}
