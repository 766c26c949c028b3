// Owns a stored workflow on the wire.
import type { JsonObject } from '../../src/domain/json.ts';
import type { StoredDefinition, WorkflowDefinition } from '../../src/domain/workflow-definition.ts';
import type { WorkflowStep } from '../../src/domain/workflow-step.ts';
import { compact, iso, shortText } from './compact.ts';

export function workflowRow(stored: StoredDefinition): JsonObject {
  return compact({
    workflow_id: stored.id,
    name: stored.name,
    version: stored.version,
    description: stored.definition.description === undefined ? undefined : shortText(stored.definition.description, 200),
    steps_total: stored.definition.steps.length,
    hash: stored.hash,
    created_at: iso(stored.createdAt),
  });
}

/** What has to be known to start it. */
export function workflowHead(definition: WorkflowDefinition): JsonObject {
  return compact({
    input_schema: definition.input,
    concurrency: definition.concurrency,
    max_parallel: definition.maxParallel,
    on_failure_steps: definition.onFailure.length === 0 ? undefined : definition.onFailure.length,
  });
}

export function stepOutline(step: WorkflowStep): JsonObject {
  return compact({
    step: step.id,
    task: step.task,
    needs: step.needs.length === 0 ? undefined : step.needs,
    when: step.when === 'all_success' ? undefined : step.when,
    if: step.if,
    for_each: step.forEach === undefined ? undefined : true,
    continue_on_error: step.continueOnError || undefined,
  });
}
