// Owns the tool control: every action on what exists, one at a time by id, or cancel by filter.
import { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import { kindOfId } from '../src/domain/id.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { receiptFor } from '../src/orchestration/caller.ts';
import { CONTROL_ACTIONS, type ControlKind, checkAction } from './control/actions.ts';
import { cancelMany } from './control/bulk-cancel.ts';
import { controlExecution } from './control/execution-control.ts';
import { controlJob } from './control/job-control.ts';
import { controlSession, controlWorkflow } from './control/object-control.ts';
import type { ControlRequest } from './control/request.ts';
import { wrongId } from './get.ts';
import { Filter, givenFilters, toListFilter } from './list.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { AnyJson, AnyObject, IdempotencyKey, Next } from './wire/fields.ts';

const ACT: Readonly<Record<ControlKind, (request: ControlRequest) => Promise<JsonObject>>> = {
  execution: controlExecution,
  job: controlJob,
  session: controlSession,
  workflow: controlWorkflow,
};

const Input = z.strictObject({
  id: z.string().min(1).max(200).optional().describe('Full id; or filter.'),
  filter: z
    .strictObject({
      kind: z.enum(['executions', 'jobs']),
      ...Filter.pick({ status: true, workflow: true, queue: true, task: true, session_id: true, since: true, until: true, text: true }).shape,
    })
    .optional()
    .describe('Only with cancel: at most 100 open ones per call; more says whether others are left.'),
  action: z.enum(CONTROL_ACTIONS),
  step: z.string().min(1).max(200).optional().describe('fork: first step that runs again. approve: the waiting step, when several wait.'),
  name: z.string().min(1).max(200).optional().describe('signal: its name.'),
  payload: AnyJson.optional().describe('signal: its value.'),
  signal_id: z.string().min(1).max(200).optional().describe('signal: the same id twice counts once.'),
  approved: z.boolean().optional(),
  comment: z.string().max(2_000).optional(),
  digest: z.string().min(1).max(200).optional().describe('approve: what you saw, from get.'),
  reason: z.string().max(1_000).optional().describe('cancel: why.'),
  context: AnyObject.optional().describe('update: merged into the session context; null removes a key.'),
  context_version: z.int().min(1).max(1_000_000_000).optional().describe('update: refused when the context has another version.'),
  idempotency_key: IdempotencyKey,
});
type Args = z.output<typeof Input>;

export const controlTool = defineTool({
  name: 'control',
  title: 'Control executions, jobs, sessions, workflows',
  description:
    'Cancel, pause, resume, retry, restart, fork, signal or approve an execution; cancel or redrive a job; update the context of a session; delete a workflow version. ' +
    'retry runs failed steps only; fork starts a new execution from a step and reuses upstream outputs. An approval marked for a person is put to the person, where the client can ask; otherwise it is refused.',
  kind: 'destroy',
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
    message: z.string().optional(),
    count: z.int().optional(),
    more: z.boolean().optional(),
    next: Next,
  }),
  async handle(context, args) {
    if (args.filter !== undefined) return byFilter(context, args, args.filter);
    if (args.id === undefined)
      throw new LogisticsError('invalid_input', 'Neither an id nor a filter is given.', { path: 'id', expected: 'a full id, or filter with action cancel' });
    const kind = controlKind(args.id);
    checkAction(args.action, kind, args);
    const receipt = receiptFor(context.caller, 'control', args.idempotency_key, args);
    const { context: change, ...rest } = args;
    return ACT[kind]({ ...rest, id: args.id, change, context, receipt });
  },
});

function controlKind(id: string): ControlKind {
  const kind = kindOfId(id);
  if (kind !== undefined && Object.hasOwn(ACT, kind)) return kind as ControlKind;
  if (kind === 'artifact')
    throw new LogisticsError('invalid_input', 'Nothing can be done to an artifact but read it.', {
      path: 'id',
      expected: 'an id that starts with exec_, job_, sess_ or wf_',
    });
  throw wrongId(id, kind);
}

function byFilter(context: ToolContext, args: Args, { kind, ...filter }: NonNullable<Args['filter']>): Promise<JsonObject> {
  const wrong = args.id !== undefined ? 'id' : args.action !== 'cancel' ? 'action' : undefined;
  if (wrong !== undefined)
    throw new LogisticsError('invalid_input', wrong === 'id' ? 'Both an id and a filter are given.' : 'Only cancel takes a filter.', {
      path: wrong,
      expected: wrong === 'id' ? 'id or filter' : 'cancel',
    });
  if (args.idempotency_key !== undefined)
    throw new LogisticsError('not_available', 'A cancel by filter keeps no receipt; it is safe to repeat.', {
      path: 'idempotency_key',
      nextActions: ['Leave it out.'],
    });
  checkAction('cancel', kind === 'jobs' ? 'job' : 'execution', args);
  const list = toListFilter(filter, context.engine.namespace);
  return cancelMany(context, kind, givenFilters(filter), list, args.reason ?? 'Cancelled on request.');
}
