// Owns the end of a run: when the main region is through, then compensations, then failure handlers, then the final state.
import type { ErrorData } from '../errors.ts';
import type { Json } from '../json.ts';
import type { ExecutionRow, StoredValue } from '../workflow-execution.ts';
import { consider } from './activate.ts';
import { isOpen } from './counters.ts';
import { type Draft, STEP_CHANGES } from './draft.ts';
import { isTooLarge } from './output-size.ts';
import { phaseNodes } from './phase.ts';
import { evaluateOutput } from './scope.ts';
import { errorData } from './step-end.ts';

type EndStatus = 'completed' | 'failed' | 'cancelled';

/** Moves the execution on as far as it goes when nothing is left to do and nothing is live. */
export function settle(draft: Draft): void {
  const { execution } = draft;
  if (!draft.isQuiet || execution.phase === 'done') return;
  if (execution.phase === 'main' || execution.phase === 'admission') {
    if (!isMainOver(execution, draft.plan.mainCount)) return;
    leaveMain(draft);
  }
  if (execution.phase === 'compensate' && runPhase(draft)) {
    Object.assign(execution, { phase: 'on_failure', phaseCursor: 0 });
    if (finalStatus(execution) === 'cancelled') execution.phaseCursor = draft.plan.onFailure.length;
  }
  if (execution.phase === 'on_failure' && runPhase(draft)) finish(draft, finalStatus(execution));
}

function isMainOver(execution: ExecutionRow, mainCount: number): boolean {
  if (execution.stopping === null) return execution.phase === 'main' && execution.stepsDone === mainCount;
  return execution.stopping.scanned && execution.stepsRunning === 0 && execution.stepsWaiting === 0;
}

/** How a run ends that did not complete. */
function finalStatus(execution: ExecutionRow): 'failed' | 'cancelled' {
  return execution.stopping?.as ?? 'failed';
}

function leaveMain(draft: Draft): void {
  const { execution } = draft;
  if (execution.stopping === null && execution.deadlineAt !== null) draft.clearTimer('execution_deadline', null);
  if (execution.stopping !== null) {
    draft.clearTimer('force_stop', null);
    execution.error = errorData(execution.stopping.code, execution.stopping.message);
  } else if (execution.stepsFailed > 0) {
    execution.error = firstError(draft);
  } else {
    const output = renderOutput(draft);
    if (output === null || !('error' in output)) {
      execution.output = output;
      finish(draft, 'completed');
      return;
    }
    execution.error = output.error;
  }
  Object.assign(execution, { phase: 'compensate', phaseCursor: 0 });
}

/** Runs the nodes of the phase one at a time from the cursor; true when all are through. */
function runPhase(draft: Draft): boolean {
  const { execution } = draft;
  const nodes = phaseNodes(draft);
  if (execution.stopping?.scanned === false || execution.stepsRunning > 0 || execution.stepsWaiting > 0) return false;
  for (; execution.phaseCursor < nodes.length; execution.phaseCursor++) {
    const index = nodes[execution.phaseCursor] as number;
    if (!isDue(draft, index)) continue;
    if (execution.paused) return false;
    if (!draft.fits(STEP_CHANGES)) {
      draft.work.push({ k: 'settle' });
      return false;
    }
    consider(draft, index);
    // It may also be that the start itself goes on in the next transition.
    if (isOpen(draft.row(index).status) || !draft.isQuiet) return false;
  }
  return true;
}

/** Compensations undo what this execution has completed; a node that has ended in an earlier round stays ended. */
function isDue(draft: Draft, index: number): boolean {
  if (draft.row(index).status !== 'pending') return false;
  const { compensates } = draft.node(index);
  if (compensates === undefined) return true;
  const undone = draft.row(compensates);
  return undone.status === 'completed' && !undone.reused;
}

/** The failure of the lowest failed step that nobody tolerates. */
function firstError(draft: Draft): ErrorData {
  let first: number | null = null;
  for (const row of draft.touchedRows()) {
    if (isFatal(draft, row.index) && (first === null || row.index < first)) first = row.index;
  }
  for (let after = -1; first === null || after < first; ) {
    const rows = draft.view.failedSteps(after, 100);
    const found = rows.find((row) => isFatal(draft, row.index));
    if (found !== undefined && (first === null || found.index < first)) first = found.index;
    const last = rows.at(-1);
    if (found !== undefined || last === undefined) break;
    after = last.index;
  }
  const node = first === null ? null : draft.node(first);
  const error = node === null ? null : draft.row(node.index).error;
  if (node === null || error === null) return errorData('internal', 'A step failed without an error.');
  return {
    code: error.code,
    message: `Step "${node.id}" failed: ${error.message}`,
    retryable: error.retryable,
    nextActions: error.nextActions,
    details: { stepId: node.id },
  };
}

function isFatal(draft: Draft, index: number): boolean {
  const row = draft.row(index);
  return row.status === 'failed' && !row.tolerated && draft.node(index).region === 'main';
}

/**
 * The definition's output, or else the outputs of the steps that nothing depends on, by step id; null when those, for which
 * nobody asked, are too large together: each can be read at its step.
 */
function renderOutput(draft: Draft): StoredValue | null | { readonly error: ErrorData } {
  const template = draft.plan.definition.output;
  if (template !== undefined) {
    const rendered = evaluateOutput(draft, template);
    if (rendered.ok) {
      const json = JSON.stringify(rendered.value);
      return isTooLarge(json)
        ? { error: errorData('output_too_large', 'The output of the workflow takes more than 16 MiB.', { path: 'output' }) }
        : { kind: 'inline', json };
    }
    return { error: { ...rendered.error, message: `The output could not be rendered: ${rendered.error.message}` } };
  }
  const leaves: Record<string, Json> = {};
  for (let index = 0; index < draft.plan.mainCount; index++) {
    const node = draft.node(index);
    if (node.outs.length === 0 && draft.row(index).status === 'completed') leaves[node.id] = draft.value(index);
  }
  const json = JSON.stringify(leaves);
  return isTooLarge(json) ? null : { kind: 'inline', json };
}

function finish(draft: Draft, status: EndStatus): void {
  const { execution } = draft;
  if (execution.stopping !== null && status === 'cancelled') draft.clearTimer('force_stop', null);
  Object.assign(execution, { status, phase: 'done', endedAt: draft.now, stopping: null, paused: false });
  const { id, parent, retries, output, error, startedAt, createdAt, stepsCompleted, stepsFailed, stepsSkipped } = execution;
  draft.events.push({
    type: `workflow_${status}`,
    data: {
      duration_ms: draft.now - (startedAt ?? createdAt),
      steps_completed: stepsCompleted,
      steps_failed: stepsFailed,
      steps_skipped: stepsSkipped,
      ...(error === null ? {} : { code: error.code, message: error.message.slice(0, 500) }),
    },
  });
  // After a retry too: whether it still listens is for the parent to say.
  if (parent !== null) {
    draft.send(parent.executionId, { type: 'child_ended', step: parent.stepIndex, item: parent.itemIndex, childId: id, status, output, error, retries });
  }
}
