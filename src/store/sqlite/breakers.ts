// Owns the breakers of workflows: what the end of each run makes of them, and what they refuse; rows exist once a run has failed, or starts are counted.
import { admitsRun, afterRun, type Breaker, type BreakerState, breakerError, CLOSED } from '../../domain/breaker.ts';
import type { ErrorData } from '../../domain/errors.ts';
import type { Plan } from '../../domain/plan.ts';
import type { ExecutionRecord } from './execution-rows.ts';
import type { Tx } from './tx.ts';

interface BreakerSql {
  num: number;
  failures: number;
  opened_at: number | null;
  probe: number | null;
}

export class Breakers {
  readonly #tx: Tx;

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** The number of a workflow's row; made where there is none. */
  numOf(ns: number, workflow: string): number {
    const known = this.#find(ns, workflow);
    if (known !== undefined) return known.num;
    return (this.#tx.sql('INSERT INTO breaker (ns, workflow) VALUES (?, ?) RETURNING num').get(ns, workflow) as { num: number }).num;
  }

  #find(ns: number, workflow: string): BreakerSql | undefined {
    return this.#tx.sql('SELECT num, failures, opened_at, probe FROM breaker WHERE ns = ? AND workflow = ?').get(ns, workflow) as BreakerSql | undefined;
  }

  state(ns: number, workflow: string): BreakerState {
    const row = this.#find(ns, workflow);
    return row === undefined ? CLOSED : toState(row);
  }

  /** Why no run may start, or null. */
  refusal(ns: number, workflow: string, plan: Plan): ErrorData | null {
    const { breaker } = plan.definition;
    if (breaker === undefined) return null;
    const state = this.state(ns, workflow);
    if (admitsRun(breaker, state, this.#tx.now) !== 'refused') return null;
    const id = this.#tx.sql('SELECT id FROM definition WHERE ns = ? AND name = ? AND deleted = 0 ORDER BY version DESC LIMIT 1').get(ns, workflow) as
      | { id: string }
      | undefined;
    return breakerError(workflow, id?.id ?? null, breaker, state);
  }

  /** The first run after the cool-down probes. */
  started(record: ExecutionRecord, plan: Plan): void {
    const { breaker } = plan.definition;
    if (breaker === undefined || record.parent !== null) return;
    const row = this.#find(record.ns, record.row.workflow);
    if (row === undefined || admitsRun(breaker, toState(row), this.#tx.now) !== 'probe') return;
    this.#tx.sql('UPDATE breaker SET probe = ? WHERE num = ?').run(record.num, row.num);
  }

  /** Child runs do not count: what they fail at fails the run that somebody started. */
  ended(record: ExecutionRecord, plan: Plan): void {
    const { breaker } = plan.definition;
    const { status, workflow } = record.row;
    if (breaker === undefined || record.parent !== null || (status !== 'completed' && status !== 'failed' && status !== 'cancelled')) return;
    const row = this.#find(record.ns, workflow);
    if (row === undefined && status !== 'failed') return;
    const before = row === undefined ? CLOSED : toState(row);
    const probe = row !== undefined && row.probe === record.num;
    this.#put(record, breaker, before, afterRun(breaker, before, { result: status, probe }, this.#tx.now), row?.probe ?? null);
  }

  #put({ ns, num, session, row: { workflow } }: ExecutionRecord, breaker: Breaker, before: BreakerState, after: BreakerState, probe: number | null): void {
    const tx = this.#tx;
    tx.sql('UPDATE breaker SET failures = ?, opened_at = ?, probe = ? WHERE num = ?').run(
      after.failures,
      after.openedAt,
      after.probing ? probe : null,
      this.numOf(ns, workflow),
    );
    const scope = { ns, execution: num, session };
    if (after.openedAt !== null && after.openedAt !== before.openedAt) {
      const { failures } = after;
      const retryAt = breaker.cooldownMs === undefined ? null : after.openedAt + breaker.cooldownMs;
      tx.log(scope, { type: 'breaker_opened', data: { workflow, failures, retry_at: retryAt } });
    } else if (after.openedAt === null && before.openedAt !== null) tx.log(scope, { type: 'breaker_closed', data: { workflow, by: 'probe' } });
  }

  /** Closed by a person; false when it was closed. */
  reset(ns: number, workflow: string, by: string): boolean {
    const row = this.#find(ns, workflow);
    if (row === undefined || (row.opened_at === null && row.failures === 0)) return false;
    this.#tx.sql('UPDATE breaker SET failures = 0, opened_at = NULL, probe = NULL WHERE num = ?').run(row.num);
    if (row.opened_at !== null) this.#tx.log({ ns }, { type: 'breaker_closed', data: { workflow, by } });
    return true;
  }

  /** Workflows whose breaker is open. */
  open(ns: number, limit: number): { readonly workflow: string; readonly state: BreakerState }[] {
    const rows = this.#tx
      .sql('SELECT workflow, num, failures, opened_at, probe FROM breaker WHERE ns = ? AND opened_at IS NOT NULL ORDER BY num LIMIT ?')
      .all(ns, limit) as (BreakerSql & {
      workflow: string;
    })[];
    return rows.map((row) => ({ workflow: row.workflow, state: toState(row) }));
  }
}

function toState(row: BreakerSql): BreakerState {
  return { failures: row.failures, openedAt: row.opened_at, probing: row.probe !== null };
}
