// Owns the rows of budgets: what each owner may use and has used, and which owners a run or job belongs to.
import { BUDGET_OWNERS, type BudgetLimit, type BudgetLimits, type BudgetOwner, type BudgetUse, type BudgetView } from '../../domain/budget.ts';
import { projectOf } from '../../domain/project.ts';
import { freeStarts, type Starts } from '../../domain/rate-limit.ts';
import type { UsageTotals } from '../../domain/usage.ts';
import type { ExecutionRecord, ExecutionRows } from './execution-rows.ts';
import type { JobSql } from './job-rows.ts';
import type { Tx } from './tx.ts';

export interface BudgetKey {
  readonly kind: BudgetOwner;
  readonly num: number;
}

export interface BudgetRow {
  readonly key: BudgetKey;
  readonly limits: BudgetLimits | null;
  readonly held: BudgetLimit | null;
  readonly used: BudgetUse;
  /** Since when its clock runs, or null. */
  readonly since: number | null;
  readonly refusedAt: number | null;
  /** Where a pause or resume of all that it holds stands, or null. */
  readonly cascade: number | null;
  readonly open: boolean;
}

interface BudgetSql {
  kind: number;
  num: number;
  open: number;
  spec: string | null;
  held: string | null;
  attempts: number;
  tokens: number;
  input_tokens: number;
  output_tokens: number;
  cost: number;
  wall_ms: number;
  since: number | null;
  starts: string;
  refused_at: number | null;
  cascade: number | null;
}

export type Used = Partial<UsageTotals> & { readonly attempts?: number; readonly wallMs?: number };

export const ownerCode = (kind: BudgetOwner): number => BUDGET_OWNERS.indexOf(kind);

export class BudgetRows {
  readonly #tx: Tx;
  readonly #executions: ExecutionRows;

  constructor(tx: Tx, executions: ExecutionRows) {
    this.#tx = tx;
    this.#executions = executions;
  }

  /** False only when no budget bounds anything now. */
  get any(): boolean {
    return this.#tx.holdsRows('budget');
  }

  get({ kind, num }: BudgetKey): BudgetRow | null {
    const sql = this.#tx.sql('SELECT * FROM budget WHERE kind = ? AND num = ?').get(ownerCode(kind), num) as BudgetSql | undefined;
    return sql === undefined ? null : toRow(sql);
  }

  byCode(kind: number, num: number): BudgetRow | null {
    const owner = BUDGET_OWNERS[kind];
    return owner === undefined ? null : this.get({ kind: owner, num });
  }

  /** The row, if it bounds something now. */
  open(key: BudgetKey): BudgetRow | null {
    const row = this.get(key);
    return row?.open ? row : null;
  }

  /** Other limits, or with null none; what was used stays. */
  put({ kind, num }: BudgetKey, limits: BudgetLimits | null): void {
    this.#tx
      .sql('INSERT INTO budget (kind, num, open, spec) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open, spec = excluded.spec')
      .run(ownerCode(kind), num, limits === null ? 0 : 1, limits === null ? null : JSON.stringify(limits));
    this.#tx.changed('budget', limits === null ? undefined : true);
  }

  /** Counts what was used; a row is made for it only when `make` says so. True when there is a row that bounds something. */
  add({ kind, num }: BudgetKey, used: Used, make: boolean): boolean {
    const { attempts = 0, tokens = 0, inputTokens = 0, outputTokens = 0, cost = 0, wallMs = 0 } = used;
    const more = [attempts, tokens, inputTokens, outputTokens, cost, wallMs] as const;
    const set =
      'attempts = attempts + ?, tokens = tokens + ?, input_tokens = input_tokens + ?, output_tokens = output_tokens + ?, cost = cost + ?, wall_ms = wall_ms + ? WHERE kind = ? AND num = ?';
    const row = this.#tx.sql(`UPDATE budget SET ${set} RETURNING open`).get(...more, ownerCode(kind), num) as { open: number } | undefined;
    if (row !== undefined) return row.open === 1;
    if (make)
      this.#tx
        .sql('INSERT INTO budget (kind, num, open, attempts, tokens, input_tokens, output_tokens, cost, wall_ms) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)')
        .run(ownerCode(kind), num, ...more);
    return false;
  }

  setStarts({ kind, num }: BudgetKey, starts: Starts): void {
    this.#tx
      .sql('INSERT INTO budget (kind, num, open, starts) VALUES (?, ?, 0, ?) ON CONFLICT DO UPDATE SET starts = excluded.starts')
      .run(ownerCode(kind), num, JSON.stringify(starts));
  }

  set({ kind, num }: BudgetKey, what: 'held' | 'since' | 'refused_at' | 'cascade' | 'open', value: string | number | null): void {
    this.#tx.sql(`UPDATE budget SET ${what} = ? WHERE kind = ? AND num = ?`).run(value, ownerCode(kind), num);
    if (what === 'open') this.#tx.changed('budget', value === 1 ? true : undefined);
  }

  remove({ kind, num }: BudgetKey): void {
    forgetBudget(this.#tx, kind, num);
  }

  /** Those that are used up, of runs that have not ended. */
  heldRows(limit: number): BudgetRow[] {
    return (this.#tx.sql('SELECT * FROM budget WHERE held IS NOT NULL AND open = 1 ORDER BY kind, num LIMIT ?').all(limit) as BudgetSql[]).map(toRow);
  }

  /** The next that still has to pause or resume what it holds. */
  nextCascade(): BudgetRow | null {
    const sql = this.#tx.sql('SELECT * FROM budget WHERE cascade IS NOT NULL ORDER BY kind, num LIMIT 1').get() as BudgetSql | undefined;
    return sql === undefined ? null : toRow(sql);
  }

  /** All that a run belongs to: itself and the runs above it, then the session, schedule and project of the run that was started. */
  ownersOf(record: ExecutionRecord): BudgetKey[] {
    const owners: BudgetKey[] = [];
    let root = record;
    for (let at: ExecutionRecord | undefined = record; at !== undefined; at = at.parent === null ? undefined : this.#executions.load(at.parent)) {
      owners.push({ kind: 'run', num: at.num });
      root = at;
    }
    return [...owners, ...this.owners(root.ns, root.session, root.occurrence, root.row.workflow)];
  }

  ownersOfJob(job: JobSql): BudgetKey[] {
    const record = job.execution === null ? undefined : this.#executions.load(job.execution);
    return record === undefined ? this.owners(job.ns, job.session, job.occurrence, this.#tx.queueName(job.queue)) : this.ownersOf(record);
  }

  /** `name` of a workflow or queue: the project is the part before its first dot. */
  owners(ns: number, session: number | null, occurrence: number | null, name: string): BudgetKey[] {
    const owners: BudgetKey[] = [];
    if (session !== null) owners.push({ kind: 'session', num: session });
    const schedule = occurrence === null ? null : this.scheduleOf(occurrence);
    if (schedule !== null) owners.push({ kind: 'schedule', num: schedule });
    const project = this.projectNum(ns, name);
    if (project !== null) owners.push({ kind: 'project', num: project });
    return owners;
  }

  scheduleOf(occurrence: number): number | null {
    const row = this.#tx.sql('SELECT schedule FROM occurrence WHERE num = ?').get(occurrence) as { schedule: number } | undefined;
    return row?.schedule ?? null;
  }

  projectNum(ns: number, name: string): number | null {
    const project = projectOf(name);
    if (project === null) return null;
    return (this.#tx.sql('SELECT num FROM project WHERE ns = ? AND name = ?').get(ns, project) as { num: number } | undefined)?.num ?? null;
  }

  /** How others call the owner. */
  idOf({ kind, num }: BudgetKey): string {
    if (kind === 'run') return this.#executions.idOf(num);
    if (kind === 'session') return this.#tx.sessionId(num);
    const column = kind === 'workflow' ? 'workflow' : 'id';
    const table = kind === 'workflow' ? 'breaker' : kind;
    return (this.#tx.sql(`SELECT ${column} AS id FROM ${table} WHERE num = ?`).get(num) as { id: string } | undefined)?.id ?? '';
  }

  view(row: BudgetRow, now: number): BudgetView {
    const { starts, wallClockMs, ...used } = row.used;
    const runs = row.limits?.runs ?? null;
    const counted = runs === null ? [] : freeStarts(starts, runs, now).counted;
    return {
      limits: row.limits,
      held: row.held,
      used: { ...used, wallClockMs: wallClockMs + (row.since === null ? 0 : now - row.since), runs: counted.reduce((sum, [, count]) => sum + count, 0) },
    };
  }
}

/** When its owner is removed. */
export function forgetBudget(tx: Tx, kind: BudgetOwner, num: number): void {
  if (tx.sql('DELETE FROM budget WHERE kind = ? AND num = ?').run(ownerCode(kind), num).changes > 0) tx.changed('budget', undefined);
}

function toRow(sql: BudgetSql): BudgetRow {
  return {
    key: { kind: BUDGET_OWNERS[sql.kind] as BudgetOwner, num: sql.num },
    limits: sql.spec === null ? null : (JSON.parse(sql.spec) as BudgetLimits),
    held: sql.held as BudgetLimit | null,
    used: {
      attempts: sql.attempts,
      tokens: sql.tokens,
      inputTokens: sql.input_tokens,
      outputTokens: sql.output_tokens,
      cost: sql.cost,
      wallClockMs: sql.wall_ms,
      starts: JSON.parse(sql.starts) as Starts,
    },
    since: sql.since,
    refusedAt: sql.refused_at,
    cascade: sql.cascade,
    open: sql.open === 1,
  };
}
