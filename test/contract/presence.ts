// What processes know of each other: one that is alone in its role, one that sweeps for all, and whether work is left.
import { describe, expect, it } from 'vitest';
import { agentJob, leaseAs, release, reportAs } from './agents.ts';
import { benches, type Capabilities, type MakeBackend } from './harness.ts';
import { addSchedule, MINUTE, passTo, START, workAll } from './schedule-bench.ts';

const LEASE_MS = 30_000;
const HOST = { pid: 4242, host: 'here', role: 'host', namespace: 'default', capabilities: [], version: '1', sole: true };

export function presenceContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('a role that one process has alone', () => {
    it('is refused to a second one of the namespace, and free again when the first has left', async () => {
      const bench = await fresh();
      const first = await bench.backend.join(HOST);
      await expect(bench.backend.join(HOST)).rejects.toMatchObject({ code: 'conflict', details: { pid: 4242 } });
      await bench.backend.join({ ...HOST, namespace: 'other' });
      await bench.backend.leave({ epoch: first, decide: bench.decide });
      await bench.backend.join(HOST);
      expect(bench.backend.liveProcesses({ namespace: 'default' }).map((process) => process.role)).toEqual(['worker', 'host']);
    });

    it.runIf(capabilities.shared)('goes to exactly one of several that ask at once, and past one that died', async () => {
      const bench = await fresh();
      const others = await Promise.all(Array.from({ length: 6 }, () => bench.another()));
      const asked = await Promise.allSettled(others.map((backend) => backend.join(HOST)));
      expect(asked.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
      await bench.settled();
      const holder = others[asked.findIndex((one) => one.status === 'fulfilled')];
      expect(bench.backend.liveProcesses({ namespace: 'default' })).toHaveLength(2);
      // Closed without leaving, as a killed process is.
      await holder?.close();
      expect(bench.backend.listProcesses()).toHaveLength(2);
      expect(bench.backend.liveProcesses({ namespace: 'default' }).map((process) => process.epoch)).toEqual([bench.epoch]);
      await bench.backend.join(HOST);
    });
  });

  describe('leaving when nothing is left to do', () => {
    const leave = (bench: Awaited<ReturnType<typeof fresh>>, epoch: number): Promise<boolean> =>
      bench.backend.leave({ epoch, decide: bench.decide, idleIn: 'default' });

    it('is refused while a job is pending, running or due again, also when it comes in the same commit', async () => {
      const bench = await fresh();
      const epoch = await bench.backend.join(HOST);
      const [, left] = await Promise.all([bench.enqueue(), leave(bench, epoch)]);
      expect(left).toBe(false);
      expect(bench.backend.unfinished({ namespace: 'default' })).toEqual({ runs: 0, jobs: 1, schedules: 0, needed: true });
      const job = await bench.claimOne();
      expect(await leave(bench, epoch)).toBe(false);
      await bench.settle(job);
      await bench.enqueue({ namespace: 'other' });
      expect(bench.backend.unfinished({ namespace: 'default' })).toEqual({ runs: 0, jobs: 0, schedules: 0, needed: false });
      expect(await leave(bench, epoch)).toBe(true);
      expect(bench.backend.listProcesses().map((process) => process.epoch)).toEqual([bench.epoch]);
      await bench.enqueue({ runAt: bench.now + 3_600_000 });
      expect(await leave(bench, await bench.backend.join(HOST))).toBe(false);
    });

    it('is refused while a run is open', async () => {
      const bench = await fresh();
      const epoch = await bench.backend.join(HOST);
      const run = await bench.start(await bench.define({ name: 'w', steps: [{ id: 'a', task: 'wait.signal', with: { name: 'go' } }] }));
      expect(bench.backend.unfinished({ namespace: 'default' })).toEqual({ runs: 1, jobs: 0, schedules: 0, needed: true });
      expect(await leave(bench, epoch)).toBe(false);
      await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(await leave(bench, epoch)).toBe(true);
    });
  });

  describe('work that no process can do', () => {
    const needed = (bench: Awaited<ReturnType<typeof fresh>>, ...capabilities: string[]): boolean =>
      bench.backend.unfinished({ namespace: 'default', capabilities }).needed;

    it('for worker agents alone needs none, as a job and as a step, until one holds it', async () => {
      const bench = await fresh();
      const epoch = await bench.backend.join(HOST);
      const job = await agentJob(bench);
      await bench.start(await bench.define({ name: 'w', steps: [{ id: 'a', task: 'agent.task', requires: ['agent.task'] }] }));
      expect(bench.backend.unfinished({ namespace: 'default' })).toEqual({ runs: 1, jobs: 2, schedules: 0, needed: false });
      const { worker, lease } = await leaseAs(bench, 'w');
      expect([lease.job.jobId, needed(bench)]).toEqual([job, true]);
      await reportAs(bench, worker, lease, release());
      expect(needed(bench)).toBe(false);
      expect(await bench.backend.leave({ epoch, decide: bench.decide, idleIn: 'default' })).toBe(true);
    });

    it('that expires needs one, and so does what another capability opens', async () => {
      const bench = await fresh();
      await bench.enqueue({ requires: ['gpu'] });
      expect([needed(bench), needed(bench, 'gpu')]).toEqual([false, true]);
      const epoch = await bench.backend.join({ ...HOST, capabilities: ['gpu'] });
      expect(await bench.backend.leave({ epoch, decide: bench.decide, idleIn: 'default' })).toBe(false);
      await agentJob(bench, { expiresAt: bench.now + 1_000 });
      expect(needed(bench)).toBe(true);
    });

    it('in a paused queue, or of a paused run, needs none before it goes on', async () => {
      const bench = await fresh();
      await bench.enqueue({ queue: 'q' });
      await bench.backend.updateQueue({ namespace: 'default', queue: 'q', paused: true, from: 'control' });
      expect(needed(bench)).toBe(false);
      const run = await bench.start(await bench.define({ name: 'w', steps: [{ id: 'a', task: 'wait.signal', with: { name: 'go' } }] }));
      expect(needed(bench)).toBe(true);
      await bench.send(run, { type: 'pause', by: 'me' });
      expect(needed(bench)).toBe(false);
      await bench.backend.updateQueue({ namespace: 'default', queue: 'q', paused: false, from: 'control' });
      expect(needed(bench)).toBe(true);
    });
  });

  it('a process that was not heard of for a lease is not counted as live, and one whose lock cannot be looked at is no rival', async () => {
    const bench = await fresh();
    const epoch = await bench.backend.join(HOST);
    const live = (): number[] => bench.backend.liveProcesses({ namespace: 'default' }).map((process) => process.epoch);
    expect(live()).toEqual([bench.epoch, epoch]);
    bench.now += LEASE_MS;
    expect(live()).toEqual([]);
    await bench.backend.heartbeat({ epoch });
    expect(live()).toEqual([epoch]);
  });

  it('a schedule that will fire keeps the host; one that never will does not', async () => {
    const bench = await fresh();
    const epoch = await bench.backend.join(HOST);
    await addSchedule(bench, { maxRuns: 1 });
    expect(bench.backend.unfinished({ namespace: 'default' })).toEqual({ runs: 0, jobs: 0, schedules: 1, needed: true });
    expect(await bench.backend.leave({ epoch, decide: bench.decide, idleIn: 'default' })).toBe(false);
    await passTo(bench, START + MINUTE);
    await workAll(bench);
    expect(bench.backend.unfinished({ namespace: 'default' })).toEqual({ runs: 0, jobs: 0, schedules: 0, needed: false });
    expect(await bench.backend.leave({ epoch, decide: bench.decide, idleIn: 'default' })).toBe(true);
  });

  describe('who sweeps for all', () => {
    it('is the first that asks, until it leaves; one that is no candidate only learns whether somebody does', async () => {
      const bench = await fresh();
      const { backend } = bench;
      const [one, two] = [await bench.join(), await bench.join()];
      expect(await backend.lead({ epoch: two, candidate: false })).toBe(true);
      expect(await Promise.all([one, two].map((epoch) => backend.lead({ epoch, candidate: true })))).toEqual([true, false]);
      expect(await backend.lead({ epoch: two, candidate: false })).toBe(false);
      await backend.leave({ epoch: one, decide: bench.decide });
      expect(await backend.lead({ epoch: two, candidate: true })).toBe(true);
      expect(await backend.lead({ epoch: one, candidate: true })).toBe(false);
    });

    it('is another one when its lease lapsed; renewing is rare', async () => {
      const bench = await fresh();
      const { backend } = bench;
      const [one, two] = [await bench.join(), await bench.join()];
      const lead = (epoch: number): Promise<boolean> => backend.lead({ epoch, candidate: true });
      expect(await lead(one)).toBe(true);
      const before = bench.notices.length;
      bench.now += LEASE_MS / 2 - 1;
      expect([await lead(one), await lead(two)]).toEqual([true, false]);
      expect(bench.notices.length).toBe(before);
      bench.now += 1;
      expect(await lead(one)).toBe(true);
      bench.now += LEASE_MS - 1;
      expect(await lead(two)).toBe(false);
      bench.now += 1;
      expect([await lead(two), await lead(one)]).toEqual([true, false]);
    });

    it.runIf(capabilities.shared)('is another one at once when it died', async () => {
      const bench = await fresh();
      const other = await bench.another();
      const epoch = await bench.join(other);
      expect(await other.lead({ epoch, candidate: true })).toBe(true);
      expect(await bench.backend.lead({ epoch: bench.epoch, candidate: true })).toBe(false);
      await other.close();
      expect(await bench.backend.lead({ epoch: bench.epoch, candidate: true })).toBe(true);
    });
  });

  describe('due times', () => {
    it('are left alone when they are younger than asked for', async () => {
      const bench = await fresh();
      await bench.enqueue({ runAt: bench.now + 1_000 });
      bench.now += 1_050;
      const fire = (before: number): Promise<{ fired: number }> => bench.backend.fireDue({ decide: bench.decide, limit: 10, before });
      expect(await fire(bench.now - 100)).toMatchObject({ fired: 0, nextDueAt: bench.now - 50 });
      expect(await fire(bench.now - 50)).toMatchObject({ fired: 1 });
    });
  });
}
