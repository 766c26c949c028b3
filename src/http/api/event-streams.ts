// Owns the subscribers of the event log: one feed per engine however many they are, and an end for those who are no longer let in or do not read.

import { checkKept } from '../../../tools/views/kept-events.ts';
import type { Principal } from '../../domain/access.ts';
import { LogisticsError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/log.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import type { Exchange } from '../gate.ts';
import { cursorOf, readFilter } from './event-filter.ts';
import { EventStream } from './event-stream.ts';
import { RecentEvents } from './recent-events.ts';

interface Feed {
  readonly recent: RecentEvents;
  readonly streams: Set<EventStream>;
}

export class EventStreams {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #feeds = new Map<OrchestrationEngine, Feed>();
  #closed = false;

  constructor({ logger, now }: { readonly logger: Logger; readonly now: () => number }) {
    this.#logger = logger;
    this.#now = now;
  }

  get size(): number {
    return [...this.#feeds.values()].reduce((sum, { streams }) => sum + streams.size, 0);
  }

  /** Serves one subscriber; resolves when it is gone. Throws for a filter or cursor that is none, before anything is sent. */
  async open(engine: OrchestrationEngine, { request, response, principal }: Exchange): Promise<void> {
    const { after, filter } = readFilter(request.url ?? '', engine);
    // A reader that comes back names the last entry that it saw; the address is still that of its beginning.
    const header = request.headers['last-event-id'];
    const from = header === undefined || header === '' ? after : cursorOf(String(header), 'Last-Event-ID');
    if (from !== null) checkRange(engine, from);
    // Who asks for all that is kept finds gaps in what was there before it came, and only there.
    const whole = from === 0 ? engine.backend.lastCursor() : 0;
    const checkCursor = (cursor: number): void => {
      if (cursor >= whole) checkKept(engine, cursor);
    };
    if (this.#closed) throw new LogisticsError('shutting_down', 'This server is stopping.');
    // Who leaves while it is let in has no close to wait for.
    if (response.destroyed) return;
    const gone = new Promise<void>((resolve) => response.once('close', resolve));
    const feed = this.#feedOf(engine);
    const stream = new EventStream({
      engine,
      recent: feed.recent,
      response,
      principal,
      filter,
      after: from ?? engine.backend.lastCursor(),
      checkCursor,
      onError: (error) => this.#logger.warn({ err: error }, 'an event stream ended'),
      now: this.#now,
    });
    feed.streams.add(stream);
    stream.pump();
    await gone;
    feed.streams.delete(stream);
    if (feed.streams.size > 0) return;
    this.#feeds.delete(engine);
    feed.recent.close();
  }

  tick(isGone: (principal: Principal) => boolean): void {
    for (const { streams } of this.#feeds.values()) {
      for (const stream of [...streams]) {
        if (isGone(stream.principal)) stream.end();
        else if (stream.tick()) {
          this.#logger.info({ principal: stream.principal.id, cursor: stream.cursor }, 'an event stream was dropped: its reader takes nothing');
          stream.drop();
        }
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const { streams } of this.#feeds.values()) for (const stream of streams) stream.end();
  }

  #feedOf(engine: OrchestrationEngine): Feed {
    const known = this.#feeds.get(engine);
    if (known !== undefined) return known;
    const streams = new Set<EventStream>();
    const recent = new RecentEvents(engine, () => {
      for (const stream of streams) stream.pump();
    });
    const made = { recent, streams };
    this.#feeds.set(engine, made);
    return made;
  }
}

function checkRange(engine: OrchestrationEngine, cursor: number): void {
  const last = engine.backend.lastCursor();
  if (cursor > last)
    throw new LogisticsError('invalid_input', `The log ends at ${last}; ${cursor} was never in it.`, { path: 'after', expected: `0 to ${last}` });
  checkKept(engine, cursor);
}
