// Owns the fires of schedules: each decision, its ledger rows, the runs it starts and the watermark are one write, so no planned time is lost or fired twice.
import type { ErrorData } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { OccurrenceStatus } from '../../domain/schedule.ts';
import { decideFires, type FireStep } from '../../domain/schedule-fire.ts';
import { type FireView, LATE_MS } from '../../domain/schedule-view.ts';
import type { Decide } from '../../domain/transition.ts';
import { originCodes, SCHEDULE } from './codes.ts';
import type { Executions } from './executions.ts';
import type { Jobs } from './jobs.ts';
import { logPassed, logSchedule, type Passed } from './schedule-events.ts';
import { type NewEntry, type OccurrenceSql, OPEN, type ScheduleRows, type ScheduleSql } from './schedule-rows.ts';
import type { Firing, ScheduleRuns } from './schedule-runs.ts';
import type { Tx } from './tx.ts';

type OpenEntry = Pick<OccurrenceSql, 'num' | 'open' | 'origin' | 'planned_at'>;

/** What a start came to. */
export interface StartOutcome {
  readonly status: OccurrenceStatus;
  readonly run: string | null;
}

/** A fire that may start a run; `entry` is its ledger row when it has one. */
interface Start {
  readonly entry: number | null;
  readonly origin: 'plan' | 'backfill' | 'trigger';
  readonly plannedAt: number;
  readonly status: OccurrenceStatus;
  readonly reason: string | null;
  /** It is asked whether to run, unless it was already. */
  readonly asked: boolean;
  /** Input of its own, or undefined. */
  readonly input: Json | undefined;
}

export class Schedules {
  readonly #tx: Tx;
  readonly rows: ScheduleRows;
  readonly #runs: ScheduleRuns;
  readonly #executions: Executions;
  readonly #jobs: Jobs;

  constructor(tx: Tx, p: { readonly rows: ScheduleRows; readonly runs: ScheduleRuns; readonly executions: Executions; readonly jobs: Jobs }) {
    this.#tx = tx;
    this.rows = p.rows;
    this.#runs = p.runs;
    this.#executions = p.executions;
    this.#jobs = p.jobs;
  }

  /** A schedule that is due, if it still is. */
  fire(num: number, decide: Decide): void {
    const row = this.rows.byNum(num);
    if (row !== undefined && row.deleted_at === null && row.due_at !== null && row.due_at <= this.#tx.now) this.round(row, decide);
  }

  /** One decision and what follows from it. `jitterMs` replaces that of the schedule. */
  round(given: ScheduleSql, decide: Decide, jitterMs?: number): void {
    let row = given;
    let open = this.rows.openEntries(row.num);
    const woken = open.filter((entry) => entry.open === OPEN.woken);
    if (woken.length > 0) {
      this.#startWoken(row, woken, decide);
      row = this.rows.byNum(row.num) as ScheduleSql;
      open = this.rows.openEntries(row.num);
    }
    const spec = this.rows.spec(row);
    const view = this.#viewOf(row, open, jitterMs ?? spec.jitterMs);
    const decision = decideFires(view, this.#tx.now);
    if (decision.cancelRunning) this.cancelRunning(row, open, decide);
    const completed = decision.completed && row.status === SCHEDULE.active;
    this.#place(row, { watermark: decision.watermark, nextAt: decision.nextAt, dueAt: decision.dueAt, runs: decision.runs });
    if (completed) this.#tx.sql('UPDATE schedule SET status = ? WHERE num = ?').run(SCHEDULE.completed, row.num);
    const passed: Passed[] = [];
    let runs = row.runs;
    for (const [i, step] of decision.steps.entries()) {
      if (!step.starts) {
        this.#note(row, step, open);
        passed.push(step);
        continue;
      }
      const outcome = this.#start(row, { ...this.#startOf(step, open), asked: false }, runs + 1, decide);
      if (step.origin === 'plan' && outcome.run !== null) runs++;
      if (outcome.run !== null && !this.#isStopped(row, spec.pauseOnFailure)) continue;
      // The decision counted on a run that did not start: what comes after it is decided anew.
      const done = decision.steps.slice(0, i + 1);
      const watermark = done.findLast((each) => each.origin === 'plan' && !each.waited)?.until ?? row.watermark;
      if (outcome.run === null || i < decision.steps.length - 1) this.#again(row, watermark, runs);
      break;
    }
    logPassed(this.#tx, row, passed);
  }

  /** Fires whose condition said yes start before all others. */
  #startWoken(row: ScheduleSql, woken: readonly OpenEntry[], decide: Decide): void {
    const { maxRuns } = this.rows.spec(row);
    let { runs } = row;
    for (const entry of woken) {
      const origin = originCodes.name(entry.origin);
      if (origin === 'plan' && maxRuns !== null && runs >= maxRuns) {
        this.rows.setStatus(entry.num, { status: 'skipped_limit', reason: `It has run ${maxRuns} times.`, open: null });
        continue;
      }
      const late = origin === 'plan' && this.#lateness(row, entry.planned_at) > LATE_MS;
      const start = {
        entry: entry.num,
        origin,
        plannedAt: entry.planned_at,
        status: late ? 'late' : 'fired',
        reason: null,
        asked: true,
        input: this.#inputOf(entry),
      } as const;
      const outcome = this.#start(row, start, runs + 1, decide);
      if (origin === 'plan' && outcome.run !== null) runs++;
    }
    if (runs !== row.runs) this.#tx.sql('UPDATE schedule SET runs = ? WHERE num = ?').run(runs, row.num);
  }

  #viewOf(row: ScheduleSql, open: readonly OpenEntry[], jitterMs: number): FireView {
    const spec = this.rows.spec(row);
    const support = this.#tx.schedules();
    return {
      paused: row.status === SCHEDULE.paused,
      overlap: spec.overlap,
      catchup: spec.catchup,
      maxRuns: spec.maxRuns,
      runs: row.runs,
      watermark: row.watermark,
      times: this.rows.times(row),
      jitterMs,
      delayOf: (plannedAt) => (jitterMs === 0 ? 0 : support.delayOf(row.id, plannedAt, jitterMs)),
      running: open.filter((entry) => entry.open !== OPEN.waiting).length,
      waiting: open.filter((entry) => entry.open === OPEN.waiting).map((entry) => ({ origin: originCodes.name(entry.origin), plannedAt: entry.planned_at })),
    };
  }

  /** Where the schedule stands; set before its runs start, for what they lead to at once comes later. */
  #place(row: ScheduleSql, to: { readonly watermark: number; readonly nextAt: number | null; readonly dueAt: number | null; readonly runs: number }): void {
    this.#tx.sql('UPDATE schedule SET watermark = ?, next_at = ?, due_at = ?, runs = ? WHERE num = ?').run(to.watermark, to.nextAt, to.dueAt, to.runs, row.num);
  }

  #again(row: ScheduleSql, watermark: number, runs: number): void {
    const tx = this.#tx;
    this.#place(row, { watermark, nextAt: this.rows.times(row).next(watermark), dueAt: tx.now, runs });
    // What the decision completed goes on; what a failure paused in the meantime stays paused.
    if (row.status === SCHEDULE.active) tx.sql('UPDATE schedule SET status = 0 WHERE num = ? AND status = 2').run(row.num);
    tx.notice.timersChanged = true;
  }

  #isStopped(row: ScheduleSql, pauseOnFailure: number | null): boolean {
    return pauseOnFailure !== null && this.rows.byNum(row.num)?.status === SCHEDULE.paused;
  }

  #note(row: ScheduleSql, step: FireStep, open: readonly OpenEntry[]): void {
    const waiting = step.status === 'buffered' ? OPEN.waiting : null;
    const known = step.waited ? entryOf(open, step) : undefined;
    if (known === undefined) this.rows.addEntry(row.num, { ...step, open: waiting, input: undefined });
    else this.rows.setStatus(known.num, { status: step.status, reason: step.reason, open: waiting });
  }

  #startOf(step: FireStep, open: readonly OpenEntry[]): Omit<Start, 'asked'> {
    const known = step.waited ? entryOf(open, step) : undefined;
    const { origin, plannedAt, status, reason } = step;
    return { entry: known?.num ?? null, origin, plannedAt, status, reason, input: known === undefined ? undefined : this.#inputOf(known) };
  }

  #inputOf(entry: Pick<OccurrenceSql, 'num'>): Json | undefined {
    const text = this.rows.entry(entry.num)?.input ?? null;
    return text === null ? undefined : (JSON.parse(text) as Json);
  }

  /** Starts a run for a row that exists or is made; the conditions of the schedule are asked for times of the plan alone. */
  #start(row: ScheduleSql, start: Start, runNumber: number, decide: Decide): StartOutcome {
    const firing: Firing = { plannedAt: start.plannedAt, input: start.input, runNumber };
    const { when } = this.rows.spec(row);
    if (start.origin === 'plan' && !start.asked && when !== null) {
      if (when.kind === 'task') return this.#ask(row, start, firing);
      const wakes = this.#runs.wakes(row, firing);
      if (typeof wakes !== 'boolean') return this.#fail(row, start, wakes.error);
      if (!wakes) return this.#skip(row, start);
    }
    const prepared = this.#runs.prepare(row, firing, decide);
    if ('error' in prepared) return this.#fail(row, start, prepared.error);
    const { origin, plannedAt, status } = start;
    const started = { run: prepared.run, lateness: origin === 'plan' ? Math.max(0, this.#lateness(row, plannedAt)) : null };
    const entry = this.#entryFor(row, start, status, OPEN.running, started);
    if (entry === null) return { status, run: null };
    logSchedule(this.#tx, row, 'schedule_fired', { status, origin, planned_at: plannedAt, run: prepared.run });
    prepared.launch(entry);
    return { status, run: prepared.run };
  }

  #ask(row: ScheduleSql, start: Start, firing: Firing): StartOutcome {
    const prepared = this.#runs.prepareAsking(row, firing);
    if ('error' in prepared) return this.#fail(row, start, prepared.error);
    const entry = this.#entryFor(row, start, 'planned', OPEN.asking);
    if (entry !== null) prepared.launch(entry);
    // It counts as a run only once it starts one.
    return { status: 'planned', run: null };
  }

  #skip(row: ScheduleSql, start: Start): StartOutcome {
    const reason = 'The condition said no.';
    this.#entryFor(row, { ...start, reason }, 'skipped_condition', null);
    logPassed(this.#tx, row, [{ plannedAt: start.plannedAt, until: start.plannedAt, count: 1, status: 'skipped_condition', reason }]);
    return { status: 'skipped_condition', run: null };
  }

  #fail(row: ScheduleSql, start: Start, error: ErrorData): StartOutcome {
    const reason = error.message;
    const entry = this.#entryFor(row, { ...start, reason }, 'failed', null);
    if (entry !== null) this.rows.setStatus(entry, { status: 'failed', reason, open: null, error });
    logPassed(this.#tx, row, [{ plannedAt: start.plannedAt, until: start.plannedAt, count: 1, status: 'failed', reason }]);
    this.onFailure(row.num);
    return { status: 'failed', run: null };
  }

  /** Counts a failure; set by the part that pauses. */
  onFailure: (schedule: number) => void = () => undefined;

  /** The number of the row; null when this planned time has one already, so nothing may start for it. */
  #entryFor(row: ScheduleSql, start: Start, status: OccurrenceStatus, open: number | null, started?: NewEntry['started']): number | null {
    if (start.entry === null) {
      const { origin, plannedAt, reason, input } = start;
      return this.rows.addEntry(row.num, { origin, plannedAt, until: plannedAt, count: 1, status, reason, open, input, started }) ?? null;
    }
    this.rows.setStatus(start.entry, { status, reason: start.reason, open });
    if (started !== undefined) this.rows.setStarted(start.entry, started);
    return start.entry;
  }

  #lateness(row: ScheduleSql, plannedAt: number): number {
    const { jitterMs } = this.rows.spec(row);
    return this.#tx.now - plannedAt - (jitterMs === 0 ? 0 : this.#tx.schedules().delayOf(row.id, plannedAt, jitterMs));
  }

  /** Asks what runs to stop; a new run does not wait for it. */
  cancelRunning(row: ScheduleSql, open: readonly OpenEntry[], decide: Decide): void {
    const reason = 'A later fire of its schedule replaces it.';
    for (const entry of open) {
      if (entry.open === OPEN.asking || entry.open === OPEN.woken) {
        this.rows.setStatus(entry.num, { status: 'skipped_overlap', reason: 'A later fire took its place.', open: null });
        continue;
      }
      const run = entry.open === OPEN.running ? this.rows.entry(entry.num)?.run : null;
      if (run === null || run === undefined) continue;
      if (run.startsWith('job_')) this.#jobs.cancel({ jobId: run, reason, decide });
      else {
        const record = this.#executions.rows.byId(run);
        if (record !== undefined) this.#executions.update(record, [{ type: 'cancel', reason, code: 'cancelled', by: row.principal }], decide);
      }
    }
  }

  /** A run that somebody asked for: its row exists or is made, and no condition is asked. */
  startAsked(row: ScheduleSql, start: Omit<Start, 'asked' | 'reason' | 'status'>, decide: Decide): StartOutcome {
    return this.#start(row, { ...start, status: 'fired', reason: null, asked: true }, row.runs + 1, decide);
  }
}

function entryOf(open: readonly OpenEntry[], step: FireStep): OpenEntry | undefined {
  return open.find((entry) => entry.planned_at === step.plannedAt && originCodes.name(entry.origin) === step.origin);
}
