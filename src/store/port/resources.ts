// Owns the verbs of resources: pools, and the parts of them that somebody holds or waits for.
import type { ErrorData } from '../../domain/errors.ts';
import type { Allocation, AllocationStatus, PoolHolder, PoolSpec, ResourcePool, ResourceRequest } from '../../domain/resource.ts';
import type { Receipt } from './common.ts';

/** What a pool's key was used for in a minute or an hour. */
export interface UsePeriod {
  /** Epoch ms. */
  readonly from: number;
  readonly lengthMs: number;
  readonly grants: number;
  /** Base units that were granted. */
  readonly amount: number;
  /** Of those grants that waited: how many, their sum and the longest. */
  readonly waited: number;
  readonly waitMs: number;
  readonly waitMax: number;
  /** Base units times ms that were held. */
  readonly area: number;
  readonly peak: number;
}

/** One part of a pool that was held from its grant to its end; of a quota both are the same moment. */
export interface RecordedHold {
  readonly arrivedAt: number;
  readonly grantedAt: number;
  readonly endedAt: number;
  /** Base units. */
  readonly amount: number;
}

export type AllocateResult =
  | { readonly kind: 'allocated'; readonly allocation: Allocation; readonly replayed: boolean }
  | { readonly kind: 'conflict'; readonly error: ErrorData };

export type ReleaseResult =
  | { readonly kind: 'released'; readonly allocation: Allocation; readonly replayed: boolean }
  | { readonly kind: 'ended'; readonly allocation: Allocation }
  | { readonly kind: 'conflict'; readonly error: ErrorData }
  | { readonly kind: 'not_found' };

export interface ResourceVerbs {
  /** Makes a pool or changes it as a whole; what waits and now may go, goes. A unit of another family is a conflict while the pool exists. */
  definePool(p: {
    readonly namespace: string;
    readonly pool: PoolSpec;
    readonly from: 'config' | 'call';
    readonly receipt?: Receipt | undefined;
  }): Promise<
    | { readonly kind: 'stored'; readonly pool: ResourcePool; readonly created: boolean; readonly replayed: boolean }
    | { readonly kind: 'conflict'; readonly error: ErrorData }
  >;
  /** Refused as a conflict while somebody holds a part of it or waits for one. */
  deletePool(p: {
    readonly namespace: string;
    readonly name: string;
    readonly receipt?: Receipt | undefined;
  }): Promise<{ readonly kind: 'deleted' } | { readonly kind: 'not_found' } | { readonly kind: 'conflict'; readonly error: ErrorData }>;
  getPool(p: { readonly namespace: string; readonly name: string }): ResourcePool | null;
  /** By name. */
  listPools(p: { readonly namespace: string }): readonly ResourcePool[];
  /** Who holds parts of a pool and who waits for it, the next first. */
  poolHolders(p: { readonly namespace: string; readonly name: string; readonly limit: number }): {
    readonly held: readonly PoolHolder[];
    readonly waiting: readonly PoolHolder[];
  };
  /** Why a request can never be met as pools are now, or null; `path` is where it was written. */
  requestFault(p: { readonly namespace: string; readonly request: ResourceRequest; readonly path: string }): ErrorData | null;

  /** Takes all of it now or waits in its turn; nothing of it is held before all is. */
  allocate(p: {
    readonly id: string;
    readonly namespace: string;
    readonly request: ResourceRequest;
    readonly sessionId: string | null;
    readonly priority: number;
    /** How long it is held without a renewal. */
    readonly leaseMs: number;
    readonly receipt?: Receipt | undefined;
  }): Promise<AllocateResult>;
  /** Moves the end of the lease of a held one to `leaseMs` from now; null when it is not held any more. */
  renewAllocation(p: { readonly id: string; readonly leaseMs?: number | undefined }): Promise<Allocation | null>;
  /** Gives a held one back, or ends the wait of a waiting one; the next is admitted in the same commit. */
  releaseAllocation(p: { readonly id: string; readonly receipt?: Receipt | undefined }): Promise<ReleaseResult>;
  getAllocation(id: string): Allocation | null;
  /** Newest first. */
  listAllocations(p: {
    readonly namespace: string;
    readonly status?: AllocationStatus | undefined;
    readonly sessionId?: string | undefined;
    readonly executionId?: string | undefined;
    readonly limit: number;
  }): readonly Allocation[];
  /** What a pool was used for since a time, by key, oldest first; minutes for the last two hours, hours for thirty days. */
  poolUse(p: {
    readonly namespace: string;
    readonly name: string;
    readonly hourly: boolean;
    readonly since: number;
  }): Readonly<Record<string, readonly UsePeriod[]>>;
  /** The newest holds of one key, oldest first; at most 2,000 are kept. */
  recordedHolds(p: { readonly namespace: string; readonly name: string; readonly key: string }): readonly RecordedHold[];
}
