// Ends of sessions: a close that cancels much and is cut short, the crash of who spoke, and what is forgotten of them and of inline definitions.
import { describe, expect, it } from 'vitest';
import { normaliseDefinition } from '../../src/domain/normalise-definition.ts';
import { type Bench, benches, type Capabilities, type MakeBackend } from './harness.ts';

const DAY = 86_400_000;
const one = { id: 'a', task: 'x' };

export function sessionEndsContract(make: MakeBackend, _capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('the end of a session', () => {
    it('cancels all it owns, however much it is, also when who closes it dies on the way', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'sleep', with: { duration: '1d' } }] });
      const runs = await Promise.all(Array.from({ length: 1_100 }, () => bench.start(flow, { sessionId })));
      const jobs = await Promise.all(Array.from({ length: 600 }, () => bench.enqueue({ sessionId })));
      const other = await bench.start(flow, { sessionId: await bench.putSession() });
      let decided = 0;
      // The second piece of the work comes to an end in the middle.
      const dying: Bench['decide'] = (view, events) => {
        if (decided++ >= 700) throw new Error('killed');
        return bench.decide(view, events);
      };
      await expect(bench.backend.closeSession({ id: sessionId, status: 'completed', policy: 'cancel', decide: dying })).rejects.toThrow('killed');
      expect(bench.backend.getSession(sessionId)?.status).toBe('completed');
      const open = (): number => [...runs, ...jobs].filter((id) => bench.status(id) !== 'cancelled').length;
      expect(open()).toBeGreaterThan(600);
      expect((await bench.due()).nextDueAt).toBe(bench.now);
      for (let rounds = 0; rounds < 5; rounds++) await bench.due();
      await bench.drain();
      expect(open()).toBe(0);
      expect(bench.status(other)).toBe('waiting');
      expect(await bench.backend.closeSession({ id: sessionId, status: 'completed', policy: 'cancel', decide: bench.decide })).toMatchObject({
        closed: false,
        cancelled: 0,
      });
      expect((await bench.due()).nextDueAt).toBe(bench.now + DAY);
    });

    it('cancels in one call what is more than a piece, and says how much', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession();
      await Promise.all(Array.from({ length: 1_200 }, () => bench.enqueue({ sessionId })));
      const closed = await bench.backend.closeSession({ id: sessionId, status: 'completed', policy: 'cancel', decide: bench.decide });
      expect(closed).toMatchObject({ closed: true, cancelled: 1_200 });
      expect(await bench.claim(9)).toEqual([]);
      expect((await bench.due()).nextDueAt).toBeNull();
    });

    it('keeps a process while a close goes on', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x', requires: ['none'] }] });
      await Promise.all(Array.from({ length: 502 }, () => bench.start(flow, { sessionId })));
      expect(bench.backend.unfinished({ namespace: 'default' }).needed).toBe(false);
      let decided = 0;
      const dying: Bench['decide'] = (view, events) => {
        if (decided++ >= 500) throw new Error('killed');
        return bench.decide(view, events);
      };
      await expect(bench.backend.closeSession({ id: sessionId, status: 'completed', policy: 'cancel', decide: dying })).rejects.toThrow('killed');
      expect(bench.backend.unfinished({ namespace: 'default' }).needed).toBe(true);
      await bench.due();
      expect(bench.backend.unfinished({ namespace: 'default' })).toMatchObject({ runs: 0, needed: false });
    });

    it('comes with the crash of the process through which somebody spoke; the work goes on', async () => {
      const bench = await fresh();
      const gone = await bench.join();
      const theirs = await bench.putSession({ implicit: true, metadata: { epoch: gone } });
      const mine = await bench.putSession({ implicit: true, metadata: { epoch: bench.epoch } });
      const kept = await bench.putSession({ metadata: { epoch: gone } });
      const job = await bench.enqueue({ sessionId: theirs });
      for (let i = 0; i < 2; i++) {
        bench.now += 20_000;
        await bench.backend.heartbeat({ epoch: bench.epoch });
        await bench.backend.reclaim({ epoch: bench.epoch, decide: bench.decide });
      }
      expect([theirs, mine, kept].map((id) => bench.backend.getSession(id)?.status)).toEqual(['failed', 'active', 'active']);
      expect(bench.backend.readEvents({ after: 0, limit: 9, sessionId: theirs }).map((event) => event.type)).toEqual([
        'session_created',
        'job_enqueued',
        'session_closed',
      ]);
      expect((await bench.claimOne()).jobId).toBe(job);
    });
  });

  describe('what is forgotten', () => {
    const retain = async (bench: Bench): Promise<void> => {
      for (let more = true; more; ) more = (await bench.backend.retain({ olderThan: bench.now - DAY, keepExecutions: 1_000, limit: 500 })).more;
    };
    const call = { at: 1, tool: 't', argumentsDigest: 'd', outcome: 'ok', result: null, durationMs: 1 };

    it('closed sessions with their calls, once none of their work is kept; open ones stay, and no number is given twice', async () => {
      const bench = await fresh();
      const ids = await Promise.all(Array.from({ length: 45 }, () => bench.putSession()));
      const [open, working] = [await bench.putSession(), await bench.putSession()];
      for (const sessionId of [...ids, open, working]) await bench.backend.recordCall({ sessionId, call });
      await bench.enqueue({ sessionId: working });
      for (const id of [...ids, working]) await bench.backend.closeSession({ id, status: 'completed', policy: 'detach', decide: bench.decide });
      const last = ids.at(-1) as string;
      bench.now += DAY / 2;
      await retain(bench);
      expect(bench.backend.getSession(last)).not.toBeNull();
      bench.now += DAY;
      await retain(bench);
      expect(ids.map((id) => bench.backend.getSession(id)).filter((session) => session !== null)).toEqual([]);
      expect([open, working].map((id) => bench.backend.sessionCalls({ sessionId: id, limit: 9 }).length)).toEqual([1, 1]);
      await bench.settle(await bench.claimOne());
      bench.now += 2 * DAY;
      await retain(bench);
      expect(bench.backend.getSession(working)).toBeNull();
      const next = await bench.putSession();
      expect(bench.backend.sessionCalls({ sessionId: next, limit: 9 })).toEqual([]);
      const job = await bench.enqueue({ sessionId: next });
      expect(bench.backend.getJob(job)?.sessionId).toBe(next);
    });

    const inline = async (bench: Bench, name: string, step: string): Promise<{ id: string; flow: { workflow: string; version: number; hash: string } }> => {
      const { definition } = normaliseDefinition({ name, steps: [{ id: step, task: 'x' }] });
      if (definition === null) throw new Error('wrong');
      const hash = `${name}-${step}`;
      const put = await bench.backend.putDefinition({ id: bench.env.newId('workflow'), namespace: 'default', definition, hash, listed: false });
      if (put.kind === 'conflict') throw new Error(put.error.message);
      return { id: put.stored.id, flow: { workflow: name, version: put.stored.version, hash } };
    };

    it('inline definitions and deleted versions that no run needs; a run that is kept keeps its own', async () => {
      const bench = await fresh();
      const [old, long, listed] = [await inline(bench, 'once', 'a'), await inline(bench, 'long', 'a'), await bench.define({ name: 'known', steps: [one] })];
      const deleted = bench.backend.findDefinition({ namespace: 'default', name: 'known' });
      const [run, open] = [await bench.start(old.flow), await bench.start(long.flow)];
      await bench.settle(await bench.claimOne());
      expect(bench.status(run)).toBe('completed');
      await bench.define({ name: 'known', steps: [{ id: 'b', task: 'x' }] });
      await bench.backend.deleteDefinition({ id: deleted?.id as string });
      bench.now += DAY / 2;
      await retain(bench);
      expect([old, long].map(({ id }) => bench.backend.definitionById(id) !== null)).toEqual([true, true]);
      bench.now += DAY;
      await retain(bench);
      await retain(bench);
      expect(bench.backend.getExecution(run)).toBeNull();
      expect([old.id, long.id, deleted?.id as string].map((id) => bench.backend.definitionById(id) !== null)).toEqual([false, true, false]);
      expect(bench.backend.findDefinition({ namespace: 'default', name: 'known' })?.version).toBe(2);
      expect(bench.backend.planOf(long.flow.hash)?.definition.name).toBe('long');
      expect(listed.version).toBe(1);
      await bench.work();
      expect(bench.status(open)).toBe('completed');
    });

    it('not a definition that is used again, by the same run anew or by another one with the same content', async () => {
      const bench = await fresh();
      const flow = await inline(bench, 'again', 'a');
      const start = async (): Promise<void> => {
        await bench.start(flow.flow);
        await bench.settle(await bench.claimOne());
      };
      await start();
      // Each run is a while after the one before; those before are forgotten, the definition is not.
      for (let round = 0; round < 6; round++) {
        bench.now += DAY * 0.9;
        await retain(bench);
        await start();
      }
      bench.now += DAY * 0.9;
      await retain(bench);
      expect(bench.backend.definitionById(flow.id)).not.toBeNull();
      bench.now += 2 * DAY;
      await retain(bench);
      await retain(bench);
      expect(bench.backend.definitionById(flow.id)).toBeNull();
      await expect(bench.start(flow.flow)).rejects.toMatchObject({ code: 'not_found' });
      // Given again, it runs again.
      const anew = await inline(bench, 'again', 'a');
      expect(anew.flow.version).toBe(1);
      await bench.start(anew.flow);
      await bench.settle(await bench.claimOne());
    });

    it('no version number goes to other content while its name is known', async () => {
      const bench = await fresh();
      await bench.define({ name: 'kept', steps: [one] });
      const second = await bench.define({ name: 'kept', steps: [{ id: 'b', task: 'x' }] });
      const stored = bench.backend.findDefinition({ namespace: 'default', name: 'kept', version: second.version });
      await bench.backend.deleteDefinition({ id: stored?.id as string });
      bench.now += 3 * DAY;
      await retain(bench);
      expect((await bench.define({ name: 'kept', steps: [{ id: 'c', task: 'x' }] })).version).toBe(3);
    });
  });
}
