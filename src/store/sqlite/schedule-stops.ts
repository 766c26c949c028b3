// Owns what a fire, a later one or a deletion ends: runs of the plan that go on, and conditions that are still asked.
import type { OccurrenceOrigin, OccurrenceStatus } from '../../domain/schedule.ts';
import type { Decide } from '../../domain/transition.ts';
import type { Executions } from './executions.ts';
import type { Jobs } from './jobs.ts';
import { isPlanned, OPEN, type ScheduleRows } from './schedule-rows.ts';
import type { OccurrenceSql, ScheduleSql } from './schedule-sql.ts';

export const LATER_FIRE = 'A later fire took its place.';

/** The fire that takes the place of others; `entry` is its ledger row when it has one. */
interface Replacing {
  readonly entry: number | null;
  readonly origin: OccurrenceOrigin;
  readonly plannedAt: number;
}

export class ScheduleStops {
  readonly #rows: ScheduleRows;
  readonly #executions: Executions;
  readonly #jobs: Jobs;

  constructor(rows: ScheduleRows, executions: Executions, jobs: Jobs) {
    this.#rows = rows;
    this.#executions = executions;
    this.#jobs = jobs;
  }

  /** A time whose condition said yes may come behind a later one. */
  hasLaterRun(row: ScheduleSql, entry: OccurrenceSql): boolean {
    return this.#rows.openEntries(row.num).some((other) => isPlanned(other) && other.open === OPEN.running && other.planned_at > entry.planned_at);
  }

  /** Asks the runs of the plan before a fire to stop; a new run does not wait for that. What was backfilled or asked for goes on. */
  cancelEarlier(row: ScheduleSql, start: Replacing, decide: Decide): void {
    const isBefore = (entry: Pick<OccurrenceSql, 'planned_at'>): boolean => start.origin !== 'plan' || entry.planned_at < start.plannedAt;
    for (const entry of this.#rows.openEntries(row.num)) {
      if (!isPlanned(entry) || entry.num === start.entry || entry.open === OPEN.waiting || !isBefore(entry)) continue;
      if (entry.open === OPEN.running) this.#cancelRun(row, this.#rows.entry(entry.num)?.run ?? null, 'A later fire of its schedule replaces it.', decide);
      else this.stopAsking(row, entry, { status: 'skipped_overlap', reason: LATER_FIRE }, decide);
    }
  }

  /** A time whose condition is asked, or said yes, does not run any more; the job that is asked is not waited for. */
  stopAsking(
    row: ScheduleSql,
    entry: Pick<OccurrenceSql, 'num' | 'open'>,
    why: { readonly status: OccurrenceStatus; readonly reason: string },
    decide: Decide,
  ): void {
    this.#rows.setStatus(entry.num, { ...why, open: null });
    if (entry.open === OPEN.asking) this.#cancelRun(row, this.#rows.entry(entry.num)?.run ?? null, why.reason, decide);
  }

  #cancelRun(row: ScheduleSql, run: string | null, reason: string, decide: Decide): void {
    if (run === null) return;
    if (run.startsWith('job_')) {
      this.#jobs.cancel({ jobId: run, reason, decide });
      return;
    }
    const record = this.#executions.rows.byId(run);
    if (record !== undefined) this.#executions.update(record, [{ type: 'cancel', reason, code: 'cancelled', by: row.principal }], decide);
  }
}
