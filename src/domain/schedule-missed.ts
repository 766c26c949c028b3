// Owns what becomes of planned times that nobody decided on in time: which of them still fire, and entries for those that do not.
import type { OccurrenceStatus } from './schedule.ts';
import { type FireView, LATE_MS, type PlannedTimes, RANGE_FROM } from './schedule-view.ts';

/** Planned times that passed without a fire, as ledger entries. */
export interface PassedEntry {
  readonly plannedAt: number;
  readonly until: number;
  readonly count: number;
  readonly status: OccurrenceStatus;
  readonly reason: string | null;
}

export interface DueFire {
  readonly plannedAt: number;
  readonly late: boolean;
}

/** The due times of one moment. They are late up to some planned time, and on time after it. */
export class MissedTimes {
  readonly #view: FireView;
  readonly #now: number;
  /** Late for sure up to here; behind it come `#tail` and `#onTime`. */
  readonly #sure: number;
  readonly #tail: number[] = [];
  readonly #onTime: number[] = [];
  /** Late ones fire from this planned time on. */
  readonly #firesFrom: number;
  /** The newest planned time that fires now, or null. */
  readonly lastFire: number | null;
  /** Not all entries of `passed` found room. */
  isCutShort = false;

  constructor(view: FireView, now: number) {
    this.#view = view;
    this.#now = now;
    this.#sure = Math.max(view.watermark, now - LATE_MS - view.jitterMs - 1);
    this.#look();
    const newestLate = this.#newestLate();
    this.#firesFrom = newestLate === null ? Number.POSITIVE_INFINITY : this.#first(newestLate);
    this.lastFire = this.#onTime.at(-1) ?? (newestLate !== null && newestLate >= this.#firesFrom ? newestLate : null);
  }

  /** Jitter never changes the order: a time is due once all before it are. */
  #look(): void {
    const { times, delayOf } = this.#view;
    let due = Number.NEGATIVE_INFINITY;
    for (let at = times.next(this.#sure); at !== null && at <= this.#now; at = times.next(at)) {
      due = Math.max(due, at + delayOf(at));
      if (due > this.#now) return;
      (this.#now - due > LATE_MS ? this.#tail : this.#onTime).push(at);
    }
  }

  #newestLate(): number | null {
    const last = this.#tail.at(-1);
    if (last !== undefined) return last;
    if (this.#sure <= this.#view.watermark) return null;
    const before = this.#view.times.prev(this.#sure + 1);
    return before !== null && before > this.#view.watermark ? before : null;
  }

  #first(newest: number): number {
    const { catchup, times, watermark } = this.#view;
    const oldest = Math.max(this.#now - catchup.windowMs, watermark + 1);
    if (catchup.mode === 'skip' || newest < oldest) return Number.POSITIVE_INFINITY;
    // One run is enough: a fire that is on time stands for those before it.
    if (catchup.mode === 'one') return this.#onTime.length > 0 ? Number.POSITIVE_INFINITY : newest;
    let first = newest;
    for (let taken = 1; taken < catchup.cap; taken++) {
      const before = times.prev(first);
      if (before === null || before < oldest) break;
      first = before;
    }
    return first;
  }

  /** Entries for the late ones that do not fire, oldest first: one for all when they are many. */
  passed(room: number): PassedEntry[] {
    const { watermark, times, catchup } = this.#view;
    const newest = this.#newestLate();
    if (newest === null) return [];
    const to = Math.min(newest, this.#firesFrom - 1);
    const inWindow = this.#now - catchup.windowMs;
    const taken = catchup.mode === 'one' && this.lastFire !== null;
    const statusOf = (at: number): Pick<PassedEntry, 'status' | 'reason'> =>
      taken && at >= inWindow ? { status: 'coalesced', reason: COALESCED } : { status: 'missed', reason: this.#whyMissed(at < inWindow) };
    const entries = entriesOf(times, { from: watermark + 1, split: inWindow, to }, room, statusOf);
    this.isCutShort = entries.isCutShort;
    return entries.entries;
  }

  #whyMissed(tooOld: boolean): string {
    const { mode, cap } = this.#view.catchup;
    if (mode === 'skip') return 'No process decided on it in time, and catchup is skip.';
    if (tooOld) return 'No process decided on it within the catch-up window.';
    return mode === 'all' ? `No process decided on it in time; catchup takes up the newest ${cap}.` : 'No process decided on it in time.';
  }

  /** Those that fire, oldest first; none while entries of `passed` are left over. */
  *fires(watermark: number): Generator<DueFire, void> {
    if (this.isCutShort) return;
    const { times } = this.#view;
    const newest = this.#newestLate();
    if (newest !== null && this.#firesFrom <= newest) {
      for (let at: number | null = this.#firesFrom; at !== null && at <= newest; at = times.next(at)) if (at > watermark) yield { plannedAt: at, late: true };
    }
    for (const plannedAt of this.#onTime) yield { plannedAt, late: false };
  }
}

const COALESCED = 'No process decided on it in time; a later fire stands for it.';

interface Entries {
  readonly entries: PassedEntry[];
  readonly isCutShort: boolean;
}

type StatusOf = (at: number) => Pick<PassedEntry, 'status' | 'reason'>;

/** Entries for the planned times between two instants, both included; `room` bounds them, a range counts as one. No range goes across `split`, where the status may change. */
export function entriesOf(
  times: PlannedTimes,
  { from, to, split = from }: { readonly from: number; readonly to: number; readonly split?: number | undefined },
  room: number,
  statusOf: StatusOf,
): Entries {
  if (split <= from || split > to) return entriesBetween(times, from, to, room, statusOf);
  const before = entriesBetween(times, from, split - 1, room, statusOf);
  if (before.isCutShort) return before;
  const after = entriesBetween(times, split, to, room - before.entries.length, statusOf);
  return { entries: [...before.entries, ...after.entries], isCutShort: after.isCutShort };
}

function entriesBetween(times: PlannedTimes, from: number, to: number, room: number, statusOf: StatusOf): Entries {
  const first = from > to ? null : times.next(from - 1);
  if (first === null || first > to) return { entries: [], isCutShort: false };
  if (room <= 0) return { entries: [], isCutShort: true };
  const entries: PassedEntry[] = [];
  const count = times.countBetween(first, to);
  if (count > RANGE_FROM) {
    const last = times.prev(to + 1) as number;
    return { entries: [{ plannedAt: first, until: last, count, ...statusOf(first) }], isCutShort: false };
  }
  for (let at: number | null = first; at !== null && at <= to; at = times.next(at)) {
    if (entries.length >= room) return { entries, isCutShort: true };
    entries.push({ plannedAt: at, until: at, count: 1, ...statusOf(at) });
  }
  return { entries, isCutShort: false };
}
