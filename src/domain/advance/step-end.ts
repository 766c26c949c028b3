// Owns how a step ends: one function per outcome; each closes what the step waited for and leaves word for its dependents.
import { type ErrorData, type ErrorFields, LogisticsError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { PlanNode } from '../plan.ts';
import type { SkipReason, StepRow, StoredValue } from '../workflow-execution.ts';
import type { Draft } from './draft.ts';
import { isMainRunning } from './phase.ts';

/** What a job knew about its run. */
export interface RunFacts {
  readonly attempts?: number | undefined;
  readonly startedAt?: number | null | undefined;
}

/** Limit of a wait in ms: `timeout` and `deadline` mean the same for a step without attempts; the shorter one acts. */
export function waitLimitMs(node: PlanNode): number | null {
  const { timeoutMs, deadlineMs } = node.step;
  if (timeoutMs === undefined) return deadlineMs ?? null;
  return deadlineMs === undefined ? timeoutMs : Math.min(timeoutMs, deadlineMs);
}

export function errorData(code: string, message: string, fields: ErrorFields = {}): ErrorData {
  return new LogisticsError(code, message, fields).toData();
}

export function completeStep(
  draft: Draft,
  index: number,
  output: StoredValue,
  facts: RunFacts & { readonly reused?: boolean; readonly data?: JsonObject } = {},
): void {
  const row = end(draft, index, { status: 'completed', output, error: null, reused: facts.reused ?? false }, facts);
  const data: JsonObject = { ...(facts.reused === true ? { reused: true } : { duration_ms: durationMs(row) }), ...facts.data };
  draft.events.push({ type: 'step_completed', stepId: draft.node(index).id, data });
}

/** Fails the step; with continueOnError its dependents and the execution see success. */
export function failStep(draft: Draft, index: number, error: ErrorData, facts: RunFacts = {}): void {
  const node = draft.node(index);
  const tolerated = node.step.continueOnError;
  const row = end(draft, index, { status: 'failed', output: null, error, tolerated }, facts);
  const data = { duration_ms: durationMs(row), code: error.code, message: error.message.slice(0, 500), ...(tolerated ? { tolerated } : {}) };
  draft.events.push({ type: 'step_failed', stepId: node.id, data });
}

export function skipStep(draft: Draft, index: number, reason: SkipReason): void {
  end(draft, index, { status: 'skipped', skipReason: reason }, {});
  draft.events.push({ type: 'step_skipped', stepId: draft.node(index).id, data: { reason } });
}

/** Ends a step because its execution stops; the log tells of the execution, not of each step. */
export function cancelStep(draft: Draft, index: number, facts: RunFacts = {}): void {
  end(draft, index, { status: 'cancelled', error: null }, facts);
}

function end(draft: Draft, index: number, fields: Partial<StepRow>, facts: RunFacts): Readonly<StepRow> {
  const node = draft.node(index);
  const old = draft.row(index);
  // What a step was given outlives it: the run holds it.
  closeWait(draft, node, old, fields.status === 'completed');
  draft.put(index, {
    ...fields,
    wait: null,
    attempts: facts.attempts ?? old.attempts,
    startedAt: facts.startedAt ?? old.startedAt,
    endedAt: draft.now,
  });
  if (node.outs.length > 0 && isMainRunning(draft)) draft.work.push({ k: 'propagate', step: index, from: 0 });
  return draft.row(index);
}

function closeWait(draft: Draft, node: PlanNode, row: Readonly<StepRow>, granted: boolean): void {
  if (row.each?.stopping === true && node.kind === 'task') draft.clearTimer('force_stop', row.index);
  if (row.status !== 'waiting') return;
  const kind = row.wait?.kind;
  if (kind === 'timer') draft.clearTimer('wake', row.index);
  if (row.wait?.kind === 'resource' && !granted) draft.release(row.wait.allocationId);
  if (kind === 'signal' || kind === 'event' || kind === 'approval') draft.clearWaiter(row.index);
  if (kind === 'approval' || waitLimitMs(node) !== null) draft.clearTimer('wait_timeout', row.index);
}

function durationMs(row: Readonly<StepRow>): number {
  return Math.max(0, (row.endedAt ?? 0) - (row.startedAt ?? row.readyAt ?? row.endedAt ?? 0));
}
