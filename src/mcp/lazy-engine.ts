// Owns the one engine of a server process: opened once, in the background, so that the handshake need not wait for it.
import { LogisticsError } from '../domain/errors.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { EngineDoor } from '../tool-caller.ts';

export class LazyEngine implements EngineDoor {
  readonly #open: () => Promise<OrchestrationEngine>;
  readonly #onError: (error: unknown) => void;
  #opening: Promise<OrchestrationEngine> | null = null;
  #retryable = false;
  #stopped = false;

  constructor(open: () => Promise<OrchestrationEngine>, onError: (error: unknown) => void) {
    this.#open = open;
    this.#onError = onError;
  }

  /** Starts to open; a failure is told to onError and to whoever asks later. */
  start(): void {
    this.get().catch(() => undefined);
  }

  /** A store that was merely busy is tried again by the next call; any other fault stays until the process is started anew. */
  get(): Promise<OrchestrationEngine> {
    if (this.#stopped) return Promise.reject(new LogisticsError('shutting_down', 'This server is stopping.'));
    if (this.#opening === null || this.#retryable) {
      this.#retryable = false;
      const opening = this.#open();
      opening.catch((error: unknown) => {
        this.#retryable = error instanceof LogisticsError && error.retryable;
        this.#onError(error);
      });
      this.#opening = opening;
    }
    return this.#opening;
  }

  /** The engine if one was opened, after an opening that is under way; from now on get() refuses. */
  async stop(): Promise<OrchestrationEngine | null> {
    this.#stopped = true;
    return this.#opening === null ? null : this.#opening.catch(() => null);
  }
}
