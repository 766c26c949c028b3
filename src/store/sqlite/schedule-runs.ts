// Owns how a fire becomes a job or an execution: all that may refuse it is asked before anything is written.
import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import type { Plan } from '../../domain/plan.ts';
import { DEFAULT_PRIORITY } from '../../domain/priority.ts';
import type { ScheduleTarget } from '../../domain/schedule.ts';
import type { FireView, PlannedTimes } from '../../domain/schedule-view.ts';
import type { Decide } from '../../domain/transition.ts';
import type { FiringFacts, LastRun, ScheduleSpec, TargetNeed } from '../backend.ts';
import type { Breakers } from './breakers.ts';
import type { Budgets } from './budgets.ts';
import { originCodes, resultCodes, SCHEDULE } from './codes.ts';
import type { Executions } from './executions.ts';
import type { JobRows } from './job-rows.ts';
import type { Plans } from './plans.ts';
import { isPlanned, OPEN, type ScheduleRows } from './schedule-rows.ts';
import type { OccurrenceSql, ScheduleSql } from './schedule-sql.ts';
import type { Tx } from './tx.ts';
import { fromColumns, readStored } from './values.ts';
import type { WorkerRows } from './worker-rows.ts';

const NO_NEEDS = { open: [], failed: 0 };
/** An attempt of a job that is asked whether to run takes this long at most … */
const ASK_MS = 60_000;
/** … and begins within this time, or its planned time has failed. */
const ASK_WITHIN_MS = 900_000;

/** A run that may start: its id, and what stores it for its ledger row. */
export interface Prepared {
  readonly run: string;
  /** Whom it waits for, or null. */
  readonly note: string | null;
  readonly launch: (occurrence: number) => void;
}

interface FireInput {
  readonly facts: FiringFacts;
  readonly input: Json;
}

export interface Firing {
  readonly plannedAt: number;
  /** Input of its own; undefined: that of the schedule. */
  readonly input: Json | undefined;
  readonly runNumber: number;
}

export interface RunParts {
  readonly rows: ScheduleRows;
  readonly executions: Executions;
  readonly jobRows: JobRows;
  readonly plans: Plans;
  readonly workerRows: WorkerRows;
  readonly budgets: Budgets;
  readonly breakers: Breakers;
}

export class ScheduleRuns {
  readonly #tx: Tx;
  readonly #p: RunParts;

  constructor(tx: Tx, parts: RunParts) {
    this.#tx = tx;
    this.#p = parts;
  }

  /** The run of a fire, or why it can never start. */
  prepare(row: ScheduleSql, firing: Firing, decide: Decide): Prepared | { readonly error: ErrorData } {
    const spec = this.#p.rows.spec(row);
    return this.#tried(() => {
      const template = firing.input === undefined ? spec.input : firing.input;
      const facts = this.#facts(row, spec, firing);
      const input = this.#tx.schedules().inputOf(facts, template);
      return spec.target.kind === 'workflow' ? this.#workflow(row, spec.target, { facts, input }, decide) : this.#job(row, spec.target, { facts, input });
    });
  }

  /** The job whose result says whether to run, or why it can never start. */
  prepareAsking(row: ScheduleSql, firing: Firing): Prepared | { readonly error: ErrorData } {
    const spec = this.#p.rows.spec(row);
    const { when } = spec;
    return this.#tried(() => {
      if (when === null || when.kind !== 'task') throw new LogisticsError('internal', 'The schedule asks no task.');
      const facts = this.#facts(row, spec, firing);
      const input = this.#tx.schedules().inputOf(facts, when.with);
      const target = { kind: 'job', task: when.task, queue: 'default', priority: DEFAULT_PRIORITY, retry: null, timeoutMs: ASK_MS } as const;
      return this.#job(row, { ...target, requires: [] }, { facts, input }, this.#tx.now + ASK_WITHIN_MS);
    });
  }

  /** Whether the condition of a schedule holds; true without one that is an expression. */
  wakes(row: ScheduleSql, firing: Firing): boolean | { readonly error: ErrorData } {
    const spec = this.#p.rows.spec(row);
    const { when } = spec;
    if (when === null || when.kind !== 'expression') return true;
    return this.#tried(() => this.#tx.schedules().wakes(when.source, this.#facts(row, spec, firing), this.#lastRun(row), this.#context(row)));
  }

  /** What a decision sees of it. */
  viewOf(row: ScheduleSql, open: readonly Pick<OccurrenceSql, 'open' | 'origin' | 'planned_at'>[], times: PlannedTimes, isImpatient: boolean): FireView {
    const spec = this.#p.rows.spec(row);
    const { now } = this.#tx;
    const going = open.filter((entry) => entry.open !== OPEN.waiting);
    const asking = going.filter((entry) => entry.open !== OPEN.running).length;
    return {
      paused: row.status === SCHEDULE.paused,
      overlap: spec.overlap,
      catchup: spec.catchup,
      maxRuns: spec.maxRuns,
      runs: row.runs,
      watermark: row.watermark,
      times,
      jitterMs: spec.jitterMs,
      delayOf: (plannedAt) => {
        const delay = this.#p.rows.delayOf(row, plannedAt);
        return isImpatient ? Math.min(delay, Math.max(0, now - plannedAt)) : delay;
      },
      running: going.length,
      asking,
      byHand: going.filter((entry) => !isPlanned(entry)).length,
      waiting: open.filter((entry) => entry.open === OPEN.waiting).map((entry) => ({ origin: originCodes.name(entry.origin), plannedAt: entry.planned_at })),
    };
  }

  #tried<T>(run: () => T): T | { readonly error: ErrorData } {
    try {
      return run();
    } catch (error) {
      if (error instanceof LogisticsError) return { error: error.toData() };
      throw error;
    }
  }

  #facts(row: ScheduleSql, spec: ScheduleSpec, firing: Firing): FiringFacts {
    return { id: row.id, name: row.name, timezone: spec.rule.timezone, plannedAt: firing.plannedAt, firedAt: this.#tx.now, runNumber: firing.runNumber };
  }

  /** Nobody called: a trace of its own, which counts once the run is stored. */
  #trace(facts: FiringFacts): string | null {
    const begun = this.#tx.env.fireTrace?.(facts);
    if (begun === undefined) return null;
    this.#tx.afterCommit(() => begun.end());
    return begun.text;
  }

  #lastRun(row: ScheduleSql): LastRun | null {
    if (row.last_run === null || row.last_result === null) return null;
    this.#p.executions.rows.flush();
    const table = row.last_run.startsWith('exec_')
      ? 'SELECT output_kind AS kind, output AS text, output_bytes AS bytes FROM execution WHERE id = ?'
      : 'SELECT result_kind AS kind, result AS text, result_bytes AS bytes FROM job WHERE id = ?';
    const kept = this.#tx.sql(table).get(row.last_run) as { kind: number; text: string | null; bytes: number | null } | undefined;
    const stored = kept === undefined ? null : fromColumns(kept.kind, kept.text, kept.bytes);
    return { status: resultCodes.name(row.last_result), output: stored === null || stored.kind === 'items' ? null : readStored(this.#tx, stored) };
  }

  #context(row: ScheduleSql): Json {
    if (row.session === null) return {};
    const session = this.#tx.sql('SELECT context FROM session WHERE num = ?').get(row.session) as { context: string } | undefined;
    return session === undefined ? {} : (JSON.parse(session.context) as Json);
  }

  /** Its session while that is open: a run of a schedule that outlived it belongs to none. */
  #sessionOf(row: ScheduleSql): string | null {
    if (row.session === null) return null;
    const open = this.#tx.sql('SELECT id FROM session WHERE num = ? AND closed_at IS NULL').get(row.session) as { id: string } | undefined;
    return open?.id ?? null;
  }

  /** Whom a run that starts now would wait for, or null; throws for work that nobody knows. */
  #waitsFor(row: ScheduleSql, needs: readonly TargetNeed[]): string | null {
    const tx = this.#tx;
    let note: string | null = null;
    for (const { requires, unknown = null } of needs) {
      if (requires.length === 0 || tx.schedules().offers(requires)) continue;
      const { processes, workers } = this.#p.workerRows.cover({ namespace: tx.namespaceName(row.ns), requires }, tx.now);
      if (processes > 0 || workers.some((worker) => worker.active)) continue;
      if (unknown !== null && workers.length === 0 && !this.#isKnown(row, requires)) throw new LogisticsError(unknown.code, unknown.message, unknown);
      note ??= `When it fired, no process or worker agent offered ${requires.join(', ')}; it waits for one.`;
    }
    return note;
  }

  /** A process that was silent for a while, asleep perhaps, is still one that offers it. */
  #isKnown(row: ScheduleSql, requires: readonly string[]): boolean {
    const processes = this.#tx.sql('SELECT capabilities FROM process WHERE ns = ?').all(this.#tx.namespaceName(row.ns)) as { capabilities: string }[];
    return processes.some((process) => requires.every((capability) => (JSON.parse(process.capabilities) as string[]).includes(capability)));
  }

  /** Throws for a workflow whose breaker is open, and for a session or project whose budget is used up. */
  #guard(row: ScheduleSql, name: string, plan: Plan | null): void {
    const { budgets, breakers } = this.#p;
    const session = this.#sessionOf(row) === null ? null : row.session;
    const starting = { ns: row.ns, session, schedule: null, name, plan };
    const error = (plan === null ? null : breakers.refusal(row.ns, name, plan)) ?? budgets.refusal(starting);
    if (error !== null) throw new LogisticsError(error.code, error.message, error);
  }

  #job(row: ScheduleSql, target: Extract<ScheduleTarget, { readonly kind: 'job' }>, { facts, input }: FireInput, expiresAt: number | null = null): Prepared {
    const tx = this.#tx;
    const admitted = tx.schedules().admitJob(target.task, input);
    const requires = [...new Set([...target.requires, ...admitted.requires])].sort();
    const note = this.#waitsFor(row, [{ requires, unknown: admitted.unknown }]);
    this.#guard(row, target.queue, null);
    const run = tx.env.newId('job');
    return {
      run,
      note,
      launch: (occurrence) => {
        const num = this.#p.jobRows.insert(
          {
            id: run,
            namespace: tx.namespaceName(row.ns),
            queue: target.queue,
            task: target.task,
            name: row.name,
            payload: admitted.payload,
            priority: target.priority,
            runAt: null,
            dependsOn: [],
            when: 'all_success',
            retry: target.retry,
            timeoutMs: target.timeoutMs,
            expiresAt,
            requires,
            sessionId: this.#sessionOf(row),
            trace: this.#trace(facts),
          },
          NO_NEEDS,
        );
        tx.sql('UPDATE job SET occurrence = ? WHERE num = ?').run(occurrence, num);
        this.#p.budgets.fired(row.num);
      },
    };
  }

  #workflow(row: ScheduleSql, target: Extract<ScheduleTarget, { readonly kind: 'workflow' }>, { facts, input }: FireInput, decide: Decide): Prepared {
    const tx = this.#tx;
    const found = tx
      .sql('SELECT version, hash FROM definition WHERE ns = ? AND name = ? AND deleted = 0 AND version = coalesce(?, version) ORDER BY version DESC LIMIT 1')
      .get(row.ns, target.name, target.version) as { version: number; hash: string } | undefined;
    if (found === undefined) {
      const which = target.version === null ? target.name : `${target.name} version ${target.version}`;
      throw new LogisticsError('not_found', `The workflow ${which} is not stored any more.`, { path: 'target' });
    }
    if (!isJsonObject(input)) throw new LogisticsError('invalid_input', 'The input of a workflow is an object.', { path: 'input' });
    const plan = this.#p.plans.require(found.hash);
    const checked = tx.schedules().admitRun(found.hash, plan, input);
    const key = tx.env.concurrencyKey(plan, checked);
    const { concurrency } = plan.definition;
    const note = this.#waitsFor(row, tx.schedules().needsOf(plan));
    this.#guard(row, target.name, plan);
    const run = tx.env.newId('execution');
    return {
      run,
      note,
      launch: (occurrence) => {
        this.#p.executions.start(
          {
            id: run,
            namespace: tx.namespaceName(row.ns),
            workflow: target.name,
            version: found.version,
            hash: found.hash,
            input: checked,
            priority: DEFAULT_PRIORITY,
            sessionId: this.#sessionOf(row),
            startedBy: row.principal,
            forkedFrom: null,
            concurrency: concurrency === undefined || key === null ? null : { key, limit: concurrency.limit, onLimit: concurrency.onLimit },
            occurrence,
            trace: this.#trace(facts),
          },
          decide,
        );
      },
    };
  }
}
