// Owns what the end of a run means for its schedule: its ledger row, failures in a row, the answer of a condition, and what waited for it.
import { saysYes } from '../../domain/schedule-fire.ts';
import { resultCodes, SCHEDULE } from './codes.ts';
import { logSchedule } from './schedule-events.ts';
import { isAmiss, isPlanned, OPEN, type ScheduleRows } from './schedule-rows.ts';
import type { OccurrenceSql, ScheduleSql } from './schedule-sql.ts';
import type { ScheduledEnd, Tx } from './tx.ts';

export class ScheduleEnds {
  readonly #tx: Tx;
  readonly #rows: ScheduleRows;

  constructor(tx: Tx, rows: ScheduleRows) {
    this.#tx = tx;
    this.#rows = rows;
    tx.onScheduledEnd = (end) => this.#ended(end);
    tx.onScheduledReopen = (run) => this.#reopened(run);
  }

  /** Due at once when something waits that may start; else nothing changes. While it is paused, what the plan asked for stands still. */
  wake(num: number): void {
    const waits = this.#rows.openEntries(num).filter((entry) => entry.open === OPEN.waiting || entry.open === OPEN.woken);
    if (waits.length === 0) return;
    const row = this.#rows.byNum(num) as ScheduleSql;
    if (row.status !== SCHEDULE.paused || waits.some((entry) => !isPlanned(entry))) this.#due(num);
  }

  /** One more failed run; pauses the schedule after as many as it allows. */
  failed(num: number): void {
    const tx = this.#tx;
    tx.sql('UPDATE schedule SET failures = failures + 1 WHERE num = ?').run(num);
    const row = this.#rows.byNum(num) as ScheduleSql;
    const { pauseOnFailure } = this.#rows.spec(row);
    if (pauseOnFailure === null || row.failures < pauseOnFailure || row.status !== SCHEDULE.active || row.deleted_at !== null) return;
    const reason = `${row.failures} run${row.failures === 1 ? '' : 's'} in a row failed.`;
    tx.sql('UPDATE schedule SET status = 1, pause_reason = ?, due_at = NULL, next_at = NULL, updated_at = ? WHERE num = ?').run(reason, tx.now, num);
    logSchedule(tx, row, 'schedule_paused', { reason, failures: row.failures });
  }

  /** The end of a run is written into its ledger row in the same commit; what waited for it is due at once. */
  #ended(end: ScheduledEnd): void {
    const tx = this.#tx;
    const entry = this.#rows.entry(end.occurrence);
    if (entry === undefined || entry.run !== end.runId) return;
    if (entry.open === OPEN.asking) {
      this.#answered(entry, end);
      return;
    }
    // The job that was asked has nothing more to say.
    if (entry.fired_at === null) return;
    const failed = end.result === 'failed';
    tx.sql('UPDATE occurrence SET result = ?, ended_at = ?, open = NULL, error = ?, amiss_at = coalesce(amiss_at, ?) WHERE num = ?').run(
      resultCodes.of(end.result),
      tx.now,
      end.error === null ? null : JSON.stringify(end.error),
      failed ? tx.now : null,
      entry.num,
    );
    if (entry.open === OPEN.running) {
      tx.sql('UPDATE schedule SET last_run = ?, last_result = ?, last_ended = ? WHERE num = ?').run(
        end.runId,
        resultCodes.of(end.result),
        tx.now,
        entry.schedule,
      );
      if (failed) this.failed(entry.schedule);
      else if (end.result === 'completed') tx.sql('UPDATE schedule SET failures = 0 WHERE num = ? AND failures != 0').run(entry.schedule);
    }
    this.wake(entry.schedule);
  }

  /** A run that had ended goes on, redriven or retried: its second end counts like the first. */
  #reopened({ occurrence, runId }: Pick<ScheduledEnd, 'occurrence' | 'runId'>): void {
    const entry = this.#rows.entry(occurrence);
    if (entry === undefined || entry.run !== runId || entry.fired_at === null) return;
    this.#tx
      .sql('UPDATE occurrence SET open = ?, result = NULL, ended_at = NULL, error = NULL, amiss_at = ? WHERE num = ?')
      .run(OPEN.running, isAmiss(entry.status) ? entry.amiss_at : null, entry.num);
  }

  #answered(entry: OccurrenceSql, end: ScheduledEnd): void {
    const no = end.result === 'cancelled' ? 'The job that decides whether to run was cancelled.' : 'The condition said no.';
    if (end.result === 'failed') {
      const reason = 'The job that decides whether to run failed.';
      this.#rows.setStatus(entry.num, { status: 'failed', reason, open: null, ...(end.error === null ? {} : { error: end.error }) });
      this.failed(entry.schedule);
    } else if (end.result === 'completed' && saysYes(end.output())) {
      this.#rows.setStatus(entry.num, { status: 'planned', reason: 'The condition said yes.', open: OPEN.woken });
    } else {
      this.#rows.setStatus(entry.num, { status: 'skipped_condition', reason: no, open: null });
    }
    const row = this.#rows.byNum(entry.schedule) as ScheduleSql;
    // With nothing planned behind it, the answer may be what completes it.
    if (row.status !== SCHEDULE.paused && row.next_at === null) this.#due(row.num);
    else this.wake(row.num);
  }

  #due(num: number): void {
    this.#tx.sql('UPDATE schedule SET due_at = ? WHERE num = ? AND deleted_at IS NULL').run(this.#tx.now, num);
    this.#tx.notice.timersChanged = true;
  }
}
