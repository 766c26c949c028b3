// Owns capability_score: who can do little else goes first, so that who can do more stays free for what only they can do; equals by load.
import { type ExecutorTable, isFull, type RouteChoice, type RouteRequest } from '../../domain/executor.ts';
import { inUse } from './candidates.ts';

export function capabilityScore(table: ExecutorTable, { blocked }: RouteRequest): RouteChoice | null {
  const { size, share, surplus } = table;
  let at = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let each = 0; each < size; each++) {
    // The share of an executor with room is below 1, so it decides among equals only.
    const score = (surplus[each] as number) + (share[each] as number);
    // Asked last, for few come so far.
    if (score >= least || isFull(table, each) || (blocked !== null && blocked[each] === 1)) continue;
    at = each;
    least = score;
  }
  return at < 0 ? null : { at, why: `it offers the least beyond what is required (${surplus[at]} more), with ${inUse(table, at)}` };
}
