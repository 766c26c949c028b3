// Owns how library functions read their arguments, and the one message for a wrong one.
import type { Json, JsonObject } from '../../domain/json.ts';
import { invalid } from '../failure.ts';
import type { Meter } from '../meter.ts';
import { isList, kindOf } from '../value.ts';

/** One function of the language. As a method, the receiver is the first argument. */
export interface FunctionSpec {
  readonly usage: string;
  readonly arity: readonly [min: number, max: number];
  readonly run: (args: readonly Json[], meter: Meter) => Json;
}

/** Reads arguments of one function; errors name the function, the position and the kind found. */
export class Reader {
  readonly #usage: string;

  constructor(usage: string) {
    this.#usage = usage;
  }

  list(args: readonly Json[], at: number): readonly Json[] {
    const value = args[at] as Json;
    if (isList(value)) return value;
    throw this.#wrong(at, 'a list', value);
  }

  text(args: readonly Json[], at: number): string {
    const value = args[at] as Json;
    if (typeof value === 'string') return value;
    throw this.#wrong(at, 'text', value);
  }

  number(args: readonly Json[], at: number): number {
    const value = args[at] as Json;
    if (typeof value === 'number') return value;
    throw this.#wrong(at, 'a number', value);
  }

  /** A whole number between the bounds; `fallback` when the argument was left out. */
  whole(args: readonly Json[], at: number, fallback?: number): number {
    if (fallback !== undefined && at >= args.length) return fallback;
    const value = args[at] as Json;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw this.#wrong(at, 'a whole number', value);
  }

  object(args: readonly Json[], at: number): JsonObject {
    const value = args[at] as Json;
    if (value !== null && typeof value === 'object' && !isList(value)) return value as JsonObject;
    throw this.#wrong(at, 'an object', value);
  }

  #wrong(at: number, expected: string, value: Json): Error {
    const found = typeof value === 'number' ? String(value) : kindOf(value);
    return invalid(`${this.#usage}: argument ${at + 1} must be ${expected}, got ${found}.`, expected);
  }
}

/** A function whose implementation reads its arguments through the reader. */
export function define(usage: string, arity: readonly [number, number], run: (read: Reader, args: readonly Json[], meter: Meter) => Json): FunctionSpec {
  const read = new Reader(usage);
  return { usage, arity, run: (args, meter) => run(read, args, meter) };
}
