// Owns what a decision may read of an execution: one consistent state inside the caller's transaction.
import type { Json, JsonObject } from '../../domain/json.ts';
import type { Plan, PlanNode } from '../../domain/plan.ts';
import { inProject, projectOf } from '../../domain/project.ts';
import type { ExecutionView, ItemRun } from '../../domain/transition.ts';
import type { StoredValue } from '../../domain/workflow-execution.ts';
import type { Allocations } from './allocations.ts';
import type { Budgets } from './budgets.ts';
import { executionCodes, JOB, waiterCodes } from './codes.ts';
import type { ExecutionRecord, ExecutionRows } from './execution-rows.ts';
import type { Outputs } from './outputs.ts';
import type { StepCaches } from './step-caches.ts';
import type { Tx } from './tx.ts';

// From the job behind `after` on, so that all parts of a stop together read each job of a wide step once.
const LIVE_JOBS = `SELECT id, item, status FROM job INDEXED BY job_step WHERE execution = ? AND idx = ? AND item IS NULL AND status IN (0, 1, 5)
  AND num > coalesce((SELECT num FROM job WHERE id = ?), 0) ORDER BY num LIMIT ?`;
const LIVE_ITEMS = `SELECT id, item, status FROM job INDEXED BY job_step WHERE execution = ? AND idx = ? AND item > coalesce((SELECT item FROM job WHERE id = ?), -1)
  AND status IN (0, 1, 5) ORDER BY item LIMIT ?`;

const OPEN_STATES = '1, 2, 3, 4';
const FAILED_STATES = '6, 8';

export class DecisionViews {
  readonly #tx: Tx;
  readonly #rows: ExecutionRows;
  readonly #outputs: Outputs;
  readonly #cache: StepCaches;
  readonly #allocations: Allocations;
  readonly #budgets: Budgets;

  constructor(tx: Tx, rows: ExecutionRows, outputs: Outputs, cache: StepCaches, allocations: Allocations, budgets: Budgets) {
    this.#budgets = budgets;
    this.#allocations = allocations;
    this.#tx = tx;
    this.#cache = cache;
    this.#rows = rows;
    this.#outputs = outputs;
  }

  of(record: ExecutionRecord, plan: Plan): ExecutionView {
    const tx = this.#tx;
    const rows = this.#rows;
    const source = (): ExecutionRecord | undefined => (record.forkedFrom === null ? undefined : rows.load(record.forkedFrom));
    return {
      execution: record.row,
      plan,
      now: tx.now,
      step: (index) => rows.step(record, index),
      value: (index, stored) => this.#value(record.num, index, stored),
      openSteps: (after, limit) => rows.stepsIn(record, OPEN_STATES, after, limit),
      failedSteps: (after, limit) => rows.stepsIn(record, FAILED_STATES, after, limit),
      liveJobs: (index, after, limit) =>
        (
          tx.sql(rows.step(record, index)?.each ? LIVE_ITEMS : LIVE_JOBS).all(record.num, index, after, limit) as {
            id: string;
            item: number | null;
            status: number;
          }[]
        ).map((job) => ({
          jobId: job.id,
          item: job.item,
          running: job.status === JOB.running,
        })),
      liveChildren: (index) => {
        rows.flush();
        return (
          tx
            .sql('SELECT id, parent_item AS item FROM execution WHERE parent = ? AND parent_step = ? AND ended_at IS NULL ORDER BY num')
            .all(record.num, index) as { id: string; item: number | null }[]
        ).map((child) => ({
          executionId: child.id,
          item: child.item,
        }));
      },
      item: (index, item) => this.#outputs.item(record.num, index, item),
      itemRuns: (index, after, count) => this.#itemRuns(record, plan, index, after, count),
      waiters: (kind, name) =>
        (
          tx.sql('SELECT idx FROM waiter WHERE execution = ? AND kind = ? AND name = ? ORDER BY seq, idx').all(record.num, waiterCodes.of(kind), name) as {
            idx: number;
          }[]
        ).map((row) => row.idx),
      bufferedSignal: (name) => {
        const row = tx
          .sql('SELECT signal_id, payload FROM signal WHERE execution = ? AND name = ? AND consumed = 0 ORDER BY seq LIMIT 1')
          .get(record.num, name) as { signal_id: string; payload: string } | undefined;
        return row === undefined ? undefined : { signalId: row.signal_id, payload: JSON.parse(row.payload) as Json };
      },
      hasSignal: (signalId) => tx.sql('SELECT 1 FROM signal WHERE execution = ? AND signal_id = ?').get(record.num, signalId) !== undefined,
      workflow: (name, version) => {
        const project = projectOf(record.row.workflow);
        const own = project === null ? undefined : this.#definition(record.ns, inProject(project, name), version);
        return own ?? this.#definition(record.ns, name, version);
      },
      sourceStep: (index) => {
        const from = source();
        return from === undefined ? undefined : rows.step(from, index);
      },
      sourceValue: (index, stored) => this.#value(record.forkedFrom as number, index, stored),
      cached: (index, key) => this.#cache.find(record.ns, record.row.workflow, plan.nodes[index] as PlanNode, key),
      sessionContext: () => this.sessionContext(record.session),
      bounds: () => this.#budgets.bounds(record),
      holdsAllocation: (id) => {
        const held = this.#allocations.byId(id);
        return held !== undefined && held.execution === record.num && held.granted_at !== null && held.ended_at === null;
      },
    };
  }

  #definition(ns: number, name: string, version: number | null): { readonly name: string; readonly hash: string; readonly version: number } | undefined {
    const found =
      version === null
        ? this.#tx.sql('SELECT name, hash, version FROM definition WHERE ns = ? AND name = ? AND deleted = 0 ORDER BY version DESC LIMIT 1').get(ns, name)
        : this.#tx.sql('SELECT name, hash, version FROM definition WHERE ns = ? AND name = ? AND version = ? AND deleted = 0').get(ns, name, version);
    return found as { name: string; hash: string; version: number } | undefined;
  }

  #value(execution: number, index: number, stored: StoredValue): Json {
    // Item results of child executions are read from their rows.
    if (stored.kind === 'items') this.#rows.flush();
    return this.#outputs.ofStep(execution, index, stored);
  }

  sessionContext(session: number | null): JsonObject {
    if (session === null) return {};
    const row = this.#tx.sql('SELECT context FROM session WHERE num = ?').get(session) as { context: string } | undefined;
    return row === undefined ? {} : (JSON.parse(row.context) as JsonObject);
  }

  /** A range of items over an index, so that the cost is that of the range however many items there are; the newest run has the largest num. */
  #itemRuns(record: ExecutionRecord, plan: Plan, index: number, after: number, count: number): ItemRun[] {
    const range = { execution: record.num, index, after, last: after + count };
    if (plan.nodes[index]?.kind !== 'workflow.run') {
      const jobs = this.#tx
        .sql(
          'SELECT item, max(num), status FROM job WHERE execution = @execution AND idx = @index AND item > @after AND item <= @last GROUP BY item ORDER BY item',
        )
        .all(range) as { item: number; status: number }[];
      const isOver = (status: number): boolean => status === JOB.failed || status === JOB.cancelled;
      return jobs.map(({ item, status }) => ({ item, state: status === JOB.completed ? 'completed' : isOver(status) ? 'ended' : 'live', childId: null }));
    }
    this.#rows.flush();
    const children = this.#tx
      .sql(
        `SELECT parent_item AS item, max(num), id, status, ended_at FROM execution
         WHERE parent = @execution AND parent_step = @index AND parent_item > @after AND parent_item <= @last GROUP BY parent_item ORDER BY parent_item`,
      )
      .all(range) as { item: number; id: string; status: number; ended_at: number | null }[];
    return children.map(({ item, id, status, ended_at }) => ({
      item,
      state: executionCodes.name(status) === 'completed' ? 'completed' : ended_at === null ? 'live' : 'ended',
      childId: id,
    }));
  }
}
