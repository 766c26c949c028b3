// Owns how every task type is explained: what it is for, its input, an example; for the documents and as a reference topic.
import { z } from 'zod';
import { createBuiltinActions } from '../../src/actions/builtin-actions.ts';
import type { TaskType } from '../../src/domain/action.ts';
import { isJsonObject, type JsonObject } from '../../src/domain/json.ts';
import { WAITING_INPUTS } from '../../src/domain/waiting-inputs.ts';
import type { WaitingTask } from '../../src/domain/workflow-step.ts';
import { fenced, fieldRows, type SchemaNode, table } from './markdown.ts';

const WAITING_MEANING: Readonly<Record<WaitingTask, string>> = {
  sleep: 'Waits for a duration. Output: null.',
  sleepUntil: 'Waits until a moment: ISO 8601 with offset, or epoch ms; one in the past ends at once. Output: null.',
  'wait.signal': 'Waits for `control action=signal` with this name; a signal that came earlier is kept. Output: the payload.',
  'wait.approval':
    'Waits for a decision. `by: human` (default) refuses an agent. Output: `{approved, by, comment, decidedAt}`; a rejection completes the step too.',
  'wait.event': 'Waits for an event of the log or of `emit`, in the same namespace, whose fields equal those in `match`. Output: the payload.',
  'workflow.run': 'Runs another stored workflow as a child and waits for its end. Output: the output of the child.',
  'resource.acquire':
    'Waits for parts of resource pools, all or nothing, and holds them until `resource.release` or the end of the run. Output: the id of the allocation.',
  'resource.release': 'Gives back what a `resource.acquire` of the same run holds. Output: `{released}`.',
  emit: 'Tells every `wait.event` that waits for this name now. Output: `{event}`.',
};

/** Types that do work, one part each. */
export function workingParts(types: readonly Pick<TaskType, 'type' | 'description' | 'example' | 'input'>[]): string[] {
  return types.map(({ type, description, example, input }) => onePart(type, description, example, input));
}

/** Types that only wait, one part each. */
export function waitingParts(): string[] {
  return (Object.keys(WAITING_INPUTS) as WaitingTask[]).map((type) =>
    onePart(type, WAITING_MEANING[type], WAITING_INPUTS[type].example, WAITING_INPUTS[type].input),
  );
}

/** The built-in types of any process, without what a configuration adds. */
export async function builtinTypes(): Promise<readonly TaskType[]> {
  const actions = createBuiltinActions({});
  await actions.close();
  return actions.types;
}

export function taskTypes(types: readonly TaskType[]): string {
  return [
    '# Task types',
    'For steps (`task`, `with`) and for jobs (`task`, `payload`). Durations are written `30s`, `10m`, `1h30m`, or as milliseconds.',
    ...workingParts(types),
    '## Steps that wait',
    'Steps only, never jobs: they hold no worker. `timeout` limits the wait.',
    ...waitingParts(),
  ].join('\n\n');
}

function onePart(type: string, description: string, example: JsonObject, input: z.ZodType): string {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' });
  const step = [`task: ${type}`, 'with:', ...yaml(example, '  ')].join('\n');
  return [`### ${type}`, description, table(['field', 'type', 'needed, or default', 'meaning'], fieldRows(schema as SchemaNode)), fenced('yaml', step)].join(
    '\n\n',
  );
}

/** One field a line; nested values in YAML's flow form, which is JSON. */
function yaml(value: JsonObject, indent: string): string[] {
  return Object.entries(value).flatMap(([name, member]) =>
    isJsonObject(member) ? [`${indent}${name}:`, ...yaml(member, `${indent}  `)] : [`${indent}${name}: ${JSON.stringify(member)}`],
  );
}
