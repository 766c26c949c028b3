// Owns how a duty repeats: one timer at most, never overlapping rounds, a stop that waits for the round in hand.
import type { Service } from '../domain/service.ts';

// setTimeout overflows past 24.8 days, and a suspended machine should look again soon: never sleep longer than this.
const LONGEST_MS = 60_000;

/** Repeats `round` after the delay it returns; `wake()` makes the next round come at once. */
export class Ticker implements Service {
  readonly name: string;
  readonly #round: () => Promise<number>;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #started = false;

  constructor(name: string, round: () => Promise<number>, onError: (error: unknown) => void) {
    this.name = name;
    this.#round = round;
    this.#onError = onError;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.wake();
  }

  async stop(): Promise<void> {
    this.#started = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#running;
  }

  tick(): Promise<number> {
    return this.#round();
  }

  wake(): void {
    if (!this.#started) return;
    if (this.#running !== null) {
      this.#again = true;
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    let delay = 1_000;
    try {
      delay = await this.#round();
    } catch (error) {
      this.#onError(error);
    }
    this.#running = null;
    if (!this.#started) return;
    if (this.#again) {
      this.#again = false;
      this.wake();
      return;
    }
    if (Number.isFinite(delay)) {
      this.#timer = setTimeout(
        () => {
          this.#timer = null;
          this.wake();
        },
        Math.min(Math.max(0, delay), LONGEST_MS),
      );
      this.#timer.unref();
    }
  }
}
