// Owns what people do to schedules: made, changed, paused, resumed, deleted, fired by hand; whatever it is, no planned time loses its ledger row.
import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { OccurrenceStatus, Schedule } from '../../domain/schedule.ts';
import { placeAsked } from '../../domain/schedule-fire.ts';
import { entriesOf, type PassedEntry } from '../../domain/schedule-missed.ts';
import { LATE_MS, MAX_BUFFERED } from '../../domain/schedule-view.ts';
import type { Decide } from '../../domain/transition.ts';
import type { ScheduleSpec } from '../backend.ts';
import { SCHEDULE } from './codes.ts';
import { ScheduleEnds } from './schedule-ends.ts';
import { logPassed, logSchedule } from './schedule-events.ts';
import { OPEN, type ScheduleRows } from './schedule-rows.ts';
import type { ScheduleSql } from './schedule-sql.ts';
import type { Schedules } from './schedules.ts';
import type { Tx } from './tx.ts';

/** Rounds of the old rule before a change; each decides on up to 500 planned times. */
const ROUNDS = 4;
const CHUNK = 500;

export class ScheduleChanges {
  readonly #tx: Tx;
  readonly #rows: ScheduleRows;
  readonly #schedules: Schedules;
  readonly #ends: ScheduleEnds;

  constructor(tx: Tx, schedules: Schedules) {
    this.#tx = tx;
    this.#rows = schedules.rows;
    this.#schedules = schedules;
    this.#ends = new ScheduleEnds(tx, schedules.rows);
    schedules.onFailure = (num) => this.#ends.failed(num);
  }

  create(schedule: Schedule): Schedule | { readonly conflict: ErrorData } {
    const tx = this.#tx;
    const taken = this.#rows.byName(tx.namespace(schedule.namespace), schedule.name);
    if (taken !== undefined) return { conflict: nameTaken(schedule.name, taken.id) };
    const row = this.#rows.insert(schedule);
    if (schedule.dueAt !== null) tx.notice.timersChanged = true;
    logSchedule(tx, row, 'schedule_created', {});
    return this.#rows.toSchedule(row);
  }

  pause(row: ScheduleSql, reason: string | null): void {
    if (row.status !== SCHEDULE.active) return;
    this.#account(row, 'It was paused before this time was decided.');
    this.#tx
      .sql('UPDATE schedule SET status = 1, pause_reason = ?, due_at = NULL, next_at = NULL, updated_at = ? WHERE num = ?')
      .run(reason, this.#tx.now, row.num);
    // What somebody asked for does not stand still.
    this.#ends.wake(row.num);
    logSchedule(this.#tx, row, 'schedule_paused', { reason });
  }

  resume(row: ScheduleSql): void {
    if (row.status !== SCHEDULE.paused) return;
    this.#skipPaused(row);
    for (const entry of this.#rows.openEntries(row.num)) {
      if (entry.open === OPEN.woken) this.#rows.setStatus(entry.num, { status: 'skipped_paused', reason: pausedWhy(row), open: null });
    }
    this.#tx.sql('UPDATE schedule SET status = 0, pause_reason = NULL, failures = 0, updated_at = ? WHERE num = ?').run(this.#tx.now, row.num);
    this.#rearm(row.num);
    logSchedule(this.#tx, row, 'schedule_updated', { resumed: true });
  }

  /** What was due before is decided by the old rule; with other times the schedule counts from now. */
  update(given: ScheduleSql, name: string, spec: ScheduleSpec, decide: Decide): { readonly conflict: ErrorData } | null {
    const tx = this.#tx;
    const taken = this.#rows.byName(given.ns, name);
    if (taken !== undefined && taken.num !== given.num) return { conflict: nameTaken(name, taken.id) };
    const before = this.#rows.spec(given);
    const hasOtherTimes = timesOf(before) !== timesOf(spec);
    const isBroken = 'error' in this.#rows.evaluated(given, (times) => times.next(tx.now));
    if (hasOtherTimes && !isBroken && given.status === SCHEDULE.active) this.#decideOld(given, decide);
    const row = this.#rows.byNum(given.num) as ScheduleSql;
    const planned = row.status === SCHEDULE.paused || row.next_at !== null;
    // Nothing was planned any more, so nothing was missed.
    if (!planned) tx.sql('UPDATE schedule SET watermark = max(watermark, ?) WHERE num = ?').run(tx.now, row.num);
    else if (hasOtherTimes) {
      if (row.status === SCHEDULE.paused) this.#skipPaused(row);
      else this.#account(row, 'The rule was changed before this time was decided.');
    }
    // A fire that waits keeps the input that it was given.
    tx.sql('UPDATE occurrence SET input = ? WHERE schedule = ? AND open IS NOT NULL AND input IS NULL').run(JSON.stringify(before.input), row.num);
    this.#rows.putSpec(row.num, name, spec);
    if (row.status === SCHEDULE.completed) tx.sql('UPDATE schedule SET status = 0 WHERE num = ?').run(row.num);
    this.#rearm(row.num);
    logSchedule(tx, { ...row, name }, 'schedule_updated', { revision: row.revision + 1 });
    return null;
  }

  /** Runs that go on are left alone; what waits for them is not started any more. */
  delete(row: ScheduleSql, decide: Decide): void {
    const tx = this.#tx;
    if (row.deleted_at !== null) return;
    const reason = 'The schedule was deleted.';
    if (row.status === SCHEDULE.paused) this.#skipPaused(row);
    else if (row.status === SCHEDULE.active) this.#account(row, reason);
    for (const entry of this.#rows.openEntries(row.num)) {
      if (entry.open !== OPEN.running) this.#schedules.stops.stopAsking(row, entry, { status: 'skipped_paused', reason }, decide);
    }
    tx.sql('UPDATE schedule SET deleted_at = ?, due_at = NULL, next_at = NULL, updated_at = ? WHERE num = ?').run(tx.now, tx.now, row.num);
    logSchedule(tx, row, 'schedule_updated', { deleted: true });
  }

  /** Those of a session that is closed with its work; at most a chunk, tells how many. */
  deleteOf(session: number, decide: Decide): number {
    const rows = this.#tx.sql('SELECT * FROM schedule WHERE session = ? AND deleted_at IS NULL ORDER BY num LIMIT ?').all(session, CHUNK) as ScheduleSql[];
    for (const row of rows) this.delete(row, decide);
    return rows.length;
  }

  /** One run now, as far as the overlap policy allows. */
  trigger(row: ScheduleSql, input: Json | undefined, decide: Decide): { plannedAt: number; targetId: string | null; status: OccurrenceStatus } {
    const tx = this.#tx;
    let plannedAt = tx.now;
    while (this.#rows.entryAt(row.num, plannedAt, 'trigger') !== undefined) plannedAt++;
    const open = this.#rows.openEntries(row.num);
    const waiting = open.filter((entry) => entry.open === OPEN.waiting).length;
    const place = placeAsked(this.#rows.spec(row).overlap, open.length - waiting, waiting);
    if (place.status === 'fired') {
      const outcome = this.#schedules.startAsked(row, { entry: null, origin: 'trigger', plannedAt, input, replaces: place.cancelRunning }, decide);
      return { plannedAt, targetId: outcome.run, status: outcome.status };
    }
    const entry = { origin: 'trigger', plannedAt, until: plannedAt, count: 1, status: place.status, reason: place.reason } as const;
    this.#rows.addEntry(row.num, { ...entry, open: place.status === 'buffered' ? OPEN.waiting : null, input });
    logPassed(tx, row, [entry]);
    // Where nothing runs, no end wakes it.
    if (open.length === waiting) this.#ends.wake(row.num);
    return { plannedAt, targetId: null, status: place.status };
  }

  /** Planned times of a past range, oldest first: one after the other, or together; as many as may wait. */
  backfill(
    row: ScheduleSql,
    p: { readonly from: number; readonly to: number; readonly limit: number; readonly together: boolean },
    decide: Decide,
  ): Backfilled {
    const times = this.#rows.times(row);
    const waiting = this.#rows.openEntries(row.num).filter((entry) => entry.open === OPEN.waiting).length;
    const limit = p.together ? p.limit : Math.min(p.limit, MAX_BUFFERED - waiting);
    const made: number[] = [];
    let planned = 0;
    let at = times.next(p.from - 1);
    for (; at !== null && at <= p.to && planned < limit; at = times.next(at)) {
      planned++;
      const kept = { origin: 'backfill', plannedAt: at, input: undefined } as const;
      const reason = 'It waits for the run before it.';
      const fresh = this.#rows.addEntry(row.num, { ...kept, status: 'buffered', reason, open: OPEN.waiting, until: at, count: 1 });
      const entry = fresh ?? this.#rows.askAgain(row.num, at, reason);
      if (entry === undefined) continue;
      made.push(entry);
      if (p.together) this.#schedules.startAsked(row, { ...kept, entry, replaces: false }, decide);
    }
    if (!p.together && made.length > 0) this.#schedules.round(this.#rows.byNum(row.num) as ScheduleSql, decide);
    const after = made.map((num) => this.#rows.entry(num));
    const fired = after.filter((entry) => entry !== undefined && entry.run !== null).length;
    const buffered = after.filter((entry) => entry?.open === OPEN.waiting).length;
    return { planned, fired, buffered, already: planned - made.length, nextFrom: at === null || at > p.to ? null : at };
  }

  /** Planned times up to now that nobody decided: those that were due in the last seconds, or not yet, were still to be, the others are missed. */
  #account(row: ScheduleSql, reason: string): void {
    const onTime = this.#tx.now - LATE_MS;
    const { jitterMs } = this.#rows.spec(row);
    const statusOf: StatusOf = (at) => ({ status: at + this.#rows.delayOf(row, at) >= onTime ? 'skipped_paused' : 'missed', reason });
    this.#pass(row, statusOf, onTime - jitterMs);
  }

  #skipPaused(row: ScheduleSql): void {
    this.#pass(row, () => ({ status: 'skipped_paused', reason: pausedWhy(row) }));
  }

  #pass(row: ScheduleSql, statusOf: StatusOf, split?: number): void {
    const tx = this.#tx;
    if (row.watermark >= tx.now) return;
    const range = { from: row.watermark + 1, split, to: tx.now };
    const passed = this.#rows.evaluated(row, (times) => entriesOf(times, range, Number.POSITIVE_INFINITY, statusOf).entries);
    const entries = 'error' in passed ? unknownTimes(row, tx.now, passed.error) : passed.value;
    for (const entry of entries) this.#rows.addEntry(row.num, { ...entry, origin: 'plan', open: null, input: undefined });
    tx.sql('UPDATE schedule SET watermark = ? WHERE num = ?').run(tx.now, row.num);
    logPassed(tx, row, entries);
  }

  #decideOld(row: ScheduleSql, decide: Decide): void {
    for (let left = ROUNDS; left > 0; left--) {
      const now = this.#rows.byNum(row.num) as ScheduleSql;
      if (now.status !== SCHEDULE.active || now.next_at === null || now.next_at > this.#tx.now) return;
      // A fire that only jitter holds back starts now.
      this.#schedules.round(now, decide, { isImpatient: true });
    }
  }

  /** When it is due next, by what is stored of it now. */
  #rearm(num: number): void {
    const tx = this.#tx;
    const row = this.#rows.byNum(num) as ScheduleSql;
    if (row.status === SCHEDULE.paused) return;
    const spec = this.#rows.spec(row);
    const isSpent = spec.maxRuns !== null && row.runs >= spec.maxRuns;
    const nextAt = isSpent ? null : this.#rows.times(row).next(row.watermark);
    const waits = this.#rows.openEntries(num).some((entry) => entry.open !== OPEN.running);
    const dueAt = waits ? tx.now : nextAt === null ? null : nextAt + this.#rows.delayOf(row, nextAt);
    const status = nextAt === null && !waits ? SCHEDULE.completed : row.status;
    tx.sql('UPDATE schedule SET next_at = ?, due_at = ?, status = ? WHERE num = ?').run(nextAt, dueAt, status, num);
    tx.notice.timersChanged = true;
  }
}

export interface Backfilled {
  readonly planned: number;
  readonly fired: number;
  readonly buffered: number;
  readonly already: number;
  readonly nextFrom: number | null;
}

function nameTaken(name: string, by: string): ErrorData {
  return new LogisticsError('conflict', `There is a schedule ${name} already (${by}).`, {
    path: 'name',
    expected: 'a name of its own',
    nextActions: [`Update or delete ${by}, or choose another name.`],
  }).toData();
}

function timesOf({ rule, start, end, exclusions }: ScheduleSpec): string {
  return JSON.stringify([rule, start, end, exclusions]);
}

type StatusOf = (at: number) => Pick<PassedEntry, 'status' | 'reason'>;

/** Of a rule that cannot be evaluated only the next planned time is known. */
function unknownTimes({ next_at: at }: ScheduleSql, now: number, error: ErrorData): PassedEntry[] {
  if (at === null || at > now) return [];
  return [{ plannedAt: at, until: at, count: 1, status: 'failed', reason: `Its rule cannot be evaluated: ${error.message}` }];
}

function pausedWhy({ pause_reason: why }: ScheduleSql): string {
  return why === null ? 'The schedule was paused.' : `The schedule was paused: ${why}`;
}
