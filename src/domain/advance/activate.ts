// Owns the start of a step: its condition, then by kind a job, a window of items, a wait; and the verdict that leads there.
import type { ErrorData } from '../errors.ts';
import type { Json } from '../json.ts';
import type { PlanNode } from '../plan.ts';
import { isTooDeep } from './bounds.ts';
import { takeFromCache } from './cache.ts';
import type { Draft } from './draft.ts';
import { addStepJob, startEach } from './for-each.ts';
import { reuseStep } from './fork.ts';
import { mayStart } from './phase.ts';
import { evaluateFor } from './scope.ts';
import { errorData, failStep, skipStep } from './step-end.ts';
import { decideRule } from './trigger-rule.ts';
import { startWaiting } from './waiting.ts';

/**
 * Starts or skips a pending step when its trigger rule says so; a step that was decided before is left alone. What would start
 * in a pause stays pending: the resume looks at every step again, and no later outcome can change the verdict.
 */
export function consider(draft: Draft, index: number): void {
  const row = draft.row(index);
  const node = draft.node(index);
  if (row.status !== 'pending' || !mayStart(draft, node)) return;
  const verdict = decideRule(node.step.when, node.needs.length, row);
  if (verdict === 'fire' && draft.execution.paused) return;
  if (verdict === 'fire') activate(draft, index);
  else if (verdict !== 'wait') skipStep(draft, index, verdict);
}

function activate(draft: Draft, index: number): void {
  const node = draft.node(index);
  if (reuseStep(draft, node) || !meetsCondition(draft, node) || isTooDeep(draft, node)) return;
  if (node.step.forEach !== undefined) startEach(draft, node);
  else if (node.kind !== 'task') startWaiting(draft, node);
  else if (!takeFromCache(draft, node)) {
    draft.put(index, { status: 'ready', readyAt: draft.now });
    addStepJob(draft, node, null, draft.now);
  }
}

/** Evaluates `if`; when it does not hold, or cannot be said, the step has ended. */
function meetsCondition(draft: Draft, node: PlanNode): boolean {
  if (node.step.if === undefined) return true;
  const condition = evaluateFor(draft, node, node.step.if);
  if (!condition.ok) failStep(draft, node.index, condition.error);
  else if (condition.value === false) skipStep(draft, node.index, 'condition');
  else if (condition.value !== true) failStep(draft, node.index, notBoolean(condition.value));
  return condition.ok && condition.value === true;
}

function notBoolean(value: Json): ErrorData {
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  const expected = 'true or false; compare explicitly, for example ${{ steps.a.output.count > 0 }}';
  return errorData('invalid_expression', `The condition gave ${got}.`, { path: 'if', expected });
}
