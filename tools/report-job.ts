// Owns the tool report_job: what a worker agent says about a job that it holds; a token that is no longer the holder's changes nothing.
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import { MAX_JOB_LOG_LINES } from '../src/domain/job.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { Usage } from '../src/domain/usage.ts';
import type { JobLogLine, WorkerReport, WorkerReportResult } from '../src/store/backend.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { compact, iso } from './wire/compact.ts';
import { AnyJson, AnyObject, Next } from './wire/fields.ts';

const ACTIONS = ['heartbeat', 'progress', 'complete', 'fail', 'release'] as const;
const MAX_MESSAGE = 8_000;

const Level = z.enum(['debug', 'info', 'warn', 'error']);
const LogLine = z.union([
  z.string().max(MAX_MESSAGE),
  z.strictObject({ level: Level.optional(), message: z.string().max(MAX_MESSAGE), fields: AnyObject.optional() }),
]);

const Input = z.strictObject({
  worker_id: z.string().min(1).max(100).optional().describe('Of the reply of claim_job; default: the worker of this connection.'),
  job_id: z.string().min(1).max(100),
  lease_token: z.int().min(0).describe('Of the lease.'),
  action: z.enum(ACTIONS).describe('heartbeat and progress keep the lease; complete, fail and release end it.'),
  output: AnyJson.optional().describe('complete: the result.'),
  error: z
    .strictObject({
      code: z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/)
        .optional(),
      message: z.string().min(1).max(MAX_MESSAGE),
      retryable: z.boolean().optional().describe('Default true.'),
      details: AnyJson.optional(),
    })
    .optional()
    .describe('fail: why.'),
  share: z.number().min(0).max(1).optional().describe('progress: how much is done.'),
  message: z.string().min(1).max(500).optional().describe('progress: a short text for people.'),
  note: AnyJson.optional().describe('progress, release: what the next attempt should know, up to 64 KiB; it replaces the note before.'),
  usage: Usage.optional().describe('What this attempt has used so far, in all; repeating it counts once. Budgets sum it.'),
  logs: z.array(LogLine).max(MAX_JOB_LOG_LINES).optional().describe('Lines for the log of the job.'),
});
type Args = z.output<typeof Input>;

/** Fields that act only with some actions. */
const ONLY_WITH: Readonly<Record<string, readonly Args['action'][]>> = {
  output: ['complete'],
  error: ['fail'],
  share: ['progress'],
  message: ['progress'],
  note: ['progress', 'release'],
};

export const reportJobTool = defineTool({
  name: 'report_job',
  title: 'Report on a claimed job',
  description:
    'Report on a job that you hold by claim_job: heartbeat or progress (with a checkpoint note) renew the lease, complete gives the output, fail the error, release gives it back unharmed. ' +
    'Repeating complete is safe. lease_lost means that you no longer hold it: stop working on it. cancel_requested asks you to stop and fail or release.',
  kind: 'write',
  scopes: () => ['worker'],
  idempotent: true,
  openWorld: false,
  input: Input,
  output: z.looseObject({
    job_id: z.string(),
    status: z.string(),
    lease_expires_at: z.string().optional(),
    cancel_requested: z.boolean().optional(),
    replayed: z.boolean(),
    next: Next,
  }),
  unrecorded: ({ action }) => action === 'heartbeat' || action === 'progress',
  async handle(context, args) {
    const workerId = args.worker_id ?? context.workerId;
    if (workerId === undefined || workerId === null)
      throw new LogisticsError('invalid_input', 'This connection has not claimed anything, so the worker must be named.', {
        path: 'worker_id',
        expected: 'worker_id of the reply of claim_job',
      });
    const report = reportOf(args);
    const logs = (args.logs ?? []).map((line) => logLine(line, context.engine.now));
    const { engine, caller } = context;
    const result = await engine.workerAgents.report({
      workerId,
      principal: caller.principal,
      jobId: args.job_id,
      token: args.lease_token,
      report,
      logs,
      usage: args.usage,
    });
    if (result.kind !== 'not_found') context.actsAs?.(workerId);
    return replyTo(context, args, workerId, result);
  },
});

function reportOf(args: Args): WorkerReport {
  const { action, output, error, share = null, message = null, note } = args;
  for (const [field, actions] of Object.entries(ONLY_WITH)) {
    if (args[field as keyof Args] !== undefined && !actions.includes(action))
      throw new LogisticsError('invalid_input', `${field} does not act with action ${action}.`, {
        path: field,
        expected: `action ${actions.join(' or ')}`,
      });
  }
  switch (action) {
    case 'heartbeat':
      return { kind: 'heartbeat' };
    case 'progress':
      return { kind: 'progress', share, message, note };
    case 'release':
      return { kind: 'release', note };
    case 'complete':
      if (output === undefined)
        throw new LogisticsError('invalid_input', 'complete needs the output.', { path: 'output', expected: 'any JSON value; null if there is none' });
      return { kind: 'complete', output };
    case 'fail': {
      if (error === undefined) throw new LogisticsError('invalid_input', 'fail needs the error.', { path: 'error', expected: '{message, code?, retryable?}' });
      const { code = 'handler_failed', details } = error;
      const data = new LogisticsError(code, error.message, { retryable: error.retryable ?? true, nextActions: [], details });
      return { kind: 'fail', error: data.toData() };
    }
  }
}

function logLine(line: z.output<typeof LogLine>, at: number): JobLogLine {
  if (typeof line === 'string') return { at, level: 'info', message: line, fields: null };
  return { at, level: line.level ?? 'info', message: line.message, fields: line.fields ?? null };
}

function replyTo({ engine, caller }: ToolContext, args: Args, workerId: string, result: WorkerReportResult): JsonObject {
  const { job_id, action } = args;
  switch (result.kind) {
    case 'ok': {
      const held = result.status === 'running';
      return {
        job_id,
        status: result.status,
        ...compact({ run_at: iso(result.runAt), lease_expires_at: held ? iso(result.leaseUntil) : undefined }),
        cancel_requested: result.cancelRequested,
        replayed: false,
        next: held ? nextWhileHeld(result.cancelRequested) : ['claim_job for the next one'],
      };
    }
    case 'replayed':
      return { job_id, status: result.status, replayed: true, next: ['This was reported before; claim_job for the next one'] };
    case 'lease_lost':
      throw new LogisticsError('lease_lost', `You no longer hold ${job_id}${heldBy(result)}; nothing was stored.`, {
        path: 'lease_token',
        nextActions: ['Stop working on it.', 'Call claim_job for other work.'],
        details: { job_id, status: result.status, holder: result.holder },
      });
    case 'output_invalid': {
      const until = iso(result.leaseUntil) as string;
      const faults = result.faults.map(({ path, message }) => `${path}: ${message}`);
      throw new LogisticsError('output_invalid', `The output does not fit its schema: ${faults.slice(0, 20).join('; ')}`, {
        path: result.faults[0]?.path ?? 'output',
        expected: 'an output that fits output_schema of the lease',
        nextActions: [`Your lease is kept until ${until}: correct the output and report ${action} again with the same lease_token.`],
        details: { job_id, faults: result.faults.map((fault) => ({ ...fault })), lease_expires_at: until },
      });
    }
    case 'not_found':
      throw new LogisticsError('not_found', `There is no job ${job_id} for the worker ${workerId}.`, {
        path: engine.backend.getWorker(workerId)?.principal === caller.principal ? 'job_id' : 'worker_id',
        nextActions: ['Call claim_job: its reply holds worker_id, and what you hold in held.'],
      });
  }
}

function nextWhileHeld(cancelRequested: boolean): string[] {
  return cancelRequested
    ? ['It is to be cancelled: stop, then report_job action=release or action=fail; soon it ends by itself.']
    : ['report_job action=complete when it is done'];
}

function heldBy({ holder, status }: { readonly holder: string | null; readonly status: string | null }): string {
  if (holder !== null) return `: ${holder} holds it now`;
  return status === null ? '' : ` (it is ${status})`;
}
