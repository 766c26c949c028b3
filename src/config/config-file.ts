// Owns finding and reading a config file: one file acts, and reading a data file never runs anything.
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LogisticsError } from '../domain/errors.ts';

export const CONFIG_FILE_NAMES = ['logistics.config.yaml', 'logistics.config.yml', 'logistics.config.json', 'logistics.config.mjs'] as const;
const MAX_BYTES = 1_048_576;
const MAX_ALIASES = 100;

/** The folder and all above it, nearest first. */
export function foldersUpwards(from: string): string[] {
  const folders = [from];
  for (let at = from; dirname(at) !== at; ) {
    at = dirname(at);
    folders.push(at);
  }
  return folders;
}

/** The config file of one folder; two of them are refused, because one would silently not act. */
export function configFileIn(folder: string): string | undefined {
  const found = CONFIG_FILE_NAMES.filter((name) => existsSync(join(folder, name)));
  if (found.length > 1) {
    throw new LogisticsError('invalid_input', `The folder ${folder} holds several config files: ${found.join(', ')}.`, {
      path: folder,
      expected: 'one config file per folder',
      nextActions: ['Keep one of them, or name one with --config.'],
    });
  }
  return found[0] === undefined ? undefined : join(folder, found[0]);
}

/** True when reading the file means running it. */
export function isCodeFile(path: string): boolean {
  return extname(path).toLowerCase() === '.mjs';
}

/** The raw content of a config file. A `.mjs` file is executed: ask for trust first. Throws not_found, invalid_input, limit_exceeded. */
export async function readConfigFile(path: string): Promise<unknown> {
  const extension = extname(path).toLowerCase();
  if (!['.yaml', '.yml', '.json', '.mjs'].includes(extension)) {
    throw fileError(path, 'its name does not end in .yaml, .yml, .json or .mjs');
  }
  const text = await readText(path);
  if (extension === '.mjs') return importDefault(path);
  return extension === '.json' ? parseJson(path, text) : parseYaml(path, text);
}

async function readText(path: string): Promise<string> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new LogisticsError('not_found', `The config file ${path} ${cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`}.`, {
      path,
      nextActions: ['Correct the path given with --config.'],
      cause,
    });
  });
  if (!found.isFile()) throw fileError(path, 'it is not a regular file');
  if (found.size > MAX_BYTES) throw new LogisticsError('limit_exceeded', `The config file ${path} is larger than 1 MiB.`, { path });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    throw fileError(path, reason === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8 text' : `it cannot be read (${reason})`, cause);
  }
}

async function parseYaml(path: string, text: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  // With logLevel silent the parser would drop a second document without a word.
  const document = parseDocument(text, { logLevel: 'error', uniqueKeys: true, merge: false });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0)
    throw fileError(
      path,
      problems
        .slice(0, 5)
        .map((problem) => problem.message.split('\n')[0]?.replace(/:$/, ''))
        .join('; '),
    );
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
  } catch (cause) {
    throw fileError(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // V8 quotes a piece of the text, which may hold a token; only the place is passed on.
    const place = /position \d+(?: \(line \d+ column \d+\))?/.exec((cause as Error).message)?.[0];
    throw fileError(path, `it is not valid JSON${place === undefined ? '' : ` at ${place}`}`);
  }
}

async function importDefault(path: string): Promise<unknown> {
  let loaded: { readonly default?: unknown };
  try {
    // The time of the last change makes an edited file a new module.
    const { mtimeMs } = await stat(path);
    loaded = (await import(/* @vite-ignore */ `${pathToFileURL(path).href}?changed=${mtimeMs}`)) as typeof loaded;
  } catch (cause) {
    throw fileError(path, `it failed while it was loaded: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  const value = loaded.default;
  if (typeof value !== 'object' || value === null) throw fileError(path, 'it has no default export that is an object');
  return value;
}

function fileError(path: string, fault: string, cause?: unknown): LogisticsError {
  return new LogisticsError('invalid_input', `The config file ${path} cannot be used: ${fault}.`, {
    path,
    expected: 'a YAML or JSON map, or a module with a default export',
    ...(cause === undefined ? {} : { cause }),
  });
}
