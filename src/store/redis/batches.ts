// Owns the operations that wait: which of them one local transaction runs, who fails alone, and the batches of which nobody knows
// whether they are stored.
import { LogisticsError, StoreError } from '../../domain/errors.ts';
import { type Operation, Operations } from '../sqlite/operations.ts';
import type { Parts } from '../sqlite/parts.ts';
import { storeError } from '../sqlite/sqlite-error.ts';
import type { Entry } from './entry.ts';
import type { Replica } from './replica.ts';
import type { Tail } from './tail.ts';

/** What one transaction ran; it is still open. `entry` is null when it changed nothing. */
export interface Batch {
  readonly taken: readonly Operation<Parts>[];
  readonly results: readonly unknown[];
  readonly entry: Entry | null;
}

// A longer entry would hold up Redis and every process that applies it.
const MAX_ENTRY_BYTES = 8 * 1024 * 1024;
const MAX_OPERATION_BYTES = 64 * 1024 * 1024;

export class Batches {
  readonly operations: Operations<Parts>;
  /** By id of their entry: they count if it turns up in the log. */
  readonly #uncertain = new Map<string, Batch & { readonly entry: Entry }>();
  /** How many operations the next transaction takes at most: after a fault it is cut until the culprit stands alone. */
  #limit = Number.POSITIVE_INFINITY;

  constructor(wake: () => void) {
    this.operations = new Operations<Parts>(wake);
  }

  get waiting(): number {
    return this.operations.queue.length;
  }

  /** Runs what fits; null when an operation failed, which is then rejected if it was alone. */
  run(replica: Replica): Batch | null {
    try {
      replica.begin();
    } catch (error) {
      replica.rollback();
      this.rejectAll(asError(error, replica.path));
      return null;
    }
    const { taken, results, failed, fault } = this.operations.run(replica.writer, (count) => count >= this.#limit || replica.recordedBytes > MAX_ENTRY_BYTES);
    try {
      if (failed) throw fault;
      replica.writer.rows.flush();
      const entry = replica.seal();
      if (entry !== null && entry.payload.length > MAX_OPERATION_BYTES) throw tooLarge(entry.payload.length);
      this.#limit = Number.POSITIVE_INFINITY;
      return { taken, results, entry };
    } catch (error) {
      replica.rollback();
      this.#limit = Number.POSITIVE_INFINITY;
      if (taken.length > 1) this.#limit = failed ? taken.length - 1 : taken.length >> 1;
      else this.operations.queue.shift()?.reject(asError(error, replica.path));
      return null;
    }
  }

  /** The batch is stored, or needs no storing: its callers have their results. */
  answer({ taken, results }: Pick<Batch, 'taken' | 'results'>): void {
    const { queue } = this.operations;
    if (taken.every((operation, at) => queue[at] === operation)) queue.splice(0, taken.length);
    else {
      const done = new Set(taken);
      queue.splice(0, queue.length, ...queue.filter((operation) => !done.has(operation)));
    }
    for (const [at, operation] of taken.entries()) operation.resolve(results[at]);
  }

  /** Redis refused the batch. */
  reject({ taken }: Batch, reason: LogisticsError): void {
    this.#refuse(this.operations.queue.splice(0, taken.length), reason);
  }

  /** The append of this batch got no answer; its operations wait on. */
  doubt(batch: Batch & { readonly entry: Entry }): void {
    this.#uncertain.set(batch.entry.id, batch);
  }

  /** An entry turned up in the log: if it is one of ours, its callers have their answer. */
  found(id: string): void {
    const batch = this.#uncertain.get(id);
    if (batch === undefined) return;
    this.#uncertain.delete(id);
    this.answer(batch);
  }

  /** Attempts whose place in the log is taken by now can no longer turn up. */
  settled(version: number): void {
    for (const [id, { entry }] of this.#uncertain) if (entry.version <= version) this.#uncertain.delete(id);
  }

  /**
   * The replica was made anew from a copy, so that entries up to its version were not seen one by one: attempts at these places are looked
   * up. One that is neither found nor ruled out is never run again.
   */
  rebuilt({ version, tail }: { readonly version: number; readonly tail: Pick<Tail, 'pastIdOf'> }): void {
    const passed = [...this.#uncertain.values()].filter(({ entry }) => entry.version <= version);
    for (const { entry } of passed) if (tail.pastIdOf(entry.version) === entry.id) this.found(entry.id);
    const open = new Set(passed.flatMap(({ entry, taken }) => (tail.pastIdOf(entry.version) === undefined ? taken : [])));
    const { queue } = this.operations;
    this.#refuse(
      queue.filter((operation) => open.has(operation)),
      new StoreError('store_unavailable', 'the log was cut past it while Redis was away'),
    );
    queue.splice(0, queue.length, ...queue.filter((operation) => !open.has(operation)));
    this.settled(version);
  }

  /** Everything that waits fails. */
  rejectAll(reason: LogisticsError): void {
    this.#refuse(this.operations.queue.splice(0), reason);
    this.#uncertain.clear();
  }

  /** What may be stored all the same says so. */
  #refuse(operations: readonly Operation<Parts>[], reason: LogisticsError): void {
    const open = new Set([...this.#uncertain.values()].flatMap(({ taken }) => taken));
    const unknown = new StoreError('outcome_unknown', `It is not known whether this was stored (${reason.message})`, { cause: reason });
    for (const operation of operations) operation.reject(open.has(operation) ? unknown : reason);
  }
}

function tooLarge(bytes: number): StoreError {
  return new StoreError('limit_exceeded', `One commit of ${bytes} bytes is too large for the redis store.`, {
    expected: `at most ${MAX_OPERATION_BYTES} bytes`,
  });
}

export function asError(error: unknown, path: string): LogisticsError {
  return error instanceof LogisticsError ? error : storeError(error, path);
}
