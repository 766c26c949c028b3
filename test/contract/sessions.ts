// Sessions: what their modes and limits let run, and in which order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rankOf } from '../../src/domain/priority.ts';
import type { RetryPolicy } from '../../src/domain/retry-policy.ts';
import type { ClaimedJob } from '../../src/store/backend.ts';
import { type Bench, benches, type Capabilities, failed, type MakeBackend } from './harness.ts';

const one = { id: 'a', task: 'x' };
const AGAIN: RetryPolicy = { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 1, maxIntervalMs: 1_000, jitter: 'none', nonRetryable: [] };

export function sessionsContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);

  /** Names in the order in which they could be claimed, one after the other. */
  const order = async (bench: Bench): Promise<(string | null)[]> => {
    const names: (string | null)[] = [];
    for (let jobs = await bench.claim(1); jobs.length > 0; jobs = await bench.claim(1)) {
      names.push(jobs[0]?.name ?? null);
      await bench.settle(jobs[0] as ClaimedJob);
    }
    return names;
  };
  /** One job holds the only place; then these come, a minute apart. */
  const behind = async (bench: Bench, sessionId: string, priorities: Record<string, number>): Promise<ClaimedJob> => {
    await bench.enqueue({ sessionId, name: 'first' });
    const first = await bench.claimOne();
    for (const [name, priority] of Object.entries(priorities)) {
      bench.now += 60_000;
      await bench.enqueue({ sessionId, name, priority });
    }
    return first;
  };

  describe('modes of a session', () => {
    it('parallel: who waits at its limit goes on in the order in which it came, whatever its priority', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 1 });
      await bench.settle(await behind(bench, sessionId, { low: 0, mid: 50, high: 100 }));
      expect(await order(bench)).toEqual(['low', 'mid', 'high']);
    });

    it('priority: the highest goes first, in order inside one, and no wait makes up for it', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ mode: 'priority', maxParallelTasks: 1 });
      const first = await behind(bench, sessionId, { low: 40, other: 60, low2: 40, high: 61 });
      bench.now += 30 * 86_400_000;
      await bench.enqueue({ sessionId, name: 'late', priority: 61 });
      await bench.settle(first);
      expect(await order(bench)).toEqual(['high', 'late', 'other', 'low', 'low2']);
    });

    it.each(['parallel', 'priority'] as const)('%s: the order at its limit does not spoil the place in the queue', async (mode) => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ mode, maxParallelTasks: 1 });
      const first = await behind(bench, sessionId, { low: 10 });
      await bench.enqueue({ name: 'outside', priority: 50 });
      await bench.enqueue({ name: 'below', priority: 5 });
      await bench.settle(first);
      expect(await order(bench)).toEqual(['outside', 'low', 'below']);
    });

    it('sequential: one step or job of all its work at a time, over runs and jobs of their own', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ mode: 'sequential', maxParallelTasks: 1 });
      const flow = await bench.define({ steps: ['a', 'b', 'c'].map((id) => ({ id, task: 'x' })) });
      const runs = [await bench.start(flow, { sessionId }), await bench.start(flow, { sessionId, priority: 90 })];
      await bench.enqueue({ sessionId, priority: 100 });
      for (let left = 7; left > 0; left--) {
        const jobs = await bench.claim(9);
        expect(jobs.length).toBe(1);
        await bench.settle(jobs[0] as ClaimedJob);
        await bench.drain();
      }
      expect(runs.map((run) => bench.status(run))).toEqual(['completed', 'completed']);
    });

    it.each([
      ['parallel', [0, 1, 2, 3]],
      ['priority', [0, 2, 3, 1]],
    ] as const)('%s: runs of a session are let go in its order, also behind a concurrency key', async (mode, expected) => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ mode, maxParallelWorkflows: 1 });
      const flow = await bench.define({ steps: [one] });
      const runs: string[] = [];
      for (const [at, priority] of [50, 10, 90, 60].entries()) {
        bench.now += 1;
        const concurrency = at === 1 ? { key: 'k', limit: 1, onLimit: 'queue' as const } : null;
        runs.push(await bench.start(flow, { sessionId, priority, concurrency }));
      }
      const ran: (string | undefined)[] = [];
      for (const _ of runs) {
        const job = await bench.claimOne();
        ran.push(job.step?.executionId);
        await bench.settle(job);
        await bench.drain();
      }
      expect(ran).toEqual(expected.map((at) => runs[at]));
    });

    it('a pause keeps the order, and a job that is tried again comes anew', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 2 });
      const run = await bench.start(await bench.define({ steps: [one, { id: 'b', task: 'x' }] }), { sessionId, priority: 0 });
      bench.now += 1;
      await bench.enqueue({ sessionId, name: 'later', priority: 100, retry: AGAIN });
      await bench.send(run, { type: 'pause', by: 'me' });
      const later = await bench.claimOne();
      expect(later.name).toBe('later');
      expect(await bench.claim(9)).toEqual([]);
      await bench.enqueue({ sessionId, name: 'second', priority: 100 });
      await bench.enqueue({ sessionId, name: 'third', priority: 100 });
      const [second] = await bench.claim(9);
      expect(second?.name).toBe('second');
      await bench.send(run, { type: 'resume', by: 'me' });
      await bench.settle(later, failed());
      // The steps came before: they have both places now, one of them once the second job ends.
      expect((await bench.claim(9)).map((job) => job.step?.executionId)).toEqual([run]);
      await bench.settle(second as ClaimedJob);
      expect((await bench.claim(9)).map((job) => job.step?.executionId)).toEqual([run]);
      await bench.pass(1_000);
      expect(await bench.claim(9)).toEqual([]);
    });

    it('lets exactly those run that a plain list of who waits would let, in every order of events', { timeout: 60_000 }, async () => {
      const event = fc.oneof(
        fc.record({ do: fc.constant('come' as const), priority: fc.integer({ min: 0, max: 100 }) }),
        fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 10_000_000 }) }),
        fc.record({ do: fc.constant('end' as const), which: fc.nat(9) }),
        fc.record({ do: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 3 }) }),
      );
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('parallel' as const, 'priority' as const),
          fc.integer({ min: 1, max: 3 }),
          fc.array(event, { maxLength: 30 }),
          async (mode, limit, events) => {
            const bench = await fresh();
            const sessionId = await bench.putSession({ mode, maxParallelTasks: limit });
            type Item = { name: string; at: number; priority: number };
            const waits: Item[] = [];
            const ready: Item[] = [];
            const running: ClaimedJob[] = [];
            const admit = (): void => {
              while (ready.length + running.length < limit && waits.length > 0) ready.push(waits.shift() as Item);
            };
            for (const [n, e] of events.entries()) {
              if (e.do === 'pass') bench.now += e.ms;
              else if (e.do === 'come') {
                const item = { name: `${n}`, at: bench.now, priority: e.priority };
                await bench.enqueue({ sessionId, name: item.name, priority: e.priority });
                waits.push(item);
                if (mode === 'priority') waits.sort((a, b) => b.priority - a.priority || a.at - b.at || Number(a.name) - Number(b.name));
              } else if (e.do === 'end') {
                const [job] = running.splice(e.which % Math.max(1, running.length), 1);
                if (job !== undefined) await bench.settle(job);
              } else {
                const rank = (item: Item): number => rankOf(item.at, item.priority, bench.env.limits.ageStepMs);
                ready.sort((a, b) => rank(a) - rank(b) || Number(a.name) - Number(b.name));
                const claimed = await bench.claim(e.limit);
                expect(claimed.map((job) => job.name)).toEqual(ready.splice(0, e.limit).map((item) => item.name));
                running.push(...claimed);
              }
              admit();
            }
          },
        ),
        { numRuns: 25 },
      );
    });
  });
}
