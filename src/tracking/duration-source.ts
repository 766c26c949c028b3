// Owns what is expected of a step's run time: its own history, else that of its task type, else nothing.
import type { DurationSource } from '../domain/duration-estimate.ts';
import { type DurationHistory, estimateFrom } from '../domain/duration-history.ts';
import type { Backend } from '../store/backend.ts';

/** Looked up anew after this long: a plan of 10,000 steps reads the store once. */
const FRESH_MS = 5_000;
/** With fewer runs of its own a step is expected to take what its task type takes, where that is better known. */
const ENOUGH = 5;

/** Estimates from ended attempts of one namespace. */
export function createDurationSource(p: {
  readonly backend: Pick<Backend, 'durationHistories'>;
  readonly namespace: string;
  readonly now: () => number;
}): DurationSource {
  const kept = new Map<string | null, { readonly at: number; readonly histories: ReadonlyMap<string, DurationHistory> }>();
  const histories = (workflow: string | null): ReadonlyMap<string, DurationHistory> => {
    const now = p.now();
    const known = kept.get(workflow);
    if (known !== undefined && now - known.at < FRESH_MS && now >= known.at) return known.histories;
    for (const [name, { at }] of kept) if (now - at >= FRESH_MS || now < at) kept.delete(name);
    const read = p.backend.durationHistories({ namespace: p.namespace, workflow });
    kept.set(workflow, { at: now, histories: read });
    return read;
  };
  return ({ workflow, stepId, task }) => {
    const own = workflow === null || stepId === null ? undefined : histories(workflow).get(stepId);
    const step = own === undefined ? null : estimateFrom(own, 'step');
    if (step !== null && step.samples >= ENOUGH) return step;
    const all = histories(null).get(task);
    const type = all === undefined ? null : estimateFrom(all, 'task');
    return step !== null && (type === null || type.samples < ENOUGH) ? step : (type ?? step);
  };
}
