// Owns when an event is the one a wait.event step waits for: every field of the pattern is there with an equal value.
import { canonicalJson, isJsonObject, type Json } from './json.ts';

/** A null pattern matches all; objects match by their listed fields, everything else by equality. */
export function eventMatches(pattern: Json, payload: Json): boolean {
  if (pattern === null) return true;
  if (!isJsonObject(pattern)) return canonicalJson(pattern) === canonicalJson(payload);
  if (!isJsonObject(payload)) return false;
  return Object.entries(pattern).every(([key, wanted]) => {
    if (!Object.hasOwn(payload, key)) return false;
    const actual = payload[key] as Json;
    return isJsonObject(wanted) ? eventMatches(wanted, actual) : canonicalJson(wanted) === canonicalJson(actual);
  });
}
