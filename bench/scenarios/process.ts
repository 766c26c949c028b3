// Owns the speed of the worker: stored jobs claimed, handed to a handler that only returns, and their results on disk.
import { enqueueMany, NOOP, openBench, PAYLOAD } from '../support/engine.ts';
import { Floor } from '../support/floor.ts';
import { against, atLeast, type Context, type Figure, type Scenario, seconds } from '../support/scenario.ts';

const JOBS: readonly (readonly [number, number])[] = [
  [1, 3_000],
  [10, 15_000],
  [100, 60_000],
];

export const processNoop: Scenario = {
  name: 'process',
  title: 'Process no-op jobs (events, retention, receipts on)',
  async run(context: Context): Promise<readonly Figure[]> {
    const figures: Figure[] = [];
    for (const [concurrency, jobs] of JOBS) {
      const dataDir = context.folder();
      await fill(dataDir, jobs, context.durability);
      const ours = jobs / (await drain(dataDir, jobs, concurrency, context.durability));
      const floor = new Floor(context);
      for (let at = 0; at < jobs; at += 500) await Promise.all(Array.from({ length: 500 }, () => floor.insert(JSON.stringify(PAYLOAD))));
      const bare = jobs / (await seconds(() => floor.process(jobs, concurrency)));
      floor.close();
      figures.push({
        name: `concurrency ${concurrency}`,
        value: ours,
        unit: 'jobs/s',
        compared: against('bare SQLite', bare, ours),
        target: concurrency === 100 ? atLeast(ours, 40_000, 'jobs/s') : undefined,
      });
    }
    return figures;
  },
};

/** Stores jobs, each by a call with an idempotency key of its own. */
async function fill(dataDir: string, jobs: number, durability: 'full' | 'normal'): Promise<void> {
  const { engine } = await openBench(dataDir, { durability }, 'client');
  await enqueueMany(engine, jobs, 500, (at) =>
    engine.enqueue([{ task: NOOP, payload: PAYLOAD }], undefined, { principal: 'bench', tool: 'enqueue_job', key: `k${at}`, digest: 'd' }),
  );
  await engine.stop();
}

/** Seconds from the first look at the queue to the last result on disk. */
async function drain(dataDir: string, jobs: number, concurrency: number, durability: 'full' | 'normal'): Promise<number> {
  const started = performance.now();
  const bench = await openBench(dataDir, { durability, concurrency });
  await bench.untilEnded(jobs);
  const took = (performance.now() - started) / 1_000;
  await bench.engine.stop();
  return took;
}
