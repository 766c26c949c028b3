// Units and the normal form of a pool: what converts, what is refused, and what this machine offers.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { toPoolSpec } from '../../src/domain/pool-spec.ts';
import { amountFault, amountsOf, PoolInput, ResourceRequest } from '../../src/domain/resource.ts';
import { fromBase, isSameFamily, toBase, UNIT_NAMES } from '../../src/domain/resource-unit.ts';
import { hostPool } from '../../src/resources/host-pool.ts';

function faultOf(input: PoolInput, name = 'p'): { code: string; path: string | undefined } {
  try {
    toPoolSpec(name, PoolInput.parse(input));
  } catch (error) {
    if (error instanceof LogisticsError) return { code: error.code, path: error.path };
    throw error;
  }
  throw new Error('it was taken');
}

describe('amounts', () => {
  it.each([
    [2, 'GiB', 2 * 2 ** 30],
    ['512MiB', 'GiB', 512 * 2 ** 20],
    ['0.5 GiB', 'MiB', 2 ** 29],
    [0.25, 'cores', 250],
    ['250millicores', 'cores', 250],
    ['3', 'count', 3],
    ['1.5Gbps', 'Mbps', 1_500_000_000],
  ] as const)('%s in %s', (amount, unit, base) => {
    expect(toBase(amount, unit)).toEqual({ base });
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '', 'many', '-2GiB', '1e9', '0GiB', '${{ input.n }}', null, true, [1]])('%s is none', (value) => {
    expect(amountFault(value)).toEqual(expect.any(String));
    expect(ResourceRequest.safeParse({ p: value }).success).toBe(false);
  });

  it('refuses parts of what has none, other families, and unknown units with near matches', () => {
    expect(toBase(0.5, 'count')).toHaveProperty('fault');
    expect(toBase(0.0001, 'cores')).toHaveProperty('fault');
    expect(toBase('1GiB', 'cores')).toMatchObject({ expected: expect.stringContaining('cores') });
    expect(toBase('1Gib', 'MiB')).toMatchObject({ near: expect.arrayContaining(['GiB']) });
    expect(toBase(1e12, 'TiB')).toHaveProperty('fault');
  });

  it('convert there and back within a family', () => {
    void fc.assert(
      fc.property(fc.integer({ min: 1, max: 8_000 }), fc.constantFrom(...UNIT_NAMES), (n, unit) => {
        const there = toBase(n, unit);
        if (!('base' in there)) throw new Error(there.fault);
        expect(fromBase(there.base, unit)).toBe(n);
        for (const other of UNIT_NAMES.filter((name) => isSameFamily(name, unit))) {
          const back = toBase(`${n}${unit}`, other);
          expect(back).toEqual(there);
        }
      }),
    );
  });

  it('of a request stand by pool and key', () => {
    expect(amountsOf({ b: 1, a: { y: 2, x: '1GiB' } })).toEqual([
      { pool: 'a', key: 'x', amount: '1GiB' },
      { pool: 'a', key: 'y', amount: 2 },
      { pool: 'b', key: '', amount: 1 },
    ]);
    expect(ResourceRequest.safeParse({}).success).toBe(false);
    expect(ResourceRequest.safeParse({ 'no name': 1 }).success).toBe(false);
    expect(ResourceRequest.safeParse({ p: {} }).success).toBe(false);
  });
});

describe('pools', () => {
  it('find the unit of each key: written, named by the key, given, or that of the type', () => {
    const units = (input: PoolInput): unknown => toPoolSpec('p', PoolInput.parse(input)).keys.map(({ key, unit, capacity }) => [key, unit, capacity]);
    expect(units({ capacity: { cores: 8, memory: '16GiB', gpus: 2 } })).toEqual([
      ['cores', 'cores', 8_000],
      ['gpus', 'count', 2],
      ['memory', 'GiB', 16 * 2 ** 30],
    ]);
    expect(units({ type: 'memory', capacity: 512 })).toEqual([['', 'MiB', 512 * 2 ** 20]]);
    expect(units({ capacity: 2, unit: 'TB' })).toEqual([['', 'TB', 2e12]]);
    expect(units({ type: 'lock' })).toEqual([['', 'count', 1]]);
  });

  it.each<[string, PoolInput, string]>([
    ['no capacity', {}, 'capacity'],
    ['a lock for two', { type: 'lock', capacity: 2 }, 'capacity'],
    ['a lock that refills', { type: 'lock', refill: '1m' }, 'refill'],
    ['burst without refill', { capacity: 5, limits: { burst: 2 } }, 'limits.burst'],
    ['max beyond the capacity', { capacity: 5, limits: { max: 6 } }, 'limits.max'],
    ['max beyond the bucket', { capacity: 5, refill: '1m', limits: { burst: 2, max: 3 } }, 'limits.max'],
    ['min beyond max', { capacity: 5, limits: { min: 3, max: 2 } }, 'limits.min'],
    ['a limit of a key that is not there', { capacity: { a: 1 }, limits: { max: { b: 1 } } }, 'limits.max.b'],
    ['a unit of a key that is not there', { capacity: 1, unit: { b: 'GiB' } }, 'unit.b'],
    ['a part of a piece', { capacity: { gpus: 1.5 } }, 'capacity.gpus'],
    ['a limit in another family', { capacity: '1GiB', limits: { max: '1cores' } }, 'limits.max'],
  ])('%s is refused', (_, input, path) => {
    expect(faultOf(input)).toEqual({ code: 'invalid_input', path });
  });

  it('refuse a name that is none, and fields and units that nobody knows', () => {
    expect(faultOf({ capacity: 1 }, 'my pool')).toEqual({ code: 'invalid_input', path: 'name' });
    expect(PoolInput.safeParse({ capacity: 1, preemption: true }).success).toBe(false);
    expect(PoolInput.safeParse({ capacity: 1, unit: 'GB/s' }).error?.issues[0]?.message).toMatch(/no unit/);
    expect(PoolInput.safeParse({ capacity: 1, refill: 0 }).success).toBe(false);
  });

  it('offer what this machine has', () => {
    const spec = toPoolSpec('host', PoolInput.parse(hostPool({ cores: 4, bytes: 8 * 2 ** 30 + 5 })));
    expect(spec.keys).toMatchObject([
      { key: 'cores', unit: 'cores', capacity: 4_000 },
      { key: 'memory', unit: 'MiB', capacity: 8 * 2 ** 30 },
    ]);
    expect(toPoolSpec('host', PoolInput.parse(hostPool())).keys.every((key) => key.capacity > 0)).toBe(true);
  });
});
