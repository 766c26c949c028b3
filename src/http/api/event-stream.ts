// Owns one subscriber of the event log: each entry once and in order, from memory or from the store, never more in memory than one piece that it has not taken.
import type { ServerResponse } from 'node:http';
import type { Principal } from '../../domain/access.ts';
import type { LogisticsError } from '../../domain/errors.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type EventFilter, passes } from './event-filter.ts';
import { frameOf, type RecentEvents } from './recent-events.ts';

/** Entries of one piece: about 32 KiB. */
const PIECE = 100;
/** Proxies end what is silent for a minute. */
const BEAT_MS = 15_000;
/** Who takes nothing for so long is let go; it comes back with its last id and gets the rest from the log. */
const STALLED_MS = 30_000;
const RECONNECT_MS = 2_000;

export interface EventStreamParts {
  readonly engine: OrchestrationEngine;
  readonly recent: RecentEvents;
  readonly response: ServerResponse;
  readonly principal: Principal;
  readonly filter: EventFilter;
  /** The last entry that the subscriber has seen. */
  readonly after: number;
  /** Throws cursor_expired when entries after this cursor are gone. */
  readonly checkCursor: (cursor: number) => void;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
}

export class EventStream {
  readonly #p: EventStreamParts;
  #cursor: number;
  #writtenAt: number;
  /** Since when the other side has taken nothing; null = it keeps up. */
  #stalledAt: number | null = null;
  #reading = false;
  #ended = false;

  constructor(parts: EventStreamParts) {
    this.#p = parts;
    this.#cursor = parts.after;
    this.#writtenAt = parts.now();
    const { response } = parts;
    response.on('drain', () => {
      this.#stalledAt = null;
      this.pump();
    });
    response.once('close', () => {
      this.#ended = true;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    // An id before the first entry: who is cut off before that comes back to the same place.
    this.#write(`retry: ${RECONNECT_MS}\nid: ${this.#cursor}\n\n`);
  }

  get principal(): Principal {
    return this.#p.principal;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Writes what is there for it, until it does not keep up; then its next `drain` goes on. */
  pump(): void {
    while (!this.#ended && this.#stalledAt === null && !this.#reading) {
      const entries = this.#p.recent.since(this.#cursor, PIECE);
      if (entries === null) {
        this.#reading = true;
        // One piece per turn: a subscriber that begins at the start of the log must not hold up the others.
        setImmediate(() => this.#readOn());
        return;
      }
      const last = entries.at(-1);
      if (last === undefined) return;
      this.#cursor = last.event.cursor;
      const wanted = entries.filter(({ event }) => passes(this.#p.filter, event));
      if (wanted.length > 0) this.#write(this.#p.recent.joined(wanted));
    }
  }

  /** A sign of life that also moves the last id on. True when the other side takes nothing any more. */
  tick(): boolean {
    const now = this.#p.now();
    if (this.#stalledAt !== null) return now - this.#stalledAt >= STALLED_MS;
    if (now - this.#writtenAt >= BEAT_MS) this.#write(`: still here\nid: ${this.#cursor}\n\n`);
    return false;
  }

  end(): void {
    if (!this.#ended) this.#p.response.end();
    this.#ended = true;
  }

  /** Without waiting for what it has not taken. */
  drop(): void {
    this.#ended = true;
    this.#p.response.destroy();
  }

  /** One piece from the store. */
  #readOn(): void {
    this.#reading = false;
    if (this.#ended) return;
    try {
      this.#p.checkCursor(this.#cursor);
      const { engine, filter } = this.#p;
      const { types, executionId, jobId, sessionId } = filter;
      // The end of the log is taken first, so that a short piece means that all up to it was looked at.
      const until = engine.backend.lastCursor();
      const of = { namespace: engine.namespace, types, executionId, jobId, sessionId };
      const events = engine.backend.readEvents({ after: this.#cursor, until, limit: PIECE, ...of });
      this.#cursor = events.length < PIECE ? Math.max(until, this.#cursor) : (events.at(-1)?.cursor ?? this.#cursor);
      const frames = events.filter((event) => passes(filter, event)).map(frameOf);
      if (frames.length > 0) this.#write(Buffer.concat(frames));
      this.pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The error is the last that it is told; it may come back. */
  #fail(error: unknown): void {
    this.#p.onError(error);
    const { code = 'internal', details = null } = error as Partial<LogisticsError>;
    this.#write(`event: error\ndata: ${JSON.stringify({ code, details })}\n\n`);
    this.end();
  }

  #write(chunk: string | Buffer): void {
    this.#writtenAt = this.#p.now();
    if (!this.#p.response.write(chunk)) this.#stalledAt ??= this.#writtenAt;
  }
}
