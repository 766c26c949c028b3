// Owns the tool enqueue_job: one job or a batch, all or none, durable before the ids are told.
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import type { JobStatus } from '../src/domain/job.ts';
import { batchStatus, parseRange, rangeOf } from '../src/domain/job-range.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { isTerminal } from '../src/domain/workflow-execution.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import type { Enqueued } from '../src/orchestration/job-intake.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import { MAX_BATCH } from '../src/task/job-batch.ts';
import { JobInput } from '../src/task/job-input.ts';
import { awaitEnd } from './await-end.ts';
import { queueIn, scopeOf } from './in-project.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { nextForJob } from './views/job-views.ts';
import { itemOf } from './wait.ts';
import { AnyJson, AnyObject, IdempotencyKey, Next, ProjectRef, SessionId, WaitMs } from './wire/fields.ts';

/** So many ids and refs are told one by one. */
const SHOWN = 100;
const SHOWN_OF_MANY = 10;
const RESULT_CHARS = 4_000;
const NEXT_OF_BATCH = ['wait ids=[batch_id] waits for all of them', 'list kind=jobs filter.batch=batch_id shows them'];

export const enqueueJobTool = defineTool({
  name: 'enqueue_job',
  title: 'Enqueue jobs',
  description:
    'Enqueue a job (one unit of work in a queue: task and payload) with priority, delay, retries, timeout and dependencies, or a batch of up to 10,000 jobs in one write, all or none. The reply holds job_id, of a batch batch_id, which wait and list take; jobs survive crashes and run at least once.',
  kind: 'write',
  idempotent: false,
  openWorld: true,
  input: z.strictObject({
    ...JobInput.partial().shape,
    payload: AnyJson.optional().describe('Input of the task.'),
    output: AnyObject.optional().describe('JSON Schema that the result must fit; checked at completion.'),
    resources: AnyObject.optional().describe('What it holds of pools while it runs: {pool: amount} or {pool: {key: amount}}.'),
    jobs: z
      .array(z.looseObject({ task: z.string(), ref: z.string().min(1).max(100).optional() }))
      .min(1)
      .max(MAX_BATCH)
      .optional()
      .describe('A batch instead of task: objects with the fields of one job and a ref that depends_on of others may name.'),
    session_id: SessionId,
    project: ProjectRef,
    wait_ms: WaitMs,
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({
    job_id: z.string().optional(),
    job_ids: z.array(z.string()).optional(),
    batch_id: z.string().optional(),
    deduplicated: z.boolean().optional(),
    status: z.string(),
    replayed: z.boolean(),
    result: z.unknown().optional(),
    error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
    next: Next,
  }),
  followUp: ({ jobs }, data) => (isTerminal(data.status as JobStatus) ? null : String((jobs === undefined ? data.job_id : data.batch_id) ?? '') || null),
  async handle(context, args) {
    const { engine } = context;
    const { jobs, session_id, project, wait_ms, idempotency_key, ...single } = args;
    const caller = session_id === undefined ? context.caller : { ...context.caller, sessionId: session_id };
    const scope = scopeOf(engine, project, caller.sessionId);
    const inputs = jobsOf(single, jobs).map((input) => (scope === null ? input : { ...input, queue: queueIn(scope, input.queue) }));
    const receipt = receiptFor(caller, 'enqueue_job', idempotency_key, args);
    const made = await engine.enqueue(inputs, caller, receipt);
    const [first] = made.jobIds as readonly [string];
    const batchId = jobs === undefined ? null : rangeOf(made.jobIds.filter((id) => !made.deduplicated.includes(id)));
    if (wait_ms !== undefined && wait_ms > 0) await awaitEnd(context, { ids: batchId === null ? [first] : [batchId], timeoutMs: wait_ms });
    const reply = jobs === undefined ? jobReply(engine, first) : manyJobs(context, made, batchId, jobs);
    const known = made.deduplicated.length === 0 ? {} : { deduplicated: true, ...(jobs === undefined ? {} : { deduplicated_count: made.deduplicated.length }) };
    return { ...reply, ...known, replayed: made.replayed, ...(made.warnings.length === 0 ? {} : { warnings: made.warnings }) };
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
  return jobs as unknown as Inputs;
}

/** The job as it stands. */
export function jobReply(engine: OrchestrationEngine, id: string): JsonObject {
  const job = engine.backend.getJob(id);
  return { ...itemOf(engine, id, RESULT_CHARS), replayed: false, next: job === null ? [] : nextForJob(job) };
}

/** A batch as it stands, without its single ids. */
export function batchReply(engine: OrchestrationEngine, batchId: string): JsonObject {
  return { ...itemOf(engine, batchId, RESULT_CHARS), replayed: false, next: NEXT_OF_BATCH };
}

function manyJobs({ engine }: ToolContext, made: Enqueued, batchId: string | null, jobs: readonly { readonly ref?: string | undefined }[]): JsonObject {
  const { jobIds: ids } = made;
  const range = batchId === null ? null : parseRange(batchId);
  const counts = range === null ? null : engine.backend.jobRange(range);
  const shown = ids.length <= SHOWN ? ids : ids.slice(0, SHOWN_OF_MANY);
  const refs = Object.fromEntries(jobs.slice(0, shown.length).flatMap((job, at) => (job.ref === undefined ? [] : [[job.ref, ids[at] as string]])));
  return {
    ...(batchId === null ? {} : { batch_id: batchId }),
    status: counts === null ? 'pending' : batchStatus(counts),
    count: ids.length,
    counts: counts === null ? {} : Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0)),
    job_ids: shown,
    ...(shown.length < ids.length ? { truncated: true } : {}),
    ...(Object.keys(refs).length === 0 ? {} : { refs }),
    next: batchId === null ? ['wait ids=[…] waits for them'] : NEXT_OF_BATCH,
  };
}
