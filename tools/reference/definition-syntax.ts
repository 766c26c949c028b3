// Owns what every field of a workflow definition means, and the reference topic made of it; a field without a meaning here does not compile.
import { DEFAULT_RETRY } from '../../src/domain/retry-policy.ts';
import { ON_LIMIT } from '../../src/domain/workflow-definition.ts';
import { TRIGGER_RULES } from '../../src/domain/workflow-step.ts';
import type { StepSource, WorkflowSource } from '../../src/orchestration/define-workflow.ts';
import { code, fenced, table } from './markdown.ts';

type RetryFields = Exclude<StepSource['retry'], number | undefined>;

export const WORKFLOW_FIELDS: Readonly<Record<keyof WorkflowSource, string>> = {
  name: 'Letters, digits, `_`, `.`, `-`; up to 100. A file without one is named after the file.',
  version: 'What the author calls it; versions are counted by the store, a new hash is the next one.',
  description: 'For people.',
  input: 'JSON Schema of the input, checked with its defaults before anything exists.',
  concurrency: `\`{key, limit, onLimit}\`: at most \`limit\` (default 1) runs with the same key at once. \`onLimit\`: ${ON_LIMIT.map(code).join(', ')}. The key may read \`input\`.`,
  maxParallel: 'Jobs of a run at once.',
  budget:
    '`{attempts, tokens, cost, wallClock, fanOut, depth, runs: {max, window}}`: what each run may use, children included; past it the run is paused until the budget is raised. `runs` counts the starts of all its runs.',
  sla: 'How long a run may take before it is late, such as `2h`: it goes on, the event sla_missed and list kind=insights tell. `timeout` ends a run, sla does not.',
  breaker: '`{failures, cooldown}`: after so many failed runs in a row none is started; after the cool-down one run probes. Without it a person closes it.',
  timeout: 'Limit of a run, from its start; past it the run fails as `timeout`.',
  steps: 'A list, or an object by step id.',
  output: 'Template of the output; without it the outputs of the last steps by id.',
  onFailure: 'Steps that run one after the other when a run failed, after the compensations. They have no `needs`.',
  metadata: 'An object kept with the definition.',
};

export const STEP_FIELDS: Readonly<Record<keyof StepSource, string>> = {
  id: 'Letters, digits, `_`, `-`; up to 100.',
  task: 'Task type.',
  with: 'Its input, with expressions.',
  needs: 'Steps that must have ended before: an id or a list. Also `dependsOn`, `depends_on`, `dependencies`.',
  when: `Which outcomes of the needs let it start: ${TRIGGER_RULES.map(code).join(', ')}.`,
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
  requires: 'Capabilities that the process, or for `agent.task` the worker agent, must offer.',
  artifact: 'Keep the output as an artifact: a name, or `{name, mediaType}`. The output is then a reference to it.',
  output: 'JSON Schema that its output (with forEach that of each item) must fit; checked at completion.',
  compensate: '`{task, with, retry, timeout}`: undoes the step when the run fails or is cancelled later.',
  cache: '`{key, ttl}`: a result of this step under the same key stands for a run of it until it is `ttl` old; a key that is null asks for a run.',
};

export const RETRY_FIELDS: Readonly<Record<keyof RetryFields, readonly [fallback: string, meaning: string]>> = {
  maxAttempts: [String(DEFAULT_RETRY.maxAttempts), 'Counts the first try.'],
  initialInterval: [`${DEFAULT_RETRY.initialIntervalMs} ms`, 'Delay after the first failure.'],
  backoffCoefficient: [String(DEFAULT_RETRY.backoffCoefficient), 'Each further delay is so many times the one before.'],
  maxInterval: ['100 × the first', 'No delay is longer.'],
  jitter: [DEFAULT_RETRY.jitter, '`full`: a random part of the delay. `none`: the whole.'],
  nonRetryable: ['none', 'Error codes that are not tried again.'],
  retryOn: ['retryable ones', 'The only error codes that are tried again.'],
};

const EXAMPLE = `name: release
input: {type: object, properties: {tag: {type: string}}, required: [tag]}
steps:
  - {id: files, task: http.request, with: {url: "https://example.org/files.json"}, retry: 3, timeout: 30s}
  - {id: check, needs: [files], forEach: "\${{ steps.files.output.body }}", maxParallel: 4, task: agent.task, with: {prompt: "Review \${{ item }}"}}
  - {id: ok, needs: [check], task: wait.approval, with: {message: "Publish \${{ input.tag }}?", by: human}, timeout: 24h}
  - {id: publish, needs: [ok], if: "\${{ steps.ok.output.approved }}", task: workflow.run, with: {workflow: publish, input: {tag: "\${{ input.tag }}"}}}
output: "\${{ steps.check.output }}"`;

/** Fields as rows of a table. */
export function meaningRows(fields: Readonly<Record<string, string>>): string[][] {
  return Object.entries(fields).map(([name, meaning]) => [code(name), meaning]);
}

/** The policy of retries as rows of a table: field, default, meaning. */
export function retryRows(): string[][] {
  return Object.entries(RETRY_FIELDS).map(([name, [fallback, meaning]]) => [code(name), fallback, meaning]);
}

export function definitionSyntax(): string {
  return [
    '# Workflow definition',
    'YAML or JSON. Needed: `name` and `steps`; of a step `id` and `task`. Unknown fields are faults with the nearest known name. `create_workflow` with `mode: preview` checks and saves nothing.',
    fenced('yaml', EXAMPLE),
    table(['workflow', 'meaning'], meaningRows(WORKFLOW_FIELDS)),
    table(['step', 'meaning'], meaningRows(STEP_FIELDS)),
    table(['retry', 'default', 'meaning'], retryRows()),
    '## Expressions',
    'CEL between `${{` and `}}`, in `with`, `if`, `forEach`, `output` and keys. A value that is one expression keeps its type; amid text it becomes text. In scope: `input`, `steps.<id>.output` of steps that must have ended before, `item` and `index` in a forEach, `session.context`, `secrets.<name>` in `with`. `has(x.y)` asks for what may be absent; `+ - * / %`, `== != < >`, `&& || !`, `? :`, `in`, `size(list)`, `list.map(x, …)`, `list.filter(x, …)`, `sum(list)`.',
    'A step runs once its `needs` have ended; without `needs` it runs at once, beside others. A completed step never runs again, an interrupted one may: give outside calls the idempotency key of the step.',
  ].join('\n\n');
}
