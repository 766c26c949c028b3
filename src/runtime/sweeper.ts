// Owns liveness: this process's heartbeat, taking back the work of dead ones, and forgetting what is old.
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
const RETAIN_EVERY_MS = 60_000;

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
}): Ticker {
  let lastBeat = 0;
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
      const { more } = await p.backend.reclaim({ epoch: p.epoch(), decide: p.decide, onError: p.onError });
      if (more) return 0;
      const { retention } = p.settings;
      if (retention !== null && now - lastRetain >= RETAIN_EVERY_MS) {
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
  return ticker;
}
