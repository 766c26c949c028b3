// Where outlets stand in the log: a delivery is made in the commit that moves its outlet on, once, whoever dispatches and whatever dies.
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/store/backend.ts';
import { type Bench, benches, type Capabilities, type MakeBackend } from './harness.ts';

const DAY = 86_400_000;
const NS = 'default';

export function outletsContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);
  const open = (bench: Bench, names: readonly string[], backend: Backend = bench.backend): ReturnType<Backend['openOutlets']> =>
    backend.openOutlets({ namespace: NS, names, staleBefore: bench.now - 7 * DAY });
  const queued = (bench: Bench): number => bench.backend.queueSize({ namespace: NS, queue: 'webhooks.a' });

  describe('outlets', () => {
    it('begins at the end of the log, keeps its place, and forgets what is not named', async () => {
      const bench = await fresh();
      await bench.enqueue();
      const end = bench.backend.lastCursor();
      expect(await open(bench, ['a', 'b'])).toEqual({
        outlets: ['a', 'b'].map((name) => ({ name, cursor: end, servedAt: bench.now })),
        forgotten: [],
      });
      await bench.enqueue();
      bench.now += DAY;
      expect(await open(bench, ['a'])).toEqual({ outlets: [{ name: 'a', cursor: end, servedAt: bench.now }], forgotten: ['b'] });
      expect((await open(bench, ['a', 'b'])).outlets.map(({ cursor }) => cursor)).toEqual([end, bench.backend.lastCursor()]);
      expect(bench.backend.outletPositions({ namespace: 'other' })).toEqual([]);
    });

    it('starts one anew that nobody served for long', async () => {
      const bench = await fresh();
      await open(bench, ['a']);
      await bench.enqueue();
      bench.now += 8 * DAY;
      expect((await open(bench, ['a'])).outlets[0]?.cursor).toBe(bench.backend.lastCursor());
    });

    it('makes the jobs and moves on together, only from where it stands, and never a job twice', async () => {
      const bench = await fresh();
      await open(bench, ['a']);
      const from = bench.backend.outletPositions({ namespace: NS })[0]?.cursor ?? -1;
      const job = bench.job({ queue: 'webhooks.a' });
      const dispatch = (p: { from: number; to: number; jobs: Bench['job'] extends (...args: never) => infer J ? J[] : never }): Promise<boolean> =>
        bench.backend.dispatch({ namespace: NS, name: 'a', ...p });
      expect(await Promise.all([dispatch({ from, to: from + 5, jobs: [job] }), dispatch({ from, to: from + 5, jobs: [job] })])).toEqual([true, false]);
      expect(queued(bench)).toBe(1);
      expect(await dispatch({ from, to: from + 9, jobs: [bench.job({ queue: 'webhooks.a' })] })).toBe(false);
      expect(queued(bench)).toBe(1);
      expect(await dispatch({ from: from + 5, to: from + 6, jobs: [job] })).toBe(true);
      expect([queued(bench), bench.backend.outletPositions({ namespace: NS })[0]?.cursor]).toEqual([1, from + 6]);
      expect(await bench.backend.dispatch({ namespace: NS, name: 'unknown', from: 0, to: 1, jobs: [bench.job({ queue: 'webhooks.a' })] })).toBe(false);
      expect(queued(bench)).toBe(1);
    });

    it('does neither when one of the jobs cannot be made', async () => {
      const bench = await fresh();
      await open(bench, ['a']);
      const from = bench.backend.outletPositions({ namespace: NS })[0]?.cursor ?? -1;
      const broken = { ...bench.job({ queue: 'webhooks.a' }), priority: Number.NaN };
      await expect(
        bench.backend.dispatch({ namespace: NS, name: 'a', from, to: from + 1, jobs: [bench.job({ queue: 'webhooks.a' }), broken] }),
      ).rejects.toThrow();
      expect([queued(bench), bench.backend.outletPositions({ namespace: NS })[0]?.cursor]).toEqual([0, from]);
    });

    it.runIf(capabilities.shared)('is led by one process at a time, and by another when that is gone', async () => {
      const bench = await fresh();
      const other = await bench.another();
      const epoch = await bench.join(other);
      const lead = (backend: Backend, of: number): Promise<boolean> => backend.lead({ epoch: of, candidate: true, duty: `outlets ${NS}` });
      expect(await lead(other, epoch)).toBe(true);
      await bench.settled();
      // Who sweeps is another question.
      expect([await lead(bench.backend, bench.epoch), await bench.backend.lead({ epoch: bench.epoch, candidate: true })]).toEqual([false, true]);
      await open(bench, ['a'], other);
      await other.close();
      await bench.settled().catch(() => undefined);
      expect(await lead(bench.backend, bench.epoch)).toBe(true);
      expect(bench.backend.outletPositions({ namespace: NS })).toHaveLength(1);
    });
  });
}
