// Properties of plans: every schedule is valid, none beats the bounds, and the heuristics are as good as theory says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/optimization/make-plan.ts';
import { OBJECTIVES, type Objective, type PlanCapacity, type PlanTask } from '../../src/optimization/plan-model.ts';
import { breaches, layeredTasks, slots, task, tasks, workers } from './plans.ts';

const POOLS = { cpu: 4, gpu: 2 };
const objective = fc.constantFrom(...OBJECTIVES.filter((each) => each !== 'cost'));
const speeds = fc.array(fc.constantFrom(0.5, 1, 2, 4), { minLength: 1, maxLength: 5 });

function planned(all: readonly PlanTask[], capacity: PlanCapacity, goal: Objective = 'makespan', deadlineMs?: number): ReturnType<typeof makePlan> {
  return makePlan(all, capacity, { objective: goal, deadlineMs: goal === 'deadline' ? (deadlineMs ?? 5_000) : deadlineMs });
}

describe('a schedule', () => {
  it('on equal slots and pools is valid for every objective, and not shorter than any bound', () => {
    fc.assert(
      fc.property(layeredTasks({ pools: true, groups: true }), fc.integer({ min: 1, max: 6 }), objective, (all, count, goal) => {
        const capacity = slots(count, POOLS);
        const plan = planned(all, capacity, goal);
        expect(breaches(all, capacity, plan.schedule)).toEqual([]);
        for (const bound of plan.bounds) expect(plan.schedule.makespanMs).toBeGreaterThanOrEqual(bound.ms - 1e-6);
      }),
    );
  });

  it('on workers of differing speed and pools is valid for every objective, and not shorter than any bound', () => {
    fc.assert(
      fc.property(layeredTasks({ pools: true, groups: true }), speeds, fc.constantFrom(...OBJECTIVES), (all, each, goal) => {
        const capacity = workers(each, POOLS, each);
        const plan = planned(all, capacity, goal, goal === 'cost' ? 2_000 : undefined);
        expect(breaches(all, capacity, plan.schedule)).toEqual([]);
        for (const bound of plan.bounds) expect(plan.schedule.makespanMs).toBeGreaterThanOrEqual(bound.ms - 1e-6);
      }),
    );
  });

  it('is the same each time', () => {
    fc.assert(
      fc.property(layeredTasks({ pools: true }), speeds, (all, each) => {
        for (const capacity of [slots(3, POOLS), workers(each, POOLS)]) expect(planned(all, capacity).schedule).toEqual(planned(all, capacity).schedule);
      }),
      { numRuns: 20 },
    );
  });

  it('by critical path on equal slots is within twice the lower bound (Graham)', () => {
    fc.assert(
      fc.property(layeredTasks({ max: 80 }), fc.integer({ min: 1, max: 8 }), (all, count) => {
        const plan = planned(all, slots(count));
        expect(plan.schedule.makespanMs).toBeLessThanOrEqual((2 - 1 / count) * (plan.bounds[0]?.ms ?? 0) + 1e-6);
      }),
    );
  });

  it('by HEFT on workers that differ up to eightfold is within twice the lower bound plus one longest step, of these graphs', () => {
    fc.assert(
      fc.property(layeredTasks({ max: 80 }), speeds, (all, each) => {
        const plan = planned(all, workers(each));
        const longest = Math.max(...all.map((one) => one.estimate.p50Ms)) / Math.min(...each);
        expect(plan.schedule.makespanMs).toBeLessThanOrEqual(2 * (plan.bounds[0]?.ms ?? 0) + longest);
      }),
      // No theorem says so: the same graphs each time.
      { seed: 20_261, numRuns: 300 },
    );
  });

  it('of independent steps is longest first, within 4/3 - 1/(3m) of the best there is', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 3 }), (lengths, count) => {
        const plan = planned(
          lengths.map((ms, at) => task({ ms }, at)),
          slots(count),
        );
        const starts = plan.schedule.placements.map((each) => lengths[each.task] as number);
        expect(starts).toEqual([...starts].sort((a, b) => b - a));
        expect(plan.schedule.makespanMs).toBeLessThanOrEqual((4 / 3 - 1 / (3 * count)) * bestPartition(lengths, count) + 1e-6);
      }),
    );
  });

  it('with throughput as the goal is not slower than one run after the other, and not faster than the capacity', () => {
    fc.assert(
      fc.property(layeredTasks({ max: 20 }), fc.integer({ min: 1, max: 4 }), (all, count) => {
        const { throughput, schedule } = planned(all, slots(count), 'throughput');
        expect(throughput?.runsPerHour).toBeGreaterThanOrEqual((3_600_000 / schedule.makespanMs) * (1 - 1e-9));
        expect(throughput?.runsPerHour).toBeLessThanOrEqual((throughput?.atMostPerHour ?? 0) * (1 + 1e-9));
      }),
    );
  });

  it('with mean latency as the goal starts the shortest of those that are ready', () => {
    const plan = planned(tasks({ ms: 30 }, { ms: 10 }, { ms: 20 }), slots(1), 'mean_latency');
    expect(plan.schedule.placements.map((each) => each.task)).toEqual([1, 2, 0]);
    expect(plan.meanLatencyMs).toBeLessThan(planned(tasks({ ms: 30 }, { ms: 10 }, { ms: 20 }), slots(1)).meanLatencyMs);
  });

  it('with a deadline starts what is due first, seen from what still has to follow it', () => {
    const all = tasks({ ms: 50 }, { ms: 10, deadlineMs: 60 }, { ms: 10 }, { ms: 80, needs: [2] });
    expect(planned(all, slots(1), 'deadline', 200).schedule.placements.map((each) => each.task)).toEqual([1, 2, 0, 3]);
  });

  it('with cost as the goal takes the cheapest workers that still make the deadline', () => {
    const all = tasks({ ms: 100 }, { ms: 100 });
    const capacity = workers([1, 2], {}, [1, 10]);
    expect(planned(all, capacity, 'cost').schedule.placements.map((each) => each.slot)).toEqual([0, 0]);
    const hurried = planned(all, capacity, 'cost', 110);
    expect(hurried.schedule.makespanMs).toBe(100);
    expect([...hurried.schedule.placements.map((each) => each.slot)].sort()).toEqual([0, 1]);
    expect(hurried.cost).toBeCloseTo((100 * 1 + 50 * 10) / 3_600_000);
  });

  it('lets a step that fits pass one that waits for a pool, and gives capabilities to those who have them', () => {
    const all = tasks({ ms: 10, pools: { gpu: 2 } }, { ms: 9, pools: { gpu: 2 } }, { ms: 1 });
    expect(planned(all, slots(2, { gpu: 2 })).schedule.makespanMs).toBe(19);
    const skilled = {
      slots: 2,
      pools: {},
      workers: [
        { name: 'a', speed: 1, price: 0, capabilities: ['x'] },
        { name: 'b', speed: 9, price: 0, capabilities: [] },
      ],
    };
    expect(planned(tasks({ ms: 9, requires: ['x'] }), skilled).schedule).toMatchObject({ makespanMs: 9, placements: [{ slot: 0 }] });
  });
});

describe('a plan is refused', () => {
  it.each<[string, PlanTask[], PlanCapacity, Objective, string]>([
    ['when a step needs more of a pool than there is', tasks({ ms: 1, pools: { gpu: 3 } }), slots(1, { gpu: 2 }), 'makespan', 'pools.gpu'],
    ['when no worker has the capability', tasks({ ms: 1, requires: ['gp'] }), workers([1]), 'makespan', 'workers'],
    ['for cost without prices', tasks({ ms: 1 }), workers([1]), 'cost', 'workers'],
    ['for a deadline that nobody gives', tasks({ ms: 1 }), slots(1), 'deadline', 'deadline'],
    ['with too many items', tasks({ ms: 1, count: 200_001, width: 50 }), slots(1), 'makespan', 'items'],
  ])('%s', (_, all, capacity, goal, path) => {
    expect(() => makePlan(all, capacity, { objective: goal })).toThrow(expect.objectContaining({ path }));
  });
});

/** The least makespan of independent lengths on equal slots, by trying everything. */
function bestPartition(lengths: readonly number[], count: number): number {
  const loads = new Array<number>(count).fill(0);
  let best = Number.POSITIVE_INFINITY;
  const put = (at: number): void => {
    if (Math.max(...loads) >= best) return;
    if (at === lengths.length) {
      best = Math.max(...loads);
      return;
    }
    for (const slot of loads.keys()) {
      loads[slot] = (loads[slot] as number) + (lengths[at] as number);
      put(at + 1);
      loads[slot] = (loads[slot] as number) - (lengths[at] as number);
    }
  };
  put(0);
  return best;
}
