// Owns a reference store for advance(): rows in maps, an inbox per execution, every Transition checked before it is applied.

import { addToCounters, isOpen } from '../../src/domain/advance/counters.ts';
import { outcomeOf } from '../../src/domain/advance/trigger-rule.ts';
import { createAdvance } from '../../src/domain/advance.ts';
import { type StepBounds, UNBOUNDED } from '../../src/domain/budget.ts';
import type { ErrorData } from '../../src/domain/errors.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { NewEvent } from '../../src/domain/event.ts';
import { eventMatches } from '../../src/domain/event-match.ts';
import { canonicalJson, type Json, type JsonObject } from '../../src/domain/json.ts';
import { compilePlan, type Plan, type PlanNode } from '../../src/domain/plan.ts';
import { type CachedOutput, cacheIdentity } from '../../src/domain/step-cache.ts';
import type { Decide, ExecutionEvent, ExecutionView, ItemRun, TimerKind, Transition, TransitionReply } from '../../src/domain/transition.ts';
import type { WorkflowDefinition } from '../../src/domain/workflow-definition.ts';
import { type ExecutionRow, emptyStepRow, isTerminal, type ParentLink, type StepRow, type StoredValue } from '../../src/domain/workflow-execution.ts';
import type { WorkflowStep } from '../../src/domain/workflow-step.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';

export const evaluator = createEvaluator();

export interface SimJob {
  readonly id: string;
  readonly step: number;
  readonly item: number | null;
  readonly task: string;
  readonly deadlineAt: number | null;
  readonly priority: number;
  status: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';
  cancelRequested: boolean;
}

export interface SimTimer {
  readonly timer: TimerKind;
  readonly step: number | null;
  readonly dueAt: number;
}

interface Run {
  status: string;
  output: StoredValue | null;
}

export class Sim {
  row: ExecutionRow;
  readonly plan: Plan;
  readonly source: Sim | null;
  readonly steps = new Map<number, Readonly<StepRow>>();
  readonly jobs = new Map<string, SimJob>();
  readonly timers = new Map<string, SimTimer>();
  readonly waiters = new Map<number, { kind: string; name: string; match: Json }>();
  readonly held = new Set<string>();
  readonly signals: { signalId: string; name: string; payload: Json; consumed: boolean }[] = [];
  readonly items = new Map<number, readonly Json[]>();
  /** step -> item -> newest run */
  readonly runs = new Map<number, Map<number, Run>>();
  readonly inbox: ExecutionEvent[] = [];
  readonly log: NewEvent[] = [];

  constructor(row: ExecutionRow, plan: Plan, source: Sim | null) {
    this.row = row;
    this.plan = plan;
    this.source = source;
  }

  step(id: string): Readonly<StepRow> {
    const index = this.plan.indexOf.get(id) as number;
    return this.steps.get(index) ?? emptyStepRow(index);
  }

  output(id?: string): Json {
    const stored = id === undefined ? this.row.output : this.step(id).output;
    return stored === null ? null : this.read(id === undefined ? -1 : this.step(id).index, stored);
  }

  read(index: number, stored: StoredValue): Json {
    if (stored.kind === 'inline') return JSON.parse(stored.json) as Json;
    if (stored.kind === 'artifact') return { artifact: stored.id };
    const total = this.steps.get(index)?.each?.total ?? this.items.get(index)?.length ?? 0;
    return Array.from({ length: total }, (_, item) => {
      const run = this.runs.get(index)?.get(item);
      return run?.status === 'completed' && run.output !== null ? this.read(index, run.output) : null;
    });
  }

  liveJobs(step?: number): SimJob[] {
    return [...this.jobs.values()].filter((job) => (step === undefined || job.step === step) && (job.status === 'pending' || job.status === 'running'));
  }

  /** Status per main step, as a reader sees it after the end. */
  outcomes(): Record<string, string> {
    const all: Record<string, string> = {};
    for (const node of this.plan.nodes) {
      if (node.region !== 'main') continue;
      const row = this.step(node.id);
      const derived = row.status === 'pending' && isTerminal(this.row.status) ? 'cancelled' : row.status;
      all[node.id] = row.skipReason === null ? derived : `skipped:${row.skipReason}`;
    }
    return all;
  }

  types(): string[] {
    return this.log.map((event) => (event.stepId === undefined ? event.type : `${event.type} ${event.stepId}`));
  }
}

export interface WorldOptions {
  readonly maxChanges?: number;
  /** Decide twice on each view and compare. */
  readonly twice?: boolean;
}

/** Several executions, a clock that only tests move, and a record of what must never happen. */
export class World {
  now = 1_000_000;
  readonly sims = new Map<string, Sim>();
  readonly broadcasts: { name: string; payload: Json }[] = [];
  readonly transitions: Transition[] = [];
  sessionContext: JsonObject = {};
  bounds: StepBounds = UNBOUNDED;
  readonly cache = new Map<string, CachedOutput & { readonly expiresAt: number }>();
  readonly #plans = new Map<string, Plan[]>();
  readonly #decide: Decide;
  readonly #maxChanges: number;
  readonly #twice: boolean;
  #ids = 0;

  constructor(options: WorldOptions = {}) {
    this.#maxChanges = options.maxChanges ?? 500;
    this.#twice = options.twice ?? true;
    this.#decide = createAdvance({
      evaluator,
      newId: (kind) => `${kind}_${String(++this.#ids).padStart(8, '0')}`,
      limits: { maxChanges: this.#maxChanges },
    });
  }

  define(definition: WorkflowDefinition): Plan {
    const versions = this.#plans.get(definition.name) ?? [];
    const plan = compilePlan(definition, `${definition.name}-${versions.length + 1}`, evaluator);
    versions.push(plan);
    this.#plans.set(definition.name, versions);
    return plan;
  }

  /** A new execution that has passed its gates. */
  start(
    plan: Plan,
    options: { input?: JsonObject; fork?: { of: Sim; step: string }; depth?: number; hold?: boolean; parent?: ParentLink; id?: string } = {},
  ): Sim {
    const id = options.id ?? `execution_${String(++this.#ids).padStart(8, '0')}`;
    const fork = options.fork;
    const row: ExecutionRow = {
      id,
      namespace: 'default',
      workflow: plan.definition.name,
      version: 1,
      hash: plan.hash,
      status: 'pending',
      phase: 'admission',
      phaseCursor: 0,
      input: options.input ?? {},
      output: null,
      error: null,
      priority: 50,
      sessionId: null,
      startedBy: 'test',
      parent: options.parent ?? null,
      depth: options.depth ?? 0,
      forkedFrom: fork === undefined ? null : { executionId: fork.of.row.id, stepIndex: plan.indexOf.get(fork.step) as number },
      concurrencyKey: null,
      stepsDone: 0,
      stepsCompleted: 0,
      stepsSkipped: 0,
      stepsFailed: 0,
      stepsRunning: 0,
      stepsWaiting: 0,
      stopping: null,
      paused: false,
      openWork: 0,
      taskVersions: null,
      retries: 0,
      createdAt: this.now,
      startedAt: null,
      endedAt: null,
      deadlineAt: null,
    };
    const sim = new Sim(Object.freeze(row), plan, fork?.of ?? null);
    this.sims.set(id, sim);
    if (options.hold !== true) sim.inbox.push({ type: 'admitted' });
    return sim;
  }

  /** Hands the first `count` inbox entries, then the given events, to one decision. */
  deliver(sim: Sim, count: number, ...events: ExecutionEvent[]): TransitionReply | null {
    const batch = [...sim.inbox.splice(0, count), ...events];
    if (batch.length === 0) return null;
    const view = this.#view(sim);
    const ids = this.#ids;
    const transition = this.#decide(view, batch);
    if (this.#twice) {
      const after = this.#ids;
      this.#ids = ids;
      const again = this.#decide(view, batch);
      if (canonicalJson(again) !== canonicalJson(transition)) throw new Error('decided differently on the same view');
      this.#ids = after;
    }
    this.#check(sim, transition);
    this.#apply(sim, transition);
    return transition.reply;
  }

  /** Sends one event now, with everything that waits before it, and lets all follow-ups happen. */
  send(sim: Sim, event: ExecutionEvent): TransitionReply | null {
    this.settle();
    const reply = this.deliver(sim, 0, event);
    this.settle();
    return reply;
  }

  /** Empties all inboxes. */
  settle(): void {
    for (let turns = 0; ; turns++) {
      const sim = [...this.sims.values()].find((candidate) => candidate.inbox.length > 0);
      if (sim === undefined) return;
      if (turns > 20_000) throw new Error('the inbox never empties');
      this.deliver(sim, sim.inbox.length);
    }
  }

  /** Ends the live job of a step (or item) and lets all follow-ups happen. */
  finish(sim: Sim, stepId: string, end: { output?: Json; error?: string; status?: 'cancelled'; item?: number } = {}): void {
    this.settle();
    const index = sim.plan.indexOf.get(stepId) as number;
    const job = sim.liveJobs(index).find((live) => live.item === (end.item ?? null));
    if (job === undefined) throw new Error(`no live job of ${stepId}; there are ${JSON.stringify(sim.liveJobs())}`);
    this.endJob(sim, job, end.status ?? (end.error === undefined ? 'completed' : 'failed'), end.output, end.error);
    this.settle();
  }

  endJob(sim: Sim, job: SimJob, status: 'completed' | 'failed' | 'cancelled', output: Json = null, code = 'handler_failed'): void {
    job.status = status;
    const stored: StoredValue | null = status === 'completed' ? { kind: 'inline', json: JSON.stringify(output) } : null;
    if (job.item !== null) sim.runs.get(job.step)?.set(job.item, { status, output: stored });
    const error: ErrorData | null =
      status === 'completed' ? null : new LogisticsError(status === 'cancelled' ? 'cancelled' : code, `It ended ${status}.`).toData();
    sim.inbox.push({ type: 'job_settled', step: job.step, item: job.item, status, output: stored, error, attempts: 1, startedAt: this.now });
  }

  /** Timers of an execution that are due by `at`, earliest first. */
  timers(sim: Sim, at = Number.POSITIVE_INFINITY): SimTimer[] {
    return [...sim.timers.values()].filter((timer) => timer.dueAt <= at).sort((a, b) => a.dueAt - b.dueAt);
  }

  fire(sim: Sim, timer: SimTimer): void {
    this.now = Math.max(this.now, timer.dueAt);
    sim.timers.delete(keyOf(timer));
    sim.inbox.push({ type: 'timer', timer: timer.timer, step: timer.step, dueAt: timer.dueAt });
  }

  /** Moves the clock and fires what is due, in order. */
  pass(ms: number): void {
    this.settle();
    const until = this.now + ms;
    for (;;) {
      const due = [...this.sims.values()].flatMap((sim) =>
        this.timers(sim, until)
          .slice(0, 1)
          .map((timer) => ({ sim, timer })),
      );
      const first = due.sort((a, b) => a.timer.dueAt - b.timer.dueAt)[0];
      if (first === undefined) break;
      this.fire(first.sim, first.timer);
      this.settle();
    }
    this.now = until;
  }

  children(sim: Sim): Sim[] {
    return [...this.sims.values()].filter((child) => child.row.parent?.executionId === sim.row.id);
  }

  #view(sim: Sim): ExecutionView {
    const rows = (after: number, limit: number, wanted: (row: Readonly<StepRow>) => boolean): readonly StepRow[] =>
      [...sim.steps.values()]
        .filter((row) => row.index > after && wanted(row))
        .sort((a, b) => a.index - b.index)
        .slice(0, limit);
    return {
      execution: sim.row,
      plan: sim.plan,
      now: this.now,
      step: (index) => sim.steps.get(index),
      value: (index, stored) => sim.read(index, stored),
      openSteps: (after, limit) => rows(after, limit, (row) => isOpen(row.status)),
      failedSteps: (after, limit) => rows(after, limit, (row) => row.status === 'failed'),
      liveJobs: (index, after, limit) =>
        sim
          .liveJobs(index)
          .filter((job) => job.id > after)
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .slice(0, limit)
          .map((job) => ({ jobId: job.id, item: job.item, running: job.status === 'running' })),
      liveChildren: (index) =>
        this.children(sim)
          .filter((child) => child.row.parent?.stepIndex === index && child.row.endedAt === null)
          .map((child) => ({ executionId: child.row.id, item: child.row.parent?.itemIndex ?? null })),
      itemRuns: (index, after, count) => this.#itemRuns(sim, index, after, count),
      item: (index, item) => sim.items.get(index)?.[item] as Json,
      waiters: (kind, name) => [...sim.waiters].filter(([, waiter]) => waiter.kind === kind && waiter.name === name).map(([step]) => step),
      holdsAllocation: (id) => sim.held.has(id),
      bufferedSignal: (name) => sim.signals.find((signal) => signal.name === name && !signal.consumed),
      hasSignal: (signalId) => sim.signals.some((signal) => signal.signalId === signalId),
      workflow: (name, version) => {
        const versions = this.#plans.get(name) ?? [];
        const plan = version === null ? versions.at(-1) : versions[version - 1];
        return plan === undefined ? undefined : { name, hash: plan.hash, version: versions.indexOf(plan) + 1 };
      },
      sourceStep: (index) => sim.source?.steps.get(index),
      sourceValue: (index, stored) => sim.source?.read(index, stored) ?? null,
      cached: (index, key) => {
        const kept = this.cache.get(cacheIdentity(sim.row.workflow, sim.plan.nodes[index] as PlanNode, key));
        return kept === undefined || kept.expiresAt <= this.now ? undefined : kept;
      },
      sessionContext: () => this.sessionContext,
      bounds: () => this.bounds,
    };
  }

  #itemRuns(sim: Sim, index: number, after: number, count: number): ItemRun[] {
    const found: ItemRun[] = [];
    for (let item = after + 1; item <= after + count; item++) {
      const child = this.children(sim).findLast((one) => one.row.parent?.stepIndex === index && one.row.parent.itemIndex === item);
      const status = child?.row.status ?? sim.runs.get(index)?.get(item)?.status;
      if (status === undefined) continue;
      const state = status === 'completed' ? status : status === 'failed' || status === 'cancelled' ? 'ended' : 'live';
      found.push({ item, state, childId: child?.row.id ?? null });
    }
    return found;
  }

  #check(sim: Sim, transition: Transition): void {
    const {
      steps,
      jobs,
      cancelJobs,
      children,
      inbox,
      setTimers,
      clearTimers,
      setWaiters,
      clearWaiters,
      putSignals,
      consumeSignals,
      putItems,
      cachePuts,
      broadcasts,
    } = transition;
    const lists: readonly (readonly unknown[])[] = [
      steps,
      jobs,
      cancelJobs,
      children,
      inbox,
      setTimers,
      clearTimers,
      setWaiters,
      clearWaiters,
      putSignals,
      consumeSignals,
      putItems,
      cachePuts,
      broadcasts,
    ];
    const changes = lists.reduce((sum, list) => sum + list.length, 0);
    if (changes > this.#maxChanges) throw new Error(`${changes} changes in one transition`);
    if (new Set(steps.map((row) => row.index)).size !== steps.length) throw new Error('a step row is written twice');
    for (const row of steps) {
      const old = sim.steps.get(row.index);
      if (old?.status === 'completed' && (row.status !== 'completed' || canonicalJson(row.output) !== canonicalJson(old.output))) {
        throw new Error(`completed step ${row.index} changed to ${row.status}`);
      }
    }
    for (const job of jobs) {
      if (sim.liveJobs(job.step).some((live) => live.item === job.item)) throw new Error(`step ${job.step}[${job.item}] has two live jobs`);
      const done = job.item === null ? sim.steps.get(job.step)?.status === 'completed' : sim.runs.get(job.step)?.get(job.item)?.status === 'completed';
      if (done) throw new Error(`step ${job.step}[${job.item}] runs again after it completed`);
    }
    if (sim.row.paused && transition.execution.paused === undefined) checkNothingStarts(sim, transition);
    for (const { jobId } of cancelJobs) if (!sim.liveJobs().some((job) => job.id === jobId)) throw new Error(`${jobId} is cancelled but not live`);
  }

  #apply(sim: Sim, transition: Transition): void {
    this.transitions.push(transition);
    sim.row = Object.freeze({ ...sim.row, ...transition.execution });
    for (const row of transition.steps) sim.steps.set(row.index, Object.freeze(row));
    for (const { id, step, item, task, deadlineAt, priority } of transition.jobs) {
      sim.jobs.set(id, { id, step, item, task, deadlineAt, priority, status: 'pending', cancelRequested: false });
      if (item !== null) this.#run(sim, step, item, { status: 'live', output: null });
    }
    for (const { jobId, force } of transition.cancelJobs) {
      const job = sim.jobs.get(jobId) as SimJob;
      if (force) {
        job.status = 'cancelled';
        if (job.item !== null) this.#run(sim, job.step, job.item, { status: 'cancelled', output: null });
      } else job.cancelRequested = true;
    }
    for (const { step, json } of transition.putItems) sim.items.set(step, JSON.parse(json) as Json[]);
    for (const { step, key, json, expiresAt } of transition.cachePuts)
      this.cache.set(cacheIdentity(sim.row.workflow, sim.plan.nodes[step] as PlanNode, key), { json, executionId: sim.row.id, expiresAt });
    for (const timer of transition.setTimers) sim.timers.set(keyOf(timer), timer);
    for (const timer of transition.clearTimers) sim.timers.delete(keyOf(timer));
    for (const step of transition.clearWaiters) sim.waiters.delete(step);
    for (const id of transition.release) sim.held.delete(id);
    sim.signals.push(...transition.putSignals);
    for (const signalId of transition.consumeSignals) {
      const signal = sim.signals.find((one) => one.signalId === signalId);
      if (signal !== undefined) signal.consumed = true;
    }
    for (const child of transition.children) {
      const plan = (this.#plans.get(child.workflow) ?? [])[child.version - 1] as Plan;
      const parent = { executionId: sim.row.id, stepIndex: child.step, itemIndex: child.item };
      this.start(plan, { id: child.id, input: child.input, depth: sim.row.depth + 1, parent });
      if (child.item !== null) this.#run(sim, child.step, child.item, { status: 'live', output: null });
    }
    for (const { executionId, event } of transition.inbox) {
      const target = this.sims.get(executionId);
      if (event.type === 'child_ended' && event.item !== null && target !== undefined)
        this.#run(target, event.step, event.item, { status: event.status, output: event.output });
      target?.inbox.push(event);
    }
    this.broadcasts.push(...transition.broadcasts);
    for (const { name, payload } of transition.broadcasts) {
      for (const other of this.sims.values()) {
        for (const [step, waiter] of other.waiters)
          if (waiter.kind === 'event' && waiter.name === name && eventMatches(waiter.match, payload))
            other.inbox.push({ type: 'event_matched', step, name, payload });
      }
    }
    for (const { step, kind, name, match } of transition.setWaiters) sim.waiters.set(step, { kind, name, match });
    sim.log.push(...transition.events);
    if (sim.row.endedAt !== null) {
      sim.timers.clear();
      sim.waiters.clear();
    }
  }

  #run(sim: Sim, step: number, item: number, run: Run): void {
    const runs = sim.runs.get(step) ?? new Map<number, Run>();
    runs.set(item, run);
    sim.runs.set(step, runs);
  }
}

function checkNothingStarts(sim: Sim, { steps, jobs, children, broadcasts, setWaiters, putItems, events }: Transition): void {
  const started = steps.filter((row) => isOpen(row.status) && !isOpen(sim.steps.get(row.index)?.status ?? 'pending')).map((row) => row.index);
  if (jobs.length + children.length + broadcasts.length + setWaiters.length + putItems.length + started.length > 0) {
    throw new Error(`started in a pause: ${JSON.stringify({ started, jobs, children, broadcasts, setWaiters })}`);
  }
  if (events.some((event) => event.type === 'workflow_started' || event.type === 'step_started')) throw new Error('a start was logged in a pause');
}

function keyOf(timer: { readonly timer: string; readonly step: number | null }): string {
  return `${timer.timer}/${timer.step}`;
}

/** What is wrong with the rows of an execution, as text; empty when all counters and counts hold. */
export function faultsOf(sim: Sim): string[] {
  const faults: string[] = [];
  const counted: ExecutionRow = { ...sim.row, stepsDone: 0, stepsCompleted: 0, stepsSkipped: 0, stepsFailed: 0, stepsRunning: 0, stepsWaiting: 0 };
  for (const row of sim.steps.values()) addToCounters(counted, row, sim.plan.nodes[row.index]?.region ?? 'main', 1);
  for (const key of ['stepsDone', 'stepsCompleted', 'stepsSkipped', 'stepsFailed', 'stepsRunning', 'stepsWaiting'] as const) {
    if (counted[key] !== sim.row[key]) faults.push(`${key} is ${sim.row[key]}, the rows say ${counted[key]}`);
  }
  for (const row of sim.steps.values()) {
    const live = sim.liveJobs(row.index).length;
    if (row.each !== null && (row.each.live < 0 || row.each.next > row.each.total)) faults.push(`forEach ${row.index}: ${JSON.stringify(row.each)}`);
    if (!isOpen(row.status) && live > 0) faults.push(`step ${row.index} is ${row.status} with ${live} live jobs`);
  }
  const terminal = isTerminal(sim.row.status);
  if (terminal !== (sim.row.endedAt !== null) || terminal !== (sim.row.phase === 'done'))
    faults.push(`${sim.row.status}, ended at ${sim.row.endedAt}, phase ${sim.row.phase}`);
  if (terminal && (sim.row.stepsRunning > 0 || sim.row.stepsWaiting > 0 || sim.row.openWork !== 0)) faults.push('it has ended but is live');
  if (sim.row.openWork !== sim.inbox.filter((event) => event.type === 'continue').length) faults.push(`openWork is ${sim.row.openWork}`);
  if (sim.row.openWork === 0 && sim.row.stopping === null && !terminal) faults.push(...countFaults(sim));
  return faults;
}

function countFaults(sim: Sim): string[] {
  const faults: string[] = [];
  for (const node of sim.plan.nodes) {
    const row = sim.steps.get(node.index) ?? emptyStepRow(node.index);
    const counts = { needsCompleted: 0, needsFailed: 0, needsSkipped: 0 };
    for (const need of node.needs) {
      const outcome = outcomeOf(sim.steps.get(need) ?? emptyStepRow(need));
      if (outcome !== null) counts[outcome]++;
    }
    for (const key of ['needsCompleted', 'needsFailed', 'needsSkipped'] as const) {
      if (counts[key] !== row[key]) faults.push(`${node.id}.${key} is ${row[key]}, its needs say ${counts[key]}`);
    }
  }
  return faults;
}

/** A step in normal form. */
export function step(id: string, fields: Partial<WorkflowStep> = {}): WorkflowStep {
  return { id, task: 'work', with: {}, needs: [], when: 'all_success', continueOnError: false, requires: [], ...fields };
}

export function workflow(name: string, steps: readonly WorkflowStep[], fields: Partial<WorkflowDefinition> = {}): WorkflowDefinition {
  return { name, steps: [...steps], onFailure: [], ...fields };
}
