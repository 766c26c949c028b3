// Owns who decides an approval that is asked through a tool: a person where only a person may, through the question that the client shows;
// the agent's own argument never counts as a person's.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { WaitState } from '../../src/domain/workflow-execution.ts';
import type { ControlReply } from '../../src/orchestration/task-orchestrator.ts';
import type { PersonAnswer, ToolContext } from '../tool.ts';
import { shortText } from '../wire/compact.ts';
import type { ControlRequest } from './request.ts';

type ApprovalWait = Extract<WaitState, { kind: 'approval' }>;
interface Pending {
  readonly stepId: string;
  readonly wait: ApprovalWait;
}

const SCAN = 500;

export function approve(request: ControlRequest): Promise<ControlReply> {
  const { context, id, receipt, approved, comment, digest } = request;
  const { tasks } = context.engine;
  const by = context.caller.principal;
  const pending = findPending(context, id, request.step);
  if (pending !== undefined && pending.wait.by === 'human' && context.askPerson !== undefined && context.caller.actor === 'agent') {
    if (digest !== undefined && digest !== pending.wait.digest) throw changed(pending);
    const decided = decision(context.askPerson(question(context, id, pending)));
    return tasks.send(id, { type: 'approve', stepId: pending.stepId, ...decided, digest: pending.wait.digest, by, actor: 'human' }, receipt);
  }
  // Left out on purpose or not: where the agent may decide, it has to say what.
  if (approved === undefined && pending?.wait.by !== 'human') {
    throw new LogisticsError('invalid_input', 'The action approve needs approved.', { path: 'approved', expected: 'true or false' });
  }
  const decided = { approved: approved ?? false, comment: comment ?? null, digest: digest ?? null };
  return tasks.send(id, { type: 'approve', stepId: request.step ?? null, ...decided, by, actor: context.caller.actor }, receipt);
}

/** The approval that the request means, when it is clear which. */
function findPending({ engine }: ToolContext, executionId: string, stepId: string | undefined): Pending | undefined {
  if (stepId !== undefined) {
    const wait = engine.backend.getStep({ executionId, stepId })?.wait;
    return wait?.kind === 'approval' ? { stepId, wait } : undefined;
  }
  const found: Pending[] = [];
  for (let after = -1; ; ) {
    const page = engine.backend.getSteps({ executionId, after, limit: SCAN });
    for (const step of page) if (step.wait?.kind === 'approval') found.push({ stepId: step.id, wait: step.wait });
    if (page.length < SCAN || found.length > 1) break;
    after = page.at(-1)?.index ?? after;
  }
  return found.length === 1 ? found[0] : undefined;
}

function question({ engine }: ToolContext, id: string, { stepId, wait }: Pending): Parameters<NonNullable<ToolContext['askPerson']>>[0] {
  const workflow = engine.backend.getExecution(id)?.workflow ?? '';
  return {
    // The digest ties the answer to what was shown.
    key: `approve_${stepId}_${wait.digest}`,
    message: `Workflow ${workflow}, step ${stepId} (${id}) asks for your approval:\n${shortText(wait.message, 2_000)}\n\nDigest ${wait.digest}`,
    fields: { approved: { type: 'boolean', title: 'Approve' }, comment: { type: 'string', title: 'Comment' } },
    required: ['approved'],
  };
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

function changed({ stepId, wait }: Pending): LogisticsError {
  return new LogisticsError('conflict', `What step "${stepId}" asks for is not what was shown; its digest is ${wait.digest}. Read it again, then decide.`, {
    path: 'digest',
  });
}
