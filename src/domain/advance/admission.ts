// Owns the passage from the gates into the main phase: once, and not while the run is paused.
import type { Draft } from './draft.ts';

/** The gates are passed: the run starts, or is marked to start with the resume. */
export function admit(draft: Draft): void {
  const { execution } = draft;
  if (execution.phase !== 'admission' || execution.stopping !== null) return;
  if (execution.paused) {
    execution.phaseCursor = 1;
    return;
  }
  const { timeoutMs } = draft.plan.definition;
  Object.assign(execution, { phase: 'main', phaseCursor: 0, startedAt: draft.now });
  if (timeoutMs !== undefined) execution.deadlineAt ??= draft.now + timeoutMs;
  if (execution.deadlineAt !== null) draft.setTimer('execution_deadline', null, execution.deadlineAt);
  draft.events.push({ type: 'workflow_started', data: { workflow: execution.workflow, version: execution.version } });
  draft.work.push({ k: 'roots', from: 0 });
}

/** True when only the pause kept the run from starting. */
export function isAdmitted(draft: Draft): boolean {
  return draft.execution.phase === 'admission' && draft.execution.phaseCursor === 1;
}
