// Owns the speed of the redis store beside plain BullMQ on the same server in the same run: no-op jobs, and diamonds that BullMQ has no word for.
import { Queue, Worker } from 'bullmq';
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import { RedisServer, reasonToSkip } from '../../test/support/redis-server.ts';
import { type Bench, enqueueMany, NOOP, openBench, PAYLOAD } from '../support/engine.ts';
import { against, type Context, type Cost, costOf, type Figure, type Scenario, Skipped } from '../support/scenario.ts';
import { DIAMOND } from '../support/workflows.ts';

const JOBS: readonly (readonly [number, number])[] = [
  [1, 6_000],
  [10, 10_000],
  [100, 40_000],
];
const CALLS = 100;
const RUNS = 2_000;
const TARGET = 0.5;

export const redis: Scenario = {
  name: 'redis',
  title: 'The redis store beside BullMQ (AOF everysec)',
  async run(context: Context): Promise<readonly Figure[]> {
    const reason = reasonToSkip('redis-server');
    if (reason !== null) throw new Skipped(reason);
    const server = await RedisServer.start();
    try {
      const figures: Figure[] = [];
      for (const [concurrency, jobs] of JOBS) {
        context.say(`concurrency ${concurrency}`);
        const ours = await noops(context, server, concurrency, jobs);
        const theirs = await bullmq(server, concurrency, jobs);
        figures.push(
          held(`no-op jobs, concurrency ${concurrency}`, ours.drained, theirs.drained),
          held(`enqueue, ${CALLS} calls at once, ${jobs} jobs`, ours.filled, theirs.filled),
          {
            name: `no-op jobs, concurrency ${concurrency}, CPU of one`,
            value: ours.drained.cpuUs,
            unit: 'us',
            compared: against('BullMQ', theirs.drained.cpuUs, ours.drained.cpuUs),
          },
        );
      }
      return [...figures, ...(await diamonds(context, server))];
    } finally {
      await server.stop();
    }
  },
};

interface Work {
  readonly filled: Cost;
  readonly drained: Cost;
}

function held(name: string, ours: Cost, theirs: Cost): Figure {
  const compared = against('BullMQ', theirs.rate, ours.rate);
  return { name, value: ours.rate, unit: 'jobs/s', compared, target: { text: `>= ${TARGET} x BullMQ`, reached: compared.ratio >= TARGET } };
}

/** Enqueued by one process, drained by the next, with receipts, events and heartbeats on. */
async function noops(context: Context, server: RedisServer, concurrency: number, jobs: number): Promise<Work> {
  const dataDir = context.folder();
  const store = server.url(`noop-${concurrency}`) as `redis://${string}`;
  const { engine } = await openBench(dataDir, { store }, 'client');
  const filled = await costOf(jobs, () =>
    enqueueMany(engine, jobs, CALLS, (at) =>
      engine.enqueue([{ task: NOOP, payload: PAYLOAD }], undefined, { principal: 'bench', tool: 'enqueue_job', key: `k${at}`, digest: 'd' }),
    ),
  );
  await engine.stop();
  let bench: Bench | undefined;
  const drained = await costOf(jobs, async () => {
    bench = await openBench(dataDir, { store, concurrency });
    await bench.untilEnded(jobs);
  });
  await bench?.engine.stop();
  return { filled, drained };
}

async function bullmq(server: RedisServer, concurrency: number, jobs: number): Promise<Work> {
  const connection = { host: '127.0.0.1', port: server.port };
  const name = `plain-${concurrency}`;
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  const filled = await costOf(jobs, async () => {
    for (let at = 0; at < jobs; at += CALLS) {
      await Promise.all(Array.from({ length: CALLS }, (_, i) => queue.add(NOOP, PAYLOAD, { jobId: `k-${at + i}` })));
    }
  });
  let worker: Worker | undefined;
  const drained = await costOf(jobs, async () => {
    let done = 0;
    await new Promise<void>((resolve) => {
      worker = new Worker(name, async () => ({ ok: true }), { connection, concurrency });
      worker.on('completed', () => {
        if (++done === jobs) resolve();
      });
    });
  });
  await worker?.close();
  await queue.close();
  return { filled, drained };
}

async function diamonds(context: Context, server: RedisServer): Promise<readonly Figure[]> {
  const dataDir = context.folder();
  const store = server.url('diamonds') as `redis://${string}`;
  const { engine } = await openBench(dataDir, { store }, 'client');
  await engine.workflows.create(DIAMOND);
  const starts = await costOf(RUNS, async () => {
    for (let at = 0; at < RUNS; at += CALLS)
      await Promise.all(Array.from({ length: CALLS }, () => engine.workflows.start({ name: DIAMOND.name }, LOCAL_HUMAN)));
  });
  await engine.stop();
  let bench: Bench | undefined;
  const steps = await costOf(RUNS * 4, async () => {
    bench = await openBench(dataDir, { store, concurrency: 100 });
    // Four jobs and the execution itself.
    await bench.untilEnded(RUNS * 5);
  });
  await bench?.engine.stop();
  return [
    { name: `diamonds, starts, ${CALLS} concurrent`, value: starts.rate, unit: 'executions/s' },
    { name: 'diamonds, steps, concurrency 100', value: steps.rate, unit: 'steps/s' },
  ];
}
