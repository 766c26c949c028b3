// Owns power_of_two: the less loaded of two that are drawn; nearly as even as looking at all, at the price of two looks.
import type { Random } from '../../domain/clock.ts';
import { type ExecutorTable, isFull, type RouteChoice, type RouteRequest } from '../../domain/executor.ts';
import { firstAble, inUse, isBlocked } from './candidates.ts';

export function powerOfTwo(table: ExecutorTable, request: RouteRequest, random: Random): RouteChoice | null {
  const one = Math.floor(random() * table.size);
  const drawn = Math.floor(random() * (table.size - 1));
  const other = drawn >= one ? drawn + 1 : drawn;
  const better = isBlocked(request, one) || (!isBlocked(request, other) && (table.share[other] as number) < (table.share[one] as number)) ? other : one;
  const at = isBlocked(request, better) || isFull(table, better) ? firstAble(table, request, better) : better;
  if (at < 0) return null;
  return { at, why: at === better ? `the less loaded of two that were drawn (${inUse(table, at)})` : 'the first with room; the two that were drawn have none' };
}
