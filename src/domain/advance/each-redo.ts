// Owns what a retry makes of the items of a forEach: each is looked at once, in order; completed ones are counted, children that
// somebody retried by themselves are taken over, and all others run again, also those that never got a run.
import type { ExecutionEvent, ItemRun } from '../transition.ts';
import type { EachState } from '../workflow-execution.ts';
import type { Draft } from './draft.ts';

const MAX_BATCH = 100;

/** The state from which the items are counted anew. */
export function redone(each: EachState): EachState {
  return {
    total: each.total,
    next: each.next,
    live: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    stopping: false,
    redo: each.next === 0 ? null : -1,
    first: null,
  };
}

/** Looks at one item per call, first those of earlier rounds: gives the one to start, or null when the item needed no start. */
export function itemSource(draft: Draft, index: number, each: EachState, room: number): () => number | null {
  let runs = new Map<number, ItemRun>();
  let upTo = -1;
  // What is read but has no place in the window is read again later, so that only a walk over completed items reads far ahead.
  let count = Math.min(MAX_BATCH, Math.max(1, room));
  return () => {
    if (each.redo === null) return each.next++;
    const item = each.redo + 1;
    if (item > upTo) {
      runs = new Map(draft.view.itemRuns(index, each.redo, count).map((run) => [run.item, run]));
      upTo = each.redo + count;
      count = Math.min(MAX_BATCH, count * 2);
    }
    each.redo = item + 1 < each.next ? item : null;
    const run = runs.get(item);
    if (run === undefined || run.state === 'ended') return item;
    if (run.state === 'completed') each.completed++;
    else adopt(each, run.childId);
    return null;
  };
}

function adopt(each: EachState, childId: string | null): void {
  each.live++;
  if (childId !== null) each.adopted = [...(each.adopted ?? []), childId];
}

/**
 * Whether the end of this child is the forEach's business: its first end is, a later one only when the child was taken over.
 * Of one that was not looked at yet, the end is read from its run then. Forgets one that was taken over.
 */
export function hears(draft: Draft, event: Extract<ExecutionEvent, { type: 'child_ended' }>): boolean {
  const { each } = draft.row(event.step);
  if (event.retries === 0 || each?.adopted === undefined || !each.adopted.includes(event.childId)) return event.retries === 0;
  const { adopted, ...rest } = each;
  const left = adopted.filter((id) => id !== event.childId);
  draft.put(event.step, { each: left.length === 0 ? rest : { ...rest, adopted: left } });
  return true;
}
