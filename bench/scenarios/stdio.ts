// Owns the cost of a tool call over stdio, in turns with the SDK's smallest tool.
import { Floor } from '../support/floor.ts';
import { against, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';
import { ECHO_SERVER, ourServer } from '../support/servers.ts';
import { StdioClient } from '../support/stdio-client.ts';

const ROUNDS = 30;
const CALLS = 100;
const READ_LIMIT = 1.5;

export const stdio: Scenario = {
  name: 'stdio',
  title: 'tools/call over stdio',
  async run(context: Context): Promise<readonly Figure[]> {
    const ours = new StdioClient(ourServer(context));
    const echo = new StdioClient(ECHO_SERVER);
    const floor = new Floor(context);
    await Promise.all([ours.initialize(), echo.initialize()]);
    const { structuredContent } = await ours.call('enqueue_job', { task: 'echo', payload: { value: 1 } });
    const id = structuredContent?.job_id;
    const later = { task: 'echo', payload: { value: 1 }, delay: '1h' };
    const at: Record<'echo' | 'get' | 'later' | 'enqueue' | 'fsync', number[]> = { echo: [], get: [], later: [], enqueue: [], fsync: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      await measure(at.echo, round, () => echo.call('echo', { text: 'hello world' }));
      await measure(at.get, round, () => ours.call('get', { id }));
      await measure(at.later, round, () => ours.call('enqueue_job', later));
      await measure(at.enqueue, round, () => ours.call('enqueue_job', { task: 'echo', payload: { value: 1 } }));
      await measure(at.fsync, round, () => floor.insert('{"value":1}'));
    }
    await Promise.all([ours.close(), echo.close()]);
    floor.close();
    const p = (name: keyof typeof at, share: number): number => percentile(at[name], share);
    const readRatio = p('get', 0.5) / p('echo', 0.5);
    const writeLimit = READ_LIMIT * p('echo', 0.5) + p('fsync', 0.5);
    return [
      {
        name: 'get (a job), p50',
        value: p('get', 0.5),
        unit: 'ms',
        compared: against('SDK echo tool', p('echo', 0.5), p('get', 0.5)),
        target: { text: `<= ${READ_LIMIT} x`, reached: readRatio <= READ_LIMIT },
      },
      { name: 'get (a job), p99', value: p('get', 0.99), unit: 'ms', compared: against('SDK echo tool', p('echo', 0.99), p('get', 0.99)) },
      {
        name: 'enqueue_job (not to run yet), p50',
        value: p('later', 0.5),
        unit: 'ms',
        compared: against('SDK echo tool', p('echo', 0.5), p('later', 0.5)),
        target: { text: `<= ${READ_LIMIT} x + one bare commit = ${writeLimit.toFixed(2)} ms`, reached: p('later', 0.5) <= writeLimit },
      },
      {
        name: 'enqueue_job (runs at once beside the calls), p50',
        value: p('enqueue', 0.5),
        unit: 'ms',
        compared: against('SDK echo tool', p('echo', 0.5), p('enqueue', 0.5)),
      },
      {
        name: 'enqueue_job (runs at once beside the calls), p99',
        value: p('enqueue', 0.99),
        unit: 'ms',
        compared: against('SDK echo tool', p('echo', 0.99), p('enqueue', 0.99)),
      },
      { name: 'one bare SQLite commit, p50', value: p('fsync', 0.5), unit: 'ms' },
    ];
  },
};

/** One block of calls, one after another; the first round warms up. */
async function measure(times: number[], round: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < CALLS; i++) {
    const started = performance.now();
    await call();
    if (round > 0) times.push(performance.now() - started);
  }
}
