// Timers, pause and resume, inbox and continue, signals, approvals, events.
import { describe, expect, it } from 'vitest';
import type { Decide, ExecutionEvent } from '../../src/domain/transition.ts';
import type { Backend } from '../../src/store/backend.ts';
import { benches, type Capabilities, completed, failed, type MakeBackend } from './harness.ts';

export function waitingContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);
  const signal = (name: string, signalId: string, payload: number): ExecutionEvent => ({ type: 'signal', name, signalId, payload, by: 'me' });

  describe('timers', () => {
    it('one decision that throws holds up no other due work, is reported, and is tried again later', async () => {
      const bench = await fresh();
      const nap = await bench.define({ steps: [{ id: 's', task: 'sleep', with: { duration: '5s' } }] });
      const [poison, healthy] = [await bench.start(nap), await bench.start(nap)];
      const late = await bench.define({ steps: [{ id: 'a', task: 'x', deadline: 5_000 }] });
      const [bad, good] = [await bench.start(late), await bench.start(late)];
      const delayed = await bench.enqueue({ runAt: bench.now + 5_000 });
      const sessionId = await bench.putSession({ expiresAt: bench.now + 5_000 });
      let faulty = true;
      const decide: Decide = (view, events) => {
        if (faulty && [poison, bad].includes(view.execution.id)) throw new Error('a fault of the program');
        return bench.decide(view, events);
      };
      bench.now += 5_000;
      const errors: string[] = [];
      const fire = (): ReturnType<Backend['fireDue']> =>
        bench.backend.fireDue({ decide, limit: 500, onError: (error) => errors.push((error as Error).message) });
      expect((await fire()).nextDueAt).toBe(bench.now + 30_000);
      expect(errors).toEqual(['a fault of the program', 'a fault of the program']);
      expect([healthy, good, poison, bad].map((run) => bench.status(run))).toEqual(['completed', 'failed', 'waiting', 'running']);
      expect((await bench.claim(9)).map((job) => job.jobId)).toEqual([delayed]);
      expect(bench.backend.getSession(sessionId)?.status).toBe('expired');
      bench.now += 30_000;
      await expect(bench.backend.fireDue({ decide, limit: 500 })).rejects.toThrow('a fault of the program');
      faulty = false;
      bench.now += 30_000;
      await fire();
      expect([poison, bad].map((run) => bench.status(run))).toEqual(['completed', 'failed']);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('sleeps, times out waits and runs', async () => {
      const bench = await fresh();
      const nap = await bench.start(await bench.define({ steps: [{ id: 's', task: 'sleep', with: { duration: '5s' } }] }));
      const wait = await bench.start(await bench.define({ steps: [{ id: 's', task: 'wait.signal', with: { name: 'n' }, timeout: '6s' }] }));
      const slow = await bench.start(await bench.define({ timeout: '7s', steps: [{ id: 's', task: 'x' }] }));
      expect(bench.status(nap)).toBe('waiting');
      expect((await bench.due()).nextDueAt).toBe(bench.now + 5_000);
      await bench.pass(5_000);
      expect([nap, wait, slow].map((run) => bench.status(run))).toEqual(['completed', 'waiting', 'running']);
      await bench.pass(1_000);
      expect(bench.backend.getExecution(wait)).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
      await bench.pass(1_000);
      expect(bench.backend.getExecution(slow)).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
      expect((await bench.due()).nextDueAt).toBeNull();
    });

    it('parks timers and jobs of a paused run and delivers them after the resume', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 's', task: 'sleep', with: { duration: '5s' } },
          { id: 'a', task: 'x' },
          { id: 'b', task: 'x', needs: ['s'] },
        ],
      });
      const run = await bench.start(flow);
      expect(await bench.send(run, { type: 'pause', by: 'me' })).toMatchObject({ kind: 'applied' });
      expect(bench.status(run)).toBe('paused');
      expect(await bench.claim(9)).toEqual([]);
      await bench.pass(60_000);
      expect((await bench.due()).nextDueAt).toBeNull();
      expect(bench.step(run, 's')).toBe('waiting');
      await bench.send(run, { type: 'resume', by: 'me' });
      await bench.due();
      expect(bench.step(run, 's')).toBe('completed');
      expect((await bench.work()).sort()).toEqual(['a', 'b']);
      expect(bench.status(run)).toBe('completed');
    });

    it('a paused run with many ready jobs does not hide the work of others', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x', forEach: '${{ input.items }}', maxParallel: 2_000, priority: 90 }] });
      const run = await bench.start(flow, { input: { items: Array.from({ length: 1_500 }, (_, i) => i) } });
      await bench.drain();
      await bench.send(run, { type: 'pause', by: 'me' });
      await bench.enqueue({ name: 'mine' });
      const found: (string | null)[] = [];
      for (let round = 0; round < 10; round++) found.push(...(await bench.claim(5)).map((job) => job.name));
      expect(found).toEqual(['mine']);
      await bench.send(run, { type: 'resume', by: 'me' });
      expect((await bench.work()).length).toBe(1_500);
      expect(bench.status(run)).toBe('completed');
    });

    it('the parked jobs of a paused run hold no place; after the resume they wait at their old rank', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ maxParallelTasks: 1 });
      const flow = await bench.define({ maxParallel: 2, steps: ['a', 'b', 'c'].map((id) => ({ id, task: 'x' })) });
      const run = await bench.start(flow, { sessionId });
      await bench.send(run, { type: 'pause', by: 'me' });
      expect(await bench.claim(9)).toEqual([]);
      const first = await bench.enqueue({ name: 'first', sessionId });
      const second = await bench.enqueue({ name: 'second', sessionId });
      const job = await bench.claimOne();
      expect(job.jobId).toBe(first);
      await bench.send(run, { type: 'resume', by: 'me' });
      expect(await bench.claim(9)).toEqual([]);
      await bench.settle(job);
      expect(await bench.work()).toEqual(['a', 'b', 'c', 'second']);
      expect([bench.status(run), bench.status(second)]).toEqual(['completed', 'completed']);
      const next = await bench.enqueue({ sessionId });
      expect((await bench.claimOne()).jobId).toBe(next);
    });

    it('a paused run whose jobs wait at maxParallel goes on with as many after the resume', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ maxParallel: 2, steps: ['a', 'b', 'c', 'd'].map((id) => ({ id, task: 'x' })) }));
      const [running] = await bench.claim(1);
      await bench.send(run, { type: 'pause', by: 'me' });
      expect(await bench.claim(9)).toEqual([]);
      await bench.settle(running as never);
      expect(await bench.claim(9)).toEqual([]);
      await bench.send(run, { type: 'resume', by: 'me' });
      const two = await bench.claim(9);
      expect(two.map((job) => bench.nameOf(job))).toEqual(['b', 'c']);
      for (const job of two) await bench.settle(job);
      expect(await bench.work()).toEqual(['d']);
      expect(bench.status(run)).toBe('completed');
    });

    it('starts nothing while a run is paused: no emit, no child, no wait, no admission', async () => {
      const bench = await fresh();
      await bench.define({ name: 'kid', steps: [{ id: 'k', task: 'x' }] });
      const concurrency = { key: 'k', limit: 1, onLimit: 'queue' } as const;
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
      const holder = await bench.start(flow, { concurrency });
      const gated = await bench.start(flow, { concurrency });
      const listener = await bench.start(await bench.define({ steps: [{ id: 'l', task: 'wait.event', with: { event: 'shipped' } }] }));
      const run = await bench.start(
        await bench.define({
          steps: [
            { id: 'a', task: 'x' },
            { id: 'e', task: 'emit', with: { event: 'shipped' }, needs: ['a'] },
            { id: 'r', task: 'workflow.run', with: { workflow: 'kid' }, needs: ['a'] },
            { id: 's', task: 'sleep', with: { duration: '1h' }, needs: ['a'] },
          ],
        }),
      );
      for (const id of [gated, run]) await bench.send(id, { type: 'pause', by: 'me' });
      expect(await bench.claim(9)).toHaveLength(1);
      await bench.send(run, { type: 'resume', by: 'me' });
      const [job] = await bench.claim(1);
      await bench.send(run, { type: 'pause', by: 'me' });
      await bench.settle(job as never);
      await bench.send(holder, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      await bench.pass(7_200_000);
      expect(['a', 'e', 'r', 's'].map((id) => bench.step(run, id))).toEqual(['completed', 'pending', 'pending', 'pending']);
      expect(bench.status(listener)).toBe('waiting');
      expect(bench.backend.childrenOf({ executionId: run, limit: 9 })).toEqual([]);
      expect(bench.backend.getExecution(gated)).toMatchObject({ status: 'paused', startedAt: null });
      for (const id of [gated, run]) await bench.send(id, { type: 'resume', by: 'me' });
      expect(['a', 'e', 'r', 's'].map((id) => bench.step(run, id))).toEqual(['completed', 'completed', 'waiting', 'waiting']);
      expect(bench.status(listener)).toBe('completed');
      expect((await bench.work()).sort()).toEqual(['a', 'k']);
      expect(bench.status(gated)).toBe('completed');
      await bench.pass(3_600_000);
      expect(bench.status(run)).toBe('completed');
    });

    it('a cancel of a paused run stops what was parked', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
      await bench.send(run, { type: 'pause', by: 'me' });
      await bench.claim(9);
      await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(bench.status(run)).toBe('cancelled');
      expect(await bench.claim(9)).toEqual([]);
    });
  });

  describe('inbox', () => {
    it('carries large work on through durable pieces, in bounded transitions', async () => {
      const bench = await fresh();
      const wide = Array.from({ length: 1_300 }, (_, i) => ({ id: `s${i}`, task: 'x', needs: ['root'] }));
      const run = await bench.start(await bench.define({ steps: [{ id: 'root', task: 'x' }, ...wide] }));
      await bench.settle(await bench.claimOne());
      expect(bench.backend.pendingInbox({ limit: 9 })).toEqual([run]);
      if (capabilities.shared) await bench.reopen();
      expect((await bench.work()).length).toBe(1_300);
      expect(bench.backend.getExecution(run)).toMatchObject({ status: 'completed', openWork: 0 });
      expect(bench.backend.pendingInbox({ limit: 9 })).toEqual([]);
    });

    it('cancels a wide run in pieces and stops every job', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps: Array.from({ length: 1_300 }, (_, i) => ({ id: `s${i}`, task: 'x' })) }));
      await bench.drain();
      await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(bench.status(run)).toBe('cancelled');
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
      expect(counted['default/x/pending']).toBeUndefined();
    });
  });

  describe('signals, approvals, events', () => {
    it('buffers a signal until a step asks, counts an id once, serves who waits longest', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'w', task: 'wait.signal', with: { name: 'n' }, needs: ['a'] },
          { id: 'v', task: 'wait.signal', with: { name: 'n' }, needs: ['w'] },
        ],
      });
      const run = await bench.start(flow);
      expect(await bench.send(run, signal('n', '1', 1))).toMatchObject({ kind: 'applied', message: 'buffered' });
      expect(await bench.send(run, signal('n', '1', 1))).toMatchObject({ kind: 'replayed' });
      await bench.send(run, signal('n', '2', 2));
      await bench.work();
      expect(bench.status(run)).toBe('completed');
      expect(['w', 'v'].map((stepId) => bench.backend.getOutput({ executionId: run, stepId }))).toEqual([1, 2]);
    });

    it('wait.event hears only what comes after it began to wait, not its own start nor an emit before it', async () => {
      const bench = await fresh();
      const run = await bench.start(
        await bench.define({
          steps: [
            { id: 'own', task: 'wait.event', with: { event: 'step_started' } },
            { id: 'say', task: 'emit', with: { event: 'said' } },
            { id: 'late', task: 'wait.event', with: { event: 'said' }, needs: ['say'] },
          ],
        }),
      );
      await bench.drain();
      expect(['own', 'say', 'late'].map((id) => bench.step(run, id))).toEqual(['waiting', 'completed', 'waiting']);
      await bench.start(await bench.define({ steps: [{ id: 'say', task: 'emit', with: { event: 'said' } }] }));
      await bench.drain();
      expect(bench.backend.getOutput({ executionId: run, stepId: 'own' })).toMatchObject({ type: 'step_started', step_id: 'say' });
      expect(bench.status(run)).toBe('completed');
      const pair = await bench.start(
        await bench.define({
          steps: [
            { id: 'hear', task: 'wait.event', with: { event: 'ping', match: { n: 1 } } },
            { id: 'say', task: 'emit', with: { event: 'ping', payload: { n: 1 } } },
          ],
        }),
      );
      await bench.drain();
      expect(bench.status(pair)).toBe('completed');
    });

    it('approves by step, and wakes wait.event by application events and by log entries', async () => {
      const bench = await fresh();
      const approval = await bench.start(await bench.define({ steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Go?' } }] }));
      const approve = { type: 'approve', stepId: 'ok', approved: true, comment: null, digest: null, by: 'me', actor: 'human' } as const;
      const listener = await bench.start(await bench.define({ steps: [{ id: 'e', task: 'wait.event', with: { event: 'shipped', match: { id: 7 } } }] }));
      const watcher = await bench.start(await bench.define({ steps: [{ id: 'e', task: 'wait.event', with: { event: 'job_completed' } }] }));
      expect(await bench.send(approval, approve)).toMatchObject({ kind: 'applied' });
      expect(bench.status(approval)).toBe('completed');
      await bench.start(await bench.define({ steps: [{ id: 'e', task: 'emit', with: { event: 'shipped', payload: { id: 6 } } }] }));
      await bench.drain();
      expect(bench.status(listener)).toBe('waiting');
      await bench.start(await bench.define({ steps: [{ id: 'e', task: 'emit', with: { event: 'shipped', payload: { id: 7, more: 1 } } }] }));
      await bench.drain();
      expect(bench.backend.getOutput({ executionId: listener, stepId: 'e' })).toEqual({ id: 7, more: 1 });
      const id = await bench.enqueue();
      await bench.settle(await bench.claimOne());
      await bench.drain();
      expect(bench.backend.getOutput({ executionId: watcher, stepId: 'e' })).toMatchObject({ type: 'job_completed', job_id: id });
    });
  });

  describe('compensation and failure handlers', () => {
    it('undoes completed steps in reverse order, then runs onFailure', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x', compensate: { task: 'undo' } },
          { id: 'b', task: 'x', needs: ['a'], compensate: { task: 'undo' } },
          { id: 'c', task: 'x', needs: ['b'], retry: { maxAttempts: 1 } },
        ],
        onFailure: [{ id: 'tell', task: 'x' }],
      });
      const run = await bench.start(flow);
      expect(await bench.work((job) => (bench.nameOf(job) === 'c' ? failed() : completed()))).toEqual(['a', 'b', 'c', 'compensate:b', 'compensate:a', 'tell']);
      expect(bench.status(run)).toBe('failed');
    });

    it('also undoes when the run was cancelled', async () => {
      const bench = await fresh();
      const run = await bench.start(
        await bench.define({
          steps: [
            { id: 'a', task: 'x', compensate: { task: 'undo' } },
            { id: 'b', task: 'x', needs: ['a'] },
          ],
        }),
      );
      await bench.settle(await bench.claimOne());
      await bench.send(run, { type: 'cancel', reason: 'no', code: 'cancelled', by: 'me' });
      expect(await bench.work()).toEqual(['compensate:a']);
      expect(bench.status(run)).toBe('cancelled');
    });
  });
}
