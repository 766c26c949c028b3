// Owns what waiting costs and how fast it ends: processor time of idle processes, and the way of a job from one process to another.
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../support/children.ts';
import { NOOP, openBench } from '../support/engine.ts';
import { atMost, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';

const WAKE_UPS = 200;

export const idle: Scenario = {
  name: 'idle',
  title: 'Processes that wait, for a minute',
  long: true,
  run: (context) => idleFigures(context, 60),
};

/** Of one waiting process, and of four. */
export async function idleFigures(context: Context, seconds: number): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const count of [1, 4]) {
    const label = `${count} idle process${count === 1 ? '' : 'es'}`;
    context.say(`${label}, ${seconds} s`);
    const quiet = await waiting(context, count, () => sleep(seconds * 1_000));
    const cpu = Math.max(...quiet.map((reply) => reply.cpuPercent));
    context.say(`${label}, wake-ups`);
    const woken = await waiting(context, count, wakeUp);
    const times = woken.flatMap((reply) => reply.wakeMs);
    const p99 = percentile(times, 0.99);
    figures.push(
      { name: `${label}, processor time of the busiest over ${seconds} s`, value: cpu, unit: '%', target: atMost(cpu, 0.5, '%') },
      { name: `${label}, enqueued elsewhere to begun, p50`, value: percentile(times, 0.5), unit: 'ms' },
      { name: `${label}, enqueued elsewhere to begun, p99`, value: p99, unit: 'ms', target: atMost(p99, 100, 'ms') },
    );
  }
  return figures;
}

type Enqueue = (n: number) => Promise<unknown>;

/** Single jobs, each met by processes that have nothing to do. */
async function wakeUp(enqueue: Enqueue): Promise<void> {
  for (let n = 0; n < WAKE_UPS; n++) {
    await enqueue(n);
    // Prime steps: the jobs fall on every phase of whatever the processes do in rhythm.
    await sleep(20 + ((n * 37) % 61));
  }
  await sleep(300);
}

async function waiting(
  context: Context,
  count: number,
  meanwhile: (enqueue: Enqueue) => Promise<unknown>,
): Promise<readonly { readonly wakeMs: readonly number[]; readonly cpuPercent: number }[]> {
  const dataDir = context.folder();
  const { engine } = await openBench(dataDir, { durability: context.durability }, 'client');
  const children = Array.from({ length: count }, () => new Child({ mode: 'idle', dataDir, durability: context.durability }));
  try {
    await Promise.all(children.map((child) => child.expect('ready')));
    await meanwhile(() => engine.enqueue([{ task: NOOP, payload: { sentAt: performance.timeOrigin + performance.now() } }]));
    for (const child of children) child.finish();
    const replies = await Promise.all(children.map((child) => child.expect('idled')));
    await Promise.all(children.map((child) => child.ended()));
    return replies;
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    await engine.stop();
  }
}
