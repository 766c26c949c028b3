// Owns the extension for tasks: a task is a projection of an execution, job, batch or wait, read anew with each request; nothing is kept here.
import {
  type CallToolResult,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { controlTool } from '../../tools/control.ts';
import { type FollowedWork, followWork } from '../../tools/followed-work.ts';
import { approvalQuestion, type OpenApproval } from '../../tools/open-approvals.ts';
import { parseWaitTask } from '../../tools/task-id.ts';
import type { PersonAnswer } from '../../tools/tool.ts';
import { asLogisticsError } from '../domain/errors.ts';
import { parseRange } from '../domain/job-range.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { CallOutcome, CallRequest, EngineDoor, ToolCaller } from '../tool-caller.ts';
import { callFacts } from './call-facts.ts';
import { canAsk, TASKS_EXTENSION, takesTasks } from './client-capabilities.ts';
import { formOf } from './person-form.ts';
import { errorText, successResult } from './tool-result.ts';

const MIN_POLL_MS = 500;
const MAX_POLL_MS = 15_000;
/** A task that has run for a while is asked after less often. */
const POLL_SHARE = 0.1;
const MAX_ID_CHARS = 10_000;

const TaskParams = z.looseObject({ taskId: z.string().max(MAX_ID_CHARS) });
const Answer = z.looseObject({ action: z.enum(['accept', 'decline', 'cancel']), content: z.looseObject({}).optional() });
const UpdateParams = z.looseObject({ taskId: z.string().max(MAX_ID_CHARS), inputResponses: z.unknown().optional() });
const Reply = z.looseObject({});

export interface Tasks {
  /** The task of work that was stored before; null when it is gone. A task may answer any call; only the SDK's type of an answer does not know it. */
  begin(id: string, context: ServerContext): Promise<CallToolResult | null>;
}

/** Serves tasks/get, tasks/update and tasks/cancel, to clients that declare the extension. */
export function serveTasks(server: Server, { engine: door, caller }: { readonly engine: EngineDoor; readonly caller: ToolCaller }): Tasks {
  const look = async (id: string): Promise<{ readonly engine: OrchestrationEngine; readonly work: FollowedWork | null }> => {
    try {
      const engine = await door.get();
      await engine.backend.refresh?.();
      return { engine, work: await followWork({ engine, caller: { principal: '', actor: 'agent', sessionId: null } }, id) };
    } catch (error) {
      throw new ProtocolError(ProtocolErrorCode.InternalError, errorText(asLogisticsError(error).toData()));
    }
  };
  const find = async (id: string, context: ServerContext): Promise<{ readonly engine: OrchestrationEngine; readonly work: FollowedWork }> => {
    if (!takesTasks(context)) throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } });
    const { engine, work } = await look(id);
    if (work === null) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no task ${id.slice(0, 100)}; finished work is removed in time.`);
    return { engine, work };
  };

  /** The approvals that this client may be asked about. */
  const asked = (engine: OrchestrationEngine, work: FollowedWork, context: ServerContext): readonly OpenApproval[] =>
    canAsk(server, context) ? work.approvals.filter((approval) => caller.mayAnswer(engine, approval)) : [];

  server.setRequestHandler('tasks/get', { params: TaskParams, result: Reply }, async ({ taskId }, context) => {
    const { engine, work } = await find(taskId, context);
    return taskOf(engine, taskId, work, asked(engine, work, context));
  });

  server.setRequestHandler('tasks/update', { params: UpdateParams, result: Reply }, async ({ taskId, inputResponses }, context) => {
    const { engine, work } = await find(taskId, context);
    const responses = inputResponses ?? context.mcpReq.inputResponses;
    // A client that cannot ask a person has no person's answer.
    if (!canAsk(server, context)) throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { elicitation: { form: {} } } });
    for (const approval of work.approvals) {
      const question = approvalQuestion(engine, approval);
      const answer = answerTo(responses, question.key);
      // Who declines has decided nothing; the question stays.
      if (answer?.action === 'accept')
        await decide(caller, approval, { action: 'accept', content: answer.content ?? {} }, { ...callFacts(context), signal: context.mcpReq.signal });
    }
    return {};
  });

  server.setRequestHandler('tasks/cancel', { params: TaskParams, result: Reply }, async ({ taskId }, context) => {
    const { work } = await find(taskId, context);
    // A wait that is given up ends by itself; the work that it waited for goes on.
    if (work.status === 'working' && parseWaitTask(taskId) === null) {
      const what: JsonObject = parseRange(taskId) === null ? { id: taskId } : { filter: { kind: 'jobs', batch: taskId } };
      const outcome = await caller.call(
        controlTool,
        { ...what, action: 'cancel', reason: 'Its task was cancelled.' },
        { ...callFacts(context), signal: context.mcpReq.signal },
      );
      // It may have ended in this very moment.
      refuse(outcome, ['invalid_transition', 'conflict', 'not_found']);
    }
    return {};
  });

  return {
    begin: async (id, context) => {
      const { engine, work } = await look(id);
      return work === null ? null : ({ resultType: 'task', ...headOf(engine, id, work, asked(engine, work, context)) } as unknown as CallToolResult);
    },
  };
}

function headOf(engine: OrchestrationEngine, taskId: string, work: FollowedWork, asked: readonly OpenApproval[]): JsonObject {
  const age = Math.max(0, engine.now - work.createdAt);
  return {
    taskId,
    status: work.status === 'working' && asked.length > 0 ? 'input_required' : work.status,
    statusMessage: work.message,
    createdAt: new Date(work.createdAt).toISOString(),
    lastUpdatedAt: new Date(work.updatedAt).toISOString(),
    // Kept as long as the work itself, whose retention is a matter of configuration.
    ttlMs: null,
    pollIntervalMs: Math.round(Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, age * POLL_SHARE))),
  };
}

function taskOf(engine: OrchestrationEngine, taskId: string, work: FollowedWork, asked: readonly OpenApproval[]): Record<string, unknown> {
  const head = headOf(engine, taskId, work, asked);
  if (head.status === 'input_required') return { ...head, inputRequests: Object.fromEntries(asked.map((approval) => requestOf(engine, approval))) };
  if (work.answer !== null)
    return { ...head, result: { resultType: 'complete', ...successResult(work.answer), ...(work.answer.status === 'failed' ? { isError: true } : {}) } };
  return work.fault === null ? head : { ...head, error: { code: ProtocolErrorCode.InternalError, message: work.fault } };
}

function requestOf(engine: OrchestrationEngine, approval: OpenApproval): [string, object] {
  const question = approvalQuestion(engine, approval);
  return [question.key, { method: 'elicitation/create', params: { mode: 'form', ...formOf(question) } }];
}

/** As the tool control would: checked against the scopes of the caller, kept in the history, told to the audit. */
async function decide(
  caller: ToolCaller,
  { executionId, stepId, wait }: OpenApproval,
  answer: PersonAnswer & { action: 'accept' },
  request: CallRequest,
): Promise<void> {
  const { approved, comment } = answer.content;
  if (typeof approved !== 'boolean') throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The answer to an approval needs approved, true or false.');
  const said = typeof comment === 'string' && comment !== '' ? { comment: comment.slice(0, 2_000) } : {};
  const args = { id: executionId, action: 'approve', step: stepId, digest: wait.digest, approved, ...said };
  // Answered by somebody else meanwhile: then there is nothing left to ask.
  refuse(await caller.call(controlTool, args, { ...request, askPerson: () => answer }), ['invalid_transition', 'conflict']);
}

/** The answer to one question; those to questions that are not open are ignored, whatever they look like. The SDK takes the answers out of the parameters. */
function answerTo(responses: unknown, key: string): z.output<typeof Answer> | undefined {
  if (!isJsonObject(responses) || !Object.hasOwn(responses, key)) return undefined;
  const parsed = Answer.safeParse(responses[key]);
  if (!parsed.success)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `The answer to ${key} needs an action: accept (with content), decline or cancel.`);
  return parsed.data;
}

function refuse(outcome: CallOutcome, harmless: readonly string[]): void {
  if (outcome.kind === 'failed' && !harmless.includes(outcome.error.code))
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, errorText(outcome.error.toData()));
}
