// Owns the surroundings that definition tests validate in: the real expression language and a few real task types.
import { z } from 'zod';
import { echoTask } from '../../src/actions/echo.ts';
import { logTask } from '../../src/actions/log.ts';
import { transformTask } from '../../src/actions/transform.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { TaskInput } from '../../src/domain/task-input.ts';
import { type CheckedDefinition, checkDefinition, type ValidationContext } from '../../src/domain/validate-definition.ts';
import type { WorkflowDefinition } from '../../src/domain/workflow-definition.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';

const fetchTask: TaskInput = {
  input: z.strictObject({ url: z.string(), retries: z.int().max(5).optional(), mode: z.union([z.literal('fast'), z.number()]).optional() }),
  example: { url: 'https://example.org' },
};

export const taskTypes = new Map<string, TaskInput>([
  ['echo', echoTask],
  ['log', logTask],
  ['transform', transformTask],
  ['http.request', fetchTask],
]);

export const context: ValidationContext = { evaluator: createEvaluator(), taskTypes };

export function check(raw: unknown, more: Partial<ValidationContext> = {}): CheckedDefinition {
  return checkDefinition(raw, { ...context, ...more });
}

/** `path code` of every fault. */
export function faultsOf(raw: unknown, more: Partial<ValidationContext> = {}): string[] {
  return check(raw, more).faults.map((fault) => `${fault.path} ${fault.code}`);
}

/** The normal form of a definition that must be valid. */
export function valid(raw: unknown): WorkflowDefinition {
  const { definition, faults } = check(raw);
  if (definition === null) throw new Error(`Not valid: ${JSON.stringify(faults, null, 2)}`);
  return definition;
}

/** A workflow of these steps; a step without a task echoes. */
export function workflow(steps: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  return { name: 'test', steps: steps.map((step) => ({ ...(step.task === undefined ? { task: 'echo', with: { value: 1 } } : {}), ...step })), ...more };
}
