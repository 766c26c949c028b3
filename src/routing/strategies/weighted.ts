// Owns weighted: drawn with a chance in proportion to its weight, by bisection of the running sums.
import type { Random } from '../../domain/clock.ts';
import type { ExecutorTable, RouteChoice, RouteRequest } from '../../domain/executor.ts';
import { firstAble } from './candidates.ts';

export function weighted(table: ExecutorTable, request: RouteRequest, random: Random): RouteChoice | null {
  const { weights, size } = table;
  const total = weights[size - 1] as number;
  const drawn = random() * total;
  let low = 0;
  let high = size - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((weights[middle] as number) > drawn) high = middle;
    else low = middle + 1;
  }
  const at = firstAble(table, request, low);
  if (at < 0) return null;
  const own = (weights[at] as number) - (at === 0 ? 0 : (weights[at - 1] as number));
  return { at, why: at === low ? `drawn with weight ${own} of ${total}` : 'the next with room after the one that was drawn' };
}
