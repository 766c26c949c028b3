// Sessions of mode resource_aware: who waits for pools holds no place in the session, and nobody waits for ever between the two.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionMode } from '../../src/domain/session.ts';
import type { ClaimedJob } from '../../src/store/backend.ts';
import { type Bench, benches, type Capabilities, type MakeBackend } from './harness.ts';
import { allocate, pool, usedOf } from './resources.ts';

export function sessionPoolsContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  const names = async (bench: Bench, limit = 9): Promise<(string | null)[]> => (await bench.claim(limit)).map((job) => job.name);
  /** A session with one place; its job "big" was claimed in vain, the pool is held from outside. */
  const blocked = async (mode: SessionMode): Promise<{ bench: Bench; sessionId: string; outside: string }> => {
    const bench = await fresh();
    const sessionId = await bench.putSession({ mode, maxParallelTasks: 1 });
    await pool(bench, 'gpu', { capacity: 1 });
    const { id: outside } = await allocate(bench, { gpu: 1 }, { leaseMs: 3_600_000 });
    await bench.enqueue({ sessionId, name: 'big', priority: 90, resources: { gpu: 1 } });
    expect(await names(bench)).toEqual([]);
    return { bench, sessionId, outside };
  };

  describe('sessions that know pools', () => {
    it.each([
      ['priority', []],
      ['resource_aware', ['small']],
    ] as const)('%s: a place that waits for pools goes to %j', async (mode, expected) => {
      const { bench, sessionId, outside } = await blocked(mode);
      await bench.enqueue({ sessionId, name: 'small', priority: 10 });
      const claimed = await bench.claim(9);
      expect(claimed.map((job) => job.name)).toEqual(expected);
      await bench.backend.releaseAllocation({ id: outside });
      // Its pools are there; where the place is taken, it goes before all others at the next one.
      await bench.enqueue({ sessionId, name: 'higher', priority: 100 });
      for (const job of claimed) await bench.settle(job);
      expect(await names(bench)).toEqual(['big']);
    });

    it('as many run as have their pools, the highest first, whatever waits for others', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ mode: 'resource_aware', maxParallelTasks: 2 });
      await pool(bench, 'gpu', { capacity: 1 });
      await pool(bench, 'cpu', { capacity: 2 });
      for (const n of [1, 2, 3]) await bench.enqueue({ sessionId, name: `gpu${n}`, priority: 90, resources: { gpu: 1 } });
      for (const n of [1, 2, 3]) await bench.enqueue({ sessionId, name: `cpu${n}`, priority: 20 + n, resources: { cpu: 1 } });
      const running = await bench.claim(9);
      expect(running.map((job) => job.name)).toEqual(['gpu1', 'cpu1']);
      await bench.settle(running[1] as ClaimedJob);
      expect(await names(bench)).toEqual(['cpu3']);
      await bench.settle(running[0] as ClaimedJob);
      expect(await names(bench)).toEqual(['gpu2']);
    });

    it('steps of runs too, through a pause', async () => {
      const { bench, sessionId, outside } = await blocked('resource_aware');
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x', resources: { gpu: 1 } },
          { id: 'b', task: 'x' },
        ],
      });
      const run = await bench.start(flow, { sessionId });
      const [step] = await bench.claim(9);
      expect(step?.step).toMatchObject({ executionId: run, index: 1 });
      await bench.send(run, { type: 'pause', by: 'me' });
      await bench.settle(step as ClaimedJob);
      await bench.send(run, { type: 'resume', by: 'me' });
      await bench.backend.releaseAllocation({ id: outside });
      const [big] = await bench.claim(9);
      expect(big?.name).toBe('big');
      await bench.settle(big as ClaimedJob);
      expect((await bench.claim(9)).map((job) => job.step)).toMatchObject([{ executionId: run, index: 0 }]);
    });

    it('who had its turn keeps the place that it gets at last, though others took the pool meanwhile', async () => {
      const { bench, sessionId, outside } = await blocked('resource_aware');
      await bench.enqueue({ sessionId, name: 'small', priority: 10 });
      const small = await bench.claimOne();
      await bench.backend.releaseAllocation({ id: outside });
      // Its turn is kept for 30 s, then others may have the pool.
      expect(await allocate(bench, { gpu: 1 })).toMatchObject({ status: 'waiting' });
      await bench.pass(30_001);
      const [taker] = bench.backend.listAllocations({ namespace: 'default', status: 'held', limit: 9 });
      await bench.settle(small);
      await bench.enqueue({ sessionId, name: 'next', priority: 100 });
      expect(await names(bench)).toEqual([]);
      await bench.backend.releaseAllocation({ id: taker?.id ?? '' });
      expect(await names(bench)).toEqual(['big']);
    });

    it('are never over a limit, and everything ends', { timeout: 60_000 }, async () => {
      const event = fc.oneof(
        fc.record({
          do: fc.constant('come' as const),
          priority: fc.constantFrom(0, 50, 100),
          a: fc.integer({ min: 0, max: 2 }),
          b: fc.integer({ min: 0, max: 1 }),
          own: fc.boolean(),
        }),
        fc.record({ do: fc.constant('end' as const), which: fc.nat(9) }),
        fc.record({ do: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ do: fc.constant('cancel' as const), which: fc.nat(30) }),
        fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(event, { minLength: 5, maxLength: 50 }), async (limit, events) => {
          const bench = await fresh();
          const sessionId = await bench.putSession({ mode: 'resource_aware', maxParallelTasks: limit });
          await pool(bench, 'a', { capacity: 2 });
          await pool(bench, 'b', { capacity: 1 });
          const jobs: string[] = [];
          const running: ClaimedJob[] = [];
          const isOpen = (id: string): boolean => bench.status(id) === 'pending' || bench.status(id) === 'running';
          const check = (): void => {
            const own = running.filter((job) => job.sessionId === sessionId).length;
            if (own > limit) throw new Error(`${own} run, ${limit} may`);
            if ((usedOf(bench, 'a') ?? 0) > 2 || (usedOf(bench, 'b') ?? 0) > 1) throw new Error('over capacity');
          };
          for (const e of events) {
            bench.now += 3;
            if (e.do === 'come') {
              const resources = { ...(e.a > 0 ? { a: e.a } : {}), ...(e.b > 0 ? { b: e.b } : {}) };
              const asked = Object.keys(resources).length > 0 ? { resources } : {};
              jobs.push(await bench.enqueue({ priority: e.priority, ...asked, ...(e.own ? { sessionId } : {}) }));
            } else if (e.do === 'end') {
              const [job] = running.splice(e.which % Math.max(1, running.length), 1);
              if (job !== undefined) await bench.settle(job);
            } else if (e.do === 'claim') running.push(...(await bench.claim(e.limit)));
            else if (e.do === 'pass') await bench.pass(e.ms);
            else {
              const job = jobs[e.which % Math.max(1, jobs.length)];
              if (job !== undefined && bench.status(job) === 'pending') await bench.cancel(job);
            }
            check();
          }
          for (let rounds = 0; jobs.some(isOpen); rounds++) {
            if (rounds > 3 * events.length + 5) throw new Error(`${jobs.filter(isOpen).length} wait for ever`);
            running.push(...(await bench.claim(20)));
            check();
            for (const job of running.splice(0)) await bench.settle(job);
            await bench.due();
          }
          expect([usedOf(bench, 'a'), usedOf(bench, 'b')]).toEqual([0, 0]);
          // Nothing of the session's places was lost.
          for (let n = 0; n <= limit; n++) await bench.enqueue({ sessionId });
          expect(await bench.claim(20)).toHaveLength(limit);
        }),
        { numRuns: capabilities.shared ? 8 : 60 },
      );
    });
  });
}
