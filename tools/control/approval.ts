// Owns who decides an approval that is asked through a tool: a person where only a person may, through the question that the client of this
// machine shows or the token that was given out for it; the agent's own argument never counts as a person's.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { ControlReply } from '../../src/orchestration/task-orchestrator.ts';
import { answerRefusal, approvalQuestion, approvalsOf, type OpenApproval } from '../open-approvals.ts';
import type { PersonAnswer, ToolContext } from '../tool.ts';
import type { ControlRequest } from './request.ts';

export function approve(request: ControlRequest): Promise<ControlReply> {
  const { context, id, receipt, approved, comment, digest } = request;
  const { tasks } = context.engine;
  const by = context.caller.principal;
  const actor = decidesAsPerson(context, id) ? 'human' : context.caller.actor;
  const pending = findPending(context, id, request.step);
  const refusal = pending === undefined ? null : answerRefusal(context.engine, context.caller, pending);
  if (refusal !== null) throw refusal;
  const asks = actor === 'agent' || approved === undefined;
  if (pending !== undefined && pending.wait.by === 'human' && context.askPerson !== undefined && asks) {
    if (digest !== undefined && digest !== pending.wait.digest) throw changed(pending);
    const decided = decision(context.askPerson(approvalQuestion(context.engine, pending)));
    return tasks.send(id, { type: 'approve', stepId: pending.stepId, ...decided, digest: pending.wait.digest, by, actor: 'human' }, receipt);
  }
  // Left out on purpose or not: where the agent may decide, it has to say what.
  if (approved === undefined && (pending?.wait.by !== 'human' || actor === 'human')) {
    throw new LogisticsError('invalid_input', 'The action approve needs approved.', { path: 'approved', expected: 'true or false' });
  }
  const decided = { approved: approved ?? false, comment: comment ?? null, digest: digest ?? null };
  return tasks.send(id, { type: 'approve', stepId: request.step ?? null, ...decided, by, actor }, receipt);
}

/** A token that was given out for approving stands for a person, but not for the one who started the run. */
function decidesAsPerson({ engine, caller }: ToolContext, executionId: string): boolean {
  return caller.mayApprove === true && engine.backend.getExecution(executionId)?.startedBy !== caller.principal;
}

/** The approval that the request means, when it is clear which. */
function findPending({ engine }: ToolContext, executionId: string, stepId: string | undefined): OpenApproval | undefined {
  if (stepId !== undefined) {
    const wait = engine.backend.getStep({ executionId, stepId })?.wait;
    return wait?.kind === 'approval' ? { executionId, stepId, wait } : undefined;
  }
  const found = approvalsOf(engine, executionId, 1);
  return found.length === 1 ? found[0] : undefined;
}

function decision(answer: PersonAnswer): { readonly approved: boolean; readonly comment: string | null } {
  if (answer.action !== 'accept' || typeof answer.content.approved !== 'boolean') {
    throw new LogisticsError('forbidden', `The person was asked and did not decide (${answer.action}). Nothing was changed.`, {
      nextActions: ['Ask the person whether to ask again, or let them decide on the command line.'],
    });
  }
  const { approved, comment } = answer.content;
  return { approved, comment: typeof comment === 'string' && comment !== '' ? comment : null };
}

function changed({ stepId, wait }: OpenApproval): LogisticsError {
  return new LogisticsError('conflict', `What step "${stepId}" asks for is not what was shown; its digest is ${wait.digest}. Read it again, then decide.`, {
    path: 'digest',
  });
}
