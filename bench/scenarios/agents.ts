// Owns the cost of one job in the hands of a worker agent: claim_job and report_job over stdio, by one client and by three on one folder.
import { Floor } from '../support/floor.ts';
import { against, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';
import { ECHO_SERVER, ourServer } from '../support/servers.ts';
import { type ServerCommand, StdioClient } from '../support/stdio-client.ts';

const JOBS = 2_000;
const WARM_UP = 100;
const BATCH = 500;

export const agents: Scenario = {
  name: 'agents',
  title: 'A worker agent claims and completes a job, over stdio',
  async run(context: Context): Promise<readonly Figure[]> {
    const { args, env } = ourServer(context);
    const server: ServerCommand = { args, env: { ...env, LOGISTICS_TOOLSETS: 'default,workers' } };
    const [call, commit] = [await echoCall(), await bareCommit(context)];
    const figures: Figure[] = [];
    for (const count of [1, 3]) {
      context.say(`${count} client(s)`);
      const { times, rate } = await together(server, count);
      const label = count === 1 ? '1 client' : `${count} clients`;
      figures.push(
        {
          name: `${label}, claim and complete, p50`,
          value: percentile(times, 0.5),
          unit: 'ms',
          compared: count === 1 ? against('two SDK echo calls and two bare commits', 2 * (call + commit), percentile(times, 0.5)) : undefined,
        },
        { name: `${label}, claim and complete, p99`, value: percentile(times, 0.99), unit: 'ms' },
        { name: `${label}, all together`, value: rate, unit: 'jobs/s' },
      );
    }
    return figures;
  },
};

/** Every client is an MCP server of its own on the same folder. */
async function together(server: ServerCommand, count: number): Promise<{ readonly times: readonly number[]; readonly rate: number }> {
  const clients = Array.from({ length: count }, () => new StdioClient(server));
  await Promise.all(clients.map((client) => client.initialize()));
  const [first] = clients as [StdioClient];
  const job = { task: 'agent.task', payload: { prompt: 'none' } };
  for (let left = JOBS + count * WARM_UP; left > 0; left -= BATCH)
    await first.call('enqueue_job', { jobs: Array.from({ length: Math.min(BATCH, left) }, () => job) });
  await Promise.all(clients.map((client, n) => work(client, `agent-${count}-${n}`, WARM_UP)));
  const started = performance.now();
  const times = (await Promise.all(clients.map((client, n) => work(client, `agent-${count}-${n}`, Number.POSITIVE_INFINITY)))).flat();
  const rate = times.length / ((performance.now() - started) / 1_000);
  await Promise.all(clients.map((client) => client.close()));
  if (times.length !== JOBS) throw new Error(`${times.length} jobs were done, not ${JOBS}`);
  return { times, rate };
}

/** Claims and completes until there is nothing, or so many; gives how long each took, in ms. */
async function work(client: StdioClient, worker: string, most: number): Promise<number[]> {
  const times: number[] = [];
  while (times.length < most) {
    const started = performance.now();
    const claimed = await client.call('claim_job', { worker, wait_ms: 0 });
    const { leases } = claimed.structuredContent as { readonly leases: readonly { readonly job_id: string; readonly lease_token: number }[] };
    const [lease] = leases;
    if (lease === undefined) break;
    await client.call('report_job', { job_id: lease.job_id, lease_token: lease.lease_token, action: 'complete', output: null });
    times.push(performance.now() - started);
  }
  return times;
}

/** Median, in ms. */
async function echoCall(): Promise<number> {
  const echo = new StdioClient(ECHO_SERVER);
  await echo.initialize();
  const median = await medianOf(() => echo.call('echo', { text: 'hello world' }));
  await echo.close();
  return median;
}

async function bareCommit(context: Context): Promise<number> {
  const floor = new Floor(context);
  const median = await medianOf(() => floor.insert('{"value":1}'));
  floor.close();
  return median;
}

async function medianOf(call: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + BATCH; i++) {
    const started = performance.now();
    await call();
    if (i >= WARM_UP) times.push(performance.now() - started);
  }
  return percentile(times, 0.5);
}
