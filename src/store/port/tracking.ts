// Owns the verbs of the read side: what the store remembers of run times and of what went amiss.
import type { DurationHistory } from '../../domain/duration-history.ts';

export interface TrackingVerbs {
  /** Run times by step id of one workflow, '' being its whole runs; of all task types of the namespace, by name, where the workflow is null. */
  durationHistories(p: { readonly namespace: string; readonly workflow: string | null }): ReadonlyMap<string, DurationHistory>;
}
