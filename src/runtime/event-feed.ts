// Owns delivery of the log to listeners of this process: in the log's order, once each, and a throwing listener harms nobody.
import type { EventType, LogisticsEvent } from '../domain/event.ts';
import type { Backend } from '../store/backend.ts';

export type EventHandler = (event: LogisticsEvent) => void;

const BATCH = 500;

/** Reads the log only while somebody listens. */
export class EventFeed {
  readonly #backend: Backend;
  readonly #onError: (error: unknown, event: LogisticsEvent) => void;
  readonly #handlers = new Map<EventType | '*', Set<EventHandler>>();
  #cursor = 0;
  #scheduled = false;
  #closed = false;

  constructor(backend: Backend, onError: (error: unknown, event: LogisticsEvent) => void) {
    this.#backend = backend;
    this.#onError = onError;
  }

  /** Future events of a type, or all with '*'; returns the way to stop. */
  on(type: EventType | '*', handler: EventHandler): () => void {
    if (this.#handlers.size === 0) this.#cursor = this.#backend.status().lastCursor;
    const set = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, set.add(handler));
    return () => {
      set.delete(handler);
      if (set.size === 0) this.#handlers.delete(type);
    };
  }

  /** A commit happened, here or elsewhere. */
  wake(): void {
    if (this.#handlers.size === 0 || this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => this.deliver());
  }

  /** Hands out what is new. */
  deliver(): void {
    this.#scheduled = false;
    while (!this.#closed && this.#handlers.size > 0) {
      const events = this.#backend.readEvents({ after: this.#cursor, limit: BATCH });
      for (const event of events) {
        this.#cursor = event.cursor;
        for (const key of [event.type, '*'] as const) for (const handler of this.#handlers.get(key) ?? []) this.#call(handler, event);
      }
      if (events.length < BATCH) return;
    }
  }

  #call(handler: EventHandler, event: LogisticsEvent): void {
    try {
      handler(event);
    } catch (error) {
      this.#onError(error, event);
    }
  }

  close(): void {
    this.#closed = true;
  }
}
