// Owns affinity: rendezvous hashing. Each executor has a score for a key and the highest wins, so when one leaves only its own keys move, and one that
// comes takes an equal part of everybody's.
import { type ExecutorTable, mix, type RouteChoice, type RouteRequest } from '../../domain/executor.ts';

export function rendezvous({ hashes, size }: ExecutorTable, { key: text, blocked }: RouteRequest): RouteChoice | null {
  const key = hashOf(text);
  let at = -1;
  let highest = -1;
  for (let each = 0; each < size; each++) {
    const score = mix((hashes[each] as number) ^ key) >>> 0;
    // Equal hashes go to the smaller code, for the table is sorted.
    if (score <= highest || (blocked !== null && blocked[each] === 1)) continue;
    at = each;
    highest = score;
  }
  return at < 0 ? null : { at, why: `work with the key "${text}" belongs there` };
}

/** FNV-1a over UTF-16 units, mixed once more. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return mix(hash);
}
