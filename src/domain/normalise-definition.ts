// Owns the one normal form: whatever spelling, format or file a workflow comes in, the same workflow gives the same value.
import { FaultList } from './definition-faults.ts';
import { FieldReader, shown } from './field-reader.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { isLegacyStep, mergeDependencies, readLegacySteps } from './legacy-definition.ts';
import { readBreaker, readBudget } from './normalise-budget.ts';
import { normaliseStep, present, type StepEntry, type StepOptions, slug } from './normalise-step.ts';
import { toPlainJson } from './plain-json.ts';
import { join, SourcePaths } from './source-path.ts';
import { type DefinitionFault, MAX_STEPS, ON_LIMIT, type WorkflowDefinition, WorkflowName } from './workflow-definition.ts';

export interface NormaliseOptions {
  /** Name of a workflow that has none, for example the stem of its file. */
  readonly defaultName?: string | undefined;
  /** Written task type -> the one that runs, for example `static_analysis.analyze_code` -> `mcp.call`. */
  readonly taskAliases?: Readonly<Record<string, string>> | undefined;
}

export interface Normalised {
  /** The normal form, null when there are faults. */
  readonly definition: WorkflowDefinition | null;
  /** What could be read, for further checks; null when not even the steps could be found. Never run or store it. */
  readonly draft: WorkflowDefinition | null;
  /** The version that the user wrote, no part of the definition. */
  readonly version: number | null;
  readonly faults: readonly DefinitionFault[];
  readonly warnings: readonly DefinitionFault[];
  /** Leads from paths of the normal form to what was written. */
  readonly paths: SourcePaths;
}

const EXAMPLE = '{name: hello, steps: [{id: greet, task: log, with: {message: "Hello"}}]}';
const REFUSED = {
  cache: 'cache belongs to a step.',
  resources: 'resources are not built yet; use maxParallel or a concurrency key to limit what runs at once.',
};

/** Reads a definition in any accepted spelling (see the docs of the format); gives all faults at once and never throws. */
export function normaliseDefinition(raw: unknown, options: NormaliseOptions = {}): Normalised {
  const faults = new FaultList();
  const warnings = new FaultList();
  const paths = new SourcePaths();
  const plain = toPlainJson(raw, '', faults);
  if (!isJsonObject(plain)) {
    if (faults.size === 0) faults.add('', 'invalid_definition', `A workflow is an object; this is ${kindOf(plain)}.`, { expected: EXAMPLE });
    return { definition: null, draft: null, version: null, faults: faults.all(), warnings: [], paths };
  }
  const top = new FieldReader(plain, '', '', faults, paths);
  const { entries, params } = readEntries(top, warnings);
  const stepOptions: StepOptions = { faults, paths, taskAliases: options.taskAliases ?? {} };
  const steps = entries?.map((entry) => normaliseStep(entry, stepOptions));
  const name = readName(top, options.defaultName, params !== null, warnings);
  const optional = {
    description: top.text(top.take('description')),
    input: top.object(top.take('input'), 'a JSON Schema such as {type: object, properties: {repo: {type: string}}}'),
    concurrency: readConcurrency(top),
    maxParallel: top.integer(top.take('maxParallel', 'max_parallel'), 1, 10_000),
    timeoutMs: readTimeout(top, params !== null),
    slaMs: top.duration(top.take('sla', 'slaMs', 'sla_ms')),
    budget: readBudget(top),
    breaker: readBreaker(top),
    output: top.take('output')?.value,
    metadata: readMetadata(top, params),
  };
  const onFailure = readOnFailure(top, stepOptions);
  const version = top.integer(top.take('version'), 1, Number.MAX_SAFE_INTEGER) ?? null;
  const schedules = top.take('schedules');
  if (schedules !== undefined)
    warnings.add(schedules.path, 'not_available', 'schedules act only in a file of workflowsDir; here they are not read.', {
      expected: 'schedule_cron or schedule_recurring',
    });
  top.finish(REFUSED);
  const draft = steps === undefined || steps.length === 0 ? null : { name, steps, onFailure, ...present(optional) };
  return { definition: faults.size === 0 ? draft : null, draft, version, faults: faults.all(), warnings: warnings.all(), paths };
}

function kindOf(value: Json): string {
  if (value === null) return 'nothing';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** The steps as they are written; `params` is null unless some of them are codomyrmex steps. */
function readEntries(top: FieldReader, warnings: FaultList): { entries: readonly StepEntry[] | undefined; params: readonly string[] | null } {
  const field = top.take('steps', 'tasks');
  const groups = top.take('parallel_groups');
  const dependencies = top.take('dependencies');
  if (groups !== undefined)
    warnings.add(groups.path, 'invalid_definition', 'parallel_groups has no effect: steps that do not need each other run in parallel anyway.');
  if (field === undefined) top.fault('', 'The workflow has no steps.', { expected: EXAMPLE });
  let entries = field === undefined ? undefined : readStepList(top, field.value, field.path, 'steps');
  if (entries === undefined) return { entries, params: null };
  if (dependencies !== undefined) entries = mergeDependencies(entries, dependencies.value, dependencies.path, top.faults, top.paths);
  if (!entries.some((entry) => isLegacyStep(entry.raw))) return { entries, params: null };
  return readLegacySteps(entries, top.faults, warnings, top.paths);
}

function readStepList(top: FieldReader, value: Json, path: string, normalPath: string): StepEntry[] | undefined {
  const asMap = isJsonObject(value);
  if (!asMap && !Array.isArray(value)) return top.fault(path, `${shown(value)} is no list of steps.`, { expected: EXAMPLE });
  const items: [string | undefined, Json][] = asMap ? Object.entries(value) : (value as readonly Json[]).map((step) => [undefined, step]);
  if (items.length === 0 && normalPath === 'steps') top.fault(path, 'The workflow has no steps.', { expected: EXAMPLE });
  if (items.length > MAX_STEPS) {
    top.faults.add(path, 'limit_exceeded', `It has ${items.length} steps.`, {
      expected: `at most ${MAX_STEPS.toLocaleString('en')} steps; use forEach or workflow.run for more`,
    });
    return undefined;
  }
  const entries: StepEntry[] = [];
  for (const [i, [key, step]] of items.entries()) {
    const written = key === undefined ? `${path}[${i}]` : join(path, key);
    if (isJsonObject(step)) entries.push({ raw: step, key, path: written, normalPath: `${normalPath}[${entries.length}]` });
    else top.fault(written, `${shown(step)} is no step.`, { expected: '{id: greet, task: log, with: {message: "Hello"}}' });
  }
  return entries;
}

function readOnFailure(top: FieldReader, options: StepOptions): WorkflowDefinition['onFailure'] {
  const field = top.take('onFailure', 'on_failure');
  const entries = field === undefined ? [] : (readStepList(top, field.value, field.path, 'onFailure') ?? []);
  return entries.map((entry, i) => normaliseStep(entry, { ...options, fallbackId: `on_failure_${i + 1}` }));
}

function readName(top: FieldReader, fallback: string | undefined, legacy: boolean, warnings: FaultList): string {
  const field = top.take('name');
  const name = field === undefined ? fallback : top.text(field);
  if (name === undefined) {
    if (field === undefined) top.fault('', 'The workflow has no name.', { expected: 'name: a_name' });
    return '';
  }
  if (WorkflowName.safeParse(name).success) return name;
  const id = slug(name);
  if (legacy && name.trim() !== '') {
    warnings.add('name', 'invalid_definition', `The workflow name ${JSON.stringify(name)} became ${id}.`);
    return id;
  }
  top.fault('name', `${shown(name)} is no workflow name.`, { expected: 'a letter or _, then up to 99 letters, digits, _, - or .', near: [id] });
  return name;
}

function readTimeout(top: FieldReader, legacy: boolean): number | undefined {
  const field = top.take('timeout', 'timeoutMs', 'timeout_ms');
  const seconds = legacy && field?.key === 'timeout' && typeof field.value === 'number';
  return top.duration(seconds ? { ...field, value: Math.round((field.value as number) * 1_000) } : field);
}

function readConcurrency(top: FieldReader): WorkflowDefinition['concurrency'] {
  const field = top.take('concurrency');
  const raw = top.object(field, '{key, limit: 1, onLimit: queue}');
  if (field === undefined || raw === undefined) return undefined;
  const reader = new FieldReader(raw, field.path, 'concurrency', top.faults, top.paths);
  const keyField = reader.take('key');
  const key = reader.text(keyField);
  if (keyField === undefined) reader.fault(field.path, 'The concurrency rule has no key.', { expected: 'key: "${{ input.repo }}"' });
  const limit = reader.integer(reader.take('limit'), 1, 10_000) ?? 1;
  const onLimit = reader.oneOf(reader.take('onLimit', 'on_limit'), ON_LIMIT) ?? 'queue';
  reader.finish();
  if (key === undefined) return undefined;
  if (key.trim() === '') return reader.fault(field.path, 'The concurrency key is empty.', { expected: 'key: "${{ input.repo }}"' });
  return { key, limit, onLimit };
}

function readMetadata(top: FieldReader, params: readonly string[] | null): JsonObject | undefined {
  const written = top.object(top.take('metadata'));
  if (params === null || params.length === 0 || written?.params !== undefined) return written;
  return { ...written, params };
}
