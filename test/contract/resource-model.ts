// Random requests for several pools by allocations and jobs: never more is held than there is, nobody waits for ever, all is free in the end.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bench, benches, type Capabilities, type MakeBackend } from './harness.ts';
import { allocate, pool, usedOf } from './resources.ts';

const POOLS = { a: 3, b: 2, c: 5 } as const;
type PoolName = keyof typeof POOLS;

const request = fc
  .record({ a: fc.integer({ min: 0, max: 3 }), b: fc.integer({ min: 0, max: 2 }), c: fc.integer({ min: 0, max: 5 }) })
  .map((amounts) => Object.fromEntries(Object.entries(amounts).filter(([, n]) => n > 0)))
  .filter((amounts) => Object.keys(amounts).length > 0);

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('allocate' as const), request, priority: fc.constantFrom(10, 50, 90) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('enqueue' as const), request, lane: fc.constantFrom('', 'x'), priority: fc.constantFrom(10, 50, 90) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('release' as const), pick: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('settle' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('cancel' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40_000 }) }) },
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface State {
  readonly allocations: string[];
  readonly jobs: string[];
  readonly running: { readonly jobId: string; readonly token: number }[];
}

const OFFERED = { capabilities: ['x'] };

async function apply(bench: Bench, state: State, op: Operation): Promise<void> {
  const taken = <T>(list: T[], pick: number): T | undefined => list.splice(pick % Math.max(1, list.length), 1)[0];
  if (op.op === 'allocate') state.allocations.push((await allocate(bench, op.request, { priority: op.priority, leaseMs: 3_600_000 })).id);
  else if (op.op === 'enqueue')
    state.jobs.push(await bench.enqueue({ resources: op.request, requires: op.lane === '' ? [] : [op.lane], priority: op.priority }));
  else if (op.op === 'claim') state.running.push(...(await bench.claim(op.limit, OFFERED)));
  else if (op.op === 'pass') await bench.pass(op.ms);
  else if (op.op === 'release') {
    const id = taken(state.allocations, op.pick);
    if (id !== undefined) await bench.backend.releaseAllocation({ id });
  } else if (op.op === 'settle') {
    const job = taken(state.running, op.pick);
    if (job !== undefined) await bench.settle(job);
  } else {
    const id = state.jobs[op.pick % Math.max(1, state.jobs.length)];
    if (id !== undefined && bench.status(id) === 'pending') await bench.cancel(id);
    await bench.due();
  }
}

function check(bench: Bench): void {
  for (const name of Object.keys(POOLS) as PoolName[]) {
    const used = usedOf(bench, name) as number;
    const { held } = bench.backend.poolHolders({ namespace: 'default', name, limit: 1_000 });
    const sum = held.reduce((total, one) => total + one.amount, 0);
    if (used !== sum || used > POOLS[name]) throw new Error(`${name}: ${used} used, ${sum} held, ${POOLS[name]} there`);
  }
}

export function resourceModelContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('resources under random requests', () => {
    it('are never over capacity, starve nobody, deadlock never, and are all free in the end', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: capabilities.shared ? 40 : 80 }), async (operations) => {
          const bench = await fresh();
          for (const [name, capacity] of Object.entries(POOLS)) await pool(bench, name, { capacity });
          const state: State = { allocations: [], jobs: [], running: [] };
          for (const op of operations) {
            bench.now += 7;
            await apply(bench, state, op);
            check(bench);
          }
          // Whoever holds gives back: everybody who waits has their turn, in a bounded number of rounds.
          const left = (): number =>
            state.jobs.filter((id) => bench.status(id) !== 'completed' && bench.status(id) !== 'cancelled').length +
            bench.backend.listAllocations({ namespace: 'default', limit: 1_000 }).filter((one) => one.endedAt === null).length;
          for (let rounds = 0; left() > 0; rounds++) {
            if (rounds > operations.length + 5) throw new Error(`${left()} wait for ever`);
            state.running.push(...(await bench.claim(20, OFFERED)));
            check(bench);
            for (const job of state.running.splice(0)) await bench.settle(job);
            for (const one of bench.backend.listAllocations({ namespace: 'default', status: 'held', limit: 1_000 }))
              await bench.backend.releaseAllocation({ id: one.id });
            check(bench);
            await bench.due();
          }
          expect((Object.keys(POOLS) as PoolName[]).map((name) => usedOf(bench, name))).toEqual([0, 0, 0]);
        }),
        { numRuns: capabilities.shared ? 8 : 60 },
      );
    });
  });
}
