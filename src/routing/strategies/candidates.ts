// Owns who may be preferred by a strategy that only spreads load: neither blocked by a breaker nor full.
import { type ExecutorTable, isFull, type RouteRequest } from '../../domain/executor.ts';

export function isBlocked({ blocked }: Pick<RouteRequest, 'blocked'>, at: number): boolean {
  return blocked !== null && blocked[at] === 1;
}

/** The first from `from` on, round the table, that may be given work; -1 when nobody may. */
export function firstAble(table: ExecutorTable, request: Pick<RouteRequest, 'blocked'>, from: number): number {
  for (let step = 0, at = from; step < table.size; step++, at = at + 1 === table.size ? 0 : at + 1)
    if (!isBlocked(request, at) && !isFull(table, at)) return at;
  return -1;
}

export function inUse(table: ExecutorTable, at: number): string {
  return `${table.load[at]} of ${table.slots[at]} slots in use`;
}
