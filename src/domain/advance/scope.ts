// Owns what expressions of a decision see: only the steps that they name, and errors as values.
import { type ErrorData, toErrorData } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import type { PlanNode } from '../plan.ts';
import type { Draft } from './draft.ts';

export type Evaluated = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly error: ErrorData };

/** Value of a template of the node in mode `condition`; what it cannot evaluate is the step's error. */
export function evaluateFor(draft: Draft, node: PlanNode, template: Json, item?: { readonly item: Json; readonly index: number }): Evaluated {
  const values = { ...scopeValues(draft, node.decideReads), ...item };
  return guarded(() => draft.env.evaluator.render(template, { values, status: { failed: draft.row(node.index).needsFailed > 0 } }, 'condition'));
}

/** The output of the whole execution, from its definition's template. */
export function evaluateOutput(draft: Draft, template: Json): Evaluated {
  const values = scopeValues(draft, draft.plan.outputReads);
  return guarded(() => draft.env.evaluator.render(template, { values }, 'render'));
}

// The scope is read outside: a view may throw to say that it must load something first, and that is no error of the step.
function guarded(render: () => Json): Evaluated {
  try {
    return { ok: true, value: render() };
  } catch (error) {
    return { ok: false, error: toErrorData(error, 'invalid_expression') };
  }
}

function scopeValues(draft: Draft, reads: readonly string[]): JsonObject {
  const { id, workflow, retries, error, input } = draft.execution;
  const steps: Record<string, Json> = {};
  for (const stepId of reads) {
    const index = draft.plan.indexOf.get(stepId);
    if (index === undefined) continue;
    const row = draft.row(index);
    steps[stepId] = { output: row.status === 'completed' ? draft.value(index) : null, status: row.status, error: row.error as Json };
  }
  return { input, steps, session: { context: draft.sessionContext() }, execution: { id, workflow, attempt: retries + 1, error: error as Json } };
}
