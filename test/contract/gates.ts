// Gates and lanes: who may run at once, and who can run a job at all.
import { describe, expect, it } from 'vitest';
import { confine } from '../../src/orchestration/confined-backend.ts';
import { type Bench, benches, type Capabilities, failed, type MakeBackend } from './harness.ts';

const one = { id: 'a', task: 'x' };

export function gatesContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('maxParallel and session limits', () => {
    it('never has more jobs of a run ready than maxParallel; each end admits the next', async () => {
      const bench = await fresh();
      const flow = await bench.define({ maxParallel: 2, steps: ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, task: 'x' })) });
      const run = await bench.start(flow);
      let jobs = [...(await bench.claim(9))];
      expect(jobs.length).toBe(2);
      expect(await bench.claim(9)).toEqual([]);
      const waiting = bench.backend.listJobs({ filter: { executionId: run }, limit: 9, cursor: null }).items.find((job) => job.gate !== null);
      expect(bench.backend.gateHolders({ gate: waiting?.gate as string, limit: 9 })).toEqual({ limit: 2, used: 2, holders: jobs.map((job) => job.jobId) });
      for (let ran = 0; jobs.length > 0; ran++) {
        await bench.settle(jobs.shift() as never);
        const next = await bench.claim(9);
        expect(next.length).toBe(ran < 3 ? 1 : 0);
        jobs = [...jobs, ...next];
      }
      expect(bench.status(run)).toBe('completed');
    });

    it('bounds the jobs of a session, of a run or not; a retrying one holds no place', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 2 });
      for (let i = 0; i < 3; i++)
        await bench.enqueue({
          sessionId,
          retry: { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 1, maxIntervalMs: 1_000, jitter: 'none', nonRetryable: [] },
        });
      await bench.start(await bench.define({ steps: [one] }), { sessionId });
      const first = await bench.claim(9);
      expect(first.length).toBe(2);
      await bench.settle(first[0] as never, failed());
      expect((await bench.claim(9)).length).toBe(1);
      await bench.pass(1_000);
      expect(await bench.claim(9)).toEqual([]);
      await bench.backend.updateSession({ id: sessionId, change: (session) => ({ ...session, maxParallelTasks: null }) });
      expect((await bench.claim(9)).length).toBe(2);
    });

    it('a lower limit acts on the work that waits', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 3 });
      for (let i = 0; i < 6; i++) await bench.enqueue({ sessionId });
      const jobs = await bench.claim(9);
      expect(jobs.length).toBe(3);
      await bench.backend.updateSession({ id: sessionId, change: (session) => ({ ...session, maxParallelTasks: 1 }) });
      await bench.settle(jobs[0] as never);
      await bench.settle(jobs[1] as never);
      expect(await bench.claim(9)).toEqual([]);
      await bench.settle(jobs[2] as never);
      expect((await bench.claim(9)).length).toBe(1);
    });

    it('bounds the runs of a session; a waiting one is admitted when one ends, or gone when cancelled', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelWorkflows: 1 });
      const flow = await bench.define({ steps: [one] });
      const runs = [await bench.start(flow, { sessionId }), await bench.start(flow, { sessionId }), await bench.start(flow, { sessionId })];
      expect(runs.map((run) => bench.status(run))).toEqual(['running', 'pending', 'pending']);
      await bench.send(runs[1] as string, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(bench.backend.getExecution(runs[1] as string)).toMatchObject({ status: 'cancelled', gate: null });
      await bench.settle(await bench.claimOne());
      await bench.drain();
      expect(runs.map((run) => bench.status(run))).toEqual(['completed', 'cancelled', 'running']);
      await bench.work();
      expect(bench.status(runs[2] as string)).toBe('completed');
    });

    it('fails a job at its deadline while it waits at a gate, and gives the place to no one twice', async () => {
      const bench = await fresh();
      const flow = await bench.define({ maxParallel: 1, steps: [one, { id: 'b', task: 'x', deadline: 1_000 }, { id: 'c', task: 'x' }] });
      const run = await bench.start(flow);
      const job = await bench.claimOne();
      await bench.pass(1_000);
      expect(bench.backend.getStep({ executionId: run, stepId: 'b' })).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
      expect(await bench.claim(9)).toEqual([]);
      await bench.settle(job);
      expect((await bench.claim(9)).length).toBe(1);
    });
  });

  describe('concurrency keys', () => {
    const keyed = (
      key: string,
      onLimit: 'queue' | 'skip' | 'cancel_in_progress' | 'cancel_newest',
      limit = 1,
    ): Pick<Parameters<Bench['start']>[1] & object, 'concurrency'> => ({ concurrency: { key, limit, onLimit } });

    it('queue: one after the other, by priority, then in order', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [one] });
      const a = await bench.start(flow, keyed('k', 'queue'));
      const b = await bench.start(flow, keyed('k', 'queue'));
      const c = await bench.start(flow, { ...keyed('k', 'queue'), priority: 90 });
      const other = await bench.start(flow, keyed('other', 'queue'));
      expect([a, b, c, other].map((run) => bench.status(run))).toEqual(['running', 'pending', 'pending', 'running']);
      const gate = bench.backend.getExecution(b)?.gate as string;
      expect(bench.backend.gateHolders({ gate, limit: 9 })).toEqual({ limit: 1, used: 1, holders: [a] });
      await bench.settle(await bench.claimOne());
      await bench.drain();
      expect([a, b, c].map((run) => bench.status(run))).toEqual(['completed', 'pending', 'running']);
      await bench.work();
      expect(bench.status(b)).toBe('completed');
    });

    it('finds the open runs of a key, oldest first, of one workflow in one namespace', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [one] });
      const [a, b] = [await bench.start(flow, keyed('k', 'queue')), await bench.start(flow, keyed('k', 'queue'))];
      const workflow = bench.backend.getExecution(a)?.workflow as string;
      const open = (more: object = {}, backend = bench.backend): readonly string[] =>
        backend.openRunsOfKey({ namespace: 'default', workflow, key: 'k', limit: 9, ...more });
      expect([open(), open({ limit: 1 })]).toEqual([[a, b], [a]]);
      for (const other of [{ key: 'x' }, { workflow: 'x' }, { namespace: 'x' }]) expect(open(other)).toEqual([]);
      expect([open({}, confine(bench.backend, 'acme')), open({ namespace: 'x' }, confine(bench.backend, 'default'))]).toEqual([[], [a, b]]);
      await bench.settle(await bench.claimOne());
      await bench.drain();
      expect(open()).toEqual([b]);
    });

    it('skip: the newcomer ends cancelled with code concurrency', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [one] });
      const a = await bench.start(flow, keyed('k', 'skip'));
      const b = await bench.start(flow, keyed('k', 'skip'));
      expect(bench.backend.getExecution(b)).toMatchObject({ status: 'cancelled', error: { code: 'concurrency' } });
      await bench.work();
      expect(bench.status(a)).toBe('completed');
      expect(bench.status(await bench.start(flow, keyed('k', 'skip')))).toBe('running');
    });

    it('cancel_in_progress: the holder is stopped and the newcomer takes over', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [one] });
      const a = await bench.start(flow, keyed('k', 'cancel_in_progress'));
      const b = await bench.start(flow, keyed('k', 'cancel_in_progress'));
      await bench.drain();
      expect([a, b].map((run) => bench.status(run))).toEqual(['cancelled', 'running']);
    });

    it('cancel_newest: one waits, each further one ends, also when they start in one commit', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [one] });
      const runs = await Promise.all([1, 2, 3].map(() => bench.start(flow, keyed('k', 'cancel_newest'))));
      expect(runs.map((run) => bench.status(run))).toEqual(['running', 'pending', 'cancelled']);
    });

    it('a run that waits for its key still ends at its timeout', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [one], timeout: 1_000 });
      await bench.start(await bench.define({ name: flow.workflow, steps: [one] }), keyed('k', 'queue'));
      const b = await bench.start(flow, keyed('k', 'queue'));
      await bench.pass(1_000);
      expect(bench.backend.getExecution(b)).toMatchObject({ status: 'failed', error: { code: 'timeout' }, gate: null });
    });

    it('a child re-enters the key of its ancestor; another run of it waits', async () => {
      const bench = await fresh();
      await bench.define({ name: 'child', concurrency: { key: 'c', limit: 1 }, steps: [one] });
      const parent = await bench.define({ steps: [{ id: 'r', task: 'workflow.run', with: { workflow: 'child' }, forEach: '${{ [1, 2] }}' }] });
      const run = await bench.start(parent);
      await bench.drain();
      const children = bench.backend.childrenOf({ executionId: run, limit: 9 });
      expect(children.map((child) => child.status)).toEqual(['running', 'pending']);
      await bench.work();
      expect(bench.status(run)).toBe('completed');
      await bench.define({
        name: 'selfish',
        concurrency: { key: 'own', limit: 1 },
        steps: [{ id: 'again', task: 'workflow.run', if: '${{ !has(input.deep) }}', with: { workflow: 'selfish', input: { deep: true } } }, one],
      });
      const found = bench.backend.findDefinition({ namespace: 'default', name: 'selfish' });
      const outer = await bench.start({ workflow: 'selfish', version: 1, hash: found?.hash as string }, keyed('own', 'queue'));
      await bench.work();
      expect(bench.status(outer)).toBe('completed');
    });

    it('a child with onLimit skip ends cancelled like any other run', async () => {
      const bench = await fresh();
      await bench.define({ name: 'child', concurrency: { key: 'c', limit: 1, onLimit: 'skip' }, steps: [one] });
      const run = await bench.start(
        await bench.define({ steps: [{ id: 'r', task: 'workflow.run', with: { workflow: 'child' }, forEach: '${{ [1, 2] }}', tolerateFailures: 1 }] }),
      );
      await bench.work();
      expect(bench.backend.childrenOf({ executionId: run, limit: 9 }).map((child) => child.status)).toEqual(['completed', 'cancelled']);
      expect(bench.status(run)).toBe('completed');
    });
  });

  describe('lanes', () => {
    it('gives a job only to a worker that offers all it requires, best rank first over all lanes', async () => {
      const bench = await fresh();
      await bench.enqueue({ name: 'both', requires: ['gpu', 'shell'], priority: 90 });
      await bench.enqueue({ name: 'gpu', requires: ['gpu'], priority: 80 });
      await bench.enqueue({ name: 'none', priority: 10 });
      await bench.enqueue({ name: 'twice', requires: ['shell', 'gpu', 'gpu'], priority: 95 });
      const take = async (...capabilities: string[]): Promise<unknown> => (await bench.claim(1, { capabilities }))[0]?.name;
      expect(await take('gpu')).toBe('gpu');
      expect(await take('gpu')).toBe('none');
      expect(await take('gpu')).toBeUndefined();
      expect(await take('other', 'shell', 'gpu')).toBe('twice');
      expect(await take('shell', 'gpu')).toBe('both');
    });
  });
}
