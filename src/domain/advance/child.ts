// Owns child executions: how workflow.run starts one, and what its end means for the step.
import type { ErrorData } from '../errors.ts';
import type { Json } from '../json.ts';
import type { PlanNode } from '../plan.ts';
import type { ExecutionEvent } from '../transition.ts';
import { MAX_DEPTH } from '../workflow-definition.ts';
import type { Draft } from './draft.ts';
import { mayStart } from './phase.ts';
import { evaluateFor } from './scope.ts';
import { cancelStep, completeStep, errorData, failStep } from './step-end.ts';
import { parseWaiting } from './waiting-input.ts';

type ChildEnded = Extract<ExecutionEvent, { type: 'child_ended' }>;

/** Starts one child execution of the step; gives its id, or why it cannot start. */
export function startChild(
  draft: Draft,
  node: PlanNode,
  item: { readonly item: Json; readonly index: number } | null,
): { readonly id: string } | { readonly error: ErrorData } {
  if (draft.execution.depth >= MAX_DEPTH) {
    return { error: errorData('limit_exceeded', `Executions are nested at most ${MAX_DEPTH} deep.`, { details: { depth: draft.execution.depth } }) };
  }
  const template = node.step.with;
  const rendered = node.dynamicWith ? evaluateFor(draft, node, template, item ?? undefined) : ({ ok: true, value: template } as const);
  if (!rendered.ok) return { error: rendered.error };
  const parsed = parseWaiting('workflow.run', rendered.value);
  if (!parsed.ok) return { error: parsed.error };
  const { workflow, version, input } = parsed.input;
  const found = draft.view.workflow(workflow, version ?? null);
  if (found === undefined) {
    const named = version === undefined ? workflow : `${workflow} version ${version}`;
    return { error: errorData('not_found', `There is no workflow ${named}.`, { path: 'with.workflow' }) };
  }
  const id = draft.env.newId('execution');
  draft.addChild({ id, step: node.index, item: item?.index ?? null, workflow: found.name, version: found.version, hash: found.hash, input: input ?? {} });
  return { id };
}

/** The end of the one child of a step; a child that the step no longer waits for is ignored. */
export function settleChild(draft: Draft, event: ChildEnded): void {
  const row = draft.row(event.step);
  if (row.status !== 'waiting' || row.wait?.kind !== 'child' || row.wait.executionId !== event.childId) return;
  if (event.status === 'completed')
    completeStep(draft, event.step, event.output ?? { kind: 'inline', json: 'null' }, { data: { execution_id: event.childId } });
  else if (event.status === 'cancelled' && !mayStart(draft, draft.node(event.step))) cancelStep(draft, event.step);
  else failStep(draft, event.step, childError(event));
}

/** The error of a step (or item) whose child did not complete; the child's own error is in the details. */
export function childError(event: ChildEnded): ErrorData {
  if (event.status === 'cancelled') {
    return errorData('cancelled', `The child execution ${event.childId} was cancelled.`, { details: { childId: event.childId, error: event.error as Json } });
  }
  const reason = event.error === null ? '' : `: ${event.error.message}`;
  return errorData('child_failed', `The child execution ${event.childId} failed${reason}`, { details: { childId: event.childId, error: event.error as Json } });
}
