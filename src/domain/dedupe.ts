// Owns what happens to a job whose dedupe key another job of its queue already has.
import { z } from 'zod';
import { Duration } from './duration.ts';

export const DEDUPE_MODES = ['reject', 'return_existing', 'replace', 'debounce'] as const;

export const DedupeInput = z.strictObject({
  key: z.string().min(1).max(200),
  mode: z.enum(DEDUPE_MODES),
  window: Duration.optional().describe('reject, return_existing: also for this long after the end.'),
  max_wait: Duration.optional().describe('debounce: started at the latest this long after the first.'),
});

/** Times in ms. */
export interface Dedupe {
  readonly key: string;
  readonly mode: (typeof DEDUPE_MODES)[number];
  readonly windowMs: number;
  /** debounce: how far each call pushes the start. */
  readonly delayMs: number;
  readonly maxWaitMs: number | null;
}

export interface EarlierJob {
  /** `waiting`: pending or to be tried again. */
  readonly state: 'waiting' | 'running' | 'ended';
  readonly endedAt: number | null;
}

/**
 * `enqueue`: nobody is in the way. `reject`, `existing`: the earlier job stands. `replace`: the earlier one waits and takes
 * over what the new one brings. `behind`: the earlier one runs, the new one waits for its end.
 */
export type DedupeVerdict = 'enqueue' | 'reject' | 'existing' | 'replace' | 'behind';

export function dedupeVerdict(dedupe: Dedupe, earlier: EarlierJob | null, now: number): DedupeVerdict {
  if (earlier === null) return 'enqueue';
  const stands = dedupe.mode === 'reject' ? 'reject' : 'existing';
  const keepsOut = dedupe.mode === 'reject' || dedupe.mode === 'return_existing';
  switch (earlier.state) {
    case 'ended':
      return keepsOut && (earlier.endedAt ?? 0) + dedupe.windowMs > now ? stands : 'enqueue';
    case 'running':
      return keepsOut ? stands : 'behind';
    case 'waiting':
      return keepsOut ? stands : 'replace';
  }
}

/** When a debounced job starts: `delayMs` after the last call, at the latest `maxWaitMs` after the first. */
export function debouncedUntil(dedupe: Dedupe, firstAt: number, now: number): number {
  const pushed = now + dedupe.delayMs;
  return dedupe.maxWaitMs === null ? pushed : Math.min(pushed, firstAt + dedupe.maxWaitMs);
}
