// Dedupe keys: what a further job with the key of an earlier one does, alone and in batches, and when a key is forgotten.
import { describe, expect, it } from 'vitest';
import type { Dedupe } from '../../src/domain/dedupe.ts';
import { type Bench, benches, type Capabilities, completed, failed, type MakeBackend, receipt } from './harness.ts';

export function queueDedupeContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);
  const by = (mode: Dedupe['mode'], more: Partial<Dedupe> = {}): { dedupe: Dedupe } => ({
    dedupe: { key: 'k', mode, windowMs: 0, delayMs: 0, maxWaitMs: null, ...more },
  });
  const debounced = (bench: Bench, delayMs: number, more: Partial<Dedupe> = {}): { dedupe: Dedupe; runAt: number } => ({
    ...by('debounce', { delayMs, ...more }),
    runAt: bench.now + delayMs,
  });
  const retry = { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 1, maxIntervalMs: 1_000, jitter: 'none' as const, nonRetryable: [] };
  const names = async (bench: Bench): Promise<(string | null)[]> => (await bench.claim(9)).map((job) => job.name);

  describe('dedupe', () => {
    it('reject: names the job that has the key, while it waits, runs and retries, and for the window after its end', async () => {
      const bench = await fresh();
      const id = await bench.enqueue(by('reject', { windowMs: 1_000 }));
      const again = (): Promise<unknown> => bench.backend.enqueueJobs({ jobs: [bench.job(by('reject', { windowMs: 1_000 }))] });
      const taken = (status: string): object => ({ kind: 'conflict', error: { code: 'conflict', path: 'dedupe', details: { job_id: id, status } } });
      expect(await again()).toMatchObject(taken('pending'));
      const job = await bench.claimOne();
      expect(await again()).toMatchObject(taken('running'));
      await bench.settle(job);
      expect(await again()).toMatchObject(taken('completed'));
      await bench.enqueue({ ...by('reject'), queue: 'other' });
      await bench.enqueue({ ...by('reject'), namespace: 'other' });
      await bench.pass(1_000);
      expect(await again()).toMatchObject({ kind: 'enqueued', deduplicated: [] });
    });

    it('return_existing: gives the earlier job, also for a batch with the key twice; who depends on it depends on that one', async () => {
      const bench = await fresh();
      const id = await bench.enqueue({ name: 'first', ...by('return_existing') });
      const [a, b] = [bench.job(by('return_existing')), bench.job(by('return_existing', { key: 'new' }))];
      const c = bench.job(by('return_existing', { key: 'new' }));
      const d = bench.job({ name: 'after', dependsOn: [a.id, c.id] });
      expect(await bench.backend.enqueueJobs({ jobs: [a, b, c, d] })).toEqual({
        kind: 'enqueued',
        jobIds: [id, b.id, b.id, d.id],
        deduplicated: [id],
        replayed: false,
      });
      expect(bench.backend.getJob(d.id)?.dependsOn).toEqual([id, b.id]);
      expect(bench.backend.queueSize({ namespace: 'default', queue: 'default' })).toBe(3);
      await bench.work();
      expect(bench.status(d.id)).toBe('completed');
    });

    it('replace: the waiting job does what the newest asked for; one that runs is followed by one more, which is then replaced', async () => {
      const bench = await fresh();
      const first = await bench.enqueue({ name: 'a', payload: 1, priority: 10, ...by('replace') });
      await bench.enqueue({ name: 'between', priority: 50 });
      expect(await bench.enqueue({ name: 'b', payload: 2, priority: 90, ...by('replace') })).toBe(first);
      expect(bench.backend.getJob(first)).toMatchObject({ name: 'b', payload: 2, priority: 90 });
      const running = await bench.claimOne();
      expect(running).toMatchObject({ jobId: first, payload: 2 });
      const second = await bench.enqueue({ name: 'c', payload: 3, ...by('replace') });
      expect(second).not.toBe(first);
      expect(await bench.enqueue({ name: 'd', payload: 4, ...by('replace') })).toBe(second);
      expect(await names(bench)).toEqual(['between']);
      await bench.settle(running, failed());
      expect(await names(bench)).toEqual(['d']);
    });

    it('replace: a retrying job keeps its moment and has all its attempts again', async () => {
      const bench = await fresh();
      const id = await bench.enqueue({ name: 'a', retry, ...by('replace') });
      await bench.settle(await bench.claimOne(), failed());
      expect(await bench.enqueue({ name: 'b', retry, ...by('replace') })).toBe(id);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending', name: 'b', runAt: bench.now + 1_000, attempt: 0, attempts: [], error: null });
      await bench.pass(1_000);
      const job = await bench.claimOne();
      expect(job).toMatchObject({ name: 'b', attempt: 1 });
      await bench.settle(job, failed());
      expect(bench.status(id)).toBe('retry');
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('replace: takes over every field that a job can bring', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 1 });
      const id = await bench.enqueue({ runAt: bench.now + 1_000, ...by('replace') });
      const brought = {
        payload: 2,
        runAt: bench.now + 5_000,
        timeoutMs: 5,
        expiresAt: bench.now + 9_000,
        retry,
        concurrency: { key: 'q', limit: 1 },
        rate: { key: 'r', limit: 1, periodMs: 5 },
        sessionId,
        requires: ['gpu'],
      };
      expect(await bench.enqueue({ ...brought, ...by('replace') })).toBe(id);
      expect(bench.backend.getJob(id)).toMatchObject(brought);
      await bench.pass(5_000);
      expect((await bench.claim(1, { capabilities: ['gpu'] })).map((job) => job.jobId)).toEqual([id]);
    });

    it('replace: a ready job that gets another key waits for it and gives back what it held; it expires when the new one would', async () => {
      const bench = await fresh();
      await bench.enqueue({ name: 'holder', concurrency: { key: 'new', limit: 1 } });
      const holder = await bench.claimOne();
      const id = await bench.enqueue({ name: 'a', concurrency: { key: 'old', limit: 1 }, ...by('replace') });
      await bench.enqueue({ name: 'next', concurrency: { key: 'old', limit: 1 } });
      await bench.enqueue({ name: 'b', expiresAt: bench.now + 500, concurrency: { key: 'new', limit: 1 }, ...by('replace') });
      expect(await names(bench)).toEqual(['next']);
      await bench.pass(500);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'failed', error: { code: 'expired' } });
      await bench.settle(holder);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('a redriven job takes its key back; while another job has it, it stays where it is', async () => {
      const bench = await fresh();
      const first = await bench.enqueue(by('reject'));
      await bench.settle(await bench.claimOne(), failed('x', false));
      const second = await bench.enqueue(by('reject'));
      expect(await bench.backend.redriveJob({ jobId: first })).toEqual({ kind: 'taken', status: 'failed', by: second });
      await bench.settle(await bench.claimOne(), failed('x', false));
      expect(await bench.backend.redriveJob({ jobId: first })).toMatchObject({ kind: 'redriven' });
      expect(await bench.backend.enqueueJobs({ jobs: [bench.job(by('reject'))] })).toMatchObject({ kind: 'conflict', error: { details: { job_id: first } } });
      expect(await bench.backend.redriveJob({ jobId: second })).toMatchObject({ kind: 'taken', by: first });
    });

    it('replace: another task cannot take its place', async () => {
      const bench = await fresh();
      const id = await bench.enqueue(by('replace'));
      const result = await bench.backend.enqueueJobs({ jobs: [bench.job({ task: 'different', ...by('replace') })] });
      expect(result).toMatchObject({ kind: 'conflict', error: { code: 'conflict', details: { job_id: id } } });
    });

    it('debounce: starts after nobody called for the delay, at the latest after max_wait', async () => {
      const bench = await fresh();
      const id = await bench.enqueue({ name: '0', ...debounced(bench, 1_000, { maxWaitMs: 2_500 }) });
      for (let i = 1; i <= 3; i++) {
        await bench.pass(600);
        expect(await bench.enqueue({ name: `${i}`, ...debounced(bench, 1_000, { maxWaitMs: 2_500 }) })).toBe(id);
      }
      expect(bench.backend.getJob(id)?.runAt).toBe(bench.now + 700);
      await bench.pass(699);
      expect(await names(bench)).toEqual([]);
      await bench.pass(1);
      expect(await names(bench)).toEqual(['3']);
    });

    it('debounce: a job that is ready, or stands at a gate, is put off and gives back what it held', async () => {
      const bench = await fresh();
      const concurrency = { key: 'one', limit: 1 };
      const id = await bench.enqueue({ name: 'a', concurrency, ...debounced(bench, 1_000) });
      await bench.pass(1_000);
      await bench.enqueue({ name: 'other', concurrency });
      await bench.enqueue({ name: 'b', concurrency, ...debounced(bench, 500) });
      const other = await bench.claimOne();
      expect(other.name).toBe('other');
      await bench.pass(500);
      expect(bench.backend.getJob(id)?.gate).not.toBeNull();
      await bench.enqueue({ name: 'c', concurrency, ...debounced(bench, 500) });
      expect(bench.backend.getJob(id)).toMatchObject({ gate: null, runAt: bench.now + 500 });
      await bench.settle(other);
      expect(await names(bench)).toEqual([]);
      await bench.pass(500);
      expect(await names(bench)).toEqual(['c']);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('a batch with a key that is taken is refused whole, and says by which job; nothing of it is stored', async () => {
      const bench = await fresh();
      await bench.enqueue(by('reject'));
      const jobs = [bench.job(), bench.job(by('replace', { key: 'new' })), bench.job(by('reject'))];
      expect(await bench.backend.enqueueJobs({ jobs })).toMatchObject({ kind: 'conflict', jobId: jobs[2]?.id });
      const twice = [bench.job(by('reject', { key: 'x' })), bench.job(by('reject', { key: 'x' }))];
      expect(await bench.backend.enqueueJobs({ jobs: twice })).toMatchObject({ kind: 'conflict', jobId: twice[1]?.id });
      expect(bench.backend.queueSize({ namespace: 'default', queue: 'default' })).toBe(1);
    });

    it('a receipt gives the same answer again, whatever became of the key', async () => {
      const bench = await fresh();
      const id = await bench.enqueue(by('return_existing'));
      const call = (): Promise<unknown> => bench.backend.enqueueJobs({ jobs: [bench.job(by('return_existing'))], receipt: receipt('r') });
      expect(await call()).toEqual({ kind: 'enqueued', jobIds: [id], deduplicated: [id], replayed: false });
      await bench.settle(await bench.claimOne(), completed());
      expect(await call()).toEqual({ kind: 'enqueued', jobIds: [id], deduplicated: [id], replayed: true });
      expect(await bench.enqueue(by('return_existing'))).not.toBe(id);
    });

    it('a key goes with its job', async () => {
      const bench = await fresh();
      await bench.enqueue(by('return_existing', { windowMs: 10 * 86_400_000 }));
      await bench.settle(await bench.claimOne());
      await bench.pass(5 * 86_400_000);
      await bench.backend.retain({ olderThan: bench.now - 86_400_000, keepExecutions: 100, limit: 100 });
      const job = bench.job(by('return_existing', { windowMs: 10 * 86_400_000 }));
      expect(await bench.backend.enqueueJobs({ jobs: [job] })).toMatchObject({ jobIds: [job.id], deduplicated: [] });
    });
  });
}
