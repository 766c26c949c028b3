// Owns the difference between a folder of definitions and the stored versions; nothing is changed by looking.
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LogisticsError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/json.ts';
import type { DefinitionFault, WorkflowDefinition } from '../domain/workflow-definition.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { DEFINITION_EXTENSIONS, readDefinition } from './definition-ref.ts';

export interface ComparedFile {
  readonly file: string;
  readonly name: string | null;
  readonly state: 'new' | 'changed' | 'unchanged' | 'invalid';
  /** Stored version that it is compared with. */
  readonly version: number | null;
  readonly steps: { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly string[] };
  /** Other parts of the definition that differ: input, output, timeoutMs … */
  readonly changed_fields: readonly string[];
  readonly faults: readonly DefinitionFault[];
}

export interface FolderComparison {
  readonly files: readonly ComparedFile[];
  /** Stored workflows that no file defines. */
  readonly only_stored: readonly string[];
}

const NO_STEPS = { added: [], removed: [], changed: [] };

export async function compareFolder(engine: OrchestrationEngine, folder: string): Promise<FolderComparison> {
  const names = (await readdir(folder)).filter((name) => DEFINITION_EXTENSIONS.includes(extname(name).toLowerCase())).sort();
  const files: ComparedFile[] = [];
  for (const name of names) files.push(await compareFile(engine, folder, name));
  const defined = new Set(files.flatMap((file) => file.name ?? []));
  return { files, only_stored: engine.workflows.names().filter((name) => !defined.has(name)) };
}

async function compareFile(engine: OrchestrationEngine, folder: string, file: string): Promise<ComparedFile> {
  const invalid = (faults: readonly DefinitionFault[]): ComparedFile => ({
    file,
    name: null,
    state: 'invalid',
    version: null,
    steps: NO_STEPS,
    changed_fields: [],
    faults,
  });
  const read = await readDefinition(join(folder, file), folder).catch((error: unknown) => {
    if (error instanceof LogisticsError) return { value: undefined, faults: [{ path: '', code: error.code, message: error.message }] };
    throw error;
  });
  if (read.faults.length > 0) return invalid(read.faults);
  const { definition, hash, faults } = engine.workflows.check(read.value);
  if (definition === null) return invalid(faults);
  const stored = engine.backend.findDefinition({ namespace: engine.namespace, name: definition.name });
  const same = { file, name: definition.name, version: stored?.version ?? null, steps: NO_STEPS, changed_fields: [], faults: [] };
  if (stored === null) return { ...same, state: 'new' };
  if (stored.hash === hash) return { ...same, state: 'unchanged' };
  return { ...same, state: 'changed', ...difference(stored.definition, definition) };
}

function difference(before: WorkflowDefinition, after: WorkflowDefinition): Pick<ComparedFile, 'steps' | 'changed_fields'> {
  const old = new Map(before.steps.map((step) => [step.id, canonicalJson(step)]));
  const now = new Map(after.steps.map((step) => [step.id, canonicalJson(step)]));
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => key !== 'steps') as (keyof WorkflowDefinition)[];
  return {
    steps: {
      added: [...now.keys()].filter((id) => !old.has(id)),
      removed: [...old.keys()].filter((id) => !now.has(id)),
      changed: [...now].filter(([id, text]) => old.has(id) && old.get(id) !== text).map(([id]) => id),
    },
    changed_fields: fields.filter((key) => canonicalJson(before[key]) !== canonicalJson(after[key])),
  };
}
