// Owns how a pool that is asked for becomes its normal form: units found, amounts converted, bounds that contradict refused by name.
import type { z } from 'zod';
import { LogisticsError } from './errors.ts';
import { type PoolInput, type PoolKey, PoolName, type PoolSpec, SCALAR, UNIT_OF_TYPE } from './resource.ts';
import { isUnit, type ResourceAmount, toBase, unitIn } from './resource-unit.ts';

type Amounts = ResourceAmount | { readonly [key: string]: ResourceAmount };

/** Throws invalid_input with the path of the first contradiction. */
export function toPoolSpec(name: string, input: z.output<typeof PoolInput>): PoolSpec {
  if (!PoolName.safeParse(name).success)
    throw wrong('name', `${JSON.stringify(name)} is no name of a pool.`, 'a letter or _, then up to 99 letters, digits, _ . -');
  const type = input.type ?? 'custom';
  const capacity: Amounts | undefined = input.capacity ?? (type === 'lock' ? 1 : undefined);
  if (capacity === undefined) throw wrong('capacity', 'The pool has no capacity.', 'a number, an amount such as "64GiB", or {cores: 8, gpus: 2}');
  const refillMs = input.refill ?? null;
  if (refillMs === null && input.limits?.burst !== undefined) throw wrong('limits.burst', 'burst acts only with refill.', 'refill: 1m, or no burst');
  if (type === 'lock' && refillMs !== null) throw wrong('refill', 'A lock is given back by its holder.', 'no refill');
  const entries = entriesOf(capacity);
  const keys = entries.map(([key, amount]): PoolKey => {
    const unit = unitOf(input.unit, key, amount) ?? UNIT_OF_TYPE[type];
    const bound = (field: 'min' | 'max' | 'burst'): number | null => {
      const written = writtenOf(input.limits?.[field], key);
      return written === undefined ? null : base(written, unit, at(`limits.${field}`, key));
    };
    const total = base(amount, unit, at('capacity', key));
    if (type === 'lock' && total !== 1) throw wrong(at('capacity', key), 'A lock has a capacity of 1.', '1, or type: semaphore');
    const [min, max, burst] = [bound('min'), bound('max'), bound('burst') ?? total];
    const most = refillMs === null ? total : burst;
    if (max !== null && max > most)
      throw wrong(at('limits.max', key), 'max is more than can ever be given.', `at most what ${refillMs === null ? 'capacity' : 'burst'} says`);
    if (min !== null && min > (max ?? most)) throw wrong(at('limits.min', key), 'min is more than one request may have.', 'at most max and the capacity');
    return { key, unit, capacity: total, min, max, burst };
  });
  checkKeys(input, entries);
  return { name, type, description: input.description ?? null, refillMs, keys: keys.sort((a, b) => (a.key < b.key ? -1 : 1)) };
}

function entriesOf(amounts: Amounts): [string, ResourceAmount][] {
  return typeof amounts === 'object' ? Object.entries(amounts) : [[SCALAR, amounts]];
}

function writtenOf(amounts: Amounts | undefined, key: string): ResourceAmount | undefined {
  if (amounts === undefined) return undefined;
  if (typeof amounts !== 'object') return amounts;
  return Object.hasOwn(amounts, key) ? amounts[key] : undefined;
}

function unitOf(unit: z.output<typeof PoolInput>['unit'], key: string, amount: ResourceAmount): string | undefined {
  const given = typeof unit === 'object' ? (Object.hasOwn(unit, key) ? unit[key] : undefined) : unit;
  if (given !== undefined) return given;
  const written = unitIn(amount);
  if (written !== null && isUnit(written)) return written;
  if (key === SCALAR) return undefined;
  // {cores: 8, gpus: 2}: a key that is called as a unit has it, any other is counted.
  return isUnit(key) ? key : 'count';
}

function base(amount: ResourceAmount, unit: string, path: string): number {
  const converted = toBase(amount, unit);
  if ('base' in converted) return converted.base;
  throw new LogisticsError('invalid_input', converted.fault, { path, expected: converted.expected, nearMatches: converted.near });
}

/** A bound or unit of a key that the capacity does not name would have no effect. */
function checkKeys(input: z.output<typeof PoolInput>, entries: readonly [string, ResourceAmount][]): void {
  const known = entries.map(([key]) => key);
  const named = { unit: input.unit, 'limits.min': input.limits?.min, 'limits.max': input.limits?.max, 'limits.burst': input.limits?.burst };
  for (const [path, value] of Object.entries(named)) {
    if (typeof value !== 'object') continue;
    const stray = Object.keys(value).find((key) => !known.includes(key));
    if (stray !== undefined)
      throw wrong(`${path}.${stray}`, `The capacity has no key ${stray}.`, known[0] === SCALAR ? 'one amount' : `one of ${known.join(', ')}`);
  }
}

function at(path: string, key: string): string {
  return key === SCALAR ? path : `${path}.${key}`;
}

function wrong(path: string, message: string, expected: string): LogisticsError {
  return new LogisticsError('invalid_input', message, { path, expected });
}
