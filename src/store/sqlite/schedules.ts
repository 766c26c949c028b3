// Owns the fires of schedules: each decision, its ledger rows, the runs it starts and the watermark are one write, so no planned time is lost or fired twice.
import { budgetReason } from '../../domain/budget.ts';
import type { ErrorData } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { OccurrenceStatus } from '../../domain/schedule.ts';
import { decideFires, type FireStep } from '../../domain/schedule-fire.ts';
import { LATE_MS } from '../../domain/schedule-view.ts';
import type { Decide } from '../../domain/transition.ts';
import type { Budgets } from './budgets.ts';
import { originCodes, SCHEDULE } from './codes.ts';
import { logPassed, logSchedule, type Passed } from './schedule-events.ts';
import { type NewEntry, OPEN, type ScheduleRows } from './schedule-rows.ts';
import type { Firing, ScheduleRuns } from './schedule-runs.ts';
import type { OccurrenceSql, ScheduleSql } from './schedule-sql.ts';
import { LATER_FIRE, type ScheduleStops } from './schedule-stops.ts';
import type { Tx } from './tx.ts';

type OpenEntry = Pick<OccurrenceSql, 'num' | 'open' | 'origin' | 'planned_at'>;

/** How a round is done. */
export interface RoundOptions {
  /** What jitter holds back fires too; it is no later for that. */
  readonly isImpatient?: boolean | undefined;
  /** True once so much was done that the rest has to wait for a later commit. */
  readonly isSpent?: (() => boolean) | undefined;
}

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
  /** How late it is, where that is not seen by the clock. */
  readonly lateness?: number | undefined;
  /** It takes the place of runs of the plan that go on. */
  readonly replaces: boolean;
}

const NOT_ASKED = { asked: true, replaces: false, input: undefined } as const;

export class Schedules {
  readonly #tx: Tx;
  readonly rows: ScheduleRows;
  readonly #runs: ScheduleRuns;
  readonly stops: ScheduleStops;
  readonly #budgets: Budgets;

  constructor(tx: Tx, p: { readonly rows: ScheduleRows; readonly runs: ScheduleRuns; readonly stops: ScheduleStops; readonly budgets: Budgets }) {
    this.#budgets = p.budgets;
    this.#tx = tx;
    this.rows = p.rows;
    this.#runs = p.runs;
    this.stops = p.stops;
  }

  /** A schedule that is due, if it still is. */
  fire(num: number, decide: Decide, isSpent?: () => boolean): void {
    const row = this.rows.byNum(num);
    if (row !== undefined && row.deleted_at === null && row.due_at !== null && row.due_at <= this.#tx.now) this.round(row, decide, { isSpent });
  }

  /** One decision and what follows from it. */
  round(given: ScheduleSql, decide: Decide, { isImpatient = false, isSpent = () => false }: RoundOptions = {}): void {
    let row = given;
    let open = this.rows.openEntries(row.num);
    const woken = open.filter((entry) => entry.open === OPEN.woken);
    if (woken.length > 0 && row.status !== SCHEDULE.paused) {
      this.#startWoken(row, woken, decide);
      row = this.rows.byNum(row.num) as ScheduleSql;
      open = this.rows.openEntries(row.num);
    }
    const spec = this.rows.spec(row);
    const decided = this.rows.evaluated(row, (times) => decideFires(this.#runs.viewOf(row, open, times, isImpatient), this.#tx.now));
    if ('error' in decided) {
      this.#giveUp(row, decided.error);
      return;
    }
    const decision = decided.value;
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
      const outcome = this.#start(row, { ...this.#startOf(step, open), asked: false, replaces: decision.cancelRunning }, runs + 1, decide);
      if (step.origin === 'plan' && outcome.run !== null) runs++;
      if (outcome.run !== null && !this.#isStopped(row, spec.pauseOnFailure) && !isSpent()) continue;
      // The decision counted on a run that did not start, or there is no time for more: what comes after it is decided anew.
      const done = decision.steps.slice(0, i + 1);
      const watermark = done.findLast((each) => each.origin === 'plan' && !each.waited)?.until ?? row.watermark;
      if (outcome.run === null || i < decision.steps.length - 1) this.#again(row, watermark, runs);
      break;
    }
    logPassed(this.#tx, row, passed);
  }

  /** A rule that cannot be evaluated would be due for ever: its fire has failed, and it waits for a person. */
  #giveUp(row: ScheduleSql, error: ErrorData): void {
    const tx = this.#tx;
    const reason = `Its rule cannot be evaluated: ${error.message}`;
    const plannedAt = row.next_at !== null && row.next_at <= tx.now && row.next_at > row.watermark ? row.next_at : null;
    if (plannedAt !== null) this.#fail(row, { ...NOT_ASKED, entry: null, origin: 'plan', plannedAt, status: 'failed', reason }, { ...error, message: reason });
    tx.sql('UPDATE schedule SET status = 1, pause_reason = ?, watermark = ?, due_at = NULL, next_at = NULL, updated_at = ? WHERE num = ?').run(
      reason,
      plannedAt ?? row.watermark,
      tx.now,
      row.num,
    );
    if (row.status === SCHEDULE.active) logSchedule(tx, row, 'schedule_paused', { reason });
  }

  /** Fires whose condition said yes start before all others. */
  #startWoken(row: ScheduleSql, woken: readonly OpenEntry[], decide: Decide): void {
    const { maxRuns, overlap } = this.rows.spec(row);
    let { runs } = row;
    for (const { num } of woken) {
      const entry = this.rows.entry(num) as OccurrenceSql;
      // One that started before may have taken its place.
      if (entry.open !== OPEN.woken) continue;
      const origin = originCodes.name(entry.origin);
      if (overlap === 'cancel_running' && this.stops.hasLaterRun(row, entry)) {
        this.rows.setStatus(num, { status: 'skipped_overlap', reason: LATER_FIRE, open: null });
        continue;
      }
      if (origin === 'plan' && maxRuns !== null && runs >= maxRuns) {
        this.rows.setStatus(entry.num, { status: 'skipped_limit', reason: `It has run ${maxRuns} times.`, open: null });
        continue;
      }
      // The time of asking is not counted: it was late when it was asked, or it waited since the answer.
      const lateness = (entry.lateness ?? 0) + (this.#tx.now - entry.decided_at);
      const late = origin === 'plan' && lateness > LATE_MS;
      const start = {
        entry: entry.num,
        origin,
        plannedAt: entry.planned_at,
        status: late ? 'late' : 'fired',
        reason: null,
        asked: true,
        lateness,
        input: this.#inputOf(entry),
        replaces: overlap === 'cancel_running',
      } as const;
      const outcome = this.#start(row, start, runs + 1, decide);
      if (origin === 'plan' && outcome.run !== null) runs++;
    }
    if (runs !== row.runs) this.#tx.sql('UPDATE schedule SET runs = ? WHERE num = ?').run(runs, row.num);
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

  #startOf(step: FireStep, open: readonly OpenEntry[]): Omit<Start, 'asked' | 'replaces'> {
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
    const usedUp = this.#budgets.stopsFire(row.num);
    if (usedUp !== null) return this.#skip(row, start, 'skipped_limit', budgetReason(usedUp));
    const { when } = this.rows.spec(row);
    if (start.origin === 'plan' && !start.asked && when !== null) {
      if (when.kind === 'task') return this.#ask(row, start, firing);
      const wakes = this.#runs.wakes(row, firing);
      if (typeof wakes !== 'boolean') return this.#fail(row, start, wakes.error);
      if (!wakes) return this.#skip(row, start, 'skipped_condition', 'The condition said no.');
    }
    const prepared = this.#runs.prepare(row, firing, decide);
    if ('error' in prepared) return this.#fail(row, start, prepared.error);
    const { origin, plannedAt, status } = start;
    // Only now is it sure that something takes their place.
    if (start.replaces) this.stops.cancelEarlier(row, start, decide);
    const lateness = origin === 'plan' ? Math.max(0, start.lateness ?? this.#lateness(row, plannedAt)) : null;
    const reason = prepared.note === null || start.reason === null ? (prepared.note ?? start.reason) : `${start.reason} ${prepared.note}`;
    const entry = this.#entryFor(row, { ...start, reason }, status, OPEN.running, { run: prepared.run, lateness, isAsked: false });
    if (entry === null) return { status, run: null };
    logSchedule(this.#tx, row, 'schedule_fired', { status, origin, planned_at: plannedAt, run: prepared.run });
    prepared.launch(entry);
    return { status, run: prepared.run };
  }

  #ask(row: ScheduleSql, start: Start, firing: Firing): StartOutcome {
    const prepared = this.#runs.prepareAsking(row, firing);
    if ('error' in prepared) return this.#fail(row, start, prepared.error);
    const asked = { run: prepared.run, lateness: this.#lateness(row, start.plannedAt), isAsked: true };
    const entry = this.#entryFor(row, { ...start, reason: 'The condition is being asked.' }, 'planned', OPEN.asking, asked);
    if (entry !== null) prepared.launch(entry);
    // It counts as a run only once it starts one.
    return { status: 'planned', run: null };
  }

  #skip(row: ScheduleSql, start: Start, status: 'skipped_condition' | 'skipped_limit', reason: string): StartOutcome {
    this.#entryFor(row, { ...start, reason }, status, null);
    logPassed(this.#tx, row, [{ plannedAt: start.plannedAt, until: start.plannedAt, count: 1, status, reason }]);
    return { status, run: null };
  }

  #fail(row: ScheduleSql, start: Start, error: ErrorData): StartOutcome {
    const reason = error.message;
    const entry = this.#entryFor(row, { ...start, reason }, 'failed', null);
    if (entry !== null) this.rows.setError(entry, error);
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
    return this.#tx.now - plannedAt - this.rows.delayOf(row, plannedAt);
  }

  /** A run that somebody asked for: its row exists or is made, and no condition is asked. */
  startAsked(row: ScheduleSql, start: Pick<Start, 'entry' | 'origin' | 'plannedAt' | 'input' | 'replaces'>, decide: Decide): StartOutcome {
    return this.#start(row, { ...start, status: 'fired', reason: null, asked: true }, row.runs + 1, decide);
  }
}

function entryOf(open: readonly OpenEntry[], step: FireStep): OpenEntry | undefined {
  return open.find((entry) => entry.planned_at === step.plannedAt && originCodes.name(entry.origin) === step.origin);
}
