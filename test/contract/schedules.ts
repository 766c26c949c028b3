// The contract of schedules: each planned time has one ledger entry, whatever policies, clocks, people and crashes do; what is due becomes a run in the same commit.
import { describe, expect, it } from 'vitest';
import type { ScheduleSupport } from '../../src/store/backend.ts';
import { benches, type Capabilities, completed, failed, type MakeBackend, receipt } from './harness.ts';
import { addSchedule, change, ledgerOf, MINUTE, minutely, passTo, START, scheduleOf, secondly, settleDue, shortLedger, workAll } from './schedule-bench.ts';

export function schedulesContract(make: MakeBackend, capabilities: Capabilities): void {
  const fresh = benches(make);
  const shared = capabilities.shared ? it : it.skip;

  describe('schedules: the ledger', () => {
    it('makes a due time a job in the same commit, with rendered input, and counts from the planned time', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench);
      await passTo(bench, START + MINUTE + 700);
      const [entry] = ledgerOf(bench, id);
      expect(entry).toMatchObject({ plannedAt: START + MINUTE, status: 'fired', latenessMs: 700, result: null });
      expect(bench.backend.getJob(entry?.runId as string)).toMatchObject({
        status: 'pending',
        payload: { at: new Date(START + MINUTE).toISOString().replace('.000Z', '+00:00') },
      });
      expect(bench.backend.getSchedule(id)).toMatchObject({ watermark: START + MINUTE, nextAt: START + 2 * MINUTE, runs: 1 });
      await workAll(bench);
      expect(ledgerOf(bench, id)[0]).toMatchObject({ result: 'completed', endedAt: bench.now });
      expect(bench.backend.getSchedule(id)).toMatchObject({ failures: 0, lastRun: { result: 'completed', runId: entry?.runId } });
    });

    it('starts a workflow and hears of its end', async () => {
      const bench = await fresh();
      const flow = await bench.define({ steps: [{ id: 'a', task: 'x' }] });
      const { id } = await addSchedule(bench, { target: { kind: 'workflow', name: flow.workflow, version: null } });
      await passTo(bench, START + MINUTE);
      expect(bench.backend.getExecution(ledgerOf(bench, id)[0]?.runId as string)).toMatchObject({ status: 'running', startedBy: 'me' });
      await workAll(bench, () => failed('boom', false));
      expect(ledgerOf(bench, id)[0]).toMatchObject({ result: 'failed', error: { code: 'boom' } });
      expect(bench.backend.getSchedule(id)?.failures).toBe(1);
    });

    it('writes a fire that can never run as failed, and goes on', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { target: { kind: 'workflow', name: 'gone', version: null } });
      await passTo(bench, START + 2 * MINUTE);
      expect(ledgerOf(bench, id).map((entry) => [entry.status, entry.error?.code])).toEqual([
        ['coalesced', undefined],
        ['failed', 'not_found'],
      ]);
      expect(bench.backend.getSchedule(id)).toMatchObject({ failures: 1, runs: 0, nextAt: START + 3 * MINUTE });
    });

    it('accounts for a month of seconds as one range, quickly', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { rule: secondly, overlap: 'skip' });
      const began = performance.now();
      await passTo(bench, START + 30 * 86_400_000);
      expect(performance.now() - began).toBeLessThan(1_000);
      const ledger = ledgerOf(bench, id);
      expect(ledger.length).toBeLessThan(10);
      expect(ledger[0]).toMatchObject({ status: 'missed', plannedAt: START + 1_000 });
      expect(ledger.reduce((sum, entry) => sum + entry.count, 0)).toBe(30 * 86_400);
    });

    it('catches up as the policy says after the process was down', async () => {
      const bench = await fresh();
      const catchup = (mode: 'one' | 'skip' | 'all', windowMs = 3_600_000, cap = 100): { catchup: { mode: typeof mode; windowMs: number; cap: number } } => ({
        catchup: { mode, windowMs, cap },
      });
      const [one, skip, all, old] = [
        await addSchedule(bench, catchup('one')),
        await addSchedule(bench, catchup('skip')),
        await addSchedule(bench, catchup('all', 3_600_000, 2)),
        await addSchedule(bench, catchup('one', 0)),
      ];
      if (capabilities.shared) await bench.reopen();
      await passTo(bench, START + 4 * MINUTE + 20_000);
      expect(shortLedger(bench, one.id)).toEqual(['1 coalesced', '2 coalesced', '3 coalesced', '4 late']);
      expect(shortLedger(bench, skip.id)).toEqual(['1 missed', '2 missed', '3 missed', '4 missed']);
      expect(shortLedger(bench, all.id)).toEqual(['1 missed', '2 missed', '3 late', '4 late']);
      expect(shortLedger(bench, old.id)).toEqual(['1 missed', '2 missed', '3 missed', '4 missed']);
    });

    it('fires nothing twice when the clock goes back, and takes a jump forward for an outage', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench);
      await passTo(bench, START + MINUTE);
      await passTo(bench, START - MINUTE);
      await passTo(bench, START + MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 fired']);
      await passTo(bench, START + 4 * MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 coalesced', '3 coalesced', '4 fired']);
    });

    it('ends with its end, its number of runs, and plans nothing on excluded dates', async () => {
      const bench = await fresh();
      const bounded = await addSchedule(bench, { end: START + 2 * MINUTE });
      const counted = await addSchedule(bench, { maxRuns: 1 });
      const day = new Date(START).toISOString().slice(0, 10);
      const excluded = await addSchedule(bench, {
        exclusions: [{ from: `${day}T00:00:00`, to: `${day}T23:59:59` }],
        catchup: { mode: 'skip', windowMs: 0, cap: 1 },
      });
      await passTo(bench, START + MINUTE);
      await passTo(bench, START + 5 * MINUTE);
      expect(shortLedger(bench, bounded.id)).toEqual(['1 fired', '2 late']);
      expect(shortLedger(bench, counted.id)).toEqual(['1 fired']);
      expect(shortLedger(bench, excluded.id)).toEqual([]);
      for (const { id } of [bounded, counted]) expect(bench.backend.getSchedule(id)).toMatchObject({ status: 'completed', nextAt: null, dueAt: null });
      expect(bench.backend.getSchedule(excluded.id)?.nextAt).toBeGreaterThan(START);
    });

    it('lets one that cannot be decided hold up no other, and takes it up again', async () => {
      const bench = await fresh();
      const [bad, good] = [await addSchedule(bench, { name: 'bad' }), await addSchedule(bench)];
      const { inputOf } = bench.env.schedules as ScheduleSupport;
      const broken: ScheduleSupport['inputOf'] = (facts, template) => {
        if (facts.name === 'bad') throw new Error('broken');
        return inputOf(facts, template);
      };
      Object.assign(bench.env.schedules as object, { inputOf: broken });
      bench.now = START + MINUTE;
      const errors: unknown[] = [];
      await bench.backend.fireDue({ decide: bench.decide, limit: 500, onError: (error) => errors.push(error) });
      expect(errors).toHaveLength(1);
      expect([shortLedger(bench, bad.id), shortLedger(bench, good.id)]).toEqual([[], ['1 fired']]);
      Object.assign(bench.env.schedules as object, { inputOf });
      await passTo(bench, START + MINUTE + 31_000);
      expect(shortLedger(bench, bad.id)).toEqual(['1 late']);
    });

    shared('lets two processes fire each planned time once', async () => {
      const bench = await fresh();
      const other = await bench.another();
      const schedules = [];
      for (let i = 0; i < 100; i++) schedules.push(await addSchedule(bench, { rule: secondly, catchup: { mode: 'all', windowMs: 3_600_000, cap: 10_000 } }));
      bench.now = START + 100_000;
      for (let fired = 1; fired > 0; ) {
        await Promise.all([bench.backend.refresh?.(), other.refresh?.()]);
        const rounds = await Promise.all([bench.backend, other].map((backend) => backend.fireDue({ decide: bench.decide, limit: 500 })));
        fired = rounds[0]!.fired + rounds[1]!.fired;
      }
      await bench.backend.refresh?.();
      for (const { id } of schedules) {
        const ledger = ledgerOf(bench, id);
        expect(ledger.map((entry) => entry.plannedAt)).toEqual(Array.from({ length: 100 }, (_, i) => START + (i + 1) * 1_000));
        expect(new Set(ledger.map((entry) => entry.runId)).size).toBe(100);
      }
      expect(bench.recount().counted).toMatchObject({ 'default/noop/pending': 10_000 });
    });

    shared('keeps what was decided when its process is dropped, and decides the rest in the next', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench);
      await passTo(bench, START + MINUTE);
      // Dropped without being closed.
      bench.backend = await bench.another();
      bench.epoch = await bench.join();
      await passTo(bench, START + 2 * MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 fired']);
      expect((await workAll(bench)).length).toBe(2);
    });
  });

  describe('schedules: overlap', () => {
    it('skips, lets through, or replaces what still runs', async () => {
      const bench = await fresh();
      const skip = await addSchedule(bench, { overlap: 'skip' });
      const replace = await addSchedule(bench, { overlap: 'cancel_running' });
      await passTo(bench, START + MINUTE);
      await passTo(bench, START + 2 * MINUTE);
      expect(shortLedger(bench, skip.id)).toEqual(['1 fired', '2 skipped_overlap']);
      const [first, second] = ledgerOf(bench, replace.id);
      expect(bench.status(first?.runId as string)).toBe('cancelled');
      expect(first).toMatchObject({ status: 'fired', result: 'cancelled' });
      expect(second).toMatchObject({ status: 'fired', result: null });
      await workAll(bench);
      await passTo(bench, START + 3 * MINUTE);
      expect(shortLedger(bench, skip.id)).toEqual(['1 fired', '2 skipped_overlap', '3 fired']);
    });

    it('keeps one or all that wait, and starts the oldest at the end of the run before it', async () => {
      const bench = await fresh();
      const one = await addSchedule(bench, { overlap: 'buffer_one' });
      const all = await addSchedule(bench, { overlap: 'buffer_all' });
      for (const minute of [1, 2, 3]) await passTo(bench, START + minute * MINUTE);
      expect(shortLedger(bench, one.id)).toEqual(['1 fired', '2 skipped_overlap', '3 buffered']);
      expect(shortLedger(bench, all.id)).toEqual(['1 fired', '2 buffered', '3 buffered']);
      if (capabilities.shared) await bench.reopen();
      const jobs = await bench.claim(20);
      await Promise.all(jobs.map((job) => bench.settle(job)));
      await settleDue(bench);
      expect(shortLedger(bench, one.id)).toEqual(['1 fired', '2 skipped_overlap', '3 fired']);
      expect(shortLedger(bench, all.id)).toEqual(['1 fired', '2 late', '3 buffered']);
      for (let left = 3; left > 0; left--) await workAll(bench);
      expect(ledgerOf(bench, all.id).map((entry) => entry.result)).toEqual(['completed', 'completed', 'completed']);
    });
  });

  describe('schedules: people', () => {
    it('accounts for what passes during a pause, and catches none of it up', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { catchup: { mode: 'all', windowMs: 3_600_000, cap: 100 } });
      await passTo(bench, START + MINUTE);
      expect(await change(bench, id, { kind: 'pause', reason: 'holidays' })).toMatchObject({ status: 'paused', pauseReason: 'holidays', dueAt: null });
      await passTo(bench, START + 3 * MINUTE);
      expect(await change(bench, id, { kind: 'resume' })).toMatchObject({ status: 'active', nextAt: START + 4 * MINUTE });
      await passTo(bench, START + 4 * MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 skipped_paused', '3 skipped_paused', '4 fired']);
    });

    it('makes a long pause one entry', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { rule: secondly });
      await change(bench, id, { kind: 'pause', reason: null });
      await passTo(bench, START + 86_400_000);
      await change(bench, id, { kind: 'resume' });
      expect(ledgerOf(bench, id)).toMatchObject([{ status: 'skipped_paused', count: 86_400, until: START + 86_400_000 }]);
    });

    it('decides what was due by the old rule before a change counts', async () => {
      const bench = await fresh();
      const before = await addSchedule(bench);
      bench.now = START + MINUTE;
      const rule = { ...minutely, n: 2 } as typeof minutely;
      const after = await change(bench, before.id, { kind: 'update', revision: 1, name: 'other', spec: { ...before, rule } });
      expect(after).toMatchObject({ name: 'other', revision: 2, nextAt: START + 2 * MINUTE });
      await passTo(bench, START + 3 * MINUTE);
      await passTo(bench, START + 4 * MINUTE);
      expect(shortLedger(bench, before.id)).toEqual(['1 fired', '2 late', '4 fired']);
      expect(
        await bench.backend.changeSchedule({ id: before.id, change: { kind: 'update', revision: 1, name: 'x', spec: before }, decide: bench.decide }),
      ).toEqual({ kind: 'stale' });
    });

    it('keeps the input of a fire that waits while it is changed', async () => {
      const bench = await fresh();
      const before = await addSchedule(bench, { overlap: 'buffer_all', input: 'old' });
      await passTo(bench, START + MINUTE);
      await passTo(bench, START + 2 * MINUTE);
      await change(bench, before.id, { kind: 'update', revision: 1, name: before.name, spec: { ...before, input: 'new' } });
      const seen: unknown[] = [];
      const see = (job: { readonly payload: unknown }): ReturnType<typeof completed> => {
        seen.push(job.payload);
        return completed();
      };
      await workAll(bench, see);
      await workAll(bench, see);
      await passTo(bench, START + 3 * MINUTE);
      await workAll(bench, see);
      expect(seen).toEqual(['old', 'old', 'new']);
    });

    it('pauses after so many failed runs in a row', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { pauseOnFailure: 2 });
      for (const minute of [1, 2, 3]) {
        await passTo(bench, START + minute * MINUTE);
        await workAll(bench, () => failed('boom', false));
      }
      expect(bench.backend.getSchedule(id)).toMatchObject({ status: 'paused', failures: 2, pauseReason: '2 runs in a row failed.' });
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 fired']);
      await change(bench, id, { kind: 'resume' });
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 fired', '3 skipped_paused']);
      expect(bench.backend.readEvents({ after: 0, limit: 100, types: ['schedule_paused'] })).toHaveLength(1);
    });

    it('fires by hand and backfills past times, once per receipt', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { overlap: 'skip' });
      const key = receipt('trigger');
      const ask = (): ReturnType<typeof bench.backend.triggerSchedule> =>
        bench.backend.triggerSchedule({ id, input: 'mine', decide: bench.decide, receipt: key });
      const first = await ask();
      expect(first).toMatchObject({ status: 'fired', replayed: false });
      expect(await ask()).toEqual({ ...first, replayed: true });
      expect(await bench.backend.triggerSchedule({ id, input: undefined, decide: bench.decide })).toMatchObject({
        status: 'skipped_overlap',
        targetId: null,
        plannedAt: (first?.plannedAt ?? 0) + 1,
      });
      await workAll(bench);
      const range = { id, from: START - 2 * MINUTE, to: START, limit: 1_000, together: false, decide: bench.decide };
      expect(await bench.backend.backfillSchedule(range)).toMatchObject({ planned: 3, fired: 1, buffered: 2, already: 0 });
      expect(await bench.backend.backfillSchedule(range)).toMatchObject({ planned: 3, fired: 0, already: 3 });
      for (let left = 3; left > 0; left--) await workAll(bench);
      expect(shortLedger(bench, id)).toEqual([
        '-2 fired backfill',
        '-1 fired backfill',
        '0 fired backfill',
        '0 fired trigger',
        `${1 / MINUTE} skipped_overlap trigger`,
      ]);
      expect(ledgerOf(bench, id).map((entry) => entry.result)).toEqual(['completed', 'completed', 'completed', 'completed', null]);
    });

    it('is gone from lists when it is deleted, with its ledger kept and its name free', async () => {
      const bench = await fresh();
      const { id, name } = await addSchedule(bench);
      await passTo(bench, START + MINUTE);
      await change(bench, id, { kind: 'delete' });
      await passTo(bench, START + 5 * MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 fired']);
      expect(bench.backend.listSchedules({ filter: {}, limit: 9, cursor: null }).items).toEqual([]);
      expect(bench.backend.findSchedule({ namespace: 'default', name })).toBeNull();
      expect(bench.backend.getSchedule(id)?.deletedAt).toBe(START + MINUTE);
      await addSchedule(bench, { name });
      expect(await bench.backend.putSchedule({ schedule: scheduleOf(bench, { name }) })).toMatchObject({
        kind: 'conflict',
        error: { code: 'conflict', path: 'name' },
      });
    });

    it('deletes those of a session that is closed with its work, and leaves those of one that is detached', async () => {
      const bench = await fresh();
      const [cancelled, detached] = [await bench.putSession(), await bench.putSession()];
      const gone = await addSchedule(bench, { sessionId: cancelled });
      const stays = await addSchedule(bench, { sessionId: detached });
      await bench.backend.closeSession({ id: cancelled, status: 'cancelled', policy: 'cancel', decide: bench.decide });
      await bench.backend.closeSession({ id: detached, status: 'completed', policy: 'detach', decide: bench.decide });
      await passTo(bench, START + MINUTE);
      expect(bench.backend.getSchedule(gone.id)?.deletedAt).not.toBeNull();
      expect(bench.backend.getJob(ledgerOf(bench, stays.id)[0]?.runId as string)?.sessionId).toBeNull();
    });
  });

  describe('schedules: conditions', () => {
    it('asks an expression that sees the last run', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { when: { kind: 'expression', source: '${{ last.output != "enough" }}' } });
      await passTo(bench, START + MINUTE);
      await workAll(bench, () => completed('enough'));
      await passTo(bench, START + 2 * MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 skipped_condition']);
      expect(bench.backend.getSchedule(id)).toMatchObject({ runs: 1, nextAt: START + 3 * MINUTE });
    });

    it('asks a task first, and runs if its result is true', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { when: { kind: 'task', task: 'look', with: {} } });
      await passTo(bench, START + MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 planned']);
      const [asked] = await bench.claim(1);
      await bench.settle(asked!, completed(true));
      await settleDue(bench);
      expect(shortLedger(bench, id)).toEqual(['1 fired']);
      await workAll(bench);
      await passTo(bench, START + 2 * MINUTE);
      await workAll(bench, () => completed(0));
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 skipped_condition']);
      expect(bench.backend.getSchedule(id)).toMatchObject({ runs: 1 });
    });
  });

  describe('schedules: reading', () => {
    it('tells what did not go as planned since a time', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { overlap: 'skip' });
      await passTo(bench, START + MINUTE);
      await passTo(bench, START + 2 * MINUTE);
      expect(bench.backend.scheduleAccount({ namespace: 'default', since: START, limit: 100 })).toMatchObject([
        { scheduleId: id, counts: { skipped_overlap: 1 }, failedRuns: 0, newest: { plannedAt: START + 2 * MINUTE } },
      ]);
      await workAll(bench, () => failed('boom', false));
      expect(bench.backend.scheduleAccount({ namespace: 'default', since: START, limit: 100 })[0]).toMatchObject({ failedRuns: 1 });
      expect(bench.backend.scheduleAccount({ namespace: 'default', since: bench.now + 1, limit: 100 })).toEqual([]);
      expect(bench.backend.scheduleAccount({ namespace: 'default', since: START, limit: 100 })[0]?.countedFrom).toBeNull();
      expect(bench.backend.scheduleAccount({ namespace: 'default', since: START, limit: 1 })[0]?.countedFrom).toBe(START + 2 * MINUTE + 1);
      expect(bench.backend.scheduleCounts({ namespace: 'default' })).toEqual({ active: 1, paused: 0, completed: 0 });
      expect(bench.backend.nextSchedule({ namespace: 'default' })?.id).toBe(id);
    });

    it('removes old ledger rows, never the schedule or where it stands', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench);
      for (const minute of [1, 2, 3]) await passTo(bench, START + minute * MINUTE);
      await workAll(bench);
      await bench.backend.retain({ olderThan: bench.now + 1, keepExecutions: 0, limit: 1_000 });
      expect(ledgerOf(bench, id)).toEqual([]);
      expect(bench.backend.getSchedule(id)).toMatchObject({ watermark: START + 3 * MINUTE, runs: 3 });
      await passTo(bench, START + 3 * MINUTE + 10);
      expect(ledgerOf(bench, id)).toEqual([]);
    });

    it('recalls the answer to a receipt, says that a change was made before, and pauses nothing that is completed', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench);
      const { id: done } = await addSchedule(bench, { rule: { kind: 'once', at: START + MINUTE, timezone: 'UTC' } });
      const key = { principal: 'me', tool: 'control', key: 'k', digest: 'd' };
      expect(bench.backend.recall(key)).toBeNull();
      const pause = { change: { kind: 'pause', reason: null }, decide: bench.decide } as const;
      expect(await bench.backend.changeSchedule({ id, ...pause, receipt: key })).toMatchObject({ kind: 'changed', replayed: false });
      expect(await bench.backend.changeSchedule({ id, ...pause, receipt: key })).toMatchObject({ kind: 'changed', replayed: true });
      expect(bench.backend.recall(key)).toEqual({ id });
      expect(() => bench.backend.recall({ ...key, digest: 'other' })).toThrow(expect.objectContaining({ code: 'conflict' }));
      await passTo(bench, START + MINUTE);
      expect(await bench.backend.changeSchedule({ id: done, ...pause })).toMatchObject({ kind: 'conflict', error: { code: 'invalid_transition' } });
    });

    it('forgets a completed schedule after its ledger, but not one of a file', async () => {
      const bench = await fresh();
      const once = { rule: { kind: 'once', at: START + MINUTE, timezone: 'UTC' } } as const;
      const { id } = await addSchedule(bench, once);
      const { id: kept } = await addSchedule(bench, { ...once, principal: 'file:/flows/a.yaml' });
      await passTo(bench, START + MINUTE);
      await workAll(bench);
      await bench.backend.retain({ olderThan: bench.now, keepExecutions: 0, limit: 1_000 });
      expect(bench.backend.getSchedule(id)?.status).toBe('completed');
      await bench.backend.retain({ olderThan: bench.now + 1, keepExecutions: 0, limit: 1_000 });
      expect([bench.backend.getSchedule(id), bench.backend.getSchedule(kept)?.status]).toEqual([null, 'completed']);
    });
  });
}
