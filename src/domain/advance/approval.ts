// Owns decisions of people: who may decide, on exactly what was shown, once.
import type { ExecutionEvent, TransitionReply } from '../transition.ts';
import type { Draft } from './draft.ts';
import { completeStep } from './step-end.ts';
import { inline } from './waiting.ts';

type Approve = Extract<ExecutionEvent, { type: 'approve' }>;

/** Records the decision; a rejection completes the step too, with approved: false, and the workflow decides by `if`. */
export function approve(draft: Draft, event: Approve): void {
  draft.reply = decide(draft, event);
}

function decide(draft: Draft, event: Approve): TransitionReply {
  const found = event.stepId === null ? theOnlyOne(draft) : byId(draft, event.stepId);
  if (typeof found !== 'number') return found;
  const node = draft.node(found);
  const row = draft.row(found);
  if (node.kind === 'wait.approval' && row.status === 'completed') return { kind: 'replayed', message: 'already_decided' };
  if (row.status !== 'waiting' || row.wait?.kind !== 'approval') {
    return refused('invalid_transition', `Step "${node.id}" does not wait for an approval; it is ${row.status}.`);
  }
  if (row.wait.by === 'human' && event.actor !== 'human') {
    return refused('forbidden', `Only a person may decide step "${node.id}": through the command line, the dashboard, or the question that the host shows.`);
  }
  if (event.digest !== null && event.digest !== row.wait.digest) {
    return refused('conflict', `What step "${node.id}" asks for is not what was shown; its digest is ${row.wait.digest}. Read it again, then decide.`);
  }
  const { approved, comment, by } = event;
  completeStep(draft, found, inline({ approved, by, comment, decidedAt: draft.now }));
  draft.events.push({ type: 'approval_decided', stepId: node.id, data: { approved, by, actor: event.actor } });
  return { kind: 'applied', message: approved ? 'approved' : 'rejected' };
}

function theOnlyOne(draft: Draft): number | TransitionReply {
  const waiting = draft.waiting('approval', '').filter((index) => draft.row(index).status === 'waiting');
  if (waiting.length === 1) return waiting[0] as number;
  if (waiting.length === 0) return refused('invalid_transition', 'No step waits for an approval.');
  const names = waiting.slice(0, 10).map((index) => draft.node(index).id);
  return refused('conflict', `${waiting.length} steps wait for an approval; name one of: ${names.join(', ')}.`);
}

function byId(draft: Draft, stepId: string): number | TransitionReply {
  return draft.plan.indexOf.get(stepId) ?? refused('not_found', `There is no step "${stepId}".`);
}

function refused(code: string, message: string): TransitionReply {
  return { kind: 'refused', code, message };
}
