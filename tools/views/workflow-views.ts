// Owns what can be read of a stored workflow version.
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { StoredDefinition } from '../../src/domain/workflow-definition.ts';
import { breakerToWire } from '../wire/budget.ts';
import { clipped } from '../wire/compact.ts';
import { stepOutline, workflowHead, workflowRow } from '../wire/workflow.ts';
import { pictureOf } from './execution-views.ts';
import { offsetOf, pieceOf } from './paged-text.ts';
import { missing, showView, type ViewRequest, type Views } from './view.ts';

const VIEWS: Views = {
  summary: (r) => summary(r, require(r)),
  steps: (r) => steps(r, require(r)),
  output: (r) => ({ workflow_id: r.id, ...pieceOf('definition', require(r).definition as unknown as Json, r.cursor) }),
  graph: (r) => graph(r, require(r)),
};

export function workflowView(request: ViewRequest): JsonObject {
  require(request);
  return showView('A workflow', VIEWS, request);
}

function require(r: ViewRequest): StoredDefinition {
  const found = r.engine.backend.definitionById(r.id);
  if (found === null) throw missing('workflow', r.id, 'workflows');
  return found;
}

function summary(r: ViewRequest, stored: StoredDefinition): JsonObject {
  const { definition } = stored;
  const outline = definition.steps.slice(0, r.limit ?? 20).map(stepOutline);
  return {
    ...workflowRow(stored),
    ...workflowHead(definition),
    ...breakerToWire(r.engine.budgets.breaker(stored.name, definition)),
    steps: outline,
    ...(outline.length < definition.steps.length ? { truncated: true } : {}),
    ...(r.detailed ? clipped('definition', definition as unknown as Json, 6_000) : {}),
    next: [`execute_workflow name=${stored.name}`, 'get view=output gives the whole definition'],
  };
}

function steps(r: ViewRequest, stored: StoredDefinition): JsonObject {
  const all = stored.definition.steps;
  const start = offsetOf(r.cursor, all.length);
  const shown = all.slice(start, start + (r.limit ?? 25));
  const next = start + shown.length;
  return { workflow_id: r.id, steps: shown.map(stepOutline), ...(next < all.length ? { next_cursor: String(next), truncated: true } : {}) };
}

function graph(r: ViewRequest, stored: StoredDefinition): JsonObject {
  const plan = r.engine.backend.planOf(stored.hash);
  if (plan === null) throw missing('workflow', r.id, 'workflows');
  return { workflow_id: r.id, ...pictureOf(plan, () => undefined) };
}
