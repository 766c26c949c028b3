// Owns when budgets count: at starts, ends of attempts and runs, and reports of use, each in its own commit; without a budget none of it costs a statement.
import {
  type BudgetLimit,
  type BudgetLimits,
  bounded,
  budgetError,
  figuresOf,
  limitsOf,
  nextStartAt,
  type StepBounds,
  UNBOUNDED,
  usedUp,
} from '../../domain/budget.ts';
import type { ErrorData } from '../../domain/errors.ts';
import type { Plan } from '../../domain/plan.ts';
import { withStart } from '../../domain/rate-limit.ts';
import type { Decide } from '../../domain/transition.ts';
import { type JobUsage, NO_USAGE, type UsageTotals, withReport } from '../../domain/usage.ts';
import type { ExecutionRow } from '../../domain/workflow-execution.ts';
import type { Breakers } from './breakers.ts';
import type { BudgetHolds } from './budget-holds.ts';
import type { BudgetKey, BudgetRow, BudgetRows, Used } from './budget-rows.ts';
import { timerCodes } from './codes.ts';
import type { ExecutionRecord, ExecutionRows } from './execution-rows.ts';
import type { JobSql } from './job-rows.ts';
import type { Tx } from './tx.ts';

/** What wants to start: a run or a job, by what it would belong to. */
export interface Starting {
  readonly ns: number;
  readonly session: number | null;
  readonly schedule: number | null;
  /** Of the workflow or queue. */
  readonly name: string;
  /** Of a run that somebody starts; null for jobs. */
  readonly plan: Plan | null;
}

interface Touched {
  readonly key: BudgetKey;
  readonly records: Set<ExecutionRecord>;
}

export class Budgets {
  readonly #tx: Tx;
  readonly #executions: ExecutionRows;
  readonly rows: BudgetRows;
  readonly holds: BudgetHolds;
  readonly #breakers: Breakers;
  /** Budgets that were counted on since the last look. */
  #touched = new Map<string, Touched>();

  constructor(tx: Tx, parts: { readonly executions: ExecutionRows; readonly rows: BudgetRows; readonly holds: BudgetHolds; readonly breakers: Breakers }) {
    this.#tx = tx;
    this.#executions = parts.executions;
    this.rows = parts.rows;
    this.holds = parts.holds;
    this.#breakers = parts.breakers;
  }

  /** Why it may not start, or null. */
  refusal(p: Starting): ErrorData | null {
    const bound = p.plan?.definition.budget?.runs;
    if (bound !== undefined) {
      const key = this.#workflowKey(p.ns, p.name);
      const row = this.rows.get(key) ?? NO_ROW(key);
      const refused = this.#full({ ...row, limits: limitsOf({ runs: bound }) }, p.name);
      if (refused !== null) return refused;
    }
    if (!this.rows.any) return null;
    for (const key of this.#ownersOf(p)) {
      const row = this.rows.open(key);
      if (row === null || row.limits === null) continue;
      if (row.held !== null) return budgetError(key.kind, this.rows.idOf(key), row.held, figuresOf(row.limits, row.used, row.held));
      const refused = p.plan === null ? null : this.#full(row, this.rows.idOf(key));
      if (refused !== null) return refused;
    }
    return null;
  }

  #ownersOf({ ns, session, schedule, name }: Starting): BudgetKey[] {
    const owners = this.rows.owners(ns, session, null, name);
    return schedule === null ? owners : [{ kind: 'schedule', num: schedule }, ...owners];
  }

  #workflowKey(ns: number, workflow: string): BudgetKey {
    return { kind: 'workflow', num: this.#breakers.numOf(ns, workflow) };
  }

  /** The refusal of one more start in the window, or null. */
  #full(row: BudgetRow, id: string): ErrorData | null {
    const { key, limits, used } = row;
    if (limits === null) return null;
    const next = nextStartAt(limits, used.starts, this.#tx.now);
    if (next === null) return null;
    this.holds.refused(row, 'runs');
    return budgetError(key.kind, id, 'runs', figuresOf(limits, used, 'runs'), next);
  }

  /** A run was started: it has the budget of its definition, and counts in the windows of its owners. */
  started(record: ExecutionRecord, plan: Plan): void {
    const { budget } = plan.definition;
    if (budget !== undefined) this.rows.put({ kind: 'run', num: record.num }, limitsOf(budget));
    if (record.parent !== null) return;
    if (budget?.runs !== undefined) this.#countStart(this.#workflowKey(record.ns, record.row.workflow), limitsOf(budget));
    if (!this.rows.any) return;
    for (const key of this.rows.owners(record.ns, record.session, record.occurrence, record.row.workflow)) {
      const limits = this.rows.open(key)?.limits ?? null;
      if (limits !== null) this.#countStart(key, limits);
    }
  }

  #countStart(key: BudgetKey, { runs }: BudgetLimits): void {
    if (runs !== null) this.rows.setStarts(key, withStart(this.rows.get(key)?.used.starts ?? [], runs, this.#tx.now));
  }

  /** A job that a schedule started counts as a run of it. */
  fired(schedule: number): void {
    if (!this.rows.any) return;
    const key = { kind: 'schedule', num: schedule } as const;
    const limits = this.rows.open(key)?.limits ?? null;
    if (limits !== null) this.#countStart(key, limits);
  }

  /** The limit for which a schedule starts nothing now, or null; it is then paused. */
  stopsFire(schedule: number): BudgetLimit | null {
    const row = this.rows.any ? this.rows.open({ kind: 'schedule', num: schedule }) : null;
    if (row === null || row.limits === null) return null;
    if (row.held !== null) return row.held;
    if (nextStartAt(row.limits, row.used.starts, this.#tx.now) === null) return null;
    this.holds.hold(row, 'runs', null, []);
    return 'runs';
  }

  /** Why a paused schedule may not go on, or null. */
  stopsResume(schedule: number, id: string): ErrorData | null {
    const row = this.rows.get({ kind: 'schedule', num: schedule });
    if (row === null || row.held === null || row.limits === null) return null;
    const next = row.held === 'runs' ? nextStartAt(row.limits, row.used.starts, this.#tx.now) : null;
    if (row.held === 'runs' && next === null) {
      this.holds.release(row);
      return null;
    }
    return budgetError('schedule', id, row.held, figuresOf(row.limits, row.used, row.held), next);
  }

  /** An attempt of a job ended by itself; `ms` is how long it ran. */
  attempted(job: JobSql, ms: number): void {
    if (!this.rows.any) return;
    // The time of a step is that of its run.
    this.#count(job, { attempts: 1, wallMs: job.execution === null ? ms : 0 }, false);
  }

  /** What an attempt has used so far, by the holder of its token. */
  report(job: JobSql, usage: UsageTotals): void {
    const { kept, added } = withReport(readUsage(job), job.token, usage);
    this.#tx.sql('UPDATE job SET usage = ? WHERE num = ?').run(JSON.stringify(kept), job.num);
    if (Object.values(added).some((value) => value > 0)) this.#count(job, added, true);
  }

  #count(job: JobSql, used: Used, make: boolean): void {
    const record = job.execution === null ? undefined : this.#executions.load(job.execution);
    for (const key of this.rows.ownersOfJob(job)) {
      if (this.rows.add(key, used, make)) this.#touch(key, record);
    }
  }

  #touch(key: BudgetKey, record: ExecutionRecord | undefined): void {
    const name = `${key.kind} ${key.num}`;
    const touched = this.#touched.get(name) ?? { key, records: new Set() };
    this.#touched.set(name, touched);
    if (record !== undefined) touched.records.add(record);
  }

  /** Looks at what was counted on: what is used up pauses what it bounds. With `decide` the runs at hand are paused in this very commit. */
  check(decide: Decide | null): void {
    if (this.#touched.size === 0) return;
    const touched = [...this.#touched.values()];
    this.#touched = new Map();
    for (const { key, records } of touched) {
      const row = this.rows.open(key);
      const limit = row === null || row.limits === null ? null : (row.held ?? usedUp(row.limits, row.used));
      if (row === null || limit === null) continue;
      const first = key.kind === 'run' ? [this.#executions.load(key.num)].filter((record) => record !== undefined) : [...records];
      if (key.kind === 'run' && first[0]?.row.endedAt !== null) continue;
      if (row.held === null) this.holds.hold(row, limit, decide, first);
      else for (const record of first) this.holds.holdTree(key, limit, record, decide);
    }
  }

  /** What follows from a change of an execution's row: its clock, and at its end its time for all it belongs to. */
  followed(record: ExecutionRecord, before: ExecutionRow): void {
    const after = record.row;
    const ended = before.endedAt === null && after.endedAt !== null;
    if (ended) this.holds.forget(record.num);
    if (!this.rows.any && !(before.endedAt !== null && after.endedAt === null)) return;
    const key = { kind: 'run', num: record.num } as const;
    const ran = ticks(before);
    const runs = ticks(after);
    if (before.endedAt !== null && after.endedAt === null && this.rows.get(key)?.limits) this.rows.set(key, 'open', 1);
    if (ran !== runs) this.#clock(record, runs);
    if (!ended) return;
    this.rows.set(key, 'open', 0);
    if (record.parent !== null || after.startedAt === null) return;
    const wallMs = (after.endedAt as number) - after.startedAt;
    for (const owner of this.rows.owners(record.ns, record.session, record.occurrence, after.workflow)) {
      if (this.rows.add(owner, { wallMs }, false)) this.#touch(owner, undefined);
    }
    this.check(null);
  }

  #clock(record: ExecutionRecord, runs: boolean): void {
    const tx = this.#tx;
    const key = { kind: 'run', num: record.num } as const;
    const row = this.rows.open(key);
    if (row === null) return;
    if (row.since !== null) this.rows.add(key, { wallMs: tx.now - row.since }, false);
    this.rows.set(key, 'since', runs ? tx.now : null);
    const timer = [record.num, timerCodes.of('wall_clock'), -1] as const;
    tx.sql('DELETE FROM timer WHERE execution = ? AND kind = ? AND idx = ?').run(...timer);
    const max = row.limits?.wallClockMs ?? null;
    if (!runs || max === null) return;
    const used = row.used.wallClockMs + (row.since === null ? 0 : tx.now - row.since);
    tx.sql('INSERT INTO timer (execution, kind, idx, due_at) VALUES (?, ?, ?, ?)').run(...timer, tx.now + Math.max(0, max - used));
    tx.notice.timersChanged = true;
  }

  /** The clock of a run has run out. */
  timeIsUp(record: ExecutionRecord, decide: Decide): void {
    if (!ticks(record.row)) return;
    this.#clock(record, true);
    this.#touch({ kind: 'run', num: record.num }, record);
    this.check(decide);
  }

  /** Other limits: what is no longer used up goes on, what is now is paused. */
  put(key: BudgetKey, limits: BudgetLimits | null, decide: Decide): void {
    this.rows.put(key, limits);
    const record = key.kind === 'run' ? this.#executions.load(key.num) : undefined;
    if (record !== undefined) {
      if (record.row.endedAt !== null) this.rows.set(key, 'open', 0);
      else if (ticks(record.row)) this.#clock(record, true);
    }
    const row = this.rows.get(key) as BudgetRow;
    this.holds.releaseBounded(key);
    if (row.held !== null && (limits === null || !this.#isUsedUp(row, limits))) this.holds.release(row);
    this.#touch(key, record);
    this.check(decide);
  }

  #isUsedUp(row: BudgetRow, limits: BudgetLimits): boolean {
    if (usedUp(limits, row.used) !== null) return true;
    return row.held === 'runs' && nextStartAt(limits, row.used.starts, this.#tx.now) !== null;
  }

  /** What all budgets of a run together allow of one step. */
  bounds(record: ExecutionRecord): StepBounds {
    if (!this.rows.any) return UNBOUNDED;
    return this.rows.ownersOf(record).reduce((bounds, key) => {
      const limits = this.rows.open(key)?.limits ?? null;
      return limits === null ? bounds : bounded(bounds, limits, this.#levelsAbove(key, record));
    }, UNBOUNDED);
  }

  #levelsAbove(key: BudgetKey, record: ExecutionRecord): number {
    return record.row.depth - (key.kind === 'run' ? (this.#executions.load(key.num)?.row.depth ?? 0) : 0);
  }

  /** A step of the run was too much: whoever raises the budget that said so lets the run try again. */
  heldBack(record: ExecutionRecord, limit: BudgetLimit, wanted: number): void {
    const tooMuch = this.rows.ownersOf(record).find((key) => {
      const limits = this.rows.open(key)?.limits ?? null;
      if (limits === null) return false;
      if (limit === 'fan_out') return limits.fanOut !== null && wanted > limits.fanOut;
      return limits.depth !== null && this.#levelsAbove(key, record) >= limits.depth;
    });
    this.holds.remember(tooMuch ?? { kind: 'run', num: record.num }, record.num, true);
  }

  /** Why a run may not be resumed, or null. */
  stopsRun(record: ExecutionRecord): ErrorData | null {
    const holder = this.holds.holderOf(record.num);
    if (holder === null) return null;
    const { key, held, limits, used } = holder.row;
    const limit = held ?? (limits?.fanOut == null ? 'depth' : 'fan_out');
    return budgetError(key.kind, this.rows.idOf(key), limit, limits === null ? { limit } : figuresOf(limits, used, limit));
  }
}

const NO_ROW = (key: BudgetKey): BudgetRow => ({
  key,
  limits: null,
  held: null,
  used: { attempts: 0, ...NO_USAGE, wallClockMs: 0, starts: [] },
  since: null,
  refusedAt: null,
  cascade: null,
  open: false,
});

/** Whether the clock of a run is running. */
function ticks(row: ExecutionRow): boolean {
  return row.startedAt !== null && row.endedAt === null && !row.paused;
}

export function readUsage(job: Pick<JobSql, 'usage'>): JobUsage | null {
  return job.usage === null ? null : (JSON.parse(job.usage) as JobUsage);
}
