// Owns what schedules cost: creating 10,000, keeping them while nothing is due, and how late 1,000 of one second fire.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskType } from '../../src/domain/action.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { Child } from '../support/children.ts';
import { enqueueMany, NOOP, openBench } from '../support/engine.ts';
import { against, atMost, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';

const SCHEDULES = 10_000;
const DUE = 1_000;
const IDLE_MS = 15_000;
const AHEAD_MS = 4_000;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns', 'Africa/Casablanca'];
const CALLER = { principal: 'bench', sessionId: null };

export const schedules: Scenario = {
  name: 'schedules',
  title: '10,000 active schedules',
  async run(context: Context): Promise<readonly Figure[]> {
    const [empty, full] = [context.folder(), context.folder()];
    context.say('creating 10,000 schedules');
    const created = await create(full, context.durability);
    context.say('idle with none, then with 10,000');
    const without = await idle(empty, context.durability);
    const kept = await idle(full, context.durability);
    context.say('1,000 due in the same second');
    const { fired, told, begun } = await fire(full, context.durability);
    const growth = kept.rssMb - without.rssMb;
    return [
      { name: 'create, 500 at a time', value: created, unit: 'schedules/s' },
      { name: 'memory (RSS) they add to a process', value: growth, unit: 'MB', target: atMost(growth, 50, 'MB') },
      {
        name: 'CPU while none is due',
        value: kept.cpuPercent,
        unit: '%',
        compared: against('no schedules', without.cpuPercent, kept.cpuPercent),
        target: atMost(kept.cpuPercent, 0.5, '%'),
      },
      { name: '1,000 due at once: lateness in the ledger, p99', value: percentile(fired, 0.99), unit: 'ms' },
      { name: '1,000 due at once: fire is on disk and told, p50', value: percentile(told, 0.5), unit: 'ms' },
      { name: '1,000 due at once: fire is on disk and told, p99', value: percentile(told, 0.99), unit: 'ms', target: atMost(percentile(told, 0.99), 50, 'ms') },
      { name: '1,000 due at once: handler begins, p99', value: percentile(begun, 0.99), unit: 'ms' },
    ];
  },
};

/** Times and zones all differ, and none is due for months. */
async function create(dataDir: string, durability: 'full' | 'normal'): Promise<number> {
  const { engine } = await openBench(dataDir, { durability });
  const month = ((new Date().getUTCMonth() + 6) % 12) + 1;
  const started = performance.now();
  await enqueueMany(engine, SCHEDULES, 500, (at) =>
    engine.schedules.create(
      {
        name: `s${at}`,
        rule: { kind: 'cron', expression: `${at % 60} ${Math.floor(at / 60) % 24} ${1 + (at % 28)} ${month} *`, timezone: ZONES[at % ZONES.length] },
        target: { task: NOOP },
        input: { n: at },
      },
      CALLER,
    ),
  );
  const rate = SCHEDULES / ((performance.now() - started) / 1_000);
  await engine.stop();
  return rate;
}

async function idle(dataDir: string, durability: 'full' | 'normal'): Promise<{ readonly rssMb: number; readonly cpuPercent: number }> {
  const child = new Child({ mode: 'idle', dataDir, durability });
  await child.expect('ready');
  await sleep(IDLE_MS);
  child.finish();
  const reply = await child.expect('idled');
  await child.ended();
  return reply;
}

/** How late each fire was decided, was on disk and told, and its handler began; ms after the planned time. */
async function fire(
  dataDir: string,
  durability: 'full' | 'normal',
): Promise<{ readonly fired: readonly number[]; readonly told: readonly number[]; readonly begun: readonly number[] }> {
  const at = Math.ceil((Date.now() + AHEAD_MS) / 1_000) * 1_000;
  const begun: number[] = [];
  const told: number[] = [];
  const done = Promise.withResolvers<void>();
  const noop = defineTask({
    type: NOOP,
    run: () => {
      begun.push(Date.now() - at);
      if (begun.length === DUE) done.resolve();
      return null;
    },
  }) as unknown as TaskType;
  const { engine } = await openBench(dataDir, { durability, concurrency: 100 }, 'worker', [noop]);
  const ids = await createDue(engine, at);
  engine.on('schedule_fired', () => told.push(Date.now() - at));
  // Waiting for a due time alone keeps no process alive.
  const alive = setInterval(() => undefined, 1_000);
  await done.promise;
  clearInterval(alive);
  const fired = ids.map((id) => engine.schedules.ledger(id, { limit: 1, cursor: null }).items[0]?.latenessMs ?? Number.POSITIVE_INFINITY);
  await engine.stop();
  return { fired, told, begun };
}

async function createDue(engine: OrchestrationEngine, at: number): Promise<string[]> {
  const ids: string[] = [];
  await enqueueMany(engine, DUE, 500, async (n) => {
    const { schedule } = await engine.schedules.create(
      { name: `due${n}`, rule: { kind: 'once', at, timezone: 'UTC' }, target: { task: NOOP }, input: { planned: '${{ schedule.plannedAt }}' } },
      CALLER,
    );
    ids.push(schedule.id);
  });
  return ids;
}
