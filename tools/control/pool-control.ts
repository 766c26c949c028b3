// Owns the control actions of a pool: a changed capacity or bound, and its end.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { fromBase } from '../../src/domain/resource-unit.ts';
import { poolOf } from '../wire/pool-id.ts';
import { byKey, poolRow } from '../wire/resource.ts';
import type { ControlRequest } from './request.ts';

export async function controlPool({ context: { engine }, id, action, change = {}, receipt }: ControlRequest): Promise<JsonObject> {
  const name = poolOf(id);
  if (action === 'delete') {
    await engine.resources.deletePool(name, receipt);
    return { id, action, status: 'deleted', replayed: false, message: 'Work that names it can no longer be started.', next: ['define_pool makes it again'] };
  }
  const pool = engine.resources.requirePool(name);
  if (change.detect !== undefined)
    throw new LogisticsError('invalid_input', 'detect defines a pool; it changes none.', { path: 'change.detect', expected: 'define_pool with detect: true' });
  const bound = (of: 'min' | 'max' | 'burst'): JsonObject[string] | undefined =>
    byKey(pool, (key) => (key[of] === null || (of === 'burst' && key.burst === key.capacity) ? null : fromBase(key[of], key.unit)));
  const limits = Object.fromEntries(
    (['min', 'max', ...(pool.refillMs === null ? [] : (['burst'] as const))] as const).flatMap((of) => (bound(of) === undefined ? [] : [[of, bound(of)]])),
  );
  const before = {
    type: pool.type,
    capacity: byKey(pool, (key) => fromBase(key.capacity, key.unit)),
    unit: byKey(pool, (key) => key.unit),
    ...(pool.refillMs === null ? {} : { refill: pool.refillMs }),
    ...(pool.description === null ? {} : { description: pool.description }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
  const merged = Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value !== null));
  const { pool: after, replayed } = await engine.resources.definePool(name, merged as never, receipt);
  return {
    ...poolRow(after),
    action,
    status: 'updated',
    replayed,
    message: 'What waits and now may go, goes; what is held stays held.',
    next: [`get id=${id}`],
  };
}
