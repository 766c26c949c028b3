// Owns due times: one timer of this process sleeps to the next moment of any job, sleep, timeout or expiry in the store.
import type { Decide } from '../domain/transition.ts';
import type { Backend } from '../store/backend.ts';
import { Ticker } from './ticker.ts';

const BATCH = 200;
// Looked at again at least this often: clocks jump, machines suspend, other processes add timers.
const LONGEST_MS = 5_000;
// Whoever leads fires at the moment itself; the others look this much later, so that they do not all reach for the write lock.
const NET_MS = 100;

export function createDueTimer(p: {
  readonly backend: Backend;
  readonly decide: Decide;
  readonly now: () => number;
  /** Whether this process is the one that sweeps for all. */
  readonly leading: () => boolean;
  readonly onError: (error: unknown) => void;
}): Ticker {
  const ticker = new Ticker(
    'due-timer',
    async () => {
      const { fired, nextDueAt } = await p.backend.fireDue({
        decide: p.decide,
        limit: BATCH,
        before: p.leading() ? undefined : p.now() - NET_MS,
        onError: p.onError,
      });
      if (fired >= BATCH) return 0;
      return nextDueAt === null ? LONGEST_MS : Math.min(LONGEST_MS, Math.max(1, nextDueAt - p.now() + (p.leading() ? 0 : NET_MS)));
    },
    p.onError,
  );
  return ticker;
}
