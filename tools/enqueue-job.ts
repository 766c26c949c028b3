// Owns the tool enqueue_job: one job or a batch, all or none, durable before the ids are told.
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { JobInput } from '../src/task/job-input.ts';
import { awaitEnd } from './await-end.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { nextForJob } from './views/job-views.ts';
import { itemOf } from './wait.ts';
import { AnyJson, IdempotencyKey, Next, SessionId, WaitMs } from './wire/fields.ts';

const MAX_JOBS = 200;
const RESULT_CHARS = 4_000;

const NOT_BUILT = {
  dedupe: 'Leave it out; an idempotency_key makes the same call once.',
  resources: 'Leave it out; requires names capabilities, and a queue of its own limits what runs.',
} as const;

export const enqueueJobTool = defineTool({
  name: 'enqueue_job',
  title: 'Enqueue jobs',
  description:
    'Enqueue a job (one unit of work in a queue: task and payload) with priority, delay, retries, timeout and dependencies, or a batch of up to 200 jobs in one write. The reply holds job_id; jobs survive crashes and run at least once.',
  kind: 'write',
  idempotent: false,
  openWorld: true,
  notBuilt: NOT_BUILT,
  input: z.strictObject({
    ...JobInput.partial().shape,
    payload: AnyJson.optional().describe('Input of the task.'),
    jobs: z
      .array(z.looseObject({ task: z.string(), ref: z.string().min(1).max(100).optional() }))
      .min(1)
      .max(MAX_JOBS)
      .optional()
      .describe('A batch instead of task: objects with the fields of one job and a ref that depends_on of others may name.'),
    session_id: SessionId,
    wait_ms: WaitMs,
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({
    job_id: z.string().optional(),
    job_ids: z.array(z.string()).optional(),
    status: z.string(),
    replayed: z.boolean(),
    result: z.unknown().optional(),
    error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
    next: Next,
  }),
  async handle(context, args) {
    const { engine } = context;
    const { jobs, session_id, wait_ms, idempotency_key, ...single } = args;
    const caller = session_id === undefined ? context.caller : { ...context.caller, sessionId: session_id };
    const inputs = jobsOf(single, jobs);
    const receipt = receiptFor(caller, 'enqueue_job', idempotency_key, args);
    const { jobIds, replayed, warnings } = await engine.enqueue(inputs, caller, receipt);
    await awaitEnd(context, { ids: jobIds, timeoutMs: wait_ms ?? 0 });
    const reply = jobs === undefined ? oneJob(context, jobIds[0] as string) : manyJobs(context, jobIds, jobs);
    return { ...reply, replayed, ...(warnings.length === 0 ? {} : { warnings }) };
  },
});

type Inputs = Parameters<ToolContext['engine']['enqueue']>[0];

function jobsOf(single: Readonly<Record<string, unknown>>, jobs: readonly Readonly<Record<string, unknown>>[] | undefined): Inputs {
  const given = Object.keys(single).filter((name) => single[name] !== undefined);
  if (jobs === undefined) {
    if (single.task === undefined)
      throw new LogisticsError('invalid_input', 'Neither a task nor jobs are given.', { path: 'task', expected: 'a task type such as echo, or jobs' });
    return [single] as unknown as Inputs;
  }
  if (given.length > 0)
    throw new LogisticsError('invalid_input', `jobs and ${given.join(', ')} are given.`, { path: given[0], expected: 'the fields of each job inside jobs' });
  for (const [at, job] of jobs.entries()) {
    for (const [name, instead] of Object.entries(NOT_BUILT)) {
      if (Object.hasOwn(job, name))
        throw new LogisticsError('not_available', `enqueue_job cannot take ${name}: it is not built yet.`, {
          path: `jobs[${at}].${name}`,
          nextActions: [instead],
        });
    }
  }
  return jobs as unknown as Inputs;
}

function oneJob({ engine }: ToolContext, id: string): JsonObject {
  const job = engine.backend.getJob(id);
  return { ...itemOf(engine, id, RESULT_CHARS), next: job === null ? [] : nextForJob(job) };
}

function manyJobs({ engine }: ToolContext, ids: readonly string[], jobs: readonly { readonly ref?: string | undefined }[]): JsonObject {
  const counts: Record<string, number> = {};
  for (const id of ids) {
    const status = engine.backend.getJob(id)?.status ?? 'removed';
    counts[status] = (counts[status] ?? 0) + 1;
  }
  const refs = Object.fromEntries(jobs.flatMap((job, at) => (job.ref === undefined ? [] : [[job.ref, ids[at] as string]])));
  const statuses = Object.keys(counts);
  return {
    status: statuses.length === 1 ? (statuses[0] as string) : 'mixed',
    count: ids.length,
    counts,
    job_ids: ids,
    ...(Object.keys(refs).length === 0 ? {} : { refs }),
    next: ['wait ids=[…] waits for them'],
  };
}
