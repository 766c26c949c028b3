// What worker agents report: each end once and by its holder only, outputs, cancels, timeouts; beside processes, and in two of them.
import { describe, expect, it } from 'vitest';
import type { NewJob } from '../../src/domain/job.ts';
import { DEFAULT_RETRY } from '../../src/domain/retry-policy.ts';
import { MAX_NOTE_BYTES } from '../../src/domain/worker-agent.ts';
import type { WorkerLease } from '../../src/store/backend.ts';
import { agentJob, claimAs, complete, eventsOf, expectCounters, fail, heartbeat, ids, LEASE, leaseAs, noted, release, reportAs } from './agents.ts';
import { benches, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';

const RETRY = { ...DEFAULT_RETRY, maxAttempts: 2, initialIntervalMs: 1_000, jitter: 'none' as const };

export function workerReportsContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('reports', () => {
    it('of an end are taken once and replayed; a wrong token, worker or job is told apart', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker, lease } = await leaseAs(bench, 'w');
      const { worker: thief } = await claimAs(bench, 'thief');
      expect(await reportAs(bench, thief, lease, complete())).toEqual({ kind: 'lease_lost', holder: `worker w (${worker.id})`, status: 'running' });
      expect(await reportAs(bench, worker, { ...lease, job: { ...lease.job, token: 7 } }, complete())).toMatchObject({ kind: 'lease_lost' });
      expect(await reportAs(bench, { id: bench.env.newId('worker') }, lease, complete())).toEqual({ kind: 'not_found' });
      expect(await reportAs(bench, worker, { ...lease, job: { ...lease.job, jobId: bench.env.newId('job') } }, complete())).toEqual({ kind: 'not_found' });
      expect(await reportAs(bench, worker, lease, complete({ ok: true }))).toEqual({
        kind: 'ok',
        status: 'completed',
        runAt: null,
        leaseUntil: bench.now + LEASE,
        cancelRequested: false,
      });
      expect(await reportAs(bench, worker, lease, complete({ ok: false }))).toEqual({ kind: 'replayed', status: 'completed' });
      expect(await reportAs(bench, thief, lease, complete())).toMatchObject({ kind: 'lease_lost', holder: null });
      for (const report of [fail(), release(), heartbeat]) expect(await reportAs(bench, worker, lease, report)).toMatchObject({ kind: 'lease_lost' });
      expect(bench.backend.getJob(id)).toMatchObject({ result: { ok: true }, attempt: 1 });
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ completed: 1, failed: 0, held: [] });
    });

    it('of a failure follow the retry policy, and are replayed until the next claim', async () => {
      const bench = await fresh();
      const id = await agentJob(bench, { retry: RETRY });
      const { worker, lease } = await leaseAs(bench, 'w');
      expect(await reportAs(bench, worker, lease, fail())).toMatchObject({ kind: 'ok', status: 'retry', runAt: bench.now + 1_000 });
      expect(await reportAs(bench, worker, lease, fail())).toEqual({ kind: 'replayed', status: 'retry' });
      expect(await reportAs(bench, worker, lease, complete())).toMatchObject({ kind: 'lease_lost', status: 'retry' });
      await bench.pass(1_000);
      expect(await reportAs(bench, worker, lease, fail())).toEqual({ kind: 'replayed', status: 'pending' });
      const second = await leaseAs(bench, 'w');
      expect(second.lease).toMatchObject({ job: { token: 2, attempt: 2 }, previous: { attempt: 1, note: null, share: null } });
      expect(await reportAs(bench, worker, lease, fail())).toMatchObject({ kind: 'lease_lost' });
      expect(await reportAs(bench, worker, second.lease, fail())).toMatchObject({ kind: 'ok', status: 'failed' });
      expect(await reportAs(bench, worker, second.lease, fail())).toEqual({ kind: 'replayed', status: 'failed' });
      expect(bench.backend.getJob(id)).toMatchObject({ dead: true, attempt: 2, crashes: 0 });
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ failed: 2 });
    });

    it('of a release give the job back unharmed, with its note', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker, lease } = await leaseAs(bench, 'w');
      expect(await reportAs(bench, worker, lease, release({ tried: 'x' }))).toMatchObject({ kind: 'ok', status: 'pending' });
      expect(await reportAs(bench, worker, lease, release())).toEqual({ kind: 'replayed', status: 'pending' });
      expect(await reportAs(bench, worker, lease, fail())).toMatchObject({ kind: 'lease_lost' });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending', attempt: 0, crashes: 0, checkpoint: { tried: 'x' } });
      expect((await leaseAs(bench, 'v')).lease.previous).toMatchObject({ note: { tried: 'x' } });
    });

    it('keep logs, and refuse a note that is too large without losing the lease', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker, lease } = await leaseAs(bench, 'w');
      const line = { at: bench.now, level: 'info', message: 'hello', fields: null };
      await bench.backend.reportForWorker({ workerId: worker.id, jobId: id, token: 1, report: heartbeat, logs: [line], decide: bench.decide });
      expect(bench.backend.jobLogs({ jobId: id })).toEqual([line]);
      const largest = 'x'.repeat(MAX_NOTE_BYTES - 2);
      expect(await reportAs(bench, worker, lease, noted(largest))).toMatchObject({ kind: 'ok' });
      await expect(reportAs(bench, worker, lease, noted(`${largest}x`))).rejects.toMatchObject({ code: 'limit_exceeded', path: 'note' });
      await expect(reportAs(bench, worker, lease, release(`${largest}x`))).rejects.toMatchObject({ code: 'limit_exceeded' });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'running', checkpoint: largest });
      await reportAs(bench, worker, lease, noted(null));
      expect(bench.backend.getJob(id)?.checkpoint).toBe(null);
    });

    it('of an output that does not fit its schema keep the lease; a process fails its attempt with it', async () => {
      const bench = await fresh();
      const outputSchema = { required: ['summary'] };
      const id = await agentJob(bench, { outputSchema });
      const { worker, lease } = await leaseAs(bench, 'w');
      expect(lease.outputSchema).toEqual(outputSchema);
      bench.now += 10;
      expect(await reportAs(bench, worker, lease, complete({ other: 1 }))).toEqual({
        kind: 'output_invalid',
        leaseUntil: bench.now + LEASE,
        faults: [{ path: 'summary', message: 'is missing' }],
      });
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'running', attempt: 1, worker: { id: worker.id } });
      const large = { summary: 'x'.repeat(16_777_216) };
      expect(await reportAs(bench, worker, lease, complete(large))).toMatchObject({ kind: 'output_invalid', faults: [{ path: '' }] });
      expect(await reportAs(bench, worker, lease, complete({ summary: 's' }))).toMatchObject({ kind: 'ok', status: 'completed' });

      const local = await bench.enqueue({ outputSchema, retry: RETRY });
      expect(await bench.settle(await bench.claimOne(), completed({}))).toMatchObject({ kind: 'settled', status: 'failed' });
      expect(bench.backend.getJob(local)?.error).toMatchObject({ code: 'output_invalid', path: 'summary', retryable: false, details: { faults: [{}] } });
      const insisting = await bench.enqueue({ outputSchema, retry: { ...RETRY, retryOn: ['output_invalid'] } });
      expect(await bench.settle(await bench.claimOne(), completed([]))).toMatchObject({ status: 'retry' });
      await bench.pass(1_000);
      expect(await bench.settle(await bench.claimOne(), completed({ summary: 1 }))).toMatchObject({ status: 'completed' });
      expect(bench.status(insisting)).toBe('completed');
    });

    it('leave a note that a redrive keeps, and that other work under the same dedupe key does not get', async () => {
      const bench = await fresh();
      const dedupe = { key: 'k', mode: 'replace' as const, windowMs: 0, delayMs: 0, maxWaitMs: null };
      const id = await agentJob(bench, { dedupe, outputSchema: { required: ['old'] } });
      const first = await leaseAs(bench, 'w');
      await reportAs(bench, first.worker, first.lease, noted({ done: 1 }, 0.5));
      await reportAs(bench, first.worker, first.lease, fail());
      expect(await bench.backend.redriveJob({ jobId: id })).toMatchObject({ kind: 'redriven' });
      const second = await leaseAs(bench, 'w');
      expect(second.lease).toMatchObject({ job: { token: 2, attempt: 1 }, previous: { attempt: 1, note: { done: 1 }, share: null } });
      await reportAs(bench, second.worker, second.lease, release());
      expect(await agentJob(bench, { dedupe, payload: { n: 2 }, outputSchema: { required: ['new'] } })).toBe(id);
      expect((await leaseAs(bench, 'w')).lease).toMatchObject({ job: { payload: { n: 2 } }, previous: null, outputSchema: { required: ['new'] } });
    });

    it('say that a cancel was asked for; what does not stop is ended after the grace', async () => {
      const bench = await fresh();
      const [first, second, third] = [await agentJob(bench), await agentJob(bench), await agentJob(bench)];
      const { worker, leases } = await claimAs(bench, 'w', { limit: 3 });
      const [one, two, three] = leases as [WorkerLease, WorkerLease, WorkerLease];
      for (const id of [first, second, third]) expect(await bench.cancel(id)).toEqual({ kind: 'requested', status: 'running' });
      expect(await reportAs(bench, worker, one, heartbeat)).toMatchObject({ kind: 'ok', status: 'running', cancelRequested: true });
      expect(await reportAs(bench, worker, one, release())).toMatchObject({ kind: 'ok', status: 'cancelled' });
      expect(await reportAs(bench, worker, two, complete(2))).toMatchObject({ kind: 'ok', status: 'completed' });
      await bench.pass(10_000);
      expect([bench.status(first), bench.status(second), bench.status(third)]).toEqual(['cancelled', 'completed', 'cancelled']);
      expect(await reportAs(bench, worker, three, complete(3))).toEqual({ kind: 'lease_lost', holder: null, status: 'cancelled' });
      expectCounters(bench);
    });

    it('come too late after the timeout of the attempt, which the retry policy follows, or after the deadline', async () => {
      const bench = await fresh();
      const id = await agentJob(bench, { timeoutMs: 5_000, retry: RETRY });
      const { worker, lease } = await leaseAs(bench, 'w');
      expect((await bench.due()).nextDueAt).toBe(bench.now + 5_000);
      await bench.pass(5_000);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'retry', error: { code: 'timeout' }, worker: null });
      expect(await reportAs(bench, worker, lease, complete())).toMatchObject({ kind: 'lease_lost', status: 'retry' });
      await bench.pass(1_000);
      await claimAs(bench, 'w');
      await bench.pass(5_000);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'failed', dead: true, attempt: 2, crashes: 0 });
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x', requires: ['r'], deadline: 9_000, timeout: 8_000, retry: { maxAttempts: 9 } }] });
      const run = await bench.start(flow);
      expect((await leaseAs(bench, 'w', { capabilities: ['r'] })).lease.job).toMatchObject({ timeoutMs: 8_000, deadlineAt: bench.now + 9_000 });
      await bench.pass(8_000);
      await bench.pass(1_000);
      expect(bench.status(run)).toBe('failed');
      expectCounters(bench);
    });
  });

  describe('beside processes', () => {
    it('neither side writes what the other holds', async () => {
      const bench = await fresh();
      const mine = await bench.enqueue({ requires: ['r'] });
      const { worker, lease } = await leaseAs(bench, 'w', { capabilities: ['r'] });
      const handle = { jobId: mine, token: lease.job.token };
      for (const outcome of [completed(), failed(), { status: 'released' as const }])
        expect(await bench.settle(handle, outcome)).toEqual({ kind: 'lease_lost' });
      expect(await bench.backend.reportProgress({ ...handle, share: 1, message: null, logs: [] })).toBe(false);
      await bench.backend.leave({ epoch: bench.epoch, decide: bench.decide });
      expect(bench.backend.getJob(mine)).toMatchObject({ status: 'running', owner: null, worker: { id: worker.id } });
      await reportAs(bench, worker, lease, release());
      bench.epoch = await bench.join();
      const [job] = await bench.claim(1, { capabilities: ['r'] });
      expect(job).toMatchObject({ jobId: mine, token: 2 });
      expect(bench.backend.getJob(mine)).toMatchObject({ owner: bench.epoch, worker: null });
      const stolen = { ...lease, job: { ...lease.job, token: 2 } };
      expect(await reportAs(bench, worker, stolen, complete())).toEqual({ kind: 'lease_lost', holder: `process ${bench.epoch}`, status: 'running' });
      await bench.pass(LEASE);
      expect(bench.status(mine)).toBe('running');
      expect(await bench.settle(job as never)).toMatchObject({ kind: 'settled', status: 'completed' });
    });

    it('a worker that leaves gives all back unharmed', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker, lease } = await leaseAs(bench, 'w');
      expect(await bench.backend.leaveWorker({ workerId: worker.id, decide: bench.decide })).toBe(true);
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending', attempt: 0, crashes: 0, worker: null });
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ status: 'left', held: [], crashes: 0 });
      expect(eventsOf(bench, 'worker_lost')).toEqual([{ worker_id: worker.id, name: 'w', jobs: 0, graceful: true }]);
      expect(await reportAs(bench, worker, lease, complete())).toMatchObject({ kind: 'lease_lost' });
      expect((await bench.backend.renewWorker({ workerId: worker.id }))?.status).toBe('left');
      expect(await bench.backend.leaveWorker({ workerId: worker.id, decide: bench.decide })).toBe(true);
      expect(await bench.backend.leaveWorker({ workerId: bench.env.newId('worker'), decide: bench.decide })).toBe(false);
      expect((await claimAs(bench, 'w')).worker).toMatchObject({ id: worker.id, status: 'active' });
      expect(eventsOf(bench, 'worker_lost').length).toBe(1);
    });

    it('a worker that crashed loses all at once, each job counted as crashed', async () => {
      const bench = await fresh();
      const id = await agentJob(bench);
      const { worker } = await leaseAs(bench, 'w');
      expect(await bench.backend.leaveWorker({ workerId: worker.id, how: 'crashed', decide: bench.decide })).toBe(true);
      await bench.due();
      expect(bench.backend.getJob(id)).toMatchObject({ status: 'pending', attempt: 0, crashes: 1, worker: null });
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ status: 'lost', crashes: 1, held: [] });
    });

    it('a worker that leaves is gone, also when one of its jobs cannot be given back: that one follows', async () => {
      const bench = await fresh();
      const poison = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x', requires: ['r'], deadline: 5_000 }] }));
      const healthy = await agentJob(bench);
      const { worker, leases } = await claimAs(bench, 'w', { capabilities: ['r'], limit: 2 });
      expect(leases.length).toBe(2);
      bench.now += 5_000;
      const decide = (): never => {
        throw new Error('a fault of the program');
      };
      expect(await bench.backend.leaveWorker({ workerId: worker.id, decide })).toBe(true);
      expect(bench.backend.getWorker(worker.id)).toMatchObject({ status: 'left', held: [] });
      expect([bench.status(healthy), bench.status(poison)]).toEqual(['pending', 'running']);
      await bench.due();
      expect(bench.status(poison)).toBe('failed');
      expectCounters(bench);
    });

    it('a step over many items is done by several workers, one of which is lost', async () => {
      const bench = await fresh();
      const output = { required: ['n'] };
      const flow = await bench.define({
        steps: [
          { id: 'each', task: 'agent.task', with: { prompt: 'do it' }, forEach: '${{ [1, 2, 3, 4, 5, 6] }}', requires: ['agent.task'], output },
          { id: 'after', task: 'x', needs: ['each'] },
        ],
      });
      const run = await bench.start(flow);
      await bench.drain();
      const lost = await claimAs(bench, 'lost', { limit: 2 });
      expect(lost.leases.map(({ job, outputSchema }) => [job.step?.item, outputSchema])).toEqual([
        [0, output],
        [1, output],
      ]);
      const { worker, leases } = await claimAs(bench, 'a', { limit: 4 });
      const started = bench.backend.readEvents({ after: 0, limit: 9, types: ['step_started'] }).filter((event) => event.itemIndex !== undefined);
      expect(started.map((event) => event.data.worker)).toEqual(['lost', 'lost', 'a', 'a', 'a', 'a']);
      expect(await reportAs(bench, worker, leases[0] as WorkerLease, complete({}))).toMatchObject({ kind: 'output_invalid' });
      const done = async (w: { readonly id: string }, lease: WorkerLease): Promise<void> => {
        expect(await reportAs(bench, w, lease, complete({ n: lease.job.step?.item ?? -1 }))).toMatchObject({ kind: 'ok', status: 'completed' });
      };
      for (const lease of leases) await done(worker, lease);
      await bench.pass(LEASE);
      const rest = await claimAs(bench, 'b', { limit: 4 });
      expect(rest.leases.map(({ job }) => job.step?.item)).toEqual([0, 1]);
      for (const lease of rest.leases) await done(rest.worker, lease);
      expect(await bench.work()).toEqual(['after']);
      expect(bench.status(run)).toBe('completed');
      expect(bench.backend.getOutput({ executionId: run, stepId: 'each' })).toMatchObject([0, 1, 2, 3, 4, 5].map((n) => ({ n })));
      expectCounters(bench);
    });

    it('the stop of a run reaches the worker that works for it', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x', requires: ['r'] }] }));
      const { worker, lease } = await leaseAs(bench, 'w', { capabilities: ['r'] });
      await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(await reportAs(bench, worker, lease, heartbeat)).toMatchObject({ cancelRequested: true });
      expect(await reportAs(bench, worker, lease, release())).toMatchObject({ status: 'cancelled' });
      await bench.drain();
      expect(bench.status(run)).toBe('cancelled');
    });
  });

  describe.runIf(capabilities.shared)('workers of two processes', () => {
    it('race for the same jobs, and each job is given once', async () => {
      const bench = await fresh();
      const other = await bench.another();
      const jobs: NewJob[] = Array.from({ length: 60 }, () => bench.job({ task: 'agent.task', requires: ['agent.task'] }));
      await bench.backend.enqueueJobs({ jobs });
      const given: string[] = [];
      const run = async (name: string, backend: typeof other): Promise<void> => {
        for (;;) {
          const { worker, leases } = await claimAs(bench, name, { limit: 3, backend });
          if (leases.length === 0) return;
          given.push(...ids(leases));
          for (const lease of leases) expect(await reportAs(bench, worker, lease, complete(name), backend)).toMatchObject({ kind: 'ok' });
        }
      };
      await Promise.all([run('a', bench.backend), run('b', other), run('c', other), run('d', bench.backend)]);
      expect([...given].sort()).toEqual(jobs.map((job) => job.id).sort());
      expectCounters(bench);
    });

    it('the end of a lease in one and a late result in the other: exactly one counts', async () => {
      const bench = await fresh();
      const other = await bench.another();
      for (let round = 0; round < 10; round++) {
        const id = await agentJob(bench);
        const { worker, lease } = await leaseAs(bench, `w${round}`);
        bench.now += LEASE;
        const [, late] = await Promise.all([bench.due(), reportAs(bench, worker, lease, complete('late'), other)]);
        await bench.settled();
        const job = bench.backend.getJob(id);
        expect(job).toMatchObject(late.kind === 'ok' ? { status: 'completed', result: 'late', crashes: 0 } : { status: 'pending', crashes: 1 });
        if (late.kind !== 'ok') expect(await reportAs(bench, worker, (await leaseAs(bench, `w${round}`)).lease, complete())).toMatchObject({ kind: 'ok' });
      }
      expectCounters(bench);
    });
  });
}
