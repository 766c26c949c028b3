// Owns the figures of one writer: how many operations shared a commit, how long it took, and why nothing can be written now.
import { type LogisticsError, StoreError } from '../../domain/errors.ts';
import type { BucketCounts, WriterState } from '../port/measures.ts';

const SIZES: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const LATENCIES_MS: readonly number[] = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];
/** A lock that others hold for this long holds everybody up. */
const BUSY_FAULT_MS = 5_000;

class Buckets implements BucketCounts {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  add(value: number): void {
    let at = 0;
    while (at < this.bounds.length && value > (this.bounds[at] as number)) at++;
    (this.counts[at] as number)++;
    this.sum += value;
  }
}

export class CommitMeter {
  readonly #batches = new Buckets(SIZES);
  readonly #latencyMs = new Buckets(LATENCIES_MS);
  #busyRetries = 0;
  #busySince = 0;
  #failures = 0;
  #fault: LogisticsError | null = null;
  readonly #clock: () => number;

  /** `clock` in ms, of any origin. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** `startedAt`: of the transaction, by performance.now(). */
  stored(operations: number, startedAt: number): void {
    this.#batches.add(operations);
    this.#latencyMs.add(this.#clock() - startedAt);
    this.#busySince = 0;
    this.#fault = null;
  }

  failed(error: LogisticsError): void {
    this.#failures++;
    this.#busySince = 0;
    this.#fault = error;
  }

  busy(): void {
    this.#busyRetries++;
    if (this.#busySince === 0) this.#busySince = this.#clock();
  }

  /** `fault`: what the writer itself knows to be wrong now. */
  state(fault: LogisticsError | null = null): WriterState {
    const isHeld = this.#busySince > 0 && this.#clock() - this.#busySince > BUSY_FAULT_MS;
    const held = isHeld ? new StoreError('store_busy', 'Another process has held the write lock for seconds.') : null;
    const known = fault ?? held ?? this.#fault;
    return {
      batches: this.#batches,
      latencyMs: this.#latencyMs,
      busyRetries: this.#busyRetries,
      failures: this.#failures,
      fault: known?.toData() ?? null,
    };
  }
}
