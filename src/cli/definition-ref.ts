// Owns how a command names a workflow: a file when there is one or the name looks like one, else the name of a stored workflow.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { definitionError } from '../domain/definition-faults.ts';
import { LogisticsError } from '../domain/errors.ts';
import { isJsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { DefinitionFault, StoredDefinition } from '../domain/workflow-definition.ts';
import { MAX_SOURCE_BYTES, parseDefinitionText } from '../orchestration/definition-source.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';

export const DEFINITION_EXTENSIONS: readonly string[] = ['.yaml', '.yml', '.json'];

export interface DefinitionFile {
  readonly file: string;
  /** What the text says; a definition without a name is named after its file. Undefined when there are faults. */
  readonly value: unknown;
  readonly faults: readonly DefinitionFault[];
}

export type DefinitionRef = ({ readonly kind: 'file' } & DefinitionFile) | { readonly kind: 'name'; readonly name: string };

export async function resolveDefinition(text: string, cwd: string): Promise<DefinitionRef> {
  const looksLikeFile = DEFINITION_EXTENSIONS.includes(extname(text).toLowerCase()) || /[\\/]/.test(text);
  const isFile = await stat(resolve(cwd, text)).then(
    (found) => found.isFile(),
    () => false,
  );
  return looksLikeFile || isFile ? { kind: 'file', ...(await readDefinition(text, cwd)) } : { kind: 'name', name: text };
}

/** The error for a file with faults: all of them, and how to look again. */
export function fileFaults(file: string, faults: readonly DefinitionFault[]): LogisticsError {
  const { code, message, path, expected, nearMatches: near, details } = definitionError(faults, file);
  return new LogisticsError(code, message, {
    path,
    expected,
    nearMatches: near,
    details,
    nextActions: [`Correct ${file}, then run: logistics-mcp validate ${file}`],
  });
}

/** A stored workflow by its name; the error says how to get there from a command line. */
export function requireStored(engine: OrchestrationEngine, name: string): StoredDefinition {
  try {
    return engine.workflows.require(name);
  } catch (error) {
    if (!(error instanceof LogisticsError) || error.code !== 'not_found') throw error;
    throw new LogisticsError('not_found', `There is no file and no stored workflow ${name}.`, {
      path: 'file|name',
      nearMatches: error.nearMatches,
      nextActions: ['Give the path of a .yaml or .json file, or run: logistics-mcp list workflows'],
    });
  }
}

/** Throws not_found, invalid_input or limit_exceeded for a file that cannot be read; faults of its text are data. */
export async function readDefinition(file: string, cwd: string): Promise<DefinitionFile> {
  const path = resolve(cwd, file);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    const near = nearMatches(basename(path), await readdir(dirname(path)).catch(() => []));
    throw new LogisticsError('not_found', `There is no file ${file}.`, {
      path: file,
      nearMatches: near.map((name) => join(dirname(file), name)),
      nextActions: ['Correct the path.'],
    });
  }
  if (!found.isFile()) throw new LogisticsError('invalid_input', `${file} is not a file.`, { path: file, expected: 'a YAML or JSON file' });
  if (found.size > MAX_SOURCE_BYTES)
    throw new LogisticsError('limit_exceeded', `${file} has ${found.size} bytes.`, { path: file, expected: `at most ${MAX_SOURCE_BYTES}` });
  const text = await readText(path, file);
  const parsed = parseDefinitionText(text, extname(path).toLowerCase() === '.json' ? 'json' : 'auto');
  return { file, value: named(parsed.value, basename(path, extname(path))), faults: parsed.faults };
}

async function readText(path: string, file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    const why = cause instanceof TypeError ? 'it is not UTF-8 text' : `it cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`;
    throw new LogisticsError('invalid_input', `${file} cannot be used: ${why}.`, { path: file, expected: 'a YAML or JSON file', cause });
  }
}

function named(value: unknown, stem: string): unknown {
  if (!isJsonObject(value) || Object.hasOwn(value, 'name')) return value;
  const name = stem.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z_]+/, '');
  return name === '' ? value : { name, ...value };
}
