// Owns the chapter on the workflow definition: every field that may be written; a field without a meaning here does not compile.

import { DEFAULT_RETRY } from '../../src/domain/retry-policy.ts';
import { ON_LIMIT } from '../../src/domain/workflow-definition.ts';
import { TRIGGER_RULES } from '../../src/domain/workflow-step.ts';
import type { StepSource, WorkflowSource } from '../../src/orchestration/define-workflow.ts';
import { code, table } from './markdown.ts';

type RetryFields = Exclude<StepSource['retry'], number | undefined>;

const WORKFLOW: Readonly<Record<keyof WorkflowSource, string>> = {
  name: 'Letters, digits, `_`, `.`, `-`; up to 100. A file without one is named after the file.',
  version: 'What the author calls it; versions are counted by the store, a new hash is the next one.',
  description: 'For people.',
  input: 'JSON Schema of the input, checked with its defaults before anything exists.',
  concurrency: `\`{key, limit, onLimit}\`: at most \`limit\` (default 1) runs with the same key at once. \`onLimit\`: ${ON_LIMIT.map(code).join(', ')}. The key may read \`input\`.`,
  maxParallel: 'Jobs of a run at once.',
  timeout: 'Limit of a run, from its start; past it the run fails as `timeout`.',
  steps: 'A list, or an object by step id.',
  output: 'Template of the output; without it the outputs of the last steps by id.',
  onFailure: 'Steps that run one after the other when a run failed, after the compensations. They have no `needs`.',
  metadata: 'An object kept with the definition.',
};

const STEP: Readonly<Record<keyof StepSource, string>> = {
  id: 'Letters, digits, `_`, `-`; up to 100.',
  task: 'Task type.',
  with: 'Its input, with expressions.',
  needs: 'Steps that must have ended before: an id or a list. Also `dependsOn`, `depends_on`, `dependencies`.',
  when: `Which outcomes of the needs let it start: ${TRIGGER_RULES.map(code).join(', ')}. [Meaning](SPEC.md#order-of-steps).`,
  if: 'Condition, an expression that gives true or false; false skips the step.',
  forEach: 'A list, or an expression that gives one; the step runs once per `item`, with its `index`.',
  maxParallel: 'With forEach: items at once.',
  tolerateFailures: 'With forEach: how many items may fail, a count or a share such as `5%`.',
  retry: 'Attempts in all, or a policy.',
  timeout: 'Limit of one attempt, or of a wait.',
  deadline: 'Limit over all attempts.',
  continueOnError: 'A failure counts as success for what follows.',
  priority: '0–100 or `critical`, `high`, `normal`, `low`, `background`; default that of the run.',
  queue: 'Queue of its jobs; default `default`.',
  requires: 'Capabilities that the process must offer.',
  artifact: 'Keep the output as an artifact: a name, or `{name, mediaType}`. The output is then a reference to it.',
  compensate: '`{task, with, retry, timeout}`: undoes the step when the run fails or is cancelled later.',
};

const RETRY: Readonly<Record<keyof RetryFields, readonly [fallback: string, meaning: string]>> = {
  maxAttempts: [String(DEFAULT_RETRY.maxAttempts), 'Counts the first try.'],
  initialInterval: [`${DEFAULT_RETRY.initialIntervalMs} ms`, 'Delay after the first failure.'],
  backoffCoefficient: [String(DEFAULT_RETRY.backoffCoefficient), 'Each further delay is so many times the one before.'],
  maxInterval: ['100 × the first', 'No delay is longer.'],
  jitter: [DEFAULT_RETRY.jitter, '`full`: a random part of the delay. `none`: the whole.'],
  nonRetryable: ['none', 'Error codes that are not tried again.'],
  retryOn: ['retryable ones', 'The only error codes that are tried again.'],
};

export function definitionPart(): string {
  const rows = (fields: Readonly<Record<string, string>>): string[][] => Object.entries(fields).map(([name, meaning]) => [code(name), meaning]);
  return [
    '## Workflow definition',
    'YAML, JSON, or `defineWorkflow()` in code: one normal form, one hash. Needed: `name` and `steps`; of a step `id` and `task`. Unknown fields are faults with the nearest known name.',
    table(['workflow', 'meaning'], rows(WORKFLOW)),
    table(['step', 'meaning'], rows(STEP)),
    table(
      ['retry', 'default', 'meaning'],
      Object.entries(RETRY).map(([name, [fallback, meaning]]) => [code(name), fallback, meaning]),
    ),
    'Steps of a codomyrmex file (`name`, `module`, `action`, `parameters`, `dependencies`, `timeout` in seconds, `max_retries`, `run_if`, `required`) are read as they are; the task type is `module.action`, which `taskAliases` may lead to another.',
  ].join('\n\n');
}
