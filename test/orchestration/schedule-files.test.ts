// Schedules in workflow files: what a file says is what is stored, through changes of the file and without it.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Logger } from '../../src/logger.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { WorkflowsDir } from '../../src/orchestration/workflows-dir.ts';
import { atEnd, engineFor, tempFolder } from '../support/test-engine.ts';

const STEPS = 'steps: [{id: a, task: log, with: {message: "${{ input.day }}"}}]\ninput: {type: object, properties: {day: {type: string}}, required: [day]}';
const NOW = Date.UTC(2026, 0, 1, 15);
const PLAIN = 'steps: [{id: a, task: log, with: {message: x}}]';

async function setup(): Promise<{
  engine: OrchestrationEngine;
  dir: WorkflowsDir;
  write(file: string, text: string): void;
  remove(file: string): void;
  names(): string[];
  /** Another process reads the folder, this much later. */
  again(later: number): Promise<WorkflowsDir>;
}> {
  let now = NOW;
  const engine = await engineFor({}, { now: () => now });
  const folder = tempFolder();
  const logger = pino({ level: 'silent' }) as Logger;
  const dir = new WorkflowsDir({ folder, workflows: engine.workflows, schedules: engine.schedules, logger });
  atEnd(() => dir.stop());
  return {
    again: async (later) => {
      now += later;
      const next = new WorkflowsDir({ folder, workflows: engine.workflows, schedules: engine.schedules, logger });
      atEnd(() => next.stop());
      await next.tick();
      return next;
    },
    engine,
    dir,
    write: (file, text) => writeFileSync(join(folder, file), text),
    remove: (file) => rmSync(join(folder, file)),
    names: () =>
      engine.schedules
        .list({}, 100, null)
        .items.map(({ name }) => name)
        .sort(),
  };
}

it('takes over what a file says, and leaves alone what it says again', async () => {
  const { engine, dir, write, names } = await setup();
  const input = 'input: {day: "${{ schedule.plannedAt }}"}';
  write(
    'report.yaml',
    `${STEPS}\nschedules:\n  - {cron: "0 3 * * *", timezone: Europe/Berlin, ${input}}\n  - {name: often, every: 15m, overlap: allow, ${input}}\n`,
  );
  await dir.tick();
  expect([names(), dir.warnings()]).toEqual([['often', 'report'], []]);
  const first = engine.schedules.require('report');
  expect(first).toMatchObject({
    target: { kind: 'workflow', name: 'report', version: null },
    rule: { kind: 'cron', expression: '0 3 * * *', timezone: 'Europe/Berlin' },
  });
  expect(engine.workflows.find('report')?.definition).not.toHaveProperty('schedules');
  const again = new WorkflowsDir({ folder: dir.folder, workflows: engine.workflows, schedules: engine.schedules, logger: pino({ level: 'silent' }) as Logger });
  await again.tick();
  expect(engine.schedules.require('report')).toEqual(first);
});

it('changes, adds and deletes with the file, and deletes what a removed file had', async () => {
  const { engine, dir, write, remove, names } = await setup();
  write('report.yaml', `${STEPS}\nschedules: {a: {every: 1h, overlap: allow, input: {day: x}}, b: {every: 2h, input: {day: x}}}`);
  await dir.tick();
  const { id } = engine.schedules.require('a');
  write('report.yaml', `${STEPS}\nschedules: {a: {every: 3h, input: {day: x}}, c: {every: 2h, input: {day: x}}}`);
  await dir.tick();
  expect(names()).toEqual(['a', 'c']);
  expect(engine.schedules.require('a')).toMatchObject({ id, overlap: 'skip', rule: { n: 3 } });
  remove('report.yaml');
  await dir.tick();
  expect([names(), engine.workflows.find('report')?.name]).toEqual([[], 'report']);
});

it('tells what is wrong with a block, and stores nothing of its file', async () => {
  const { engine, dir, write, names } = await setup();
  write('bad.yaml', `${STEPS}\nschedules: [{cron: "61 3 * * *"}]`);
  write('two.yaml', `${STEPS}\nschedules: [{cron: "0 3 * * *", every: 5m}]`);
  write('misfit.yaml', `${STEPS}\nschedules: [{every: 5m, input: {}}]`);
  await dir.tick();
  expect(names()).toEqual([]);
  const warnings = dir.warnings().join('\n');
  expect(warnings).toMatch(/bad\.yaml.*61/);
  expect(warnings).toMatch(/two\.yaml.*Both expression and every/);
  expect(warnings).toMatch(/misfit\.yaml.*day/);
  expect(engine.workflows.find('two')).toBeNull();
});

it('takes no schedule that was made elsewhere', async () => {
  const { engine, dir, write } = await setup();
  await engine.schedules.create(
    { name: 'mine', rule: { kind: 'recurring', every: '1h' }, target: { task: 'echo' }, input: { value: 1 } },
    { principal: 'me', sessionId: null },
  );
  write('report.yaml', `${STEPS}\nschedules: {mine: {every: 1h, input: {day: x}}}`);
  await dir.tick();
  expect(dir.warnings().join()).toMatch(/mine was made elsewhere/);
  expect(engine.schedules.require('mine').target.kind).toBe('job');
});

it('means the same whenever it is read: bounds and phase of an RRULE, delays, one-off times', async () => {
  const { engine, dir, write, again } = await setup();
  const rules = [
    'name: counted, rrule: "FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0;COUNT=5"',
    'name: begun, rrule: "DTSTART:20251231T090000Z\\nRRULE:FREQ=DAILY;COUNT=5"',
    'name: plain, rrule: FREQ=DAILY, timezone: Europe/Berlin',
    'name: fortnight, rrule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0"',
    'name: soon, delay: 10m',
    'name: then, at: "2026-01-01T16:00:00Z"',
  ];
  const text = (more: string): string => `${PLAIN}\nschedules:\n${rules.map((rule) => `  - {${rule}${more}}\n`).join('')}`;
  write('r.yaml', text(''));
  await dir.tick();
  expect(dir.warnings()).toEqual([]);
  const specs = (): object[] =>
    engine.schedules.list({}, 100, null).items.map(({ name, rule, start, end, maxRuns, revision }) => ({ name, rule, start, end, maxRuns, revision }));
  const first = specs();
  expect(engine.schedules.require('counted')).toMatchObject({ maxRuns: 5, start: null });
  expect(engine.schedules.require('begun').end).toBe(Date.UTC(2026, 0, 4, 9));
  expect(engine.schedules.require('plain').rule).toMatchObject({ at: ['00:00:00'] });
  const day = 86_400_000;
  for (const later of [5 * 3_600_000, 3 * day, 7 * day]) {
    expect((await again(later)).warnings()).toEqual([]);
    for (let round = 0; round < 3; round++) await engine.tick();
    expect(specs()).toEqual(first);
  }
});

it('takes the words of the tools, and local times in the zone of the rule', async () => {
  const { engine, dir, write } = await setup();
  const words = [
    '{name: a, expression: "0 9 * * 0", monday_zero: true, timezone: Europe/Berlin, start_at: 2026-06-01, end_at: 2026-12-31, catchup: {policy: all, window: 2h}}',
    '{name: b, weekly: {on: weekdays, at: "09:00"}, exclude: ["2026-12-25"], catchup: skip}',
    '{name: c, every: month, on: last, at: "18:00", short_month: skip, jitter: 1m, max_runs: 3}',
    '{name: d, once: 2026-06-01T09:00, timezone: Europe/Berlin, when: "last.status != \'failed\'"}',
  ];
  write('w.yaml', `${PLAIN}\nschedules:\n${words.map((line) => `  - ${line}\n`).join('')}`);
  await dir.tick();
  expect(dir.warnings()).toEqual([]);
  const get = (name: string): unknown => engine.schedules.require(name);
  expect(get('a')).toMatchObject({
    rule: { expression: '0 9 * * 1' },
    start: Date.parse('2026-05-31T22:00Z'),
    end: Date.parse('2026-12-30T23:00Z'),
    catchup: { mode: 'all', windowMs: 7_200_000 },
  });
  expect(get('b')).toMatchObject({
    rule: { weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'] },
    exclusions: [{ from: '2026-12-25', to: '2026-12-25' }],
    catchup: { mode: 'skip' },
  });
  expect(get('c')).toMatchObject({ rule: { days: [{ last: true }], shortMonth: 'skip' }, jitterMs: 60_000, maxRuns: 3 });
  expect(get('d')).toMatchObject({ rule: { kind: 'once', at: Date.parse('2026-06-01T07:00Z') }, when: { kind: 'expression' } });
  write('w.yaml', `${PLAIN}\nschedules: [{every: 1h, weekdays: [mon]}]`);
  await dir.tick();
  expect(dir.warnings().join()).toMatch(/weekdays/);
});

it('one that cannot be taken over holds up no other of its file', async () => {
  const { dir, write, names } = await setup();
  write('p.yaml', `${PLAIN}\nschedules: [{name: gone, at: "2020-01-01T00:00:00Z"}, {name: stays, every: 1h}]`);
  await dir.tick();
  expect(names()).toEqual(['stays']);
  expect(dir.warnings().join()).toMatch(/schedules\[0\].*has passed|has passed/);
});
