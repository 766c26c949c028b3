// Owns pools of resources and what is asked of them: their kinds, bounds, and the one form of a request.
import { z } from 'zod';
import { Duration } from './duration.ts';
import type { JsonObject } from './json.ts';
import { isUnit, type ResourceAmount, unitIn, unknownUnit } from './resource-unit.ts';

export const POOL_TYPES = ['compute', 'memory', 'storage', 'network', 'api_quota', 'database', 'gpu', 'lock', 'semaphore', 'custom'] as const;
export const PoolType = z.enum(POOL_TYPES);
export type PoolType = z.infer<typeof PoolType>;

/** Unit of a pool that names none. */
export const UNIT_OF_TYPE: Readonly<Record<PoolType, string>> = {
  compute: 'cores',
  memory: 'MiB',
  storage: 'GiB',
  network: 'Mbps',
  api_quota: 'requests',
  database: 'connections',
  gpu: 'count',
  lock: 'count',
  semaphore: 'count',
  custom: 'count',
};

export const PoolName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/, 'expected a letter or _, then up to 99 letters, digits, _ . -');
/** Key of the one amount of a pool that has no keys. */
export const SCALAR = '';
const Key = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/, 'expected a letter or _, then up to 99 letters, digits, _ . -');
const MAX_KEYS = 20;
const MAX_POOLS = 20;

const Unit = z.string().superRefine((name, context) => {
  if (isUnit(name)) return;
  const { fault, expected, near } = unknownUnit(name);
  context.addIssue({ code: 'custom', message: `${fault} expected ${near.length > 0 ? `${near.join(' or ')}, or ` : ''}${expected}` });
});

/** Shape, sign and unit; whether it fits the unit of the pool is for the pool to say. */
export const Amount = z.union([z.number(), z.string().max(40)]).superRefine((value: ResourceAmount, context) => {
  const fault = amountFault(value);
  if (fault !== null) context.addIssue({ code: 'custom', message: fault });
});

/** Why a value can be no amount of anything, or null. */
export function amountFault(value: unknown): string | null {
  if (typeof value === 'string') {
    if (value.includes('${{')) return 'amounts are fixed when the work is defined; expressions are not evaluated here';
    if (!/^\s*\d+(?:\.\d+)?\s*[A-Za-z]*\s*$/.test(value) || Number.parseFloat(value) <= 0) return `${JSON.stringify(value)} is no amount; ${AMOUNT_EXPECTED}`;
    const unit = unitIn(value);
    if (unit === null || isUnit(unit)) return null;
    const { fault, expected, near } = unknownUnit(unit);
    return `${fault} expected ${near.length > 0 ? near.join(' or ') : expected}`;
  }
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return null;
  return `${JSON.stringify(value) ?? 'nothing'} is no amount; ${AMOUNT_EXPECTED}`;
}

export const AMOUNT_EXPECTED = 'expected a number more than zero, or one with a unit such as "2GiB"';

const Amounts = z.union([Amount, z.record(Key, Amount).refine((keys) => within(keys, MAX_KEYS), `expected 1 to ${MAX_KEYS} keys`)]);

function within(record: object, most: number): boolean {
  const { length } = Object.keys(record);
  return length > 0 && length <= most;
}

/** What a step, a job or a caller asks for: {pool: amount} or {pool: {key: amount}}. */
export const ResourceRequest = z
  .record(PoolName, Amounts)
  .refine((pools) => within(pools, MAX_POOLS), `expected 1 to ${MAX_POOLS} pools`)
  .describe('What it holds while it runs, all or nothing: {pool: amount} or {pool: {key: amount}}; an amount is a number in the unit of the pool, or "2GiB".');
export type ResourceRequest = z.infer<typeof ResourceRequest>;

export interface RequestedAmount {
  readonly pool: string;
  readonly key: string;
  readonly amount: ResourceAmount;
}

/** The single amounts, by pool and key. */
export function amountsOf(request: ResourceRequest): RequestedAmount[] {
  const list = Object.entries(request).flatMap(([pool, amounts]): RequestedAmount[] =>
    typeof amounts === 'object' ? Object.entries(amounts).map(([key, amount]) => ({ pool, key, amount })) : [{ pool, key: SCALAR, amount: amounts }],
  );
  return list.sort((a, b) => compare(a.pool, b.pool) || compare(a.key, b.key));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const Limits = z.strictObject({
  min: Amounts.optional().describe('Least that one request asks for.'),
  max: Amounts.optional().describe('Most that one request asks for.'),
  burst: Amounts.optional().describe('With refill: size of the bucket, the most that can be taken at one moment; default the capacity.'),
});

/** A pool as it is asked for. */
export const PoolInput = z.strictObject({
  type: PoolType.optional().describe('Default custom.'),
  capacity: Amounts.optional().describe('How much there is: 8, "64GiB", or by key {cores: 8, gpus: 2}. A lock has 1.'),
  unit: z
    .union([Unit, z.record(Key, Unit)])
    .optional()
    .describe('Unit of plain numbers, for all or by key; default that of the type.'),
  refill: Duration.refine((ms) => ms > 0, 'expected more than zero')
    .optional()
    .describe('For quotas: the time in which the capacity comes back, such as "1m". What was taken is then not given back.'),
  limits: Limits.optional(),
  description: z.string().max(500).optional(),
});
export type PoolInput = z.input<typeof PoolInput>;

/** One amount of a pool; all in base units of its unit. */
export interface PoolKey {
  readonly key: string;
  readonly unit: string;
  readonly capacity: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly burst: number;
}

export interface PoolSpec {
  readonly name: string;
  readonly type: PoolType;
  readonly description: string | null;
  readonly refillMs: number | null;
  readonly keys: readonly PoolKey[];
}

/** A pool as it stands. */
export interface ResourcePool extends Omit<PoolSpec, 'keys'> {
  readonly namespace: string;
  readonly from: 'config' | 'call';
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly keys: readonly (PoolKey & {
    readonly used: number;
    /** When all of a quota is there again if nobody takes any; null where holders give back. */
    readonly fullAt: number | null;
  })[];
  readonly waiting: number;
}

export const ALLOCATION_STATUSES = ['waiting', 'held', 'released', 'expired', 'cancelled'] as const;
export type AllocationStatus = (typeof ALLOCATION_STATUSES)[number];

/** A leased part of pools, held by a session or by a step of an execution. */
export interface Allocation {
  readonly id: string;
  readonly namespace: string;
  readonly status: AllocationStatus;
  /** In the units of the pools. */
  readonly resources: JsonObject;
  readonly sessionId: string | null;
  readonly executionId: string | null;
  readonly stepId: string | null;
  readonly priority: number;
  readonly leaseMs: number | null;
  readonly requestedAt: number;
  readonly grantedAt: number | null;
  readonly expiresAt: number | null;
  readonly endedAt: number | null;
  readonly reason: string | null;
  /** How many requests for some of the same pools stand before it, from 0; null once it does not wait. */
  readonly position: number | null;
}

/** Who holds or waits for a part of a pool. */
export interface PoolHolder {
  /** alloc_… or job_… */
  readonly id: string;
  readonly key: string;
  /** Base units. */
  readonly amount: number;
  readonly since: number;
}
