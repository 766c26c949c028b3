// Owns how much one principal may take at once and in a time, so that none of them leaves the others without.
import { freeStarts, type RateLimit, type Starts, withStart } from '../domain/rate-limit.ts';

export interface ShareLimits {
  readonly rateLimit: RateLimit | null;
  readonly maxConcurrent: number;
  readonly maxStreams: number;
}

interface Use {
  starts: Starts;
  requests: number;
  streams: number;
}

export type Share =
  | { readonly kind: 'granted'; readonly done: () => void }
  | { readonly kind: 'refused'; readonly message: string; readonly retryAfterMs: number };

/** What nobody uses any more is forgotten once there are this many. */
const REMEMBERED = 10_000;

export class FairShare {
  readonly #limits: ShareLimits;
  readonly #now: () => number;
  readonly #uses = new Map<string, Use>();

  constructor(limits: ShareLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Counts a request from now until `done`, a stream apart from the others. `rated`: the limit in a time acts too. */
  take(principal: string, kind: 'request' | 'stream', rated = true): Share {
    const { maxConcurrent, maxStreams } = this.#limits;
    const rateLimit = rated ? this.#limits.rateLimit : null;
    const use = this.#useOf(principal);
    const now = this.#now();
    if (rateLimit !== null) {
      const { free, nextAt } = freeStarts(use.starts, rateLimit, now);
      if (free === 0)
        return {
          kind: 'refused',
          message: `More than ${rateLimit.limit} requests in ${rateLimit.periodMs} ms.`,
          retryAfterMs: Math.max(1, (nextAt ?? now) - now),
        };
    }
    const field = kind === 'stream' ? 'streams' : 'requests';
    const most = kind === 'stream' ? maxStreams : maxConcurrent;
    if (use[field] >= most) return { kind: 'refused', message: `More than ${most} ${field} at once.`, retryAfterMs: 1_000 };
    if (rateLimit !== null) use.starts = withStart(use.starts, rateLimit, now);
    use[field]++;
    let open = true;
    const done = (): void => {
      if (open) use[field]--;
      open = false;
    };
    return { kind: 'granted', done };
  }

  #useOf(principal: string): Use {
    const known = this.#uses.get(principal);
    if (known !== undefined) return known;
    if (this.#uses.size >= REMEMBERED) for (const [name, { requests, streams }] of this.#uses) if (requests + streams === 0) this.#uses.delete(name);
    const use = { starts: [], requests: 0, streams: 0 };
    this.#uses.set(principal, use);
    return use;
  }
}
