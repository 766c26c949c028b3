// Owns how an outcome reaches the dependents: each is told once, and one that it decides is followed before the next.
import { consider } from './activate.ts';
import { type Draft, STEP_CHANGES } from './draft.ts';
import { isMainRunning } from './phase.ts';
import { outcomeOf } from './trigger-rule.ts';

/** Raises the counts of dependents `from`, `from` + 1, … of a finished step, as far as this transition has room. */
export function propagate(draft: Draft, step: number, from: number): void {
  const { outs } = draft.node(step);
  const outcome = outcomeOf(draft.row(step));
  // After a stop nothing starts any more, and a retry counts anew.
  if (outcome === null || !isMainRunning(draft)) return;
  for (let at = from; at < outs.length; at++) {
    if (!draft.fits(STEP_CHANGES)) {
      draft.work.push({ k: 'propagate', step, from: at });
      return;
    }
    const out = outs[at] as number;
    draft.put(out, { [outcome]: draft.row(out)[outcome] + 1 });
    const before = draft.work.length;
    consider(draft, out);
    if (draft.work.length === before || at + 1 === outs.length) continue;
    // Depth first: what is left to do stays as small as the longest path, however wide the graph is.
    const grown = draft.work.splice(before);
    draft.work.push({ k: 'propagate', step, from: at + 1 }, ...grown);
    return;
  }
}

/** Starts the steps without needs. */
export function startRoots(draft: Draft, from: number): void {
  const { roots } = draft.plan;
  for (let at = from; at < roots.length; at++) {
    if (!draft.fits(STEP_CHANGES)) {
      draft.work.push({ k: 'roots', from: at });
      return;
    }
    consider(draft, roots[at] as number);
  }
}
