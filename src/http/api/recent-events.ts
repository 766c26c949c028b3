// Owns the newest entries of one engine's log for all of its subscribers: read once, written down once, bounded; what is older is in the store.
import { eventToWire } from '../../../tools/wire/event.ts';
import type { LogisticsEvent } from '../../domain/event.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';

/** About 300 bytes each: two megabytes at most, and longer than a reader takes for one burst. */
const KEPT = 4_000;
/** About 30 KiB each. A thousand subscribers that each join a burst for themselves took 120 MB more. */
const KEPT_PIECES = 64;

export interface RecentEvent {
  readonly event: LogisticsEvent;
  readonly frame: () => Buffer;
}

export class RecentEvents {
  readonly #stop: () => void;
  readonly #tell: () => void;
  #entries: RecentEvent[] = [];
  /** Everything after this one is here. */
  #after: number;
  #told = false;
  readonly #joined = new Map<string, Buffer>();
  #closed = false;

  /** `tell` is called once after entries came in, however many. */
  constructor(engine: OrchestrationEngine, tell: () => void) {
    this.#tell = tell;
    this.#stop = engine.on('*', (event) => this.#see(event));
    // After it began to listen: what is newer than this will be heard.
    this.#after = engine.backend.lastCursor();
  }

  /** Up to `limit` entries after a cursor; null when older ones are asked for, which are in the store. */
  since(cursor: number, limit: number): readonly RecentEvent[] | null {
    if (cursor < this.#after) return null;
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as RecentEvent).event.cursor > cursor) high = middle;
      else low = middle + 1;
    }
    return this.#entries.slice(low, low + limit);
  }

  /** Some entries in one piece; subscribers at the same place, as most are, share it. */
  joined(entries: readonly RecentEvent[]): Buffer {
    const [first] = entries;
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return Buffer.alloc(0);
    if (first === last) return first.frame();
    const key = `${first.event.cursor} ${last.event.cursor} ${entries.length}`;
    const known = this.#joined.get(key);
    if (known !== undefined) return known;
    const made = Buffer.concat(entries.map(({ frame }) => frame()));
    if (this.#joined.size >= KEPT_PIECES) this.#joined.clear();
    this.#joined.set(key, made);
    return made;
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    this.#entries = [];
  }

  #see(event: LogisticsEvent): void {
    let made: Buffer | null = null;
    this.#entries.push({
      event,
      frame: () => {
        made ??= frameOf(event);
        return made;
      },
    });
    // Not at each: to move thousands of entries costs more than to keep some more of them.
    if (this.#entries.length >= 2 * KEPT) {
      this.#after = (this.#entries[KEPT - 1] as RecentEvent).event.cursor;
      this.#entries = this.#entries.slice(KEPT);
    }
    if (this.#told) return;
    this.#told = true;
    setImmediate(() => {
      this.#told = false;
      if (!this.#closed) this.#tell();
    });
  }
}

/** One entry as Server-Sent Events writes it; the id is the cursor. */
export function frameOf(event: LogisticsEvent): Buffer {
  return Buffer.from(`id: ${event.cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(eventToWire(event))}\n\n`);
}
