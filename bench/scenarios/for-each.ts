// Owns the cost per item of a forEach: flat from a thousand to a hundred thousand items.
import { atLeast, atMost, type Context, type Cost, type Figure, type Scenario } from '../support/scenario.ts';
import { forEachOf, runOnce } from '../support/workflows.ts';

export const forEach: Scenario = {
  name: 'forEach',
  title: 'One forEach',
  async run(context: Context): Promise<readonly Figure[]> {
    const run = (items: number): Promise<Cost & { readonly rssMb: number }> => {
      context.say(`${items.toLocaleString('en')} items`);
      return runOnce(context, forEachOf(items), items, { items: Array.from({ length: items }, (_, i) => i) });
    };
    // The first one warms the code up and is not counted.
    await run(1_000);
    const [small, middle, large] = [await run(1_000), await run(10_000), await run(100_000)];
    const growth = large.cpuUs / middle.cpuUs;
    return [
      { name: '1,000 items', value: small.rate, unit: 'items/s' },
      { name: '10,000 items', value: middle.rate, unit: 'items/s' },
      { name: '100,000 items', value: large.rate, unit: 'items/s', target: atLeast(large.rate, 20_000, 'items/s') },
      { name: '100,000 items, CPU of one', value: large.cpuUs, unit: 'us' },
      { name: '100,000 items, memory of the process afterwards', value: large.rssMb, unit: 'MB' },
      { name: 'CPU of one item, 100,000 against 10,000', value: growth, unit: 'x', target: atMost(growth, 1.25, 'x') },
    ];
  },
};
