// Owns what the schedule manager is asked and answers with.
import type { Json } from '../domain/json.ts';
import type { OccurrenceStatus, Schedule, ScheduleStatus } from '../domain/schedule.ts';
import type { ScheduleInput } from './schedule-input.ts';
import type { VirtualFire } from './simulate.ts';

/** Whom a schedule belongs to. */
export interface ScheduleCaller {
  readonly principal: string;
  readonly sessionId: string | null;
  /** The job or run whose work asks, as far as it is known. */
  readonly cause?: string | undefined;
}

export interface ScheduleFilter {
  readonly status?: ScheduleStatus | undefined;
  readonly sessionId?: string | undefined;
  /** Name of a project. */
  readonly project?: string | undefined;
  /** Substring of the name. */
  readonly text?: string | undefined;
}

/** A planned time as it is shown: epoch ms, local time with offset, and what is special about it. */
export interface PreviewedFire {
  readonly at: number;
  readonly local: string;
  /** For example that the clock change moves it, or null. */
  readonly note: string | null;
  /** When it fires, with its jitter; epoch ms. */
  readonly dueAt: number;
}

export interface SimulatedFire {
  readonly plannedAt: number;
  readonly local: string;
  readonly status: OccurrenceStatus;
  readonly reason: string | null;
  /** When it would start, or null when it would not. */
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  readonly until: number;
  readonly count: number;
  /** What a change of the clock does to it, or null. */
  readonly note: string | null;
}

/** A simulation of many fires, of which few are shown. */
export interface Simulated {
  readonly fires: readonly VirtualFire[];
  readonly shown: (fire: VirtualFire) => SimulatedFire;
  /** What it takes for granted, and what the clocks do to planned times. */
  readonly notes: readonly string[];
}

export interface SimulateRequest {
  readonly id?: string | undefined;
  readonly input?: ScheduleInput | undefined;
  readonly from: number;
  readonly to: number;
  /** How long each run takes; default 0. */
  readonly runMs?: number | undefined;
  /** Times in which no process runs. */
  readonly outages?: readonly { readonly from: number; readonly to: number }[] | undefined;
  readonly limit?: number | undefined;
}

export interface ScheduleDescription {
  readonly sentence: string;
  readonly nextFires: readonly PreviewedFire[];
  /** Policies that apply, named or by default. */
  readonly policies: Readonly<Record<string, Json>>;
  readonly warnings: readonly string[];
}

/** A schedule after a change; `replayed` when the same call was made before. */
export type ChangedSchedule = Schedule & { readonly replayed: boolean };

export interface TriggerResult {
  readonly plannedAt: number;
  /** The execution or job that it started, or null when it waits or was skipped. */
  readonly targetId: string | null;
  readonly status: OccurrenceStatus;
  readonly replayed: boolean;
}

export interface BackfillResult {
  /** Planned times in the range, up to the limit. */
  readonly planned: number;
  /** Of these, started at once. */
  readonly fired: number;
  /** Of these, waiting for the run before them. */
  readonly buffered: number;
  /** Of these, backfilled before: nothing was done. */
  readonly already: number;
  /** The first planned time behind the limit, or null. */
  readonly nextFrom: number | null;
  readonly replayed: boolean;
}

export interface LedgerQuery {
  readonly status?: OccurrenceStatus | undefined;
  /** Planned at or after, and at or before; epoch ms. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit: number;
  readonly cursor: string | null;
}
