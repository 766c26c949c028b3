// Owns checking the input of a workflow against its JSON Schema: compiled once per definition, bounded, defaults filled in.
import { createRequire } from 'node:module';
import type { Ajv, ValidateFunction } from 'ajv';
import { FaultList } from '../domain/definition-faults.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { join } from '../domain/source-path.ts';
import type { DefinitionFault } from '../domain/workflow-definition.ts';
import { inputFaults, schemaFaults } from './schema-faults.ts';

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

type Draft = 'draft-07' | '2020-12';

const compiled = new Map<string, ValidateFunction>();
const instances = new Map<Draft, Ajv>();

export interface CheckedInput {
  /** The input with defaults filled in; the given one when there are faults. */
  readonly input: JsonObject;
  readonly faults: readonly DefinitionFault[];
}

/** Checks and completes an input. `hash` is the hash of the definition that the schema belongs to. */
export function checkInput(hash: string, schema: JsonObject | undefined, input: JsonObject): CheckedInput {
  if (schema === undefined) return { input, faults: [] };
  const outcome = compile(hash, schema);
  if ('faults' in outcome) return { input, faults: outcome.faults };
  const { validate } = outcome;
  const copy = structuredClone(input) as JsonObject;
  try {
    if (validate(copy)) return { input: copy, faults: [] };
    return { input, faults: inputFaults(validate.errors ?? []) };
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
  const outcome = compile(undefined, schema);
  return 'faults' in outcome ? outcome.faults : [];
}

function compile(hash: string | undefined, schema: JsonObject): { readonly validate: ValidateFunction } | { readonly faults: readonly DefinitionFault[] } {
  const known = hash === undefined ? undefined : compiled.get(hash);
  if (known !== undefined) return { validate: known };
  const faults = new FaultList();
  checkShape(schema, faults);
  if (faults.size > 0) return { faults: faults.all() };
  // Which draft is meant is known by now; the address itself has more spellings than ajv knows.
  const { $schema, ...body } = schema;
  const ajv = instance(String($schema).includes('draft-07') ? 'draft-07' : '2020-12');
  try {
    if (ajv.validateSchema(body) !== true) return { faults: schemaFaults(ajv.errors ?? []) };
    const validate = ajv.compile(body);
    if (hash !== undefined) remember(hash, validate);
    return { validate };
  } catch (error) {
    faults.add('input', 'invalid_definition', `The input schema cannot be used: ${error instanceof Error ? error.message : String(error)}.`);
    return { faults: faults.all() };
  } finally {
    // ajv keeps every schema it has seen.
    ajv.removeSchema(body);
  }
}

function remember(hash: string, validate: ValidateFunction): void {
  const [oldest] = compiled.keys();
  if (compiled.size >= MAX_COMPILED && oldest !== undefined) compiled.delete(oldest);
  compiled.set(hash, validate);
}

/** ajv takes 20 ms to load: only a definition with a schema pays for it. */
function instance(draft: Draft): Ajv {
  const known = instances.get(draft);
  if (known !== undefined) return known;
  const load = createRequire(import.meta.url);
  const options = { strict: false, allErrors: true, useDefaults: true, verbose: true, addUsedSchema: false, logger: false, ownProperties: true } as const;
  const ajv: Ajv =
    draft === '2020-12'
      ? (new (load('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')).Ajv2020(options) as unknown as Ajv)
      : new (load('ajv') as typeof import('ajv')).Ajv(options);
  const { default: addFormats } = load('ajv-formats') as typeof import('ajv-formats');
  (addFormats as unknown as (target: Ajv) => void)(ajv);
  instances.set(draft, ajv);
  return ajv;
}

function checkShape(schema: JsonObject, faults: FaultList): void {
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES) {
    faults.add('input', 'limit_exceeded', 'The input schema is too large.', { expected: `at most ${MAX_SCHEMA_BYTES / 1024} KiB` });
    return;
  }
  const { $schema, type } = schema;
  if ($schema !== undefined && !/^https?:\/\/json-schema\.org\/(draft\/2020-12|draft-07)\/schema#?$/.test(String($schema))) {
    faults.add('input.$schema', 'not_available', 'This version of JSON Schema is not available.', { expected: '2020-12 or draft-07' });
  }
  if (type !== undefined && type !== 'object')
    faults.add('input.type', 'invalid_definition', 'The input of a workflow is an object.', { expected: 'type: object' });
  const keys = Object.keys(schema);
  if (keys.length > 0 && !keys.some((key) => KEYWORDS.has(key))) {
    faults.add('input', 'invalid_definition', `This is no JSON Schema: ${keys.slice(0, 5).join(', ')} mean nothing in one.`, { expected: EXAMPLE });
  }
  checkInside(schema, 'input', faults);
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
