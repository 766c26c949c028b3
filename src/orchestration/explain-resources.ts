// Owns the answer to "which pool is it that it waits for": what is asked, what is free, who holds the rest and who is before it.
import type { Job } from '../domain/job.ts';
import { isJsonObject } from '../domain/json.ts';
import { type ResourcePool, SCALAR } from '../domain/resource.ts';
import { fromBase } from '../domain/resource-unit.ts';
import type { Backend } from '../store/backend.ts';

const SHOWN = 10;

interface ResourceReason {
  readonly code: 'resources';
  readonly message: string;
  readonly blockedBy?: readonly string[];
}

export function resourceReason(backend: Backend, job: Pick<Job, 'id' | 'namespace' | 'resources'>): ResourceReason {
  return reasonOf(backend, job.namespace, job.id, job.resources ?? {});
}

export function allocationReason(backend: Backend, id: string): ResourceReason {
  const allocation = backend.getAllocation(id);
  if (allocation === null) return { code: 'resources', message: `It waits for the allocation ${id}, which is gone.` };
  return reasonOf(backend, allocation.namespace, id, allocation.resources);
}

function reasonOf(backend: Backend, namespace: string, id: string, asked: NonNullable<Job['resources']>): ResourceReason {
  const blockedBy = new Set<string>();
  const parts: string[] = [];
  for (const [name, amounts] of Object.entries(asked)) {
    const pool = backend.getPool({ namespace, name });
    if (pool === null) {
      parts.push(`the pool ${name}, which is not there: define_pool makes it`);
      continue;
    }
    const byKey = isJsonObject(amounts) ? amounts : { [SCALAR]: amounts };
    for (const [key, amount] of Object.entries(byKey)) {
      if (typeof amount === 'number') parts.push(...shortOf(pool, key, amount));
    }
    const { held, waiting } = backend.poolHolders({ namespace, name, limit: SHOWN });
    const before = waiting.slice(
      0,
      Math.max(
        0,
        waiting.findIndex((one) => one.id === id),
      ),
    );
    for (const holder of [...held, ...before]) if (Object.hasOwn(byKey, holder.key)) blockedBy.add(holder.id);
  }
  const what = parts.length > 0 ? parts.join('; ') : 'its turn: others before it wait for the same pools';
  return { code: 'resources', message: `It waits for ${what}.`, blockedBy: [...blockedBy].slice(0, SHOWN) };
}

function shortOf(pool: ResourcePool, key: string, amount: number): string[] {
  const level = pool.keys.find((one) => one.key === key);
  const what = `${pool.name}${key === SCALAR ? '' : `.${key}`}`;
  if (level === undefined) return [`${what}, which the pool does not have any more`];
  const most = pool.refillMs === null ? level.capacity : level.burst;
  const free = fromBase(Math.max(0, Math.floor(most - level.used)), level.unit);
  if (amount > fromBase(most, level.unit)) return [`${amount} ${level.unit} of ${what}, which is more than there ever is (${fromBase(most, level.unit)})`];
  return amount > free ? [`${amount} ${level.unit} of ${what} (${free} of ${fromBase(most, level.unit)} free)`] : [];
}
