// Owns reading one written object: each field once, under any of its spellings, and nothing that nobody knows.
import type { FaultExtra, FaultList } from './definition-faults.ts';
import { DURATION_EXPECTED, parseDuration } from './duration.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { join, type SourcePaths } from './source-path.ts';

/** A field that was written: under which key, where, and what. */
export interface Field {
  readonly key: string;
  readonly path: string;
  readonly value: Json;
}

/**
 * Reads an object field by field. A field that is null counts as not written. Wrong types are faults and read as
 * undefined, so that one pass finds all faults.
 */
export class FieldReader {
  readonly #known: string[] = [];

  readonly raw: JsonObject;
  /** Where the object was written, and where it stands in the normal form. */
  readonly path: string;
  readonly normalPath: string;
  readonly faults: FaultList;
  readonly paths: SourcePaths;

  constructor(raw: JsonObject, path: string, normalPath: string, faults: FaultList, paths: SourcePaths) {
    this.raw = raw;
    this.path = path;
    this.normalPath = normalPath;
    this.faults = faults;
    this.paths = paths;
  }

  /** The field under the first of its spellings; two spellings at once are a fault. */
  take(...spellings: readonly [string, ...string[]]): Field | undefined {
    this.#known.push(...spellings);
    const written = spellings.filter((key) => Object.hasOwn(this.raw, key) && this.raw[key] !== null);
    const [key, other] = written;
    if (key === undefined) return undefined;
    if (other !== undefined) this.fault(this.at(other), `${key} and ${other} are two spellings of one field; keep one of them.`);
    const path = this.at(key);
    this.paths.set(join(this.normalPath, spellings[0]), path);
    return { key, path, value: this.raw[key] as Json };
  }

  /** After all fields are taken: every other key is a fault, refused by name where the reason is known. */
  finish(refused: Readonly<Record<string, string>> = {}): void {
    for (const key of Object.keys(this.raw)) {
      if (this.#known.includes(key)) continue;
      if (Object.hasOwn(refused, key)) this.faults.add(this.at(key), 'not_available', refused[key] as string);
      else {
        const near = this.faults.near(key, this.#known);
        const expected = near.length > 0 ? undefined : `one of ${this.#known.join(', ')}`;
        this.faults.add(this.at(key), 'invalid_definition', `There is no field ${key} here.`, { expected, near });
      }
    }
  }

  at(key: string): string {
    return join(this.path, key);
  }

  fault(path: string, message: string, extra?: FaultExtra): undefined {
    this.faults.add(path, 'invalid_definition', message, extra);
    return undefined;
  }

  text(field: Field | undefined, maxLength = 10_000): string | undefined {
    if (field === undefined) return undefined;
    if (typeof field.value !== 'string') return this.fault(field.path, `${shown(field.value)} is no text.`, { expected: 'text' });
    if (field.value.length > maxLength) return this.fault(field.path, `It is longer than ${maxLength} characters.`);
    return field.value;
  }

  /** Text that is used as written: an expression in it would never be evaluated, so it is refused. */
  literal(field: Field | undefined, maxLength = 200): string | undefined {
    const text = this.text(field, maxLength);
    if (text === undefined || field === undefined) return undefined;
    if (text.trim() === '') return this.fault(field.path, 'It is empty.', { expected: 'text' });
    if (text.includes('${{')) return this.fault(field.path, `${field.key} is fixed when the workflow is defined; expressions are not evaluated here.`);
    return text;
  }

  boolean(field: Field | undefined): boolean | undefined {
    if (field === undefined || typeof field.value === 'boolean') return field?.value as boolean | undefined;
    return this.fault(field.path, `${shown(field.value)} is neither true nor false.`, { expected: 'true or false' });
  }

  integer(field: Field | undefined, min: number, max: number): number | undefined {
    if (field === undefined) return undefined;
    const { value } = field;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.fault(field.path, `${shown(value)} does not fit here.`, { expected: `a whole number from ${min} to ${max.toLocaleString('en')}` });
  }

  /** Milliseconds, more than zero. */
  duration(field: Field | undefined): number | undefined {
    if (field === undefined) return undefined;
    const { value } = field;
    const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined;
    if (ms === undefined) return this.fault(field.path, `${shown(value)} is no duration.`, { expected: DURATION_EXPECTED });
    if (ms === 0) return this.fault(field.path, 'It must be longer than zero.', { expected: DURATION_EXPECTED });
    return ms;
  }

  object(field: Field | undefined, expected = 'an object'): JsonObject | undefined {
    if (field === undefined || isJsonObject(field.value)) return field?.value as JsonObject | undefined;
    return this.fault(field.path, `${shown(field.value)} is no object.`, { expected });
  }

  /** A list of texts, or one text for a list of one; a text written twice is kept once. */
  texts(field: Field | undefined, expected: string): string[] | undefined {
    if (field === undefined) return undefined;
    if (typeof field.value === 'string') return [field.value];
    if (!Array.isArray(field.value)) return this.fault(field.path, `${shown(field.value)} is no list.`, { expected });
    const list = new Set<string>();
    for (const [i, item] of field.value.entries()) {
      if (typeof item === 'string' && item !== '') list.add(item);
      else this.fault(`${field.path}[${i}]`, `${shown(item)} does not fit here.`, { expected: 'a name' });
    }
    return [...list];
  }

  oneOf<T extends string>(field: Field | undefined, allowed: readonly T[]): T | undefined {
    if (field === undefined) return undefined;
    const { value } = field;
    if (typeof value === 'string' && (allowed as readonly string[]).includes(value)) return value as T;
    const near = typeof value === 'string' ? this.faults.near(value, allowed) : [];
    return this.fault(field.path, `${shown(value)} does not fit here.`, { expected: `one of ${allowed.join(', ')}`, near });
  }
}

/** A value as it is quoted in a message: short, JSON. */
export function shown(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
