// Owns round_robin: one after the other, past those that are full; O(1) while there is room.
import type { ExecutorTable, RouteChoice, RouteRequest } from '../../domain/executor.ts';
import { firstAble } from './candidates.ts';

/** Circles that are remembered; one that is forgotten starts anew. */
const REMEMBERED = 1_000;

export class RoundRobin {
  /** Code of the executor that had the last turn. */
  readonly #last = new Map<number, number>();

  next(table: ExecutorTable, request: RouteRequest): RouteChoice | null {
    const last = this.#last.get(request.circle);
    const at = firstAble(table, request, last === undefined ? 0 : placeAfter(table, last));
    if (at < 0) return null;
    if (last === undefined && this.#last.size >= REMEMBERED) this.#last.delete(this.#last.keys().next().value as number);
    this.#last.set(request.circle, table.codes[at] as number);
    return { at, why: 'it was its turn' };
  }
}

/** Tables are sorted by code, so whoever left or came moves nobody's turn. */
function placeAfter(table: ExecutorTable, code: number): number {
  const known = table.indexOf.get(code);
  if (known !== undefined) return known + 1 === table.size ? 0 : known + 1;
  for (let at = 0; at < table.size; at++) if ((table.codes[at] as number) > code) return at;
  return 0;
}
