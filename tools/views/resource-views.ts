// Owns what can be read of a pool and of an allocation.
import type { JsonObject } from '../../src/domain/json.ts';
import { adviceToWire } from '../wire/capacity.ts';
import { poolOf } from '../wire/pool-id.ts';
import { allocationRow, holderRow, poolRow } from '../wire/resource.ts';
import { missing, showView, type ViewRequest } from './view.ts';

const SHOWN = 20;

export function poolView(request: ViewRequest): JsonObject {
  return showView('A pool', { summary, explain }, request);
}

function summary({ engine, id, limit = SHOWN }: ViewRequest): JsonObject {
  const pool = engine.resources.requirePool(poolOf(id));
  const { held, waiting } = engine.backend.poolHolders({ namespace: engine.namespace, name: pool.name, limit });
  return {
    status: pool.keys.some((key) => key.used >= key.capacity) ? 'full' : 'open',
    ...poolRow(pool),
    held_by: held.map((holder) => holderRow(pool, holder)),
    waiting_for_it: waiting.map((holder) => holderRow(pool, holder)),
    next: [
      `get id=${id} view=explain advises on its size`,
      'allocate_resources takes a part of it',
      `control id=${id} action=delete removes it once nobody uses it`,
    ],
  };
}

/** Advice on its size, by key, with its numbers and what it takes for granted. */
function explain({ engine, id }: ViewRequest): JsonObject {
  const name = poolOf(id);
  const pool = engine.resources.requirePool(name);
  const use = engine.backend.poolUse({ namespace: engine.namespace, name, hourly: true, since: engine.now - DAY_MS });
  const advice = engine.resources.capacityPlan({ pool: name });
  return {
    id,
    status: pool.waiting > 0 ? 'waited for' : 'open',
    plans: advice.map((plan) => adviceToWire(plan, pool, use[plan.key] ?? [], engine.now)),
    assumptions: [...new Set(advice.flatMap((plan) => plan.assumptions))],
    next: [`control id=${id} action=update change={"capacity": …} changes it`],
  };
}

const DAY_MS = 86_400_000;

export function allocationView(request: ViewRequest): JsonObject {
  return showView('An allocation', { summary: allocation }, request);
}

function allocation({ engine, id }: ViewRequest): JsonObject {
  const found = engine.backend.getAllocation(id);
  if (found === null) throw missing('allocation', id, 'resources');
  const open = found.status === 'held' || found.status === 'waiting';
  return {
    ...allocationRow(found),
    next: open ? [found.status === 'waiting' ? `wait ids=["${id}"] until=waiting waits for the grant` : `release_resources allocation_id=${id}`] : [],
  };
}
