// schedule_cron, schedule_recurring and what get, list, control and the status say of schedules: the reply tells all that follows.
import { describe, expect, it } from 'vitest';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { engineFor, until } from '../support/test-engine.ts';
import { type Reply, type RunTool, refusal, toolsOf } from '../support/tool-run.ts';

const ECHO = { task: 'echo', input: { value: '${{ schedule.plannedAt }}' } };
const SUNDAY = Date.parse('2026-11-22T10:00:00Z');

interface Clock {
  readonly engine: OrchestrationEngine;
  readonly run: RunTool;
  /** Moves the clock and lets every duty take its rounds. */
  to(at: string): Promise<void>;
}

async function clocked(): Promise<Clock> {
  let now = SUNDAY;
  const engine = await engineFor({}, { now: () => now });
  return {
    engine,
    run: toolsOf(engine),
    to: async (at) => {
      now = Date.parse(at);
      for (let round = 0; round < 3; round++) await engine.tick();
    },
  };
}

describe('schedule_cron', () => {
  it('tells the normal form, a sentence, the next fires local and in UTC, the policies and who fires it', async () => {
    const { run } = await clocked();
    const reply = await run('schedule_cron', { name: 'report', expression: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', target: ECHO });
    expect(reply).toMatchObject({
      schedule_id: expect.stringMatching(/^sched_/),
      name: 'report',
      status: 'active',
      replayed: false,
      rule: { kind: 'cron', expression: '0 9 * * 1-5', timezone: 'Europe/Berlin', gap: 'next_valid', fold: 'first' },
      target: { task: 'echo', queue: 'default', priority: 50 },
      policies: { overlap: 'skip', catchup: { policy: 'one', window: '1h', cap: 100 } },
      fires: { by: expect.stringMatching(/^this process \(library, pid \d+\)$/), after_this_client: expect.stringContaining('lives in memory') },
    });
    expect(reply.sentence).toBe('At 09:00 on Monday to Friday, Europe/Berlin time.');
    expect(reply.next_fires).toHaveLength(5);
    expect((reply.next_fires as Reply[])[0]).toEqual({ local: '2026-11-23T09:00:00+01:00', utc: '2026-11-23T08:00:00.000Z' });
    expect(reply.warnings).toBeUndefined();
  });

  it('takes the usual names of its fields at the top, too', async () => {
    const { run } = await clocked();
    const flat = { task: 'echo', payload: { value: 1 }, queue: 'mail', priority: 'high', start: '2026-12-01', catchup: 'all', catchup_window: '2h' };
    expect(await run('schedule_cron', { expression: '@hourly', timezone: 'Asia/Kathmandu', ...flat })).toMatchObject({
      name: 'echo',
      target: { task: 'echo', queue: 'mail', priority: 75 },
      input: { value: 1 },
      start_at: '2026-12-01T00:00:00+05:45',
      policies: { catchup: { policy: 'all', window: '2h', cap: 100 } },
    });
    const twice = await refusal(run('schedule_cron', { expression: '@hourly', task: 'echo', target: ECHO }));
    expect(twice).toMatchObject({ code: 'invalid_input', path: 'task', expected: 'target.task only' });
  });

  it('names an unnamed one after its target, and the same call again gives the first', async () => {
    const { run } = await clocked();
    const call = { expression: '0 9 * * *', target: ECHO, idempotency_key: 'k' };
    const first = await run('schedule_cron', call);
    expect(first).toMatchObject({ name: 'echo', replayed: false });
    expect(await run('schedule_cron', call)).toMatchObject({ schedule_id: first.schedule_id, name: 'echo', replayed: true });
    expect(await run('schedule_cron', { expression: '0 9 * * *', target: ECHO })).toMatchObject({ name: expect.stringMatching(/^echo-[0-9a-z]{6}$/) });
    expect(await refusal(run('schedule_cron', { ...call, expression: '0 8 * * *' }))).toMatchObject({ code: 'conflict' });
    expect(await refusal(run('schedule_cron', { name: 'echo', expression: '0 9 * * *', target: ECHO }))).toMatchObject({ code: 'conflict' });
  });

  it('counts weekdays from Monday = 0 when it is asked to, and takes target.payload', async () => {
    const { run } = await clocked();
    const reply = await run('schedule_cron', { expression: '0 9 * * 0', monday_zero: true, target: { task: 'echo', payload: { value: 1 } } });
    expect(reply).toMatchObject({ rule: { expression: '0 9 * * 1' }, input: { value: 1 } });
    const twice = run('schedule_cron', { expression: '@daily', target: { task: 'echo', payload: {}, input: {} } });
    expect(await refusal(twice)).toMatchObject({ path: 'target.payload', expected: 'target.input only' });
  });

  it('names the task of a condition by its own path', async () => {
    const { run } = await clocked();
    const call = { expression: '@daily', target: ECHO };
    expect(await refusal(run('schedule_cron', { ...call, when: { task: 'eco' } }))).toMatchObject({ path: 'when.task', nearMatches: ['echo'] });
    expect(await refusal(run('schedule_cron', { ...call, when: { task: 'http.request', input: { nope: 1 } } }))).toMatchObject({
      path: expect.stringMatching(/^when\.input/),
    });
  });

  it('a new expression takes its own defaults', async () => {
    const { run } = await clocked();
    const { schedule_id: id } = await run('schedule_cron', { expression: '0 * * * *', timezone: 'Europe/Berlin', target: ECHO });
    const fresh = await run('schedule_cron', { expression: '30 2 * * *', timezone: 'Europe/Berlin', target: ECHO });
    const changed = await run('control', { id, action: 'update', change: { expression: '30 2 * * *' }, idempotency_key: 'u' });
    expect(changed).toMatchObject({ rule: fresh.rule as object, replayed: false });
    expect(await run('control', { id, action: 'update', change: { expression: '30 2 * * *' }, idempotency_key: 'u' })).toMatchObject({ replayed: true });
    expect(await run('control', { id, action: 'update', change: { expression: '0 3 * * *', gap: 'skip' } })).toMatchObject({
      rule: { gap: 'skip', fold: 'first' },
    });
    expect(await run('control', { id, action: 'pause', idempotency_key: 'p' })).toMatchObject({ replayed: false });
    expect(await run('control', { id, action: 'pause', idempotency_key: 'p' })).toMatchObject({ replayed: true });
  });

  it('gives the first reply again although its moment has passed', async () => {
    const { run, to } = await clocked();
    const call = { at: '2026-11-22T10:00:30Z', target: ECHO, idempotency_key: 'k' };
    const first = await run('schedule_recurring', call);
    await to('2026-11-22T10:05:00Z');
    expect(await run('schedule_recurring', call)).toMatchObject({ schedule_id: first.schedule_id, replayed: true, status: 'completed' });
  });

  it('warns of what may not be meant', async () => {
    const { run } = await clocked();
    const often = await run('schedule_cron', { expression: '*/5 * * * * *', target: ECHO });
    expect(often.warnings).toEqual([expect.stringContaining('as often as every 5s')]);
    const gap = await run('schedule_cron', { expression: '30 2 * * *', timezone: 'Europe/Berlin', target: ECHO });
    expect((gap.warnings as string[])[0]).toMatch(/02:30 on 2027-03-28 does not exist in Europe\/Berlin/);
    const bare = await run('schedule_cron', { expression: '0 9 * * *', target: { task: 'echo', requires: ['gpu'], input: { value: 1 } } });
    expect((bare.warnings as string[])[0]).toContain('gpu');
  });

  it('dry_run checks and stores nothing', async () => {
    const { run } = await clocked();
    const call = { expression: '0 9 * * *', target: ECHO, dry_run: true };
    expect(await run('schedule_cron', call)).toMatchObject({ status: 'preview', sentence: expect.stringContaining('09:00') });
    expect(await run('schedule_cron', call)).not.toHaveProperty('schedule_id');
    expect(await run('list', { kind: 'schedules' })).toMatchObject({ count: 0, next: [expect.stringContaining('schedule_cron')] });
    expect(await refusal(run('schedule_cron', { ...call, idempotency_key: 'k' }))).toMatchObject({ path: 'idempotency_key' });
  });
});

describe('schedule_recurring', () => {
  const CASES: readonly (readonly [string, object, string])[] = [
    ['an interval', { every: '15m' }, '2026-11-22T10:15:00+00:00'],
    ['two weeks, by words', { every: '2 weeks', on: ['mon'], at: '09:00' }, '2026-11-30T09:00:00+00:00'],
    ['daily', { daily: { at: ['09:00', '17:30'] }, timezone: 'Europe/Berlin' }, '2026-11-22T17:30:00+01:00'],
    ['weekdays', { weekly: { on: 'weekdays', at: '09:00' } }, '2026-11-23T09:00:00+00:00'],
    ['the last day of the month', { monthly: { on: 'last', at: '18:00' } }, '2026-11-30T18:00:00+00:00'],
    ['the second tuesday', { every: 'month', on: '2nd tuesday', at: '08:00' }, '2026-12-08T08:00:00+00:00'],
    ['a year', { yearly: { months: ['march'], on: 31, at: '12:00' } }, '2027-03-31T12:00:00+00:00'],
    ['an RRULE', { rrule: 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0' }, '2026-11-23T09:00:00+00:00'],
    ['one local moment', { at: '2026-12-01T09:00', timezone: 'America/New_York' }, '2026-12-01T09:00:00-05:00'],
    ['one moment with offset', { at: '2026-12-01T09:00:00+01:00' }, '2026-12-01T08:00:00+00:00'],
    ['a delay', { delay: '10m' }, '2026-11-22T10:10:00+00:00'],
  ];
  it.each(CASES)('plans %s', async (_name, rule, first) => {
    const { run } = await clocked();
    const reply = await run('schedule_recurring', { ...rule, target: ECHO });
    expect((reply.next_fires as Reply[])[0]?.local).toBe(first);
  });

  it('gives recurring rules back as RFC 5545', async () => {
    const { run } = await clocked();
    const reply = await run('schedule_recurring', { weekly: { on: ['mon', 'thu'], at: '09:00' }, timezone: 'Europe/Berlin', target: ECHO });
    expect(reply.rrule).toContain('RRULE:FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9');
    expect(reply.rrule_differs).toEqual([expect.stringContaining('gap next_valid')]);
    const bare = await run('schedule_recurring', { daily: { at: '09:00' }, exclude: ['2026-12-25'], target: ECHO });
    expect([bare.rrule, bare.rrule_differs]).toEqual([undefined, [expect.stringContaining('no words')]]);
  });
});

describe('bad input leaves nothing half-made', () => {
  const CRON = { expression: '0 9 * * *', target: ECHO };
  const EVERY = { every: '15m', target: ECHO };
  const CASES: readonly (readonly [string, string, object, object])[] = [
    ['an unknown zone', 'schedule_cron', { ...CRON, timezone: 'Europe/Berln' }, { path: 'timezone', nearMatches: expect.arrayContaining(['Europe/Berlin']) }],
    ['an abbreviation as zone', 'schedule_cron', { ...CRON, timezone: 'CET' }, { path: 'timezone' }],
    ['a field out of range', 'schedule_cron', { ...CRON, expression: '0 25 * * *' }, { path: 'expression', expected: expect.stringContaining('hour: 0-23') }],
    ['too few fields', 'schedule_cron', { ...CRON, expression: '0 9 *' }, { path: 'expression' }],
    ['what can never fire', 'schedule_cron', { ...CRON, expression: '0 0 30 2 *' }, { path: 'expression', message: expect.stringContaining('never fire') }],
    ['an end before the start', 'schedule_cron', { ...CRON, start_at: '2026-12-02', end_at: '2026-12-01' }, { path: 'end_at' }],
    ['an end that has passed', 'schedule_cron', { ...CRON, end_at: '2026-11-01T00:00:00Z' }, { path: 'end_at' }],
    ['no target', 'schedule_cron', { expression: '0 9 * * *' }, { path: 'target' }],
    ['two targets', 'schedule_cron', { ...CRON, target: { workflow: 'a', task: 'b' } }, { path: 'target' }],
    [
      'an unknown workflow',
      'schedule_cron',
      { ...CRON, target: { workflow: 'greeet' } },
      { code: 'not_found', path: 'target.workflow', nearMatches: ['greet'] },
    ],
    ['an unknown task', 'schedule_cron', { ...CRON, target: { task: 'eco' } }, { code: 'unknown_task_type', path: 'target.task', nearMatches: ['echo'] }],
    [
      'input that does not fit',
      'schedule_cron',
      { ...CRON, target: { workflow: 'greet', input: { who: 1 } } },
      { path: expect.stringContaining('target.input') },
    ],
    [
      'an unknown reference',
      'schedule_cron',
      { ...CRON, target: { task: 'echo', input: { value: '${{ schedule.planedAt }}' } } },
      { code: 'unresolved_reference', path: expect.stringContaining('target.input') },
    ],
    ['job fields of a workflow', 'schedule_cron', { ...CRON, target: { workflow: 'greet', queue: 'mail' } }, { path: 'target.queue' }],
    ['an unknown field', 'schedule_cron', { ...CRON, expresion: 'x' }, { nearMatches: ['expression'] }],
    ['an unknown policy', 'schedule_cron', { ...CRON, overlap: 'skp' }, { path: 'overlap', nearMatches: ['skip'] }],
    ['an unknown catch-up field', 'schedule_cron', { ...CRON, catchup: { windw: '1h' } }, { path: expect.stringContaining('catchup') }],
    ['a date that does not exist', 'schedule_cron', { ...CRON, exclude: ['2026-13-40'] }, { path: 'exclude.0.from' }],
    ['a word for a date', 'schedule_cron', { ...CRON, exclude: ['christmas'] }, { path: 'exclude[0]', expected: expect.stringContaining('2026-12-25') }],
    ['a wrong retry', 'schedule_cron', { ...CRON, target: { ...ECHO, retry: 'often' } }, { path: 'target.retry' }],
    ['a long jitter', 'schedule_cron', { ...CRON, jitter: '48h' }, { path: 'jitter' }],
    ['a broken condition', 'schedule_cron', { ...CRON, when: 'last.status ==' }, { code: 'invalid_expression', path: 'when' }],
    ['an unknown session', 'schedule_cron', { ...CRON, session_id: 'sess_01m80dxqsg000cebe9vpck2gth' }, { code: 'not_found', path: 'session_id' }],
    ['a zero interval', 'schedule_recurring', { ...EVERY, every: '0s' }, { path: 'every' }],
    ['a negative interval', 'schedule_recurring', { ...EVERY, every: '-5m' }, { path: 'every' }],
    ['no rule', 'schedule_recurring', { target: ECHO }, { path: 'every' }],
    ['two rules', 'schedule_recurring', { ...EVERY, daily: { at: '09:00' } }, { path: 'daily' }],
    ['a past moment', 'schedule_recurring', { at: '2026-11-22T09:00:00Z', target: ECHO }, { path: 'at', message: expect.stringContaining('1h ago') }],
    ['a bare time as moment', 'schedule_recurring', { at: '09:00', target: ECHO }, { path: 'at', expected: expect.stringContaining('daily') }],
    ['a wrong weekday', 'schedule_recurring', { weekly: { on: ['mun'] }, target: ECHO }, { path: 'weekly.on.0', nearMatches: expect.arrayContaining(['mon']) }],
    ['a wrong time of day', 'schedule_recurring', { daily: { at: '25:00' }, target: ECHO }, { path: 'daily.at' }],
    ['a field beside its rule', 'schedule_recurring', { daily: { at: '09:00' }, on: ['mon'], target: ECHO }, { path: 'on' }],
    ['times of a short interval', 'schedule_recurring', { ...EVERY, at: '09:00' }, { path: 'at' }],
    ['a wrong RRULE', 'schedule_recurring', { rrule: 'FREQ=SOMETIMES', target: ECHO }, { path: 'rrule' }],
  ];
  it.each(CASES)('%s', async (_name, tool, args, told) => {
    const { run } = await clocked();
    await run('create_workflow', {
      mode: 'apply',
      definition: {
        name: 'greet',
        input: { type: 'object', properties: { who: { type: 'string' } }, required: ['who'] },
        steps: [{ id: 'a', task: 'echo', with: { value: '${{ input.who }}' } }],
      },
    });
    expect(await refusal(run(tool, args))).toMatchObject({ code: 'invalid_input', ...told });
    expect(await run('list', { kind: 'schedules' })).toMatchObject({ count: 0 });
  });

  it('a moment that passed a few seconds ago is taken, and fires at once', async () => {
    const { run, engine } = await clocked();
    const { schedule_id: id } = await run('schedule_recurring', { at: '2026-11-22T09:59:50Z', target: ECHO });
    await engine.tick();
    expect(await run('get', { id, view: 'events' })).toMatchObject({ events: [{ planned_at: '2026-11-22T10:00:00+00:00', job_id: expect.any(String) }] });
  });
});

describe('a schedule that fires', () => {
  it('starts a workflow with its planned time, and its ledger says what became of it', async () => {
    const { run, engine, to } = await clocked();
    await run('create_workflow', {
      mode: 'apply',
      definition: { name: 'note', steps: [{ id: 'a', task: 'echo', with: { value: '${{ input.at }}' } }], output: '${{ steps.a.output }}' },
    });
    const target = { workflow: 'note', input: { at: '${{ schedule.plannedAt }}' } };
    const { schedule_id: id } = await run('schedule_cron', { name: 'noon', expression: '0 12 * * *', timezone: 'Europe/Berlin', target });
    await to('2026-11-22T11:00:01Z');
    await until(engine, () => engine.schedules.get('noon')?.lastRun?.result === 'completed');
    const ledger = await run('get', { id, view: 'events' });
    expect(ledger.events).toEqual([
      {
        planned_at: '2026-11-22T12:00:00+01:00',
        status: 'fired',
        fired_at: expect.any(String),
        lateness_ms: 1_000,
        execution_id: expect.stringMatching(/^exec_/),
        result: 'completed',
        ended_at: expect.any(String),
      },
    ]);
    const executionId = (ledger.events as Reply[])[0]?.execution_id;
    expect((await run('get', { id: executionId, view: 'output' })).output).toContain('2026-11-22T');
    expect(await run('get', { id })).toMatchObject({ runs: 1, last: { status: 'fired', result: 'completed' } });
    expect(await run('list', { kind: 'schedules', filter: { text: 'noo' } })).toMatchObject({
      items: [{ name: 'noon', rule: '0 12 * * *', target: 'workflow note', next_at: '2026-11-23T12:00:00+01:00', runs: 1, last: { result: 'completed' } }],
    });
  });

  it('after downtime explain and the status say what was missed, and which run came late', async () => {
    const { run, to } = await clocked();
    const { schedule_id: id } = await run('schedule_recurring', { name: 'hourly', every: '1h', target: ECHO });
    await to('2026-11-22T15:10:00Z');
    expect(await run('get', { id, view: 'explain' })).toMatchObject({
      status: 'active',
      reasons: [
        { code: 'waiting' },
        { code: 'late', message: expect.stringContaining('15:00:00') },
        { code: 'missed', message: expect.stringMatching(/^4 times/) },
      ],
      next_fire: '2026-11-22T16:00:00+00:00',
      allowed_actions: ['pause', 'trigger', 'backfill', 'update', 'delete'],
    });
    const { cursor } = await run('get_system_status');
    expect(await run('get_system_status', { since: '2026-11-22T10:00:00Z' })).toMatchObject({
      schedules: {
        active: 1,
        paused: 0,
        next_fire: { schedule_id: id, name: 'hourly', starts: 'task echo', at: '2026-11-22T16:00:00+00:00', fired_by: expect.stringContaining('this process') },
        not_as_planned: [{ schedule_id: id, name: 'hourly', counts: { missed: 4, late: 1 }, newest: { status: 'late' } }],
      },
    });
    expect(await run('get_system_status', { since: cursor })).toMatchObject({ schedules: { not_as_planned: [] } });
  });

  it('without schedules the status is silent about them', async () => {
    const { run } = await clocked();
    expect(await run('get_system_status', { since: '2026-11-22T10:00:00Z' })).not.toHaveProperty('schedules');
  });
});

describe('control of a schedule', () => {
  it('pauses with a reason, resumes, and what passed meanwhile is in the ledger', async () => {
    const { run, to } = await clocked();
    const { schedule_id: id } = await run('schedule_recurring', { name: 'hourly', every: '1h', target: ECHO });
    expect(await run('control', { id, action: 'pause', reason: 'maintenance' })).toMatchObject({
      schedule_id: id,
      status: 'paused',
      pause_reason: 'maintenance',
    });
    expect(await run('get', { id, view: 'explain' })).toMatchObject({ reasons: [{ code: 'paused', message: expect.stringContaining('maintenance') }] });
    await to('2026-11-22T12:30:00Z');
    expect(await run('control', { id, action: 'resume' })).toMatchObject({ status: 'active', next_at: '2026-11-22T13:00:00+00:00' });
    const { events } = await run('get', { id, view: 'events' });
    expect((events as { count?: number; status: string }[]).reduce((sum, { count = 1 }) => sum + count, 0)).toBe(2);
    expect(new Set((events as Reply[]).map(({ status }) => status))).toEqual(new Set(['skipped_paused']));
  });

  it('triggers a run now, and again only with another key', async () => {
    const { run } = await clocked();
    const { schedule_id: id } = await run('schedule_cron', { expression: '0 9 * * *', target: ECHO, overlap: 'allow' });
    const call = { id, action: 'trigger', input: { value: 'now' }, idempotency_key: 't1' };
    const first = await run('control', call);
    expect(first).toMatchObject({ action: 'trigger', status: 'fired', job_id: expect.stringMatching(/^job_/), replayed: false });
    expect(await run('control', call)).toMatchObject({ job_id: first.job_id, replayed: true });
    expect(await run('get', { id: first.job_id })).toMatchObject({ payload: { value: 'now' } });
  });

  it('backfills a past range, oldest first, in the zone of the schedule', async () => {
    const { run, engine } = await clocked();
    const { schedule_id: id } = await run('schedule_cron', { expression: '0 9 * * *', timezone: 'Europe/Berlin', target: ECHO });
    const call = { id, action: 'backfill', from: '2026-11-18', to: '2026-11-20T09:00' };
    expect(await run('control', call)).toMatchObject({ planned: 3, replayed: false });
    await until(engine, () => engine.schedules.ledger(id as string, { limit: 10, cursor: null }).items.every(({ result }) => result === 'completed'));
    const { events } = await run('get', { id, view: 'events' });
    expect((events as Reply[]).map(({ planned_at, origin }) => [planned_at, origin])).toEqual([
      ['2026-11-20T09:00:00+01:00', 'backfill'],
      ['2026-11-19T09:00:00+01:00', 'backfill'],
      ['2026-11-18T09:00:00+01:00', 'backfill'],
    ]);
    expect(await refusal(run('control', { ...call, to: '2026-11-17' }))).toMatchObject({ path: 'to' });
    expect(await refusal(run('control', { id, action: 'backfill', from: '2026-11-18' }))).toMatchObject({ path: 'to' });
  });

  it('updates rule, bounds and input; null takes a bound away', async () => {
    const { run } = await clocked();
    const { schedule_id: id } = await run('schedule_cron', { expression: '0 9 * * *', timezone: 'Europe/Berlin', target: ECHO, max_runs: 3 });
    const update = (change: object): Promise<Reply> => run('control', { id, action: 'update', change });
    expect(await update({ expression: '0 8 * * *', input: { value: 2 } })).toMatchObject({
      rule: { expression: '0 8 * * *', timezone: 'Europe/Berlin' },
      input: { value: 2 },
      max_runs: 3,
    });
    expect(await update({ max_runs: null, timezone: 'UTC', catchup: { policy: 'all' } })).not.toHaveProperty('max_runs');
    expect(await update({ every: '30m', overlap: 'buffer_one' })).toMatchObject({
      rule: { kind: 'recurring', every: '30 minutes' },
      policies: { overlap: 'buffer_one' },
    });
    expect(await refusal(update({}))).toMatchObject({ path: 'change' });
    expect(await refusal(update({ expresion: 'x' }))).toMatchObject({ path: 'change.expresion', nearMatches: ['expression'] });
    expect(await refusal(update({ expression: '61 * * * *' }))).toMatchObject({ path: 'change.expression' });
    expect(await refusal(update({ target: { workflow: 'none' } }))).toMatchObject({ path: 'change.target.workflow' });
    expect(await run('get', { id })).toMatchObject({ rule: { every: '30 minutes' } });
  });

  it('deletes: gone from lists, its ledger stays, its name is free', async () => {
    const { run } = await clocked();
    const { schedule_id: id } = await run('schedule_cron', { name: 'a', expression: '0 9 * * *', target: ECHO });
    await run('control', { id, action: 'trigger' });
    expect(await run('control', { id, action: 'delete' })).toMatchObject({ status: 'deleted' });
    expect(await run('list', { kind: 'schedules' })).toMatchObject({ count: 0 });
    expect(await run('get', { id })).toMatchObject({ status: 'deleted', deleted_at: expect.any(String), next_fires: [] });
    expect(await run('get', { id, view: 'events' })).toMatchObject({ events: [{ origin: 'trigger' }] });
    expect(await refusal(run('control', { id, action: 'pause' }))).toMatchObject({ code: 'not_found' });
    expect(await run('schedule_cron', { name: 'a', expression: '0 9 * * *', target: ECHO })).toMatchObject({ name: 'a', replayed: false });
  });

  it('refuses what does not act on a schedule', async () => {
    const { run } = await clocked();
    const { schedule_id: id } = await run('schedule_cron', { expression: '0 9 * * *', target: ECHO });
    expect(await refusal(run('control', { id, action: 'retry' }))).toMatchObject({ path: 'action', expected: expect.stringContaining('trigger') });
    expect(await refusal(run('control', { id, action: 'resume', reason: 'x' }))).toMatchObject({ path: 'reason' });
    expect(await refusal(run('get', { id, view: 'logs' }))).toMatchObject({ path: 'view', expected: 'one of summary, events, explain, lineage' });
    expect(await refusal(run('list', { kind: 'schedules', filter: { status: 'activ' } }))).toMatchObject({ nearMatches: ['active'] });
    expect(await refusal(run('list', { kind: 'schedules', filter: { queue: 'a' } }))).toMatchObject({ path: 'filter.queue' });
  });
});

describe('simulate_schedule', () => {
  const RANGE = { from: '2026-12-01T00:00', to: '2026-12-02T00:00' };

  it('shows every fire, overlap and catch-up decision, counts them, and draws them', async () => {
    const { run } = await clocked();
    const reply = await run('simulate_schedule', {
      expression: '0 * * * *',
      ...RANGE,
      run_duration: '90m',
      outage: [{ from: '2026-12-01T05:10', to: '2026-12-01T09:10' }],
    });
    expect(reply.counts).toEqual({ fired: 10, skipped_overlap: 11, missed: 3, late: 1 });
    expect(reply.fires).toHaveLength(25);
    expect(reply.picture).toEqual([
      expect.stringMatching(/^planned \|\.\.o.*x\.\.x\.\.x\.\.L/),
      expect.stringMatching(/^runs {4}=====/),
      expect.stringMatching(/^outage +~+$/),
      expect.stringContaining('x missed'),
    ]);
    expect(await run('list', { kind: 'schedules' })).toMatchObject({ count: 0 });
  });

  it('says what a change of the clock does', async () => {
    const { run } = await clocked();
    const berlin = { expression: '30 2 * * *', timezone: 'Europe/Berlin' };
    const spring = await run('simulate_schedule', { ...berlin, from: '2027-03-27', to: '2027-03-30' });
    expect((spring.fires as Reply[])[1]).toMatchObject({ planned_at: '2027-03-28T03:00:00+02:00', note: expect.stringContaining('skip') });
    const autumn = await run('simulate_schedule', { ...berlin, fold: 'both', from: '2027-10-31', to: '2027-11-01' });
    expect((autumn.fires as Reply[]).map(({ planned_at }) => planned_at)).toEqual(['2027-10-31T02:30:00+02:00', '2027-10-31T02:30:00+01:00']);
  });

  it('takes a stored one by name, and bounds what it shows', async () => {
    const { run } = await clocked();
    await run('schedule_recurring', { name: 'often', every: '1m', target: ECHO });
    expect(await run('simulate_schedule', { schedule_id: 'often', ...RANGE, limit: 5 })).toMatchObject({
      truncated: true,
      rows_total: 1441,
      counts: { fired: 1441 },
    });
    expect(await refusal(run('simulate_schedule', { schedule_id: 'often', every: '1m', ...RANGE }))).toMatchObject({ path: 'every' });
    expect(await refusal(run('simulate_schedule', { schedule_id: 'offen', ...RANGE }))).toMatchObject({ code: 'not_found' });
    expect(await refusal(run('simulate_schedule', { every: '1m', from: RANGE.to, to: RANGE.from }))).toMatchObject({ path: 'to' });
  });
});
