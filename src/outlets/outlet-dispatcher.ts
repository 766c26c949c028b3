// Owns that each chosen event of the log becomes one delivery per outlet, in the log's order: one process of a namespace does it, and a crash of it neither loses nor doubles one.
import type { EventType } from '../domain/event.ts';
import type { Outlet } from '../domain/outlet.ts';
import { queueOf } from '../domain/outlet.ts';
import { Ticker } from '../runtime/ticker.ts';
import type { Backend } from '../store/backend.ts';
import { deliveryOf, type EventWords } from './delivery.ts';

/** Entries looked at in one commit. */
const BATCH = 200;
/** Where nothing fitted, the position is stored this rarely: a crash then looks at so many entries again, and makes nothing twice. */
const UNSTORED = 1_000;
/** An outlet that is down holds back its part of the log, not an ever longer queue. */
const MAX_WAITING = 1_000;
const LOOK_MS = 2_000;
/** An outlet that nobody served for so long starts anew at the end of the log. */
export const STALE_MS = 7 * 86_400_000;
const SERVED_MS = 3_600_000;

export interface DispatcherParts {
  readonly backend: Backend;
  readonly namespace: string;
  readonly outlets: readonly Outlet[];
  readonly epoch: () => number;
  readonly now: () => number;
  readonly words: EventWords;
  readonly onError: (error: unknown) => void;
}

interface Position {
  /** As it is stored. */
  stored: number;
  /** Looked at, with nothing to deliver since `stored`. */
  seen: number;
}

export class OutletDispatcher {
  readonly ticker: Ticker;
  readonly #p: DispatcherParts;
  #positions: Map<string, Position> | null = null;
  #openedAt = 0;

  constructor(parts: DispatcherParts) {
    this.#p = parts;
    this.ticker = new Ticker('outlets', () => this.#round(), parts.onError);
  }

  /** A commit happened, here or elsewhere. Who does not lead looks again when its time has come. */
  wake(): void {
    if (this.#positions !== null) this.ticker.wake();
  }

  /** Looks until the end of the log is reached, or an outlet holds back. */
  async drain(): Promise<void> {
    while ((await this.ticker.tick()) === 0);
  }

  async #round(): Promise<number> {
    const { backend, namespace, outlets, epoch, now, onError } = this.#p;
    if (!(await backend.lead({ epoch: epoch(), candidate: true, duty: `outlets ${namespace}` }))) {
      this.#positions = null;
      return LOOK_MS;
    }
    if (this.#positions === null || now() - this.#openedAt > SERVED_MS) await this.#open();
    let more = false;
    for (const outlet of outlets) {
      // One whose events cannot be read or rendered holds up no other.
      try {
        more = (await this.#advance(outlet)) || more;
      } catch (error) {
        onError(error);
      }
    }
    return more || this.#positions === null ? 0 : LOOK_MS;
  }

  /** The outlets of the configuration are those of the store from now on; what waited for one that is gone is cancelled. */
  async #open(): Promise<void> {
    const { backend, namespace, outlets, now } = this.#p;
    const names = outlets.map(({ name }) => name);
    const opened = await backend.openOutlets({ namespace, names, staleBefore: now() - STALE_MS });
    for (const name of opened.forgotten) {
      for (const says of ['event', 'text'] as const) while ((await backend.clearQueue({ namespace, queue: queueOf({ name, says }), limit: 500 })) > 0);
    }
    this.#positions = new Map(opened.outlets.map(({ name, cursor }) => [name, { stored: cursor, seen: cursor }]));
    this.#openedAt = now();
  }

  /** Takes one outlet a batch further; true when there is more to look at now. */
  async #advance(outlet: Outlet): Promise<boolean> {
    const { backend, namespace, words } = this.#p;
    const position = this.#positions?.get(outlet.name);
    if (position === undefined) return false;
    // The end is taken first, so that a short batch means that all up to it was looked at.
    const until = backend.lastCursor();
    if (until <= position.seen || backend.queueSize({ namespace, queue: queueOf(outlet) }) >= MAX_WAITING) return false;
    const types: readonly EventType[] | undefined = outlet.events === '*' ? undefined : outlet.events;
    const events = backend.readEvents({ after: position.seen, until, limit: BATCH, namespace, types });
    const to = events.length < BATCH ? until : (events.at(-1)?.cursor ?? until);
    const jobs = events.flatMap((event) => deliveryOf(outlet, event, { backend, namespace, words }) ?? []);
    if (jobs.length === 0 && to - position.stored < UNSTORED) {
      position.seen = to;
    } else if (await backend.dispatch({ namespace, name: outlet.name, from: position.stored, to, jobs })) {
      position.stored = to;
      position.seen = to;
    } else {
      // Another process went on meanwhile, after a lease of ours that lapsed.
      this.#positions = null;
    }
    return events.length === BATCH;
  }
}
