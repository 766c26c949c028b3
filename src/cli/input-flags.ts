// Owns how values come from the command line: `k=v` pairs, JSON texts and files.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DURATION_EXPECTED, parseDuration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { parseDefinitionText } from '../orchestration/definition-source.ts';

/** The input of a run: a file's content, with pairs on top. `schema` says which pairs stay text. */
export async function readInput(
  pairs: readonly string[] | undefined,
  file: string | undefined,
  schema: JsonObject | undefined,
  cwd: string,
): Promise<JsonObject> {
  const base = file === undefined ? {} : await readInputFile(file, cwd);
  return { ...base, ...fromPairs(pairs ?? [], schema) };
}

function fromPairs(pairs: readonly string[], schema: JsonObject | undefined): JsonObject {
  const properties = isJsonObject(schema?.properties) ? schema.properties : {};
  const input: Record<string, Json> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at <= 0) {
      throw new LogisticsError('invalid_input', `${JSON.stringify(pair)} is no input.`, {
        path: '--input',
        expected: 'key=value, for example --input repo=acme/site',
        nextActions: ['Write the file or name before --input, and each value as key=value.'],
      });
    }
    const key = pair.slice(0, at);
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
    const value = pair.slice(at + 1);
    Object.defineProperty(input, key, {
      value: isJsonObject(property) && property.type === 'string' ? value : jsonOrText(value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return input;
}

/** Numbers, booleans, lists and objects as JSON writes them; all else is text. */
function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

async function readInputFile(file: string, cwd: string): Promise<JsonObject> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new LogisticsError(cause.code === 'ENOENT' ? 'not_found' : 'invalid_input', `The input file ${file} cannot be read (${cause.code ?? 'unknown'}).`, {
      path: '--input-file',
      nextActions: ['Correct the path.'],
      cause,
    });
  });
  const { value, faults } = parseDefinitionText(text);
  if (faults.length === 0 && isJsonObject(value)) return value;
  throw new LogisticsError('invalid_input', `The input file ${file} is no JSON or YAML object.`, {
    path: '--input-file',
    expected: 'an object such as {"repo": "acme/site"}',
    details: { faults: faults as never },
  });
}

/** A JSON value typed on the command line. */
export function parseJsonFlag(text: string, flag: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const place = /position \d+/.exec((cause as Error).message)?.[0];
    throw new LogisticsError('invalid_input', `The value of ${flag} is not JSON${place === undefined ? '' : ` (at ${place})`}.`, {
      path: flag,
      expected: `JSON in quotes, for example '{"value": 1}'`,
      nextActions: ['Put single quotes around the JSON, double quotes around its texts.'],
      cause,
    });
  }
}

/** Milliseconds of a flag such as `--timeout 30s`. */
export function parseDurationFlag(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new LogisticsError('invalid_input', `${JSON.stringify(text)} is no duration.`, {
      path: flag,
      expected: DURATION_EXPECTED,
      nextActions: [`Write for example ${flag} 30s.`],
    });
  return ms;
}
