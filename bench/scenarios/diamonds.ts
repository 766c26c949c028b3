// Owns the speed of many small workflows: a diamond of four steps, started and run.
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import { type Bench, openBench } from '../support/engine.ts';
import { atLeast, type Context, costOf, type Figure, type Scenario } from '../support/scenario.ts';
import { DIAMOND } from '../support/workflows.ts';

const RUNS = 4_000;
const AT_ONCE = 100;

export const diamonds: Scenario = {
  name: 'diamonds',
  title: 'Workflows of four steps (diamonds)',
  async run(context: Context): Promise<readonly Figure[]> {
    const dataDir = context.folder();
    const { engine } = await openBench(dataDir, { durability: context.durability }, 'client');
    await engine.workflows.create(DIAMOND);
    const starts = await costOf(RUNS, async () => {
      for (let at = 0; at < RUNS; at += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => engine.workflows.start({ name: DIAMOND.name }, LOCAL_HUMAN)));
      }
    });
    await engine.stop();
    let bench: Bench | undefined;
    const steps = await costOf(RUNS * 4, async () => {
      bench = await openBench(dataDir, { durability: context.durability, concurrency: 100 });
      // Four jobs and the execution itself.
      await bench.untilEnded(RUNS * 5);
    });
    await bench?.engine.stop();
    return [
      { name: `starts, ${AT_ONCE} concurrent`, value: starts.rate, unit: 'executions/s' },
      { name: 'steps, concurrency 100', value: steps.rate, unit: 'steps/s', target: atLeast(steps.rate, 20_000, 'steps/s') },
      { name: 'steps, CPU of one', value: steps.cpuUs, unit: 'us' },
    ];
  },
};
