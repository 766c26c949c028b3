// Run times that a store remembers: in the commit that settles, per step, task type and run, folded without loss.
import { describe, expect, it } from 'vitest';
import { estimateFrom, itemsOf } from '../../src/domain/duration-history.ts';
import { benches, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';

export function historiesContract(make: MakeBackend, { shared }: Capabilities): void {
  const fresh = benches(make);

  describe('the history of run times', () => {
    it('knows what steps, items, waits, children and whole runs took, and how many items there were', async () => {
      const bench = await fresh();
      const child = await bench.define({ name: 'inner', steps: [{ id: 'i', task: 'x' }] });
      const flow = await bench.define({
        name: 'outer',
        steps: [
          { id: 'a', task: 'x' },
          { id: 'each', task: 'y', needs: ['a'], forEach: '${{ [1, 2, 3] }}', maxParallel: 1 },
          { id: 'nap', task: 'sleep', needs: ['each'], with: { duration: '5s' } },
          { id: 'sub', task: 'workflow.run', needs: ['nap'], with: { workflow: child.workflow } },
        ],
      });
      const run = await bench.start(flow);
      for (const ms of [100, 200, 300, 400]) {
        const job = await bench.claimOne();
        bench.now += ms;
        await bench.settle(job);
        await bench.drain();
      }
      await bench.pass(5_000);
      const inner = await bench.claimOne();
      bench.now += 700;
      await bench.settle(inner);
      await bench.drain();
      expect(bench.backend.getExecution(run)?.status).toBe('completed');
      const outer = bench.backend.durationHistories({ namespace: 'default', workflow: 'outer' });
      const of = (step: string): unknown => {
        const history = outer.get(step);
        return history === undefined ? null : estimateFrom(history, 'step');
      };
      expect(of('a')).toMatchObject({ samples: 1, meanMs: 100, failureRate: 0 });
      expect(of('each')).toMatchObject({ samples: 3, meanMs: 300 });
      expect(of('nap')).toMatchObject({ samples: 1, meanMs: 5_000 });
      expect(of('sub')).toMatchObject({ samples: 1, meanMs: 700 });
      expect(of('')).toMatchObject({ samples: 1, meanMs: 6_700 });
      expect(itemsOf(outer.get('each') as never)).toBe(3);
      const tasks = bench.backend.durationHistories({ namespace: 'default', workflow: null });
      expect([...tasks.keys()].sort()).toEqual(['x', 'y']);
      expect(estimateFrom(tasks.get('x') as never, 'task')).toMatchObject({ samples: 2, meanMs: 400 });
      expect(bench.backend.durationHistories({ namespace: 'other', workflow: 'outer' }).size).toBe(0);
    });

    it('counts attempts that failed and what completed after one', async () => {
      const bench = await fresh();
      const retry = { maxAttempts: 3, initialIntervalMs: 1, backoffCoefficient: 1, maxIntervalMs: 1, jitter: 'none' as const, nonRetryable: [] };
      await bench.enqueue({ retry });
      await bench.settle(await bench.claimOne(), failed());
      await bench.pass(10);
      const second = await bench.claimOne();
      bench.now += 50;
      await bench.settle(second, completed());
      await bench.enqueue();
      await bench.settle(await bench.claimOne(), failed());
      const history = bench.backend.durationHistories({ namespace: 'default', workflow: null }).get('noop');
      expect(history?.newest).toMatchObject({ ended: 2, recovered: 1 });
      expect(estimateFrom(history as never, 'task')).toMatchObject({ samples: 1, meanMs: 50, failureRate: 2 / 3 });
    });

    it('says the same before and after its journal is folded, and forgets what was not run for half a year', async () => {
      const bench = await fresh();
      const flow = await bench.define({ name: 'often', steps: [{ id: 'a', task: 'x' }] });
      for (let i = 0; i < 12; i++) {
        await bench.start(flow);
        const job = await bench.claimOne();
        bench.now += i * 10;
        await bench.settle(job);
      }
      const read = (): unknown => [...bench.backend.durationHistories({ namespace: 'default', workflow: 'often' })].sort();
      const before = read();
      await bench.backend.retain({ olderThan: 0, keepExecutions: 100, limit: 100 });
      expect(read()).toEqual(before);
      if (shared) {
        await bench.reopen();
        expect(read()).toEqual(before);
      }
      bench.now += 181 * 86_400_000;
      await bench.backend.retain({ olderThan: 0, keepExecutions: 100, limit: 100 });
      expect(read()).toEqual([]);
    });

    it('knows failures that are alike, by what they have in common, and work by the hour', async () => {
      const bench = await fresh();
      const flow = await bench.define({ name: 'sad', steps: [{ id: 'a', task: 'x' }] });
      for (let i = 0; i < 2; i++) {
        await bench.start(flow);
        await bench.settle(await bench.claimOne(), failed());
      }
      await bench.enqueue({});
      const alone = await bench.claimOne();
      await bench.settle(alone, failed());
      await bench.enqueue({});
      await bench.settle(await bench.claimOne(), completed());
      const clusters = bench.backend.failureClusters({ namespace: 'default', since: bench.now, limit: 10 });
      expect(clusters).toMatchObject([
        { workflow: 'sad', step: 'a', code: 'handler_failed', worker: null, count: 2, firstAt: bench.now, lastAt: bench.now },
        { workflow: null, step: 'noop', code: 'handler_failed', count: 1, example: alone.jobId },
      ]);
      expect(bench.backend.hoursOfWork({ namespace: 'default' })).toEqual([{ hour: Math.floor(bench.now / 3_600_000), completed: 1, failed: 1, retries: 2 }]);
      const histories = bench.backend.recentHistories({ namespace: 'default', limit: 10 });
      expect(histories.map(({ workflow, step }) => `${workflow}/${step}`).sort()).toEqual(['/noop', '/x', 'sad/a']);
      bench.now += 86_400_000;
      expect(bench.backend.failureClusters({ namespace: 'default', since: bench.now, limit: 10 })).toEqual([]);
      const before = bench.now - 86_400_000;
      await bench.enqueue({});
      const later = await bench.claimOne();
      await bench.settle(later, failed());
      // Over several days: the first and the last moment, and the newest example.
      expect(bench.backend.failureClusters({ namespace: 'default', since: before, limit: 10 })).toMatchObject([
        { workflow: null, count: 2, firstAt: before, lastAt: bench.now, example: later.jobId },
        { workflow: 'sad', count: 2, firstAt: before, lastAt: before },
      ]);
      expect(bench.backend.failureClusters({ namespace: 'default', since: bench.now - 86_400_000, limit: 1 })).toHaveLength(1);
      for (const read of ['failureClusters', 'recentHistories', 'hoursOfWork'] as const)
        expect(bench.backend[read]({ namespace: 'other', since: 0, limit: 10 })).toEqual([]);
    });

    it('tells a run that took longer than its workflow says, at its end', async () => {
      const bench = await fresh();
      const flow = await bench.define({ name: 'slow', slaMs: 1_000, steps: [{ id: 'a', task: 'x' }] });
      for (const ms of [1_000, 1_500]) {
        await bench.start(flow);
        const job = await bench.claimOne();
        bench.now += ms;
        await bench.settle(job);
      }
      expect(bench.backend.failureClusters({ namespace: 'default', since: bench.now, limit: 10 })).toMatchObject([
        { workflow: 'slow', step: null, code: 'sla_missed', count: 1 },
      ]);
      const events = bench.backend.readEvents({ after: 0, limit: 9, types: ['sla_missed'] });
      expect(events.map((event) => event.data)).toEqual([{ workflow: 'slow', sla_ms: 1_000, took_ms: 1_500 }]);
    });
  });
}
