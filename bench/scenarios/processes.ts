// Owns what several processes on one folder do together: jobs a second, shares, how long each one's event loop is held up, and what waiting costs.
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../support/children.ts';
import { enqueueMany, openBench } from '../support/engine.ts';
import { against, atLeast, atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';
import { idleFigures } from './idle.ts';

const JOBS = 40_000;
/** The scenario `idle` looks for a whole minute. */
const IDLE_SECONDS = 10;

export const processes: Scenario = {
  name: 'processes',
  title: 'Several processes on one folder',
  async run(context: Context): Promise<readonly Figure[]> {
    const figures: Figure[] = [];
    let alone = 0;
    for (const count of [1, 2, 4]) {
      context.say(`${count} process(es)`);
      const { rate, lagP99Ms, lagMaxMs, shares } = await together(context, count);
      if (count === 1) alone = rate;
      const label = count === 1 ? '1 process' : `${count} processes`;
      figures.push(
        {
          name: `${label}, all together`,
          value: rate,
          unit: 'jobs/s',
          compared: count === 1 ? undefined : against('1 process', alone, rate),
          target: count === 1 ? undefined : atLeast(rate, Math.round(0.8 * alone), 'jobs/s'),
        },
        { name: `${label}, event loop delay, worst p99`, value: lagP99Ms, unit: 'ms', target: atMost(lagP99Ms, 20, 'ms') },
        { name: `${label}, event loop delay, longest`, value: lagMaxMs, unit: 'ms' },
      );
      // A fifth of an equal share.
      const smallest = Math.min(...shares) * 100;
      if (count > 1) figures.push({ name: `${label}, smallest share of the work`, value: smallest, unit: '%', target: atLeast(smallest, 20 / count, '%') });
    }
    figures.push(...(await idleFigures(context, IDLE_SECONDS)));
    return figures;
  },
};

/** The queue is paused until all are there, so that nobody starts early. */
async function together(
  context: Context,
  count: number,
): Promise<{ readonly rate: number; readonly lagP99Ms: number; readonly lagMaxMs: number; readonly shares: readonly number[] }> {
  const dataDir = context.folder();
  const { engine } = await openBench(dataDir, { durability: context.durability }, 'client');
  const queue = { namespace: engine.namespace, queue: 'default' };
  await enqueueMany(engine, JOBS, 500);
  await engine.backend.updateQueue({ ...queue, paused: true, from: 'control' });
  const children = Array.from({ length: count }, () => new Child({ mode: 'share', dataDir, durability: context.durability, concurrency: 100 }));
  try {
    await Promise.all(children.map((child) => child.expect('ready')));
    const started = performance.now();
    await engine.backend.updateQueue({ ...queue, paused: false, from: 'control' });
    while (engine.backend.queueStats({ namespace: engine.namespace }).reduce((sum, row) => sum + row.completed, 0) < JOBS) await sleep(10);
    const rate = JOBS / ((performance.now() - started) / 1_000);
    for (const child of children) child.finish();
    const replies = await Promise.all(children.map((child) => child.expect('shared')));
    await Promise.all(children.map((child) => child.ended()));
    return {
      rate,
      lagP99Ms: Math.max(...replies.map((reply) => reply.lagP99Ms)),
      lagMaxMs: Math.max(...replies.map((reply) => reply.lagMaxMs)),
      shares: replies.map((reply) => reply.jobs / JOBS),
    };
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    await engine.stop();
  }
}
