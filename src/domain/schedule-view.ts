// Owns what a decision about due times sees of a schedule, and the bounds that it keeps.
import type { CatchupPolicy, OccurrenceOrigin, OverlapPolicy } from './schedule.ts';

/** A fire that comes later than this after its due time is late, and the catch-up policy decides on it. */
export const LATE_MS = 5_000;
/** Fires that may wait for the run before them. */
export const MAX_BUFFERED = 1_000;
/** More planned times than this that passed without a fire become one ledger entry for the whole range. */
export const RANGE_FROM = 1_000;
/** Ledger entries of one decision; the rest follows in the next. */
export const MAX_ENTRIES = 500;

/** The planned times of a schedule: epoch ms, cut by start, end and exclusions. */
export interface PlannedTimes {
  /** The first one after the instant, or null. */
  next(after: number): number | null;
  /** The last one before the instant, or null. */
  prev(before: number): number | null;
  /** How many lie between the instants, both included; fast for long spans. */
  countBetween(from: number, to: number): number;
}

/** A fire that waits for the run before it. */
export interface WaitingFire {
  readonly origin: OccurrenceOrigin;
  readonly plannedAt: number;
}

export interface FireView {
  readonly paused: boolean;
  readonly overlap: OverlapPolicy;
  readonly catchup: CatchupPolicy;
  readonly maxRuns: number | null;
  /** Planned times that have started a run. */
  readonly runs: number;
  /** Every planned time up to here has its ledger entry. */
  readonly watermark: number;
  readonly times: PlannedTimes;
  readonly jitterMs: number;
  /** How long the fire of a planned time is delayed: 0 to jitterMs. */
  readonly delayOf: (plannedAt: number) => number;
  /** Runs that it started and that have not ended, and conditions that are still asked. */
  readonly running: number;
  /** Of these, conditions; default none. */
  readonly asking?: number | undefined;
  /** Of these, runs of backfills and those that somebody asked for; default none. */
  readonly byHand?: number | undefined;
  /** Oldest first. */
  readonly waiting: readonly WaitingFire[];
}
