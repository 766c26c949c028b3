// Owns rows of schedules and of their ledger: what is kept of each, and how it is read back.
import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { Occurrence, OccurrenceOrigin, OccurrenceStatus, Schedule } from '../../domain/schedule.ts';
import type { PlannedTimes } from '../../domain/schedule-view.ts';
import type { ScheduleSpec } from '../backend.ts';
import { occurrenceCodes, originCodes, resultCodes, scheduleCodes } from './codes.ts';
import type { OccurrenceSql, ScheduleSql } from './schedule-sql.ts';
import { tallyTimes } from './tallies.ts';
import type { Tx } from './tx.ts';

/** What a ledger row still has before it: it waits, its run goes on, its condition is asked, or its condition said yes. */
export const OPEN = { waiting: 1, running: 2, asking: 3, woken: 4 } as const;

export interface NewEntry {
  readonly origin: OccurrenceOrigin;
  readonly plannedAt: number;
  readonly until: number;
  readonly count: number;
  readonly status: OccurrenceStatus;
  readonly reason: string | null;
  readonly open: number | null;
  /** Input of its own, given when it was asked for or when it began to wait. */
  readonly input: Json | undefined;
  readonly started?: Started | undefined;
}

/** The run that starts with a ledger row, or the job that is asked first whether to start one. */
export interface Started {
  readonly run: string;
  readonly lateness: number | null;
  readonly isAsked: boolean;
}

/** Statuses that a person who was away wants to hear of. */
const AMISS: ReadonlySet<OccurrenceStatus> = new Set([
  'late',
  'coalesced',
  'skipped_overlap',
  'skipped_paused',
  'skipped_condition',
  'skipped_limit',
  'missed',
  'failed',
]);

export function isPlanned(entry: Pick<OccurrenceSql, 'origin'>): boolean {
  return originCodes.name(entry.origin) === 'plan';
}

export function isAmiss(status: number): boolean {
  return AMISS.has(occurrenceCodes.name(status));
}

interface Known {
  readonly spec: ScheduleSpec;
  times: PlannedTimes | null;
}

// Specs parsed and their rules compiled; about 2 KB each.
const KEPT_SPECS = 12_000;

export class ScheduleRows {
  readonly #tx: Tx;
  /** By the text of the spec, which says all: schedules that differ in nothing else share one. */
  readonly #known = new Map<string, Known>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  byNum(num: number): ScheduleSql | undefined {
    return this.#tx.sql('SELECT * FROM schedule WHERE num = ?').get(num) as ScheduleSql | undefined;
  }

  byId(id: string): ScheduleSql | undefined {
    return this.#tx.sql('SELECT * FROM schedule WHERE id = ?').get(id) as ScheduleSql | undefined;
  }

  byName(ns: number, name: string): ScheduleSql | undefined {
    return this.#tx.sql('SELECT * FROM schedule WHERE ns = ? AND name = ? AND deleted_at IS NULL').get(ns, name) as ScheduleSql | undefined;
  }

  insert(schedule: Schedule): ScheduleSql {
    const tx = this.#tx;
    return tx
      .sql(
        `INSERT INTO schedule (id, ns, name, status, session, principal, revision, watermark, next_at, due_at, created_at, updated_at, spec)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
      )
      .get(
        schedule.id,
        tx.namespace(schedule.namespace),
        schedule.name,
        scheduleCodes.of(schedule.status),
        schedule.sessionId === null ? null : tx.sessionNum(schedule.sessionId),
        schedule.principal,
        schedule.revision,
        schedule.watermark,
        schedule.nextAt,
        schedule.dueAt,
        tx.now,
        tx.now,
        specText(schedule),
      ) as ScheduleSql;
  }

  /** Another spec or name; the watermark stands at what was accounted before. */
  putSpec(num: number, name: string, spec: ScheduleSpec): void {
    this.#tx.sql('UPDATE schedule SET name = ?, spec = ?, revision = revision + 1, updated_at = ? WHERE num = ?').run(name, specText(spec), this.#tx.now, num);
  }

  spec(row: Pick<ScheduleSql, 'spec'>): ScheduleSpec {
    return this.#get(row.spec).spec;
  }

  /** Its planned times; throws when this program cannot evaluate rules. */
  times(row: Pick<ScheduleSql, 'spec'>): PlannedTimes {
    const known = this.#get(row.spec);
    known.times ??= this.#tx.schedules().plannedTimes(known.spec);
    return known.times;
  }

  /** What is read of its planned times, or why its rule cannot be evaluated. */
  evaluated<T>(row: Pick<ScheduleSql, 'spec'>, read: (times: PlannedTimes) => T): { readonly value: T } | { readonly error: ErrorData } {
    // A program without schedules is no fault of the rule.
    this.#tx.schedules();
    try {
      return { value: read(this.times(row)) };
    } catch (error) {
      const fault = error instanceof LogisticsError ? error : new LogisticsError('internal', error instanceof Error ? error.message : String(error));
      return { error: fault.toData() };
    }
  }

  /** How long jitter delays a planned time. */
  delayOf(row: ScheduleSql, plannedAt: number): number {
    const { jitterMs } = this.spec(row);
    return jitterMs === 0 ? 0 : this.#tx.schedules().delayOf(row.id, plannedAt, jitterMs);
  }

  #get(text: string): Known {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const fresh: Known = { spec: JSON.parse(text) as ScheduleSpec, times: null };
    if (this.#known.size >= KEPT_SPECS) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(text, fresh);
    return fresh;
  }

  /** Adds a ledger row; undefined when this planned time of this origin has one. */
  addEntry(schedule: number, entry: NewEntry): number | undefined {
    const { now } = this.#tx;
    const row = this.#tx
      .sql(
        `INSERT INTO occurrence (schedule, planned_at, origin, until, count, status, reason, decided_at, amiss_at, input, open, fired_at, lateness, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (schedule, planned_at, origin) DO NOTHING RETURNING num`,
      )
      .get(
        schedule,
        entry.plannedAt,
        originCodes.of(entry.origin),
        entry.until,
        entry.count,
        occurrenceCodes.of(entry.status),
        entry.reason,
        now,
        AMISS.has(entry.status) ? now : null,
        entry.input === undefined ? null : JSON.stringify(entry.input),
        entry.open,
        entry.started === undefined || entry.started.isAsked ? null : now,
        entry.started?.lateness ?? null,
        entry.started?.run ?? null,
      ) as { num: number } | undefined;
    if (row !== undefined) tallyTimes(this.#tx, schedule, entry.status, entry.count, entry.started?.isAsked === false ? entry.started.lateness : null);
    return row?.num;
  }

  /** What became of a row; `open` null = nothing is before it any more. */
  setStatus(
    num: number,
    change: { readonly status: OccurrenceStatus; readonly reason: string | null; readonly open: number | null; readonly error?: ErrorData },
  ): void {
    const { now } = this.#tx;
    const row = this.#tx
      .sql('UPDATE occurrence SET status = ?, reason = ?, open = ?, error = ?, amiss_at = ?, decided_at = ? WHERE num = ? RETURNING schedule')
      .get(
        occurrenceCodes.of(change.status),
        change.reason,
        change.open,
        change.error === undefined ? null : JSON.stringify(change.error),
        AMISS.has(change.status) ? now : null,
        now,
        num,
      ) as { schedule: number } | undefined;
    // One that starts is counted with its start.
    if (row !== undefined && change.status !== 'fired' && change.status !== 'late') tallyTimes(this.#tx, row.schedule, change.status, 1);
  }

  /** The error of a planned time whose failure was set before. */
  setError(num: number, error: ErrorData): void {
    this.#tx.sql('UPDATE occurrence SET error = ? WHERE num = ?').run(JSON.stringify(error), num);
  }

  setStarted(num: number, { run, lateness, isAsked }: Started): void {
    const row = this.#tx
      .sql('UPDATE occurrence SET fired_at = ?, lateness = ?, run = ? WHERE num = ? RETURNING schedule, status')
      .get(isAsked ? null : this.#tx.now, lateness, run, num) as { schedule: number; status: number } | undefined;
    if (row !== undefined && !isAsked) tallyTimes(this.#tx, row.schedule, occurrenceCodes.name(row.status), 1, lateness);
  }

  /** Lets a backfilled time that did not complete wait once more; undefined for one that did, or is still open. */
  askAgain(schedule: number, plannedAt: number, reason: string): number | undefined {
    const row = this.#tx
      .sql(
        `UPDATE occurrence SET status = ?, reason = ?, open = ?, decided_at = ?, run = NULL, result = NULL, fired_at = NULL, lateness = NULL, ended_at = NULL, amiss_at = NULL, error = NULL
         WHERE schedule = ? AND planned_at = ? AND origin = ? AND open IS NULL AND (run IS NULL OR result != ?) RETURNING num`,
      )
      .get(occurrenceCodes.of('buffered'), reason, OPEN.waiting, this.#tx.now, schedule, plannedAt, originCodes.of('backfill'), resultCodes.of('completed')) as
      | { num: number }
      | undefined;
    return row?.num;
  }

  entry(num: number): OccurrenceSql | undefined {
    return this.#tx.sql('SELECT * FROM occurrence WHERE num = ?').get(num) as OccurrenceSql | undefined;
  }

  entryAt(schedule: number, plannedAt: number, origin: OccurrenceOrigin): OccurrenceSql | undefined {
    return this.#tx.sql('SELECT * FROM occurrence WHERE schedule = ? AND planned_at = ? AND origin = ?').get(schedule, plannedAt, originCodes.of(origin)) as
      | OccurrenceSql
      | undefined;
  }

  /** Rows of a schedule that something is before, oldest first; all of one kind together. */
  openEntries(schedule: number): Pick<OccurrenceSql, 'num' | 'open' | 'origin' | 'planned_at'>[] {
    return this.#tx
      .sql('SELECT num, open, origin, planned_at FROM occurrence WHERE schedule = ? AND open IS NOT NULL ORDER BY open, planned_at')
      .all(schedule) as OccurrenceSql[];
  }

  toSchedule(row: ScheduleSql): Schedule {
    const tx = this.#tx;
    return {
      id: row.id,
      namespace: tx.namespaceName(row.ns),
      name: row.name,
      status: scheduleCodes.name(row.status),
      ...this.spec(row),
      principal: row.principal,
      sessionId: row.session === null ? null : tx.sessionId(row.session),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      deletedAt: row.deleted_at,
      pauseReason: row.pause_reason,
      revision: row.revision,
      watermark: row.watermark,
      nextAt: row.next_at,
      dueAt: row.due_at,
      runs: row.runs,
      failures: row.failures,
      lastRun:
        row.last_run === null || row.last_result === null
          ? null
          : { runId: row.last_run, result: resultCodes.name(row.last_result), endedAt: row.last_ended ?? row.updated_at },
    };
  }

  toOccurrence(row: OccurrenceSql, scheduleId: string): Occurrence {
    return {
      scheduleId,
      origin: originCodes.name(row.origin),
      plannedAt: row.planned_at,
      until: row.until,
      count: row.count,
      status: occurrenceCodes.name(row.status),
      reason: row.reason,
      decidedAt: row.decided_at,
      firedAt: row.fired_at,
      latenessMs: row.fired_at === null ? null : row.lateness,
      runId: row.run,
      result: row.result === null ? null : resultCodes.name(row.result),
      endedAt: row.ended_at,
      error: row.error === null ? null : (JSON.parse(row.error) as ErrorData),
    };
  }
}

function specText(s: ScheduleSpec): string {
  const { rule, target, input, overlap, catchup, jitterMs, start, end, maxRuns, exclusions, pauseOnFailure, when } = s;
  return JSON.stringify({ rule, target, input, overlap, catchup, jitterMs, start, end, maxRuns, exclusions, pauseOnFailure, when });
}
