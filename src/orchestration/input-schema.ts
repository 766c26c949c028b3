// Owns checking the input of a workflow against its JSON Schema: compiled once per definition, bounded, defaults filled in.
import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import { join, joinAll } from '../domain/source-path.ts';
import type { DefinitionFault } from '../domain/workflow-definition.ts';

export const MAX_SCHEMA_BYTES = 256 * 1024;
/** Patterns run on the host's own regular expressions, which can take exponential time; short ones bound the damage only. */
export const MAX_PATTERN = 500;
const MAX_COMPILED = 500;
const MAX_FAULTS = 100;
const EXAMPLE = '{type: object, properties: {repo: {type: string}}, required: [repo]}';

const KEYWORDS = new Set(
  ('$schema $id $ref $defs $comment $anchor $dynamicRef $dynamicAnchor definitions type properties required additionalProperties patternProperties ' +
    'propertyNames minProperties maxProperties dependencies dependentRequired dependentSchemas unevaluatedProperties allOf anyOf oneOf not if then else ' +
    'enum const title description default examples deprecated readOnly writeOnly').split(' '),
);

type Ajv = import('ajv').Ajv;

const compiled = new Map<string, ValidateFunction>();
const instances = new Map<'draft-07' | '2020-12', Ajv>();

export interface CheckedInput {
  /** The input with defaults filled in; the given one when there are faults. */
  readonly input: JsonObject;
  readonly faults: readonly DefinitionFault[];
}

/** Checks and completes an input. `hash` is the hash of the definition that the schema belongs to. */
export function checkInput(hash: string, schema: JsonObject | undefined, input: JsonObject): CheckedInput {
  if (schema === undefined) return { input, faults: [] };
  const outcome = compile(hash, schema);
  if (!('validate' in outcome)) return { input, faults: outcome.faults };
  const { validate } = outcome;
  const copy = structuredClone(input) as JsonObject;
  try {
    if (validate(copy)) return { input: copy, faults: [] };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { input, faults: [fault('input', 'The input schema refers to itself without end.')] };
  }
  return { input, faults: (validate.errors ?? []).slice(0, MAX_FAULTS).map(inputFault) };
}

/** What is wrong with the schema itself; paths start at `input`. */
export function checkInputSchema(schema: JsonObject): DefinitionFault[] {
  const outcome = compile(undefined, schema);
  return 'faults' in outcome ? [...outcome.faults] : [];
}

type Compiled = { readonly validate: ValidateFunction } | { readonly faults: readonly DefinitionFault[] };

function compile(hash: string | undefined, schema: JsonObject): Compiled {
  const known = hash === undefined ? undefined : compiled.get(hash);
  if (known !== undefined) return { validate: known };
  const faults = shapeFaults(schema);
  if (faults.length > 0) return { faults };
  const ajv = instance(schema.$schema === undefined || /2020-12/.test(String(schema.$schema)) ? '2020-12' : 'draft-07');
  try {
    if (ajv.validateSchema(schema) !== true) return { faults: (ajv.errors ?? []).slice(0, MAX_FAULTS).map(schemaFault) };
    const validate = ajv.compile(schema);
    if (hash !== undefined) remember(hash, validate);
    return { validate };
  } catch (error) {
    return { faults: [fault('input', `The input schema cannot be used: ${error instanceof Error ? error.message : String(error)}.`)] };
  } finally {
    // ajv keeps every schema object it has seen.
    ajv.removeSchema(schema);
  }
}

function remember(hash: string, validate: ValidateFunction): void {
  const [oldest] = compiled.keys();
  if (compiled.size >= MAX_COMPILED && oldest !== undefined) compiled.delete(oldest);
  compiled.set(hash, validate);
}

/** ajv takes 20 ms to load: only a definition with a schema pays for it. */
function instance(draft: 'draft-07' | '2020-12'): Ajv {
  const known = instances.get(draft);
  if (known !== undefined) return known;
  const load = createRequire(import.meta.url);
  const { Ajv } = load('ajv') as typeof import('ajv');
  const { Ajv2020 } = load('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  const { default: addFormats } = load('ajv-formats') as typeof import('ajv-formats');
  const options = { strict: false, allErrors: true, useDefaults: true, verbose: true, addUsedSchema: false, logger: false, ownProperties: true } as const;
  const ajv: Ajv = draft === '2020-12' ? (new Ajv2020(options) as unknown as Ajv) : new Ajv(options);
  (addFormats as unknown as (target: Ajv) => void)(ajv);
  instances.set(draft, ajv);
  return ajv;
}

function shapeFaults(schema: JsonObject): DefinitionFault[] {
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES) {
    return [fault('input', 'The input schema is too large.', `at most ${MAX_SCHEMA_BYTES / 1024} KiB`, 'limit_exceeded')];
  }
  const faults: DefinitionFault[] = [];
  const { $schema, type } = schema;
  if ($schema !== undefined && !/^https?:\/\/json-schema\.org\/(draft\/2020-12|draft-07)\/schema#?$/.test(String($schema))) {
    faults.push(fault('input.$schema', 'This version of JSON Schema is not available.', '2020-12 or draft-07', 'not_available'));
  }
  if (type !== undefined && type !== 'object') faults.push(fault('input.type', 'The input of a workflow is an object.', 'type: object'));
  const keys = Object.keys(schema);
  if (keys.length > 0 && !keys.some((key) => KEYWORDS.has(key))) {
    faults.push(fault('input', `This is no JSON Schema: ${keys.slice(0, 5).join(', ')} mean nothing in one.`, EXAMPLE));
  }
  walk(schema, 'input', faults);
  return faults;
}

/** Long patterns, and `$async`, which would turn the check into a promise. */
function walk(value: Json, path: string, faults: DefinitionFault[]): void {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) walk(item, `${path}[${i}]`, faults);
    return;
  }
  if (!isJsonObject(value)) return;
  const patterns = isJsonObject(value.patternProperties) ? Object.keys(value.patternProperties) : [];
  if (typeof value.pattern === 'string') patterns.push(value.pattern);
  if (patterns.some((pattern) => pattern.length > MAX_PATTERN)) {
    faults.push(fault(path, 'A pattern is too long.', `at most ${MAX_PATTERN} characters`, 'limit_exceeded'));
  }
  if (value.$async !== undefined) faults.push(fault(join(path, '$async'), 'Asynchronous schemas are not available.', undefined, 'not_available'));
  for (const [key, member] of Object.entries(value)) walk(member, join(path, key), faults);
}

function schemaFault(error: ErrorObject): DefinitionFault {
  const allowed = error.keyword === 'enum' ? (error.params as { allowedValues?: unknown[] }).allowedValues : undefined;
  const near = typeof error.data === 'string' && allowed !== undefined ? nearMatches(error.data, allowed.filter((value) => typeof value === 'string')) : [];
  return {
    ...fault(at(error), `The input schema is not valid: it ${error.message ?? 'is wrong'}.`, allowed === undefined ? undefined : `one of ${allowed.join(', ')}`),
    ...(near.length === 0 ? {} : { nearMatches: near }),
  };
}

function at(error: ErrorObject): string {
  const parts = error.instancePath.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return joinAll('input', parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part)));
}

function inputFault(error: ErrorObject): DefinitionFault {
  const path = at(error);
  const params = error.params as Readonly<Record<string, unknown>>;
  const code = 'invalid_input';
  switch (error.keyword) {
    case 'required':
      return fault(join(path, String(params.missingProperty)), 'It is required, and not given.', describe(error, String(params.missingProperty)), code);
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
      const near = nearMatches(name, known);
      const expected = known.length === 0 || near.length > 0 ? undefined : `one of ${known.slice(0, 20).join(', ')}`;
      return { ...fault(join(path, name), 'There is no such field.', expected, code), ...(near.length === 0 ? {} : { nearMatches: near }) };
    }
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]) ?? [];
      const near = typeof error.data === 'string' ? nearMatches(error.data, allowed.filter((value) => typeof value === 'string')) : [];
      const expected = `one of ${allowed.slice(0, 20).map((value) => JSON.stringify(value)).join(', ')}`;
      return { ...fault(path, 'It is none of the allowed values.', expected, code), ...(near.length === 0 ? {} : { nearMatches: near }) };
    }
    case 'type':
      return fault(path, `It is ${kindOf(error.data)}.`, [params.type].flat().join(' or '), code);
    case 'const':
      return fault(path, 'It is another value.', JSON.stringify(params.allowedValue), code);
    case 'format':
      return fault(path, 'It has another format.', String(params.format), code);
    case 'pattern':
      return fault(path, 'It does not match its pattern.', String(params.pattern), code);
    default:
      return fault(path, `It ${error.message ?? 'does not fit'}.`, undefined, code);
  }
}

/** What the schema says about a property that is missing. */
function describe(error: ErrorObject, name: string): string | undefined {
  const property = (error.parentSchema?.properties as JsonObject | undefined)?.[name];
  if (!isJsonObject(property)) return undefined;
  const type = [property.type].flat().filter((part) => typeof part === 'string').join(' or ');
  const text = typeof property.description === 'string' ? property.description.slice(0, 200) : '';
  return [type, text].filter((part) => part !== '').join(': ') || undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function fault(path: string, message: string, expected?: string, code = 'invalid_definition'): DefinitionFault {
  return { path, code, message, ...(expected === undefined ? {} : { expected }) };
}
