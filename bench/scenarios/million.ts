// Owns what a million pending jobs cost: memory of the process, and the time of a claim.
import { Child } from '../support/children.ts';
import { atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';

export const million: Scenario = {
  name: 'million',
  title: '1,000,000 pending jobs',
  long: true,
  async run(context: Context): Promise<readonly Figure[]> {
    const few = await pending(context, 10_000);
    context.say('storing 1,000,000 jobs');
    const many = await pending(context, 1_000_000);
    const growth = many.claimP99Ms / few.claimP99Ms;
    return [
      { name: 'memory (RSS)', value: many.rssMb, unit: 'MB', target: atMost(many.rssMb, 200, 'MB') },
      {
        name: 'claim, p50',
        value: many.claimP50Ms,
        unit: 'ms',
        compared: { with: '10,000 pending', value: few.claimP50Ms, ratio: many.claimP50Ms / few.claimP50Ms },
      },
      // "Flat" within the noise of an fsync.
      {
        name: 'claim, p99',
        value: many.claimP99Ms,
        unit: 'ms',
        compared: { with: '10,000 pending', value: few.claimP99Ms, ratio: growth },
        target: { text: '<= 1.5 x of 10,000 pending', reached: growth <= 1.5 },
      },
    ];
  },
};

async function pending(context: Context, jobs: number): Promise<{ readonly rssMb: number; readonly claimP50Ms: number; readonly claimP99Ms: number }> {
  const child = new Child({ mode: 'pending', dataDir: context.folder(), durability: context.durability, jobs });
  const reply = await child.expect('pending');
  await child.ended();
  return reply;
}
