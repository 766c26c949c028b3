// Owns how much of a pool is held over time: what is placed never takes more than there is.

const EPSILON = 1e-9;

export class PoolProfile {
  readonly #size: number;
  /** Moments in order, and what is held from each to the next. */
  readonly #at: number[] = [0];
  readonly #held: number[] = [0];

  constructor(size: number) {
    this.#size = size;
  }

  /** The first moment from `from` on at which `amount` is free for `ms`. */
  earliest(from: number, ms: number, amount: number): number {
    const limit = this.#size - amount + EPSILON;
    let start = from;
    for (let i = this.#segment(from); i < this.#at.length; i++) {
      const begins = this.#at[i] as number;
      if (begins >= start + ms && i > 0) return start;
      if ((this.#held[i] as number) > limit) start = this.#at[i + 1] ?? Number.POSITIVE_INFINITY;
    }
    return start;
  }

  hold(from: number, ms: number, amount: number): void {
    if (ms <= 0) return;
    const first = this.#split(from);
    const last = this.#split(from + ms);
    for (let i = first; i < last; i++) this.#held[i] = (this.#held[i] as number) + amount;
  }

  /** The last segment that begins at or before a moment. */
  #segment(moment: number): number {
    let low = 0;
    let high = this.#at.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#at[middle] as number) <= moment) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #split(moment: number): number {
    const i = this.#segment(moment);
    if (this.#at[i] === moment) return i;
    this.#at.splice(i + 1, 0, moment);
    this.#held.splice(i + 1, 0, this.#held[i] as number);
    return i + 1;
  }
}
