// Owns the speed of the worker: stored jobs claimed, handed to a handler that only returns, and their results on disk.
import { type Bench, enqueueMany, NOOP, openBench, PAYLOAD } from '../support/engine.ts';
import { Floor } from '../support/floor.ts';
import { against, atLeast, type Context, type Cost, costOf, type Figure, type Scenario } from '../support/scenario.ts';

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
      const ours = await drain(dataDir, jobs, concurrency, context.durability);
      const floor = new Floor(context);
      await floor.fill(jobs, 500);
      const bare = await costOf(jobs, () => floor.process(jobs, concurrency));
      floor.close();
      figures.push(
        {
          name: `concurrency ${concurrency}`,
          value: ours.rate,
          unit: 'jobs/s',
          compared: against('bare SQLite', bare.rate, ours.rate),
          target: concurrency === 100 ? atLeast(ours.rate, 40_000, 'jobs/s') : undefined,
        },
        { name: `concurrency ${concurrency}, CPU of one`, value: ours.cpuUs, unit: 'us', compared: against('bare SQLite', bare.cpuUs, ours.cpuUs) },
      );
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

/** From opening the store, with everything waiting in it, to the last result on disk. */
async function drain(dataDir: string, jobs: number, concurrency: number, durability: 'full' | 'normal'): Promise<Cost> {
  let bench: Bench | undefined;
  const cost = await costOf(jobs, async () => {
    bench = await openBench(dataDir, { durability, concurrency });
    await bench.untilEnded(jobs);
  });
  await bench?.engine.stop();
  return cost;
}
