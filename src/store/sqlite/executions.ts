// Owns how a decision becomes rows: one pure decide, one Transition, all inside the caller's transaction.
import type { NewEvent } from '../../domain/event.ts';
import { eventMatches } from '../../domain/event-match.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import type { Plan, PlanNode } from '../../domain/plan.ts';
import { rankOf } from '../../domain/priority.ts';
import { projectOf } from '../../domain/project.ts';
import { rankInRun } from '../../domain/queue-order.ts';
import { sessionOrder } from '../../domain/session.ts';
import type { ChildStart, Decide, ExecutionEvent, TimerKind, Transition, TransitionReply } from '../../domain/transition.ts';
import type { ExecutionRow, StepRow, StoredValue } from '../../domain/workflow-execution.ts';
import type { Allocations } from './allocations.ts';
import type { Breakers } from './breakers.ts';
import type { Budgets } from './budgets.ts';
import { JOB, timerCodes, waiterCodes } from './codes.ts';
import type { DecisionViews } from './decision-views.ts';
import type { Dependents } from './dependents.ts';
import type { ExecutionRecord, ExecutionRows } from './execution-rows.ts';
import { readStep } from './execution-rows.ts';
import { acquire, acquireAnyway, gateKeys, release, sessionModeAt, UNLIMITED } from './gates.ts';
import { WHOLE_RUN } from './history.ts';
import type { JobRows, JobSql } from './job-rows.ts';
import type { Plans } from './plans.ts';
import type { StepCaches } from './step-caches.ts';
import type { EventScope, Tx } from './tx.ts';
import { INLINE_BYTES, readStored, storeJson } from './values.ts';

/** Timers of a paused run are put this far into the future; a resume takes it off again. */
export const PARKED_MS = 2 ** 46;
const INBOX_BATCH = 500;

interface InboxSql {
  readonly seq: number;
  readonly event: string;
}

export interface StartParameters {
  readonly id: string;
  readonly namespace: string;
  readonly workflow: string;
  readonly version: number;
  readonly hash: string;
  readonly input: JsonObject;
  readonly priority: number;
  readonly sessionId: string | null;
  readonly startedBy: string;
  readonly forkedFrom: { readonly executionId: string; readonly stepIndex: number } | null;
  readonly concurrency: { readonly key: string; readonly limit: number; readonly onLimit: 'queue' | 'skip' | 'cancel_in_progress' | 'cancel_newest' } | null;
  /** Number of the ledger row of the schedule that starts it. */
  readonly occurrence?: number | undefined;
  readonly trace?: string | null | undefined;
}

export class Executions {
  readonly #tx: Tx;
  readonly rows: ExecutionRows;
  readonly #jobs: JobRows;
  readonly #dependents: Dependents;
  readonly #plans: Plans;
  readonly #views: DecisionViews;
  readonly #caches: StepCaches;
  readonly #allocations: Allocations;
  readonly #budgets: Budgets;
  readonly #breakers: Breakers;

  constructor(
    tx: Tx,
    rows: ExecutionRows,
    jobs: JobRows,
    dependents: Dependents,
    plans: Plans,
    views: DecisionViews,
    caches: StepCaches,
    allocations: Allocations,
    guards: { readonly budgets: Budgets; readonly breakers: Breakers },
  ) {
    this.#budgets = guards.budgets;
    this.#breakers = guards.breakers;
    guards.budgets.holds.update = (record, events, decide) => this.update(record, events, decide);
    guards.budgets.holds.post = (execution, event) => this.#post(execution, event);
    this.#allocations = allocations;
    allocations.onGranted = (execution, step, allocationId) => this.#post(execution, { type: 'resource_granted', step, allocationId });
    this.#tx = tx;
    this.rows = rows;
    this.#jobs = jobs;
    this.#dependents = dependents;
    this.#plans = plans;
    this.#views = views;
    this.#caches = caches;
    if (tx.env.stepPlaces !== undefined) jobs.rankInRun = (execution, step, priority) => this.#rankInRun(execution, step, priority);
    tx.onAwaited = (scope, event) => this.#deliverLogged(scope, event);
  }

  #rankInRun(execution: number, step: number, priority: number): number | null {
    const { now, env } = this.#tx;
    const record = this.rows.load(execution);
    if (record === undefined) return null;
    const place = env.stepPlaces?.(record.row.namespace, this.#plans.require(record.row.hash))?.[step];
    if (place === undefined) return null;
    return rankInRun({ startedAt: record.row.startedAt ?? now, readyAt: now, priority, place }, env.limits.ageStepMs);
  }

  /** Stores a new execution and, when its gates are open, takes its first steps in the same commit. */
  start(p: StartParameters, decide: Decide): ExecutionRecord {
    const tx = this.#tx;
    const ns = tx.namespace(p.namespace);
    const session = p.sessionId === null ? null : tx.sessionNum(p.sessionId);
    const gates: [string, number][] = [];
    const key = p.concurrency === null ? null : gateKeys.concurrency(ns, p.workflow, p.concurrency.key);
    if (key !== null && p.concurrency !== null) gates.push([key, p.concurrency.limit]);
    if (session !== null) {
      const limits = tx.sql('SELECT max_workflows AS n FROM session WHERE num = ?').get(session) as { n: number | null } | undefined;
      if (limits !== undefined && limits.n !== null) gates.push([gateKeys.sessionWorkflows(session), limits.n]);
    }
    const project = projectGate(tx, ns, p.workflow);
    if (project !== null) gates.push([project, UNLIMITED]);
    const forked = p.forkedFrom === null ? null : (this.rows.numOf(p.forkedFrom.executionId) ?? null);
    const record = this.rows.insert(this.#newRow(p, key), {
      ns,
      session,
      root: null,
      parent: null,
      forkedFrom: forked,
      gates,
      occurrence: p.occurrence,
      trace: p.trace,
    });
    const plan = this.#plans.require(p.hash);
    this.#budgets.started(record, plan);
    this.#breakers.started(record, plan);
    if (record.row.deadlineAt !== null) this.#setTimer(record.num, 'execution_deadline', null, record.row.deadlineAt);
    if (key !== null && p.concurrency !== null && this.#applyOnLimit(record, key, p.concurrency, decide)) return record;
    this.#pass(record, decide);
    return record;
  }

  #newRow(p: StartParameters, key: string | null): ExecutionRow {
    const plan = this.#plans.use(p.hash);
    const timeout = plan.definition.timeoutMs;
    return {
      id: p.id,
      namespace: p.namespace,
      workflow: p.workflow,
      version: p.version,
      hash: p.hash,
      status: 'pending',
      phase: 'admission',
      phaseCursor: 0,
      input: p.input,
      output: null,
      error: null,
      priority: p.priority,
      sessionId: p.sessionId,
      startedBy: p.startedBy,
      parent: null,
      depth: 0,
      forkedFrom: p.forkedFrom,
      concurrencyKey: key,
      stepsDone: 0,
      stepsCompleted: 0,
      stepsSkipped: 0,
      stepsFailed: 0,
      stepsRunning: 0,
      stepsWaiting: 0,
      stopping: null,
      paused: false,
      retries: 0,
      openWork: 0,
      taskVersions: this.#tx.env.taskVersions?.(plan) ?? null,
      createdAt: this.#tx.now,
      startedAt: null,
      endedAt: null,
      deadlineAt: timeout === undefined ? null : this.#tx.now + timeout,
    };
  }

  /** Policies other than queue at a full concurrency key; true when the newcomer was ended by them. */
  #applyOnLimit(record: ExecutionRecord, key: string, concurrency: { readonly limit: number; readonly onLimit: string }, decide: Decide): boolean {
    const tx = this.#tx;
    if (concurrency.onLimit === 'queue') return false;
    this.rows.flush();
    const used = (tx.sql('SELECT used FROM gate WHERE key = ?').get(key) as { used: number } | undefined)?.used ?? 0;
    if (used < concurrency.limit) return false;
    const end = (message: string): boolean => {
      this.update(record, [{ type: 'cancel', reason: message, code: 'concurrency', by: record.row.startedBy }], decide);
      return true;
    };
    if (concurrency.onLimit === 'skip') return end(`The concurrency key is held by ${used} other run(s).`);
    if (concurrency.onLimit === 'cancel_newest') {
      const waiting = tx.sql('SELECT 1 FROM execution WHERE gate = ? LIMIT 1').get(key);
      return waiting === undefined ? false : end('Another run already waits for the concurrency key.');
    }
    const holders = tx
      .sql('SELECT num FROM execution WHERE concurrency_key = ? AND ended_at IS NULL AND num != ? ORDER BY num LIMIT ?')
      .all(key, record.num, INBOX_BATCH) as { num: number }[];
    for (const holder of holders)
      this.#post(holder.num, { type: 'cancel', reason: `Replaced by ${record.row.id}.`, code: 'concurrency', by: record.row.startedBy });
    return false;
  }

  /** Tries the gates of an execution from where it stands; passes `admitted` when all are open. */
  #pass(record: ExecutionRecord, decide: Decide | null): void {
    const tx = this.#tx;
    for (let at = record.gatePos; at < record.gates.length; at++) {
      const [key, cap] = record.gates[at] as readonly [string, number];
      if (!acquire(tx, key, cap)) {
        record.gate = key;
        record.gatePos = at;
        const mode = sessionModeAt(tx, key);
        const { createdAt, priority } = record.row;
        record.gateRank = mode === null ? rankOf(createdAt, priority, tx.env.limits.ageStepMs) : sessionOrder(mode, createdAt, priority);
        this.rows.touch(record);
        return;
      }
      record.gatePos = at + 1;
    }
    record.gate = null;
    record.gateRank = null;
    this.rows.touch(record);
    if (decide === null) this.#post(record.num, { type: 'admitted' });
    else this.update(record, [{ type: 'admitted' }], decide);
  }

  #releaseGates(record: ExecutionRecord): void {
    const held = record.gates.slice(0, record.gatePos);
    record.gate = null;
    record.gateRank = null;
    record.gatePos = 0;
    this.rows.touch(record);
    for (const [key] of held) {
      release(this.#tx, key);
      this.admitNextAt(key);
    }
  }

  /** The best execution that waits at a gate moves on, as far as capacity allows; false when none did. */
  admitNextAt(key: string): boolean {
    this.rows.flush();
    const next = this.#tx.sql('SELECT num FROM execution WHERE gate = ? ORDER BY gate_rank, num LIMIT 1').get(key) as { num: number } | undefined;
    const waiting = next === undefined ? undefined : this.rows.load(next.num);
    if (waiting === undefined) return false;
    this.#pass(waiting, null);
    return waiting.gate !== key;
  }

  /** The central verb: waiting inbox entries first, then the given events, one decision, one delta. */
  update(record: ExecutionRecord, events: readonly ExecutionEvent[], decide: Decide): TransitionReply | null {
    const tx = this.#tx;
    const waiting = tx.holdsRows('inbox')
      ? (tx.sql('SELECT seq, event FROM inbox WHERE execution = ? ORDER BY seq LIMIT ?').all(record.num, INBOX_BATCH) as InboxSql[])
      : [];
    const all = waiting.length === 0 ? events : [...waiting.map((row) => JSON.parse(row.event) as ExecutionEvent), ...events];
    if (all.length === 0) return null;
    if (waiting.length > 0) {
      tx.sql('DELETE FROM inbox WHERE execution = ? AND seq <= ?').run(record.num, (waiting.at(-1) as { seq: number }).seq);
      tx.changed('inbox', undefined);
      if (waiting.length === INBOX_BATCH) tx.notice.inbox.add(record.row.id);
    }
    const plan = this.#plans.require(record.row.hash);
    const transition = decide(this.#views.of(record, plan), all);
    this.#apply(record, plan, transition, decide);
    return transition.reply;
  }

  #post(execution: number, event: ExecutionEvent): void {
    this.#tx.sql('INSERT INTO inbox (execution, event) VALUES (?, ?)').run(execution, JSON.stringify(event));
    this.#tx.changed('inbox', true);
    this.#tx.notice.inbox.add(this.rows.idOf(execution));
  }

  #setTimer(execution: number, timer: TimerKind, step: number | null, dueAt: number): void {
    this.#tx.sql('INSERT OR REPLACE INTO timer (execution, kind, idx, due_at) VALUES (?, ?, ?, ?)').run(execution, timerCodes.of(timer), step ?? -1, dueAt);
    this.#tx.notice.timersChanged = true;
  }

  #apply(record: ExecutionRecord, plan: Plan, t: Transition, decide: Decide): void {
    const tx = this.#tx;
    const before = record.row;
    for (const step of t.steps) {
      if (step.endedAt !== null) this.#remember(record, plan, step);
      this.rows.putStep(record, this.#bounded(record, step));
    }
    for (const job of t.jobs) this.#jobs.insertForStep(record, job, plan.definition.maxParallel);
    for (const cancel of t.cancelJobs) this.#cancelJob(cancel.jobId, cancel.force);
    for (const items of t.putItems) tx.sql('INSERT OR REPLACE INTO step_items (execution, idx, json) VALUES (?, ?, ?)').run(record.num, items.step, items.json);
    for (const timer of t.setTimers) this.#setTimer(record.num, timer.timer, timer.step, timer.dueAt);
    for (const timer of t.clearTimers)
      tx.sql('DELETE FROM timer WHERE execution = ? AND kind = ? AND idx = ?').run(record.num, timerCodes.of(timer.timer), timer.step ?? -1);
    for (const step of t.clearWaiters) {
      tx.sql('DELETE FROM waiter WHERE execution = ? AND idx = ?').run(record.num, step);
      tx.forgetEventNames();
    }
    for (const signal of t.putSignals) {
      tx.sql('INSERT OR IGNORE INTO signal (execution, signal_id, name, payload, consumed) VALUES (?, ?, ?, ?, ?)').run(
        record.num,
        signal.signalId,
        signal.name,
        JSON.stringify(signal.payload),
        signal.consumed ? 1 : 0,
      );
    }
    for (const signalId of t.consumeSignals) tx.sql('UPDATE signal SET consumed = 1 WHERE execution = ? AND signal_id = ?').run(record.num, signalId);
    if (Object.keys(t.execution).length > 0) this.rows.change(record, this.#boundedExecution(record, t.execution));
    for (const child of t.children) this.#startChild(record, child, decide);
    for (const entry of t.inbox) {
      const target = this.rows.numOf(entry.executionId);
      if (target !== undefined) this.#post(target, entry.event);
    }
    for (const put of t.cachePuts) this.#caches.keep(record, plan.nodes[put.step] as PlanNode, put);
    for (const event of t.events) this.#log(record, plan, event);
    if (t.heldBack !== null) this.#budgets.heldBack(record, t.heldBack.limit, t.heldBack.wanted);
    for (const asked of t.acquire) this.#acquire(record, asked);
    for (const id of t.release) this.#endAllocation(record, id);
    for (const broadcast of t.broadcasts) this.#broadcast(record.ns, broadcast.name, broadcast.payload);
    // Last, so that a step never hears what was said before it began to wait.
    for (const waiter of t.setWaiters) {
      tx.sql('INSERT OR REPLACE INTO waiter (execution, idx, kind, name, match, seq) VALUES (?, ?, ?, ?, ?, ?)').run(
        record.num,
        waiter.step,
        waiterCodes.of(waiter.kind),
        waiter.name,
        waiter.match === null ? null : JSON.stringify(waiter.match),
        tx.now,
      );
      if (waiter.kind === 'event') tx.eventNames().add(waiter.name);
    }
    this.#follow(record, before);
  }

  /** The answer always comes as an event, also when it is there at once. */
  #acquire(record: ExecutionRecord, { id, step, request, priority }: Transition['acquire'][number]): void {
    const made = this.#allocations.allocate({
      id,
      ns: record.ns,
      request,
      path: 'with.resources',
      priority,
      session: null,
      step: { execution: record.num, index: step },
      leaseMs: null,
    });
    if ('error' in made) this.#post(record.num, { type: 'resource_refused', step, allocationId: id, error: made.error });
    else if (made.row.granted_at !== null) this.#post(record.num, { type: 'resource_granted', step, allocationId: id });
  }

  #endAllocation(record: ExecutionRecord, id: string): void {
    const row = this.#allocations.byId(id);
    if (row === undefined || row.execution !== record.num) return;
    this.#allocations.end(row, row.granted_at === null ? 'cancelled' : 'released', null);
  }

  /** What follows from the change of the execution row itself. */
  #follow(record: ExecutionRecord, before: ExecutionRow): void {
    const tx = this.#tx;
    const after = record.row;
    if (before.paused && !after.paused) {
      this.#jobs.unpark(record.num);
      tx.sql(`UPDATE timer SET due_at = due_at - ${PARKED_MS} WHERE execution = ? AND due_at >= ${PARKED_MS}`).run(record.num);
      tx.notice.timersChanged = true;
    }
    if (before.status !== after.status) tx.notice.changed.push(after.id);
    this.#budgets.followed(record, before);
    if (before.endedAt === null && after.endedAt !== null) {
      tx.sql('DELETE FROM timer WHERE execution = ?').run(record.num);
      if (tx.sql('DELETE FROM waiter WHERE execution = ?').run(record.num).changes > 0) tx.forgetEventNames();
      this.#releaseGates(record);
      this.#allocations.endAllOf({ execution: record.num }, 'Its run ended.');
      this.#rememberRun(record);
      this.#breakers.ended(record, this.#plans.require(after.hash));
      tx.notice.ended.push(after.id);
      if (record.occurrence !== null) this.#tellSchedule(record, record.occurrence);
    } else if (before.endedAt !== null && after.endedAt === null) {
      // Retried by control: it holds its keys again, even past the limit, because it ran before those who wait.
      for (const [key, cap] of record.gates) acquireAnyway(tx, key, cap);
      record.gatePos = record.gates.length;
      this.rows.touch(record);
      if (record.occurrence !== null) tx.onScheduledReopen({ occurrence: record.occurrence, runId: after.id });
    }
  }

  #tellSchedule(record: ExecutionRecord, occurrence: number): void {
    const { id, status, error } = record.row;
    if (status !== 'completed' && status !== 'failed' && status !== 'cancelled') return;
    this.#tx.onScheduledEnd({ occurrence, runId: id, result: status, output: () => this.output(record) ?? null, error });
  }

  /** How many items a forEach had, and how long a step without a job waited; a child execution is measured at its own end. */
  #remember(record: ExecutionRecord, plan: Plan, step: StepRow): void {
    const node = plan.nodes[step.index] as PlanNode;
    if ((node.kind === 'task' && step.each === null) || step.reused || (step.status !== 'completed' && step.status !== 'failed')) return;
    if (this.rows.step(record, step.index)?.endedAt) return;
    const { history } = this.#tx;
    if (step.each !== null) history.each(record.ns, record.row.workflow, node.id, step.each.total);
    else if (node.kind !== 'workflow.run' && step.startedAt !== null) {
      const ms = (step.endedAt as number) - step.startedAt;
      history.attempt(record.ns, record.row.workflow, node.id, { completed: step.status === 'completed', ms, final: true, retried: false });
    }
  }

  /** How long a whole run took, for its workflow and for the step that started it. */
  #rememberRun(record: ExecutionRecord): void {
    const { status, startedAt, endedAt, workflow, parent } = record.row;
    if (status === 'cancelled' || startedAt === null || endedAt === null) return;
    const { history } = this.#tx;
    const ended = { completed: status === 'completed', ms: endedAt - startedAt, final: true, retried: false };
    history.attempt(record.ns, workflow, WHOLE_RUN, ended);
    this.#tellSla(record, endedAt);
    const above = record.parent === null ? undefined : this.rows.load(record.parent);
    const node = above === undefined || parent === null ? undefined : this.#plans.require(above.row.hash).nodes[parent.stepIndex];
    if (above !== undefined && node !== undefined) history.attempt(record.ns, above.row.workflow, node.id, ended);
  }

  /** Told at the end: by how much a run was longer than its workflow says it may be. */
  #tellSla({ ns, num, row, session }: ExecutionRecord, endedAt: number): void {
    const { slaMs } = this.#plans.require(row.hash).definition;
    if (slaMs === undefined || endedAt - row.createdAt <= slaMs) return;
    this.#tx.failures.add({ ns, workflow: row.workflow, step: '', code: 'sla_missed', worker: '', example: row.id });
    const data = { workflow: row.workflow, sla_ms: slaMs, took_ms: endedAt - row.createdAt };
    this.#tx.log({ ns, execution: num, idx: null, item: null, job: null, session }, { type: 'sla_missed', data });
  }

  #bounded(record: ExecutionRecord, step: StepRow): StepRow {
    if (step.output === null || step.output.kind !== 'inline' || step.output.json.length <= INLINE_BYTES / 4) return step;
    return { ...step, output: storeJson(this.#tx, step.output.json, { execution: record.num, job: null, name: `step-${step.index}` }) };
  }

  #boundedExecution(record: ExecutionRecord, change: Partial<ExecutionRow>): Partial<ExecutionRow> {
    const output = change.output;
    if (output === undefined || output === null || output.kind !== 'inline' || output.json.length <= INLINE_BYTES / 4) return change;
    return { ...change, output: storeJson(this.#tx, output.json, { execution: record.num, job: null, name: 'output' }) };
  }

  #cancelJob(jobId: string, force: boolean): void {
    const job = this.#jobs.byId(jobId);
    if (job === undefined || (job.status !== JOB.pending && job.status !== JOB.running && job.status !== JOB.retry)) return;
    if (job.status === JOB.running && !force) {
      this.#tx.sql('UPDATE job SET cancel_requested = 1 WHERE num = ?').run(job.num);
      this.#tx.notice.stopJobs.push({ jobId, forced: false });
      return;
    }
    if (job.status === JOB.running) this.#tx.notice.stopJobs.push({ jobId, forced: true });
    this.#jobs.end(job, 'cancelled', CANCELLED, false);
    this.#dependents.tell(job.num, false);
  }

  #startChild(parent: ExecutionRecord, child: ChildStart, decide: Decide): void {
    const tx = this.#tx;
    const plan = this.#plans.require(child.hash);
    const rendered = tx.env.concurrencyKey(plan, child.input);
    const key = rendered === null ? null : gateKeys.concurrency(parent.ns, child.workflow, rendered);
    const row: ExecutionRow = {
      ...this.#newRow(
        {
          ...child,
          namespace: parent.row.namespace,
          priority: parent.row.priority,
          sessionId: parent.row.sessionId,
          startedBy: parent.row.startedBy,
          forkedFrom: null,
          concurrency: null,
        },
        key,
      ),
      parent: { executionId: parent.row.id, stepIndex: child.step, itemIndex: child.item },
      depth: parent.row.depth + 1,
    };
    const { concurrency } = plan.definition;
    const own = key === null || concurrency === undefined || this.#ancestorHolds(parent, key) ? null : concurrency;
    const gates: [string, number][] = key === null || own === null ? [] : [[key, own.limit]];
    const record = this.rows.insert(row, {
      ns: parent.ns,
      session: parent.session,
      root: parent.root ?? parent.num,
      parent: parent.num,
      forkedFrom: null,
      gates,
      trace: parent.trace,
    });
    this.#budgets.started(record, plan);
    tx.notice.changed.push(record.row.id);
    if (row.deadlineAt !== null) this.#setTimer(record.num, 'execution_deadline', null, row.deadlineAt);
    if (key !== null && own !== null && this.#applyOnLimit(record, key, own, decide)) return;
    this.#pass(record, null);
  }

  /** A child re-enters the keys that its ancestors hold, or it would wait for them for ever. */
  #ancestorHolds(parent: ExecutionRecord, key: string): boolean {
    for (let at: ExecutionRecord | undefined = parent; at !== undefined; at = at.parent === null ? undefined : this.rows.load(at.parent)) {
      if (at.row.concurrencyKey === key) return true;
    }
    return false;
  }

  #log(record: ExecutionRecord, plan: Plan, event: NewEvent): void {
    const idx = event.stepId === undefined ? null : (plan.indexOf.get(event.stepId) ?? null);
    this.#tx.log({ ns: record.ns, execution: record.num, idx, item: event.itemIndex ?? null, session: record.session }, event);
  }

  #deliverLogged(scope: EventScope, event: NewEvent): void {
    const payload: { [key: string]: Json } = { type: event.type, ...(event.data ?? {}) };
    if (scope.execution) {
      payload.execution_id = this.rows.idOf(scope.execution);
      payload.workflow = this.rows.load(scope.execution)?.row.workflow ?? null;
    }
    if (event.stepId !== undefined) payload.step_id = event.stepId;
    if (scope.job) payload.job_id = (this.#tx.sql('SELECT id FROM job WHERE num = ?').get(scope.job) as { id: string }).id;
    this.#broadcast(scope.ns, event.type, payload);
  }

  #broadcast(ns: number, name: string, payload: Json): void {
    if (!this.#tx.eventNames().has(name)) return;
    const waiters = this.#tx
      .sql('SELECT w.execution, w.idx, w.match FROM waiter w JOIN execution e ON e.num = w.execution WHERE w.kind = 3 AND w.name = ? AND e.ns = ?')
      .all(name, ns) as { execution: number; idx: number; match: string | null }[];
    for (const waiter of waiters) {
      if (!eventMatches(waiter.match === null ? null : (JSON.parse(waiter.match) as Json), payload)) continue;
      this.#tx.sql('DELETE FROM waiter WHERE execution = ? AND idx = ?').run(waiter.execution, waiter.idx);
      this.#post(waiter.execution, { type: 'event_matched', step: waiter.idx, name, payload });
    }
    if (waiters.length > 0) this.#tx.forgetEventNames();
  }

  /** A settled or ended job of a step tells its execution. */
  stepJobEnded(job: JobSql, status: 'completed' | 'failed' | 'cancelled', output: StoredValue | null, error: JsonObject | null, decide: Decide): void {
    const record = this.rows.load(job.execution as number);
    if (record === undefined) return;
    this.update(
      record,
      [
        {
          type: 'job_settled',
          step: job.idx as number,
          item: job.item,
          status,
          output,
          error: error as never,
          attempts: job.attempt,
          startedAt: job.started_at,
        },
      ],
      decide,
    );
  }

  /** Reads a step row without keeping it. */
  readStep(execution: number, index: number): StepRow | undefined {
    const raw = this.#tx.sql('SELECT * FROM step WHERE execution = ? AND idx = ?').get(execution, index);
    return raw === undefined ? undefined : readStep(raw);
  }

  output(record: ExecutionRecord): Json | undefined {
    return record.row.output === null ? undefined : record.row.output.kind === 'items' ? null : readStored(this.#tx, record.row.output);
  }
}

/** Runs that somebody starts count for the project that their name belongs to; a name without a dot costs no look. */
function projectGate(tx: Tx, ns: number, workflow: string): string | null {
  const name = projectOf(workflow);
  const row = name === null ? undefined : (tx.sql('SELECT num FROM project WHERE ns = ? AND name = ?').get(ns, name) as { num: number } | undefined);
  return row === undefined ? null : gateKeys.project(row.num);
}

const CANCELLED = { code: 'cancelled', message: 'Cancelled with its execution.', retryable: false, nextActions: [] };
