// Owns checking values against a JSON Schema: the input of a workflow, with defaults filled in, and outputs; compiled once, bounded.
import { createRequire } from 'node:module';
import type { Ajv, ValidateFunction } from 'ajv';
import { FaultList } from '../domain/definition-faults.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { join } from '../domain/source-path.ts';
import type { DefinitionFault } from '../domain/workflow-definition.ts';
import { schemaFaults, valueFaults } from './schema-faults.ts';

export const MAX_SCHEMA_BYTES = 256 * 1024;
/** Patterns run on the host's own regular expressions, which can take exponential time; this bounds their size, not their time. */
export const MAX_PATTERN = 500;
const MAX_COMPILED = 500;
const EXAMPLE = '{type: object, properties: {repo: {type: string}}, required: [repo]}';

const KEYWORDS = new Set(
  (
    '$schema $id $ref $defs $comment $anchor $dynamicRef $dynamicAnchor definitions type properties required additionalProperties patternProperties ' +
    'propertyNames minProperties maxProperties dependencies dependentRequired dependentSchemas unevaluatedProperties allOf anyOf oneOf not if then else ' +
    'enum const title description default examples deprecated readOnly writeOnly'
  ).split(' '),
);

/** What a schema of any value may hold beside these. */
const VALUE_KEYWORDS = new Set(
  'items prefixItems contains minItems maxItems uniqueItems minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf'.split(
    ' ',
  ),
);

type Draft = 'draft-07' | '2020-12';

/** Whose schema it is: an input is an object and gets its defaults, an output is any value and stays as it is. */
interface Use {
  /** Where its paths begin. */
  readonly base: string;
  readonly what: 'input' | 'output';
}

const INPUT: Use = { base: 'input', what: 'input' };
const OUTPUT: Use = { base: 'output', what: 'output' };

const compiled = new Map<string, ValidateFunction>();
const instances = new Map<string, Ajv>();

export interface CheckedInput {
  /** The input with defaults filled in; the given one when there are faults. */
  readonly input: JsonObject;
  readonly faults: readonly DefinitionFault[];
}

/** Checks and completes an input. `hash` is the hash of the definition that the schema belongs to. */
export function checkInput(hash: string, schema: JsonObject | undefined, input: JsonObject): CheckedInput {
  if (schema === undefined) return { input, faults: [] };
  const outcome = compile(`input ${hash}`, schema, INPUT);
  if ('faults' in outcome) return { input, faults: outcome.faults };
  const { validate } = outcome;
  const copy = structuredClone(input) as JsonObject;
  try {
    if (validate(copy)) return { input: copy, faults: [] };
    return { input, faults: valueFaults(validate.errors ?? [], 'input') };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { input, faults: [{ path: 'input', code: 'invalid_definition', message: 'The input schema refers to itself without end.' }] };
  } finally {
    // The errors hold the whole input.
    validate.errors = null;
  }
}

/** What is wrong with the schema itself; paths start at `input`. */
export function checkInputSchema(schema: JsonObject): readonly DefinitionFault[] {
  const outcome = compile(undefined, schema, INPUT);
  return 'faults' in outcome ? outcome.faults : [];
}

/** The same for the schema of an output; paths start at `base`. */
export function checkOutputSchema(schema: JsonObject, base: string): readonly DefinitionFault[] {
  const outcome = compile(undefined, schema, { ...OUTPUT, base });
  return 'faults' in outcome ? outcome.faults : [];
}

/** Where an output differs from its schema; `key` names the schema. Paths start at `output`. */
export function checkOutput(schema: JsonObject, key: string, output: Json): readonly DefinitionFault[] {
  const outcome = compile(`output ${key}`, schema, OUTPUT);
  if ('faults' in outcome) return outcome.faults;
  const { validate } = outcome;
  try {
    return validate(output) ? [] : valueFaults(validate.errors ?? [], 'output');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [{ path: 'output', code: 'invalid_definition', message: 'The output schema refers to itself without end.' }];
  } finally {
    validate.errors = null;
  }
}

function compile(
  key: string | undefined,
  schema: JsonObject,
  use: Use,
): { readonly validate: ValidateFunction } | { readonly faults: readonly DefinitionFault[] } {
  const known = key === undefined ? undefined : compiled.get(key);
  if (known !== undefined) return { validate: known };
  const faults = new FaultList();
  checkShape(schema, use, faults);
  if (faults.size > 0) return { faults: faults.all() };
  // Which draft is meant is known by now; the address itself has more spellings than ajv knows.
  const { $schema, ...body } = schema;
  const ajv = instance(String($schema).includes('draft-07') ? 'draft-07' : '2020-12', use.what === 'input');
  try {
    if (ajv.validateSchema(body) !== true) return { faults: schemaFaults(ajv.errors ?? [], use) };
    const validate = ajv.compile(body);
    if (key !== undefined) remember(key, validate);
    return { validate };
  } catch (error) {
    faults.add(use.base, 'invalid_definition', `The ${use.what} schema cannot be used: ${error instanceof Error ? error.message : String(error)}.`);
    return { faults: faults.all() };
  } finally {
    // ajv keeps every schema it has seen.
    ajv.removeSchema(body);
  }
}

function remember(key: string, validate: ValidateFunction): void {
  const [oldest] = compiled.keys();
  if (compiled.size >= MAX_COMPILED && oldest !== undefined) compiled.delete(oldest);
  compiled.set(key, validate);
}

/** ajv takes 20 ms to load: only a definition with a schema pays for it. */
function instance(draft: Draft, useDefaults: boolean): Ajv {
  const name = `${draft} ${useDefaults}`;
  const known = instances.get(name);
  if (known !== undefined) return known;
  const load = createRequire(import.meta.url);
  const options = { strict: false, allErrors: true, useDefaults, verbose: true, addUsedSchema: false, logger: false, ownProperties: true } as const;
  const ajv: Ajv =
    draft === '2020-12'
      ? (new (load('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')).Ajv2020(options) as unknown as Ajv)
      : new (load('ajv') as typeof import('ajv')).Ajv(options);
  const { default: addFormats } = load('ajv-formats') as typeof import('ajv-formats');
  (addFormats as unknown as (target: Ajv) => void)(ajv);
  instances.set(name, ajv);
  return ajv;
}

function checkShape(schema: JsonObject, { base, what }: Use, faults: FaultList): void {
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES) {
    faults.add(base, 'limit_exceeded', `The ${what} schema is too large.`, { expected: `at most ${MAX_SCHEMA_BYTES / 1024} KiB` });
    return;
  }
  const { $schema, type } = schema;
  if ($schema !== undefined && !/^https?:\/\/json-schema\.org\/(draft\/2020-12|draft-07)\/schema#?$/.test(String($schema))) {
    faults.add(`${base}.$schema`, 'not_available', 'This version of JSON Schema is not available.', { expected: '2020-12 or draft-07' });
  }
  if (what === 'input' && type !== undefined && type !== 'object')
    faults.add(`${base}.type`, 'invalid_definition', 'The input of a workflow is an object.', { expected: 'type: object' });
  const keys = Object.keys(schema);
  if (keys.length > 0 && !keys.some((key) => KEYWORDS.has(key) || (what === 'output' && VALUE_KEYWORDS.has(key)))) {
    faults.add(base, 'invalid_definition', `This is no JSON Schema: ${keys.slice(0, 5).join(', ')} mean nothing in one.`, { expected: EXAMPLE });
  }
  checkInside(schema, base, faults);
}

/** Long patterns, and `$async`, which would turn the check into a promise. */
function checkInside(value: Json, path: string, faults: FaultList): void {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) checkInside(item, `${path}[${i}]`, faults);
  if (!isJsonObject(value)) return;
  const patterns = isJsonObject(value.patternProperties) ? Object.keys(value.patternProperties) : [];
  if (typeof value.pattern === 'string') patterns.push(value.pattern);
  if (patterns.some((pattern) => pattern.length > MAX_PATTERN)) {
    faults.add(path, 'limit_exceeded', 'A pattern is too long.', { expected: `at most ${MAX_PATTERN} characters` });
  }
  if (value.$async !== undefined) faults.add(join(path, '$async'), 'not_available', 'Asynchronous schemas are not available.');
  for (const [key, member] of Object.entries(value)) checkInside(member, join(path, key), faults);
}
