// Owns the border between any value and plain JSON: a copy without prototypes, functions, cycles or bottomless nesting.
import type { FaultList } from './definition-faults.ts';
import type { Json } from './json.ts';
import { join } from './source-path.ts';

export const MAX_JSON_DEPTH = 64;
export const MAX_JSON_NODES = 2_000_000;

/**
 * A plain JSON copy of the value; members that are `undefined` are dropped, as JSON.stringify does. What JSON cannot hold
 * (functions, dates, NaN, class instances, the key `__proto__`) is a fault at its path and becomes null in the copy.
 */
export function toPlainJson(value: unknown, path: string, faults: FaultList): Json {
  const state = { nodes: 0, full: false };
  return copy(value, path, 0, state, faults);
}

function copy(value: unknown, path: string, depth: number, state: { nodes: number; full: boolean }, faults: FaultList): Json {
  if (state.full) return null;
  if (++state.nodes > MAX_JSON_NODES) {
    state.full = true;
    faults.add(path, 'limit_exceeded', `It holds more than ${MAX_JSON_NODES.toLocaleString('en')} values.`);
    return null;
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    faults.add(path, 'invalid_definition', `${value} is not a JSON number.`);
    return null;
  }
  if (typeof value !== 'object') {
    faults.add(path, 'invalid_definition', `A ${typeof value} is not JSON.`, { expected: 'text, a number, true, false, null, a list or an object' });
    return null;
  }
  if (depth >= MAX_JSON_DEPTH) {
    faults.add(path, 'limit_exceeded', `It is nested deeper than ${MAX_JSON_DEPTH} levels, or contains itself.`);
    return null;
  }
  if (Array.isArray(value)) return value.map((item, i) => copy(item === undefined ? null : item, `${path}[${i}]`, depth + 1, state, faults));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    const kind = value.constructor?.name ?? 'class';
    const hint = value instanceof Date ? 'an ISO 8601 text, for example "2027-01-31T09:00:00Z"' : 'a plain object';
    faults.add(path, 'invalid_definition', `A value of class ${kind} is not JSON.`, { expected: hint });
    return null;
  }
  const entries: [string, Json][] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (key === '__proto__') faults.add(join(path, key), 'invalid_definition', 'The key __proto__ is not allowed.');
    else entries.push([key, copy(member, join(path, key), depth + 1, state, faults)]);
  }
  return Object.fromEntries(entries);
}
