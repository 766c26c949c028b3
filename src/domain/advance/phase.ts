// Owns who may start: main steps while nothing stops the run, compensations and failure handlers one at a time at the cursor.
import type { PlanNode } from '../plan.ts';
import type { Draft } from './draft.ts';

/** True while steps of the main region may start and their outcomes are passed on. */
export function isMainRunning(draft: Draft): boolean {
  return draft.execution.phase === 'main' && draft.execution.stopping === null;
}

/** Nodes of the phase that runs after the main region, in order; empty in every other phase. */
export function phaseNodes(draft: Draft): readonly number[] {
  if (draft.execution.phase === 'compensate') return draft.plan.compensations;
  return draft.execution.phase === 'on_failure' ? draft.plan.onFailure : [];
}

/** Whether a node (or one more item of it) may start now. */
export function mayStart(draft: Draft, node: PlanNode): boolean {
  if (node.region === 'main') return isMainRunning(draft);
  return draft.execution.phase === node.region && phaseNodes(draft)[draft.execution.phaseCursor] === node.index;
}

/** True while what is live is being stopped; compensations after a stop are not. */
export function isStoppingNow(draft: Draft): boolean {
  const { stopping, phase, phaseCursor } = draft.execution;
  if (stopping === null || phase === 'done') return false;
  return phase === 'main' || phase === 'admission' || phaseCursor >= phaseNodes(draft).length;
}
