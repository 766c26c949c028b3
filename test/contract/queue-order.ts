// The order of a queue decides who is claimed first, and the order of a run which of its ready steps; nobody is passed for ever.
import { describe, expect, it } from 'vitest';
import type { NewJob } from '../../src/domain/job.ts';
import type { Plan } from '../../src/domain/plan.ts';
import { EDF_HORIZON_MS, ORDER_SPAN_MS, type QueueOrder } from '../../src/domain/queue-order.ts';
import { RetryPolicy } from '../../src/domain/retry-policy.ts';
import { type Bench, benches, type Capabilities, failed, type MakeBackend, T0 } from './harness.ts';

const AT_ONCE_AGAIN = RetryPolicy.parse({ maxAttempts: 5, initialIntervalMs: 0, backoffCoefficient: 1, maxIntervalMs: 0, jitter: 'none', nonRetryable: [] });

export function queueOrderContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);
  const ordered = async (order: QueueOrder, bench?: Bench): Promise<Bench> => {
    const made = bench ?? (await fresh());
    await made.backend.updateQueue({ namespace: 'default', queue: 'default', order, from: 'control' });
    return made;
  };
  /** Names in the order in which they are claimed, one by one. */
  const taken = async (bench: Bench, count = 100): Promise<string[]> => {
    const names: string[] = [];
    for (let left = count; left > 0; left--) {
      const [job] = await bench.claim(1);
      if (job === undefined) break;
      names.push(bench.nameOf(job));
    }
    return names;
  };
  const enqueue = async (bench: Bench, ...jobs: Partial<NewJob>[]): Promise<void> => {
    for (const job of jobs) await bench.enqueue(job);
  };

  describe('the order of a queue', () => {
    it('is fifo until it is set, is kept with the settings, and says who set it', async () => {
      const bench = await fresh();
      await enqueue(bench, { name: 'long', expectedMs: 9_000 }, { name: 'short', expectedMs: 10 });
      expect(await taken(bench)).toEqual(['long', 'short']);
      expect(bench.backend.queueSettings({})).toMatchObject([{ order: 'fifo', from: null }]);
      await ordered('sjf', bench);
      expect(bench.backend.queueSettings({})).toMatchObject([{ order: 'sjf', from: 'control', paused: false, concurrency: null }]);
      await bench.backend.updateQueue({ namespace: 'default', queue: 'default', concurrency: 5, from: 'config' });
      expect(bench.backend.queueSettings({})).toMatchObject([{ order: 'sjf', from: 'config', concurrency: 5 }]);
    });

    it('acts on what becomes ready from then on, in every process of the store, and in its queue alone', async () => {
      const bench = await fresh();
      await enqueue(bench, { name: 'before', expectedMs: 60_000 });
      await ordered('sjf', bench);
      await enqueue(bench, { name: 'long', expectedMs: 60_000 }, { name: 'short', expectedMs: 1 });
      await enqueue(bench, { name: 'other long', queue: 'other', expectedMs: 60_000 }, { name: 'other short', queue: 'other', expectedMs: 1 });
      expect(await taken(bench)).toEqual(['short', 'before', 'long', 'other long', 'other short']);
    });

    it('sjf takes the shortest first, an unknown one at the mean of its task, and one of an unknown task at that of the queue', async () => {
      const bench = await ordered('sjf');
      for (const [task, ms] of [
        ['slow', 9_000],
        ['quick', 1_000],
      ] as const) {
        await enqueue(bench, { task, name: task });
        const job = await bench.claimOne();
        bench.now += ms;
        await bench.settle(job);
      }
      bench.now += 60_000;
      await enqueue(
        bench,
        { name: 'slow', task: 'slow' },
        { name: 'new', task: 'new' },
        { name: 'given', task: 'slow', expectedMs: 2_000 },
        { name: 'quick', task: 'quick' },
      );
      expect(await taken(bench)).toEqual(['quick', 'given', 'new', 'slow']);
    });

    it('sjf lets nobody be passed by what becomes ready an hour later', async () => {
      const bench = await ordered('sjf');
      await enqueue(bench, { name: 'endless', expectedMs: 1e12 });
      bench.now += ORDER_SPAN_MS;
      await enqueue(bench, { name: 'passes', expectedMs: 1 });
      bench.now += ORDER_SPAN_MS + 60_000;
      await enqueue(bench, { name: 'waits', expectedMs: 1 });
      expect(await taken(bench)).toEqual(['passes', 'endless', 'waits']);
    });

    it('keeps its place through gates, retries, a delay, and replacement', async () => {
      const bench = await ordered('sjf');
      await bench.backend.updateQueue({ namespace: 'default', queue: 'default', concurrency: 1, from: 'control' });
      const retry = AT_ONCE_AGAIN;
      await enqueue(bench, { name: 'first', expectedMs: 1, retry });
      const first = await bench.claimOne();
      const key = { key: 'k', mode: 'replace', windowMs: 0, delayMs: 0, maxWaitMs: null } as const;
      await enqueue(
        bench,
        { name: 'later', expectedMs: 100, runAt: bench.now + 1_000 },
        { name: 'long', expectedMs: 90_000 },
        { name: 'shrinks', expectedMs: 99_000, dedupe: key },
      );
      await enqueue(bench, { name: 'shrunk', expectedMs: 10, dedupe: key }, { name: 'middle', expectedMs: 1_000 });
      await bench.settle(first, failed());
      await bench.pass(1_000);
      const names: string[] = [];
      for (let [job] = await bench.claim(9); job !== undefined; [job] = await bench.claim(9)) {
        names.push(bench.nameOf(job));
        await bench.settle(job);
        await bench.pass(0);
      }
      // The failed attempt gave the one place to the best of those who waited.
      expect(names).toEqual(['shrunk', 'first', 'later', 'middle', 'long']);
    });

    it('edf takes the nearest deadline first, and before those without one; nobody waits behind what comes a day later', async () => {
      const bench = await ordered('edf');
      const due = (ms: number): number => bench.now + ms;
      await enqueue(
        bench,
        { name: 'none' },
        { name: 'far', expiresAt: due(7_200_000) },
        { name: 'near', expiresAt: due(60_000) },
        { name: 'urgent', priority: 100 },
      );
      await enqueue(bench, { name: 'nearest', expiresAt: due(30_000), priority: 0 });
      bench.now += 10_000;
      await enqueue(bench, { name: 'nearer', expiresAt: due(45_000) });
      expect(await taken(bench)).toEqual(['nearest', 'nearer', 'near', 'far', 'urgent', 'none']);
      await enqueue(bench, { name: 'old' });
      bench.now += EDF_HORIZON_MS;
      await enqueue(bench, { name: 'young', expiresAt: due(60_000) });
      expect(await taken(bench)).toEqual(['old', 'young']);
    });

    it('wspt takes what is shortest for its weight first, whatever the age in minutes that priority is worth elsewhere', async () => {
      const bench = await ordered('wspt');
      await enqueue(
        bench,
        { name: 'normal', expectedMs: 4_000 },
        { name: 'critical', expectedMs: 12_000, priority: 100 },
        { name: 'low', expectedMs: 1_000, priority: 25 },
      );
      await enqueue(bench, { name: 'huge', expectedMs: 1e9, priority: 100 });
      expect(await taken(bench)).toEqual(['low', 'critical', 'normal', 'huge']);
    });

    it('fair gives sessions turns by the work they ask for, however many jobs one of them brings', async () => {
      const bench = await ordered('fair');
      const [greedy, modest] = [await bench.putSession(), await bench.putSession()];
      for (let i = 0; i < 30; i++) await bench.enqueue({ name: `greedy ${i}`, sessionId: greedy, expectedMs: 1_000 });
      bench.now += 5_000;
      for (let i = 0; i < 5; i++) await bench.enqueue({ name: `modest ${i}`, sessionId: modest, expectedMs: 1_000 });
      for (let i = 0; i < 5; i++) await bench.enqueue({ name: `nobody ${i}`, expectedMs: 2_000 });
      const first = await taken(bench, 16);
      const of = (who: string): number => first.filter((name) => name.startsWith(who)).length;
      // Until modest has had its five, greedy has had as many, and the jobs without a session, twice as long, half of that.
      expect(of('modest')).toBe(5);
      expect(of('greedy')).toBeLessThanOrEqual(8);
      expect(of('nobody')).toBeGreaterThanOrEqual(3);
      const rest = await taken(bench);
      expect([...first, ...rest].filter((name) => name.startsWith('greedy'))).toEqual(Array.from({ length: 30 }, (_, i) => `greedy ${i}`));
    });

    it('fair remembers nobody once the queue is empty, and does not let new sessions pass for ever', async () => {
      const bench = await ordered('fair');
      const a = await bench.putSession();
      for (let i = 0; i < 20; i++) await bench.enqueue({ name: `a ${i}`, sessionId: a, expectedMs: 60_000 });
      await taken(bench);
      await enqueue(bench, { name: 'a again', sessionId: a }, { name: 'b', sessionId: await bench.putSession() });
      expect(await taken(bench)).toEqual(['a again', 'b']);
      for (let i = 0; i < 100; i++) await bench.enqueue({ name: 'a', sessionId: a, expectedMs: 600_000 });
      const last = await bench.enqueue({ name: 'last', sessionId: a });
      bench.now += 2 * ORDER_SPAN_MS + 1;
      await bench.enqueue({ name: 'newcomer', sessionId: await bench.putSession() });
      const names = await taken(bench, 200);
      expect(bench.status(last)).toBe('running');
      expect(names.indexOf('newcomer')).toBeGreaterThan(names.indexOf('last'));
    });

    it('fair gives a job of more weight a larger part', async () => {
      const bench = await ordered('fair');
      const [a, b] = [await bench.putSession(), await bench.putSession()];
      for (let i = 0; i < 12; i++) await bench.enqueue({ name: 'a', sessionId: a, expectedMs: 1_000, priority: 100 });
      for (let i = 0; i < 12; i++) await bench.enqueue({ name: 'b', sessionId: b, expectedMs: 1_000 });
      expect((await taken(bench, 10)).filter((name) => name === 'a')).toHaveLength(8);
    });

    it('that is set back to fifo takes what comes in the order in which it comes', async () => {
      const bench = await ordered('sjf');
      await ordered('fifo', bench);
      await enqueue(bench, { name: 'long', expectedMs: 60_000 }, { name: 'short', expectedMs: 1 });
      expect(await taken(bench)).toEqual(['long', 'short']);
    });
  });

  describe('the order of the steps of a run', () => {
    const placed = async (places: readonly number[] | null): Promise<Bench> => {
      const bench = await fresh();
      Object.assign(bench.env, { stepPlaces: (_namespace: string, plan: Plan) => (plan.nodes.length === places?.length ? places : null) });
      await bench.reopen();
      return bench;
    };
    const WIDE = { steps: ['a', 'b', 'c', 'd'].map((id) => ({ id, task: 'noop' })) };

    it('is that of their places, and without places that of the definition', async () => {
      const bench = await placed([3, 1, 2, 0]);
      await bench.start(await bench.define(WIDE));
      expect(await taken(bench)).toEqual(['d', 'b', 'c', 'a']);
      const plain = await placed(null);
      await plain.start(await plain.define(WIDE));
      expect(await taken(plain)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('holds for steps that become ready later, and after a retry; runs keep to their age, and priority counts', async () => {
      const bench = await placed([0, 3, 2, 1]);
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'noop', retry: AT_ONCE_AGAIN_WORDS },
          { id: 'b', task: 'noop' },
          { id: 'c', task: 'noop' },
          { id: 'd', task: 'noop', needs: ['a'] },
        ],
      });
      await bench.start(flow);
      const first = await bench.claimOne();
      expect(bench.nameOf(first)).toBe('a');
      await bench.settle(first, failed());
      await bench.pass(1_000);
      const again = await bench.claimOne();
      expect(bench.nameOf(again)).toBe('a');
      bench.now += 5_000;
      await bench.start(flow);
      await bench.settle(again);
      await bench.drain();
      expect(await taken(bench, 3)).toEqual(['d', 'c', 'b']);
      expect(await taken(bench, 1)).toEqual(['a']);
      await bench.start(flow, { priority: 90 });
      expect(await taken(bench, 3)).toEqual(['a', 'c', 'b']);
    });

    it('does not let a long run pass what became ready half an hour before its step', async () => {
      const bench = await placed([0, 1]);
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'noop' },
          { id: 'b', task: 'noop', needs: ['a'] },
        ],
      });
      await bench.start(flow);
      const a = await bench.claimOne();
      bench.now = T0 + 40 * 60_000;
      await bench.enqueue({ name: 'later than the window' });
      bench.now = T0 + 61 * 60_000;
      await bench.enqueue({ name: 'newer' });
      await bench.settle(a);
      await bench.drain();
      expect(await taken(bench)).toEqual(['later than the window', 'b', 'newer']);
    });

    it('gives way to the order of the queue', async () => {
      const bench = await placed([3, 1, 2, 0]);
      await ordered('edf', bench);
      await bench.start(
        await bench.define({
          steps: [
            { id: 'a', task: 'noop' },
            { id: 'b', task: 'noop' },
            { id: 'c', task: 'noop', deadline: '1m' },
            { id: 'd', task: 'noop' },
          ],
        }),
      );
      expect(await taken(bench)).toEqual(['c', 'a', 'b', 'd']);
    });
  });
}

const AT_ONCE_AGAIN_WORDS = { maxAttempts: 5, initialInterval: 0, jitter: 'none' };
