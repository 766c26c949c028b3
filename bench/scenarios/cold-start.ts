// Owns the time from starting the program to its answer to `initialize`, in turns with the SDK's smallest server.
import { against, type Context, type Figure, percentile, type Scenario } from '../support/scenario.ts';
import { ECHO_SERVER, ourServer } from '../support/servers.ts';
import { type ServerCommand, StdioClient } from '../support/stdio-client.ts';

const ROUNDS = 15;
const LIMIT = 1.3;

export const coldStart: Scenario = {
  name: 'coldStart',
  title: 'Cold start to the answer to initialize',
  async run(context: Context): Promise<readonly Figure[]> {
    const fresh: number[] = [];
    const again: number[] = [];
    const echo: number[] = [];
    const used = ourServer(context);
    for (let round = 0; round <= ROUNDS; round++) {
      echo.push(await startOnce(ECHO_SERVER));
      fresh.push(await startOnce(ourServer(context)));
      again.push(await startOnce(used));
    }
    // The first round warms the file cache.
    const median = (times: readonly number[]): number => percentile(times.slice(1), 0.5);
    const figure = (name: string, times: readonly number[]): Figure => {
      const ratio = median(times) / median(echo);
      return {
        name,
        value: median(times),
        unit: 'ms',
        compared: against('SDK echo server', median(echo), median(times)),
        target: { text: `<= ${LIMIT} x`, reached: ratio <= LIMIT },
      };
    };
    return [figure('median, data folder in use', again), figure('median, new data folder', fresh)];
  },
};

async function startOnce(server: ServerCommand): Promise<number> {
  const started = performance.now();
  const client = new StdioClient(server);
  await client.initialize();
  const took = performance.now() - started;
  await client.close();
  return took;
}
