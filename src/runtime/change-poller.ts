// Owns noticing other processes: a look at the file's change counter (2 µs) each 25 ms, never holding the process open.
import type { Backend } from '../store/backend.ts';
import { Ticker } from './ticker.ts';

export const POLL_MS = 25;

export function createChangePoller(backend: Backend, onError: (error: unknown) => void): Ticker {
  return new Ticker(
    'change-poller',
    async () => {
      backend.pollForeign();
      return POLL_MS;
    },
    onError,
  );
}
