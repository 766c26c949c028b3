// Owns the tool control: every action on what exists, one at a time by id, or cancel by filter.
import { z } from 'zod';
import { Duration } from '../src/domain/duration.ts';
import { LogisticsError } from '../src/domain/errors.ts';
import { kindOfId } from '../src/domain/id.ts';
import { isJsonObject, type JsonObject } from '../src/domain/json.ts';
import { MAX_QUEUE_CONCURRENCY } from '../src/domain/queue.ts';
import { QUEUE_ORDERS } from '../src/domain/queue-order.ts';
import { RateLimit } from '../src/domain/rate-limit.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { CONTROL_ACTIONS, type ControlKind, checkAction } from './control/actions.ts';
import { BULK_ACTIONS, type BulkAction, controlMany } from './control/bulk.ts';
import { controlExecution } from './control/execution-control.ts';
import { controlJob } from './control/job-control.ts';
import { controlSession, controlWorkflow } from './control/object-control.ts';
import { controlPool } from './control/pool-control.ts';
import { controlQueue } from './control/queue-control.ts';
import type { ControlRequest } from './control/request.ts';
import { controlSchedule } from './control/schedule-control.ts';
import { wrongId } from './get.ts';
import { Filter, givenFilters, toListFilter } from './list.ts';
import { Moment } from './schedules/fields.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { AnyJson, AnyObject, BudgetArgument, IdempotencyKey, Next } from './wire/fields.ts';
import { isPoolId } from './wire/pool-id.ts';
import { isQueueId } from './wire/queue-id.ts';

const ACT: Readonly<Record<ControlKind, (request: ControlRequest) => Promise<JsonObject>>> = {
  execution: controlExecution,
  job: controlJob,
  session: controlSession,
  workflow: controlWorkflow,
  queue: controlQueue,
  schedule: controlSchedule,
  pool: controlPool,
};

const Input = z.strictObject({
  id: z.string().min(1).max(200).optional().describe('Full id, queue:<name> or pool:<name>; or filter.'),
  filter: z
    .strictObject({
      kind: z.enum(['executions', 'jobs']),
      ...Filter.pick({ status: true, workflow: true, queue: true, task: true, session_id: true, since: true, until: true, text: true, batch: true }).shape,
      error_code: z.string().min(1).max(100).optional().describe('Jobs that failed with it.'),
      older_than: Duration.optional().describe('Made longer ago than this.'),
    })
    .optional()
    .describe('cancel (what is open) or redrive (failed jobs, or status cancelled) by filter: at most 1,000 per call; more says whether others are left.'),
  action: z.enum(CONTROL_ACTIONS),
  step: z.string().min(1).max(200).optional().describe('fork: first step that runs again. approve: the waiting step, when several wait.'),
  name: z.string().min(1).max(200).optional().describe('signal: its name.'),
  payload: AnyJson.optional().describe('signal: its value.'),
  signal_id: z.string().min(1).max(200).optional().describe('signal: the same id twice counts once.'),
  approved: z.boolean().optional(),
  comment: z.string().max(2_000).optional(),
  digest: z.string().min(1).max(200).optional().describe('approve: what you saw, from get.'),
  reason: z.string().max(1_000).optional().describe('cancel, pause of a schedule: why.'),
  context: AnyObject.optional().describe('update: merged into the session context; null removes a key.'),
  context_version: z.int().min(1).max(1_000_000_000).optional().describe('update: refused when the context has another version.'),
  concurrency: z.int().min(1).max(MAX_QUEUE_CONCURRENCY).nullable().optional().describe('update of a queue: jobs at once; null = no limit.'),
  order: z.enum(QUEUE_ORDERS).optional().describe('update of a queue, for jobs that become ready from now on.'),
  rate_limit: RateLimit.nullable().optional().describe('update of a queue: at most limit starts in any period; null = no limit.'),
  budget: BudgetArgument,
  dry_run: z.boolean().optional().describe('With filter: only count.'),
  input: AnyJson.optional().describe('trigger: in place of the stored input.'),
  from: Moment.optional().describe('backfill: range of planned times, ISO 8601; without offset: local time of the schedule.'),
  to: Moment.optional(),
  limit: z.int().min(1).max(1_000).optional().describe('backfill: planned times; default 1000.'),
  change: AnyObject.optional().describe(
    'update of a schedule: fields as in schedule_cron and schedule_recurring; of a pool: as in define_pool; null takes a bound away.',
  ),
  idempotency_key: IdempotencyKey,
});
type Args = z.output<typeof Input>;

export const controlTool = defineTool({
  name: 'control',
  title: 'Control executions, jobs, queues, schedules, sessions, workflows',
  description:
    'Cancel, pause, resume, retry, restart, fork, signal or approve an execution; cancel or redrive a job (or many by filter); pause, resume or limit a queue; pause, resume, trigger (run now), backfill, update or delete a schedule; update or delete a pool of resources; update the context of a session; delete a workflow version, or clear_cache of a workflow. ' +
    'retry runs failed steps only; fork starts a new execution from a step and reuses upstream outputs. An approval marked for a person is put to the person, where the client can ask; otherwise it is refused.',
  kind: 'destroy',
  // Whoever may only approve may do that, and nothing else here.
  scopes: (args) => (isJsonObject(args) && args.action === 'approve' ? ['approve', 'write'] : ['write']),
  idempotent: false,
  openWorld: true,
  input: Input,
  output: z.looseObject({
    action: z.string(),
    status: z.string(),
    replayed: z.boolean(),
    execution_id: z.string().optional(),
    job_id: z.string().optional(),
    session_id: z.string().optional(),
    workflow_id: z.string().optional(),
    schedule_id: z.string().optional(),
    planned_at: z.string().optional(),
    message: z.string().optional(),
    count: z.int().optional(),
    more: z.boolean().optional(),
    next: Next,
  }),
  async handle(context, args) {
    if (args.filter !== undefined) return byFilter(context, args, args.filter);
    if (args.id === undefined)
      throw new LogisticsError('invalid_input', 'Neither an id nor a filter is given.', {
        path: 'id',
        expected: 'a full id, or filter with action cancel or redrive',
      });
    if (args.dry_run !== undefined) throw new LogisticsError('invalid_input', 'dry_run acts with a filter only.', { path: 'dry_run', expected: 'filter' });
    const kind = controlKind(args.id);
    checkAction(args.action, kind, args);
    const receipt = receiptFor(context.caller, 'control', args.idempotency_key, args);
    const { context: change, change: scheduleChange, ...rest } = args;
    return ACT[kind]({ ...rest, id: args.id, change: kind === 'pool' ? scheduleChange : change, scheduleChange, context, receipt });
  },
});

function controlKind(id: string): ControlKind {
  if (isQueueId(id)) return 'queue';
  if (isPoolId(id)) return 'pool';
  const kind = kindOfId(id);
  if (kind !== undefined && Object.hasOwn(ACT, kind)) return kind as ControlKind;
  if (kind === 'artifact')
    throw new LogisticsError('invalid_input', 'Nothing can be done to an artifact but read it.', {
      path: 'id',
      expected: 'an id that starts with exec_, job_, sched_, sess_ or wf_',
    });
  if (kind === 'worker')
    throw new LogisticsError('invalid_input', 'Nothing can be done to a worker agent; what it holds can be cancelled.', {
      path: 'id',
      expected: 'an id that starts with exec_, job_, sched_, sess_ or wf_',
      nextActions: ['get the worker for the ids of the jobs that it holds.'],
    });
  throw wrongId(id, kind);
}

function byFilter(context: ToolContext, args: Args, { kind, error_code, older_than, ...filter }: NonNullable<Args['filter']>): Promise<JsonObject> {
  const wrong = args.id !== undefined ? 'id' : isBulk(args.action) ? undefined : 'action';
  if (wrong !== undefined)
    throw new LogisticsError('invalid_input', wrong === 'id' ? 'Both an id and a filter are given.' : 'Only cancel and redrive take a filter.', {
      path: wrong,
      expected: wrong === 'id' ? 'id or filter' : BULK_ACTIONS.join(' or '),
    });
  const action = args.action as BulkAction;
  if (args.idempotency_key !== undefined)
    throw new LogisticsError('not_available', `A ${action} by filter keeps no receipt; it is safe to repeat.`, {
      path: 'idempotency_key',
      nextActions: ['Leave it out.'],
    });
  const { dry_run, ...rest } = args;
  if (kind === 'jobs' || action === 'cancel') checkAction(action, kind === 'jobs' ? 'job' : 'execution', rest);
  if (older_than !== undefined && filter.until !== undefined)
    throw new LogisticsError('invalid_input', 'Give until or older_than, not both.', { path: 'filter.older_than', expected: 'one of until, older_than' });
  const list = toListFilter(filter, context.engine.namespace);
  const until = older_than === undefined ? list.until : context.engine.now - older_than;
  const given = [...givenFilters(filter), ...givenFilters({ error_code, older_than })];
  return controlMany(context, {
    action,
    kind,
    given,
    filter: { ...list, until, errorCode: error_code },
    reason: args.reason ?? 'Cancelled on request.',
    dryRun: dry_run === true,
  });
}

function isBulk(action: string): action is BulkAction {
  return (BULK_ACTIONS as readonly string[]).includes(action);
}
