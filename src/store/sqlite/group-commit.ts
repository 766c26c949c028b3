// Owns the write path: operations asked for in one turn share one transaction; each resolves only after the fsync, and a
// failing one is re-run alone, so it can neither spoil nor be hidden by its neighbours.
import type { Random } from '../../domain/clock.ts';
import { StoreError } from '../../domain/errors.ts';
import { isBusy } from './sqlite-error.ts';

interface Operation<S> {
  readonly run: (state: S) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface CommitTarget<S> {
  /** BEGIN IMMEDIATE; throws busy when another process writes. */
  begin(): void;
  /** State handed to the operations of one transaction. */
  state(): S;
  /** Writes what the operations left in memory; a throw is the fault of one of them, as if it had thrown itself. */
  flush(): void;
  commit(): void;
  rollback(): void;
  /** After COMMIT: caches and notices become visible. */
  published(): void;
  /** Told of a fault after COMMIT, when every operation has its answer. */
  onError(error: unknown): void;
  /** Nobody knows what a failed COMMIT left: open the file anew. */
  reopen(): void;
  toError(error: unknown): Error;
  readonly random: Random;
}

// One transaction takes what is queued up to about 5 ms or 1,000 operations: past ~100 operations the fsync (0.25 ms here)
// is below 3 % of the time, so longer ones only hold other processes and the event loop up.
const MAX_OPERATIONS = 1_000;
const MAX_MS = 5;
const BUSY_LIMIT_MS = 30_000;
const LAZY_MS = 250;

/** One writer per process. */
export class GroupCommit<S> {
  readonly #target: CommitTarget<S>;
  #queue: Operation<S>[] = [];
  /** Operations that may wait for the next commit of something else. */
  #lazy: Operation<S>[] = [];
  #lazyTimer: NodeJS.Timeout | null = null;
  #scheduled = false;
  #closed = false;
  /** The last COMMIT failed and the file could not be opened again: the next turn tries once more. */
  #broken = false;
  #busySince = 0;
  #busyRound = 0;
  #idle: (() => void)[] = [];

  constructor(target: CommitTarget<S>) {
    this.#target = target;
  }

  /** Runs the operation inside the next transaction. It may run more than once before it counts: it must not act outside the state. */
  submit<T>(run: (state: S) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('shutting_down', 'The store is closed.'));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** As submit, but rides on the next commit of something else, or goes alone after a quarter of a second: no fsync of its own per call. */
  submitLazily<T>(run: (state: S) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('shutting_down', 'The store is closed.'));
    return new Promise<T>((resolve, reject) => {
      this.#lazy.push({ run, resolve: resolve as (value: unknown) => void, reject });
      this.#lazyTimer ??= setTimeout(() => {
        this.#takeLazy();
        this.#schedule();
      }, LAZY_MS);
      this.#lazyTimer.unref();
    });
  }

  #takeLazy(): void {
    if (this.#lazyTimer !== null) clearTimeout(this.#lazyTimer);
    this.#lazyTimer = null;
    this.#queue.push(...this.#lazy.splice(0));
  }

  /** Refuses new operations; resolves when the queued ones are stored. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#takeLazy();
    if (this.#queue.length > 0) this.#schedule();
    if (this.#queue.length > 0 || this.#scheduled) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #schedule(delayMs = 0): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (delayMs === 0) setImmediate(() => this.#flush());
    else setTimeout(() => this.#flush(), delayMs);
  }

  #flush(): void {
    this.#scheduled = false;
    let delayMs = 0;
    if (this.#lazy.length > 0) this.#takeLazy();
    try {
      if (this.#queue.length > 0) delayMs = this.#turn();
    } finally {
      // Whatever happened in the turn: what is queued must not wait for ever.
      if (this.#queue.length > 0) this.#schedule(delayMs);
      else for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** One transaction; gives the pause before the next in ms. */
  #turn(): number {
    const begun = this.#begin();
    if (begun !== 'begun') return begun;
    const contended = this.#busyRound > 0;
    this.#busySince = 0;
    this.#busyRound = 0;
    const taken: Operation<S>[] = [];
    const results: unknown[] = [];
    const started = performance.now();
    const state = this.#target.state();
    let failed = false;
    try {
      for (const operation of this.#queue) {
        taken.push(operation);
        results.push(operation.run(state));
        if (taken.length >= MAX_OPERATIONS || ((taken.length & 15) === 0 && performance.now() - started > MAX_MS)) break;
      }
      this.#target.flush();
    } catch {
      failed = true;
    }
    this.#queue.splice(0, taken.length);
    if (failed) {
      this.#rollback();
      this.#runEachAlone(taken);
    } else {
      this.#commit(taken, results);
    }
    // Where another process waits for the lock, leave it a moment; SQLite's lock is not fair by itself.
    return contended ? 1 : 0;
  }

  #begin(): 'begun' | number {
    try {
      if (this.#broken) {
        this.#target.reopen();
        this.#broken = false;
      }
      this.#target.begin();
      return 'begun';
    } catch (error) {
      return this.#afterFailedBegin(error);
    }
  }

  #commit(taken: readonly Operation<S>[], results: readonly unknown[]): void {
    try {
      this.#target.commit();
    } catch (error) {
      this.#afterFailedCommit(taken, this.#target.toError(error));
      return;
    }
    for (let i = 0; i < taken.length; i++) (taken[i] as Operation<S>).resolve(results[i]);
    try {
      this.#target.published();
    } catch (error) {
      // It is stored; what is in memory may be half told, so it is read anew.
      this.#rollback();
      this.#target.onError(error);
    }
  }

  #afterFailedCommit(taken: readonly Operation<S>[], error: Error): void {
    // A full disk or a read-only file stops the write before its commit record, and says so: nothing of it counts.
    const known = error instanceof StoreError && (error.code === 'store_full' || error.code === 'store_read_only');
    if (known) this.#rollback();
    else this.#reopen();
    const reason = known ? error : new StoreError('outcome_unknown', `The commit failed (${error.message}).`, { cause: error });
    for (const operation of taken) operation.reject(reason);
  }

  #rollback(): void {
    try {
      this.#target.rollback();
    } catch {
      this.#reopen();
    }
  }

  #reopen(): void {
    try {
      this.#target.reopen();
      this.#broken = false;
    } catch {
      this.#broken = true;
    }
  }

  #runEachAlone(operations: readonly Operation<S>[]): void {
    for (const [at, operation] of operations.entries()) {
      try {
        if (this.#broken) throw new StoreError('store_unavailable', 'The store file could not be opened again.');
        this.#target.begin();
      } catch (error) {
        if (isBusy(error)) {
          this.#queue.unshift(...operations.slice(at));
          return;
        }
        operation.reject(this.#target.toError(error));
        continue;
      }
      this.#runAlone(operation);
    }
  }

  #runAlone(operation: Operation<S>): void {
    let result: unknown;
    try {
      result = operation.run(this.#target.state());
      this.#target.flush();
    } catch (error) {
      this.#rollback();
      operation.reject(this.#target.toError(error));
      return;
    }
    this.#commit([operation], [result]);
  }

  #afterFailedBegin(error: unknown): number {
    const now = performance.now();
    if (this.#busySince === 0) this.#busySince = now;
    if (!isBusy(error) || now - this.#busySince > BUSY_LIMIT_MS) {
      this.#busySince = 0;
      this.#busyRound = 0;
      const ours = this.#target.toError(error);
      for (const operation of this.#queue.splice(0)) operation.reject(ours);
      return 0;
    }
    // Never block the loop: come back soon, with a growing batch; chance keeps two processes from marching in step.
    this.#busyRound++;
    return 1 + Math.floor(this.#target.random() * Math.min(4, this.#busyRound));
  }
}
