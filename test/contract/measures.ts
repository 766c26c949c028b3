// What a scrape reads: counts as they are after each kind of work, confined to a namespace, bounded in names; and a trace that stays with work.
import { describe, expect, it } from 'vitest';
import { confine } from '../../src/orchestration/confined-backend.ts';
import { agentJob, claimAs, LEASE } from './agents.ts';
import { benches, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';
import { addSchedule, MINUTE, passTo, START } from './schedule-bench.ts';

const LIMITS = { namespaces: 10, queues: 10, tasks: 10 };
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

export function measuresContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('measures', () => {
    it('count jobs by status, attempts by outcome, and their durations', async () => {
      const bench = await fresh();
      const retry = { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 1, maxIntervalMs: 1_000, jitter: 'none' as const, nonRetryable: [] };
      await bench.enqueue({ retry });
      bench.now += 40;
      const job = await bench.claimOne();
      bench.now += 500;
      await bench.settle(job, failed());
      await bench.pass(1_000);
      const again = await bench.claimOne();
      bench.now += 500;
      await bench.settle(again);
      await bench.enqueue({ queue: 'mail', task: 'send' });
      bench.now += 7_000;
      const { jobs, attempts, queues } = bench.backend.measures({ limits: LIMITS });
      const named = { namespace: 'default', queue: 'default', task: 'noop' };
      expect(jobs.filter(({ count }) => count > 0)).toEqual([
        { ...named, status: 'completed', count: 1 },
        { namespace: 'default', queue: 'mail', task: 'send', status: 'pending', count: 1 },
      ]);
      expect(attempts).toMatchObject([{ ...named, completed: 1, failed: 0, retries: 1, runs: { sumMs: 1_000 }, waits: { sumMs: 40 } }]);
      expect(attempts[0]?.runs.buckets.reduce((sum, [, count]) => sum + count, 0)).toBe(2);
      expect(queues).toEqual([
        { namespace: 'default', queue: 'default', paused: 0, oldestReadyAt: null },
        { namespace: 'default', queue: 'mail', paused: 0, oldestReadyAt: bench.now - 7_000 },
      ]);
    });

    it('count executions, and steps that wait for an approval', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Go?' } }] });
      const [run] = [await bench.start(flow), await bench.start(flow)];
      await bench.drain();
      const counts = (): unknown => {
        const { executions, approvals } = bench.backend.measures({ limits: LIMITS });
        return { approvals, executions: executions.filter(({ count }) => count > 0) };
      };
      expect(counts()).toEqual({
        approvals: [{ namespace: 'default', count: 2 }],
        executions: [{ namespace: 'default', status: 'waiting', count: 2 }],
      });
      await bench.send(run as string, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(counts()).toMatchObject({ approvals: [{ namespace: 'default', count: 1 }] });
    });

    it('count leases of worker agents, and those that ran out', async () => {
      const bench = await fresh();
      for (let i = 0; i < 2; i++) await agentJob(bench);
      await claimAs(bench, 'w', { limit: 2 });
      expect(bench.backend.measures({ limits: LIMITS }).workers).toEqual([{ namespace: 'default', online: 1, held: 2, expired: 0 }]);
      await bench.pass(LEASE);
      expect(bench.backend.measures({ limits: LIMITS }).workers).toEqual([{ namespace: 'default', online: 0, held: 0, expired: 2 }]);
    });

    it('count what became of planned times, with how late their runs began, and keep the counts when the ledger is forgotten', async () => {
      const bench = await fresh();
      await addSchedule(bench, { catchup: { mode: 'one', windowMs: MINUTE, cap: 100 } });
      await passTo(bench, START + MINUTE + 700);
      await passTo(bench, START + 30 * MINUTE + 100);
      const read = (): unknown => {
        const { occurrences, lateness } = bench.backend.measures({ limits: LIMITS });
        const counts = Object.fromEntries(occurrences.map(({ status, count }) => [status, count]));
        return { counts, lateness: lateness.map(({ buckets, sumMs }) => [buckets.reduce((sum, [, count]) => sum + count, 0), sumMs]) };
      };
      const all = read() as { readonly counts: Record<string, number>; readonly lateness: number[][] };
      expect(Object.values(all.counts).reduce((sum, count) => sum + count, 0)).toBe(30);
      expect(all.counts).toMatchObject({ fired: expect.any(Number), missed: expect.any(Number) });
      expect(all.lateness[0]?.[1]).toBeGreaterThanOrEqual(800);
      await bench.work();
      bench.now += 400 * 86_400_000;
      await bench.backend.retain({ olderThan: bench.now - MINUTE, keepExecutions: 1, limit: 500 });
      expect(read()).toEqual(all);
    });

    it('sum up under null what is beyond the limits, and keep the names of the oldest', async () => {
      const bench = await fresh();
      for (const name of ['a', 'b', 'c', 'd']) await bench.enqueue({ queue: name, task: `t-${name}` });
      const { jobs, queues } = bench.backend.measures({ limits: { ...LIMITS, queues: 2, tasks: 1 } });
      expect(jobs.map(({ queue, task, count }) => [queue, task, count])).toEqual([
        ['a', 't-a', 1],
        ['b', null, 1],
        [null, null, 2],
      ]);
      expect(queues.map(({ queue }) => queue)).toEqual(['a', 'b', null]);
      await bench.enqueue({ queue: '0-newest' });
      expect(bench.backend.measures({ limits: { ...LIMITS, queues: 2 } }).queues.map(({ queue }) => queue)).toEqual(['a', 'b', null]);
    });

    it('show one namespace nothing of another', async () => {
      const bench = await fresh();
      await bench.enqueue();
      await bench.enqueue({ namespace: 'acme', queue: 'secret', task: 'theirs' });
      const { jobs, queues, executions, processes } = confine(bench.backend, 'acme').measures({ limits: LIMITS });
      expect([jobs, queues].flat().map(({ namespace, queue }) => [namespace, queue])).toEqual([
        ['acme', 'secret'],
        ['acme', 'secret'],
      ]);
      expect([executions, processes]).toEqual([[], []]);
      expect(confine(bench.backend, 'nobody').measures({ limits: LIMITS }).jobs).toEqual([]);
      expect(() => confine(bench.backend, 'acme').measures({ namespace: 'default', limits: LIMITS })).toThrow(/another one/);
      expect(bench.backend.measures({ limits: LIMITS }).processes).toEqual([{ namespace: 'default', role: 'worker', count: 1 }]);
    });
  });

  describe('the writer', () => {
    it('counts commits by their operations, and is without fault while it can write', async () => {
      const bench = await fresh();
      const sum = (counts: readonly number[]): number => counts.reduce((so, count) => so + count, 0);
      const before = bench.backend.writerState();
      const [commits, operations] = [sum(before.batches.counts), before.batches.sum];
      await Promise.all(Array.from({ length: 7 }, () => bench.enqueue()));
      const { batches, latencyMs, fault } = bench.backend.writerState();
      expect(fault).toBeNull();
      expect(batches.sum - operations).toBe(7);
      expect(sum(batches.counts) - commits).toBeLessThan(7);
      expect(sum(latencyMs.counts)).toBe(sum(batches.counts));
      expect(latencyMs.sum).toBeGreaterThan(0);
    });
  });

  describe('the trace that work was asked for in', () => {
    it('comes with the claim of a job, in another process too', async () => {
      const bench = await fresh();
      await bench.enqueue({ trace: TRACE });
      if (capabilities.shared) await bench.reopen();
      expect((await bench.claimOne()).trace).toBe(TRACE);
      await bench.enqueue();
      expect((await bench.claimOne()).trace).toBeNull();
    });

    it('comes with the claim of every step, those of a child workflow too', async () => {
      const bench = await fresh();
      await bench.define({ name: 'kid', steps: [{ id: 'inner', task: 'x' }] });
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'b', task: 'workflow.run', needs: ['a'], with: { workflow: 'kid' } },
        ],
      });
      await bench.start(flow, { trace: TRACE });
      const seen: (readonly [string, string | null])[] = [];
      const work = (): Promise<string[]> =>
        bench.work((job) => {
          seen.push([bench.nameOf(job), job.trace]);
          return completed();
        });
      if (capabilities.shared) await bench.reopen();
      await work();
      expect(seen).toEqual([
        ['a', TRACE],
        ['inner', TRACE],
      ]);
    });
  });
}
