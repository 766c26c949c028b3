// Owns the admission by resources: who asks for parts of pools holds all of them or waits in its turn, and what it holds ends with it.
import { z } from 'zod';
import { Duration } from '../domain/duration.ts';
import { type ErrorData, LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import { parseInput } from '../domain/parse-input.ts';
import { toPoolSpec } from '../domain/pool-spec.ts';
import { DEFAULT_PRIORITY, Priority } from '../domain/priority.ts';
import { type Allocation, PoolInput, type PoolSpec, type ResourcePool, ResourceRequest } from '../domain/resource.ts';
import type { SchedulePlan } from '../domain/schedule.ts';
import type { PlannedTimes } from '../domain/schedule-view.ts';
import { type CapacityPlan, planCapacity } from '../resources/capacity-plan.ts';
import { hostPool } from '../resources/host-pool.ts';
import { ResourceError } from '../resources/resource-error.ts';
import type { Backend } from '../store/backend.ts';
import type { Receipt } from '../store/port/common.ts';
import type { Caller } from './caller.ts';
import { LOCAL_HUMAN } from './caller.ts';
import { comingLoad } from './coming-load.ts';

export const MIN_LEASE_MS = 1_000;
export const MAX_LEASE_MS = 7 * 86_400_000;
export const DEFAULT_LEASE_MS = 600_000;

export const Lease = Duration.refine((ms) => ms >= MIN_LEASE_MS && ms <= MAX_LEASE_MS, { error: 'expected 1s to 7d' });

export const AllocateInput = z.strictObject({
  resources: ResourceRequest,
  lease: Lease.optional().describe('How long it is held without a renewal, 1s to 7d; default 10m.'),
  priority: Priority.optional().describe('0-100 or critical, high, normal, low, background; higher = sooner.'),
});
export type AllocateInput = z.input<typeof AllocateInput>;

export type PoolDefinition = (PoolInput & { readonly detect?: false | undefined }) | { readonly detect: true };

const CapacityInput = z.strictObject({
  pool: z.string(),
  key: z.string().optional(),
  waitTargetMs: z.int().min(0).max(MAX_LEASE_MS).optional(),
  share: z.number().gt(0).lt(1).optional(),
});
export type CapacityInput = z.input<typeof CapacityInput>;

export const DEFAULT_WAIT_TARGET_MS = 60_000;
export const DEFAULT_WAIT_SHARE = 0.95;

/** The advice on one key of a pool; amounts in its unit. */
export interface CapacityAdvice extends CapacityPlan {
  readonly pool: string;
  /** '' for the one amount of a pool without keys. */
  readonly key: string;
  readonly unit: string;
  /** In whole base units of the unit, as all amounts here. */
  readonly capacity: number;
}

export interface ResourceManagerOptions {
  readonly now: () => number;
  readonly plannedTimes: (plan: SchedulePlan) => PlannedTimes;
  readonly backend: Backend;
  readonly namespace: string;
  readonly newId: IdSource;
}

/** The pools of one namespace and what is held of them. */
export class ResourceManager {
  readonly #o: ResourceManagerOptions;

  constructor(options: ResourceManagerOptions) {
    this.#o = options;
  }

  /** Makes a pool or changes it as a whole; `detect: true` takes cores and memory of this machine. Throws invalid_input, conflict. */
  async definePool(
    name: string,
    definition: PoolDefinition,
    receipt?: Receipt,
  ): Promise<{ readonly pool: ResourcePool; readonly created: boolean; readonly replayed: boolean }> {
    const result = await this.#o.backend.definePool({ namespace: this.#o.namespace, pool: poolSpecOf(name, definition), from: 'call', receipt });
    if (result.kind === 'conflict') throw refusal(result.error);
    return result;
  }

  /** Refused as a conflict while somebody holds a part of it or waits for it; throws not_found. */
  async deletePool(name: string, receipt?: Receipt): Promise<void> {
    const result = await this.#o.backend.deletePool({ namespace: this.#o.namespace, name, receipt });
    if (result.kind === 'conflict') throw refusal(result.error);
    if (result.kind === 'not_found') throw this.#unknown(name);
  }

  /** Takes all of it at once or waits in its turn: `status` is held or waiting. Held until released, the end of the lease or of the session. */
  async allocate(
    request: AllocateInput,
    caller: Caller = LOCAL_HUMAN,
    receipt?: Receipt,
  ): Promise<{ readonly allocation: Allocation; readonly replayed: boolean }> {
    const { resources, lease, priority } = parseInput(AllocateInput, request, 'The allocation is wrong');
    const result = await this.#o.backend.allocate({
      id: this.#o.newId('allocation'),
      namespace: this.#o.namespace,
      request: resources,
      sessionId: caller.sessionId,
      priority: priority ?? DEFAULT_PRIORITY,
      leaseMs: lease ?? DEFAULT_LEASE_MS,
      receipt,
    });
    if (result.kind === 'conflict') throw refusal(result.error);
    return result;
  }

  /** Holds it for another lease from now on; throws when it is not held any more. */
  async renew(id: string, leaseMs?: number): Promise<Allocation> {
    this.#require(id);
    const lease = leaseMs === undefined ? undefined : parseInput(Lease, leaseMs, 'The lease is wrong', 'lease');
    const renewed = await this.#o.backend.renewAllocation({ id, leaseMs: lease });
    if (renewed !== null) return renewed;
    const now = this.#require(id);
    throw new ResourceError(
      now.status === 'waiting' || now.executionId !== null ? 'invalid_transition' : 'lease_lost',
      `${id} is ${now.status}; there is no lease to renew.`,
      {
        path: 'allocation_id',
        nextActions: ['Allocate anew.'],
      },
    );
  }

  /** Gives back what is held, or ends the wait; the next is admitted in the same commit. One that ended before stays as it ended, and counts as repeated: a lease or a session may end first. Throws not_found, conflict. */
  async release(id: string, receipt?: Receipt): Promise<{ readonly allocation: Allocation; readonly replayed: boolean }> {
    const result = await this.#o.backend.releaseAllocation({ id, receipt });
    if (result.kind === 'not_found') throw this.#unknownAllocation(id);
    if (result.kind === 'conflict') throw refusal(result.error);
    if (result.kind === 'ended') return { allocation: result.allocation, replayed: true };
    return result;
  }

  /** Every pool with what of it is used and how many wait, by name. */
  status(): readonly ResourcePool[] {
    return this.#o.backend.listPools({ namespace: this.#o.namespace });
  }

  /** How large a pool has to be so that `share` (default 95 %) of the requests wait no longer than `waitTargetMs` (default one minute), by key. Advice: it changes nothing. Throws not_found, invalid_input. */
  capacityPlan(request: CapacityInput): readonly CapacityAdvice[] {
    const { pool: name, key, waitTargetMs, share } = parseInput(CapacityInput, request, 'The request is wrong');
    const { backend, namespace, now, plannedTimes } = this.#o;
    const pool = this.requirePool(name);
    const keys = pool.keys.filter((one) => key === undefined || one.key === key);
    if (keys.length === 0) {
      const expected = `one of ${pool.keys.map((one) => one.key).join(', ')}`;
      throw new ResourceError('invalid_input', `The pool ${name} has no key ${key}.`, { path: 'key', expected });
    }
    return keys.map((level): CapacityAdvice => {
      const coming = comingLoad({
        backend,
        namespace,
        pool: name,
        key: level.key,
        unit: level.unit,
        isQuota: pool.refillMs !== null,
        now: now(),
        plannedTimes,
      });
      const plan = planCapacity({
        pool: { capacity: level.capacity, burst: level.burst, refillMs: pool.refillMs },
        holds: backend.recordedHolds({ namespace, name, key: level.key }),
        ...coming,
        waitTargetMs: waitTargetMs ?? DEFAULT_WAIT_TARGET_MS,
        share: share ?? DEFAULT_WAIT_SHARE,
      });
      return { pool: name, key: level.key, unit: level.unit, capacity: level.capacity, ...plan };
    });
  }

  /** Throws not_found with near matches. */
  requirePool(name: string): ResourcePool {
    const pool = this.#o.backend.getPool({ namespace: this.#o.namespace, name });
    if (pool === null) throw this.#unknown(name);
    return pool;
  }

  #require(id: string): Allocation {
    const found = this.#o.backend.getAllocation(id);
    if (found === null) throw this.#unknownAllocation(id);
    return found;
  }

  #unknown(name: string): ResourceError {
    const error = this.#o.backend.requestFault({ namespace: this.#o.namespace, request: { [name]: 1 }, path: 'pool' });
    return error === null || error.code !== 'not_found' ? new ResourceError('not_found', `There is no pool ${name}.`, { path: 'pool' }) : refusal(error);
  }

  #unknownAllocation(id: string): ResourceError {
    return new ResourceError('not_found', `There is no allocation ${id}.`, {
      path: 'allocation_id',
      nextActions: ['list kind=resources shows pools and what is held of them.'],
    });
  }
}

/** The normal form of a pool as it is asked for. */
export function poolSpecOf(name: string, definition: PoolDefinition): PoolSpec {
  if (definition.detect !== true) {
    const { detect: _, ...input } = definition;
    return toPoolSpec(name, parseInput(PoolInput, input, `The pool ${name} is wrong`));
  }
  const { detect: _, ...rest } = definition as { readonly detect: true } & PoolInput;
  const stray = Object.keys(rest).find((key) => key !== 'description' && rest[key as keyof typeof rest] !== undefined);
  if (stray !== undefined)
    throw new LogisticsError('invalid_input', `detect and ${stray} are given.`, { path: stray, expected: 'detect: true alone, or the capacity' });
  return toPoolSpec(name, parseInput(PoolInput, { ...hostPool(), ...rest }, `The pool ${name} is wrong`));
}

/** Pools of the configuration: written by a process that runs jobs, and only what differs. */
export async function applyPools(backend: Backend, namespace: string, pools: readonly PoolSpec[]): Promise<void> {
  for (const spec of pools) {
    const stored = backend.getPool({ namespace, name: spec.name });
    if (stored !== null && isSame(stored, spec)) continue;
    const result = await backend.definePool({ namespace, pool: spec, from: 'config' });
    if (result.kind === 'conflict') throw refusal(result.error);
  }
}

function isSame(pool: ResourcePool, spec: PoolSpec): boolean {
  const form = ({ name, type, description, refillMs, keys }: PoolSpec): string =>
    JSON.stringify([name, type, description, refillMs, keys.map(({ key, unit, capacity, min, max, burst }) => [key, unit, capacity, min, max, burst])]);
  return form(pool) === form(spec);
}

function refusal(error: ErrorData): ResourceError {
  return new ResourceError(error.code, error.message, error);
}
