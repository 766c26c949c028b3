// Owns how long a task type takes on one executor lately: an exponentially weighted mean, and how often it fails there.

export interface Latency {
  /** Mean of completed attempts, or null: none completed yet. */
  readonly ms: number | null;
  /** Share of failed attempts, 0 to 1. */
  readonly failing: number;
}

/** The newest attempt counts a fifth: after ten attempts what was before weighs a tenth. */
const NEWEST = 0.2;
export const NO_LATENCY: Latency = { ms: null, failing: 0 };

/** A failed attempt says nothing of how long the work takes: most fail early. */
export function withAttempt(before: Latency, completed: boolean, ms: number): Latency {
  const failing = before.failing + NEWEST * ((completed ? 0 : 1) - before.failing);
  if (!completed) return { ms: before.ms, failing };
  return { ms: before.ms === null ? ms : before.ms + NEWEST * (ms - before.ms), failing };
}
