// Owns the verb of kept step results that callers ask for; runs find and keep them by themselves.
import type { Receipt } from './common.ts';

export interface StepCacheVerbs {
  /** Forgets the kept results of a workflow, at most `limit` at once; how many there were. Throws conflict for a receipt of other arguments. */
  clearStepCache(p: {
    readonly namespace: string;
    readonly workflow: string;
    readonly limit: number;
    readonly receipt?: Receipt | undefined;
  }): Promise<{ readonly count: number; readonly replayed: boolean }>;
}
