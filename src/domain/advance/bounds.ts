// Owns what a budget allows of one step: past it the run is paused before the step, which is looked at again with the resume.
import { type BudgetLimit, budgetReason } from '../budget.ts';
import type { PlanNode } from '../plan.ts';
import type { Draft } from './draft.ts';

/** True when so many items are more than a budget allows: the run is then paused. */
export function isTooWide(draft: Draft, node: PlanNode, items: number): boolean {
  const { fanOut } = draft.view.bounds();
  return fanOut !== null && items > fanOut && holdBack(draft, node, 'fan_out', items, fanOut);
}

/** True when the step would start a child below the depth that a budget allows: the run is then paused. */
export function isTooDeep(draft: Draft, node: PlanNode): boolean {
  if (node.kind !== 'workflow.run') return false;
  const { levels } = draft.view.bounds();
  return levels !== null && levels < 1 && holdBack(draft, node, 'depth', 1, levels);
}

function holdBack(draft: Draft, node: PlanNode, limit: BudgetLimit, wanted: number, max: number): true {
  const reason = budgetReason(limit);
  draft.execution.paused = true;
  draft.heldBack ??= { limit, wanted };
  draft.events.push({ type: 'budget_exceeded', stepId: node.id, data: { limit, wanted, max, reason } });
  draft.events.push({ type: 'workflow_paused', data: { by: 'budget', reason } });
  return true;
}
