// Leases and crashes: fencing tokens, replays, reclaim, poison cap, releases, silent processes.
import { describe, expect, it } from 'vitest';
import type { Decide } from '../../src/domain/transition.ts';
import type { Backend } from '../../src/store/backend.ts';
import { benches, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';

export function leasesContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('fencing', () => {
    it('accepts the holder once, replays its repetition, refuses all others', async () => {
      const bench = await fresh();
      await bench.enqueue();
      const job = await bench.claimOne();
      expect(await bench.settle({ ...job, token: job.token + 1 })).toEqual({ kind: 'lease_lost' });
      expect(await bench.settle(job, completed(1))).toEqual({ kind: 'settled', status: 'completed', runAt: null });
      expect(await bench.settle(job, completed(2))).toEqual({ kind: 'replayed', status: 'completed' });
      expect(await bench.settle(job, failed())).toEqual({ kind: 'lease_lost' });
      expect(bench.backend.getJob(job.jobId)?.result).toBe(1);
      expect(await bench.backend.reportProgress({ ...job, share: 1, message: null, logs: [] })).toBe(false);
    });

    it('the implicit session of a dead process ends with it, one of its own does not', async () => {
      const bench = await fresh();
      const other = await bench.join();
      const implicit = { ...bench.session(), implicit: true, metadata: { epoch: other } };
      const own = bench.session();
      await bench.backend.putSession({ session: implicit });
      await bench.backend.putSession({ session: own });
      await bench.backend.leave({ epoch: other, decide: bench.decide });
      expect(bench.backend.getSession(implicit.id)).toMatchObject({ status: 'completed', closedAt: bench.now });
      expect(bench.backend.getSession(own.id)).toMatchObject({ closedAt: null });
    });

    it('hasReadyJobs says what a claim would find', async () => {
      const bench = await fresh();
      const look = (capabilities: readonly string[]): boolean => bench.backend.hasReadyJobs({ namespace: 'default', capabilities });
      expect(look([])).toBe(false);
      await bench.enqueue({ requires: ['gpu'] });
      expect([look([]), look(['gpu'])]).toEqual([false, true]);
      await bench.enqueue({ runAt: bench.now + 1_000 });
      expect(look([])).toBe(false);
      await bench.enqueue({});
      expect(look([])).toBe(true);
      await bench.claimOne();
      expect(look([])).toBe(false);
    });

    it('a reclaimed job has a larger token and its old holder can write nothing', async () => {
      const bench = await fresh();
      const dead = await bench.join();
      await bench.enqueue();
      const [old] = await bench.claim(1, { epoch: dead });
      bench.now += 20_000;
      await bench.backend.heartbeat({ epoch: bench.epoch });
      await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide });
      expect(bench.status(old?.jobId as string)).toBe('running');
      bench.now += 20_000;
      await bench.backend.heartbeat({ epoch: bench.epoch });
      expect(await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide })).toEqual({ processes: 1, jobs: 1, more: false });
      expect(bench.backend.getJob(old?.jobId as string)).toMatchObject({ status: 'pending', crashes: 1, attempt: 0, owner: null });
      expect(await bench.settle(old as never)).toEqual({ kind: 'lease_lost' });
      expect(await bench.claim(1, { epoch: dead })).toEqual([]);
      expect(await bench.backend.heartbeat({ epoch: dead })).toEqual({ alive: false });
      const again = await bench.claimOne();
      expect(again).toMatchObject({ token: 2, attempt: 1 });
      expect(await bench.settle(again)).toMatchObject({ kind: 'settled', status: 'completed' });
      expect(bench.backend.readEvents({ after: 0, limit: 50, types: ['worker_lost'] })).toMatchObject([{ data: { graceful: false } }]);
    });

    it('judges nobody for one lease after a suspend of its own', async () => {
      const bench = await fresh();
      await bench.join();
      await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide });
      bench.now += 3_600_000;
      expect((await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide })).processes).toBe(0);
      bench.now += 29_000;
      expect((await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide })).processes).toBe(0);
      bench.now += 1_000;
      expect((await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide })).processes).toBe(1);
    });

    it('a process that starts right after a suspend judges nobody for one lease either', async () => {
      if (!capabilities.shared) return;
      const bench = await fresh();
      bench.now += 3_600_000;
      const late = await bench.another();
      const epoch = await bench.join(late);
      const reclaim = async (): Promise<number> => (await late.reclaim({ epoch, decide: bench.decide })).processes;
      expect(await reclaim()).toBe(0);
      bench.now += 29_000;
      expect(await reclaim()).toBe(0);
      bench.now += 1_000;
      await late.heartbeat({ epoch });
      expect(await reclaim()).toBe(1);
    });

    it('gives up a job whose process dies again and again', async () => {
      const bench = await fresh();
      const id = await bench.enqueue();
      for (let crash = 1; crash <= 6; crash++) {
        const epoch = await bench.join();
        expect((await bench.claim(1, { epoch })).length).toBe(1);
        for (let i = 0; i < 2; i++) {
          bench.now += 20_000;
          await bench.backend.heartbeat({ epoch: bench.epoch });
          await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide });
        }
      }
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'failed', dead: true, crashes: 6, error: { code: 'crash_loop' } });
    });

    it('a leaving process gives its jobs back unharmed', async () => {
      const bench = await fresh();
      const other = await bench.join();
      const id = await bench.enqueue();
      await bench.claim(1, { epoch: other });
      await bench.backend.leave({ epoch: other, decide: bench.decide });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending', attempt: 0, crashes: 0 });
      expect(bench.backend.listProcesses().map((process) => process.epoch)).toEqual([bench.epoch]);
      const released = await bench.claimOne();
      expect(await bench.settle(released, { status: 'released' })).toMatchObject({ status: 'pending' });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending', attempt: 0, crashes: 0 });
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('ends a job that was asked to stop when its process dies', async () => {
      const bench = await fresh();
      const dead = await bench.join();
      const id = await bench.enqueue();
      await bench.claim(1, { epoch: dead });
      await bench.cancel(id);
      await bench.backend.leave({ epoch: dead, decide: bench.decide });
      expect(bench.status(id)).toBe('cancelled');
    });

    it('does not start a step again when the first crash of many stopped their run', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x', forEach: '${{ [1, 2, 3] }}', retry: { maxAttempts: 1 } }] });
      const run = await bench.start(flow);
      for (let crash = 1; crash <= 6; crash++) {
        const epoch = await bench.join();
        await bench.drain();
        await bench.claim(9, { epoch });
        for (let i = 0; i < 2; i++) {
          bench.now += 20_000;
          await bench.backend.heartbeat({ epoch: bench.epoch });
          await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide });
        }
      }
      await bench.drain();
      await bench.pass(60_000);
      expect(bench.status(run)).toBe('failed');
      expect(await bench.claim(9)).toEqual([]);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });
  });

  describe('giving back', () => {
    it('a job whose run cannot be advanced holds up no other; its process goes when it is given back', async () => {
      const bench = await fresh();
      const dead = await bench.join();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x', deadline: 1_000 }] });
      const [poison, healthy] = [await bench.start(flow), await bench.start(flow)];
      const id = await bench.enqueue();
      expect((await bench.claim(9, { epoch: dead })).length).toBe(3);
      let faulty = true;
      const decide: Decide = (view, events) => {
        if (faulty && view.execution.id === poison) throw new Error('a fault of the program');
        return bench.decide(view, events);
      };
      bench.now += 16_000;
      await bench.backend.reclaim({ epoch: bench.epoch, decide });
      bench.now += 16_000;
      await bench.backend.heartbeat({ epoch: bench.epoch });
      const errors: string[] = [];
      const reclaim = (): ReturnType<Backend['reclaim']> =>
        bench.backend.reclaim({ epoch: bench.epoch, decide, onError: (error) => errors.push((error as Error).message) });
      expect(await reclaim()).toEqual({ processes: 0, jobs: 2, more: false });
      expect(errors).toEqual(['a fault of the program']);
      expect([bench.status(poison), bench.status(healthy), bench.status(id)]).toEqual(['running', 'failed', 'pending']);
      await expect(bench.backend.leave({ epoch: dead, decide })).rejects.toThrow('a fault of the program');
      faulty = false;
      expect(await reclaim()).toEqual({ processes: 1, jobs: 1, more: false });
      expect(bench.status(poison)).toBe('failed');
      expect(bench.backend.listProcesses().map((process) => process.epoch)).toEqual([bench.epoch]);
    });
  });

  describe.runIf(capabilities.shared)('processes', () => {
    it('reclaims the work of a closed process at once, by its lock', async () => {
      const bench = await fresh();
      const other = await bench.another();
      const epoch = await bench.join(other);
      const id = await bench.enqueue();
      expect((await bench.claim(1, { backend: other, epoch })).length).toBe(1);
      expect((await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide })).processes).toBe(0);
      await other.close();
      expect(await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide })).toMatchObject({ processes: 1, jobs: 1 });
      expect(bench.status(id)).toBe('pending');
    });

    it('two joins at the same time keep both locks', async () => {
      const bench = await fresh();
      const other = await bench.another();
      const [one, two] = await Promise.all([bench.join(other), bench.join(other)]);
      expect((await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide })).processes).toBe(0);
      expect(
        other
          .listProcesses()
          .filter((process) => process.self)
          .map((process) => process.epoch),
      ).toEqual([one, two]);
    });
  });
}
