// What is kept beside the work: sessions, receipts, artifacts, events, lists, statistics, retention, status.
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/store/backend.ts';
import type { Receipt } from '../../src/store/port/common.ts';
import { type Bench, benches, type Capabilities, completed, failed, type MakeBackend, receipt } from './harness.ts';

const DAY = 86_400_000;

export function recordsContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);

  describe('sessions', () => {
    it('keeps a session, its changes and a bounded history of calls', async () => {
      const bench = await fresh();
      const id = await bench.putSession({ name: 'one', context: { a: 1 } });
      await bench.backend.updateSession({ id, change: (session) => ({ ...session, context: { a: 2 }, contextVersion: 2 }) });
      expect(bench.backend.getSession(id)).toMatchObject({ name: 'one', context: { a: 2 }, contextVersion: 2, status: 'active' });
      expect(await bench.backend.updateSession({ id: 'sess_none', change: (session) => session })).toBeNull();
      await Promise.all(
        Array.from({ length: 1_005 }, (_, i) =>
          bench.backend.recordCall({ sessionId: id, call: { at: i, tool: 't', argumentsDigest: 'd', outcome: 'ok', result: null, durationMs: 1 } }),
        ),
      );
      const calls = bench.backend.sessionCalls({ sessionId: id, limit: 2_000 });
      expect([calls.length, calls[0]?.at, calls.at(-1)?.seq]).toEqual([1_000, 5, 1_005]);
    });

    it('a step sees the context of its session', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ context: { who: 'me' } });
      const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x', with: { v: '${{ session.context.who }}' } }] }), { sessionId });
      expect(bench.backend.stepScope({ executionId: run, index: 0, item: null })?.session).toEqual({ id: sessionId, context: { who: 'me' } });
    });

    it('closes once; with policy cancel its open work ends, with detach it goes on; new work is refused', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
      const [kept, dropped] = [await bench.putSession(), await bench.putSession()];
      const runs = [await bench.start(flow, { sessionId: kept }), await bench.start(flow, { sessionId: dropped })];
      const job = await bench.enqueue({ sessionId: dropped, runAt: bench.now + 1_000 });
      const close = (id: string, policy: 'cancel' | 'detach'): ReturnType<Backend['closeSession']> =>
        bench.backend.closeSession({ id, status: 'completed', policy, decide: bench.decide });
      expect(await close(kept, 'detach')).toMatchObject({ closed: true, cancelled: 0, session: { status: 'completed' } });
      expect(await close(dropped, 'cancel')).toMatchObject({ closed: true, cancelled: 2 });
      expect(await close(dropped, 'cancel')).toMatchObject({ closed: false, cancelled: 0 });
      expect(await close('sess_none', 'cancel')).toEqual({ session: null, closed: false, cancelled: 0 });
      await bench.drain();
      expect([...runs, job].map((id) => bench.status(id))).toEqual(['running', 'cancelled', 'cancelled']);
      expect(await bench.backend.enqueueJobs({ jobs: [bench.job({ sessionId: kept })] })).toMatchObject({
        kind: 'conflict',
        error: { code: 'session_closed' },
      });
    });

    it('expires at its time', async () => {
      const bench = await fresh();
      const id = await bench.putSession({ expiresAt: bench.now + 1_000 });
      expect((await bench.due()).nextDueAt).toBe(bench.now + 1_000);
      await bench.pass(1_000);
      expect(bench.backend.getSession(id)?.status).toBe('expired');
      expect(bench.backend.readEvents({ after: 0, limit: 9, sessionId: id }).map((event) => event.type)).toEqual(['session_created', 'session_expired']);
    });
  });

  describe('receipts', () => {
    it('gives the first handle for the same arguments and a conflict for others, in every verb', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
      const definition = bench.backend.findDefinition({ namespace: 'default', name: flow.workflow })?.definition as never;
      const start = (r: Receipt): ReturnType<Backend['startExecution']> =>
        bench.backend.startExecution({
          id: bench.env.newId('execution'),
          namespace: 'default',
          ...flow,
          input: {},
          priority: 50,
          sessionId: null,
          startedBy: 'x',
          forkedFrom: null,
          concurrency: null,
          receipt: r,
          decide: bench.decide,
        });
      const first = await start(receipt('s'));
      expect(await start(receipt('s'))).toMatchObject({ replayed: true, executionId: (first as { executionId: string }).executionId });
      expect(await start(receipt('s', 'd2'))).toMatchObject({ kind: 'conflict', error: { code: 'conflict', path: 'idempotency_key' } });
      const enqueue = (r: Receipt): ReturnType<Backend['enqueueJobs']> => bench.backend.enqueueJobs({ jobs: [bench.job()], receipt: r });
      const jobs = await enqueue(receipt('e'));
      expect(await enqueue(receipt('e'))).toEqual({ ...jobs, replayed: true });
      expect(await enqueue(receipt('e', 'd2'))).toMatchObject({ kind: 'conflict' });
      const put = (r: Receipt): ReturnType<Backend['putDefinition']> =>
        bench.backend.putDefinition({ id: bench.env.newId('workflow'), namespace: 'default', definition, hash: 'other', listed: true, receipt: r });
      expect(await put(receipt('d'))).toMatchObject({ created: true });
      expect(await put(receipt('d'))).toMatchObject({ created: false, replayed: true });
      expect(await put(receipt('d', 'd2'))).toMatchObject({ kind: 'conflict' });
      const session = (r: Receipt): ReturnType<Backend['putSession']> => bench.backend.putSession({ session: bench.session(), receipt: r });
      const made = await session(receipt('p'));
      expect(await session(receipt('p'))).toEqual({ ...made, replayed: true });
      expect(await session(receipt('p', 'd2'))).toMatchObject({ conflict: { code: 'conflict' } });
      const jobId = jobs.kind === 'enqueued' ? (jobs.jobIds[0] as string) : '';
      expect(await bench.cancel(jobId, receipt('c'))).toEqual({ kind: 'cancelled', status: 'cancelled' });
      expect(await bench.cancel(jobId, receipt('c'))).toEqual({ kind: 'cancelled', status: 'cancelled' });
      await expect(bench.cancel(jobId, receipt('c', 'd2'))).rejects.toMatchObject({ code: 'conflict' });
      const redrive = (r: Receipt): ReturnType<Backend['redriveJob']> => bench.backend.redriveJob({ jobId, receipt: r });
      expect(await redrive(receipt('r'))).toMatchObject({ kind: 'redriven' });
      expect(await redrive(receipt('r'))).toMatchObject({ kind: 'redriven' });
      await expect(redrive(receipt('r', 'd2'))).rejects.toMatchObject({ code: 'conflict' });
      const executionId = (first as { executionId: string }).executionId;
      const pause = (r: Receipt): ReturnType<Backend['update']> =>
        bench.backend.update({ executionId, events: [{ type: 'pause', by: 'x' }], decide: bench.decide, receipt: r });
      expect(await pause(receipt('u'))).toMatchObject({ reply: { kind: 'applied', message: 'paused' } });
      expect(await pause(receipt('u'))).toMatchObject({ reply: { kind: 'replayed', message: 'paused' } });
      expect(await pause(receipt('u', 'd2'))).toMatchObject({ reply: { kind: 'refused', code: 'conflict' } });
      const id = (made as { session: { id: string } }).session.id;
      const touch = (r: Receipt): ReturnType<Backend['updateSession']> =>
        bench.backend.updateSession({ id, change: (session) => ({ ...session, contextVersion: session.contextVersion + 1 }), receipt: r });
      const touched = await touch(receipt('t'));
      expect(await touch(receipt('t'))).toEqual(touched);
      await expect(touch(receipt('t', 'd2'))).rejects.toMatchObject({ code: 'conflict' });
      const wf = bench.backend.findDefinition({ namespace: 'default', name: flow.workflow })?.id as string;
      const remove = (r: Receipt): ReturnType<Backend['deleteDefinition']> => bench.backend.deleteDefinition({ id: wf, receipt: r });
      expect(await remove(receipt('w'))).toBe(true);
      expect(await remove(receipt('w'))).toBe(true);
      await expect(remove(receipt('w', 'd2'))).rejects.toMatchObject({ code: 'conflict' });
      const close = (r: Receipt): ReturnType<Backend['closeSession']> =>
        bench.backend.closeSession({ id, status: 'completed', policy: 'detach', decide: bench.decide, receipt: r });
      expect(await close(receipt('x'))).toMatchObject({ closed: true });
      expect(await close(receipt('x'))).toMatchObject({ closed: true });
      await expect(close(receipt('x', 'd2'))).rejects.toMatchObject({ code: 'conflict' });
    });

    it('a written version is taken when it is new, found when it is the same, refused when it names other content', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
      const definition = bench.backend.findDefinition({ namespace: 'default', name: flow.workflow })?.definition as never;
      const put = (hash: string, version: number | null): ReturnType<Backend['putDefinition']> =>
        bench.backend.putDefinition({ id: bench.env.newId('workflow'), namespace: 'default', definition, hash, version, listed: true });
      expect(await put('h5', 5)).toMatchObject({ created: true, stored: { version: 5 } });
      expect(await put('h5', 5)).toMatchObject({ created: false, stored: { version: 5 } });
      expect(await put('h5', null)).toMatchObject({ created: false, stored: { version: 5 } });
      expect(await put('other', 5)).toMatchObject({
        kind: 'conflict',
        error: { code: 'conflict', path: 'version', expected: 'version 6 or larger, or no version' },
      });
      expect(await put('other', 3)).toMatchObject({ kind: 'conflict' });
      expect(await put('other', null)).toMatchObject({ created: true, stored: { version: 6 } });
    });

    it('live a week, and as long as what they name', async () => {
      const bench = await fresh();
      const gone = await bench.enqueue({}, receipt('gone'));
      await bench.settle(await bench.claimOne());
      const open = await bench.enqueue({ runAt: bench.now + 90 * DAY }, receipt('open'));
      bench.now += 6 * DAY;
      await bench.backend.retain({ olderThan: bench.now - DAY, keepExecutions: 0, limit: 100 });
      expect(bench.backend.getJob(gone)).toBeNull();
      expect(await bench.enqueue({}, receipt('gone'))).toBe(gone);
      bench.now += 2 * DAY;
      await bench.backend.retain({ olderThan: bench.now - DAY, keepExecutions: 0, limit: 100 });
      expect(await bench.enqueue({}, receipt('gone'))).not.toBe(gone);
      expect(await bench.enqueue({}, receipt('open'))).toBe(open);
    });
  });

  describe('artifacts', () => {
    it('stores content, reads parts of it, and drops what nothing refers to after an hour', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
      const put = (executionId: string | null, id: string): ReturnType<Backend['putArtifact']> =>
        bench.backend.putArtifact({
          id,
          jobId: null,
          token: null,
          executionId,
          name: 'r.txt',
          mediaType: 'text/plain',
          content: Buffer.from('0123456789'),
          sha256: 's',
        });
      const info = await put(run, 'art_1');
      await put(null, 'art_2');
      expect(bench.backend.listArtifacts({ executionId: run })).toEqual([info]);
      const part = bench.backend.getArtifact({ id: 'art_1', offset: 2, limit: 3 });
      expect([Buffer.from(part?.content as Uint8Array).toString(), part?.info.bytes]).toEqual(['234', 10]);
      bench.now += 3_600_001;
      await bench.backend.retain({ olderThan: 0, keepExecutions: 100, limit: 100 });
      expect(bench.backend.getArtifact({ id: 'art_2', offset: 0, limit: 9 })).toBeNull();
      expect(bench.backend.getArtifact({ id: 'art_1', offset: 0, limit: 9 })).not.toBeNull();
    });
  });

  describe('artifacts of a job', () => {
    it('are stored for its holder only', async () => {
      const bench = await fresh();
      const run = await bench.start(await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
      const put = (id: string, jobId: string, token: number | null): ReturnType<Backend['putArtifact']> =>
        bench.backend.putArtifact({ id, jobId, token, executionId: run, name: 'r.txt', mediaType: 'text/plain', content: Buffer.from('x'), sha256: 's' });
      const first = await bench.claimOne();
      await bench.settle(first, { status: 'released' });
      await expect(put('art_1', first.jobId, first.token)).rejects.toMatchObject({ code: 'lease_lost' });
      const job = await bench.claimOne();
      await expect(put('art_2', job.jobId, first.token)).rejects.toMatchObject({ code: 'lease_lost' });
      await expect(put('art_3', job.jobId, null)).rejects.toMatchObject({ code: 'lease_lost' });
      await expect(put('art_4', 'job_none', 1)).rejects.toMatchObject({ code: 'lease_lost' });
      expect(await put('art_5', job.jobId, job.token)).toMatchObject({ id: 'art_5', executionId: run });
      await bench.settle(job);
      await expect(put('art_6', job.jobId, job.token)).rejects.toMatchObject({ code: 'lease_lost' });
      expect(bench.backend.listArtifacts({ executionId: run }).map((artifact) => artifact.id)).toEqual(['art_5']);
    });
  });

  describe('events', () => {
    it('are one order with growing cursors, narrowed by run, job, type; both ways', async () => {
      const bench = await fresh();
      const run = await bench.start(
        await bench.define({
          steps: [
            { id: 'a', task: 'x' },
            { id: 'b', task: 'x', needs: ['a'] },
          ],
        }),
      );
      const job = await bench.enqueue();
      bench.now += 1_000;
      await bench.work();
      const all = bench.backend.readEvents({ after: 0, limit: 100 });
      expect(all.map((event) => event.cursor)).toEqual([...all].map((event) => event.cursor).sort((a, b) => a - b));
      const own = bench.backend.readEvents({ after: 0, limit: 100, executionId: run });
      expect(own.map((event) => `${event.type} ${event.stepId ?? ''}`.trim())).toEqual([
        'workflow_started',
        'step_started a',
        'step_completed a',
        'step_started b',
        'step_completed b',
        'workflow_completed',
      ]);
      expect(bench.backend.readEvents({ after: 0, limit: 9, jobId: job }).map((event) => event.type)).toEqual(['job_enqueued', 'job_completed']);
      expect(bench.backend.readEvents({ after: 0, limit: 1, newestFirst: true })[0]?.cursor).toBe(bench.backend.status().lastCursor);
      expect(bench.backend.readEvents({ after: all[2]?.cursor as number, limit: 1 })[0]).toEqual(all[3]);
      const before = all.filter((event) => event.at < bench.now);
      expect(bench.backend.cursorAt(bench.now - 1)).toBe(before.at(-1)?.cursor);
      expect([bench.backend.cursorAt(0), bench.backend.cursorAt(bench.now)]).toEqual([0, all.at(-1)?.cursor]);
      expect(bench.backend.lastCursor()).toBe(all.at(-1)?.cursor);
      expect(bench.backend.readEvents({ after: all[0]?.cursor as number, until: all[2]?.cursor as number, limit: 9 })).toEqual(all.slice(1, 3));
    });
  });

  describe('lists and statistics', () => {
    it('filters, and pages that stay put while rows are added', async () => {
      const bench = await fresh();
      const sessionId = await bench.putSession({ name: 'Mine' });
      const ids: string[] = [];
      for (let i = 0; i < 7; i++)
        ids.push(await bench.enqueue({ name: `job ${i}`, task: i % 2 === 0 ? 'even' : 'odd', sessionId: i === 3 ? sessionId : null }));
      const list = (filter: object, limit = 100, cursor: string | null = null): ReturnType<Backend['listJobs']> =>
        bench.backend.listJobs({ filter, limit, cursor });
      const first = list({}, 3);
      expect(first.items.map((job) => job.id)).toEqual(ids.slice(4).reverse());
      await bench.enqueue();
      const second = list({}, 3, first.nextCursor);
      expect(second.items.map((job) => job.id)).toEqual(ids.slice(1, 4).reverse());
      expect(list({}, 3, second.nextCursor)).toMatchObject({ items: [{ id: ids[0] }], nextCursor: null });
      expect(list({ task: 'odd' }).items.length).toBe(3);
      expect(list({ sessionId }).items.map((job) => job.id)).toEqual([ids[3]]);
      expect(list({ status: 'running' }).items).toEqual([]);
      expect(list({ status: 'nonsense' }).items).toEqual([]);
      expect(list({ namespace: 'none' }).items).toEqual([]);
      expect(list({ since: bench.now + 1 }).items).toEqual([]);
      if (capabilities.textSearch) expect(list({ text: 'JOB 5' }).items.map((job) => job.id)).toEqual([ids[5]]);
      await bench.settle(await bench.claimOne(), failed());
      expect(list({ dead: true }).items.map((job) => job.id)).toEqual([ids[0]]);
      expect(list({ status: 'failed' }).items.map((job) => job.id)).toEqual([ids[0]]);
      expect(() => list({}, 3, 'rubbish!')).toThrow(/not a cursor/);
      expect(bench.backend.listSessions({ filter: { status: 'active' }, limit: 9, cursor: null }).items.map((session) => session.id)).toEqual([sessionId]);
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
      const run = await bench.start(flow);
      expect(
        bench.backend.listExecutions({ filter: { workflow: flow.workflow, status: 'running' }, limit: 9, cursor: null }).items.map((row) => row.id),
      ).toEqual([run]);
      expect(list({ executionId: run }).items).toMatchObject([{ executionId: run, stepId: 'a' }]);
      expect(bench.backend.listDefinitions({ filter: {}, limit: 9, cursor: null }).items.map((row) => row.name)).toEqual([flow.workflow]);
    });

    it('measures attempts per queue and task, and keeps job logs within bounds', async () => {
      const bench = await fresh();
      const id = await bench.enqueue();
      bench.now += 100;
      const job = await bench.claimOne();
      bench.now += 50;
      const logs = Array.from({ length: 300 }, (_, i) => ({ at: bench.now, level: 'info', message: `line ${i}`, fields: i === 299 ? { i } : null }));
      expect(await bench.backend.reportProgress({ ...job, share: 0.5, message: 'half', logs })).toBe(true);
      expect(bench.backend.getJob(id)?.progress).toEqual({ share: 0.5, message: 'half' });
      await bench.settle(job, completed());
      expect(bench.backend.queueStats({ namespace: 'default' })).toMatchObject([
        { queue: 'default', task: 'noop', completed: 1, failed: 0, meanRunMs: 50, maxRunMs: 50, meanWaitMs: 100 },
      ]);
      const kept = bench.backend.jobLogs({ jobId: id });
      expect([kept.length, kept[0]?.message, kept.at(-1)]).toEqual([
        200,
        'line 100',
        { at: bench.now, level: 'info', message: 'line 299', fields: { i: 299 } },
      ]);
    });

    it('tells its state', async () => {
      const bench = await fresh();
      await bench.enqueue();
      expect(bench.backend.status()).toMatchObject({ kind: bench.backend.kind, oldestReadyAt: bench.now, nextDueAt: null });
      expect(bench.backend.listProcesses()).toMatchObject([{ epoch: bench.epoch, pid: 4242, self: expect.any(Boolean), runningJobs: 0 }]);
    });
  });

  describe('retention', () => {
    const finish = async (bench: Bench, flow: Parameters<Bench['start']>[0]): Promise<string> => {
      const run = await bench.start(flow);
      await bench.work();
      return run;
    };

    it('removes whole old trees with all that belongs to them, in pieces, and never reuses a cursor', async () => {
      const bench = await fresh();
      await bench.define({ name: 'child', steps: [{ id: 'c', task: 'x' }] });
      const run = await finish(
        bench,
        await bench.define({ steps: [{ id: 'r', task: 'workflow.run', with: { workflow: 'child' }, forEach: '${{ [1, 2, 3] }}' }] }),
      );
      const children = bench.backend.childrenOf({ executionId: run, limit: 9 }).map((child) => child.id);
      await bench.backend.putArtifact({
        id: 'art_1',
        jobId: null,
        token: null,
        executionId: run,
        name: 'n',
        mediaType: 't',
        content: Buffer.from('x'),
        sha256: 's',
      });
      const last = bench.backend.status().lastCursor;
      bench.now += DAY;
      expect(await bench.backend.retain({ olderThan: bench.now - DAY, keepExecutions: 100, limit: 10 })).toMatchObject({ removed: 0 });
      for (let more = true, rounds = 0; more && rounds < 100; rounds++)
        more = (await bench.backend.retain({ olderThan: bench.now, keepExecutions: 100, limit: 4 })).more;
      expect([run, ...children].map((id) => bench.backend.getExecution(id))).toEqual([null, null, null, null]);
      expect(bench.backend.getArtifact({ id: 'art_1', offset: 0, limit: 1 })).toBeNull();
      expect(bench.backend.readEvents({ after: 0, limit: 9 })).toEqual([]);
      expect(bench.backend.status().lastCursor).toBe(last);
      if (capabilities.shared) await bench.reopen();
      await bench.enqueue();
      expect(bench.backend.readEvents({ after: 0, limit: 9 })[0]?.cursor).toBeGreaterThan(last);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });

    it('remembers per namespace up to where the log has lost entries', async () => {
      const bench = await fresh();
      const kept = (namespace: string): number => bench.backend.keptAfter({ namespace });
      await finish(bench, await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
      const job = await bench.enqueue();
      await bench.work();
      const ended = bench.backend.readEvents({ after: 0, limit: 9, jobId: job }).at(-1)?.cursor as number;
      const last = bench.backend.lastCursor();
      expect([kept('test'), kept('other')]).toEqual([0, 0]);
      bench.now += DAY;
      const open = await bench.enqueue({ delayMs: DAY } as never);
      for (let more = true, rounds = 0; more && rounds < 100; rounds++)
        more = (await bench.backend.retain({ olderThan: bench.now, keepExecutions: 100, limit: 3 })).more;
      expect(kept(bench.backend.getJob(open)?.namespace as string)).toBe(last);
      expect(last).toBeGreaterThanOrEqual(ended);
      expect(kept('other')).toBe(0);
      expect(bench.backend.readEvents({ after: last, limit: 9 }).map(({ jobId }) => jobId)).toEqual([open]);
      if (capabilities.shared) await bench.reopen();
      expect(kept(bench.backend.getJob(open)?.namespace as string)).toBe(last);
    });

    it('leaves a tree with an unfinished member alone, and what comes after it goes all the same', async () => {
      const bench = await fresh();
      await bench.define({ name: 'child', steps: [{ id: 'c', task: 'x', retry: { maxAttempts: 1 } }] });
      const tree = await bench.start(
        await bench.define({ steps: [{ id: 'r', task: 'workflow.run', with: { workflow: 'child' }, forEach: '${{ [1, 2] }}', tolerateFailures: 2 }] }),
      );
      await bench.work(() => failed());
      const [child] = bench.backend.childrenOf({ executionId: tree, limit: 9 });
      await bench.send(child?.id as string, { type: 'retry', by: 'me' });
      expect([tree, child?.id as string].map((id) => bench.status(id))).toEqual(['completed', 'running']);
      const held = await bench.claimOne();
      const other = await finish(bench, await bench.define({ steps: [{ id: 'a', task: 'x' }] }));
      bench.now += DAY;
      await bench.backend.retain({ olderThan: bench.now, keepExecutions: 100, limit: 1_000 });
      expect(bench.backend.getExecution(other)).toBeNull();
      expect(bench.backend.childrenOf({ executionId: tree, limit: 9 }).length).toBe(2);
      await bench.settle(held);
      await bench.drain();
      bench.now += DAY;
      await bench.backend.retain({ olderThan: bench.now, keepExecutions: 100, limit: 1_000 });
      expect(bench.backend.getExecution(tree)).toBeNull();
    });

    it('keeps no more finished executions than asked, newest first', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
      const runs: string[] = [];
      for (let i = 0; i < 5; i++) runs.push(await finish(bench, flow));
      await bench.backend.retain({ olderThan: 0, keepExecutions: 2, limit: 1_000 });
      expect(runs.map((run) => bench.backend.getExecution(run) !== null)).toEqual([false, false, false, true, true]);
    });

    it('does not take the source from an unfinished fork, and a finished fork keeps what it took over', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'b', task: 'x', needs: ['a'] },
        ],
      });
      const run = await bench.start(flow);
      const big = 'y'.repeat(300_000);
      await bench.work(() => completed(big));
      const fork = await bench.start(flow, { forkedFrom: { executionId: run, stepIndex: 1 } });
      bench.now += DAY;
      const retain = (): ReturnType<Backend['retain']> => bench.backend.retain({ olderThan: bench.now - 1, keepExecutions: 100, limit: 1_000 });
      await retain();
      expect(bench.backend.getExecution(run)).not.toBeNull();
      await bench.work();
      await retain();
      expect(bench.backend.getExecution(run)).toBeNull();
      expect(bench.backend.getOutput({ executionId: fork, stepId: 'a' })).toBe(big);
    });

    it('an output that several forks took over lives as long as any of them, in whatever order they go', async () => {
      const bench = await fresh();
      const steps = ['a', 'b'].map((id) => ({ id, task: 'x', needs: id === 'a' ? [] : ['a'] }));
      const flow = await bench.define({ steps });
      const run = await bench.start(flow);
      const big = 'y'.repeat(300_000);
      await bench.work((job) => completed(bench.nameOf(job) === 'a' ? big : 1));
      const forkOf = async (executionId: string): Promise<string> => {
        bench.now += DAY;
        const fork = await bench.start(flow, { forkedFrom: { executionId, stepIndex: 1 } });
        await bench.work();
        return fork;
      };
      const first = await forkOf(run);
      const second = await forkOf(run);
      const third = await forkOf(first);
      const fourth = await forkOf(run);
      const left = [run, first, second, third, fourth];
      while (left.length > 1) {
        const gone = left.shift() as string;
        await bench.backend.retain({ olderThan: 0, keepExecutions: left.length, limit: 1_000 });
        expect(bench.backend.getExecution(gone)).toBeNull();
        expect(left.map((id) => bench.backend.getOutput({ executionId: id, stepId: 'a' }) === big)).toEqual(left.map(() => true));
      }
      await bench.backend.retain({ olderThan: 0, keepExecutions: 0, limit: 1_000 });
      expect(bench.backend.getExecution(fourth)).toBeNull();
    });

    it('gets past any number of trees and jobs that may not go', async () => {
      const bench = await fresh();
      const flow = await bench.define({
        steps: [
          { id: 'a', task: 'x' },
          { id: 'b', task: 'x', needs: ['a'] },
        ],
      });
      const inUse: string[] = [];
      for (let i = 0; i < 130; i++) inUse.push(await bench.start(flow));
      await bench.work();
      for (const executionId of inUse) await bench.start(flow, { forkedFrom: { executionId, stepIndex: 1 } });
      const held = await bench.claim(130);
      expect(held.length).toBe(130);
      await bench.backend.enqueueJobs({ jobs: Array.from({ length: 6_000 }, () => bench.job({ queue: 'later', runAt: bench.now + 100 * DAY })) });
      const free = await finish(bench, flow);
      const job = await bench.enqueue({ name: 'free' });
      await bench.work();
      bench.now += DAY;
      let calls = 0;
      for (let more = true; more && calls < 50; calls++) more = (await bench.backend.retain({ olderThan: bench.now, keepExecutions: 1_000, limit: 500 })).more;
      expect([bench.backend.getExecution(free), bench.backend.getJob(job)]).toEqual([null, null]);
      expect(inUse.every((id) => bench.status(id) === 'completed')).toBe(true);
      expect(calls).toBeLessThan(10);
    });

    it('removes old ended jobs, but none that has dependents to tell', async () => {
      const bench = await fresh();
      const root = await bench.enqueue();
      await bench.backend.enqueueJobs({ jobs: Array.from({ length: 700 }, () => bench.job({ dependsOn: [root] })) });
      await bench.settle(await bench.claimOne());
      bench.now += DAY;
      await bench.backend.retain({ olderThan: bench.now, keepExecutions: 0, limit: 10_000 });
      expect(bench.status(root)).toBe('completed');
      await bench.due();
      await bench.due();
      expect((await bench.claim(1_000)).length).toBe(700);
      await bench.backend.retain({ olderThan: bench.now, keepExecutions: 0, limit: 10_000 });
      expect(bench.backend.getJob(root)).toBeNull();
      expect(bench.backend.readEvents({ after: 0, limit: 9, jobId: root })).toEqual([]);
      const { counted, kept } = bench.recount();
      expect(kept).toEqual(counted);
    });
  });
}
