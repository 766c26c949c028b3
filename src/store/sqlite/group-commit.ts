// Owns the write path: operations asked for in one turn share one transaction; each resolves only after the fsync, and a
// failing one is re-run alone, so it can neither spoil nor be hidden by its neighbours.
import { StoreError } from '../../domain/errors.ts';
import { isBusy } from './connection.ts';

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
  /** Writes what the operations left in memory, then COMMIT. */
  commit(): void;
  rollback(): void;
  /** After COMMIT: caches and notices become visible. */
  published(): void;
  /** A COMMIT failed: nobody knows; open the file anew. */
  reopen(): void;
  toError(error: unknown): Error;
}

// One transaction takes what is queued up to about 5 ms or 1,000 operations: past ~100 operations the fsync (0.25 ms here)
// is below 3 % of the time, so longer ones only hold other processes and the event loop up.
const MAX_OPERATIONS = 1_000;
const MAX_MS = 5;
const BUSY_LIMIT_MS = 30_000;

/** One writer per process. */
export class GroupCommit<S> {
  #target: CommitTarget<S>;
  #queue: Operation<S>[] = [];
  #scheduled = false;
  #closed = false;
  #busySince = 0;
  #busyRound = 0;
  #idle: (() => void)[] = [];
  #contended = false;

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

  get depth(): number {
    return this.#queue.length;
  }

  /** Refuses new operations; resolves when the queued ones are stored. */
  async close(): Promise<void> {
    this.#closed = true;
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
    if (this.#queue.length === 0) return this.#settleIdle();
    try {
      this.#target.begin();
    } catch (error) {
      return this.#afterFailedBegin(error);
    }
    this.#contended = this.#busyRound > 0;
    this.#busySince = 0;
    this.#busyRound = 0;
    const taken: Operation<S>[] = [];
    const results: unknown[] = [];
    const started = performance.now();
    const state = this.#target.state();
    let failed = false;
    for (const operation of this.#queue) {
      taken.push(operation);
      try {
        results.push(operation.run(state));
      } catch {
        failed = true;
        break;
      }
      if (taken.length >= MAX_OPERATIONS || ((taken.length & 15) === 0 && performance.now() - started > MAX_MS)) break;
    }
    this.#queue.splice(0, taken.length);
    if (failed) {
      this.#target.rollback();
      for (const operation of taken) this.#runAlone(operation);
    } else {
      this.#commit(taken, results);
    }
    // Where another process waits for the lock, leave it a moment; SQLite's lock is not fair by itself.
    if (this.#queue.length > 0) this.#schedule(this.#contended ? 1 : 0);
    else this.#settleIdle();
  }

  #commit(taken: readonly Operation<S>[], results: readonly unknown[]): void {
    try {
      this.#target.commit();
    } catch (error) {
      const ours = this.#target.toError(error);
      // A full disk or a read-only file fails before anything is written and says so; all else is unknown.
      const known = ours instanceof StoreError && (ours.code === 'store_full' || ours.code === 'store_read_only');
      const reason = known ? ours : new StoreError('outcome_unknown', `The commit failed (${ours.message}).`, { cause: error });
      try {
        this.#target.reopen();
      } catch (again) {
        this.#closed = true;
        const gone = this.#target.toError(again);
        for (const operation of this.#queue.splice(0)) operation.reject(gone);
      }
      for (const operation of taken) operation.reject(reason);
      return;
    }
    for (let i = 0; i < taken.length; i++) (taken[i] as Operation<S>).resolve(results[i]);
    this.#target.published();
  }

  #runAlone(operation: Operation<S>): void {
    try {
      this.#target.begin();
    } catch (error) {
      if (isBusy(error)) {
        this.#queue.unshift(operation);
        return;
      }
      operation.reject(this.#target.toError(error));
      return;
    }
    let result: unknown;
    try {
      result = operation.run(this.#target.state());
    } catch (error) {
      this.#target.rollback();
      operation.reject(this.#target.toError(error));
      return;
    }
    this.#commit([operation], [result]);
  }

  #afterFailedBegin(error: unknown): void {
    if (!isBusy(error)) {
      const ours = this.#target.toError(error);
      for (const operation of this.#queue.splice(0)) operation.reject(ours);
      return this.#settleIdle();
    }
    const now = performance.now();
    if (this.#busySince === 0) this.#busySince = now;
    if (now - this.#busySince > BUSY_LIMIT_MS) {
      this.#busySince = 0;
      const ours = this.#target.toError(error);
      for (const operation of this.#queue.splice(0)) operation.reject(ours);
      return this.#settleIdle();
    }
    // Never block the loop: come back soon, with a growing batch; chance keeps two processes from marching in step.
    this.#busyRound++;
    this.#schedule(1 + Math.floor(Math.random() * Math.min(4, this.#busyRound)));
  }

  #settleIdle(): void {
    if (this.#queue.length > 0 || this.#scheduled) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
