// Owns what a million pending jobs cost: memory of the process, and the time of a claim.
import { Child } from '../support/children.ts';
import { against, atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';

export const million: Scenario = {
  name: 'million',
  title: '1,000,000 pending jobs',
  long: true,
  async run(context: Context): Promise<readonly Figure[]> {
    const [fewDir, manyDir] = [context.folder(), context.folder()];
    await open(context, fewDir, 10_000);
    context.say('storing 1,000,000 jobs');
    const stored = await open(context, manyDir, 1_000_000);
    // By processes that only open the folder: what storing leaves in memory is not the price of the jobs.
    const few = await open(context, fewDir, 0);
    const many = await open(context, manyDir, 0);
    const growth = many.claimP99Ms / few.claimP99Ms;
    return [
      { name: 'memory (RSS) of a process that works on them', value: many.rssMb, unit: 'MB', target: atMost(many.rssMb, 200, 'MB') },
      { name: 'memory (RSS) of the process that stored them', value: stored.rssMb, unit: 'MB' },
      { name: 'claim, p50', value: many.claimP50Ms, unit: 'ms', compared: against('10,000 pending', few.claimP50Ms, many.claimP50Ms) },
      {
        name: 'claim, p99',
        value: many.claimP99Ms,
        unit: 'ms',
        compared: against('10,000 pending', few.claimP99Ms, many.claimP99Ms),
        // "Flat" within the noise of an fsync.
        target: { text: '<= 1.5 x of 10,000 pending', reached: growth <= 1.5 },
      },
    ];
  },
};

/** Stores `jobs` more, then claims 2,000 one by one. */
async function open(
  context: Context,
  dataDir: string,
  jobs: number,
): Promise<{ readonly rssMb: number; readonly claimP50Ms: number; readonly claimP99Ms: number }> {
  const child = new Child({ mode: 'pending', dataDir, durability: context.durability, jobs });
  const reply = await child.expect('pending');
  await child.ended();
  return reply;
}
