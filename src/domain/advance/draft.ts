// Owns the Transition while it is being made: touched rows over a view, counters in step with them, and the bound on changes.
import type { Evaluator } from '../evaluator.ts';
import type { NewEvent } from '../event.ts';
import { eventMatches } from '../event-match.ts';
import type { IdSource } from '../id.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Plan, PlanNode } from '../plan.ts';
import type { CachePut } from '../step-cache.ts';
import type { ChildStart, ExecutionEvent, ExecutionView, NewStepJob, TimerKind, Transition, TransitionReply, WorkItem } from '../transition.ts';
import { type ExecutionRow, emptyStepRow, type StepRow } from '../workflow-execution.ts';
import { addToCounters, isOpen } from './counters.ts';

export interface AdvanceLimits {
  /** Row changes of one Transition; at least 40. */
  readonly maxChanges: number;
  /** Between asking running jobs to stop and ending them. */
  readonly graceMs: number;
  /** Life of an approval without a timeout of its own. */
  readonly approvalMs: number;
}

export interface AdvanceEnv {
  readonly evaluator: Evaluator;
  readonly newId: IdSource;
  readonly limits: AdvanceLimits;
}

type Waiter = Transition['setWaiters'][number];
type Signal = Transition['putSignals'][number];

/** Room kept for what ends a transition: timers, the parent's news, the `continue` event. */
const RESERVE = 12;
/** The most that starting one step changes, besides what a forEach expands within its own bound. */
export const STEP_CHANGES = 8;

export class Draft {
  readonly view: ExecutionView;
  readonly env: AdvanceEnv;
  readonly plan: Plan;
  readonly now: number;
  /** The execution row as it will be. */
  readonly execution: ExecutionRow;
  readonly jobs: NewStepJob[] = [];
  readonly events: NewEvent[] = [];
  readonly broadcasts: { readonly name: string; readonly payload: Json }[] = [];
  readonly cachePuts: CachePut[] = [];
  reply: TransitionReply | null = null;
  heldBack: Transition['heldBack'] = null;
  /** What is left to do, last first. */
  readonly work: WorkItem[] = [];
  /** What can be done only when this transition is visible to the view. */
  readonly later: WorkItem[] = [];
  /** Events for which there was no room, first first. */
  readonly unheard: ExecutionEvent[] = [];
  readonly #rows = new Map<number, StepRow>();
  readonly #touched = new Set<number>();
  readonly #opened = new Set<number>();
  readonly #busy = new Set<number>();
  readonly #cancelled = new Map<string, boolean>();
  readonly #children: ChildStart[] = [];
  readonly #inbox: { readonly executionId: string; readonly event: ExecutionEvent }[] = [];
  readonly #timers = new Map<string, { readonly timer: TimerKind; readonly step: number | null; readonly dueAt: number | null }>();
  readonly #waiters = new Map<number, Waiter | null>();
  readonly #signals: Signal[] = [];
  readonly #consumed: string[] = [];
  readonly #acquired: Transition['acquire'][number][] = [];
  readonly #released: string[] = [];
  readonly #items = new Map<number, readonly Json[]>();
  readonly #values = new Map<number, Json>();
  #context: JsonObject | undefined;

  constructor(view: ExecutionView, env: AdvanceEnv) {
    this.view = view;
    this.env = env;
    this.plan = view.plan;
    this.now = view.now;
    this.execution = { ...view.execution };
  }

  node(index: number): PlanNode {
    return this.plan.nodes[index] as PlanNode;
  }

  row(index: number): Readonly<StepRow> {
    const known = this.#rows.get(index);
    if (known !== undefined) return known;
    const row = this.view.step(index) ?? emptyStepRow(index);
    this.#rows.set(index, row);
    return row;
  }

  /** Rows touched by this transition. */
  *touchedRows(): Iterable<Readonly<StepRow>> {
    for (const index of this.#touched) yield this.row(index);
  }

  /** Changes fields of a row; the counters of the execution follow. */
  put(index: number, fields: Partial<StepRow>): void {
    const old = this.row(index);
    const row = { ...old, ...fields };
    const region = this.node(index).region;
    if (old.status !== row.status || old.tolerated !== row.tolerated) {
      addToCounters(this.execution, old, region, -1);
      addToCounters(this.execution, row, region, 1);
      if (isOpen(row.status) && !isOpen(old.status)) this.#opened.add(index);
    }
    this.#rows.set(index, row);
    this.#touched.add(index);
  }

  /** True when a step became open in this transition: the view's list of open steps is then not complete. */
  get hasOpened(): boolean {
    return this.#opened.size > 0;
  }

  /** True when this transition made jobs or children for the step, which the view cannot list yet. */
  isBusy(index: number): boolean {
    return this.#busy.has(index);
  }

  get size(): number {
    return (
      this.#touched.size +
      this.jobs.length +
      this.#cancelled.size +
      this.#children.length +
      this.#inbox.length +
      this.#timers.size +
      this.#waiters.size +
      this.#signals.length +
      this.#consumed.length +
      this.#items.size +
      this.broadcasts.length +
      this.cachePuts.length +
      this.#acquired.length +
      this.#released.length
    );
  }

  /** Whether this many more changes fit; control events may use half of the reserve, so that their caller gets an answer. */
  fits(changes: number, reserve = RESERVE): boolean {
    return this.size + changes + reserve <= this.env.limits.maxChanges;
  }

  addJob(job: NewStepJob): void {
    this.jobs.push(job);
    this.#busy.add(job.step);
  }

  /** True when the job was not yet told so in this transition, in which the view goes on listing it as live. */
  cancelJob(jobId: string, force: boolean): boolean {
    if (this.#cancelled.get(jobId) === true || this.#cancelled.get(jobId) === force) return false;
    this.#cancelled.set(jobId, force);
    return true;
  }

  addChild(child: ChildStart): void {
    this.#children.push(child);
    this.#busy.add(child.step);
  }

  send(executionId: string, event: ExecutionEvent): void {
    this.#inbox.push({ executionId, event });
  }

  /** Tells the namespace; a step that began to wait in this very transition is not known there yet and hears of it here. */
  broadcast(name: string, payload: Json): void {
    this.broadcasts.push({ name, payload });
    for (const waiter of this.#waiters.values()) {
      if (waiter?.kind !== 'event' || waiter.name !== name || !eventMatches(waiter.match, payload)) continue;
      this.work.push({ k: 'event', event: { type: 'event_matched', step: waiter.step, name, payload } });
    }
  }

  setTimer(timer: TimerKind, step: number | null, dueAt: number): void {
    this.#timers.set(`${timer}/${step}`, { timer, step, dueAt });
  }

  clearTimer(timer: TimerKind, step: number | null): void {
    this.#timers.set(`${timer}/${step}`, { timer, step, dueAt: null });
  }

  setWaiter(waiter: Waiter): void {
    this.#waiters.set(waiter.step, waiter);
  }

  clearWaiter(step: number): void {
    this.#waiters.set(step, null);
  }

  acquire(request: Transition['acquire'][number]): void {
    this.#acquired.push(request);
  }

  release(allocationId: string): void {
    this.#released.push(allocationId);
  }

  /** Steps that wait, oldest first, with what this transition changed. */
  waiting(kind: 'signal' | 'approval', name: string): number[] {
    const known = this.view.waiters(kind, name).filter((step) => !this.#waiters.has(step));
    for (const waiter of this.#waiters.values()) if (waiter?.kind === kind && waiter.name === name) known.push(waiter.step);
    return known;
  }

  hasSignal(signalId: string): boolean {
    return this.#signals.some((signal) => signal.signalId === signalId) || this.view.hasSignal(signalId);
  }

  putSignal(signal: Signal): void {
    this.#signals.push(signal);
  }

  /** Consumes the oldest buffered signal; `unknown` when the view can only tell after this transition. */
  takeSignal(name: string): { readonly payload: Json } | 'none' | 'unknown' {
    const stored = this.view.bufferedSignal(name);
    if (stored !== undefined) {
      if (this.#consumed.includes(stored.signalId)) return 'unknown';
      this.#consumed.push(stored.signalId);
      return stored;
    }
    const at = this.#signals.findIndex((signal) => signal.name === name && !signal.consumed);
    const signal = this.#signals[at];
    if (signal === undefined) return 'none';
    this.#signals[at] = { ...signal, consumed: true };
    return signal;
  }

  putItems(step: number, items: readonly Json[]): void {
    this.#items.set(step, items);
  }

  item(step: number, item: number): Json {
    const fresh = this.#items.get(step);
    return fresh === undefined ? this.view.item(step, item) : (fresh[item] as Json);
  }

  /** Parsed output of a step that has one, read once per transition. */
  value(index: number): Json {
    const output = this.row(index).output;
    if (output === null) return null;
    const known = this.#values.get(index);
    if (known !== undefined) return known;
    const value = this.view.value(index, output);
    this.#values.set(index, value);
    return value;
  }

  sessionContext(): JsonObject {
    this.#context ??= this.view.sessionContext();
    return this.#context;
  }

  /** Nothing is left to do, here or in an event on its way: only then may a phase end. */
  get isQuiet(): boolean {
    return this.work.length === 0 && this.later.length === 0 && this.unheard.length === 0 && this.execution.openWork === 0;
  }

  /** Sends what is left to itself. */
  carryOn(): void {
    const events = this.unheard.map((event): WorkItem => ({ k: 'event', event }));
    // Work is taken from the end: events in their order first.
    const left = [...this.work, ...this.later, ...events.reverse()];
    if (left.length === 0) return;
    this.send(this.execution.id, { type: 'continue', work: left });
    this.execution.openWork++;
  }

  finish(): Transition {
    const timers = [...this.#timers.values()];
    const waiters = [...this.#waiters];
    return {
      execution: changedFields(this.view.execution, this.execution),
      steps: [...this.touchedRows()] as StepRow[],
      jobs: this.jobs,
      cancelJobs: [...this.#cancelled].map(([jobId, force]) => ({ jobId, force })),
      children: this.#children,
      inbox: this.#inbox,
      setTimers: timers.flatMap(({ timer, step, dueAt }) => (dueAt === null ? [] : [{ timer, step, dueAt }])),
      clearTimers: timers.flatMap(({ timer, step, dueAt }) => (dueAt === null ? [{ timer, step }] : [])),
      setWaiters: waiters.flatMap(([, waiter]) => (waiter === null ? [] : [waiter])),
      clearWaiters: waiters.flatMap(([step, waiter]) => (waiter === null ? [step] : [])),
      putSignals: this.#signals,
      consumeSignals: this.#consumed,
      putItems: [...this.#items].map(([step, items]) => ({ step, json: JSON.stringify(items) })),
      cachePuts: this.cachePuts,
      broadcasts: this.broadcasts,
      acquire: this.#acquired,
      release: this.#released,
      heldBack: this.heldBack,
      events: this.events,
      reply: this.reply,
    };
  }
}

function changedFields(before: ExecutionRow, after: ExecutionRow): Partial<ExecutionRow> {
  const changed: Record<string, unknown> = {};
  for (const key of Object.keys(after) as (keyof ExecutionRow)[]) if (after[key] !== before[key]) changed[key] = after[key];
  return changed as Partial<ExecutionRow>;
}
