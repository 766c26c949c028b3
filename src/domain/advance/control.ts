// Owns what people and other programs ask of a run: pause, resume, cancel, retry; each is told what came of it.
import type { TransitionReply } from '../transition.ts';
import { admit, isAdmitted } from './admission.ts';
import type { Draft } from './draft.ts';
import { isMainRunning, phaseNodes } from './phase.ts';
import { beginRetry, firstUndone } from './retry.ts';
import { errorData } from './step-end.ts';
import { beginStop } from './stop.ts';

/** The refusal of an action on an execution that has ended, or null while it has not. */
export function refuseEnded(draft: Draft): TransitionReply | null {
  const { phase, status } = draft.execution;
  return phase === 'done' ? { kind: 'refused', code: 'invalid_transition', message: `already_${status}` } : null;
}

export function pause(draft: Draft, by: string, reason?: string): TransitionReply {
  const { execution } = draft;
  const ended = refuseEnded(draft);
  if (ended !== null) return ended;
  if (execution.paused) return { kind: 'replayed', message: 'already_paused' };
  if (execution.stopping !== null) return { kind: 'refused', code: 'invalid_transition', message: 'already_stopping' };
  execution.paused = true;
  draft.events.push({ type: 'workflow_paused', data: { by, ...(reason === undefined ? {} : { reason }) } });
  return { kind: 'applied', message: 'paused' };
}

export function resume(draft: Draft, by: string): TransitionReply {
  const ended = refuseEnded(draft);
  if (ended !== null) return ended;
  if (!draft.execution.paused) return { kind: 'replayed', message: 'not_paused' };
  draft.execution.paused = false;
  draft.events.push({ type: 'workflow_resumed', data: { by } });
  startHeldBack(draft);
  return { kind: 'applied', message: 'resumed' };
}

/** Starts what the pause put off: the run, its main steps and items, or the one node of a later phase; settle does the rest. */
function startHeldBack(draft: Draft): void {
  const { phaseCursor } = draft.execution;
  if (isAdmitted(draft)) admit(draft);
  else if (isMainRunning(draft)) draft.work.push({ k: 'arm', from: 0 });
  const node = phaseNodes(draft)[phaseCursor];
  if (node !== undefined) draft.work.push({ k: 'expand', step: node });
}

/** Stops the run; while it compensates or handles a failure, it stops that too and what would have followed is left out. */
export function cancel(draft: Draft, reason: string, code: string): TransitionReply {
  const { execution } = draft;
  const ended = refuseEnded(draft);
  if (ended !== null) return ended;
  if (execution.stopping?.as === 'cancelled') return { kind: 'replayed', message: 'already_cancelling' };
  const inMain = execution.phase === 'admission' || execution.phase === 'main';
  if (inMain && execution.stopping !== null) return { kind: 'replayed', message: 'already_stopping' };
  beginStop(draft, { as: 'cancelled', code, message: reason });
  if (!inMain) Object.assign(execution, { phaseCursor: phaseNodes(draft).length, error: errorData(code, reason) });
  return { kind: 'applied', message: 'cancelling' };
}

/** Runs the failed steps again; refused when compensations have undone what the completed steps did. */
export function retry(draft: Draft): TransitionReply {
  const { status, phase } = draft.execution;
  if (phase !== 'done') return { kind: 'refused', code: 'invalid_transition', message: `still_${status}` };
  if (status === 'completed') return { kind: 'refused', code: 'invalid_transition', message: 'already_completed' };
  const undone = firstUndone(draft);
  if (undone !== undefined) {
    return { kind: 'refused', code: 'invalid_transition', message: `Completed steps were undone (${undone.id}); use restart or fork instead.` };
  }
  beginRetry(draft);
  return { kind: 'applied', message: 'retrying' };
}
