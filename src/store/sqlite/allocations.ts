// Owns allocations: a part of pools is held by exactly one holder from its grant to its end, whatever ends it; or it waits in its turn.
import type { ErrorData } from '../../domain/errors.ts';
import { rankOf } from '../../domain/priority.ts';
import { ALLOCATION_STATUSES, type Allocation, type AllocationStatus, type ResourceRequest } from '../../domain/resource.ts';
import type { ExecutionRows } from './execution-rows.ts';
import { armGate } from './rates.ts';
import type { ResourceGate } from './resource-gate.ts';
import { gateOf, type Part, type Turn } from './resource-levels.ts';
import type { ResourcePools } from './resource-pools.ts';
import type { Tx } from './tx.ts';

export interface AllocationSql {
  readonly num: number;
  readonly id: string;
  readonly ns: number;
  readonly status: number;
  readonly gate: string;
  readonly rank: number;
  readonly parts: string;
  readonly priority: number;
  readonly session: number | null;
  readonly execution: number | null;
  readonly idx: number | null;
  readonly lease_ms: number | null;
  readonly requested_at: number;
  readonly granted_at: number | null;
  readonly expires_at: number | null;
  readonly ended_at: number | null;
  readonly reason: string | null;
}

const WAITING = 0;
const HELD = 1;

/** Key of the timer that ends a lease. */
export function leaseKey(num: number): string {
  return `e:${num}`;
}

export class Allocations {
  readonly #tx: Tx;
  readonly #gate: ResourceGate;
  readonly #pools: ResourcePools;
  readonly #executions: ExecutionRows;
  /** Set by the executions: a step that waited has what it asked for. */
  onGranted: (execution: number, step: number, allocationId: string) => void = () => undefined;

  constructor(tx: Tx, gate: ResourceGate, pools: ResourcePools, executions: ExecutionRows) {
    this.#tx = tx;
    this.#gate = gate;
    this.#pools = pools;
    this.#executions = executions;
    gate.grant = (num) => this.#grantWaiting(num);
  }

  byId(id: string): AllocationSql | undefined {
    return this.#tx.sql('SELECT * FROM allocation WHERE id = ?').get(id) as AllocationSql | undefined;
  }

  /** Holds all of it or waits; nothing is made when it can never be met. */
  allocate(p: {
    readonly id: string;
    readonly ns: number;
    readonly request: ResourceRequest;
    readonly path: string;
    readonly priority: number;
    readonly session: number | null;
    readonly step: { readonly execution: number; readonly index: number } | null;
    readonly leaseMs: number | null;
  }): { readonly row: AllocationSql } | { readonly error: ErrorData } {
    const tx = this.#tx;
    const resolved = this.#pools.resolve(p.ns, p.request, p.path);
    if ('error' in resolved) return resolved;
    const { parts } = resolved;
    const rank = rankOf(tx.now, p.priority, tx.env.limits.ageStepMs);
    // Among equals the newest comes last.
    const levels = this.#gate.levels.takeable(parts, { rank, kind: 0, num: Number.MAX_SAFE_INTEGER });
    const held = levels !== null;
    const fields = {
      id: p.id,
      ns: p.ns,
      status: held ? HELD : WAITING,
      gate: gateOf(parts),
      rank,
      parts: JSON.stringify(parts),
      priority: p.priority,
      session: p.session,
      execution: p.step?.execution ?? null,
      idx: p.step?.index ?? null,
      lease_ms: p.leaseMs,
      requested_at: tx.now,
      granted_at: held ? tx.now : null,
      expires_at: held && p.leaseMs !== null ? tx.now + p.leaseMs : null,
    };
    const made = tx
      .sql(
        'INSERT INTO allocation (id, ns, status, gate, rank, parts, priority, session, execution, idx, lease_ms, requested_at, granted_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(...Object.values(fields));
    const row: AllocationSql = { num: Number(made.lastInsertRowid), ...fields, ended_at: null, reason: null };
    tx.changed('allocation', true);
    if (levels !== null) {
      this.#gate.levels.take(parts, tx.now, levels);
      this.#granted(row);
    } else {
      this.#gate.levels.waitFor(parts, turnOf(row), true);
      this.#gate.watch(parts);
    }
    return { row };
  }

  /** What follows from a grant, whenever it came. */
  #granted(row: AllocationSql): void {
    if (row.expires_at !== null) armGate(this.#tx, leaseKey(row.num), row.expires_at);
    this.#log(row, 'resource_allocated', { waited_ms: this.#tx.now - row.requested_at });
  }

  #row(num: number): AllocationSql {
    return this.#tx.sql('SELECT * FROM allocation WHERE num = ?').get(num) as AllocationSql;
  }

  #grantWaiting(num: number): boolean {
    const row = this.#row(num);
    if (row.status !== WAITING || !this.#grant(row, partsOf(row))) return false;
    this.#tx.notice.changed.push(row.id);
    if (row.execution !== null) this.onGranted(row.execution, row.idx as number, row.id);
    return true;
  }

  #grant(row: AllocationSql, parts: readonly Part[]): boolean {
    const tx = this.#tx;
    const turn = turnOf(row);
    if (!this.#gate.levels.canTake(parts, turn)) {
      this.#gate.levels.waitFor(parts, turn, true);
      return false;
    }
    this.#gate.levels.take(parts, row.requested_at);
    this.#gate.levels.drop(turn);
    const expiresAt = row.lease_ms === null ? null : tx.now + row.lease_ms;
    tx.sql('UPDATE allocation SET status = 1, granted_at = ?, expires_at = ? WHERE num = ?').run(tx.now, expiresAt, row.num);
    this.#granted({ ...row, expires_at: expiresAt });
    return true;
  }

  #log(row: AllocationSql, type: 'resource_allocated' | 'resource_released', more: { readonly [key: string]: number | string }): void {
    this.#tx.log(
      { ns: row.ns, execution: row.execution, idx: row.idx, session: row.session },
      { type, data: { allocation_id: row.id, resources: this.#pools.shown(partsOf(row)), ...more } },
    );
  }

  /** Null when it is not held any more. */
  renew(id: string, leaseMs: number | undefined): AllocationSql | null {
    const tx = this.#tx;
    const row = this.byId(id);
    if (row === undefined || row.status !== HELD || row.lease_ms === null) return null;
    const lease = leaseMs ?? row.lease_ms;
    tx.sql('UPDATE allocation SET lease_ms = ?, expires_at = ? WHERE num = ?').run(lease, tx.now + lease, row.num);
    tx.sql('INSERT OR REPLACE INTO gate_timer (key, due_at) VALUES (?, ?)').run(leaseKey(row.num), tx.now + lease);
    tx.notice.timersChanged = true;
    return this.#row(row.num);
  }

  /** The moment of a lease has come. */
  fireLease(num: number): void {
    const tx = this.#tx;
    tx.sql('DELETE FROM gate_timer WHERE key = ?').run(leaseKey(num));
    const row = tx.sql('SELECT * FROM allocation WHERE num = ?').get(num) as AllocationSql | undefined;
    if (row === undefined || row.status !== HELD || row.expires_at === null) return;
    if (row.expires_at > tx.now) armGate(tx, leaseKey(num), row.expires_at);
    else this.end(row, 'expired', 'Its lease ended without a renewal.');
  }

  /** Gives back what is held, or ends the wait, and admits who is next; false when it had ended before. */
  end(row: AllocationSql, status: 'released' | 'expired' | 'cancelled', reason: string | null): boolean {
    const tx = this.#tx;
    if (row.status !== WAITING && row.status !== HELD) return false;
    const parts = partsOf(row);
    tx.sql('UPDATE allocation SET status = ?, ended_at = ?, reason = ? WHERE num = ?').run(ALLOCATION_STATUSES.indexOf(status), tx.now, reason, row.num);
    tx.changed('allocation', undefined);
    tx.notice.changed.push(row.id);
    if (row.status === HELD) {
      this.#gate.levels.giveBack(parts, row.requested_at, row.granted_at ?? tx.now);
      if (row.expires_at !== null) tx.sql('DELETE FROM gate_timer WHERE key = ?').run(leaseKey(row.num));
      this.#log(row, 'resource_released', { status, held_ms: tx.now - (row.granted_at ?? tx.now) });
    } else {
      this.#gate.levels.drop(turnOf(row));
    }
    this.#gate.admit(parts.map(([level]) => level));
    return true;
  }

  /** What a session or an execution holds or waits for ends with it. */
  endAllOf(holder: { readonly session: number } | { readonly execution: number }, reason: string): void {
    if (!this.#tx.holdsRows('allocation')) return;
    const [column, num] = 'session' in holder ? ['session', holder.session] : ['execution', holder.execution];
    // Those that wait first, or they would be given what the others give back.
    const rows = this.#tx.sql(`SELECT * FROM allocation WHERE ${column} = ? AND ended_at IS NULL ORDER BY status, num`).all(num) as AllocationSql[];
    for (const row of rows) this.end(row, row.status === HELD ? 'released' : 'cancelled', reason);
  }

  read(row: AllocationSql): Allocation {
    const tx = this.#tx;
    const status = ALLOCATION_STATUSES[row.status] as AllocationStatus;
    return {
      id: row.id,
      namespace: tx.namespaceName(row.ns),
      status,
      resources: this.#pools.shown(partsOf(row)),
      sessionId: row.session === null ? null : tx.sessionId(row.session),
      executionId: row.execution === null ? null : this.#executions.idOf(row.execution),
      stepId: null,
      priority: row.priority,
      leaseMs: row.lease_ms,
      requestedAt: row.requested_at,
      grantedAt: row.granted_at,
      expiresAt: row.ended_at === null ? row.expires_at : null,
      endedAt: row.ended_at,
      reason: row.reason,
      position: status === 'waiting' ? this.#position(row) : null,
    };
  }

  /** Requests for some of the same levels that rank before it; each set counted up to 1,000. */
  #position(row: AllocationSql): number {
    const tx = this.#tx;
    const gates = new Set<string>();
    for (const [level] of partsOf(row))
      for (const { gate } of tx.sql('SELECT gate FROM resource_set WHERE level = ?').all(level) as { gate: string }[]) gates.add(gate);
    let before = 0;
    for (const gate of gates) {
      const own = 'SELECT count(*) AS n FROM (SELECT 1 FROM allocation WHERE status = 0 AND gate = ? AND (rank, num) < (?, ?) LIMIT 1000)';
      before += (tx.sql(own).get(gate, row.rank, row.num) as { n: number }).n;
      before += (tx.sql('SELECT count(*) AS n FROM (SELECT 1 FROM job WHERE gate = ? AND gate_rank < ? LIMIT 1000)').get(gate, row.rank) as { n: number }).n;
    }
    return before;
  }
}

export function partsOf(row: Pick<AllocationSql, 'parts'>): readonly Part[] {
  return JSON.parse(row.parts) as Part[];
}

function turnOf({ rank, num }: AllocationSql): Turn {
  return { rank, kind: 0, num };
}
