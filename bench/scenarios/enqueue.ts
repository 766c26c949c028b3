// Owns the speed of acknowledged jobs: one call after another, and 500 at a time.
import { enqueueMany, NOOP, openBench, PAYLOAD } from '../support/engine.ts';
import { Floor } from '../support/floor.ts';
import { against, atLeast, type Context, type Figure, type Scenario, seconds } from '../support/scenario.ts';

const ONE_BY_ONE = 3_000;
const CONCURRENT = 60_000;
const WARM = 5_000;

export const enqueue: Scenario = {
  name: 'enqueue',
  title: 'Durable enqueue',
  async run(context: Context): Promise<readonly Figure[]> {
    const floor = new Floor(context);
    const text = JSON.stringify(PAYLOAD);
    const bare = async (count: number, concurrency: number): Promise<void> => {
      for (let at = 0; at < count; at += concurrency) await Promise.all(Array.from({ length: concurrency }, () => floor.insert(text)));
    };
    const { engine } = await openBench(context.folder(), { durability: context.durability }, 'client');
    await enqueueMany(engine, WARM, 500);
    await bare(WARM, 500);
    const one = ONE_BY_ONE / (await seconds(() => enqueueMany(engine, ONE_BY_ONE, 1)));
    const bareOne = ONE_BY_ONE / (await seconds(() => bare(ONE_BY_ONE, 1)));
    const many = CONCURRENT / (await seconds(() => enqueueMany(engine, CONCURRENT, 500)));
    const bareMany = CONCURRENT / (await seconds(() => bare(CONCURRENT, 500)));
    const receipts =
      CONCURRENT /
      (await seconds(() =>
        enqueueMany(engine, CONCURRENT, 500, (at) =>
          engine.enqueue([{ task: NOOP, payload: PAYLOAD }], undefined, { principal: 'bench', tool: 'enqueue_job', key: `k${at}`, digest: 'd' }),
        ),
      ));
    const batch =
      CONCURRENT /
      (await seconds(() =>
        enqueueMany(engine, CONCURRENT / 500, 1, () => engine.enqueue(Array.from({ length: 500 }, () => ({ task: NOOP, payload: PAYLOAD })))),
      ));
    await engine.stop();
    floor.close();
    return [
      { name: 'one by one', value: one, unit: 'jobs/s', compared: against('bare SQLite', bareOne, one) },
      { name: '500 concurrent', value: many, unit: 'jobs/s', compared: against('bare SQLite', bareMany, many), target: atLeast(many, 60_000, 'jobs/s') },
      { name: '500 concurrent, each with an idempotency key', value: receipts, unit: 'jobs/s', compared: against('bare SQLite', bareMany, receipts) },
      { name: 'batches of 500', value: batch, unit: 'jobs/s', compared: against('bare SQLite', bareMany, batch) },
    ];
  },
};
