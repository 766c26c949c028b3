// Owns what a fork takes over: completed steps that neither are the fork step nor come after it, with their outputs.
import type { Plan, PlanNode } from '../plan.ts';
import type { StoredValue } from '../workflow-execution.ts';
import type { Draft } from './draft.ts';
import { isTooLarge } from './output-size.ts';
import { completeStep, errorData, failStep } from './step-end.ts';

const reachableOf = new WeakMap<Plan, Map<number, Uint8Array>>();

/** Completes the step from the source execution, when it may be taken over; false when it must run here. */
export function reuseStep(draft: Draft, node: PlanNode): boolean {
  const fork = draft.execution.forkedFrom;
  if (fork === null || node.region !== 'main' || isReachable(draft.plan, fork.stepIndex, node.index)) return false;
  const source = draft.view.sourceStep(node.index);
  if (source?.status !== 'completed' || source.output === null) return false;
  const taken = takeOver(draft, node, source.output);
  if (taken.kind === 'inline' && isTooLarge(taken.json)) {
    failStep(
      draft,
      node.index,
      errorData('output_too_large', 'The items of the source take more than 16 MiB together and cannot be taken over.', {
        nextActions: ['Use restart instead of fork.'],
      }),
    );
  } else {
    completeStep(draft, node.index, taken, { reused: true });
  }
  return true;
}

/** Items belong to the jobs of the source: they become one value of this execution. */
function takeOver(draft: Draft, node: PlanNode, output: StoredValue): StoredValue {
  return output.kind === 'items' ? { kind: 'inline', json: JSON.stringify(draft.view.sourceValue(node.index, output)) } : output;
}

/** True for the step itself and everything that needs it, directly or not; found once per plan and step. */
function isReachable(plan: Plan, from: number, to: number): boolean {
  const known = reachableOf.get(plan) ?? new Map<number, Uint8Array>();
  const marks = known.get(from) ?? markReachable(plan, from);
  reachableOf.set(plan, known.set(from, marks));
  return marks[to] === 1;
}

function markReachable(plan: Plan, from: number): Uint8Array {
  const marks = new Uint8Array(plan.mainCount);
  const open = [from];
  marks[from] = 1;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const out of (plan.nodes[at] as PlanNode).outs) {
      if (marks[out] === 1) continue;
      marks[out] = 1;
      open.push(out);
    }
  }
  return marks;
}
