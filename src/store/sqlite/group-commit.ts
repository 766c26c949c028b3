// Owns the write path: operations asked for in one turn share one transaction; each resolves only after the fsync, and a
// failing one is re-run alone, so it can neither spoil nor be hidden by its neighbours.
import type { Random } from '../../domain/clock.ts';
import { LogisticsError, StoreError } from '../../domain/errors.ts';
import type { WriterState } from '../port/measures.ts';
import { CommitMeter } from './commit-meter.ts';
import { type Batch, type Operation, Operations } from './operations.ts';
import { isBusy } from './sqlite-error.ts';

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

const BUSY_LIMIT_MS = 30_000;
const REOPEN_FAILED = new StoreError('store_unavailable', 'The store file could not be opened again.');

/** One writer per process. */
export class GroupCommit<S> {
  readonly #target: CommitTarget<S>;
  readonly #meter = new CommitMeter();
  readonly #operations = new Operations<S>(() => this.#schedule());
  #scheduled = false;
  /** The last COMMIT failed and the file could not be opened again: the next turn tries once more. */
  #broken = false;
  #busySince = 0;
  #busyRound = 0;
  #begunAt = 0;
  #idle: (() => void)[] = [];

  constructor(target: CommitTarget<S>) {
    this.#target = target;
  }

  /** Runs the operation inside the next transaction. It may run more than once before it counts: it must not act outside the state. */
  submit<T>(run: (state: S) => T): Promise<T> {
    return this.#operations.submit(run);
  }

  /** As submit, but rides on the next commit of something else. */
  submitLazily<T>(run: (state: S) => T): Promise<T> {
    return this.#operations.submitLazily(run);
  }

  /** Figures since it was made, and why nothing can be written now. */
  state(): WriterState {
    return this.#meter.state(this.#broken ? REOPEN_FAILED : null);
  }

  /** Refuses new operations; resolves when the queued ones are stored. */
  async close(): Promise<void> {
    this.#operations.close();
    if (this.#operations.queue.length > 0) this.#schedule();
    if (this.#operations.queue.length > 0 || this.#scheduled) await new Promise<void>((resolve) => this.#idle.push(resolve));
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
    this.#operations.takeLazy();
    try {
      if (this.#operations.queue.length > 0) delayMs = this.#turn();
    } finally {
      // Whatever happened in the turn: what is queued must not wait for ever.
      if (this.#operations.queue.length > 0) this.#schedule(delayMs);
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
    const { taken, results, failed } = this.#run();
    this.#operations.queue.splice(0, taken.length);
    if (failed) {
      this.#rollback();
      this.#runEachAlone(taken);
    } else {
      this.#commit(taken, results);
    }
    // Where another process waits for the lock, leave it a moment; SQLite's lock is not fair by itself.
    return contended ? 1 : 0;
  }

  #run(): Batch<S> {
    const batch = this.#operations.run(this.#target.state());
    if (batch.failed) return batch;
    try {
      this.#target.flush();
      return batch;
    } catch {
      return { ...batch, failed: true };
    }
  }

  #begin(): 'begun' | number {
    try {
      if (this.#broken) {
        this.#target.reopen();
        this.#broken = false;
      }
      this.#begunAt = performance.now();
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
    this.#meter.stored(taken.length, this.#begunAt);
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
    this.#meter.failed(error instanceof LogisticsError ? error : new StoreError('store_unavailable', error.message));
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
        if (this.#broken) throw REOPEN_FAILED;
        this.#begunAt = performance.now();
        this.#target.begin();
      } catch (error) {
        if (isBusy(error)) {
          this.#operations.queue.unshift(...operations.slice(at));
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
      this.#meter.failed(ours instanceof LogisticsError ? ours : new StoreError('store_unavailable', ours.message));
      for (const operation of this.#operations.queue.splice(0)) operation.reject(ours);
      return 0;
    }
    // Never block the loop: come back soon, with a growing batch; chance keeps two processes from marching in step.
    this.#busyRound++;
    this.#meter.busy();
    return 1 + Math.floor(this.#target.random() * Math.min(4, this.#busyRound));
  }
}
