// Limits of queues and jobs: how many at once, how many in a time; nobody passes them, nobody is forgotten behind them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RateLimit } from '../../src/domain/rate-limit.ts';
import type { ClaimedJob } from '../../src/store/backend.ts';
import { type Bench, benches, type Capabilities, failed, type MakeBackend } from './harness.ts';

export function queueLimitsContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);
  const limit = (bench: Bench, more: { concurrency?: number | null; rateLimit?: RateLimit | null; paused?: boolean; queue?: string }): Promise<unknown> =>
    bench.backend.updateQueue({ namespace: 'default', queue: 'default', from: 'control', ...more });
  const names = (jobs: readonly ClaimedJob[]): (string | null)[] => jobs.map((job) => job.name);

  describe('settings of a queue', () => {
    it('keeps what was set, takes away with null, leaves alone what is not named, and says who set it', async () => {
      const bench = await fresh();
      expect(bench.backend.queueSettings({})).toEqual([]);
      await limit(bench, { concurrency: 3, rateLimit: { limit: 10, periodMs: 60_000 } });
      await limit(bench, { paused: true });
      const settings = {
        namespace: 'default',
        queue: 'default',
        paused: true,
        concurrency: 3,
        rateLimit: { limit: 10, periodMs: 60_000 },
        order: 'fifo',
        from: 'control',
      };
      expect(bench.backend.queueSettings({ namespace: 'default' })).toEqual([{ ...settings, oldestReadyAt: null }]);
      expect(await bench.backend.updateQueue({ namespace: 'default', queue: 'default', concurrency: null, from: 'config' })).toEqual({
        ...settings,
        concurrency: null,
        from: 'config',
      });
      expect(bench.backend.queueSettings({ namespace: 'other' })).toEqual([]);
    });

    it('a paused queue takes jobs and starts none; what runs goes on', async () => {
      const bench = await fresh();
      await bench.enqueue({ name: 'a' });
      const running = await bench.claimOne();
      await limit(bench, { paused: true });
      await bench.enqueue({ name: 'b' });
      expect(await bench.claim(9)).toEqual([]);
      expect((await bench.settle(running)).kind).toBe('settled');
      await limit(bench, { paused: false });
      expect(names(await bench.claim(9))).toEqual(['b']);
    });
  });

  describe('concurrency of a queue', () => {
    it('never has more jobs running than the limit; each end admits the best that waits', async () => {
      const bench = await fresh();
      await limit(bench, { concurrency: 2 });
      for (const [name, priority] of [
        ['a', 50],
        ['b', 50],
        ['c', 50],
        ['d', 90],
      ] as const)
        await bench.enqueue({ name, priority });
      await bench.enqueue({ name: 'elsewhere', queue: 'other' });
      const jobs = await bench.claim(9);
      expect(names(jobs).sort()).toEqual(['a', 'b', 'elsewhere']);
      const waiting = bench.backend.listJobs({ filter: { status: 'pending' }, limit: 9, cursor: null }).items;
      const gate = waiting[0]?.gate as string;
      expect(bench.backend.gateHolders({ gate, limit: 9 })).toMatchObject({ limit: 2, used: 2 });
      expect([...bench.backend.gateHolders({ gate, limit: 9 }).holders].sort()).toEqual(
        jobs
          .filter((job) => job.queue === 'default')
          .map((job) => job.jobId)
          .sort(),
      );
      await bench.settle(jobs.find((job) => job.name === 'a') as ClaimedJob);
      expect(names(await bench.claim(9))).toEqual(['d']);
      await bench.settle(jobs.find((job) => job.name === 'b') as ClaimedJob);
      expect(names(await bench.claim(9))).toEqual(['c']);
    });

    it('a limit that is set while jobs run and wait counts all of them', async () => {
      const bench = await fresh();
      for (let i = 0; i < 8; i++) await bench.enqueue({ name: `${i}` });
      const running = await bench.claim(3);
      await limit(bench, { concurrency: 4 });
      expect((await bench.claim(9)).length).toBe(1);
      expect(await bench.claim(9)).toEqual([]);
      for (const job of running) await bench.settle(job);
      expect((await bench.claim(9)).length).toBe(3);
    });

    it('a raised limit, and one taken away, admits those that wait; a lowered one lets the running finish and holds the ready', async () => {
      const bench = await fresh();
      await limit(bench, { concurrency: 1 });
      for (let i = 0; i < 500; i++) await bench.enqueue({ name: `${i}` });
      const first = await bench.claim(9);
      expect(first.length).toBe(1);
      await limit(bench, { concurrency: 3 });
      await bench.due();
      const more = await bench.claim(9);
      expect(more.length).toBe(2);
      await limit(bench, { concurrency: 10 });
      await bench.due();
      await limit(bench, { concurrency: 3 });
      expect(await bench.claim(9)).toEqual([]);
      for (const job of [...first, ...more]) await bench.settle(job);
      expect((await bench.claim(9)).length).toBe(3);
      await limit(bench, { concurrency: null });
      for (let i = 0; i < 5; i++) await bench.due();
      expect((await bench.claim(1_000)).length).toBe(500 - 6);
      expect((await bench.due()).nextDueAt).toBeNull();
    });

    it('bounds the steps of runs in that queue too', async () => {
      const bench = await fresh();
      await limit(bench, { concurrency: 1 });
      const run = await bench.start(await bench.define({ steps: ['a', 'b', 'c'].map((id) => ({ id, task: 'x' })) }));
      expect((await bench.claim(9)).length).toBe(1);
      const [job] = bench.backend.listJobs({ filter: { status: 'running' }, limit: 9, cursor: null }).items;
      await bench.settle({ jobId: job?.id as string, token: 1 });
      await bench.work();
      expect(bench.status(run)).toBe('completed');
    });
  });

  describe('concurrency key of jobs', () => {
    it('runs at most so many of a key at once, in every queue of the namespace; others are not held up', async () => {
      const bench = await fresh();
      const concurrency = { key: 'repo', limit: 1 };
      for (const name of ['a', 'b']) await bench.enqueue({ name, concurrency });
      await bench.enqueue({ name: 'c', concurrency, queue: 'other', priority: 99 });
      await bench.enqueue({ name: 'd', concurrency: { key: 'else', limit: 1 } });
      await bench.enqueue({ name: 'e', namespace: 'foreign', concurrency });
      const [c, d] = await bench.claim(9);
      expect(names([c as ClaimedJob, d as ClaimedJob])).toEqual(['c', 'd']);
      expect(names(await bench.claim(9, { namespace: 'foreign' }))).toEqual(['e']);
      await bench.settle(c as ClaimedJob);
      expect(names(await bench.claim(9))).toEqual(['a']);
    });

    it('the limit of the newest job counts, up and down', async () => {
      const bench = await fresh();
      const key = (limitOf: number): { concurrency: { key: string; limit: number } } => ({ concurrency: { key: 'k', limit: limitOf } });
      for (const name of ['a', 'b', 'c']) await bench.enqueue({ name, ...key(1) });
      const [a] = await bench.claim(9);
      await bench.enqueue({ name: 'd', ...key(3) });
      await bench.due();
      expect(names(await bench.claim(9))).toEqual(['b', 'c']);
      await bench.settle(a as ClaimedJob);
      const d = await bench.claimOne();
      await bench.enqueue({ name: 'e', ...key(1) });
      await bench.enqueue({ name: 'f', ...key(1) });
      await bench.settle(d);
      expect(await bench.claim(9)).toEqual([]);
    });

    it('a retrying job gives its place back, a cancelled waiting one leaves, one whose process died gives it back', async () => {
      const bench = await fresh();
      const concurrency = { key: 'k', limit: 1 };
      const retry = { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 1, maxIntervalMs: 1_000, jitter: 'none' as const, nonRetryable: [] };
      await bench.enqueue({ name: 'a', concurrency, retry });
      const b = await bench.enqueue({ name: 'b', concurrency });
      await bench.enqueue({ name: 'c', concurrency });
      await bench.settle(await bench.claimOne(), failed());
      expect((await bench.cancel(b)).kind).toBe('cancelled');
      const [c] = await bench.claim(9);
      expect(c?.name).toBe('c');
      await bench.pass(1_000);
      expect(await bench.claim(9)).toEqual([]);
      await bench.backend.leave({ epoch: bench.epoch, decide: bench.decide });
      bench.epoch = await bench.join();
      expect(names(await bench.claim(9))).toEqual(['a']);
    });

    it('a process that died gives back what its jobs held; claimed again they use up another start', async () => {
      const bench = await fresh();
      const dead = await bench.join();
      const more = { concurrency: { key: 'k', limit: 1 }, rate: { key: 'r', limit: 2, periodMs: 60_000 } };
      const a = await bench.enqueue({ name: 'a', ...more });
      await bench.enqueue({ name: 'b', ...more });
      expect(names(await bench.claim(9, { epoch: dead }))).toEqual(['a']);
      for (let i = 0; i < 2; i++) {
        bench.now += 20_000;
        await bench.backend.heartbeat({ epoch: bench.epoch });
        await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide });
      }
      expect(bench.backend.getJob(a)).toMatchObject({ status: 'pending', crashes: 1 });
      const [b] = await bench.claim(9);
      expect(b?.name).toBe('b');
      await bench.settle(b as ClaimedJob);
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(20_000);
      expect(names(await bench.claim(9))).toEqual(['a']);
    });

    if (capabilities.shared) {
      it('two processes never exceed a key or a queue together', async () => {
        const bench = await fresh();
        const other = await bench.another();
        const epoch = await bench.join(other);
        await limit(bench, { concurrency: 3 });
        for (let i = 0; i < 20; i++) await bench.enqueue({ name: `${i}`, concurrency: { key: `${i % 2}`, limit: 2 } });
        let done = 0;
        const running: ClaimedJob[] = [];
        for (let round = 0; done < 20 && round < 100; round++) {
          const [mine, theirs] = await Promise.all([bench.claim(9), bench.claim(9, { backend: other, epoch })]);
          running.push(...mine, ...theirs);
          expect(running.length).toBeLessThanOrEqual(3);
          await bench.settle(running.shift() as ClaimedJob);
          done++;
        }
        expect(done).toBe(20);
      });
    }
  });

  describe('rate limits', () => {
    const rate = { limit: 2, periodMs: 1_000 };

    it('starts at most so many in any window, the best first, and says when it looks again', async () => {
      const bench = await fresh();
      await limit(bench, { rateLimit: rate });
      for (const [name, priority] of [
        ['a', 50],
        ['b', 50],
        ['c', 50],
        ['d', 90],
      ] as const)
        await bench.enqueue({ name, priority });
      expect(names(await bench.claim(9))).toEqual(['a', 'b']);
      expect((await bench.due()).nextDueAt).toBe(bench.now + 1_000);
      await bench.pass(999);
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(1);
      expect(names(await bench.claim(9))).toEqual(['d', 'c']);
      expect((await bench.due()).nextDueAt).toBeNull();
      await bench.enqueue({ name: 'late' });
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(1_000);
      expect(names(await bench.claim(9))).toEqual(['late']);
    });

    it('by key of the jobs, or by their queue without one; a job that starts again counts again', async () => {
      const bench = await fresh();
      const by = (key: string | null): { rate: { key: string | null; limit: number; periodMs: number } } => ({ rate: { key, limit: 1, periodMs: 1_000 } });
      await bench.enqueue({ name: 'a', ...by('x') });
      await bench.enqueue({ name: 'b', ...by('x'), queue: 'other' });
      await bench.enqueue({ name: 'c', ...by(null) });
      await bench.enqueue({ name: 'd', ...by(null), queue: 'other' });
      await bench.enqueue({ name: 'e', ...by(null) });
      const first = await bench.claim(9);
      expect(names(first)).toEqual(['a', 'c', 'd']);
      await bench.settle(first[0] as ClaimedJob, { status: 'released' });
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(1_000);
      expect(names(await bench.claim(9))).toEqual(['a', 'e']);
      await bench.pass(1_000);
      expect(names(await bench.claim(9))).toEqual(['b']);
    });

    it('a cancelled ready job gives its start to the next', async () => {
      const bench = await fresh();
      await limit(bench, { rateLimit: { limit: 1, periodMs: 1_000 } });
      const a = await bench.enqueue({ name: 'a' });
      await bench.enqueue({ name: 'b' });
      await bench.cancel(a);
      expect(names(await bench.claim(9))).toEqual(['b']);
    });

    it('a rate set, lowered, raised and taken away acts on what waits', async () => {
      const bench = await fresh();
      for (let i = 0; i < 9; i++) await bench.enqueue({ name: `${i}` });
      await limit(bench, { rateLimit: { limit: 5, periodMs: 1_000 } });
      expect(names(await bench.claim(1))).toEqual(['0']);
      await limit(bench, { rateLimit: { limit: 2, periodMs: 1_000 } });
      expect(names(await bench.claim(9))).toEqual(['1']);
      await limit(bench, { rateLimit: { limit: 3, periodMs: 1_000 } });
      await bench.due();
      expect(names(await bench.claim(9))).toEqual(['2']);
      await limit(bench, { rateLimit: null });
      await bench.due();
      expect((await bench.claim(9)).length).toBe(6);
    });

    it('is never exceeded in any window, loses nothing and forgets nobody, whatever comes', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 4 }),
          fc.array(
            fc.oneof(
              fc.record({ enqueue: fc.integer({ min: 1, max: 5 }) }),
              fc.record({ pass: fc.integer({ min: 1, max: 700 }) }),
              fc.record({ claim: fc.integer({ min: 1, max: 4 }), how: fc.constantFrom('complete', 'release', 'keep') }),
              fc.record({ cancel: fc.nat(20) }),
            ),
            { maxLength: 30 },
          ),
          async (perSecond, program) => {
            const bench = await fresh();
            await limit(bench, { rateLimit: { limit: perSecond, periodMs: 1_000 }, concurrency: 3 });
            const ids: string[] = [];
            const starts: number[] = [];
            const running: ClaimedJob[] = [];
            const claim = async (n: number): Promise<ClaimedJob[]> => {
              const jobs = await bench.claim(n);
              for (const _ of jobs) starts.push(bench.now);
              return [...jobs];
            };
            for (const step of program) {
              if ('enqueue' in step) for (let i = 0; i < step.enqueue; i++) ids.push(await bench.enqueue());
              if ('pass' in step) await bench.pass(step.pass);
              if ('cancel' in step && ids[step.cancel] !== undefined) await bench.cancel(ids[step.cancel] as string);
              if ('claim' in step) {
                for (const job of await claim(step.claim)) {
                  if (step.how === 'keep') running.push(job);
                  else await bench.settle(job, step.how === 'release' ? { status: 'released' } : undefined);
                }
              }
            }
            for (const job of running) await bench.settle(job);
            for (let i = 0; i <= ids.length; i++) {
              await bench.pass(1_000);
              for (const job of await claim(perSecond)) await bench.settle(job);
            }
            for (const [at, start] of starts.entries())
              expect(starts.filter((other, i) => i >= at && other < start + 1_000).length).toBeLessThanOrEqual(perSecond);
            for (const id of ids) expect(['completed', 'cancelled']).toContain(bench.status(id));
          },
        ),
        { numRuns: 25 },
      );
    });

    if (capabilities.shared) {
      it('two processes together do not exceed it, and it outlives a restart', async () => {
        const bench = await fresh();
        const other = await bench.another();
        const epoch = await bench.join(other);
        await limit(bench, { rateLimit: { limit: 3, periodMs: 1_000 } });
        for (let i = 0; i < 9; i++) await bench.enqueue({ name: `${i}` });
        const both = await Promise.all([bench.claim(9), bench.claim(9, { backend: other, epoch })]);
        expect(both.flat().length).toBe(3);
        await bench.reopen();
        expect(await bench.claim(9)).toEqual([]);
        await bench.pass(1_000);
        expect((await bench.claim(9)).length).toBe(3);
      });
    }
  });
}
