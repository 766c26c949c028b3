// Owns what a used-up budget does: it pauses its run, schedule, or all runs of its session or project, in pieces that outlive a crash, and lets them go when it is raised.
import { type BudgetLimit, budgetReason, figuresOf } from '../../domain/budget.ts';
import type { JsonObject } from '../../domain/json.ts';
import { namesOf } from '../../domain/project.ts';
import type { Decide, ExecutionEvent, TransitionReply } from '../../domain/transition.ts';
import type { BudgetKey, BudgetRow, BudgetRows } from './budget-rows.ts';
import { ownerCode } from './budget-rows.ts';
import { SCHEDULE } from './codes.ts';
import type { ExecutionRecord, ExecutionRows } from './execution-rows.ts';
import { OPEN } from './schedule-rows.ts';
import type { Tx } from './tx.ts';

/** Runs that are paused or resumed in one commit. */
const PIECE = 200;
const LOOKED_AT = 500;
const BY = 'budget';

export class BudgetHolds {
  readonly #tx: Tx;
  readonly #rows: BudgetRows;
  readonly #executions: ExecutionRows;
  /** Set by the executions: an event for one of them, at once or by its inbox. */
  update: (record: ExecutionRecord, events: readonly ExecutionEvent[], decide: Decide) => TransitionReply | null = () => null;
  post: (execution: number, event: ExecutionEvent) => void = () => undefined;
  /** Set by the schedules. */
  resumeSchedule: (num: number) => void = () => undefined;

  constructor(tx: Tx, rows: BudgetRows, executions: ExecutionRows) {
    this.#tx = tx;
    this.#rows = rows;
    this.#executions = executions;
  }

  /** The budget is used up from now on. */
  hold(row: BudgetRow, limit: BudgetLimit, decide: Decide | null, first: readonly ExecutionRecord[]): void {
    const { key } = row;
    this.#rows.set(key, 'held', limit);
    this.#log(row, limit);
    if (key.kind === 'schedule') this.#pauseSchedule(key.num, limit);
    for (const record of first) this.holdTree(key, limit, record, decide);
    // What bounds starts stops nothing that has started.
    if (key.kind === 'run' || limit === 'runs') return;
    this.#rows.set(key, 'cascade', 0);
    this.#goOnHolding({ ...row, held: limit, cascade: 0 }, PIECE);
  }

  #log({ key, limits, used }: BudgetRow, limit: BudgetLimit): void {
    const tx = this.#tx;
    const data: JsonObject = {
      owner: key.kind,
      id: this.#rows.idOf(key),
      reason: budgetReason(limit),
      ...(limits === null ? { limit } : figuresOf(limits, used, limit)),
    };
    const scope = this.#scope(key);
    if (scope !== null) tx.log(scope, { type: 'budget_exceeded', data });
  }

  /** Of a start that is refused: told once in a window. */
  refused(row: BudgetRow, limit: BudgetLimit): void {
    const { now } = this.#tx;
    if (row.refusedAt !== null && now < row.refusedAt + (row.limits?.runs?.periodMs ?? 0)) return;
    this.#rows.set(row.key, 'refused_at', now);
    this.#log(row, limit);
  }

  #scope({ kind, num }: BudgetKey): Parameters<Tx['log']>[0] | null {
    if (kind === 'run') {
      const run = this.#tx.sql('SELECT ns, session FROM execution WHERE num = ?').get(num) as { ns: number; session: number | null } | undefined;
      return run === undefined ? null : { ...run, execution: num };
    }
    const table = kind === 'workflow' ? 'breaker' : kind;
    const row = this.#tx.sql(`SELECT ns FROM ${table} WHERE num = ?`).get(num) as { ns: number } | undefined;
    return row === undefined ? null : { ns: row.ns, session: kind === 'session' ? num : null };
  }

  /** As after failures: planned times of the meantime are accounted for by the resume. */
  #pauseSchedule(num: number, limit: BudgetLimit): void {
    const tx = this.#tx;
    const reason = budgetReason(limit);
    const row = tx
      .sql(
        'UPDATE schedule SET status = 1, pause_reason = ?, due_at = NULL, next_at = NULL, updated_at = ? WHERE num = ? AND status = ? AND deleted_at IS NULL RETURNING id, ns, name, session',
      )
      .get(reason, tx.now, num, SCHEDULE.active) as { id: string; ns: number; name: string; session: number | null } | undefined;
    if (row !== undefined) tx.log({ ns: row.ns, session: row.session }, { type: 'schedule_paused', data: { schedule_id: row.id, name: row.name, reason } });
  }

  /** A run and all below it: it at once where that can be, the others by their inbox, before anything else reaches them. */
  holdTree(key: BudgetKey, limit: BudgetLimit, record: ExecutionRecord, decide: Decide | null): void {
    const event: ExecutionEvent = { type: 'pause', by: BY, reason: budgetReason(limit) };
    if (record.row.endedAt === null && !record.row.paused) {
      if (decide === null) this.post(record.num, event);
      if (decide === null || this.update(record, [event], decide)?.kind === 'applied') this.remember(key, record.num, false);
    }
    this.#executions.flush();
    const below = this.#tx
      .sql('SELECT num FROM execution WHERE root = ? AND ended_at IS NULL AND paused = 0 AND stopping IS NULL')
      .all(record.root ?? record.num) as { num: number }[];
    for (const { num } of below) {
      if (num === record.num || (record.root !== null && !this.#isBelow(num, record.num)) || !this.remember(key, num, false)) continue;
      this.post(num, event);
    }
  }

  #isBelow(num: number, above: number): boolean {
    for (let at = this.#executions.load(num)?.parent ?? null; at !== null; at = this.#executions.load(at)?.parent ?? null) if (at === above) return true;
    return false;
  }

  /** False when it was known before. `bound`: a step of it would have passed a bound. */
  remember({ kind, num }: BudgetKey, execution: number, bound: boolean): boolean {
    this.#tx.changed('budget_held', true);
    return (
      this.#tx.sql('INSERT OR IGNORE INTO budget_held (kind, num, execution, bound) VALUES (?, ?, ?, ?)').run(ownerCode(kind), num, execution, bound ? 1 : 0)
        .changes > 0
    );
  }

  forget(execution: number): void {
    if (!this.#tx.holdsRows('budget_held')) return;
    if (this.#tx.sql('DELETE FROM budget_held WHERE execution = ?').run(execution).changes > 0) this.#tx.changed('budget_held', undefined);
  }

  /** Who holds a run, and at which limit; null when no budget does. */
  holderOf(execution: number): { readonly row: BudgetRow; readonly bound: boolean } | null {
    const tx = this.#tx;
    if (!tx.holdsRows('budget_held')) return null;
    const held = tx.sql('SELECT kind, num, bound FROM budget_held WHERE execution = ? ORDER BY kind LIMIT 1').get(execution) as
      | { kind: number; num: number; bound: number }
      | undefined;
    if (held === undefined) return null;
    const row = this.#rows.byCode(held.kind, held.num);
    return row === null ? null : { row, bound: held.bound === 1 };
  }

  /** What it held goes on; `bounded` ones try the step again that was too much. */
  release(row: BudgetRow): void {
    const { key } = row;
    this.#rows.set(key, 'held', null);
    this.#rows.set(key, 'cascade', 0);
    if (key.kind === 'schedule') this.resumeSchedule(key.num);
    this.#goOnReleasing({ ...row, held: null }, PIECE);
  }

  /** The runs that stopped before a step that was too much, alone. */
  releaseBounded({ kind, num }: BudgetKey): void {
    const held = this.#tx.sql('SELECT execution FROM budget_held WHERE kind = ? AND num = ? AND bound = 1').all(ownerCode(kind), num) as {
      execution: number;
    }[];
    for (const { execution } of held) this.#letGo({ kind, num }, execution);
  }

  /** Those that are used up in a namespace. */
  held(ns: number, limit: number): { readonly owner: BudgetKey['kind']; readonly id: string; readonly limit: BudgetLimit }[] {
    const found = this.#rows.heldRows(LOOKED_AT).filter(({ key }) => this.#scope(key)?.ns === ns);
    return found.slice(0, limit).map(({ key, held }) => ({ owner: key.kind, id: this.#rows.idOf(key), limit: held as BudgetLimit }));
  }

  /** One piece of what is left; false when nothing is. */
  goOn(limit: number): boolean {
    const row = this.#rows.nextCascade();
    if (row === null) return false;
    if (row.held === null) this.#goOnReleasing(row, limit);
    else this.#goOnHolding(row, limit);
    return true;
  }

  #goOnHolding(row: BudgetRow, limit: number): void {
    const { key, held, cascade } = row;
    if (held === null || cascade === null) return;
    const roots = this.#openRoots(key, cascade, limit);
    for (const num of roots) {
      const record = this.#executions.load(num);
      if (record !== undefined) this.holdTree(key, held, record, null);
    }
    this.#rows.set(key, 'cascade', roots.length < limit ? null : (roots.at(-1) as number));
  }

  #goOnReleasing({ key }: BudgetRow, limit: number): void {
    const held = this.#tx
      .sql('SELECT execution FROM budget_held WHERE kind = ? AND num = ? ORDER BY execution LIMIT ?')
      .all(ownerCode(key.kind), key.num, limit) as {
      execution: number;
    }[];
    for (const { execution } of held) this.#letGo(key, execution);
    this.#rows.set(key, 'cascade', held.length < limit ? null : 0);
  }

  /** Unless another budget holds it too. */
  #letGo({ kind, num }: BudgetKey, execution: number): void {
    const tx = this.#tx;
    tx.sql('DELETE FROM budget_held WHERE kind = ? AND num = ? AND execution = ?').run(ownerCode(kind), num, execution);
    tx.changed('budget_held', undefined);
    if (tx.sql('SELECT 1 FROM budget_held WHERE execution = ? LIMIT 1').get(execution) === undefined) this.post(execution, { type: 'resume', by: BY });
  }

  /** Open runs that were started, by number: rare enough to go through all that are open. */
  #openRoots({ kind, num }: BudgetKey, after: number, limit: number): number[] {
    const tx = this.#tx;
    this.#executions.flush();
    const open = 'SELECT num FROM execution INDEXED BY execution_open WHERE ended_at IS NULL AND root IS NULL AND num > ?';
    const inOrder = 'ORDER BY num';
    const found = (text: string, ...values: readonly (string | number)[]): number[] =>
      (tx.sql(`${text} LIMIT ?`).all(...values, limit) as { num: number }[]).map((row) => row.num);
    if (kind === 'session') return found(`${open} AND session = ? ${inOrder}`, after, num);
    if (kind === 'schedule')
      return found(
        'SELECT e.num FROM occurrence o JOIN execution e ON e.id = o.run WHERE o.schedule = ? AND o.open = ? AND e.ended_at IS NULL AND e.num > ? ORDER BY e.num',
        num,
        OPEN.running,
        after,
      );
    const project = tx.sql('SELECT ns, name FROM project WHERE num = ?').get(num) as { ns: number; name: string } | undefined;
    if (project === undefined) return [];
    return found(`${open} AND ns = ? AND workflow >= ? AND workflow < ? ${inOrder}`, after, project.ns, ...namesOf(project.name));
  }
}
