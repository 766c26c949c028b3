// Owns the contract of kept step results: found by other runs and processes, apart by namespace, gone when expired or cleared.
import { describe, expect, it } from 'vitest';
import { type Bench, benches, type Capabilities, completed, type MakeBackend, receipt } from './harness.ts';

const STEPS = [{ id: 'a', task: 'x', with: { n: 1 }, cache: { key: '${{ input.v }}', ttl: '1m' } }];

async function ran(bench: Bench, flow: Awaited<ReturnType<Bench['define']>>, v: string, output: string): Promise<boolean> {
  const run = await bench.start(flow, { input: { v } });
  const jobs = await bench.work(() => completed(output));
  expect(bench.status(run)).toBe('completed');
  return jobs.length > 0;
}

export function stepCacheContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('kept step results', () => {
    it('stand for later runs, with the output that the first one made', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: STEPS });
      expect(await ran(bench, flow, 'v1', 'made')).toBe(true);
      const again = await bench.start(flow, { input: { v: 'v1' } });
      await bench.drain();
      expect(bench.backend.getStep({ executionId: again, stepId: 'a' })).toMatchObject({ status: 'completed', reused: true, jobId: null });
      expect(bench.backend.getOutput({ executionId: again, stepId: 'a' })).toBe('made');
      expect(await ran(bench, flow, 'v2', 'other')).toBe(true);
    });

    it('are gone when their time is over, and retention removes their rows', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: STEPS });
      await ran(bench, flow, 'v1', 'old');
      bench.now += 59_999;
      expect(await ran(bench, flow, 'v1', 'unused')).toBe(false);
      bench.now += 1;
      await bench.backend.retain({ olderThan: 0, keepExecutions: 1_000, limit: 100 });
      expect(await bench.backend.clearStepCache({ namespace: 'default', workflow: flow.workflow, limit: 10 })).toEqual({ count: 0, replayed: false });
      expect(await ran(bench, flow, 'v1', 'new')).toBe(true);
    });

    it('are cleared by workflow, a bounded number at once, and nowhere else', async () => {
      const bench = await fresh();
      const [one, two] = [await bench.define({ steps: STEPS }), await bench.define({ steps: STEPS })];
      for (const v of ['v1', 'v2', 'v3']) await ran(bench, one, v, v);
      await ran(bench, two, 'v1', 'two');
      expect(await bench.backend.clearStepCache({ namespace: 'other', workflow: one.workflow, limit: 10 })).toEqual({ count: 0, replayed: false });
      expect(await bench.backend.clearStepCache({ namespace: 'default', workflow: one.workflow, limit: 2 })).toEqual({ count: 2, replayed: false });
      expect(await bench.backend.clearStepCache({ namespace: 'default', workflow: one.workflow, limit: 2 })).toEqual({ count: 1, replayed: false });
      expect(await bench.backend.clearStepCache({ namespace: 'default', workflow: two.workflow, limit: 0, receipt: receipt('k') })).toMatchObject({ count: 0 });
      expect(await bench.backend.clearStepCache({ namespace: 'default', workflow: two.workflow, limit: 9, receipt: receipt('k') })).toEqual({
        count: 0,
        replayed: true,
      });
      expect(await ran(bench, one, 'v1', 'again')).toBe(true);
      expect(await ran(bench, two, 'v1', 'unused')).toBe(false);
    });

    it('outlive the retention of the run that made them', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: STEPS });
      await ran(bench, flow, 'v1', 'kept');
      bench.now += 10_000;
      await bench.backend.retain({ olderThan: bench.now, keepExecutions: 0, limit: 1_000 });
      expect(bench.backend.listExecutions({ filter: {}, limit: 10, cursor: null }).items).toEqual([]);
      expect(await ran(bench, flow, 'v1', 'unused')).toBe(false);
    });

    it('do not hold a large output: it is an artifact of its run', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: STEPS });
      await ran(bench, flow, 'v1', 'x'.repeat(300_000));
      expect(await ran(bench, flow, 'v1', 'small')).toBe(true);
    });

    it.runIf(capabilities.shared)('are found by another process', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: STEPS });
      await ran(bench, flow, 'v1', 'made');
      await bench.reopen();
      expect(await ran(bench, flow, 'v1', 'unused')).toBe(false);
    });
  });
}
