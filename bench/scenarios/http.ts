// Owns the cost of a tool call over HTTP in both eras, in turns with the SDK's smallest server; many waits at once; and the start of `serve`.
import { fileURLToPath } from 'node:url';
import { type Era, type HttpChild, HttpClient, startHttp } from '../support/http-client.ts';
import { rssMb } from '../support/machine.ts';
import { against, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';
import { ourServer } from '../support/servers.ts';
import type { ServerCommand } from '../support/stdio-client.ts';

const ROUNDS = 10;
const CALLS = 150;
const MANY = 32;
const LIMIT = 1.3;
const WAITS = 1_000;
const STARTS = 7;
const ECHO: ServerCommand = { args: [fileURLToPath(new URL('../echo-http-server.ts', import.meta.url))] };

export const http: Scenario = {
  name: 'http',
  title: 'tools/call over HTTP',
  async run(context: Context): Promise<readonly Figure[]> {
    const figures: Figure[] = [];
    const [ours, echo] = await Promise.all([startHttp(serveCommand(context)), startHttp(ECHO)]);
    for (const era of ['2026', '2025'] as const) figures.push(...(await compare(era, ours, echo)));
    figures.push(...(await waits(ours)));
    await Promise.all([ours.stop(), echo.stop()]);
    figures.push(await coldStart(context));
    return figures;
  },
};

function serveCommand(context: Context): ServerCommand {
  const { args, env } = ourServer(context);
  return { args: [...args, 'serve', '--port', '0', '--json'], env };
}

async function compare(era: Era, ours: HttpChild, echo: HttpChild): Promise<Figure[]> {
  const us = new HttpClient(ours.url, era, MANY);
  const them = new HttpClient(echo.url, era, MANY);
  await Promise.all([us.initialize(), them.initialize()]);
  const { job_id: id } = await us.call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 5_000 });
  const at = { us: [] as number[], them: [] as number[] };
  const rate = { us: [] as number[], them: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [who, call] of [
      ['them', () => them.call('echo', { text: 'hello world' })],
      ['us', () => us.call('get', { id })],
    ] as const) {
      const alone = await block(1, call);
      const together = await block(MANY, call);
      // The first round warms up.
      if (round > 0) {
        at[who].push(...alone.times);
        rate[who].push(together.rate);
      }
    }
  }
  await Promise.all([us.close(), them.close()]);
  const p50 = percentile(at.us, 0.5);
  const throughput = percentile(rate.us, 0.5);
  const latencyOf = against('SDK echo tool', percentile(at.them, 0.5), p50);
  const rateOf = against('SDK echo tool', percentile(rate.them, 0.5), throughput);
  return [
    {
      name: `${era}: get (a job), one at a time, p50`,
      value: p50,
      unit: 'ms',
      compared: latencyOf,
      target: { text: `<= ${LIMIT} x`, reached: latencyOf.ratio <= LIMIT },
    },
    {
      name: `${era}: get (a job), ${MANY} at a time`,
      value: throughput,
      unit: 'calls/s',
      compared: rateOf,
      target: { text: `>= 1/${LIMIT} x`, reached: rateOf.ratio >= 1 / LIMIT },
    },
  ];
}

async function block(width: number, call: () => Promise<unknown>): Promise<{ readonly times: number[]; readonly rate: number }> {
  const times: number[] = [];
  const count = width === 1 ? CALLS : CALLS * 4;
  const begun = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (left-- > 0) {
        const started = performance.now();
        await call();
        times.push(performance.now() - started);
      }
    }),
  );
  return { times, rate: count / ((performance.now() - begun) / 1_000) };
}

/** All wait for one job; it is cancelled, and each has to hear of it. */
async function waits({ url, child }: HttpChild): Promise<Figure[]> {
  const waiting = new HttpClient(url, '2026', WAITS);
  const control = new HttpClient(url, '2026', 1);
  const { job_id: id } = await control.call('enqueue_job', { task: 'echo', payload: { value: 1 }, delay: '1h' });
  const before = rssMb(child.pid);
  let cancelledAt = 0;
  const all = Array.from({ length: WAITS }, async () => {
    const { met } = await waiting.call('wait', { ids: [id], timeout_ms: 50_000 });
    if (met !== true) throw new Error('a wait ended too early');
    return performance.now() - cancelledAt;
  });
  // While they wait, another call is served as ever; by the time that several are, all have arrived.
  const beside: number[] = [];
  for (let i = 0; i < 200; i++) {
    const started = performance.now();
    await control.call('get', { id });
    beside.push(performance.now() - started);
  }
  const during = rssMb(child.pid);
  cancelledAt = performance.now();
  await control.call('control', { id, action: 'cancel' });
  const took = await Promise.all(all);
  await Promise.all([waiting.close(), control.close()]);
  return [
    { name: `${WAITS} waits at once: told of the end, p99`, value: percentile(took, 0.99), unit: 'ms' },
    { name: `${WAITS} waits at once: another call meanwhile, p50`, value: percentile(beside, 0.5), unit: 'ms' },
    ...(before === null || during === null ? [] : [{ name: `${WAITS} waits at once: memory of the server more`, value: during - before, unit: 'MB' }]),
  ];
}

async function coldStart(context: Context): Promise<Figure> {
  const took: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const started = performance.now();
    const server = await startHttp(serveCommand(context));
    const { status } = await fetch(`${server.url}/readyz`);
    if (status === 200) took.push(performance.now() - started);
    await server.stop();
  }
  return { name: 'serve, from start to ready, new data folder', value: percentile(took, 0.5), unit: 'ms' };
}
