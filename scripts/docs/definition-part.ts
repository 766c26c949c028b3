// Owns the chapter on the workflow definition: the fields of the reference, with links into the other documents.
import { meaningRows, retryRows, STEP_FIELDS, WORKFLOW_FIELDS } from '../../tools/reference/definition-syntax.ts';
import { table } from '../../tools/reference/markdown.ts';

export function definitionPart(): string {
  const steps = { ...STEP_FIELDS, when: `${STEP_FIELDS.when} [Meaning](SPEC.md#order-of-steps).` };
  return [
    '## Workflow definition',
    'YAML, JSON, or `defineWorkflow()` in code: one normal form, one hash. Needed: `name` and `steps`; of a step `id` and `task`. Unknown fields are faults with the nearest known name.',
    table(['workflow', 'meaning'], meaningRows(WORKFLOW_FIELDS)),
    table(['step', 'meaning'], meaningRows(steps)),
    table(['retry', 'default', 'meaning'], retryRows()),
    'Steps of a codomyrmex file (`name`, `module`, `action`, `parameters`, `dependencies`, `timeout` in seconds, `max_retries`, `run_if`, `required`) are read as they are; the task type is `module.action`, which `taskAliases` may lead to another.',
  ].join('\n\n');
}
