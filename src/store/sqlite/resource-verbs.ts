// Owns the verbs of pools and allocations.
import type { ErrorData } from '../../domain/errors.ts';
import { ALLOCATION_STATUSES, type Allocation, type PoolHolder, type ResourcePool } from '../../domain/resource.ts';
import type { RecordedHold, ResourceVerbs, UsePeriod } from '../port/resources.ts';
import { type AllocationSql, partsOf } from './allocations.ts';
import { JOB } from './codes.ts';
import { type GateList, isOfResources } from './gates.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';
import { lookUp, remember } from './receipts.ts';
import { type LevelSql, levelsIn } from './resource-levels.ts';
import type { PoolSql } from './resource-pools.ts';

/** Rows looked at for holders, about 5 ms. */
const LOOKED_AT = 5_000;

export function resourceVerbs(host: Host): ResourceVerbs {
  const found = (p: { readonly namespace: string; readonly name: string }): PoolSql | undefined => {
    const ns = host.parts.tx.findNamespace(p.namespace);
    return ns === undefined ? undefined : host.parts.pools.find(ns, p.name);
  };
  return {
    definePool: (p) =>
      host.write((parts) => {
        const known = lookUp(parts.tx, p.receipt);
        if (known.kind === 'conflict') return { kind: 'conflict', error: known.error } as const;
        const ns = parts.tx.namespace(p.namespace);
        if (known.kind === 'replay') {
          const pool = parts.pools.find(ns, p.pool.name);
          if (pool === undefined) return { kind: 'conflict', error: gone(p.pool.name) } as const;
          return { kind: 'stored', pool: parts.pools.read(pool, parts.tx.now), created: false, replayed: true } as const;
        }
        const made = parts.pools.define(ns, p.pool, p.from);
        if ('error' in made) return { kind: 'conflict', error: made.error } as const;
        remember(parts.tx, p.receipt, { pool: p.pool.name });
        return {
          kind: 'stored',
          pool: parts.pools.read(parts.pools.find(ns, p.pool.name) as PoolSql, parts.tx.now),
          created: made.created,
          replayed: false,
        } as const;
      }),

    deletePool: (p) =>
      host.write((parts) => {
        const known = lookUp(parts.tx, p.receipt);
        if (known.kind === 'conflict') return { kind: 'conflict', error: known.error } as const;
        if (known.kind === 'replay') return { kind: 'deleted' } as const;
        const ns = parts.tx.findNamespace(p.namespace);
        const result = ns === undefined ? ({ kind: 'not_found' } as const) : parts.pools.remove(ns, p.name);
        if (result.kind === 'deleted') remember(parts.tx, p.receipt, { pool: p.name });
        return result;
      }),

    getPool: (p) => {
      const pool = found(p);
      return pool === undefined ? null : host.parts.pools.read(pool, host.env.now());
    },

    listPools: ({ namespace }) => {
      const { tx, pools } = host.parts;
      const ns = tx.findNamespace(namespace);
      return ns === undefined ? [] : pools.all(ns).map((pool): ResourcePool => pools.read(pool, host.env.now()));
    },

    poolHolders: (p) => {
      const pool = found(p);
      return pool === undefined ? { held: [], waiting: [] } : holdersOf(host.parts, host.parts.pools.levels(pool.num), p.limit);
    },

    requestFault: (p) => {
      const { tx, pools } = host.parts;
      const resolved = pools.resolve(tx.findNamespace(p.namespace) ?? -1, p.request, p.path);
      return 'error' in resolved ? resolved.error : null;
    },

    allocate: (p) =>
      host.write((parts) => {
        const { tx, allocations } = parts;
        const known = lookUp(tx, p.receipt);
        if (known.kind === 'conflict') return { kind: 'conflict', error: known.error } as const;
        if (known.kind === 'replay') {
          const row = allocations.byId((known.reply as { id: string }).id);
          if (row === undefined) return { kind: 'conflict', error: gone(p.id) } as const;
          return { kind: 'allocated', allocation: allocations.read(row), replayed: true } as const;
        }
        const refusal = p.sessionId === null ? null : parts.sessions.refusal(p.sessionId);
        if (refusal !== null) return { kind: 'conflict', error: refusal } as const;
        const session = p.sessionId === null ? null : tx.sessionNum(p.sessionId);
        const made = allocations.allocate({ ...p, ns: tx.namespace(p.namespace), session, step: null, path: 'resources' });
        if ('error' in made) return { kind: 'conflict', error: made.error } as const;
        remember(tx, p.receipt, { id: p.id });
        return { kind: 'allocated', allocation: allocations.read(made.row), replayed: false } as const;
      }),

    renewAllocation: (p) =>
      host.write(({ allocations }) => {
        const row = allocations.renew(p.id, p.leaseMs);
        return row === null ? null : allocations.read(row);
      }),

    releaseAllocation: (p) =>
      host.write((parts) => {
        const { allocations, tx } = parts;
        const row = allocations.byId(p.id);
        if (row === undefined) return { kind: 'not_found' } as const;
        const known = lookUp(tx, p.receipt);
        if (known.kind === 'replay') return { kind: 'released', allocation: allocations.read(row), replayed: true } as const;
        if (known.kind === 'conflict') return known;
        const done = allocations.end(row, row.granted_at === null ? 'cancelled' : 'released', 'Released on request.');
        const after = allocations.read(allocations.byId(p.id) as AllocationSql);
        if (!done) return { kind: 'ended', allocation: after } as const;
        remember(tx, p.receipt, { id: p.id });
        return { kind: 'released', allocation: after, replayed: false } as const;
      }),

    getAllocation: (id) => {
      const row = host.parts.allocations.byId(id);
      return row === undefined ? null : host.parts.allocations.read(row);
    },

    listAllocations: (p) => {
      const { tx, allocations } = host.parts;
      const rows = tx
        .sql(
          `SELECT a.* FROM allocation a LEFT JOIN session s ON s.num = a.session LEFT JOIN execution e ON e.num = a.execution
           WHERE a.ns = @ns AND (@status IS NULL OR a.status = @status) AND (@session IS NULL OR s.id = @session) AND (@execution IS NULL OR e.id = @execution) ORDER BY a.num DESC LIMIT @limit`,
        )
        .all({
          ns: tx.findNamespace(p.namespace) ?? -1,
          status: p.status === undefined ? null : ALLOCATION_STATUSES.indexOf(p.status),
          session: p.sessionId ?? null,
          execution: p.executionId ?? null,
          limit: p.limit,
        }) as AllocationSql[];
      return rows.map((row): Allocation => allocations.read(row));
    },

    poolUse: (p) => {
      const pool = found(p);
      if (pool === undefined) return {};
      const lengthMs = p.hourly ? 3_600_000 : 60_000;
      return Object.fromEntries(host.parts.pools.levels(pool.num).map((level) => [level.key, usesOf(host.parts, level.num, p, lengthMs)]));
    },

    recordedHolds: (p) => {
      const pool = found(p);
      const level = pool === undefined ? undefined : host.parts.pools.levels(pool.num).find((one) => one.key === p.key);
      if (level === undefined) return [];
      return host.parts.tx
        .sql(
          'SELECT arrived_at AS arrivedAt, granted_at AS grantedAt, ended_at AS endedAt, amount FROM resource_hold WHERE level = ? ORDER BY arrived_at, granted_at, ended_at',
        )
        .all(level.num) as RecordedHold[];
    },
  };
}

function usesOf({ tx }: Parts, level: number, p: { readonly hourly: boolean; readonly since: number }, lengthMs: number): UsePeriod[] {
  const rows = tx
    .sql('SELECT slot, grants, amount, waited, wait_ms, wait_max, area, peak FROM resource_use WHERE level = ? AND hourly = ? AND slot >= ? ORDER BY slot')
    .all(level, p.hourly ? 1 : 0, Math.floor(p.since / lengthMs)) as {
    slot: number;
    grants: number;
    amount: number;
    waited: number;
    wait_ms: number;
    wait_max: number;
    area: number;
    peak: number;
  }[];
  return rows.map(({ slot, wait_ms, wait_max, ...rest }) => ({ ...rest, from: slot * lengthMs, lengthMs, waitMs: wait_ms, waitMax: wait_max }));
}

interface JobHolder {
  readonly id: string;
  readonly gates: string | null;
  readonly since: number;
}

function holdersOf(parts: Parts, levels: readonly LevelSql[], limit: number): { held: PoolHolder[]; waiting: PoolHolder[] } {
  const { tx } = parts;
  const names = new Map(levels.map((level) => [level.num, level.key]));
  const shares = (id: string, list: readonly (readonly [number, number])[], since: number): PoolHolder[] =>
    list.flatMap(([level, amount]) => (names.has(level) ? [{ id, key: names.get(level) as string, amount, since }] : []));
  const ofJobs = (rows: readonly JobHolder[]): PoolHolder[] =>
    rows.flatMap((row) => {
      const gate = row.gates === null ? undefined : (JSON.parse(row.gates) as GateList).find(([key]) => isOfResources(key));
      return gate === undefined ? [] : shares(row.id, gate[3] ?? [], row.since);
    });
  const held = tx.sql('SELECT * FROM allocation WHERE ended_at IS NULL AND status = 1 ORDER BY num LIMIT ?').all(LOOKED_AT) as AllocationSql[];
  const running = [
    ...(tx.sql(`SELECT id, gates, started_at AS since FROM job WHERE owner IS NOT NULL ORDER BY num LIMIT ?`).all(LOOKED_AT) as JobHolder[]),
    ...(tx
      .sql(`SELECT id, gates, started_at AS since FROM job WHERE worker IS NOT NULL AND status = ${JOB.running} ORDER BY num LIMIT ?`)
      .all(LOOKED_AT) as JobHolder[]),
  ];
  const gates = new Set(
    levels.flatMap((level) =>
      (tx.sql('SELECT gate FROM resource_set WHERE level = ? ORDER BY gate').all(level.num) as { gate: string }[]).map((row) => row.gate),
    ),
  );
  const waiting = [...gates].filter((gate) => levelsIn(gate).some((level) => names.has(level))).flatMap((gate) => waitingAt(parts, gate, limit));
  waiting.sort((a, b) => a.rank - b.rank);
  return {
    held: [...held.flatMap((row) => shares(row.id, partsOf(row), row.granted_at ?? row.requested_at)), ...ofJobs(running)].slice(0, limit),
    waiting: waiting.flatMap(({ id, list, since }) => shares(id, list, since)).slice(0, limit),
  };
}

interface Waiting {
  readonly id: string;
  readonly rank: number;
  readonly since: number;
  readonly list: readonly (readonly [number, number])[];
}

function waitingAt({ tx }: Parts, gate: string, limit: number): Waiting[] {
  const allocations = tx.sql('SELECT * FROM allocation WHERE status = 0 AND gate = ? ORDER BY rank, num LIMIT ?').all(gate, limit) as AllocationSql[];
  const jobs = tx.sql('SELECT id, gates, gate_rank AS rank, ready_at AS since FROM job WHERE gate = ? ORDER BY gate_rank, num LIMIT ?').all(gate, limit) as {
    id: string;
    gates: string;
    rank: number;
    since: number;
  }[];
  return [
    ...allocations.map((row) => ({ id: row.id, rank: row.rank, since: row.requested_at, list: partsOf(row) })),
    ...jobs.map((row) => ({
      id: row.id,
      rank: row.rank,
      since: row.since,
      list: (JSON.parse(row.gates) as GateList).find(([key]) => key === gate)?.[3] ?? [],
    })),
  ];
}

function gone(id: string): ErrorData {
  return { code: 'not_found', message: `${id} was made by the first call and is gone.`, retryable: false, nextActions: ['Use a new idempotency_key.'] };
}
