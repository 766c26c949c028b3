// Statistics of queues: counts, times with quantiles, what ended in the last minutes; and how long the oldest waits.
import { describe, expect, it } from 'vitest';
import { benches, type Capabilities, failed, type MakeBackend } from './harness.ts';

export function queueStatsContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('statistics of a queue', () => {
    it('has the median and the 95th percentile of runs and waits, per queue and task', async () => {
      const bench = await fresh();
      for (let i = 1; i <= 20; i++) {
        await bench.enqueue();
        bench.now += 10;
        const job = await bench.claimOne();
        bench.now += i * 10;
        await bench.settle(job);
      }
      await bench.enqueue({ task: 'idle', queue: 'other' });
      const [row, idle] = bench.backend.queueStats({ namespace: 'default' });
      expect(row).toMatchObject({ completed: 20, waitMs: { p50: expect.any(Number) } });
      for (const [value, truth] of [
        [row?.runMs?.p50, 100],
        [row?.runMs?.p95, 190],
        [row?.waitMs?.p50, 10],
        [row?.waitMs?.p95, 10],
      ] as const)
        expect(Math.abs((value as number) - truth)).toBeLessThanOrEqual(truth / 10);
      expect(idle).toMatchObject({ queue: 'other', task: 'idle', runMs: null, waitMs: null });
      expect(bench.backend.queueStats({ queue: 'other' })).toEqual([idle]);
    });

    it('counts what ended in the last minute, five minutes and hour, and forgets it after a day', async () => {
      const bench = await fresh();
      const retry = { maxAttempts: 2, initialIntervalMs: 1_000, backoffCoefficient: 1, maxIntervalMs: 1_000, jitter: 'none' as const, nonRetryable: [] };
      bench.now = Math.ceil(bench.now / 60_000) * 60_000;
      await bench.enqueue({ retry });
      await bench.settle(await bench.claimOne(), failed());
      await bench.pass(1_000);
      await bench.settle(await bench.claimOne(), failed());
      await bench.enqueue();
      await bench.settle(await bench.claimOne());
      const last = (): unknown => bench.backend.queueStats({})[0]?.last;
      const all = { completed: 1, failed: 1, retries: 1 };
      const none = { completed: 0, failed: 0, retries: 0 };
      expect(last()).toEqual({ minute: all, fiveMinutes: all, hour: all });
      bench.now += 3 * 60_000;
      expect(last()).toEqual({ minute: none, fiveMinutes: all, hour: all });
      bench.now += 57 * 60_000;
      expect(last()).toEqual({ minute: none, fiveMinutes: none, hour: all });
      bench.now += 26 * 3_600_000;
      await bench.backend.retain({ olderThan: 0, keepExecutions: 100, limit: 100 });
      expect(last()).toEqual({ minute: none, fiveMinutes: none, hour: none });
      expect(bench.backend.queueStats({})[0]).toMatchObject({ completed: 1, failed: 1, retries: 1 });
    });

    it('tells since when the oldest waits: ready, or at a limit of its queue; not what is due later', async () => {
      const bench = await fresh();
      const oldest = (): number | null | undefined => bench.backend.queueSettings({ queue: 'default' })[0]?.oldestReadyAt;
      await bench.enqueue({ runAt: bench.now + 60_000 });
      expect(oldest()).toBeNull();
      const first = bench.now;
      await bench.enqueue({ priority: 10 });
      bench.now += 5_000;
      await bench.enqueue({ priority: 90 });
      expect(oldest()).toBe(first);
      await bench.backend.updateQueue({ namespace: 'default', queue: 'default', concurrency: 1, from: 'control' });
      expect((await bench.claim(9)).length).toBe(1);
      expect(oldest()).toBe(first);
    });
  });
}
