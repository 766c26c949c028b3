// Owns the cost per step of large graphs: it must not grow with the graph.
import { atLeast, atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';
import { layered, runOnce } from '../support/workflows.ts';

export const dag: Scenario = {
  name: 'dag',
  title: 'One DAG in layers, two needs a step',
  async run(context: Context): Promise<readonly Figure[]> {
    const figures: Figure[] = [];
    const costs: number[] = [];
    for (const [layers, width] of [
      [10, 100],
      [100, 100],
    ] as const) {
      const steps = layers * width;
      const { seconds } = await runOnce(context, layered(layers, width));
      const rate = steps / seconds;
      costs.push(1e6 / rate);
      figures.push({
        name: `${steps.toLocaleString('en')} steps`,
        value: rate,
        unit: 'steps/s',
        target: steps === 10_000 ? atLeast(rate, 20_000, 'steps/s') : undefined,
      });
    }
    const growth = (costs[1] as number) / (costs[0] as number);
    // 25 % is the noise of this measurement on a shared machine.
    figures.push({ name: 'cost per step, 10,000 against 1,000', value: growth, unit: 'x', target: atMost(growth, 1.25, 'x') });
    return figures;
  },
};
