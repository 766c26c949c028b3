// Owns priority: integers 0–100, higher = sooner, five names; and the static rank that orders a queue.
import { z } from 'zod';

export const PRIORITY_NAMES = { critical: 100, high: 75, normal: 50, low: 25, background: 0 } as const;
export type PriorityName = keyof typeof PRIORITY_NAMES;

/** Integer 0–100 or a name; gives the integer. */
export const Priority = z.union([
  z.int().min(0).max(100),
  z.enum(['critical', 'high', 'normal', 'low', 'background']).transform((name) => PRIORITY_NAMES[name]),
]);

export const DEFAULT_PRIORITY = 50;
export const AGE_STEP_MS = 60_000;

/**
 * Place in the queue, smaller = sooner, fixed when the job becomes ready: waiting `ageStepMs` is worth one point of
 * priority, FIFO inside a priority. With `ageStepMs` 0 priority is strict.
 */
export function rankOf(readyAt: number, priority: number, ageStepMs: number): number {
  return ageStepMs === 0 ? (100 - priority) * 1e13 + readyAt : readyAt - priority * ageStepMs;
}
