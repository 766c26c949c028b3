// Owns what of a scope is sent to the render thread: only what the template names.
import type { ReferencePath } from '../domain/evaluator.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { objectOf } from './value.ts';

/** Roots of which single members are sent, because their members are large or secret. */
const BY_MEMBER: ReadonlySet<string> = new Set(['steps', 'secrets']);

/** The roots the references name; of steps and secrets only the members named. */
export function pruneScope(values: JsonObject, references: readonly ReferencePath[]): JsonObject {
  const members = new Map<string, Set<string>>();
  for (const [root, member] of references) {
    if (root === undefined) continue;
    const wanted = members.get(root) ?? new Set();
    if (member !== undefined) wanted.add(member);
    members.set(root, wanted);
  }
  const kept: [string, Json][] = [];
  for (const [root, wanted] of members) {
    const value = Object.hasOwn(values, root) ? values[root] : undefined;
    if (value === undefined) continue;
    kept.push([root, BY_MEMBER.has(root) ? pick(value, wanted) : value]);
  }
  return objectOf(kept);
}

function pick(value: Json, wanted: ReadonlySet<string>): Json {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return objectOf(Object.entries(value).filter(([key]) => wanted.has(key)));
}
