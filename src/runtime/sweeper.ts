// Owns liveness: this process's heartbeat; in the one process that leads also taking back the work of dead ones and forgetting what is old.
import type { Decide } from '../domain/transition.ts';
import type { Backend } from '../store/backend.ts';
import { Ticker } from './ticker.ts';

export interface SweepSettings {
  readonly sweepMs: number;
  readonly heartbeatMs: number;
  /** What is forgotten; null = nothing. */
  readonly retention: { readonly days: number; readonly executions: number } | null;
}

const DAY_MS = 86_400_000;
const RETAIN_CHUNK = 500;
// About 100 µs each, in one transaction.
const CASCADE_CHUNK = 200;
const RETAIN_EVERY_MS = 60_000;

/** The sweep of this process, and whether it is the one that sweeps for all. */
export interface Sweeper extends Ticker {
  readonly leading: boolean;
}

export function createSweeper(p: {
  readonly backend: Backend;
  readonly decide: Decide;
  readonly epoch: () => number;
  readonly now: () => number;
  readonly settings: SweepSettings;
  /** This process was taken for dead (a long freeze): its epoch is gone. */
  readonly onLost: () => Promise<void>;
  /** What this process itself has to put right. */
  readonly onSweep?: (() => Promise<void>) | undefined;
  readonly onError: (error: unknown) => void;
  /** A process that works may lead; one that comes and goes sweeps only while nobody does. */
  readonly candidate: boolean;
}): Sweeper {
  let lastBeat = 0;
  let leading = true;
  let first = true;
  let lastRetain = p.now();
  const ticker = new Ticker(
    'sweeper',
    async () => {
      const now = p.now();
      if (now - lastBeat >= p.settings.heartbeatMs || now < lastBeat) {
        const { alive } = await p.backend.heartbeat({ epoch: p.epoch() });
        if (!alive) await p.onLost();
        // Only a heartbeat that was stored counts: after a failed one the next round tries again.
        lastBeat = now;
      }
      await p.onSweep?.().catch(p.onError);
      leading = await p.backend.lead({ epoch: p.epoch(), candidate: p.candidate });
      // What a dead process left is taken back at each start, whoever leads.
      if (leading || first) {
        const { more } = await p.backend.reclaim({ epoch: p.epoch(), decide: p.decide, onError: p.onError });
        if (more) return 0;
        first = false;
        // What a pause or cancel of a project began and nobody finished.
        if ((await p.backend.cascadeProjects({ decide: p.decide, limit: CASCADE_CHUNK })).more) return 0;
      }
      const { retention } = p.settings;
      if (leading && retention !== null && now - lastRetain >= RETAIN_EVERY_MS) {
        const result = await p.backend.retain({
          olderThan: now - retention.days * DAY_MS,
          keepExecutions: retention.executions,
          limit: RETAIN_CHUNK,
        });
        if (!result.more) lastRetain = now;
        else return 50;
      }
      return Math.min(p.settings.sweepMs, p.settings.heartbeatMs);
    },
    p.onError,
  );
  return Object.defineProperty(ticker, 'leading', { get: () => leading }) as Sweeper;
}
