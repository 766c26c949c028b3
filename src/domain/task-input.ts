// Owns checking a `with` against the schema of its task: whole when it is static, field by field where expressions are left.
import { z } from 'zod';
import type { FaultList } from './definition-faults.ts';
import type { Json, JsonObject } from './json.ts';
import { join, joinAll } from './source-path.ts';

export interface TaskInput {
  readonly input: z.ZodType;
  readonly example: JsonObject;
}

type Issue = z.core.$ZodIssue;

/** Adds a fault for everything that is certain to be refused at run time; `isDynamic` tells which values are still open. */
export function checkTaskInput(task: TaskInput, input: JsonObject, path: string, isDynamic: (value: Json) => boolean, faults: FaultList): void {
  const expected = `for example ${short(task.example)}`;
  const report = (issues: readonly Issue[], at: string): void => {
    for (const issue of issues) addIssue(issue, at, task.input, expected, faults);
  };
  if (!isDynamic(input)) {
    report(issuesOf(task.input, input), path);
    return;
  }
  if (!(task.input instanceof z.ZodObject)) return;
  const shape: Readonly<Record<string, z.core.$ZodType>> = task.input.shape;
  if (task.input.def.catchall instanceof z.ZodNever) {
    const keys = Object.keys(input).filter((key) => !Object.hasOwn(shape, key));
    if (keys.length > 0) report([{ code: 'unrecognized_keys', keys, path: [], message: '', input }], path);
  }
  for (const [key, field] of Object.entries(shape)) {
    const value = input[key];
    if (value !== undefined && isDynamic(value)) continue;
    report(issuesOf(field, value), join(path, key));
  }
}

/** A user's schema may be asynchronous or throw; what cannot be checked now is checked when the step runs. */
function issuesOf(schema: z.core.$ZodType, value: Json | undefined): readonly Issue[] {
  try {
    return z.core.safeParse(schema, value).error?.issues ?? [];
  } catch {
    return [];
  }
}

function addIssue(issue: Issue, base: string, schema: z.ZodType, expected: string, faults: FaultList): void {
  const path = joinAll(base, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    for (const key of issue.keys) {
      const near = faults.near(key, known);
      const hint = near.length > 0 ? undefined : known.length > 0 ? `one of ${known.join(', ')}` : expected;
      faults.add(join(path, key), 'invalid_input', `The task has no field ${key}.`, { expected: hint, near });
    }
    return;
  }
  faults.add(path, 'invalid_input', `${messageOf(issue)}.`, { expected });
}

/** zod says only "Invalid input" for a union: its branches say more. */
function messageOf(issue: Issue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branches = new Set(issue.errors.map((branch) => branch.map((inner) => inner.message).join(', ')));
    return [...branches].slice(0, 4).join(', or ');
  }
  const missing = /^Invalid input: expected (.+), received undefined$/.exec(issue.message);
  return missing === null ? issue.message.replace(/\.$/, '') : `It is required (${missing[1]}), and not given`;
}

function short(example: JsonObject): string {
  const text = JSON.stringify(example);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
