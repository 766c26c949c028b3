// Owns delivery of the log to listeners of this process: in the log's order, once each, and neither a throwing listener nor a failing read harms anybody.
import { LogisticsError } from '../domain/errors.ts';
import { EVENT_TYPES, type EventType, type LogisticsEvent } from '../domain/event.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { Backend } from '../store/backend.ts';

/** May be async; nobody waits for it. */
export type EventHandler = (event: LogisticsEvent) => unknown;

interface Listener {
  readonly type: EventType | '*';
  readonly handler: EventHandler;
  /** Last entry of the log before it began to listen. */
  readonly after: number;
}

const BATCH = 500;

/** A handler threw on this event; null: the log could not be read, which is tried again at the next commit. */
export type FeedError = (error: unknown, event: LogisticsEvent | null) => void;

/** Reads the log of one namespace, and only while somebody listens. */
export class EventFeed {
  readonly #backend: Backend;
  readonly #namespace: string;
  readonly #onError: FeedError;
  readonly #listeners = new Set<Listener>();
  /** Everything up to here was looked at, whether it was of this namespace or not. */
  #cursor = 0;
  #scheduled = false;
  #closed = false;

  constructor(backend: Backend, namespace: string, onError: FeedError) {
    this.#backend = backend;
    this.#namespace = namespace;
    this.#onError = onError;
  }

  /** Future events of a type, or all with '*'; returns the way to stop, which may be called twice. Throws invalid_input for a type that is none. */
  on(type: EventType | '*', handler: EventHandler): () => void {
    if (type !== '*' && !EVENT_TYPES.includes(type)) {
      throw new LogisticsError('invalid_input', `There are no events of the type ${String(type)}.`, {
        path: 'type',
        expected: `* or one of ${EVENT_TYPES.join(', ')}`,
        nearMatches: nearMatches(String(type), EVENT_TYPES),
      });
    }
    if (typeof handler !== 'function')
      throw new LogisticsError('invalid_input', 'The handler is no function.', { path: 'handler', expected: '(event) => void' });
    const after = this.#backend.lastCursor();
    if (this.#listeners.size === 0) this.#cursor = after;
    const listener: Listener = { type, handler, after };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A commit happened, here or elsewhere. */
  wake(): void {
    if (this.#listeners.size === 0 || this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => this.deliver());
  }

  /** Hands out what is new. */
  deliver(): void {
    this.#scheduled = false;
    while (!this.#closed && this.#listeners.size > 0) {
      const batch = this.#read();
      if (batch === null) return;
      const { events, until } = batch;
      for (const event of events) {
        this.#cursor = event.cursor;
        for (const listener of [...this.#listeners]) {
          if ((listener.type === '*' || listener.type === event.type) && event.cursor > listener.after) this.#call(listener, event);
        }
      }
      if (events.length < BATCH) {
        this.#cursor = Math.max(this.#cursor, until);
        return;
      }
    }
  }

  /** The end of the log is taken first, so that a short batch means that all up to it was looked at. */
  #read(): { readonly events: readonly LogisticsEvent[]; readonly until: number } | null {
    try {
      const until = this.#backend.lastCursor();
      if (until <= this.#cursor) return null;
      return { events: this.#backend.readEvents({ after: this.#cursor, until, limit: BATCH, namespace: this.#namespace }), until };
    } catch (error) {
      this.#onError(error, null);
      return null;
    }
  }

  #call(listener: Listener, event: LogisticsEvent): void {
    // One that was taken off by a handler before it, in this very round.
    if (!this.#listeners.has(listener)) return;
    try {
      const result = listener.handler(event);
      if (result instanceof Promise) result.catch((error: unknown) => this.#onError(error, event));
    } catch (error) {
      this.#onError(error, event);
    }
  }

  close(): void {
    this.#closed = true;
  }
}
