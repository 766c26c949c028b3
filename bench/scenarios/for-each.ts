// Owns the cost per item of a forEach: flat from a thousand to a hundred thousand items.
import { atLeast, atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';
import { forEachOf, runOnce } from '../support/workflows.ts';

export const forEach: Scenario = {
  name: 'forEach',
  title: 'One forEach',
  async run(context: Context): Promise<readonly Figure[]> {
    const figures: Figure[] = [];
    const costs: number[] = [];
    for (const items of [1_000, 10_000, 100_000]) {
      context.say(`${items.toLocaleString('en')} items`);
      const { seconds, rssMb } = await runOnce(context, forEachOf(items), { items: Array.from({ length: items }, (_, i) => i) });
      const rate = items / seconds;
      costs.push(1e6 / rate);
      figures.push({
        name: `${items.toLocaleString('en')} items`,
        value: rate,
        unit: 'items/s',
        target: items === 100_000 ? atLeast(rate, 20_000, 'items/s') : undefined,
      });
      if (items === 100_000) figures.push({ name: 'memory of the process afterwards', value: rssMb, unit: 'MB' });
    }
    const growth = (costs[2] as number) / (costs[1] as number);
    figures.push({ name: 'cost per item, 100,000 against 10,000', value: growth, unit: 'x', target: atMost(growth, 1.25, 'x') });
    return figures;
  },
};
