// Owns how close real runs come to their plan: timed tasks on the real engine, in the order of the definition and in upward-rank order.
import type { TaskType } from '../../src/domain/action.ts';
import { seededRandom } from '../../src/optimization/seeded-random.ts';
import { LOCAL_HUMAN } from '../../src/orchestration/caller.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { openBench } from '../support/engine.ts';
import { atMost, type Context, type Figure, type Scenario } from '../support/scenario.ts';
import { cyberShake, epigenomics, montage, randomLayers, type Trace } from '../support/traces.ts';

const SLOTS = 8;
/** A run of each trace is made to take about this long. */
const RUN_MS = 4_000;

export const makespan: Scenario = {
  name: 'makespan',
  title: `Makespan of real runs on ${SLOTS} slots against plan and lower bound`,
  async run(context: Context): Promise<readonly Figure[]> {
    const random = seededRandom(11);
    const figures: Figure[] = [];
    for (const trace of [randomLayers(6, 24, random), montage(20), cyberShake(3, 20), epigenomics([8, 10, 12, 14])])
      figures.push(...(await measure(context, trace)));
    return figures;
  },
};

async function measure(context: Context, trace: Trace): Promise<readonly Figure[]> {
  const total = trace.steps.reduce((sum, step) => sum + step.seconds, 0);
  const scale = (RUN_MS * SLOTS) / total;
  const ms = (seconds: number): number => Math.max(1, Math.round(seconds * scale));
  const types = new Map(trace.steps.map((step) => [taskOf(step.type), ms(step.seconds)]));
  const tasks = [...types].map(
    ([type, duration]) => defineTask({ type, run: () => new Promise((resolve) => setTimeout(() => resolve(null), duration)) }) as unknown as TaskType,
  );
  const definition = {
    name: trace.name.replaceAll(' ', '_'),
    steps: trace.steps.map(({ id, type, needs }) => ({ id, task: taskOf(type), needs: [...needs] })),
  };
  const folder = context.folder();
  const run = async (): Promise<{ readonly tookMs: number; readonly planMs: number; readonly boundMs: number }> => {
    const { engine } = await openBench(folder, { durability: context.durability, concurrency: SLOTS }, 'worker', tasks);
    const { plan } = await engine.planner.plan({ definition, durations: Object.fromEntries(types), slots: SLOTS });
    const started = performance.now();
    const result = await engine.executeWorkflow({ definition }, LOCAL_HUMAN);
    const tookMs = performance.now() - started;
    if (!result.success) throw new Error(`${trace.name} ended ${result.status}`);
    await engine.stop();
    return { tookMs, planMs: plan.schedule.makespanMs, boundMs: plan.bounds[0]?.ms ?? 0 };
  };
  // The first run knows no durations; the second has them from the first.
  const unordered = await run();
  const ordered = await run();
  context.say(`${trace.name}: ${trace.steps.length} steps, plan ${Math.round(ordered.planMs)} ms, bound ${Math.round(ordered.boundMs)} ms`);
  const off = Math.abs(ordered.tookMs / ordered.planMs - 1) * 100;
  const share = ordered.tookMs / ordered.boundMs;
  return [
    { name: `${trace.name}, real against plan`, value: off, unit: '%', target: atMost(off, 5, '%') },
    { name: `${trace.name}, real against lower bound`, value: share, unit: 'x', target: atMost(share, 1.1, 'x') },
    { name: `${trace.name}, ordered against unordered`, value: ordered.tookMs / unordered.tookMs, unit: 'x' },
  ];
}

/** Names of published programs as names of task types. */
function taskOf(type: string): string {
  return `trace.${type.toLowerCase()}`;
}
