// The queue: order, delay, dependencies, expiry, cancel, redrive, clear, pause.
import { describe, expect, it } from 'vitest';
import { NO_RETRY } from '../../src/domain/retry-policy.ts';
import { type Bench, benches, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';

export function jobsQueueContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);
  const names = async (bench: Bench, limit = 100): Promise<(string | null)[]> => (await bench.claim(limit)).map((job) => job.name);

  describe('queue order', () => {
    it('gives higher priority first and is FIFO inside a priority', async () => {
      const bench = await fresh();
      for (const [name, priority] of [
        ['a', 50],
        ['b', 90],
        ['c', 50],
        ['d', 0],
        ['e', 90],
      ] as const)
        await bench.enqueue({ name, priority });
      expect(bench.backend.peekJob({ namespace: 'default', queue: 'default' })?.name).toBe('b');
      expect(await names(bench, 2)).toEqual(['b', 'e']);
      expect(await names(bench)).toEqual(['a', 'c', 'd']);
    });

    it('counts a minute of waiting as one point of priority', async () => {
      const bench = await fresh();
      await bench.enqueue({ name: 'old', priority: 50 });
      bench.now += 10 * 60_000;
      await bench.enqueue({ name: 'below', priority: 59 });
      await bench.enqueue({ name: 'above', priority: 61 });
      expect(await names(bench)).toEqual(['above', 'old', 'below']);
    });

    it('keeps a future job out until its time, then ranks it by that time', async () => {
      const bench = await fresh();
      const later = await bench.enqueue({ name: 'later', runAt: bench.now + 5_000 });
      expect(await names(bench)).toEqual([]);
      expect(bench.backend.getJob(later)).toMatchObject({ status: 'pending', runAt: bench.now + 5_000 });
      expect((await bench.due()).nextDueAt).toBe(bench.now + 5_000);
      await bench.pass(4_999);
      expect(await names(bench)).toEqual([]);
      await bench.pass(1);
      expect(bench.notices.at(-1)?.jobsReady).toBe(true);
      expect(await names(bench)).toEqual(['later']);
    });

    it('serves one queue, one namespace, and skips a paused queue until it is resumed', async () => {
      const bench = await fresh();
      await bench.enqueue({ name: 'a', queue: 'q1' });
      await bench.enqueue({ name: 'b', queue: 'q2' });
      await bench.enqueue({ name: 'c', namespace: 'other' });
      expect((await bench.claim(9, { queue: 'q2' })).map((job) => job.name)).toEqual(['b']);
      await bench.backend.updateQueue({ namespace: 'default', queue: 'q1', paused: true, from: 'control' });
      expect(await names(bench)).toEqual([]);
      await bench.backend.updateQueue({ namespace: 'default', queue: 'q1', paused: false, from: 'control' });
      expect(await names(bench)).toEqual(['a']);
      expect((await bench.claim(9, { namespace: 'other' })).map((job) => job.name)).toEqual(['c']);
    });
  });

  describe('retries', () => {
    it('retries with a delay, shows retry, then pending, then fails dead', async () => {
      const bench = await fresh();
      const retry = { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 2, maxIntervalMs: 9_000, jitter: 'none' as const, nonRetryable: [] };
      const id = await bench.enqueue({ retry });
      expect(await bench.settle(await bench.claimOne(), failed())).toEqual({ kind: 'settled', status: 'retry', runAt: bench.now + 1_000 });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'retry', attempt: 1, runAt: bench.now + 1_000, owner: null });
      expect(await bench.claim()).toEqual([]);
      await bench.pass(1_000);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending' });
      const again = await bench.claimOne();
      expect(again.attempt).toBe(2);
      expect(await bench.settle(again, failed())).toMatchObject({ status: 'failed' });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'failed', dead: true, attempt: 2, error: { code: 'handler_failed' } });
      expect(bench.backend.getJob(id)?.attempts.map((attempt) => attempt.attempt)).toEqual([1, 2]);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });
  });

  describe('dependencies', () => {
    it('waits for all needs, in a batch and across calls', async () => {
      const bench = await fresh();
      const a = bench.job({ name: 'a' });
      const b = bench.job({ name: 'b', dependsOn: [a.id] });
      const c = bench.job({ name: 'c', dependsOn: [a.id, b.id] });
      await bench.backend.enqueueJobs({ jobs: [a, b, c] });
      expect(await bench.work()).toEqual(['a', 'b', 'c']);
      await bench.enqueue({ name: 'late', dependsOn: [c.id] });
      expect(await names(bench)).toEqual(['late']);
    });

    it('cancels dependents of a failure, and theirs, unless they take any outcome', async () => {
      const bench = await fresh();
      const a = await bench.enqueue();
      const b = await bench.enqueue({ dependsOn: [a] });
      const c = await bench.enqueue({ dependsOn: [b] });
      const any = await bench.enqueue({ name: 'any', dependsOn: [a, b], when: 'all_done' });
      await bench.settle(await bench.claimOne(), failed());
      expect(bench.backend.getJob(b)).toMatchObject({ status: 'cancelled', error: { code: 'dependency_failed' } });
      expect(bench.status(c)).toBe('cancelled');
      expect(bench.status(any)).toBe('pending');
      expect(await names(bench)).toEqual(['any']);
      const late = await bench.enqueue({ dependsOn: [a] });
      expect(bench.backend.getJob(late)).toMatchObject({ status: 'cancelled', error: { code: 'dependency_failed' } });
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('tells more dependents than fit into one piece', async () => {
      const bench = await fresh();
      const root = await bench.enqueue({ name: 'root' });
      const jobs = Array.from({ length: 1_200 }, () => bench.job({ dependsOn: [root] }));
      await bench.backend.enqueueJobs({ jobs });
      await bench.settle(await bench.claimOne());
      for (let round = 0; round < 5; round++) await bench.due();
      expect((await bench.claim(2_000)).length).toBe(1_200);
    });

    it('cancels a wide and deep tree of dependents in pieces', async () => {
      const bench = await fresh();
      const root = await bench.enqueue();
      const middle = Array.from({ length: 600 }, () => bench.job({ dependsOn: [root] }));
      const leaves = middle.map((job) => bench.job({ dependsOn: [job.id] }));
      await bench.backend.enqueueJobs({ jobs: [...middle, ...leaves] });
      await bench.settle(await bench.claimOne(), failed());
      for (let round = 0; round < 10; round++) await bench.due();
      expect(new Set([...middle, ...leaves].map((job) => bench.status(job.id)))).toEqual(new Set(['cancelled']));
      expect(bench.backend.queueSize({ namespace: 'default', queue: 'default' })).toBe(0);
    });

    it('refuses an unknown need and one that comes later in the batch', async () => {
      const bench = await fresh();
      expect(await bench.backend.enqueueJobs({ jobs: [bench.job({ dependsOn: ['job_none'] })] })).toMatchObject({
        kind: 'conflict',
        error: { code: 'not_found', path: 'depends_on' },
      });
      const b = bench.job();
      const a = bench.job({ dependsOn: [b.id] });
      expect(await bench.backend.enqueueJobs({ jobs: [a, { ...b, dependsOn: [a.id] }] })).toMatchObject({ kind: 'conflict', error: { code: 'invalid_input' } });
      expect(bench.backend.queueSize({ namespace: 'default', queue: 'default' })).toBe(0);
    });

    it('waits for its needs and its time, whichever comes last', async () => {
      const bench = await fresh();
      const a = await bench.enqueue({ name: 'a' });
      await bench.enqueue({ name: 'b', dependsOn: [a], runAt: bench.now + 1_000 });
      await bench.pass(2_000);
      expect(await names(bench)).toEqual(['a']);
      await bench.settle({ jobId: a, token: 1 });
      expect(await names(bench)).toEqual(['b']);
      const c = await bench.enqueue({ name: 'c' });
      await bench.enqueue({ name: 'd', dependsOn: [c], runAt: bench.now + 1_000 });
      await bench.settle(await bench.claimOne());
      expect(await names(bench)).toEqual([]);
      await bench.pass(1_000);
      expect(await names(bench)).toEqual(['d']);
    });
  });

  describe('expiry', () => {
    it('fails what did not start in time, wherever it waits, and never starts it late', async () => {
      const bench = await fresh();
      const need = await bench.enqueue({ name: 'need', priority: 0 });
      const ready = await bench.enqueue({ expiresAt: bench.now + 1_000 });
      const future = await bench.enqueue({ expiresAt: bench.now + 1_000, runAt: bench.now + 5_000 });
      const waiting = await bench.enqueue({ expiresAt: bench.now + 1_000, dependsOn: [need] });
      bench.now += 1_000;
      expect(await names(bench)).toEqual(['need']);
      await bench.due();
      for (const id of [ready, future, waiting]) expect(bench.backend.getJob(id)).toMatchObject({ status: 'failed', error: { code: 'expired' } });
    });

    it('lets a started job finish past its expiry', async () => {
      const bench = await fresh();
      const id = await bench.enqueue({ expiresAt: bench.now + 1_000 });
      const job = await bench.claimOne();
      await bench.pass(2_000);
      expect(bench.status(id)).toBe('running');
      expect(await bench.settle(job)).toMatchObject({ status: 'completed' });
    });

    it('tries a started job again past its expiry, once and with its place in the session', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 1 });
      const retry = { ...NO_RETRY, maxAttempts: 3, initialIntervalMs: 2_000 };
      const id = await bench.enqueue({ sessionId, retry, expiresAt: bench.now + 1_000 });
      expect(await bench.settle(await bench.claimOne(), failed())).toMatchObject({ status: 'retry' });
      await bench.pass(5_000);
      const again = await bench.claimOne();
      expect([again.jobId, again.attempt]).toEqual([id, 2]);
      expect((await bench.due()).nextDueAt).toBeNull();
      await bench.settle(again);
      const next = await bench.enqueue({ sessionId });
      expect((await bench.claimOne()).jobId).toBe(next);
    });
  });

  describe('dependents of a step', () => {
    const waiters = async (bench: Bench, run: string): Promise<{ ok: string; any: string }> => {
      const need = bench.backend.getStep({ executionId: run, stepId: 'a' })?.jobId as string;
      return { ok: await bench.enqueue({ name: 'ok', dependsOn: [need] }), any: await bench.enqueue({ name: 'any', dependsOn: [need], when: 'all_done' }) };
    };
    const steps = [{ id: 'a', task: 'x', retry: { maxAttempts: 1 } }];

    it('start when the job of the step completes', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps }));
      const { ok, any } = await waiters(bench, run);
      await bench.settle(await bench.claimOne());
      expect((await bench.claim(9)).map((job) => job.jobId)).toEqual([ok, any]);
    });

    it('are refused, or start, when it fails', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps }));
      const { ok, any } = await waiters(bench, run);
      await bench.settle(await bench.claimOne(), failed());
      expect(bench.backend.getJob(ok)).toMatchObject({ status: 'cancelled', error: { code: 'dependency_failed' } });
      expect((await bench.claim(9)).map((job) => job.jobId)).toEqual([any]);
    });

    it.each([['pending'], ['running'], ['forced']])('are told when the job is cancelled with its run (%s)', async (state) => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps }));
      const { ok, any } = await waiters(bench, run);
      const job = state === 'pending' ? null : await bench.claimOne();
      await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      if (state === 'running') await bench.settle(job as never, failed('cancelled'));
      if (state === 'forced') await bench.pass(60_000);
      expect(bench.status(run)).toBe('cancelled');
      expect(bench.backend.getJob(ok)).toMatchObject({ status: 'cancelled', error: { code: 'dependency_failed' } });
      expect((await bench.claim(9)).map((next) => next.jobId)).toEqual([any]);
    });
  });

  describe('cancel', () => {
    it('ends a waiting job at once and answers what it found', async () => {
      const bench = await fresh();
      const id = await bench.enqueue();
      expect(await bench.cancel(id)).toEqual({ kind: 'cancelled', status: 'cancelled' });
      expect(await bench.cancel(id)).toEqual({ kind: 'already_ended', status: 'cancelled' });
      expect(await bench.cancel('job_none')).toEqual({ kind: 'not_found', status: null });
      expect(await bench.claim()).toEqual([]);
    });

    it('asks a running job to stop, and ends it after the grace period', async () => {
      const bench = await fresh();
      const id = await bench.enqueue();
      const job = await bench.claimOne();
      expect(await bench.cancel(id)).toEqual({ kind: 'requested', status: 'running' });
      expect(bench.notices.at(-1)?.stopJobs).toEqual([{ jobId: id, forced: false }]);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'running', cancelRequested: true });
      await bench.pass(10_000);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'cancelled', owner: null });
      expect(await bench.settle(job)).toEqual({ kind: 'lease_lost' });
    });

    it('keeps a result that came before the stop, and counts a failure as cancelled', async () => {
      const bench = await fresh();
      const one = await bench.enqueue();
      const two = await bench.enqueue();
      const [first, second] = await bench.claim(2);
      await bench.cancel(one);
      await bench.cancel(two);
      expect(await bench.settle(first as never, completed(7))).toMatchObject({ status: 'completed' });
      expect(await bench.settle(second as never, failed())).toMatchObject({ status: 'cancelled' });
      await bench.pass(60_000);
      expect(bench.backend.getJob(one)).toMatchObject({ status: 'completed', result: 7 });
    });
  });

  describe('redrive and clear', () => {
    it('starts a failed or cancelled job anew on the same id', async () => {
      const bench = await fresh();
      const id = await bench.enqueue();
      const job = await bench.claimOne();
      await bench.settle(job, failed());
      expect(await bench.backend.redriveJob({ jobId: id })).toEqual({ kind: 'redriven', status: 'pending' });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending', attempt: 0, dead: false, error: null, completedAt: null });
      const again = await bench.claimOne();
      expect(again).toMatchObject({ jobId: id, attempt: 1, token: job.token + 1 });
      expect(await bench.settle(job)).toEqual({ kind: 'lease_lost' });
      await bench.settle(again);
      expect(await bench.backend.redriveJob({ jobId: id })).toEqual({ kind: 'refused', status: 'completed' });
      expect(await bench.backend.redriveJob({ jobId: 'job_none' })).toEqual({ kind: 'not_found', status: null });
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('a redriven job has nothing more to do with what it depended on', async () => {
      const bench = await fresh();
      const bad = await bench.enqueue({ priority: 90 });
      const slow = await bench.enqueue();
      const id = await bench.enqueue({ name: 'redriven', dependsOn: [bad, slow] });
      await bench.settle(await bench.claimOne(), failed());
      expect(bench.status(id)).toBe('cancelled');
      await bench.backend.redriveJob({ jobId: id });
      const jobs = await bench.claim(5);
      expect(jobs.map((job) => job.jobId).sort()).toEqual([slow, id].sort());
      await bench.settle(jobs.find((job) => job.jobId === slow) as never, failed());
      expect(bench.status(id)).toBe('running');
    });

    it('clears what waits in a queue and leaves the rest', async () => {
      const bench = await fresh();
      const running = await bench.enqueue({ name: 'r' });
      await bench.claimOne();
      const need = await bench.enqueue({ queue: 'other' });
      await bench.enqueue();
      await bench.enqueue({ runAt: bench.now + 5_000 });
      await bench.enqueue({ dependsOn: [need] });
      let cleared = 0;
      for (let last = 1; last > 0; cleared += last) last = await bench.backend.clearQueue({ namespace: 'default', queue: 'default', limit: 500 });
      expect(cleared).toBe(3);
      expect(bench.status(running)).toBe('running');
      expect(bench.status(need)).toBe('pending');
      expect(bench.backend.queueSize({ namespace: 'default', queue: 'default' })).toBe(0);
      expect(await bench.backend.clearQueue({ namespace: 'default', queue: 'nowhere', limit: 5 })).toBe(0);
    });
  });
}
