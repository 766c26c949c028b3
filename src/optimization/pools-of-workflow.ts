// Owns the pools of a plan: what steps ask for with `resources`, how large the pools of the store are, and what the caller says instead.
import type { Plan } from '../domain/plan.ts';
import { amountsOf, type PoolKey, type ResourcePool, SCALAR } from '../domain/resource.ts';
import { fromBase, type ResourceAmount, toBase } from '../domain/resource-unit.ts';

/** Of a pool, or of one key of it as `pool.key`. */
export type GivenPools = Readonly<Record<string, { readonly capacity: number; readonly steps: Readonly<Record<string, number>> }>>;

export interface PlanPools {
  /** In the units of the pools. */
  readonly pools: GivenPools;
  readonly assumptions: readonly string[];
}

/** Given pools win; one given without steps is held as the definition says. Pools that no step asks for do not matter. */
export function poolsOfWorkflow(plan: Plan, stored: readonly ResourcePool[], given: GivenPools = {}): PlanPools {
  const keys = new Map(stored.flatMap((pool) => pool.keys.map((key) => [nameOf(pool.name, key.key), { key, refills: pool.refillMs !== null }])));
  const asked = new Map<string, Record<string, number>>();
  const unknown = new Set<string>();
  const refilling = new Set<string>();
  const odd = new Set<string>();
  for (const node of plan.nodes.slice(0, plan.mainCount)) {
    if (node.step.resources === undefined) continue;
    for (const { pool, key, amount } of amountsOf(node.step.resources)) {
      const name = nameOf(pool, key);
      const known = keys.get(name);
      const size = amountIn(amount, known?.key);
      if (known?.refills === true && given[name] === undefined) refilling.add(name);
      else if (known === undefined && given[name] === undefined) unknown.add(name);
      else if (size === null) odd.add(name);
      else asked.set(name, { ...asked.get(name), [node.id]: size });
    }
  }
  const pools: Record<string, GivenPools[string]> = {};
  for (const [name, steps] of asked) {
    const capacity = given[name]?.capacity ?? sizeOf(keys.get(name)?.key);
    pools[name] = { capacity, steps };
  }
  for (const [name, pool] of Object.entries(given)) if (pools[name] === undefined || Object.keys(pool.steps).length > 0) pools[name] = pool;
  return { pools, assumptions: inWords({ unknown, refilling, odd }) };
}

function nameOf(pool: string, key: string): string {
  return key === SCALAR ? pool : `${pool}.${key}`;
}

function sizeOf(key: PoolKey | undefined): number {
  return key === undefined ? 0 : fromBase(key.capacity, key.unit);
}

/** A number in the unit of the pool; of a pool that is only given, the number as it is written. */
function amountIn(amount: ResourceAmount, key: PoolKey | undefined): number | null {
  if (key === undefined) return typeof amount === 'number' ? amount : null;
  const converted = toBase(amount, key.unit);
  return 'base' in converted ? fromBase(converted.base, key.unit) : null;
}

function inWords({ unknown, refilling, odd }: Readonly<Record<'unknown' | 'refilling' | 'odd', ReadonlySet<string>>>): string[] {
  const said: string[] = [];
  if (unknown.size > 0) said.push(`These pools are not defined, so steps that need them would wait; the plan leaves them out: ${[...unknown].join(', ')}.`);
  if (refilling.size > 0) said.push(`The pace of these quotas is no part of the plan: ${[...refilling].join(', ')}.`);
  if (odd.size > 0) said.push(`What steps ask of these pools does not fit their units; the plan leaves them out: ${[...odd].join(', ')}.`);
  return said;
}
