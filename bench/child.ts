// Owns what a benchmark does in a process of its own: share a folder, leave unfinished work behind, or hold a million jobs.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskType } from '../src/domain/action.ts';
import { defineTask } from '../src/task/define-task.ts';
import { NOOP, openBench } from './support/engine.ts';
import { percentile } from './support/scenario.ts';

export type ChildRequest =
  /** Runs jobs of the folder until stdin ends. */
  | { readonly mode: 'share'; readonly dataDir: string; readonly durability: 'full' | 'normal'; readonly concurrency: number }
  /** Waits for jobs until stdin ends; says how long each took to begin, and what the waiting cost. */
  | { readonly mode: 'idle'; readonly dataDir: string; readonly durability: 'full' | 'normal' }
  /** Holds what it has claimed until it is killed. */
  | { readonly mode: 'hold'; readonly dataDir: string; readonly durability: 'full' | 'normal'; readonly concurrency: number }
  /** Stores `jobs` pending ones, then claims; says what it needs. */
  | { readonly mode: 'pending'; readonly dataDir: string; readonly durability: 'full' | 'normal'; readonly jobs: number };

export type ChildReply =
  | { readonly event: 'ready' }
  | { readonly event: 'shared'; readonly jobs: number; readonly lagP99Ms: number; readonly lagMaxMs: number }
  | { readonly event: 'idled'; readonly wakeMs: readonly number[]; readonly cpuPercent: number; readonly rssMb: number }
  | { readonly event: 'pending'; readonly jobs: number; readonly rssMb: number; readonly claimP50Ms: number; readonly claimP99Ms: number };

const request = JSON.parse(process.argv[2] as string) as ChildRequest;

function reply(message: ChildReply): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

if (request.mode === 'share') await share(request);
else if (request.mode === 'idle') await idle(request);
else if (request.mode === 'hold') await hold(request);
else await pending(request);

async function share({ dataDir, durability, concurrency }: ChildRequest & { mode: 'share' }): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let begun = false;
  const noop = defineTask({
    type: NOOP,
    run: () => {
      if (!begun) {
        begun = true;
        delay.enable();
      }
      return { ok: true };
    },
  }) as unknown as TaskType;
  const bench = await openBench(dataDir, { durability, concurrency }, 'worker', [noop]);
  reply({ event: 'ready' });
  const lines = createInterface({ input: process.stdin });
  await new Promise((resolve) => lines.once('close', resolve));
  delay.disable();
  reply({ event: 'shared', jobs: bench.ended(), lagP99Ms: delay.percentile(99) / 1e6, lagMaxMs: delay.max / 1e6 });
  await bench.engine.stop();
}

/** Wall-clock time with a fraction, comparable between processes of one machine. */
function clock(): number {
  return performance.timeOrigin + performance.now();
}

async function idle({ dataDir, durability }: ChildRequest & { mode: 'idle' }): Promise<void> {
  const wakeMs: number[] = [];
  const noop = defineTask({
    type: NOOP,
    run: (input) => {
      wakeMs.push(clock() - (input as { sentAt: number }).sentAt);
      return null;
    },
  }) as unknown as TaskType;
  const { engine } = await openBench(dataDir, { durability }, 'worker', [noop]);
  // What starting costs is over by then.
  await sleep(1_000);
  const started = performance.now();
  const before = process.cpuUsage();
  reply({ event: 'ready' });
  const lines = createInterface({ input: process.stdin });
  await new Promise((resolve) => lines.once('close', resolve));
  const { user, system } = process.cpuUsage(before);
  reply({ event: 'idled', wakeMs, cpuPercent: (user + system) / 10 / (performance.now() - started), rssMb: process.memoryUsage().rss / 2 ** 20 });
  await engine.stop();
}

async function hold({ dataDir, durability, concurrency }: ChildRequest & { mode: 'hold' }): Promise<void> {
  let held = 0;
  const stuck = defineTask({
    type: NOOP,
    run: async () => {
      if (++held === concurrency) reply({ event: 'ready' });
      await sleep(3_600_000);
      return null;
    },
  }) as unknown as TaskType;
  await openBench(dataDir, { durability, concurrency }, 'worker', [stuck]);
}

async function pending({ dataDir, durability, jobs }: ChildRequest & { mode: 'pending' }): Promise<void> {
  const { engine } = await openBench(dataDir, { durability }, 'client');
  const small = Array.from({ length: 500 }, () => ({ task: NOOP, payload: { n: 1 } }));
  for (let at = 0; at < jobs; at += 2_000) await Promise.all([0, 1, 2, 3].map(() => engine.enqueue(small)));
  const epoch = engine.backend.listProcesses().find((process) => process.self)?.epoch ?? 0;
  const times: number[] = [];
  for (let i = 0; i < 2_000; i++) {
    const started = performance.now();
    await engine.backend.claimJobs({ epoch, namespace: engine.namespace, capabilities: engine.registry.capabilities(), limit: 1 });
    times.push(performance.now() - started);
  }
  reply({ event: 'pending', jobs, rssMb: process.memoryUsage().rss / 2 ** 20, claimP50Ms: percentile(times, 0.5), claimP99Ms: percentile(times, 0.99) });
  await engine.stop();
}
