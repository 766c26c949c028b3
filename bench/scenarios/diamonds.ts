// Owns the speed of many small workflows: a diamond of four steps, started and run.
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import { openBench } from '../support/engine.ts';
import { atLeast, type Context, type Figure, type Scenario } from '../support/scenario.ts';
import { DIAMOND } from '../support/workflows.ts';

const RUNS = 4_000;

export const diamonds: Scenario = {
  name: 'diamonds',
  title: 'Workflows of four steps (diamonds)',
  async run(context: Context): Promise<readonly Figure[]> {
    const dataDir = context.folder();
    const client = await openBench(dataDir, { durability: context.durability }, 'client');
    await client.engine.workflows.create(DIAMOND);
    let started = performance.now();
    for (let at = 0; at < RUNS; at += 100) {
      await Promise.all(Array.from({ length: 100 }, () => client.engine.workflows.start({ name: DIAMOND.name }, LOCAL_HUMAN)));
    }
    const starts = RUNS / ((performance.now() - started) / 1_000);
    await client.engine.stop();
    started = performance.now();
    const bench = await openBench(dataDir, { durability: context.durability, concurrency: 100 });
    // Four jobs and the execution itself.
    await bench.untilEnded(RUNS * 5);
    const steps = (RUNS * 4) / ((performance.now() - started) / 1_000);
    await bench.engine.stop();
    return [
      { name: 'starts, 100 concurrent', value: starts, unit: 'executions/s' },
      { name: 'steps, concurrency 100', value: steps, unit: 'steps/s', target: atLeast(steps, 20_000, 'steps/s') },
    ];
  },
};
