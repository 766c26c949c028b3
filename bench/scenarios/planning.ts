// Owns the speed of planning: a large graph has to be planned while somebody waits.

import { NO_RETRY } from '../../src/domain/retry-policy.ts';
import { makePlan } from '../../src/optimization/make-plan.ts';
import type { PlanCapacity, PlanTask } from '../../src/optimization/plan-model.ts';
import { seededRandom } from '../../src/optimization/seeded-random.ts';
import { givenEstimate } from '../../src/optimization/spread.ts';
import { atMost, type Figure, percentile, type Scenario } from '../support/scenario.ts';

const STEPS = 10_000;
const WIDTH = 100;

export const planning: Scenario = {
  name: 'planning',
  title: `Planning a graph of ${STEPS.toLocaleString('en')} steps`,
  async run(): Promise<readonly Figure[]> {
    const random = seededRandom(5);
    const tasks = Array.from({ length: STEPS }, (_, at): PlanTask => {
      const layer = Math.floor(at / WIDTH) * WIDTH;
      const needs = layer === 0 ? [] : [...new Set([0, 1].map(() => layer - WIDTH + Math.floor(random() * WIDTH)))];
      return {
        id: `s${at}`,
        needs,
        kind: 'slot',
        estimate: givenEstimate(1 + Math.floor(random() * 60_000)),
        given: true,
        count: 1,
        width: 1,
        pools: at % 10 === 0 ? { gpu: 1 } : {},
        requires: [],
        retry: NO_RETRY,
        deadlineMs: null,
        continueOnError: false,
        toleratedItems: 0,
      };
    });
    const workers = [4, 2, 1, 1].map((speed, at) => ({ name: `w${at}`, speed, price: 0, capabilities: [] }));
    const slots = timed(tasks, { slots: 16, workers: null, pools: { gpu: 4 } });
    const unequal = timed(tasks, { slots: 4, workers, pools: {} });
    const pooled = timed(tasks, { slots: 4, workers, pools: { gpu: 2 } });
    return [
      { name: '16 equal slots and a pool', value: slots, unit: 'ms', target: atMost(slots, 200, 'ms') },
      { name: '4 workers of differing speed (HEFT)', value: unequal, unit: 'ms', target: atMost(unequal, 200, 'ms') },
      { name: '4 workers and a pool (HEFT)', value: pooled, unit: 'ms', target: atMost(pooled, 200, 'ms') },
    ];
  },
};

/** Median of nine, in time of this process's threads: others on the machine do not count. */
function timed(tasks: readonly PlanTask[], capacity: PlanCapacity): number {
  const took = Array.from({ length: 9 }, () => {
    const before = process.cpuUsage();
    makePlan(tasks, capacity, { objective: 'makespan' });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return percentile(took, 0.5);
}
