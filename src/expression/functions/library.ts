// Owns which functions exist, and what to suggest for one that does not.
import { nearMatches } from '../../domain/near-match.ts';
import type { Problem } from '../failure.ts';
import type { FunctionSpec } from './arguments.ts';
import { CONVERSIONS } from './conversions.ts';
import { LISTS } from './lists.ts';
import { NUMBERS } from './numbers.ts';
import { OBJECTS } from './objects.ts';
import { REGULAR_EXPRESSIONS } from './regular-expressions.ts';
import { STRINGS } from './strings.ts';

const FUNCTIONS: ReadonlyMap<string, FunctionSpec> = new Map(
  [CONVERSIONS, LISTS, NUMBERS, OBJECTS, REGULAR_EXPRESSIONS, STRINGS].flatMap((group) => Object.entries(group)),
);

/** Without arguments; they read how the steps before ended. */
export const STATUS_FUNCTIONS: ReadonlySet<string> = new Set(['success', 'failure', 'always']);
/** Their first argument may be missing, so they are not ordinary functions. */
export const LAZY_FUNCTIONS: ReadonlyMap<string, { readonly usage: string; readonly arity: readonly [number, number] }> = new Map([
  ['has', { usage: 'has(x.y)', arity: [1, 1] as const }],
  ['default', { usage: 'default(x, fallback)', arity: [2, 2] as const }],
]);
export const LOOPS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['map', [2, 3]],
  ['filter', [2, 2]],
  ['all', [2, 2]],
  ['exists', [2, 2]],
  ['exists_one', [2, 2]],
]);

/** Names other languages use, and what does the same here. */
const INSTEAD: Readonly<Record<string, string>> = {
  length: 'size(x)',
  len: 'size(x)',
  count: 'size(x)',
  toUpperCase: 'upper(text)',
  toLowerCase: 'lower(text)',
  includes: 'x.contains(y)',
  some: 'list.exists(e, …)',
  any: 'list.exists(e, …)',
  every: 'list.all(e, …)',
  find: 'first(list.filter(e, …))',
  reduce: 'sum(list.map(e, …))',
  json: 'toJson(x)',
  stringify: 'toJson(x)',
  parseJson: 'fromJson(text)',
  parse: 'fromJson(text)',
  str: 'string(x)',
  toString: 'string(x)',
  float: 'number(x)',
  parseInt: 'int(x)',
  concat: 'a + b',
  slice: 'substring(text, start, end)',
  coalesce: 'default(x, fallback)',
  now: 'schedule or event times; expressions do not read the clock',
};

export function findFunction(name: string): FunctionSpec | undefined {
  return FUNCTIONS.get(name);
}

/** Every function name, in alphabetical order. */
export function functionNames(): string[] {
  return [...FUNCTIONS.keys(), ...STATUS_FUNCTIONS, ...LAZY_FUNCTIONS.keys(), ...LOOPS.keys()].sort();
}

/** What to say about a call that exists nowhere. */
export function unknownFunction(name: string): Problem {
  if (name === 'matches') {
    return {
      code: 'invalid_expression',
      message: 'matches() is not available, because its time has no bound.',
      expected: 'regex(text, pattern)',
      nearMatches: ['regex'],
    };
  }
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  return { code: 'invalid_expression', message: `There is no function ${name}().`, expected: instead, nearMatches: nearMatches(name, functionNames()) };
}
