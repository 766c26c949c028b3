// Gates that lanes share: a job that nobody can start keeps no other one from starting.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RateLimit } from '../../src/domain/rate-limit.ts';
import type { ClaimedJob } from '../../src/store/backend.ts';
import { agentJob, claimAs, complete, expectCounters, leaseAs, reportAs } from './agents.ts';
import { type Bench, benches, type Capabilities, type MakeBackend } from './harness.ts';

const HOUR = 3_600_000;

export function queueLanesContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);
  const limit = (bench: Bench, queue: string, more: { concurrency?: number | null; rateLimit?: RateLimit | null; paused?: boolean }): Promise<unknown> =>
    bench.backend.updateQueue({ namespace: 'default', queue, from: 'control', ...more });
  const names = (jobs: readonly ClaimedJob[]): (string | null)[] => jobs.map((job) => job.name);
  const concurrency = { key: 'k', limit: 1 };

  describe('gates and lanes', () => {
    it('a paused queue holds no key and no rate that others share; resumed, its jobs stand where they stood', async () => {
      const bench = await fresh();
      const rate = { key: 'r', limit: 1, periodMs: 1_000 };
      await limit(bench, 'a', { paused: true });
      for (const name of ['a1', 'a2']) await bench.enqueue({ name, queue: 'a', concurrency });
      await bench.enqueue({ name: 'a3', queue: 'a', rate });
      bench.now += 1;
      for (const name of ['b1', 'b2']) await bench.enqueue({ name, queue: 'b', concurrency });
      await bench.enqueue({ name: 'b3', queue: 'b', rate });
      const [b1, b3] = await bench.claim(9);
      expect(names([b1 as ClaimedJob, b3 as ClaimedJob])).toEqual(['b1', 'b3']);
      await bench.settle(b3 as ClaimedJob);
      await limit(bench, 'a', { paused: false });
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(1_000);
      expect(names(await bench.claim(9))).toEqual(['a3']);
      const order: (string | null)[] = [];
      for (let job: ClaimedJob | undefined = b1; job !== undefined; [job] = await bench.claim(9)) {
        order.push(job.name);
        await bench.settle(job);
      }
      expect(order).toEqual(['b1', 'a1', 'a2', 'b2']);
      expectCounters(bench);
    });

    it('a job for worker agents, none of which is there, holds no key and no place in its queue', async () => {
      const bench = await fresh();
      await limit(bench, 'default', { concurrency: 1 });
      for (const name of ['agent1', 'agent2']) await agentJob(bench, { name, concurrency });
      for (const name of ['p1', 'p2']) await bench.enqueue({ name, concurrency });
      await bench.pass(HOUR);
      const first = await bench.claimOne();
      expect(first.name).toBe('p1');
      expect((await claimAs(bench, 'w')).leases).toEqual([]);
      await bench.settle(first);
      const { worker, lease } = await leaseAs(bench, 'w');
      expect(lease.job.name).toBe('agent1');
      expect(await bench.claim(9)).toEqual([]);
      await reportAs(bench, worker, lease, complete());
      const second = await bench.claimOne();
      expect(second.name).toBe('p2');
      await bench.settle(second);
      expect((await leaseAs(bench, 'w')).lease.job.name).toBe('agent2');
    });

    it('lanes together never exceed a limit, and each end lets the best of all go on', async () => {
      const bench = await fresh();
      const limitOf2 = { key: 'k', limit: 2 };
      for (let i = 0; i < 30; i++) await bench.enqueue({ name: `${i}`, queue: `q${i % 3}`, priority: i % 2 === 0 ? 50 : 60, concurrency: limitOf2 });
      const order: number[] = [];
      for (let jobs = [...(await bench.claim(9))]; jobs.length > 0; jobs.push(...(await bench.claim(9)))) {
        expect(jobs.length).toBeLessThanOrEqual(2);
        const job = jobs.shift() as ClaimedJob;
        order.push(Number(job.name));
        await bench.settle(job);
      }
      expect(order).toEqual([...Array(30).keys()].sort((a, b) => (b % 2) - (a % 2) || a - b));
      expectCounters(bench);
    });

    it('names those that run and those that go first as holders, also when a worker agent runs them', async () => {
      const bench = await fresh();
      const [first, second] = [await agentJob(bench, { concurrency }), await agentJob(bench, { concurrency })];
      const gate = bench.backend.getJob(second)?.gate as string;
      expect(bench.backend.gateHolders({ gate, limit: 9 })).toEqual({ limit: 1, used: 0, holders: [first] });
      await claimAs(bench, 'w');
      expect(bench.backend.gateHolders({ gate, limit: 9 })).toEqual({ limit: 1, used: 1, holders: [first] });
    });
  });

  it('whatever comes, limits hold and what processes can do is done without worker agents, and the rest with them', async () => {
    const step = fc.oneof(
      fc.record({ queue: fc.constantFrom('a', 'b'), key: fc.constantFrom('k', 'l', null), agent: fc.boolean() }),
      fc.record({ claim: fc.integer({ min: 1, max: 3 }), agent: fc.boolean() }),
      fc.record({ end: fc.nat(5) }),
      fc.record({ cancel: fc.nat(20) }),
      fc.record({ pause: fc.constantFrom('a', 'b'), paused: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (program) => {
        const bench = await fresh();
        await limit(bench, 'b', { concurrency: 2 });
        const made: { id: string; agent: boolean; key: string | null }[] = [];
        const running: { id: string; end: () => Promise<unknown> }[] = [];
        const claim = async (n: number, agent: boolean): Promise<void> => {
          if (agent) {
            const { worker, leases } = await claimAs(bench, 'w', { limit: n, capacity: 99 });
            for (const lease of leases) running.push({ id: lease.job.jobId, end: () => reportAs(bench, worker, lease, complete()) });
          } else for (const job of await bench.claim(n)) running.push({ id: job.jobId, end: () => bench.settle(job) });
          for (const key of ['k', 'l']) expect(running.filter(({ id }) => made.some((job) => job.id === id && job.key === key)).length).toBeLessThanOrEqual(1);
          expect(running.filter(({ id }) => bench.backend.getJob(id)?.queue === 'b').length).toBeLessThanOrEqual(2);
        };
        const endAll = async (): Promise<void> => {
          for (const one of running.splice(0)) await one.end();
        };
        for (const one of program) {
          if ('queue' in one) {
            const { queue, key, agent } = one;
            const id = await bench.enqueue({ queue, concurrency: key === null ? null : { key, limit: 1 }, requires: agent ? ['agent.task'] : [] });
            made.push({ id, agent, key });
          } else if ('claim' in one) await claim(one.claim, one.agent);
          else if ('end' in one) await running.splice(one.end, 1)[0]?.end();
          else if ('pause' in one) await limit(bench, one.pause, { paused: one.paused });
          else {
            const job = made[one.cancel];
            if (job !== undefined && !running.some(({ id }) => id === job.id)) await bench.cancel(job.id);
          }
        }
        for (const queue of ['a', 'b']) await limit(bench, queue, { paused: false });
        await endAll();
        for (const agent of [false, true]) {
          for (let i = 0; i <= made.length; i++) {
            await claim(9, agent);
            await endAll();
          }
          for (const job of made) if (agent || !job.agent) expect(['completed', 'cancelled']).toContain(bench.status(job.id));
        }
        expectCounters(bench);
      }),
      { numRuns: 40 },
    );
  });

  describe('a clock that is set back', () => {
    it('does not stop a rate for longer than its period', async () => {
      const bench = await fresh();
      await limit(bench, 'default', { rateLimit: { limit: 1, periodMs: 1_000 } });
      await bench.backend.heartbeat({ epoch: bench.epoch });
      for (const name of ['a', 'b', 'c']) await bench.enqueue({ name });
      expect(names(await bench.claim(9))).toEqual(['a']);
      bench.now -= HOUR;
      await bench.backend.heartbeat({ epoch: bench.epoch });
      await bench.due();
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(1_001);
      expect(names(await bench.claim(9))).toEqual(['b']);
      await bench.pass(1_000);
      expect(names(await bench.claim(9))).toEqual(['c']);
    });
  });
}
