// Owns the words for what a JSON Schema refuses: the path, what was expected, and what was perhaps meant.
import type { ErrorObject } from 'ajv';
import { FaultList } from '../domain/definition-faults.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { join, joinAll } from '../domain/source-path.ts';
import type { DefinitionFault } from '../domain/workflow-definition.ts';

const MAX_FAULTS = 100;
const NAMES_SHOWN = 20;

/** What is wrong with a value, with paths from `base`. */
export function valueFaults(errors: readonly ErrorObject[], base: string): DefinitionFault[] {
  const faults = new FaultList();
  for (const error of errors.slice(0, MAX_FAULTS)) addValueFault(error, base, faults);
  return faults.all();
}

/** What is wrong with the schema itself. */
export function schemaFaults(errors: readonly ErrorObject[], { base, what }: { readonly base: string; readonly what: string }): DefinitionFault[] {
  const faults = new FaultList();
  for (const error of errors.slice(0, MAX_FAULTS)) {
    const allowed = error.keyword === 'enum' ? texts(error.params.allowedValues) : [];
    const expected = allowed.length === 0 ? undefined : `one of ${allowed.join(', ')}`;
    const near = typeof error.data === 'string' ? faults.near(error.data, allowed) : [];
    faults.add(pathOf(error, base), 'invalid_definition', `The ${what} schema is not valid: it ${error.message ?? 'is wrong'}.`, { expected, near });
  }
  return faults.all();
}

function addValueFault(error: ErrorObject, base: string, faults: FaultList): void {
  const path = pathOf(error, base);
  const { params } = error as { readonly params: Readonly<Record<string, unknown>> };
  const add = (at: string, message: string, expected?: string, near?: readonly string[]): void => faults.add(at, 'invalid_input', message, { expected, near });
  switch (error.keyword) {
    case 'required': {
      const name = String(params.missingProperty);
      return add(join(path, name), 'It is required, and not given.', described(error, name));
    }
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      const known = Object.keys(properties(error));
      const near = faults.near(name, known);
      return add(
        join(path, name),
        'There is no such field.',
        known.length === 0 || near.length > 0 ? undefined : `one of ${known.slice(0, NAMES_SHOWN).join(', ')}`,
        near,
      );
    }
    case 'enum': {
      const allowed = Array.isArray(params.allowedValues) ? params.allowedValues : [];
      const shown = allowed.slice(0, NAMES_SHOWN).map((value) => JSON.stringify(value));
      const near = typeof error.data === 'string' ? faults.near(error.data, texts(allowed)) : [];
      return add(path, 'It is none of the allowed values.', `one of ${shown.join(', ')}`, near);
    }
    case 'type':
      return add(path, `It is ${kindOf(error.data)}.`, [params.type].flat().join(' or '));
    case 'const':
      return add(path, 'It is another value.', JSON.stringify(params.allowedValue));
    case 'format':
      return add(path, 'It has another format.', String(params.format));
    case 'pattern':
      return add(path, 'It does not match its pattern.', String(params.pattern));
    default:
      return add(path, `It ${error.message ?? 'does not fit'}.`);
  }
}

function pathOf(error: ErrorObject, base: string): string {
  const parts = error.instancePath.split('/').slice(1);
  const names = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')));
  return joinAll(base, names);
}

function properties(error: ErrorObject): JsonObject {
  const known: unknown = error.parentSchema?.properties;
  return isJsonObject(known) ? known : {};
}

/** What the schema says about a property that is missing. */
function described(error: ErrorObject, name: string): string | undefined {
  const own = properties(error);
  const property = Object.hasOwn(own, name) ? own[name] : undefined;
  if (!isJsonObject(property)) return undefined;
  const type = texts([property.type].flat()).join(' or ');
  const text = typeof property.description === 'string' ? property.description.slice(0, 200) : '';
  return [type, text].filter((part) => part !== '').join(': ') || undefined;
}

function texts(values: unknown): string[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
