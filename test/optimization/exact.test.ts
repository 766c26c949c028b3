// The exact answer: never above the plan, never below the bounds, and what trying everything finds on small graphs.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactAnswer, MAX_EXACT_ITEMS } from '../../src/optimization/exact-plan.ts';
import { makePlan } from '../../src/optimization/make-plan.ts';
import type { PlanCapacity, PlanTask } from '../../src/optimization/plan-model.ts';
import { layeredTasks, slots, tasks, workers } from './plans.ts';

const POOLS = { cpu: 4, gpu: 2 };

describe('the exact answer', () => {
  it('finds what list scheduling misses', async () => {
    // 3, 3, 2, 2, 2 on two slots: longest first takes 7, the best is 6.
    const plan = makePlan(tasks({ ms: 300 }, { ms: 300 }, { ms: 200 }, { ms: 200 }, { ms: 200 }), slots(2), { objective: 'makespan' });
    expect(plan.schedule.makespanMs).toBe(700);
    const answer = await exactAnswer(plan);
    expect(answer.proven).toBe(true);
    expect(answer.makespanMs).toBeCloseTo(600, 1);
    expect(answer.ratio).toBeCloseTo(7 / 6, 4);
  });

  it('is never above the plan and never below a bound, on slots, pools and workers, and is what trying every order finds', async () => {
    await fc.assert(
      fc.asyncProperty(
        layeredTasks({ max: 5, pools: true }),
        fc.constantFrom<PlanCapacity>(slots(2, POOLS), slots(3, POOLS), workers([1, 2], POOLS), workers([1, 1, 4])),
        async (all, capacity) => {
          const plan = makePlan(all, capacity, { objective: 'makespan' });
          const { makespanMs, proven } = await exactAnswer(plan);
          expect(proven).toBe(true);
          expect(makespanMs).toBeLessThanOrEqual(plan.schedule.makespanMs * (1 + 1e-5));
          for (const bound of plan.bounds) expect(makespanMs).toBeGreaterThanOrEqual(bound.ms * (1 - 1e-5));
          expect(makespanMs / bruteForce(all, capacity)).toBeCloseTo(1, 4);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('keeps to the width of a group, and lets waits take no slot', async () => {
    const plan = makePlan(tasks({ ms: 100, count: 3, width: 1 }, { ms: 250, kind: 'wait' }, { ms: 100, needs: [1] }), slots(2), { objective: 'makespan' });
    expect((await exactAnswer(plan)).makespanMs).toBeCloseTo(350, 1);
  });

  it('is refused for large plans and other goals, by name', async () => {
    const many = makePlan(tasks({ ms: 1, count: MAX_EXACT_ITEMS + 1, width: 5 }), slots(1), { objective: 'makespan' });
    await expect(exactAnswer(many)).rejects.toMatchObject({ code: 'limit_exceeded', path: 'exact' });
    const latency = makePlan(tasks({ ms: 1 }), slots(1), { objective: 'mean_latency' });
    await expect(exactAnswer(latency)).rejects.toMatchObject({ code: 'not_available', path: 'exact' });
  });
});

/** The least makespan over every order in which items are placed, each as early as it fits, on every worker that can do it. */
function bruteForce(all: readonly PlanTask[], capacity: PlanCapacity): number {
  const speeds = capacity.workers?.map((worker) => worker.speed) ?? new Array<number>(capacity.slots).fill(1);
  const placed: { task: number; worker: number; start: number; end: number }[] = [];
  let best = Number.POSITIVE_INFINITY;
  const fits = (task: PlanTask, worker: number, start: number, end: number): boolean => {
    const live = placed.filter((each) => each.start < end - 1e-9 && each.end > start + 1e-9);
    if (live.some((each) => each.worker === worker)) return false;
    const moments = [start, ...live.map((each) => each.start)].filter((moment) => moment >= start - 1e-9);
    return moments.every((moment) => {
      const now = live.filter((each) => each.start <= moment + 1e-9 && each.end > moment + 1e-9);
      return Object.entries(task.pools).every(
        ([pool, amount]) =>
          now.reduce((sum, each) => sum + ((all[each.task] as PlanTask).pools[pool] ?? 0), amount) <= (capacity.pools[pool] ?? Number.POSITIVE_INFINITY) + 1e-9,
      );
    });
  };
  const put = (): void => {
    const latest = Math.max(0, ...placed.map((each) => each.end));
    if (latest >= best) return;
    if (placed.length === all.length) {
      best = latest;
      return;
    }
    for (const [at, task] of all.entries()) {
      if (placed.some((each) => each.task === at)) continue;
      const before = task.needs.map((need) => placed.find((each) => each.task === need));
      if (before.includes(undefined)) continue;
      const ready = Math.max(0, ...before.map((each) => each?.end ?? 0));
      for (const [worker, speed] of speeds.entries()) {
        const took = task.estimate.p50Ms / speed;
        const starts = [ready, ...placed.map((each) => each.end)].filter((start) => start >= ready).sort((a, b) => a - b);
        const start = starts.find((each) => fits(task, worker, each, each + took)) as number;
        placed.push({ task: at, worker, start, end: start + took });
        put();
        placed.pop();
      }
    }
  };
  put();
  return best;
}
