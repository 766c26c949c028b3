// Owns pools and allocations on the wire; amounts in the units of the pools.
import { formatDuration } from '../../src/domain/duration.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { type Allocation, type PoolHolder, type ResourcePool, SCALAR } from '../../src/domain/resource.ts';
import { fromBase } from '../../src/domain/resource-unit.ts';
import { compact, iso } from './compact.ts';
import { poolId } from './pool-id.ts';

type Key = ResourcePool['keys'][number];

/** One amount, or one by key. */
export function byKey(pool: Pick<ResourcePool, 'keys'>, amountOf: (key: Key) => number | string | null): JsonObject | number | string | undefined {
  const values = pool.keys.flatMap((key) => {
    const value = amountOf(key);
    return value === null ? [] : [[key.key, value] as const];
  });
  if (values.length === 0) return undefined;
  return values[0]?.[0] === SCALAR ? values[0][1] : Object.fromEntries(values);
}

export function poolRow(pool: ResourcePool): JsonObject {
  const amount = (value: (key: Key) => number | null): JsonObject | number | string | undefined =>
    byKey(pool, (key) => {
      const base = value(key);
      return base === null ? null : fromBase(base, key.unit);
    });
  const quota = pool.refillMs !== null;
  return compact({
    id: poolId(pool.name),
    pool: pool.name,
    type: pool.type,
    unit: byKey(pool, (key) => key.unit),
    capacity: amount((key) => key.capacity),
    used: amount((key) => Math.round(key.used)),
    free: amount((key) => Math.floor((quota ? key.burst : key.capacity) - key.used + 1e-6)),
    refill: pool.refillMs === null ? undefined : formatDuration(pool.refillMs),
    burst: quota ? amount((key) => key.burst) : undefined,
    min: amount((key) => key.min),
    max: amount((key) => key.max),
    full_at: quota ? byKey(pool, (key) => iso(key.fullAt) ?? null) : undefined,
    waiting: pool.waiting,
    description: pool.description ?? undefined,
    set_by: pool.from,
  });
}

export function allocationRow(allocation: Allocation): JsonObject {
  return compact({
    allocation_id: allocation.id,
    status: allocation.status,
    resources: allocation.resources,
    position: allocation.position ?? undefined,
    session_id: allocation.sessionId,
    execution_id: allocation.executionId,
    priority: allocation.priority,
    lease: allocation.leaseMs === null ? undefined : formatDuration(allocation.leaseMs),
    requested_at: iso(allocation.requestedAt),
    granted_at: iso(allocation.grantedAt),
    lease_expires_at: iso(allocation.expiresAt),
    ended_at: iso(allocation.endedAt),
    reason: allocation.reason ?? undefined,
  });
}

export function holderRow(pool: ResourcePool, holder: PoolHolder): JsonObject {
  const key = pool.keys.find((one) => one.key === holder.key);
  return compact({
    id: holder.id,
    key: holder.key === SCALAR ? undefined : holder.key,
    amount: key === undefined ? holder.amount : fromBase(holder.amount, key.unit),
    since: iso(holder.since),
  });
}
