// Definitions, and executions through the central verb: start, update, steps, outputs, children, forks, retry.
import { describe, expect, it } from 'vitest';
import type { ItemRun } from '../../src/domain/transition.ts';
import { benches, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';

export function executionsContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('definitions', () => {
    it('keeps immutable versions: the same again is no new one, a change is the next', async () => {
      const bench = await fresh();
      const raw = { name: 'f', steps: [{ id: 'a', task: 'x' }] };
      const one = await bench.define(raw);
      expect(await bench.define(raw)).toEqual(one);
      const two = await bench.define({ name: 'f', steps: [{ id: 'a', task: 'y' }] });
      expect(two.version).toBe(2);
      expect(bench.backend.findDefinition({ namespace: 'default', name: 'f' })?.hash).toBe(two.hash);
      expect(bench.backend.findDefinition({ namespace: 'default', name: 'f', version: 1 })?.hash).toBe(one.hash);
      expect(bench.backend.findDefinition({ namespace: 'other', name: 'f' })).toBeNull();
      expect(bench.backend.planOf(one.hash)?.nodes.length).toBe(1);
      expect(bench.backend.planOf('none')).toBeNull();
      expect(bench.backend.readEvents({ after: 0, limit: 9, types: ['workflow_created'] }).length).toBe(2);
    });

    it('a deleted one has no name any more, but its runs go on', async () => {
      const bench = await fresh();
      const flow = await bench.define({ name: 'f', steps: [{ id: 'a', task: 'x' }] });
      const run = await bench.start(flow);
      const stored = bench.backend.findDefinition({ namespace: 'default', name: 'f' });
      expect(await bench.backend.deleteDefinition({ id: stored?.id as string })).toBe(true);
      expect(await bench.backend.deleteDefinition({ id: stored?.id as string })).toBe(false);
      expect(bench.backend.findDefinition({ namespace: 'default', name: 'f' })).toBeNull();
      expect(bench.backend.listDefinitions({ filter: {}, limit: 9, cursor: null }).items).toEqual([]);
      await bench.work();
      expect(bench.status(run)).toBe('completed');
    });

    it('one that is not listed is kept for its runs, without a name or a new version each time', async () => {
      const bench = await fresh();
      const listed = await bench.define({ name: 'f', steps: [{ id: 'a', task: 'x' }] });
      const definition = bench.backend.findDefinition({ namespace: 'default', name: 'f' })?.definition as never;
      const put = (hash: string): Promise<unknown> =>
        bench.backend.putDefinition({ id: bench.env.newId('workflow'), namespace: 'default', definition, hash, listed: false });
      expect(await put('inline')).toMatchObject({ created: true, stored: { version: 2 } });
      expect(await put('inline')).toMatchObject({ created: false, stored: { version: 2 } });
      expect(bench.backend.findDefinition({ namespace: 'default', name: 'f' })?.version).toBe(1);
      expect(bench.backend.planOf('inline')).not.toBeNull();
      expect(await bench.define({ name: 'f', steps: [{ id: 'a', task: 'x' }] })).toEqual(listed);
    });
  });

  describe('executions', () => {
    it('runs a diamond to its end, each step once, with outputs', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'b', task: 'x', needs: ['a'], with: { v: '${{ steps.a.output }}' } },
          { id: 'c', task: 'x', needs: ['a'] },
          { id: 'd', task: 'x', needs: ['b', 'c'] },
        ],
        output: { sum: '${{ steps.b.output + steps.c.output }}' },
      });
      const run = await bench.start(flow, { input: { k: 1 } });
      expect(bench.backend.getExecution(run)).toMatchObject({ status: 'running', totalSteps: 4, startedAt: bench.now, gate: null });
      const job = await bench.claimOne();
      expect(bench.step(run, 'a')).toBe('running');
      await bench.settle(job, completed(2));
      const scope = bench.backend.stepScope({ executionId: run, index: 1, item: null });
      expect(scope).toMatchObject({ input: { k: 1 }, steps: { a: { output: 2, status: 'completed' } } });
      expect(await bench.work(() => completed(3))).toEqual(['b', 'c', 'd']);
      expect(bench.backend.getExecution(run)).toMatchObject({ status: 'completed', stepsDone: 4, stepsCompleted: 4, stepsRunning: 0 });
      expect(bench.backend.getOutput({ executionId: run, stepId: null })).toEqual({ sum: 6 });
      expect(bench.backend.getOutput({ executionId: run, stepId: 'b' })).toBe(3);
      expect(bench.backend.getSteps({ executionId: run, after: -1, limit: 9 }).map((step) => `${step.id} ${step.status}`)).toEqual([
        'a completed',
        'b completed',
        'c completed',
        'd completed',
      ]);
      expect(bench.backend.getSteps({ executionId: run, after: 1, limit: 1 }).map((step) => step.id)).toEqual(['c']);
      expect(bench.notices.some((notice) => notice.ended.includes(run))).toBe(true);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('assembles a forEach in input order, null where it was tolerated', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x', forEach: '${{ [10, 20, 30] }}', maxParallel: 2, tolerateFailures: 1, retry: { maxAttempts: 1 } },
          { id: 'b', task: 'x', needs: ['a'], with: { all: '${{ steps.a.output }}' } },
        ],
      });
      const run = await bench.start(flow);
      const jobs = await bench.claim(9);
      expect(jobs.map((job) => job.step?.item)).toEqual([0, 1]);
      expect(bench.backend.stepScope({ executionId: run, index: 0, item: 1 })).toMatchObject({ item: 20, index: 1 });
      await Promise.all([...jobs].reverse().map((job) => bench.settle(job, job.step?.item === 1 ? failed() : completed(`r${job.step?.item}`))));
      await bench.work((job) => completed(`r${job.step?.item}`));
      expect(bench.backend.getOutput({ executionId: run, stepId: 'a' })).toEqual(['r0', null, 'r2']);
      expect(bench.status(run)).toBe('completed');
    });

    it('starts child executions and reads their results, also when all of it happens in one commit', async () => {
      const bench = await fresh();
      await bench.define({ name: 'child', steps: [{ id: 'c', task: 'x' }] });
      const flow = await bench.define({
        steps: [
          { id: 'r', task: 'workflow.run', with: { workflow: 'child' }, forEach: '${{ [1, 2] }}' },
          { id: 'b', task: 'x', needs: ['r'], if: '${{ size(steps.r.output) == 2 }}' },
        ],
        output: '${{ steps.r.output }}',
      });
      const run = await bench.start(flow);
      await bench.drain();
      const children = bench.backend.childrenOf({ executionId: run, limit: 9 });
      expect(children.map((child) => child.parent)).toEqual([0, 1].map((itemIndex) => ({ executionId: run, stepIndex: 0, itemIndex })));
      expect(bench.backend.parentOf(children[0]?.id as string)?.executionId).toBe(run);
      const jobs = await bench.claim(9);
      const settled = jobs.map((job) => bench.settle(job, completed(5)));
      const parent = bench.backend.update({ executionId: run, events: [], decide: bench.decide });
      await Promise.all([...settled, parent]);
      expect(await bench.work(() => completed(null))).toEqual(['b']);
      expect(bench.backend.getOutput({ executionId: run, stepId: null })).toEqual([{ c: 5 }, { c: 5 }]);
      expect(bench.status(run)).toBe('completed');
    });

    it('cancels at once: nothing ready is claimed any more, running work is asked to stop', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'b', task: 'x' },
        ],
      });
      const run = await bench.start(flow);
      const job = await bench.claimOne();
      const cancel = bench.backend.update({ executionId: run, events: [{ type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' }], decide: bench.decide });
      const claim = bench.claim(9);
      expect(await claim).toEqual([]);
      expect(await cancel).toMatchObject({ reply: { kind: 'applied' } });
      await bench.drain();
      expect(bench.notices.some((notice) => notice.stopJobs.some((stop) => stop.jobId === job.jobId && !stop.forced))).toBe(true);
      await bench.settle(job, failed());
      await bench.drain();
      expect(bench.backend.getExecution(run)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
      expect(bench.step(run, 'b')).toBe('cancelled');
      expect(await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' })).toMatchObject({ kind: 'refused' });
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('ends work that does not stop after the grace period', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
      const job = await bench.claimOne();
      await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(bench.status(run)).toBe('running');
      await bench.pass(10_000);
      expect(bench.status(run)).toBe('cancelled');
      expect(await bench.settle(job)).toEqual({ kind: 'lease_lost' });
    });

    it('retries the failed steps of an ended execution and nothing else', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'b', task: 'x', needs: ['a'], retry: { maxAttempts: 1 } },
        ],
      });
      const run = await bench.start(flow);
      expect(await bench.work((job) => (bench.nameOf(job) === 'b' ? failed() : completed(1)))).toEqual(['a', 'b']);
      expect(bench.status(run)).toBe('failed');
      expect(await bench.send(run, { type: 'retry', by: 'me' })).toMatchObject({ kind: 'applied' });
      expect(await bench.work()).toEqual(['b']);
      expect(bench.backend.getExecution(run)).toMatchObject({ status: 'completed', retries: 1 });
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('retries only the failed items of a forEach, of jobs and of child executions', async () => {
      const bench = await fresh();
      await bench.define({ name: 'child', steps: [{ id: 'c', task: 'x', retry: { maxAttempts: 1 } }] });
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x', forEach: '${{ [1, 2, 3] }}', retry: { maxAttempts: 1 }, tolerateFailures: 0 },
          { id: 'r', task: 'workflow.run', with: { workflow: 'child' }, forEach: '${{ [1, 2] }}' },
        ],
      });
      const run = await bench.start(flow);
      await bench.drain();
      const jobs = await bench.claim(9);
      expect(jobs.length).toBe(5);
      const bad = jobs.filter((job) => job.step?.item === 1 || job === jobs.at(-1));
      await Promise.all(jobs.map((job) => bench.settle(job, bad.includes(job) ? failed() : completed(1))));
      await bench.drain();
      expect(bench.status(run)).toBe('failed');
      expect(await bench.send(run, { type: 'retry', by: 'me' })).toMatchObject({ kind: 'applied' });
      expect((await bench.work(() => completed(2))).sort()).toEqual(['a[1]', 'c']);
      expect(bench.backend.getExecution(run)).toMatchObject({ status: 'completed' });
      expect(bench.backend.getOutput({ executionId: run, stepId: 'a' })).toEqual([1, 2, 1]);
      expect(bench.backend.getOutput({ executionId: run, stepId: 'r' })).toEqual([{ c: 1 }, { c: 2 }]);
    });

    it('gives a decision the newest run of each item in a range, and nothing of one that never ran', async () => {
      const bench = await fresh();
      await bench.define({ name: 'child', steps: [{ id: 'c', task: 'x', retry: { maxAttempts: 1 } }] });
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x', forEach: '${{ [1, 2, 3, 4] }}', retry: { maxAttempts: 1 }, tolerateFailures: 3 },
          { id: 'r', task: 'workflow.run', with: { workflow: '${{ item }}' }, forEach: '${{ ["child", "child", "nowhere"] }}', tolerateFailures: 2 },
          { id: 'z', task: 'x', needs: ['a', 'r'], retry: { maxAttempts: 1 } },
        ],
      });
      const run = await bench.start(flow);
      await bench.work((job) => (job.step?.item === 1 || bench.nameOf(job) === 'z' ? failed() : completed()));
      const runsOf = async (index: number, after: number, count: number): Promise<string[]> => {
        let found: readonly ItemRun[] = [];
        await bench.backend.update({
          executionId: run,
          events: [{ type: 'resume', by: 'me' }],
          decide: (view, events) => {
            found = view.itemRuns(index, after, count);
            return bench.decide(view, events);
          },
        });
        return found.map((one) => `${one.item} ${one.state}${one.childId === null ? '' : ' child'}`);
      };
      expect(await runsOf(0, -1, 3)).toEqual(['0 completed', '1 ended', '2 completed']);
      expect(await runsOf(0, 1, 9)).toEqual(['2 completed', '3 completed']);
      expect(await runsOf(1, -1, 9)).toEqual(['0 completed child', '1 completed child']);
    });

    it('a retry of a forEach over children redoes what never started, counts what completed by itself, takes over what runs', async () => {
      const bench = await fresh();
      await bench.define({ name: 'kid', steps: [{ id: 'c', task: 'x', retry: { maxAttempts: 1 } }] });
      const flow = await bench.define({
        steps: [{ id: 'r', task: 'workflow.run', with: { workflow: '${{ item }}' }, forEach: '${{ ["kid", "kid", "late"] }}', tolerateFailures: 0 }],
      });
      const run = await bench.start(flow);
      await bench.work();
      expect(bench.status(run)).toBe('failed');
      const kids = bench.backend.childrenOf({ executionId: run, limit: 9 }).map((child) => child.id);
      expect(kids.map((id) => bench.status(id))).toEqual(['cancelled', 'cancelled']);
      await bench.send(kids[0] as string, { type: 'retry', by: 'me' });
      await bench.work();
      await bench.send(kids[1] as string, { type: 'retry', by: 'me' });
      await bench.define({ name: 'late', steps: [{ id: 'l', task: 'x' }] });
      await bench.send(run, { type: 'retry', by: 'me' });
      expect(bench.backend.getStep({ executionId: run, stepId: 'r' })?.each).toMatchObject({ completed: 1, live: 2 });
      expect((await bench.work()).sort()).toEqual(['c', 'l']);
      expect(bench.status(run)).toBe('completed');
    });

    it('a fork takes over what completed before its step', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'b', task: 'x', needs: ['a'] },
        ],
        output: '${{ steps.a.output }}',
      });
      const run = await bench.start(flow);
      await bench.work(() => completed('from the first'));
      const fork = await bench.start(flow, { forkedFrom: { executionId: run, stepIndex: 1 } });
      expect(await bench.work()).toEqual(['b']);
      expect(bench.backend.getStep({ executionId: fork, stepId: 'a' })).toMatchObject({ reused: true, status: 'completed' });
      expect(bench.backend.getOutput({ executionId: fork, stepId: null })).toBe('from the first');
    });

    it('keeps large values out of the rows, and refuses what is too large', async () => {
      const bench = await fresh();
      const run = await bench.start(
        await bench.define({
          steps: [
            { id: 'a', task: 'x' },
            { id: 'b', task: 'x', needs: ['a'] },
          ],
        }),
      );
      const big = 'y'.repeat(300_000);
      await bench.settle(await bench.claimOne(), completed(big));
      expect(bench.backend.getStep({ executionId: run, stepId: 'a' })?.output).toMatchObject({ kind: 'artifact', bytes: 300_002 });
      expect(bench.backend.getOutput({ executionId: run, stepId: 'a' })).toBe(big);
      await bench.settle(await bench.claimOne(), completed('z'.repeat(17 * 1_048_576)));
      expect(bench.backend.getStep({ executionId: run, stepId: 'b' })).toMatchObject({ status: 'failed', error: { code: 'output_too_large' } });
      const job = await bench.enqueue();
      await bench.settle(await bench.claimOne(), completed(big));
      expect(bench.backend.getJob(job)?.result).toBe(big);
    });

    it('an unknown execution is an answer, not a fault', async () => {
      const bench = await fresh();
      expect(await bench.backend.update({ executionId: 'exec_none', events: [], decide: bench.decide })).toEqual({ kind: 'not_found' });
      expect(bench.backend.getExecution('exec_none')).toBeNull();
      expect(bench.backend.getSteps({ executionId: 'exec_none', after: -1, limit: 1 })).toEqual([]);
      expect(bench.backend.getOutput({ executionId: 'exec_none', stepId: null })).toBeUndefined();
    });
  });
}
