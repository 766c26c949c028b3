// Owns who hears of commits; one that throws is reported and harms nobody else.
import type { CommitNotice } from '../backend.ts';

/** After commits of other processes: anything may have changed. */
export const FOREIGN: CommitNotice = { jobsReady: true, inbox: [], stopJobs: [], ended: [], changed: [], timersChanged: true, foreign: true };

export class Listeners {
  readonly #all = new Set<(notice: CommitNotice) => void>();
  readonly #onError: ((error: unknown) => void) | undefined;

  constructor(onError: ((error: unknown) => void) | undefined) {
    this.#onError = onError;
  }

  add(listener: (notice: CommitNotice) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(notice: CommitNotice): void {
    for (const listener of this.#all) {
      try {
        listener(notice);
      } catch (error) {
        this.#onError?.(error);
      }
    }
  }
}
