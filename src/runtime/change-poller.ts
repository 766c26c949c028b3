// Owns noticing other processes: a look at the store's change counter (2 µs) each 25 to 70 ms, never holding the process open.
import type { Service } from '../domain/service.ts';
import type { Backend } from '../store/backend.ts';

/** How often while others write, and how often when they have not for a while: a look each 50 ms cost an idle process 0.7 % of a core, each 70 ms 0.45 %. */
const BUSY_MS = 25;
const QUIET_MS = 70;
const QUIET_AFTER = 40;

/** One timer that is set again and again: a Ticker's promises would cost more than the look itself. */
export class ChangePoller implements Service {
  readonly name = 'change-poller';
  readonly #backend: Backend;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;
  #quiet = 0;
  #started = false;

  constructor(backend: Backend, onError: (error: unknown) => void) {
    this.#backend = backend;
    this.#onError = onError;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#look();
  }

  async stop(): Promise<void> {
    this.#started = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async tick(): Promise<number> {
    this.#quiet = this.#backend.pollForeign() ? 0 : this.#quiet + 1;
    return this.#delay();
  }

  #delay(): number {
    return this.#quiet < QUIET_AFTER ? BUSY_MS : QUIET_MS;
  }

  #look(): void {
    const before = this.#delay();
    try {
      this.#quiet = this.#backend.pollForeign() ? 0 : this.#quiet + 1;
    } catch (error) {
      this.#onError(error);
    }
    if (!this.#started) return;
    if (this.#timer !== null && this.#delay() === before) this.#timer.refresh();
    else {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), this.#delay());
      this.#timer.unref();
    }
  }
}
