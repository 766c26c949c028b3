// Owns locality: who produced most of the inputs; among equals the one that produced the last.
import type { ExecutorTable, RouteChoice, RouteRequest } from '../../domain/executor.ts';
import { isBlocked } from './candidates.ts';

export function locality(table: ExecutorTable, request: RouteRequest): RouteChoice | null {
  const { producers } = request;
  const counts = new Map<number, number>();
  let at = -1;
  let most = 0;
  for (const code of producers) {
    const each = table.indexOf.get(code);
    if (each === undefined || isBlocked(request, each)) continue;
    const count = (counts.get(each) ?? 0) + 1;
    counts.set(each, count);
    if (count < most) continue;
    at = each;
    most = count;
  }
  return at < 0 ? null : { at, why: `it produced ${most} of ${producers.length} input(s)` };
}
