// Worker agents: which lanes are open to them, one lease over all they hold, fencing, and what becomes of the work of the lost.
import { describe, expect, it } from 'vitest';
import type { Decide } from '../../src/domain/transition.ts';
import type { WorkerLease } from '../../src/store/backend.ts';
import type { ListFilter } from '../../src/store/port/common.ts';
import { agentJob, claimAs, complete, eventsOf, expectCounters, fail, heartbeat, ids, LEASE, leaseAs, noted, release, reportAs } from './agents.ts';
import { benches, type Capabilities, type MakeBackend } from './harness.ts';

export function workersContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('what a worker agent may take', () => {
    it('the best jobs of the lanes that require something and are all offered, never plain ones', async () => {
      const bench = await fresh();
      const plain = await bench.enqueue();
      const low = await agentJob(bench, { priority: 10 });
      const review = await agentJob(bench, { requires: ['agent.task', 'review'], priority: 90 });
      const both = await agentJob(bench, { requires: ['agent.task', 'review', 'rust'] });
      const bare = await bench.enqueue({ requires: ['review'], priority: 80 });
      expect(ids((await claimAs(bench, 'a', { limit: 9 })).leases)).toEqual([low]);
      expect(ids((await claimAs(bench, 'b', { capabilities: ['review'], limit: 9 })).leases)).toEqual([review, bare]);
      expect(ids((await claimAs(bench, 'c', { capabilities: ['rust'], limit: 9 })).leases)).toEqual([]);
      expect(ids((await claimAs(bench, 'c', { capabilities: ['rust', 'review'], limit: 9 })).leases)).toEqual([both]);
      expect((await bench.claim(9, { capabilities: ['agent.task', 'review'] })).map((job) => job.jobId)).toEqual([plain]);
    });

    it('no process is offered agent.task, and a look says what a claim would find', async () => {
      const bench = await fresh();
      const look = (forWorker: boolean, offered: readonly string[]): boolean =>
        bench.backend.hasReadyJobs({ namespace: 'default', capabilities: offered, forWorker });
      await bench.enqueue();
      expect([look(false, []), look(true, [])]).toEqual([true, false]);
      await bench.claimOne();
      await agentJob(bench);
      expect([look(false, ['agent.task']), look(true, [])]).toEqual([false, true]);
      expect(await bench.claim(9, { capabilities: ['agent.task'] })).toEqual([]);
    });

    it('its namespace, the queue that it asks for, no paused queue', async () => {
      const bench = await fresh();
      await agentJob(bench, { namespace: 'other' });
      const first = await agentJob(bench, { queue: 'a' });
      const second = await agentJob(bench, { queue: 'b' });
      await bench.backend.updateQueue({ namespace: 'default', queue: 'b', paused: true, from: 'control' });
      expect(ids((await claimAs(bench, 'w', { limit: 9, queue: 'b' })).leases)).toEqual([]);
      expect(ids((await claimAs(bench, 'w', { limit: 9 })).leases)).toEqual([first]);
      await bench.backend.updateQueue({ namespace: 'default', queue: 'b', paused: false, from: 'control' });
      expect(ids((await claimAs(bench, 'w', { limit: 9, queue: 'b' })).leases)).toEqual([second]);
    });

    it('never more than its capacity', async () => {
      const bench = await fresh();
      for (let i = 0; i < 5; i++) await agentJob(bench);
      const first = await claimAs(bench, 'w', { limit: 9, capacity: 2 });
      expect(first.leases.length).toBe(2);
      expect(first.worker).toMatchObject({ capacity: 2, held: [{ token: 1, claimedAt: bench.now }, {}] });
      const full = await claimAs(bench, 'w', { limit: 9, capacity: 2 });
      expect([full.leases, ids(full.held)]).toEqual([[], ids(first.leases)]);
      await reportAs(bench, first.worker, first.leases[0] as WorkerLease, complete());
      expect((await claimAs(bench, 'w', { limit: 9, capacity: 2 })).leases.length).toBe(1);
      expect((await claimAs(bench, 'w', { limit: 9, capacity: 1 })).leases).toEqual([]);
    });
  });

  describe('who it is', () => {
    it('a name of a principal is one worker; what it says last counts', async () => {
      const bench = await fresh();
      const first = (await claimAs(bench, 'w', { capabilities: ['b', 'a', 'b'], labels: { model: 'x' } })).worker;
      expect(first).toMatchObject({
        status: 'active',
        capabilities: ['a', 'agent.task', 'b'],
        labels: { model: 'x' },
        leaseUntil: bench.now + LEASE,
        completed: 0,
      });
      bench.now += 5;
      const again = (await claimAs(bench, 'w', { capabilities: ['c'], capacity: 3, leaseMs: 90_000 })).worker;
      expect(again).toMatchObject({
        id: first.id,
        capabilities: ['agent.task', 'c'],
        capacity: 3,
        registeredAt: bench.now - 5,
        leaseUntil: bench.now + 90_000,
      });
      expect((await claimAs(bench, 'renamed', { id: first.id })).worker).toMatchObject({ id: first.id, name: 'w' });
      expect((await claimAs(bench, 'w', { principal: 'you' })).worker.id).not.toBe(first.id);
      expect(eventsOf(bench, 'worker_joined').filter((data) => (data as { name?: string }).name === 'w').length).toBe(2);
      expect(bench.backend.getWorker(first.id)).toMatchObject({ id: first.id, principal: 'me' });
      expect(bench.backend.getWorker(bench.env.newId('worker'))).toBe(null);
    });

    it('an id is no authority: it must be of the same principal and namespace', async () => {
      const bench = await fresh();
      const { worker } = await claimAs(bench, 'w');
      await expect(claimAs(bench, 'w', { id: worker.id, principal: 'you' })).rejects.toThrow('not_found');
      await expect(claimAs(bench, 'w', { id: worker.id, namespace: 'other' })).rejects.toThrow('not_found');
      await expect(claimAs(bench, 'w', { id: bench.env.newId('worker') })).rejects.toThrow('not_found');
    });

    it('nobody else renews it, reports for it, or sends it away', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker, lease } = await leaseAs(bench, 'w');
      const { backend, decide } = bench;
      const by = { workerId: worker.id, principal: 'you' };
      const report = { jobId: id, token: lease.job.token, report: complete(), logs: [], decide };
      bench.now += 1;
      expect(await backend.reportForWorker({ ...by, ...report })).toEqual({ kind: 'not_found' });
      expect(await backend.renewWorker(by)).toBe(null);
      expect(await backend.leaveWorker({ ...by, decide })).toBe(false);
      expect(backend.getWorker(worker.id)).toMatchObject({ status: 'active', leaseUntil: bench.now - 1 + LEASE, held: [{}] });
      expect(await backend.reportForWorker({ ...by, ...report, principal: 'me' })).toMatchObject({ kind: 'ok', status: 'completed' });
    });

    it('lists, filters and covers', async () => {
      const bench = await fresh();
      const { worker: one } = await claimAs(bench, 'one', { capabilities: ['review'], capacity: 2 });
      await agentJob(bench, { requires: ['agent.task', 'review'] });
      await claimAs(bench, 'one', { capabilities: ['review'], capacity: 2 });
      bench.now += 1;
      const { worker: two } = await claimAs(bench, 'two', { capabilities: ['review'] });
      await bench.backend.leaveWorker({ workerId: two.id, decide: bench.decide });
      const list = (filter: ListFilter): string[] => bench.backend.listWorkers({ filter, limit: 9, cursor: null }).items.map((worker) => worker.name);
      expect(list({})).toEqual(['two', 'one']);
      expect([list({ status: 'active' }), list({ status: 'left' }), list({ text: 'TW' }), list({ namespace: 'no' }), list({ since: bench.now })]).toEqual([
        ['one'],
        ['two'],
        ['two'],
        [],
        ['two'],
      ]);
      const page = bench.backend.listWorkers({ filter: {}, limit: 1, cursor: null });
      expect(bench.backend.listWorkers({ filter: {}, limit: 1, cursor: page.nextCursor }).items.map((worker) => worker.name)).toEqual(['one']);
      const cover = (...requires: string[]): unknown => bench.backend.capabilityCover({ namespace: 'default', requires });
      expect(cover('agent.task', 'review')).toEqual({
        processes: 0,
        workers: [
          { id: one.id, name: 'one', active: true, free: 1 },
          { id: two.id, name: 'two', active: false, free: 9 },
        ],
      });
      expect(cover('agent.task', 'rust')).toEqual({ processes: 0, workers: [] });
      expect(cover()).toEqual({ processes: 1, workers: [] });
    });

    it('is forgotten with the other old rows once it is gone, and its name then makes a new one', async () => {
      const bench = await fresh();
      const { worker } = await claimAs(bench, 'w');
      await claimAs(bench, 'stays', { leaseMs: 9_000_000 });
      await bench.pass(LEASE);
      const retain = (): Promise<unknown> => bench.backend.retain({ olderThan: bench.now, keepExecutions: 9, limit: 100 });
      await bench.backend.renewWorker({ workerId: (await claimAs(bench, 'stays', { leaseMs: 9_000_000 })).worker.id });
      bench.now += 1;
      await retain();
      expect(bench.backend.getWorker(worker.id)).toBe(null);
      expect(bench.backend.listWorkers({ filter: {}, limit: 9, cursor: null }).items.map((one) => one.name)).toEqual(['stays']);
      expect((await claimAs(bench, 'w')).worker.id).not.toBe(worker.id);
    });
  });

  describe('a nonce', () => {
    it('gives the same leases again, those that are still held', async () => {
      const bench = await fresh();
      for (let i = 0; i < 4; i++) await agentJob(bench);
      const first = await claimAs(bench, 'w', { limit: 2, nonce: 'n1' });
      const again = await claimAs(bench, 'w', { limit: 2, nonce: 'n1' });
      expect([again.replayed, ids(again.leases), again.leases]).toEqual([true, ids(first.leases), first.leases]);
      await reportAs(bench, first.worker, first.leases[0] as WorkerLease, complete());
      expect(ids((await claimAs(bench, 'w', { limit: 2, nonce: 'n1' })).leases)).toEqual([first.leases[1]?.job.jobId]);
      const other = await claimAs(bench, 'w', { limit: 2, nonce: 'n2' });
      expect([other.replayed, other.leases.length, ids(other.held)]).toEqual([false, 2, [first.leases[1]?.job.jobId]]);
      await reportAs(bench, first.worker, first.leases[1] as WorkerLease, release());
      expect((await claimAs(bench, 'w', { limit: 2, nonce: 'n1' })).leases).toEqual([]);
      expect(ids((await claimAs(bench, 'w', { limit: 2, nonce: 'n3' })).leases)).toEqual([first.leases[1]?.job.jobId]);
      expect((await claimAs(bench, 'w', { limit: 2, nonce: 'n1' })).leases).toEqual([]);
    });

    it('is free again when its leases were given back unheard', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const first = await claimAs(bench, 'w', { nonce: 'n' });
      await reportAs(bench, first.worker, first.leases[0] as WorkerLease, { kind: 'release', note: undefined, unheard: true });
      expect(await claimAs(bench, 'w', { nonce: 'n' })).toMatchObject({ replayed: false, leases: [{ job: { jobId: id, token: 2 } }] });
    });

    it('that found nothing is free for the next try; the last eight are kept', async () => {
      const bench = await fresh();
      expect(await claimAs(bench, 'w', { nonce: 'n' })).toMatchObject({ leases: [], replayed: false });
      for (let i = 0; i < 9; i++) {
        await agentJob(bench);
        expect(await claimAs(bench, 'w', { nonce: i === 0 ? 'n' : `n${i}` })).toMatchObject({ replayed: false, leases: [{}] });
      }
      expect((await claimAs(bench, 'w', { nonce: 'n1' })).replayed).toBe(true);
      expect((await claimAs(bench, 'w', { nonce: 'n' })).replayed).toBe(false);
    });
  });

  describe('the lease', () => {
    it('is renewed by any call, for all that the worker holds', async () => {
      const bench = await fresh();
      await agentJob(bench);
      await agentJob(bench);
      const { worker, leases } = await claimAs(bench, 'w', { limit: 2 });
      const [one, two] = leases as [WorkerLease, WorkerLease];
      expect(one.leaseUntil).toBe(bench.now + LEASE);
      const calls = [
        () => reportAs(bench, worker, one, heartbeat),
        () => reportAs(bench, worker, one, noted({ at: 1 }, 0.5)),
        () => bench.backend.renewWorker({ workerId: worker.id }),
        () => claimAs(bench, 'w'),
        () => reportAs(bench, worker, { ...two, job: { ...two.job, token: 99 } }, heartbeat),
        () => reportAs(bench, worker, one, complete()),
      ];
      for (const call of calls) {
        await bench.pass(LEASE - 1);
        await call();
        expect(bench.backend.getJob(two.job.jobId)?.worker).toEqual({ id: worker.id, name: 'w', leaseUntil: bench.now + LEASE });
      }
      expect(await bench.backend.renewWorker({ workerId: bench.env.newId('worker') })).toBe(null);
      await bench.pass(LEASE);
      expect(bench.backend.getJob(two.job.jobId)).toMatchObject({ status: 'pending', worker: null, crashes: 1, attempt: 0 });
      expectCounters(bench);
    });

    it('runs out: its jobs count as crashed, and the next worker gets what was noted', async () => {
      const bench = await fresh();
      const id = await agentJob(bench, { payload: { prompt: 'p' } });
      const { worker, lease } = await leaseAs(bench, 'a');
      expect(lease).toMatchObject({
        job: { jobId: id, token: 1, attempt: 1, payload: { prompt: 'p' }, step: null },
        claimedAt: bench.now,
        previous: null,
        crashes: 0,
      });
      expect((await bench.due()).nextDueAt).toBe(bench.now + LEASE);
      await reportAs(bench, worker, lease, noted({ done: 3 }, 0.3, 'three'));
      await reportAs(bench, worker, lease, { kind: 'progress', share: null, message: 'four', note: undefined });
      expect(bench.backend.getJob(id)).toMatchObject({ checkpoint: { done: 3 }, progress: { share: 0.3, message: 'four' } });
      await bench.pass(LEASE);
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ status: 'lost', held: [], crashes: 1 });
      expect(eventsOf(bench, 'worker_lost')).toEqual([{ worker_id: worker.id, name: 'a', jobs: 1 }]);
      expect(bench.notices.some((notice) => notice.stopJobs.some((stop) => stop.jobId === id && stop.forced))).toBe(true);
      const next = await leaseAs(bench, 'b');
      expect(next.lease).toMatchObject({
        job: { jobId: id, token: 2, attempt: 1 },
        crashes: 1,
        previous: { attempt: 1, note: { done: 3 }, share: 0.3, message: 'four' },
      });
      expect(await reportAs(bench, worker, lease, complete(1))).toEqual({ kind: 'lease_lost', holder: `worker b (${next.worker.id})`, status: 'running' });
      expect(await reportAs(bench, next.worker, next.lease, complete(2))).toMatchObject({ kind: 'ok', status: 'completed' });
      expect(bench.backend.getJob(id)).toMatchObject({ result: 2, worker: null, checkpoint: { done: 3 } });
      expectCounters(bench);
    });

    it('whose end nobody watched gets one process lease more, a short one as long as it is', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker, lease } = await leaseAs(bench, 'w');
      await claimAs(bench, 'short', { leaseMs: 2_000 });
      const status = (name: string): unknown => bench.backend.listWorkers({ filter: { text: name }, limit: 1, cursor: null }).items[0]?.status;
      await bench.pass(3_600_000);
      expect([status('w'), status('short')]).toEqual(['active', 'active']);
      await bench.pass(2_000);
      expect(status('short')).toBe('lost');
      await bench.pass(27_999);
      expect(await reportAs(bench, worker, lease, heartbeat)).toMatchObject({ kind: 'ok' });
      await bench.pass(3_600_000);
      expect(bench.status(id)).toBe('running');
      await bench.pass(30_000);
      expect([status('w'), bench.status(id)]).toEqual(['lost', 'pending']);
    });

    it('a worker that was lost is back with its next call, its old tokens are not', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker, lease } = await leaseAs(bench, 'w', { nonce: 'n' });
      await bench.pass(LEASE);
      expect(await reportAs(bench, worker, lease, heartbeat)).toEqual({ kind: 'lease_lost', holder: null, status: 'pending' });
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ status: 'active', leaseUntil: bench.now + LEASE });
      expect(eventsOf(bench, 'worker_joined').length).toBe(3);
      const again = await claimAs(bench, 'w', { nonce: 'n' });
      expect(again).toMatchObject({ replayed: true, leases: [] });
      const next = await leaseAs(bench, 'w', { nonce: 'n2' });
      expect(next.lease.job).toMatchObject({ jobId: id, token: 2 });
      for (const report of [complete(), fail(), release(), heartbeat])
        expect(await reportAs(bench, worker, lease, report)).toMatchObject({ kind: 'lease_lost' });
      expect(await reportAs(bench, worker, next.lease, complete())).toMatchObject({ kind: 'ok' });
    });

    it('lost again and again with the same job, gives that job up', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      for (let crash = 1; crash <= 6; crash++) {
        expect((await claimAs(bench, `w${crash}`)).leases.length).toBe(1);
        await bench.pass(LEASE);
      }
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'failed', dead: true, crashes: 6, error: { code: 'crash_loop' } });
      expectCounters(bench);
    });

    it('one job whose run cannot be advanced holds up no other', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x', requires: ['r'], deadline: 61_000 }] });
      const poison = await bench.start(flow);
      const id = await agentJob(bench);
      const other = await agentJob(bench);
      const { worker } = await claimAs(bench, 'w', { capabilities: ['r'], limit: 9 });
      expect(worker.held.length).toBe(3);
      const errors: unknown[] = [];
      let faulty = true;
      const decide: Decide = (view, events) => {
        if (faulty && view.execution.id === poison) throw new Error('a fault of the program');
        return bench.decide(view, events);
      };
      const due = (): Promise<unknown> => bench.backend.fireDue({ decide, limit: 100, onError: (error) => errors.push((error as Error).message) });
      bench.now += 61_000;
      await due();
      expect(errors).toEqual(['a fault of the program']);
      expect([bench.status(id), bench.status(other), bench.status(poison)]).toEqual(['pending', 'pending', 'running']);
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ status: 'lost', held: [] });
      faulty = false;
      bench.now += 30_000;
      await due();
      expect(bench.status(poison)).toBe('failed');
      expectCounters(bench);
    });

    it('a late result and the end of the lease: the commit that comes first decides', async () => {
      for (const first of ['due', 'complete'] as const) {
        const bench = await fresh();
        const id = await agentJob(bench);
        const { worker, lease } = await leaseAs(bench, 'w');
        bench.now += LEASE;
        const acts = { due: () => bench.due(), complete: () => reportAs(bench, worker, lease, complete('late')) };
        const calls = first === 'due' ? [acts.due(), acts.complete()] : [acts.complete(), acts.due()];
        const results = await Promise.all(calls);
        const reported = results[first === 'due' ? 1 : 0] as { kind: string };
        expect(reported.kind).toBe(first === 'due' ? 'lease_lost' : 'ok');
        expect(bench.backend.getJob(id)).toMatchObject(first === 'due' ? { status: 'pending', crashes: 1 } : { status: 'completed', result: 'late' });
        // Lost for a moment and back with its call, or never lost.
        expect(bench.backend.getWorker(worker.id)?.status).toBe('active');
        expect(eventsOf(bench, 'worker_lost').length).toBe(first === 'due' ? 1 : 0);
        expectCounters(bench);
      }
    });

    it('is ended once, whoever looks at the same time', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker } = await leaseAs(bench, 'w');
      bench.now += LEASE;
      await Promise.all([bench.due(), bench.due()]);
      expect(eventsOf(bench, 'worker_lost').length).toBe(1);
      expect([bench.backend.getWorker(worker.id)?.crashes, bench.backend.getJob(id)?.crashes]).toEqual([1, 1]);
    });

    it('gives places in gates back when it runs out', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 1 });
      await agentJob(bench, { sessionId });
      const second = await agentJob(bench, { sessionId, priority: 90 });
      await claimAs(bench, 'a', { limit: 9 });
      expect((await claimAs(bench, 'b', { limit: 9 })).leases).toEqual([]);
      await bench.pass(LEASE);
      expect(ids((await claimAs(bench, 'b', { limit: 9 })).leases)).toEqual([second]);
    });
  });
}
