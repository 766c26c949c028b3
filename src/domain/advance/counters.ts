// Owns what one step row adds to the counters of its execution, so that every change of a row is one subtraction and one addition.
import type { NodeRegion } from '../plan.ts';
import type { ExecutionRow, StepRow, StepStatus } from '../workflow-execution.ts';

/** True while a step has work of its own going on: a job, a timer, a signal, a person or a child execution. */
export function isOpen(status: StepStatus): boolean {
  return status === 'ready' || status === 'running' || status === 'waiting' || status === 'retry';
}

/** Adds the row's share times `sign`; steps outside the main region count only while they are open. */
export function addToCounters(execution: ExecutionRow, row: StepRow, region: NodeRegion, sign: 1 | -1): void {
  if (row.status === 'waiting') execution.stepsWaiting += sign;
  else if (isOpen(row.status)) execution.stepsRunning += sign;
  if (region !== 'main' || row.status === 'pending' || isOpen(row.status)) return;
  execution.stepsDone += sign;
  if (row.status === 'completed' || row.tolerated) execution.stepsCompleted += sign;
  else if (row.status === 'skipped') execution.stepsSkipped += sign;
  else if (row.status === 'failed') execution.stepsFailed += sign;
}
