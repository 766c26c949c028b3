// The schedule manager through the engine: changes of the clock in six zones, refusals that store nothing, previews and simulations that agree with what happens.
import { describe, expect, it } from 'vitest';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import type { ScheduleInput } from '../../src/schedule/schedule-input.ts';
import { engineFor, refusal } from '../support/test-engine.ts';

const ME = { principal: 'me', sessionId: null };
const echo = { target: { task: 'echo' }, input: { value: 1 }, overlap: 'allow' } as const;

interface Setup {
  readonly engine: OrchestrationEngine;
  at(iso: string): void;
  move(ms: number): void;
}

async function setup(iso = '2026-01-01T00:00:00Z'): Promise<Setup> {
  let now = Date.parse(iso);
  const engine = await engineFor({}, { now: () => now, role: 'client' });
  return {
    engine,
    at: (text) => {
      now = Date.parse(text);
    },
    move: (ms) => {
      now += ms;
    },
  };
}

const times = (engine: OrchestrationEngine, id: string): string[] =>
  engine.schedules
    .ledger(id, { limit: 100, cursor: null })
    .items.map((entry) => `${new Date(entry.plannedAt).toISOString().slice(0, 16)}Z ${entry.status}`)
    .reverse();

describe('changes of the clock', () => {
  // 02:30 (or the zone's own hour) every day, around the night in which it does not exist, and the one in which it does twice.
  const cases: [zone: string, cron: string, gapFrom: string, gapFires: string[], foldFrom: string, foldFires: string[]][] = [
    [
      'Europe/Berlin',
      '30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    ],
    [
      'America/New_York',
      '30 2 * * *',
      '2026-03-07T12:00:00Z',
      ['2026-03-08T07:00Z', '2026-03-09T06:30Z'],
      '2026-10-31T12:00:00Z',
      ['2026-11-01T07:30Z', '2026-11-02T07:30Z'],
    ],
    [
      'America/St_Johns',
      '30 2 * * *',
      '2026-03-07T12:00:00Z',
      ['2026-03-08T05:30Z', '2026-03-09T05:00Z'],
      '2026-10-31T12:00:00Z',
      ['2026-11-01T06:00Z', '2026-11-02T06:00Z'],
    ],
    [
      'America/Havana',
      '30 0 * * *',
      '2026-03-07T12:00:00Z',
      ['2026-03-08T05:00Z', '2026-03-09T04:30Z'],
      '2026-10-31T12:00:00Z',
      ['2026-11-01T04:30Z', '2026-11-02T05:30Z'],
    ],
    [
      'Australia/Lord_Howe',
      '15 2 * * *',
      '2026-10-03T00:00:00Z',
      ['2026-10-03T15:30Z', '2026-10-04T15:15Z'],
      '2026-04-04T00:00:00Z',
      ['2026-04-04T15:45Z', '2026-04-05T15:45Z'],
    ],
    [
      'Pacific/Chatham',
      '15 3 * * *',
      '2026-09-26T00:00:00Z',
      ['2026-09-26T14:00Z', '2026-09-27T13:30Z'],
      '2026-04-04T00:00:00Z',
      ['2026-04-04T13:30Z', '2026-04-05T14:30Z'],
    ],
  ];
  it.each(cases)('%s: fires once in a gap, at its end, and once in a fold', async (timezone, expression, gapFrom, gapFires, foldFrom, foldFires) => {
    for (const [from, fires] of [
      [gapFrom, gapFires],
      [foldFrom, foldFires],
    ] as const) {
      const { engine, at, move } = await setup(from);
      const { schedule } = await engine.schedules.create({ name: 'dst', rule: { kind: 'cron', expression, timezone }, ...echo }, ME);
      at(from);
      for (let quarter = 0; quarter < 44 * 4; quarter++) {
        move(900_000);
        await engine.tick();
      }
      const note = engine.schedules.preview(schedule.id, 1, Date.parse(fires[0] as string))[0]?.note;
      if (fires === gapFires) expect(note).toMatch(/skip/);
      expect(times(engine, schedule.id).slice(0, 2)).toEqual(fires.map((text) => `${text} fired`));
    }
  });
});

describe('refusals', () => {
  const good: ScheduleInput = { name: 'x', rule: { kind: 'cron', expression: '0 3 * * *' }, ...echo };
  it.each<[string, Readonly<Record<string, unknown>>, string, RegExp]>([
    ['an unknown zone', { rule: { kind: 'cron', expression: '0 3 * * *', timezone: 'Europe/Berln' } }, 'invalid_input', /Berln/],
    ['a bad field', { rule: { kind: 'cron', expression: '61 3 * * *' } }, 'invalid_input', /61/],
    ['an end before the start', { start: 2_000_000_000_000, end: 1_900_000_000_000 }, 'invalid_input', /before/],
    ['an end that has passed', { end: 1_000 }, 'invalid_input', /never fire/],
    ['a one-off time that has passed', { rule: { kind: 'once', at: 1_000, timezone: 'UTC' } }, 'invalid_input', /has passed/],
    ['an interval of nothing', { rule: { kind: 'recurring', every: '0s' } }, 'invalid_input', /./],
    ['a task that nobody knows', { target: { task: 'ecko' } }, 'unknown_task_type', /ecko/],
    ['a workflow that is not stored', { target: { workflow: 'nope' } }, 'not_found', /nope/],
    ['input that the task does not take', { target: { task: 'http.request' }, input: { nothing: 1 } }, 'invalid_input', /http\.request/],
    ['a name that has no value at a fire', { input: { a: '${{ steps.x.output }}' } }, 'unresolved_reference', /steps/],
    ['a field that schedule does not have', { input: { a: '${{ schedule.planedAt }}' } }, 'unresolved_reference', /planedAt/],
    ['a condition with a fault', { when: 'last.status ==' }, 'invalid_expression', /./],
    ['a condition that names nothing', { when: 'lasd.status == "x"' }, 'unresolved_reference', /lasd/],
    ['an unknown field', { overlapp: 'skip' }, 'invalid_input', /overlap/],
  ])('%s', async (_what, change, code, message) => {
    const { engine } = await setup();
    const error = await refusal(engine.schedules.create({ ...good, ...change } as ScheduleInput, ME));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(engine.schedules.list({}, 10, null).items).toEqual([]);
  });

  it('a one-off time is taken within a minute of grace, and fires at once', async () => {
    const { engine } = await setup();
    const rule = { kind: 'once', at: engine.now - 30_000, timezone: 'UTC' } as const;
    const input: ScheduleInput = { name: 'x', rule, catchup: { mode: 'skip' }, ...echo };
    const { description } = engine.schedules.draft(input, ME);
    expect(description).toMatchObject({ warnings: [expect.stringContaining('fires at once')], nextFires: [{ at: engine.now }] });
    const { schedule } = await engine.schedules.create(input, ME);
    await engine.tick();
    expect(times(engine, schedule.id)).toEqual(['2026-01-01T00:00Z fired']);
    expect(engine.schedules.get('x')).toMatchObject({ status: 'completed', runs: 1 });
  });

  it('input that does not fit the schema of the workflow, now and at a fire', async () => {
    const { engine, move } = await setup();
    const flow = (type: string): unknown => ({
      name: 'flow',
      input: { type: 'object', properties: { n: { type } } },
      steps: [{ id: 'a', task: 'log', with: { message: 'x' } }],
    });
    await engine.workflows.create(flow('string'));
    const input = { name: 'x', rule: { kind: 'recurring', every: '1m' }, target: { workflow: 'flow' }, input: { n: '${{ schedule.runNumber }}' } } as const;
    expect((await refusal(engine.schedules.create(input, ME))).path).toBe('input.n');
    const { schedule } = await engine.schedules.create({ ...input, input: { n: 'text' } }, ME);
    await engine.workflows.create(flow('integer'));
    expect(engine.schedules.describe(schedule).warnings.join()).toMatch(/does not fit/);
    move(60_000);
    await engine.tick();
    expect(engine.schedules.ledger('x', { limit: 1, cursor: null }).items[0]).toMatchObject({ status: 'failed', error: { code: 'invalid_input' } });
  });
});

describe('looking ahead', () => {
  it('describes, previews and simulates what then happens', async () => {
    const { engine, move } = await setup();
    const { schedule } = await engine.schedules.create(
      { name: 'x', rule: { kind: 'recurring', every: '1m' }, target: { task: 'echo' }, input: { value: 1 }, max_runs: 7 },
      ME,
    );
    const { sentence, nextFires, policies } = engine.schedules.describe(schedule);
    expect([sentence.length > 5, nextFires.length, policies.overlap, policies.catchup]).toEqual([true, 5, 'skip', { mode: 'one', window: '1h', cap: 100 }]);
    const from = engine.now + 1;
    const outage = { from: engine.now + 130_000, to: engine.now + 310_000 };
    const planned = engine.schedules.simulate({ id: 'x', from, to: engine.now + 480_000, runMs: 70_000, outages: [outage] });
    expect(planned.map((fire) => fire.status)).toEqual([
      'fired',
      'skipped_overlap',
      'coalesced',
      'coalesced',
      'late',
      'skipped_overlap',
      'fired',
      'skipped_overlap',
    ]);
    expect(planned[4]).toMatchObject({ startsAt: outage.to, endsAt: outage.to + 70_000 });
    for (let i = 0; i < 3; i++) {
      move(60_000);
      await engine.tick();
    }
    expect(engine.schedules.ledger('x', { limit: 3, cursor: null }).items.map((entry) => entry.plannedAt)).toEqual(
      nextFires
        .slice(0, 3)
        .map(({ at }) => at)
        .reverse(),
    );
  });

  it('starts in a simulation what waits once nothing runs', async () => {
    const { engine } = await setup();
    const input: ScheduleInput = { name: 'x', rule: { kind: 'cron', expression: '*/2 * * * *' }, ...echo, overlap: 'buffer_all', catchup: { mode: 'all' } };
    const outages = [{ from: engine.now + 30_000, to: engine.now + 630_000 }];
    const fires = engine.schedules.simulate({ input, from: engine.now, to: engine.now + 700_000, outages });
    expect(fires.map(({ status, startsAt }) => [status, startsAt === null ? null : startsAt - engine.now])).toEqual([
      ['fired', 0],
      ...[1, 2, 3, 4, 5].map((at) => [expect.stringMatching(/fired|late/), Math.max(630_000, at)]),
    ]);
  });

  it('tells what a simulation takes for granted, and each time that the clocks skip', async () => {
    const { engine } = await setup();
    const rule = { kind: 'cron', expression: '30 2 * * *', timezone: 'Europe/Berlin', gap: 'skip' } as const;
    await engine.schedules.create({ name: 'x', rule, ...echo, when: 'last.status != "failed"', pause_on_failure: 3 }, ME);
    await engine.schedules.pause('x');
    const { fires, notes, shown } = await engine.schedules.simulation({
      id: 'x',
      from: Date.parse('2026-03-28T00:00:00Z'),
      to: Date.parse('2028-03-31T00:00:00Z'),
    });
    expect(notes.slice(0, 3)).toEqual([expect.stringContaining('paused'), expect.stringContaining('when'), expect.stringContaining('pause_on_failure')]);
    expect(notes.filter((note) => note.includes('does not exist')).map((note) => /on (\S+)/.exec(note)?.[1])).toEqual([
      '2026-03-29',
      '2027-03-28',
      '2028-03-26',
    ]);
    expect(shown(fires[0] as (typeof fires)[number]).local).toBe('2026-03-28T02:30:00+01:00');
  });

  it('warns of more jitter than there is time between fires, and shows when each fires', async () => {
    const { engine } = await setup();
    const { schedule } = await engine.schedules.create({ name: 'x', rule: { kind: 'recurring', every: '1m' }, ...echo, jitter: '1h' }, ME);
    const { warnings, nextFires } = engine.schedules.describe(schedule);
    expect(warnings).toEqual([expect.stringContaining('longer than the 1m')]);
    expect(nextFires[0]?.dueAt).toBe(schedule.dueAt);
    expect(nextFires.map(({ dueAt }) => dueAt)).toEqual(nextFires.map(({ dueAt }) => dueAt).sort((a, b) => a - b));
  });

  it('a completed one is no longer paused or resumed, but it can be renamed', async () => {
    const { engine } = await setup();
    await engine.schedules.create({ name: 'x', rule: { kind: 'once', delay: 0 }, ...echo }, ME);
    await engine.tick();
    for (const action of ['pause', 'resume'] as const) expect((await refusal(engine.schedules[action]('x'))).code).toBe('invalid_transition');
    expect(await engine.schedules.update('x', { name: 'y' }, ME)).toMatchObject({ name: 'y', status: 'completed' });
  });

  it('gives the first answer again although it could not be asked any more', async () => {
    const { engine, move } = await setup();
    const receipt = (key: string): { principal: string; tool: string; key: string; digest: string } => ({ principal: 'me', tool: 't', key, digest: key });
    const input: ScheduleInput = { name: 'x', rule: { kind: 'once', delay: 30_000 }, ...echo };
    await engine.schedules.create(input, ME, receipt('a'));
    move(120_000);
    await engine.tick();
    const triggered = await engine.schedules.trigger('x', {}, ME, receipt('b'));
    const { id } = engine.schedules.require('x');
    expect((await engine.schedules.delete(id, receipt('c'))).replayed).toBe(false);
    expect((await engine.schedules.delete(id, receipt('c'))).replayed).toBe(true);
    expect(await engine.schedules.trigger(id, {}, ME, receipt('b'))).toEqual({ ...triggered, replayed: true });
    expect(await engine.schedules.create(input, ME, receipt('a'))).toMatchObject({ schedule: { id }, replayed: true });
    expect((await refusal(engine.schedules.create(input, ME, { ...receipt('a'), digest: 'other' }))).code).toBe('conflict');
  });

  it('makes schedules from an expression or a period alone', async () => {
    const { engine } = await setup();
    const cron = await engine.schedules.scheduleCron('@daily', { name: 'c', timezone: 'Europe/Berlin', ...echo }, ME);
    const often = await engine.schedules.scheduleRecurring('15m', { name: 'r', ...echo }, ME);
    expect([cron.rule, often.rule]).toMatchObject([
      { kind: 'cron', timezone: 'Europe/Berlin' },
      { kind: 'recurring', unit: 'minute', n: 15 },
    ]);
    await engine.schedules.delete('c');
    expect(engine.schedules.list({}, 9, null).items.map(({ name }) => name)).toEqual(['r']);
  });

  it('drafts without storing, and replays by receipt', async () => {
    const { engine } = await setup();
    const input: ScheduleInput = { name: 'x', rule: { kind: 'cron', expression: '@daily' }, ...echo };
    expect(engine.schedules.draft(input, ME).schedule.nextAt).toBe(Date.parse('2026-01-02T00:00:00Z'));
    expect(engine.schedules.get('x')).toBeNull();
    const receipt = { principal: 'me', tool: 't', key: 'k', digest: 'd' };
    const first = await engine.schedules.create(input, ME, receipt);
    expect(await engine.schedules.create(input, ME, receipt)).toEqual({ schedule: first.schedule, replayed: true });
    expect((await refusal(engine.schedules.create(input, ME))).code).toBe('conflict');
    const changed = await engine.schedules.update('x', { jitter: '10s', when: 'last.status != "failed"' }, ME);
    expect(changed).toMatchObject({ jitterMs: 10_000, revision: 2, rule: first.schedule.rule });
    expect(engine.schedules.nextDue()?.schedule.id).toBe(first.schedule.id);
  });
});
