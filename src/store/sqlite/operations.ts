// Owns the queue of operations that wait for the next transaction, and how many of them one transaction takes.
import { StoreError } from '../../domain/errors.ts';

export interface Operation<S> {
  readonly run: (state: S) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What one transaction ran: in order, with results; `failed` when the last one threw `fault`. */
export interface Batch<S> {
  readonly taken: Operation<S>[];
  readonly results: unknown[];
  readonly failed: boolean;
  readonly fault?: unknown;
}

// One transaction takes what is queued up to about 5 ms or 1,000 operations: past ~100 operations the fsync (0.25 ms here)
// is below 3 % of the time, so longer ones only hold other processes and the event loop up.
const MAX_OPERATIONS = 1_000;
const MAX_MS = 5;
const LAZY_MS = 250;

export class Operations<S> {
  /** First come, first served. */
  readonly queue: Operation<S>[] = [];
  /** Operations that may wait for the next commit of something else. */
  readonly #lazy: Operation<S>[] = [];
  #lazyTimer: NodeJS.Timeout | null = null;
  #closed = false;
  readonly #wake: () => void;

  /** `wake` is called whenever something is queued. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Runs the operation inside the next transaction. It may run more than once before it counts: it must not act outside the state. */
  submit<T>(run: (state: S) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('shutting_down', 'The store is closed.'));
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ run, resolve: resolve as (value: unknown) => void, reject });
      this.#wake();
    });
  }

  /** As submit, but rides on the next commit of something else, or goes alone after a quarter of a second: no fsync of its own per call. */
  submitLazily<T>(run: (state: S) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('shutting_down', 'The store is closed.'));
    return new Promise<T>((resolve, reject) => {
      this.#lazy.push({ run, resolve: resolve as (value: unknown) => void, reject });
      this.#lazyTimer ??= setTimeout(() => {
        this.takeLazy();
        this.#wake();
      }, LAZY_MS);
      this.#lazyTimer.unref();
    });
  }

  /** Queues what was only to ride along. */
  takeLazy(): void {
    if (this.#lazyTimer !== null) clearTimeout(this.#lazyTimer);
    this.#lazyTimer = null;
    this.queue.push(...this.#lazy.splice(0));
  }

  /** Refuses new operations; those that only waited to ride along are queued. */
  close(): void {
    this.#closed = true;
    this.takeLazy();
  }

  /** Runs queued operations in the open transaction, until one throws or `enough` says so; they stay queued. */
  run(state: S, enough: (taken: number) => boolean = () => false): Batch<S> {
    const taken: Operation<S>[] = [];
    const results: unknown[] = [];
    const started = performance.now();
    try {
      for (const operation of this.queue) {
        taken.push(operation);
        results.push(operation.run(state));
        if (taken.length >= MAX_OPERATIONS || performance.now() - started > MAX_MS || enough(taken.length)) break;
      }
      return { taken, results, failed: false };
    } catch (fault) {
      return { taken, results, failed: true, fault };
    }
  }
}
