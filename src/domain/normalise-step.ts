// Owns the reading of one step: every spelling of its fields becomes the one of the normal form.

import { normaliseCondition, readsFailure } from './condition-text.ts';
import type { FaultList } from './definition-faults.ts';
import { type Field, FieldReader, shown } from './field-reader.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { readRetry } from './normalise-retry.ts';
import { PRIORITY_NAMES, Priority } from './priority.ts';
import { ResourceRequest } from './resource.ts';
import { resourceFaults } from './resource-faults.ts';
import type { SourcePaths } from './source-path.ts';
import { MAX_CACHE_TTL_MS, type StepCache } from './step-cache.ts';
import { type Compensation, StepName, type Tolerance, TRIGGER_RULES, type WorkflowStep } from './workflow-step.ts';

const STEP_NAME_EXPECTED = 'a letter or _, then up to 99 letters, digits, _ or -';

/** One step as it was written, and where. */
export interface StepEntry {
  readonly raw: JsonObject;
  /** Its key, when the steps are a mapping. */
  readonly key: string | undefined;
  readonly path: string;
  readonly normalPath: string;
}

export interface StepOptions {
  readonly faults: FaultList;
  readonly paths: SourcePaths;
  readonly taskAliases: Readonly<Record<string, string>>;
  /** The id of a step that has none; undefined when every step needs one. */
  readonly fallbackId?: string | undefined;
}

const CACHE_EXPECTED = '{key: "${{ input.version }}", ttl: 24h}';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  md: 'text/markdown',
  json: 'application/json',
  txt: 'text/plain',
  csv: 'text/csv',
  html: 'text/html',
};

/** The normal form of a step; fields with faults are left out of it, so that the rest can still be checked. */
export function normaliseStep(entry: StepEntry, options: StepOptions): WorkflowStep {
  options.paths.set(entry.normalPath, entry.path);
  const step = new FieldReader(entry.raw, entry.path, entry.normalPath, options.faults, options.paths);
  const id = readId(step, entry.key, options.fallbackId);
  const task = readTask(step, options.taskAliases);
  const withInput = readWith(step, task);
  const needs = step.texts(step.take('needs', 'dependsOn', 'depends_on', 'dependencies'), 'a list of step ids') ?? [];
  const condition = readCondition(step);
  const rule = step.oneOf(step.take('when', 'triggerRule', 'trigger_rule'), TRIGGER_RULES);
  const forEach = readForEach(step);
  const optional = {
    if: condition,
    forEach,
    maxParallel: step.integer(step.take('maxParallel', 'max_parallel'), 1, 10_000),
    tolerateFailures: readTolerance(step),
    retry: readRetry(step),
    timeoutMs: step.duration(step.take('timeout', 'timeoutMs', 'timeout_ms')),
    deadlineMs: step.duration(step.take('deadline', 'deadlineMs', 'deadline_ms')),
    priority: readPriority(step),
    queue: step.literal(step.take('queue')),
    resources: readResources(step),
    artifact: readArtifact(step),
    outputSchema: step.object(step.take('outputSchema', 'output', 'output_schema'), 'a JSON Schema such as {type: object, required: [summary]}'),
    compensate: readCompensation(step, options.taskAliases),
    cache: readCache(step),
  };
  const continueOnError = readContinueOnError(step);
  const requires = step.texts(step.take('requires'), 'a list of capabilities') ?? [];
  if (requires.some((capability) => capability.includes('${{'))) step.fault(step.at('requires'), 'Capabilities are fixed when the workflow is defined.');
  step.finish();
  return {
    id,
    task,
    with: withInput,
    needs,
    // As in GitHub workflows: a condition that asks about failure is meant to be asked after a failure too.
    when: rule ?? (condition !== undefined && readsFailure(condition) ? 'all_done' : 'all_success'),
    continueOnError,
    requires,
    ...present(optional),
  };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The object without its undefined members: absent and undefined must give one hash. */
export function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Present<T>;
}

function readId(step: FieldReader, key: string | undefined, fallback: string | undefined): string {
  const field = step.take('id', 'name');
  const written = step.text(field);
  if (key !== undefined && written !== undefined && written !== key) {
    step.fault((field as Field).path, `The step is called ${key} by its key and ${written} here; leave this out.`);
  }
  const id = key ?? written;
  if (id === undefined) {
    if (fallback !== undefined) return fallback;
    if (field === undefined) step.fault(step.path, 'The step has no id.', { expected: 'id: a_name' });
    return '';
  }
  const path = key === undefined ? (field as Field).path : step.path;
  if (!StepName.safeParse(id).success) step.fault(path, `${shown(id)} is no step id.`, { expected: STEP_NAME_EXPECTED, near: [slug(id)] });
  else if (id === '__proto__') step.fault(path, 'The id __proto__ is not allowed.');
  return id;
}

/** A step name made of any text. */
export function slug(text: string): string {
  const name = text
    .trim()
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .slice(0, 100);
  return /^[A-Za-z_]/.test(name) ? name : `_${name}`.slice(0, 100);
}

function readTask(step: FieldReader, aliases: Readonly<Record<string, string>>): string {
  const field = step.take('task');
  if (field === undefined) {
    const other = ['uses', 'type', 'run', 'action'].find((key) => Object.hasOwn(step.raw, key));
    step.fault(step.path, 'The step has no task.', {
      expected: `task: a task type, for example task: log${other === undefined ? '' : ` (${other} is no field here)`}`,
    });
    return '';
  }
  const task = step.literal(field) ?? '';
  return Object.hasOwn(aliases, task) ? (aliases[task] as string) : task;
}

function readWith(step: FieldReader, task: string): JsonObject {
  const field = step.take('with', 'parameters');
  const input = step.object(field, 'an object with the input of the task') ?? {};
  // The child's name may be written `name`, as in the tool that starts a workflow.
  if (task !== 'workflow.run' || field === undefined || !Object.hasOwn(input, 'name')) return input;
  if (Object.hasOwn(input, 'workflow')) {
    step.fault(`${field.path}.name`, 'workflow and name are two spellings of one field; keep one of them.');
    return input;
  }
  const { name, ...rest } = input;
  step.paths.set(`${step.normalPath}.with.workflow`, `${field.path}.name`);
  return { ...rest, workflow: name as Json };
}

function readCondition(step: FieldReader): string | undefined {
  const field = step.take('if', 'run_if', 'runIf');
  if (field === undefined) return undefined;
  const condition = typeof field.value === 'boolean' ? `\${{ ${field.value} }}` : normaliseCondition(field.value);
  if (condition !== undefined) return condition;
  return step.fault(field.path, `${shown(field.value)} is not one expression.`, {
    expected: 'one condition, for example ${{ steps.a.output.ok && input.publish }}',
  });
}

function readForEach(step: FieldReader): Json | undefined {
  const field = step.take('forEach', 'for_each');
  if (field === undefined || Array.isArray(field.value)) return field?.value;
  const source = normaliseCondition(field.value);
  if (source !== undefined) return source;
  return step.fault(field.path, `${shown(field.value)} gives no list.`, { expected: 'a list, or one expression that gives one: ${{ steps.a.output.items }}' });
}

function readTolerance(step: FieldReader): Tolerance | undefined {
  const field = step.take('tolerateFailures', 'tolerate_failures');
  if (field === undefined) return undefined;
  const { value } = field;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return { count: value };
  if (typeof value === 'string' && /^\s*\d+\s*$/.test(value)) return { count: Number(value) };
  const percent = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(value) : null;
  if (percent !== null && Number(percent[1]) <= 100) return { percent: Number(percent[1]) };
  if (isJsonObject(value) && Object.keys(value).length === 1) {
    if (Number.isInteger(value.count) && (value.count as number) >= 0) return { count: value.count as number };
    if (typeof value.percent === 'number' && value.percent >= 0 && value.percent <= 100) return { percent: value.percent };
  }
  return step.fault(field.path, `${shown(value)} does not fit here.`, { expected: 'a count such as 5, or a share such as "5%"' });
}

function readPriority(step: FieldReader): number | undefined {
  const field = step.take('priority');
  if (field === undefined) return undefined;
  const parsed = Priority.safeParse(field.value);
  if (parsed.success) return parsed.data;
  const names = Object.keys(PRIORITY_NAMES);
  const near = typeof field.value === 'string' ? step.faults.near(field.value, names) : [];
  return step.fault(field.path, `${shown(field.value)} is no priority.`, { expected: `0 to 100, or one of ${names.join(', ')}`, near });
}

/** Shape, signs and units; whether the pools exist and have as much is asked when a run starts. */
function readResources(step: FieldReader): ResourceRequest | undefined {
  const field = step.take('resources');
  if (field === undefined) return undefined;
  const parsed = ResourceRequest.safeParse(field.value);
  if (parsed.success) return parsed.data;
  for (const fault of resourceFaults(field.value))
    step.fault(fault.path === '' ? field.path : `${field.path}.${fault.path}`, fault.message, { expected: fault.expected });
  return undefined;
}

function readContinueOnError(step: FieldReader): boolean {
  const field = step.take('continueOnError', 'continue_on_error');
  const required = step.take('required');
  if (field !== undefined && required !== undefined) step.fault(required.path, `required and ${field.key} say the same; keep one of them.`);
  return step.boolean(field) ?? step.boolean(required) === false;
}

function readArtifact(step: FieldReader): WorkflowStep['artifact'] {
  const field = step.take('artifact');
  if (field === undefined) return undefined;
  if (typeof field.value === 'string') {
    const name = step.literal(field);
    return name === undefined ? undefined : { name, mediaType: mediaTypeOf(name) };
  }
  if (!isJsonObject(field.value)) return step.fault(field.path, `${shown(field.value)} is no artifact.`, { expected: 'a file name, or {name, mediaType}' });
  const artifact = new FieldReader(field.value, field.path, `${step.normalPath}.artifact`, step.faults, step.paths);
  const nameField = artifact.take('name');
  const name = artifact.literal(nameField);
  const mediaType = artifact.literal(artifact.take('mediaType', 'media_type'));
  artifact.finish();
  if (nameField === undefined) artifact.fault(field.path, 'The artifact has no name.', { expected: 'a file name such as report.md' });
  return name === undefined ? undefined : { name, mediaType: mediaType ?? mediaTypeOf(name) };
}

function readCache(step: FieldReader): StepCache | undefined {
  const field = step.take('cache');
  const raw = step.object(field, CACHE_EXPECTED);
  if (field === undefined || raw === undefined) return undefined;
  const cache = new FieldReader(raw, field.path, `${step.normalPath}.cache`, step.faults, step.paths);
  const key = cache.text(cache.take('key'), 2_000);
  const ttlField = cache.take('ttl', 'ttlMs', 'ttl_ms');
  const ttlMs = cache.duration(ttlField);
  cache.finish();
  if (key === undefined || key.trim() === '') cache.fault(field.path, 'The cache has no key.', { expected: CACHE_EXPECTED });
  if (ttlField === undefined) cache.fault(field.path, 'The cache has no ttl.', { expected: CACHE_EXPECTED });
  if (ttlMs !== undefined && ttlMs > MAX_CACHE_TTL_MS)
    return cache.fault((ttlField as Field).path, 'The ttl is longer than a year.', { expected: 'up to 366d' });
  return key === undefined || ttlMs === undefined ? undefined : { key, ttlMs };
}

function mediaTypeOf(name: string): string {
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return Object.hasOwn(MEDIA_TYPES, extension) ? (MEDIA_TYPES[extension] as string) : 'application/octet-stream';
}

function readCompensation(step: FieldReader, aliases: Readonly<Record<string, string>>): Compensation | undefined {
  const field = step.take('compensate');
  const raw = step.object(field, '{task, with}');
  if (field === undefined || raw === undefined) return undefined;
  const undo = new FieldReader(raw, field.path, `${step.normalPath}.compensate`, step.faults, step.paths);
  const task = readTask(undo, aliases);
  const input = readWith(undo, task);
  const optional = { retry: readRetry(undo), timeoutMs: undo.duration(undo.take('timeout', 'timeoutMs', 'timeout_ms')) };
  undo.finish();
  return { task, with: input, ...present(optional) };
}
