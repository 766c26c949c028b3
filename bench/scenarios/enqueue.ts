// Owns the speed of acknowledged jobs: one call after another, and 500 at a time.
import { enqueueMany, NOOP, openBench, PAYLOAD } from '../support/engine.ts';
import { Floor } from '../support/floor.ts';
import { against, atLeast, type Context, type Cost, costOf, type Figure, type Scenario } from '../support/scenario.ts';

const ONE_BY_ONE = 3_000;
const CONCURRENT = 60_000;
const WARM = 5_000;
const JOB = { task: NOOP, payload: PAYLOAD };

export const enqueue: Scenario = {
  name: 'enqueue',
  title: 'Durable enqueue',
  async run(context: Context): Promise<readonly Figure[]> {
    const floor = new Floor(context);
    const { engine } = await openBench(context.folder(), { durability: context.durability }, 'client');
    const ours = (count: number, concurrency: number): Promise<Cost> => costOf(count, () => enqueueMany(engine, count, concurrency));
    const bare = (count: number, concurrency: number): Promise<Cost> => costOf(count, () => floor.fill(count, concurrency));
    await ours(WARM, 500);
    await bare(WARM, 500);
    const one = await ours(ONE_BY_ONE, 1);
    const bareOne = await bare(ONE_BY_ONE, 1);
    const many = await ours(CONCURRENT, 500);
    const bareMany = await bare(CONCURRENT, 500);
    const keyed = await costOf(CONCURRENT, () =>
      enqueueMany(engine, CONCURRENT, 500, (at) => engine.enqueue([JOB], undefined, { principal: 'bench', tool: 'enqueue_job', key: `k${at}`, digest: 'd' })),
    );
    const batch = Array.from({ length: 500 }, () => JOB);
    const batches = await costOf(CONCURRENT, () => enqueueMany(engine, CONCURRENT / 500, 1, () => engine.enqueue(batch)));
    await engine.stop();
    floor.close();
    return [
      { name: 'one by one', value: one.rate, unit: 'jobs/s', compared: against('bare SQLite', bareOne.rate, one.rate) },
      {
        name: '500 concurrent',
        value: many.rate,
        unit: 'jobs/s',
        compared: against('bare SQLite', bareMany.rate, many.rate),
        target: atLeast(many.rate, 60_000, 'jobs/s'),
      },
      { name: '500 concurrent, CPU of one', value: many.cpuUs, unit: 'us', compared: against('bare SQLite', bareMany.cpuUs, many.cpuUs) },
      { name: '500 concurrent, each with an idempotency key', value: keyed.rate, unit: 'jobs/s', compared: against('bare SQLite', bareMany.rate, keyed.rate) },
      { name: 'batches of 500', value: batches.rate, unit: 'jobs/s', compared: against('bare SQLite', bareMany.rate, batches.rate) },
    ];
  },
};
