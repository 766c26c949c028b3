// Owns the tool execute_task of earlier programs of this kind: one unit of work, run by whoever offers it, its result awaited.
import { z } from 'zod';
import { LogisticsError } from '../../src/domain/errors.ts';
import { isJsonObject, type JsonObject } from '../../src/domain/json.ts';
import { isTerminal } from '../../src/domain/workflow-execution.ts';
import { receiptFor } from '../../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { awaitEnd } from '../await-end.ts';
import { defineTool } from '../tool.ts';
import { clipped } from '../wire/compact.ts';
import { AnyObject, IdempotencyKey, MAX_WAIT_MS, Next, SessionId } from '../wire/fields.ts';

const RESULT_CHARS = 4_000;

export const executeTaskTool = defineTool({
  name: 'execute_task',
  title: 'Run one task',
  description:
    'Run a single task, module.action with parameters, and wait up to 50 seconds for its result; it goes on after that, and wait takes its job_id. A task that nobody knows is an error, never a success. enqueue_job takes more.',
  kind: 'write',
  idempotent: false,
  openWorld: true,
  aliases: { task_name: 'name', timeout_seconds: 'timeout' },
  input: z.strictObject({
    name: z.string().min(1).max(200),
    module: z.string().min(1).max(100),
    action: z.string().min(1).max(100),
    parameters: AnyObject.optional(),
    priority: z.enum(['background', 'low', 'normal', 'high', 'critical']).optional(),
    dependencies: z.array(z.string().min(1).max(100)).max(1_000).optional().describe('job_ids that must have completed.'),
    timeout: z.number().positive().max(86_400).optional().describe('Seconds for one attempt.'),
    session_id: SessionId,
    idempotency_key: IdempotencyKey,
  }),
  output: z.looseObject({ success: z.boolean(), task_id: z.string(), job_id: z.string(), status: z.string(), replayed: z.boolean(), next: Next }),
  followUp: (_, data) => (isTerminal(data.status as never) ? null : String(data.job_id)),
  async handle(context, args) {
    const { engine } = context;
    const caller = args.session_id === undefined ? context.caller : { ...context.caller, sessionId: args.session_id };
    const receipt = receiptFor(caller, 'execute_task', args.idempotency_key, args);
    const job = {
      task: taskOf(engine, args.module, args.action),
      name: args.name,
      payload: args.parameters ?? {},
      ...(args.priority === undefined ? {} : { priority: args.priority }),
      ...(args.dependencies === undefined ? {} : { depends_on: args.dependencies }),
      ...(args.timeout === undefined ? {} : { timeout: Math.round(args.timeout * 1_000) }),
    };
    const { jobIds, replayed } = await engine.enqueue([job], caller, receipt);
    const [id] = jobIds as readonly [string];
    await awaitEnd(context, { ids: [id], timeoutMs: MAX_WAIT_MS });
    return { ...taskReply(engine, id), replayed };
  },
});

/** `module.action`, as imported workflow files are read too; a built-in type may be named by its action alone. */
function taskOf(engine: OrchestrationEngine, module: string, action: string): string {
  const full = `${module}.${action}`;
  if (engine.registry.get(full) !== undefined) return full;
  if (['logistics', 'builtin', 'built_in'].includes(module) && engine.registry.get(action) !== undefined) return action;
  try {
    return engine.registry.require(full).type;
  } catch (error) {
    if (!(error instanceof LogisticsError)) throw error;
    throw new LogisticsError(error.code, error.message, { ...error.toData(), path: 'action', details: error.details, cause: error });
  }
}

function taskReply(engine: OrchestrationEngine, id: string): JsonObject {
  const job = engine.backend.getJob(id);
  if (job === null) throw new LogisticsError('not_found', `The job ${id} is gone.`);
  const ended = isTerminal(job.status);
  const seconds = job.startedAt === null || job.completedAt === null ? undefined : (job.completedAt - job.startedAt) / 1_000;
  return {
    success: job.status === 'completed',
    task_id: id,
    job_id: id,
    status: job.status,
    attempts: job.attempt,
    ...(job.status === 'completed' ? clipped('result', job.result, RESULT_CHARS) : {}),
    ...(seconds === undefined ? {} : { execution_time: seconds }),
    ...(job.error === null
      ? {}
      : { error: { code: job.error.code, message: job.error.message, ...(isJsonObject(job.error.details) ? { details: job.error.details } : {}) } }),
    ...(ended ? {} : { next: [`wait ids=["${id}"]`] }),
  };
}
