// The contract of schedules where two things meet: a fire that cannot start and a run that goes on, pauses and answers, backfills, jitter and changes, rules with faults.
import { describe, expect, it } from 'vitest';
import type { Occurrence, Schedule } from '../../src/domain/schedule.ts';
import type { ScheduleSupport } from '../../src/store/backend.ts';
import { type Bench, benches, completed, failed, type MakeBackend } from './harness.ts';
import { addSchedule, change, ledgerOf, MINUTE, minutely, passTo, START, secondly, settleDue, shortLedger, workAll } from './schedule-bench.ts';

const TASK = { kind: 'task', task: 'look', with: {} } as const;
const GONE = { kind: 'workflow', name: 'gone', version: null } as const;

export function scheduleEdgesContract(make: MakeBackend): void {
  const fresh = benches(make);
  const last = (bench: Bench, id: string): Occurrence | undefined => ledgerOf(bench, id).at(-1);

  describe('schedules: cancel_running', () => {
    it('leaves the run alone when the fire that would replace it does not start', async () => {
      const bench = await fresh();
      const gone = await addSchedule(bench, { overlap: 'cancel_running' });
      const no = await addSchedule(bench, { overlap: 'cancel_running', when: { kind: 'expression', source: '${{ schedule.runNumber == 1 }}' } });
      const asked = await addSchedule(bench, { overlap: 'cancel_running', when: TASK });
      await passTo(bench, START + MINUTE);
      const question = (await bench.claim(9)).find((job) => job.task === 'look');
      await bench.settle(question!, completed(true));
      await settleDue(bench);
      await change(bench, gone.id, { kind: 'update', revision: 1, name: gone.name, spec: { ...gone, target: GONE } });
      await passTo(bench, START + 2 * MINUTE);
      expect(shortLedger(bench, gone.id)).toEqual(['1 fired', '2 failed']);
      expect(shortLedger(bench, no.id)).toEqual(['1 fired', '2 skipped_condition']);
      expect(shortLedger(bench, asked.id)).toEqual(['1 fired', '2 planned']);
      for (const { id } of [gone, no, asked]) expect(ledgerOf(bench, id)[0]?.result).toBeNull();
      const again = (await bench.claim(9)).find((job) => job.task === 'look');
      await bench.settle(again!, completed({ run: true }));
      await settleDue(bench);
      expect(shortLedger(bench, asked.id)).toEqual(['1 fired', '2 fired']);
      expect(bench.backend.getJob(ledgerOf(bench, asked.id)[0]?.runId as string)?.cancelRequested).toBe(true);
    });

    it('replaces runs of the plan alone, and a backfilled time that did not complete may be asked for again', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { overlap: 'cancel_running' });
      const range = { id, from: START - MINUTE, to: START, limit: 100, together: false, decide: bench.decide };
      expect(await bench.backend.backfillSchedule(range)).toMatchObject({ fired: 1, buffered: 1 });
      await passTo(bench, START + MINUTE);
      expect(ledgerOf(bench, id).map(({ status, result }) => [status, result])).toEqual([
        ['fired', null],
        ['buffered', null],
        ['fired', null],
      ]);
      await workAll(bench, () => failed('boom', false));
      await workAll(bench);
      expect(await bench.backend.backfillSchedule(range)).toMatchObject({ planned: 2, fired: 1, already: 1 });
      await workAll(bench);
      expect(ledgerOf(bench, id).map((entry) => entry.result)).toEqual(['completed', 'completed', 'failed']);
    });

    it('says that a backfill stood in the way', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { overlap: 'skip' });
      await bench.backend.backfillSchedule({ id, from: START - MINUTE, to: START, limit: 100, together: false, decide: bench.decide });
      await passTo(bench, START + MINUTE);
      expect(last(bench, id)).toMatchObject({ status: 'skipped_overlap', reason: 'A backfilled run, or one that was asked for, was still going on.' });
    });
  });

  describe('schedules: changes and time', () => {
    it('plans nothing for the time in which it was completed', async () => {
      const bench = await fresh();
      const before = await addSchedule(bench, { maxRuns: 1, overlap: 'skip' });
      await passTo(bench, START + MINUTE);
      await workAll(bench);
      expect(bench.backend.getSchedule(before.id)?.status).toBe('completed');
      bench.now = START + 30 * MINUTE + 1_000;
      expect(await change(bench, before.id, { kind: 'update', revision: 1, name: before.name, spec: { ...before, maxRuns: 3 } })).toMatchObject({
        status: 'active',
        nextAt: START + 31 * MINUTE,
      });
      await passTo(bench, START + 31 * MINUTE);
      expect(shortLedger(bench, before.id)).toEqual(['1 fired', '31 fired']);
    });

    it('takes jitter for no lateness when it is changed or paused', async () => {
      const bench = await fresh();
      const more = { jitterMs: 50_000, catchup: { mode: 'skip', windowMs: 0, cap: 1 } } as const;
      Object.assign(bench.env.schedules as object, { delayOf: () => 40_000 });
      const [changed, paused] = [await addSchedule(bench, more), await addSchedule(bench, more)];
      bench.now = START + MINUTE + 30_000;
      await change(bench, changed.id, {
        kind: 'update',
        revision: 1,
        name: changed.name,
        spec: { ...changed, rule: { ...minutely, n: 2 } as typeof minutely },
      });
      await change(bench, paused.id, { kind: 'pause', reason: null });
      expect(shortLedger(bench, changed.id)).toEqual(['1 fired']);
      expect(shortLedger(bench, paused.id)).toEqual(['1 skipped_paused']);
    });

    it('follows a run that goes on after its end', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { overlap: 'skip' });
      await passTo(bench, START + MINUTE);
      await workAll(bench, () => failed('boom', false));
      const run = ledgerOf(bench, id)[0]?.runId as string;
      expect(bench.backend.getSchedule(id)?.failures).toBe(1);
      await bench.backend.redriveJob({ jobId: run });
      expect(ledgerOf(bench, id)[0]).toMatchObject({ result: null, endedAt: null, error: null });
      await passTo(bench, START + 2 * MINUTE);
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 skipped_overlap']);
      await workAll(bench);
      expect(ledgerOf(bench, id)[0]).toMatchObject({ result: 'completed' });
      expect(bench.backend.getSchedule(id)).toMatchObject({ failures: 0, lastRun: { result: 'completed' } });
    });

    it('keeps missed times and those that a later one stands for apart, however many', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { rule: secondly, overlap: 'skip' });
      await passTo(bench, START + 2 * 3_600_000);
      const counts = new Map<string, number>();
      for (const entry of ledgerOf(bench, id)) counts.set(entry.status, (counts.get(entry.status) ?? 0) + entry.count);
      expect(counts.get('missed')).toBe(3_599);
      expect(counts.get('coalesced')).toBeGreaterThan(3_500);
    });

    it('does no more than a little in one commit, and the rest after it', async () => {
      const bench = await fresh();
      const many = { rule: secondly, catchup: { mode: 'all', windowMs: 3_600_000, cap: 10_000 } } as const;
      const schedules: Schedule[] = [];
      for (let i = 0; i < 10; i++) schedules.push(await addSchedule(bench, many));
      bench.now = START + 400_000;
      await bench.due();
      const started = (): number => schedules.reduce((sum, { id }) => sum + (bench.backend.getSchedule(id)?.runs ?? 0), 0);
      expect(started()).toBeGreaterThan(0);
      expect(started()).toBeLessThan(4_000);
      while ((await bench.due()).fired > 0);
      expect(started()).toBe(4_000);
      for (const { id } of schedules) expect(new Set(ledgerOf(bench, id).map((entry) => entry.plannedAt)).size).toBe(400);
    });

    it('refuses a condition and an input that work too long', async () => {
      const bench = await fresh();
      const source = '${{ range(100000).all(x, x * x + x * 3 >= 0) }}';
      const slow = [await addSchedule(bench, { when: { kind: 'expression', source } }), await addSchedule(bench, { input: { all: source } })];
      await passTo(bench, START + MINUTE);
      for (const { id } of slow) expect(last(bench, id)).toMatchObject({ status: 'failed', error: { code: 'expression_too_costly' } });
    });

    it('pauses one whose rule cannot be evaluated any more, and lets it be deleted', async () => {
      const bench = await fresh();
      const support = bench.env.schedules as ScheduleSupport;
      const { plannedTimes } = support;
      const [stuck, other] = [await addSchedule(bench), await addSchedule(bench)];
      const broken: typeof plannedTimes = () => {
        throw new Error('no such zone');
      };
      Object.assign(support, { plannedTimes: broken });
      await change(bench, other.id, { kind: 'delete' });
      await passTo(bench, START + MINUTE);
      expect(last(bench, stuck.id)).toMatchObject({ plannedAt: START + MINUTE, status: 'failed', reason: 'Its rule cannot be evaluated: no such zone' });
      expect(bench.backend.getSchedule(stuck.id)).toMatchObject({ status: 'paused', pauseReason: 'Its rule cannot be evaluated: no such zone', dueAt: null });
      Object.assign(support, { plannedTimes });
      await change(bench, stuck.id, { kind: 'resume' });
      await passTo(bench, START + 2 * MINUTE);
      expect(shortLedger(bench, stuck.id)).toEqual(['1 failed', '2 fired']);
    });
  });

  describe('schedules: conditions that are asked', () => {
    it('starts nothing while it is paused, whatever the answer', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { when: TASK });
      await passTo(bench, START + MINUTE);
      await change(bench, id, { kind: 'pause', reason: 'stop' });
      await workAll(bench, () => completed(true));
      expect(shortLedger(bench, id)).toEqual(['1 planned']);
      await change(bench, id, { kind: 'resume' });
      expect(last(bench, id)).toMatchObject({ status: 'skipped_paused', reason: 'The schedule was paused: stop' });
    });

    it('lets what somebody asked for run while a fire of the plan waits for the end of the pause', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { overlap: 'buffer_all' });
      await passTo(bench, START + MINUTE);
      await passTo(bench, START + 2 * MINUTE);
      await change(bench, id, { kind: 'pause', reason: null });
      await workAll(bench);
      await bench.backend.triggerSchedule({ id, input: undefined, decide: bench.decide });
      await settleDue(bench);
      expect(shortLedger(bench, id)).toEqual(['1 fired', '2 buffered', '2 fired trigger']);
    });

    it('names the job that is asked, bounds it, and counts its time neither as lateness nor as an overlapping run', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { overlap: 'skip', when: TASK, catchup: { mode: 'skip', windowMs: 0, cap: 1 } });
      await passTo(bench, START + MINUTE);
      const asked = last(bench, id);
      expect(asked).toMatchObject({ status: 'planned', reason: 'The condition is being asked.', firedAt: null, latenessMs: null });
      expect(bench.backend.getJob(asked?.runId as string)).toMatchObject({ task: 'look', expiresAt: START + 16 * MINUTE });
      await passTo(bench, START + 2 * MINUTE);
      expect(last(bench, id)).toMatchObject({ status: 'skipped_overlap', reason: 'The condition of the time before it was still being asked.' });
      await workAll(bench, () => completed(true));
      expect(ledgerOf(bench, id)[0]).toMatchObject({ status: 'fired', latenessMs: 0, firedAt: START + 2 * MINUTE });
      expect(ledgerOf(bench, id)[0]?.runId).not.toBe(asked?.runId);
    });

    it('asks no more once it is deleted', async () => {
      const bench = await fresh();
      const { id } = await addSchedule(bench, { when: TASK });
      await passTo(bench, START + MINUTE);
      const job = last(bench, id)?.runId as string;
      await change(bench, id, { kind: 'delete' });
      expect(bench.status(job)).toBe('cancelled');
      expect(shortLedger(bench, id)).toEqual(['1 skipped_paused']);
    });

    it('is no work of a process while it waits, and completed once the answer has come', async () => {
      const bench = await fresh();
      const at = START + MINUTE;
      const once = { kind: 'once', at, timezone: 'UTC' } as const;
      const [yes, no] = [await addSchedule(bench, { rule: once, when: TASK, input: 'yes' }), await addSchedule(bench, { rule: once, when: TASK })];
      await passTo(bench, at);
      expect(bench.backend.getSchedule(yes.id)?.status).toBe('active');
      const jobs = await bench.claim(2);
      const mine = (job: { readonly jobId: string }): boolean => job.jobId === last(bench, yes.id)?.runId;
      await Promise.all(jobs.map((job) => bench.settle(job, completed(mine(job)))));
      expect(bench.backend.unfinished({ namespace: 'default' }).schedules).toBe(2);
      await settleDue(bench);
      expect([shortLedger(bench, yes.id), shortLedger(bench, no.id)]).toEqual([['1 fired'], ['1 skipped_condition']]);
      for (const { id } of [yes, no]) expect(bench.backend.getSchedule(id)).toMatchObject({ status: 'completed', dueAt: null });
    });
  });

  describe('schedules: the check before a fire', () => {
    it('fails for a task that nobody knows, and says whom a run waits for', async () => {
      const bench = await fresh();
      const admitJob: ScheduleSupport['admitJob'] = (task, payload) => ({
        payload,
        requires: [`handler:${task}`],
        unknown: task === 'gone' ? { code: 'unknown_task_type', message: 'There is no task type gone.', retryable: false, nextActions: [] } : null,
      });
      Object.assign(bench.env.schedules as object, { admitJob });
      const job = { kind: 'job', queue: 'default', priority: 50, retry: null, timeoutMs: null, requires: [] as string[] } as const;
      const unknown = await addSchedule(bench, { target: { ...job, task: 'gone' } });
      const waits = await addSchedule(bench, { target: { ...job, task: 'mine' } });
      await passTo(bench, START + MINUTE);
      expect(last(bench, unknown.id)).toMatchObject({ status: 'failed', error: { code: 'unknown_task_type' } });
      expect(last(bench, waits.id)).toMatchObject({
        status: 'fired',
        reason: 'When it fired, no process or worker agent offered handler:mine; it waits for one.',
      });
      bench.now = START + 2 * MINUTE;
      await bench.backend.join({ pid: 7, host: 'there', role: 'worker', namespace: 'default', capabilities: ['handler:gone', 'handler:mine'], version: '1' });
      await passTo(bench, START + 2 * MINUTE);
      for (const { id } of [unknown, waits]) expect(last(bench, id)).toMatchObject({ status: 'fired', reason: null });
      // That process is silent for long, and still a process that knows the task.
      await passTo(bench, START + 30 * MINUTE);
      expect(last(bench, unknown.id)).toMatchObject({ status: 'fired', reason: expect.stringContaining('no process or worker agent offered handler:gone') });
    });
  });
}
