// Owns the reading of codomyrmex files: their steps become steps as everybody writes them, nothing of them is lost in silence.
import type { FaultList } from './definition-faults.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { LegacyReferences } from './legacy-template.ts';
import { type StepEntry, slug } from './normalise-step.ts';
import { needsOrder, notAncestors } from './reachability.ts';
import { join, type SourcePaths } from './source-path.ts';

const NEEDS_KEYS = ['needs', 'dependsOn', 'depends_on', 'dependencies'] as const;

export interface LegacyResult {
  readonly entries: readonly StepEntry[];
  /** Run parameters that `{{name}}` refers to. */
  readonly params: readonly string[];
}

/** True for a step with `module` and `action` in place of `task`. */
export function isLegacyStep(raw: JsonObject): boolean {
  return !Object.hasOwn(raw, 'task') && (Object.hasOwn(raw, 'module') || Object.hasOwn(raw, 'action'));
}

/**
 * Turns `module` + `action` into `task`, numbers of seconds into milliseconds, names into step ids, `{{param}}` and
 * `{{step.output}}` into expressions, and adds the needs that those expressions imply.
 */
export function readLegacySteps(entries: readonly StepEntry[], faults: FaultList, warnings: FaultList, paths: SourcePaths): LegacyResult {
  const ids = uniqueIds(entries, warnings);
  const references = new LegacyReferences(ids, faults);
  const reads: ReadonlySet<string>[] = [];
  const converted = entries.map((entry) => {
    references.startStep();
    const raw = isLegacyStep(entry.raw) ? convertStep(entry, ids, references, faults, paths) : renameNeeds(entry.raw, ids);
    reads.push(references.stepsRead());
    return { ...entry, raw, key: entry.key === undefined ? undefined : (ids.get(entry.key) ?? entry.key) };
  });
  return { entries: addImpliedNeeds(converted, reads, warnings), params: references.params() };
}

/** Written step name -> step id, for every step; names that are no ids are changed, with a warning. */
function uniqueIds(entries: readonly StepEntry[], warnings: FaultList): Map<string, string> {
  const names = entries.map((entry) => nameOf(entry));
  const taken = new Set(names.filter((name) => name !== undefined && slug(name) === name));
  const ids = new Map<string, string>();
  for (const [i, name] of names.entries()) {
    if (name === undefined || ids.has(name)) continue;
    const entry = entries[i] as StepEntry;
    let id = isLegacyStep(entry.raw) && name !== '' ? slug(name) : name;
    if (id !== name) {
      const base = id.slice(0, 95);
      for (let n = 2; taken.has(id); n++) id = `${base}_${n}`;
      taken.add(id);
      warnings.add(entry.path, 'invalid_definition', `The step name ${JSON.stringify(name)} became the id ${id}; references to it were rewritten.`);
    }
    ids.set(name, id);
  }
  return ids;
}

function nameOf(entry: StepEntry): string | undefined {
  const name = entry.key ?? entry.raw.name ?? entry.raw.id;
  return typeof name === 'string' ? name : undefined;
}

function convertStep(entry: StepEntry, ids: ReadonlyMap<string, string>, references: LegacyReferences, faults: FaultList, paths: SourcePaths): JsonObject {
  const { module, action, ...rest } = renameNeeds(entry.raw, ids) as Record<string, Json>;
  const step: Record<string, Json> = rest;
  for (const [key, value] of [
    ['module', module],
    ['action', action],
  ] as const) {
    if (typeof value !== 'string' || value === '')
      faults.add(entry.path, 'invalid_definition', `The step has no ${key}.`, { expected: 'module and action, or task: a task type' });
  }
  step.task = `${typeof module === 'string' && module !== '' ? module : '?'}.${typeof action === 'string' && action !== '' ? action : '?'}`;
  paths.set(`${entry.normalPath}.task`, join(entry.path, 'action'));
  for (const key of ['name', 'id']) {
    const name = step[key];
    if (typeof name === 'string') step[key] = ids.get(name) ?? name;
  }
  for (const key of ['timeout', 'deadline']) {
    const seconds = step[key];
    if (typeof seconds === 'number') step[key] = Math.round(seconds * 1_000);
  }
  for (const key of ['parameters', 'with']) {
    if (Object.hasOwn(step, key)) step[key] = references.rewrite(step[key] as Json, join(entry.path, key));
  }
  for (const key of ['run_if', 'runIf', 'if']) {
    const condition = step[key];
    if (typeof condition === 'string') step[key] = references.rewriteCondition(condition, join(entry.path, key));
  }
  return step;
}

function renameNeeds(raw: JsonObject, ids: ReadonlyMap<string, string>): JsonObject {
  const rename = (name: Json): Json => (typeof name === 'string' ? (ids.get(name) ?? name) : name);
  const changed: Record<string, Json> = {};
  for (const key of NEEDS_KEYS) {
    const value = raw[key];
    if (Array.isArray(value)) changed[key] = value.map(rename);
    else if (typeof value === 'string') changed[key] = rename(value);
  }
  return { ...raw, ...changed };
}

/** Upstream's sample files read `{{a.output}}` without naming `a` as a dependency; the read implies it. */
function addImpliedNeeds(entries: readonly StepEntry[], reads: readonly ReadonlySet<string>[], warnings: FaultList): StepEntry[] {
  const indexOf = new Map<string, number>();
  for (const [i, entry] of entries.entries()) {
    const id = nameOf(entry);
    if (id !== undefined && !indexOf.has(id)) indexOf.set(id, i);
  }
  const graph = entries.map((entry) => needsOf(entry.raw).flatMap((id) => indexOf.get(id) ?? []));
  const questions = reads.flatMap((ids, node) =>
    [...ids].map((id) => ({ node, ancestor: indexOf.get(id) ?? -1, id })).filter(({ ancestor }) => ancestor >= 0 && ancestor !== node),
  );
  const implied = new Map<number, string[]>();
  for (const { node, id } of notAncestors(graph, needsOrder(graph), questions)) implied.set(node, [...(implied.get(node) ?? []), id]);
  return entries.map((entry, node) => {
    const added = implied.get(node);
    if (added === undefined) return entry;
    const key = NEEDS_KEYS.find((spelling) => Object.hasOwn(entry.raw, spelling) && entry.raw[spelling] !== null) ?? 'dependencies';
    warnings.add(join(entry.path, key), 'invalid_definition', `Added ${added.join(', ')}: the step reads ${added.length === 1 ? 'its' : 'their'} output.`);
    return { ...entry, raw: { ...entry.raw, [key]: [...needsOf(entry.raw), ...added] } };
  });
}

function needsOf(raw: JsonObject): string[] {
  for (const key of NEEDS_KEYS) {
    const value = raw[key];
    if (typeof value === 'string') return [value];
    if (Array.isArray(value)) return value.filter((name) => typeof name === 'string');
  }
  return [];
}

/** `dependencies: {step: [dep]}` beside the steps: each entry becomes needs of its step. */
export function mergeDependencies(entries: readonly StepEntry[], dependencies: Json, path: string, faults: FaultList, paths: SourcePaths): StepEntry[] {
  if (!isJsonObject(dependencies)) {
    faults.add(path, 'invalid_definition', 'The dependencies of all steps must be an object.', { expected: '{step: [the steps it needs]}' });
    return [...entries];
  }
  const merged = [...entries];
  const positions = new Map(entries.map((entry, i) => [nameOf(entry) ?? '', i]));
  for (const [name, needs] of Object.entries(dependencies)) {
    const at = positions.get(name);
    const written = join(path, name);
    const list = typeof needs === 'string' ? [needs] : needs;
    if (at === undefined) {
      faults.add(written, 'invalid_definition', `There is no step ${JSON.stringify(name)}.`, { near: faults.near(name, positions) });
    } else if (!Array.isArray(list) || list.some((need) => typeof need !== 'string')) {
      faults.add(written, 'invalid_definition', 'The dependencies of a step must be a list of step names.', { expected: '["other_step"]' });
    } else {
      const entry = merged[at] as StepEntry;
      const key = NEEDS_KEYS.find((spelling) => Object.hasOwn(entry.raw, spelling) && entry.raw[spelling] !== null) ?? 'dependencies';
      const own = new Set(needsOf(entry.raw));
      for (const [i, need] of (list as readonly string[]).entries()) {
        if (!own.has(need)) paths.set(`${entry.normalPath}.needs[${own.size}]`, `${written}[${i}]`);
        own.add(need);
      }
      merged[at] = { ...entry, raw: { ...entry.raw, [key]: [...own] } };
    }
  }
  return merged;
}
