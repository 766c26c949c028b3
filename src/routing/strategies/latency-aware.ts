// Owns latency_aware: where the work is expected to be done first, by how long its type took there lately, how full it is, and how often it fails there.
import { type ExecutorTable, isFull, type LatencyTable, type RouteChoice, type RouteRequest } from '../../domain/executor.ts';

export function latencyAware(table: ExecutorTable, { blocked, latency }: RouteRequest): RouteChoice | null {
  const { size, share } = table;
  const cost = latency?.cost ?? null;
  let at = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let each = 0; each < size; each++) {
    const score = (cost === null ? 1 : (cost[each] as number)) * (1 + (share[each] as number));
    // Asked last, for few come so far.
    if (score >= least || isFull(table, each) || (blocked !== null && blocked[each] === 1)) continue;
    at = each;
    least = score;
  }
  return at < 0 ? null : { at, why: sentence(latency, at) };
}

function sentence(latency: LatencyTable | null, at: number): string {
  const ms = latency?.ms[at] ?? Number.NaN;
  if (Number.isNaN(ms)) return 'its task type has not completed there yet, so it is tried';
  const failing = Math.round((latency?.failing[at] ?? 0) * 100);
  return `its task type takes ${Math.round(ms)} ms there lately${failing === 0 ? '' : ` and fails ${failing} % of the time`}`;
}
