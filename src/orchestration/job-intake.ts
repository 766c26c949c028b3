// Owns the way of jobs into the queue: each is checked against its task before any of them exists; all are stored, or none.
import { LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import type { NewJob } from '../domain/job.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import { AGENT_CAPABILITY } from '../domain/worker-agent.ts';
import type { CurrentWork } from '../runtime/current-work.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { Backend } from '../store/backend.ts';
import type { Receipt } from '../store/port/common.ts';
import { inOrderOfInputs, jobsInOrder, refusedBatch } from '../task/job-batch.ts';
import { type JobContext, JobInput, toNewJob } from '../task/job-input.ts';
import type { BatchJob } from '../task/queue.ts';
import { checkPayload } from '../task/step-input.ts';
import type { TaskRegistry } from '../task/task-registry.ts';
import { type Caller, traceOf } from './caller.ts';
import { capabilityGap } from './capability-gap.ts';
import { checkOutputSchema } from './input-schema.ts';

const MAX_WARNINGS = 5;

export interface JobIntakeOptions {
  readonly backend: Backend;
  readonly registry: TaskRegistry;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly defaultAttempts: number;
  readonly currentWork: CurrentWork;
  readonly tracing: Tracing | null;
}

export interface Enqueued {
  /** In the order of the inputs. */
  readonly jobIds: readonly string[];
  /** Those of them that existed before and stand for a job with the same dedupe key. */
  readonly deduplicated: readonly string[];
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
    const trace = traceOf(caller, this.#o.tracing);
    const cause = caller.cause ?? this.#o.currentWork.cause;
    const schemas = new Set<string>();
    const checkSchema = (schema: JsonObject, path: string): void => {
      const text = JSON.stringify(schema);
      if (!schemas.has(text)) requireOutputSchema(schema, path);
      schemas.add(text);
    };
    const batch = await jobsInOrder(inputs, (input, at) => {
      const path = inputs.length === 1 ? '' : `jobs[${at}]`;
      const parsed = parseInput(JobInput, input, 'The job is wrong', path);
      const type = registry.require(parsed.task);
      if (parsed.output !== undefined) checkSchema(parsed.output, path === '' ? 'output' : `${path}.output`);
      checkPayload(type, parsed.payload, path === '' ? 'payload' : `${path}.payload`);
      return { ...toNewJob(parsed, context), task: type.type, trace, cause };
    });
    const result = await backend.enqueueJobs({ jobs: batch.ordered, receipt });
    if (result.kind === 'conflict') {
      const error = refusedBatch(batch, result);
      throw new LogisticsError(error.code, error.message, error);
    }
    return {
      // Stored in the order of dependence, which is the same for the same inputs.
      jobIds: inOrderOfInputs(batch, result.jobIds),
      deduplicated: result.deduplicated,
      replayed: result.replayed,
      warnings: this.#warnings(batch.ordered),
    };
  }

  /** What this process cannot do itself; work for agents, when none is there to take it. */
  #warnings(jobs: readonly NewJob[]): string[] {
    const { backend, registry, namespace, now } = this.#o;
    const offered = new Set(registry.capabilities());
    const lacking = jobs.map((job) => job.requires).filter((requires) => requires.some((capability) => !offered.has(capability)));
    const forAgents = new Map(lacking.filter((requires) => requires.includes(AGENT_CAPABILITY)).map((requires) => [requires.join('\n'), requires]));
    const gaps = [...forAgents.values()].slice(0, MAX_WARNINGS).flatMap((requires) => capabilityGap(backend, namespace, requires, now())?.message ?? []);
    const missing = new Set(
      lacking.filter((requires) => !requires.includes(AGENT_CAPABILITY)).flatMap((requires) => requires.filter((capability) => !offered.has(capability))),
    );
    return [...gaps, ...[...missing].map((capability) => `This process does not offer ${capability}; the job waits for one that does.`)];
  }
}

function requireOutputSchema(schema: JsonObject, path: string): void {
  const [fault] = checkOutputSchema(schema, path);
  if (fault === undefined) return;
  throw new LogisticsError('invalid_input', `The schema of the result is wrong: ${fault.path}: ${fault.message}`, {
    path: fault.path,
    expected: fault.expected,
    nearMatches: fault.nearMatches,
  });
}
