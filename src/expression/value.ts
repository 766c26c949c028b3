// Owns the kinds of JSON values as the language names them, and making objects whatever their keys are called.
import type { Json, JsonObject } from '../domain/json.ts';

export type Kind = 'null' | 'bool' | 'number' | 'string' | 'list' | 'object';

export function kindOf(value: Json): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
      return 'number';
    case 'string':
      return 'string';
    default:
      return 'object';
  }
}

export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** An object of own members; `__proto__` becomes a plain member, never the prototype. */
export function objectOf(entries: Iterable<readonly [string, Json]>): JsonObject {
  const result: Record<string, Json> = {};
  for (const [key, value] of entries) {
    if (key === '__proto__') Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
    else result[key] = value;
  }
  return result;
}
