// Owns the cost per step of large graphs: it must not grow with the graph.
import { atLeast, atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';
import { layered, runOnce } from '../support/workflows.ts';

export const dag: Scenario = {
  name: 'dag',
  title: 'One DAG in layers, two needs a step',
  async run(context: Context): Promise<readonly Figure[]> {
    // The first one warms the code up and is not counted.
    await runOnce(context, layered(10, 100), 1_000);
    const small = await runOnce(context, layered(10, 100), 1_000);
    const large = await runOnce(context, layered(100, 100), 10_000);
    const growth = large.cpuUs / small.cpuUs;
    return [
      { name: '1,000 steps', value: small.rate, unit: 'steps/s' },
      { name: '10,000 steps', value: large.rate, unit: 'steps/s', target: atLeast(large.rate, 20_000, 'steps/s') },
      { name: '10,000 steps, CPU of one', value: large.cpuUs, unit: 'us' },
      // 25 % is the noise of this measurement on a shared machine.
      { name: 'CPU of one step, 10,000 against 1,000', value: growth, unit: 'x', target: atMost(growth, 1.25, 'x') },
    ];
  },
};
