// Owns the time from opening the folder of a killed process to the first job at work again.
import type { TaskType } from '../../src/domain/action.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { Child } from '../support/children.ts';
import { enqueueMany, NOOP, openBench } from '../support/engine.ts';
import { atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';

const JOBS = 100_000;
const HELD = 500;

export const recovery: Scenario = {
  name: 'recovery',
  title: 'After a kill with 100,000 unfinished jobs',
  async run(context: Context): Promise<readonly Figure[]> {
    const dataDir = context.folder();
    const { engine } = await openBench(dataDir, { durability: context.durability }, 'client');
    const jobs = Array.from({ length: 500 }, () => ({ task: NOOP, payload: { n: 1 } }));
    await enqueueMany(engine, JOBS / 500, 4, () => engine.enqueue(jobs));
    await engine.stop();
    const victim = new Child({ mode: 'hold', dataDir, durability: context.durability, concurrency: HELD });
    await victim.expect('ready');
    await victim.kill();
    let first = (): void => undefined;
    let again = (): void => undefined;
    let attempts = 0;
    const firstClaim = new Promise<void>((resolve) => (first = resolve));
    const allAgain = new Promise<void>((resolve) => (again = resolve));
    const noop = defineTask({
      type: NOOP,
      run: () => {
        first();
        if (++attempts === JOBS) again();
        return { ok: true };
      },
    }) as unknown as TaskType;
    const started = performance.now();
    const bench = await openBench(dataDir, { durability: context.durability, concurrency: 100 }, 'worker', [noop]);
    await firstClaim;
    const firstMs = performance.now() - started;
    await allAgain;
    await bench.untilEnded(JOBS);
    const allMs = performance.now() - started;
    await bench.engine.stop();
    return [
      { name: 'open to first job at work', value: firstMs, unit: 'ms', target: atMost(firstMs, 1_000, 'ms') },
      { name: `open to all done, the ${HELD} that ran at the kill among them`, value: allMs, unit: 'ms' },
    ];
  },
};
