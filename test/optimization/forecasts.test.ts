// Forecasts: the graph's numbers, spreads and what-if on the virtual clock, the pictures, and speed on a large graph.
import { describe, expect, it } from 'vitest';
import { RetryPolicy } from '../../src/domain/retry-policy.ts';
import { ganttMermaid, ganttRows, ganttText } from '../../src/optimization/gantt.ts';
import { makePlan } from '../../src/optimization/make-plan.ts';
import type { PlanTask } from '../../src/optimization/plan-model.ts';
import { seededRandom } from '../../src/optimization/seeded-random.ts';
import { samplesFor, simulatePlan } from '../../src/optimization/simulate-plan.ts';
import { assumedEstimate, countedEstimate, drawMs, givenEstimate, scaled } from '../../src/optimization/spread.ts';
import { rankPlaces } from '../../src/optimization/step-order.ts';
import { taskEstimates } from '../../src/optimization/task-durations.ts';
import { slots, task, tasks, workers } from './plans.ts';

const DIAMOND = tasks({ ms: 10 }, { ms: 30, needs: [0] }, { ms: 20, needs: [0] }, { ms: 5, needs: [1, 2] });
const RETRY = RetryPolicy.parse({ maxAttempts: 3, initialIntervalMs: 1_000, backoffCoefficient: 2, maxIntervalMs: 10_000, jitter: 'none', nonRetryable: [] });

describe('the numbers of a graph', () => {
  it('are levels, ranks, earliest times, slack and the critical path', () => {
    const { graph, bounds, schedule } = makePlan(DIAMOND, slots(2), { objective: 'makespan' });
    expect(graph).toMatchObject({
      level: [0, 1, 1, 2],
      upwardMs: [45, 35, 25, 5],
      earliestMs: [0, 10, 10, 40],
      slackMs: [0, 0, 10, 0],
      criticalMs: 45,
      criticalPath: [0, 1, 3],
    });
    expect(bounds).toEqual([
      { kind: 'critical_path', name: null, ms: 45 },
      { kind: 'slots', name: null, ms: 32.5 },
    ]);
    expect(schedule.makespanMs).toBe(45);
  });

  it('name the pool that decides', () => {
    const { bounds } = makePlan(tasks({ ms: 10, pools: { gpu: 2 } }, { ms: 10, pools: { gpu: 1 } }), slots(4, { gpu: 2 }), { objective: 'makespan' });
    expect(bounds[0]).toEqual({ kind: 'pool', name: 'gpu', ms: 15 });
  });

  it('see that what lies before and after a barrier cannot overlap', () => {
    const fan = [
      ...Array.from({ length: 6 }, () => ({ ms: 10 })),
      { ms: 5, needs: [0, 1, 2, 3, 4, 5] },
      ...Array.from({ length: 6 }, () => ({ ms: 10, needs: [6] })),
    ];
    const { bounds, schedule } = makePlan(tasks(...fan), slots(2), { objective: 'makespan' });
    expect(bounds[0]).toEqual({ kind: 'barrier', name: 's6', ms: 65 });
    expect(schedule.makespanMs).toBe(65);
  });

  it('give the engine its places: equal ranks share one, and equal durations none', () => {
    const needs = DIAMOND.map((each) => each.needs);
    expect(rankPlaces(needs, [10, 30, 20, 5])).toEqual([0, 1, 2, 3]);
    expect(rankPlaces(needs, [10, 20, 20, 5])).toEqual([0, 1, 1, 2]);
    expect(rankPlaces(needs, [7, 7, 7, 7])).toBeNull();
  });
});

describe('a spread', () => {
  it('is drawn so that eight of ten lie between its p10 and p90', () => {
    const estimate = countedEstimate({ meanMs: 120, p50Ms: 100, p95Ms: 300, samples: 40, failureRate: 0 });
    const random = seededRandom(7);
    const drawn = Array.from({ length: 4_000 }, () => drawMs(estimate, random));
    const inside = drawn.filter((ms) => ms >= estimate.p10Ms && ms <= estimate.p90Ms).length / drawn.length;
    expect(inside).toBeGreaterThan(0.77);
    expect(inside).toBeLessThan(0.83);
    expect(drawn.filter((ms) => ms < 100).length / drawn.length).toBeCloseTo(0.5, 1);
    expect(estimate).toMatchObject({ source: 'task', confidence: 'high', meanMs: 120 });
  });

  it('of a given duration is none, and is moved to it where one was measured', () => {
    expect(drawMs(givenEstimate(50), seededRandom(1))).toBe(50);
    expect(scaled(assumedEstimate(), 3_000)).toMatchObject({ p10Ms: 1_500, p50Ms: 3_000, p90Ms: 6_000 });
    expect(scaled(givenEstimate(0), 40)).toMatchObject({ p50Ms: 40, p90Ms: 40 });
  });

  it('of a task type counts each of its queues by its attempts', () => {
    const row = { namespace: 'n', counts: {} as never, maxRunMs: 0, meanWaitMs: 0, waitMs: null, last: {} as never, task: 'build' };
    const known = taskEstimates([
      { ...row, queue: 'a', completed: 8, failed: 1, retries: 1, meanRunMs: 100, runMs: { p50: 100, p95: 100 } },
      { ...row, queue: 'b', completed: 30, failed: 0, retries: 0, meanRunMs: 200, runMs: { p50: 200, p95: 200 } },
      { ...row, queue: 'c', completed: 0, failed: 0, retries: 0, meanRunMs: null, runMs: null },
    ]);
    expect(known.get('build')).toMatchObject({ samples: 40, meanMs: 175, p50Ms: 175, failureRate: 0.05, confidence: 'high' });
    expect(known.size).toBe(1);
  });
});

describe('a simulation', () => {
  const spread = (all: readonly PlanTask[], count = 2, deadlineMs?: number): ReturnType<typeof simulatePlan> =>
    simulatePlan(makePlan(all, slots(count), { objective: 'makespan', deadlineMs }), { random: seededRandom(3), samples: 400 });

  it('of fixed durations is the plan itself, on slots and on workers', () => {
    expect(spread(DIAMOND)).toEqual({ samples: 400, p10Ms: 45, p50Ms: 45, p90Ms: 45, failedShare: 0, inTimeShare: null });
    const plan = makePlan(DIAMOND, workers([1, 2]), { objective: 'makespan' });
    expect(simulatePlan(plan, { random: seededRandom(1), samples: 5 })).toMatchObject({ p10Ms: plan.schedule.makespanMs, p90Ms: plan.schedule.makespanMs });
  });

  it('is repeated by its seed, and widens with the durations', () => {
    const loose = DIAMOND.map((each) => ({ ...each, estimate: { ...assumedEstimate(), failureRate: 0 } }));
    const first = spread(loose);
    expect(first).toEqual(spread(loose));
    expect(first.p10Ms as number).toBeLessThan(first.p50Ms as number);
    expect(first.p90Ms as number).toBeGreaterThan(first.p50Ms as number);
    expect(spread(loose, 2, first.p50Ms as number).inTimeShare).toBeCloseTo(0.5, 1);
  });

  it('repeats failed attempts as the retry policy says, and counts the runs that fail for good', () => {
    const flaky = (failureRate: number, more: Partial<PlanTask> = {}): PlanTask[] => [
      { ...task({ ms: 100, retry: RETRY }), estimate: { ...givenEstimate(100), failureRate }, ...more },
    ];
    // 100 ms, or 100 + 1,000 + 100, or 100 + 1,000 + 100 + 2,000 + 100.
    expect(spread(flaky(0.3))).toMatchObject({ p10Ms: 100, p50Ms: 100, p90Ms: 1_200 });
    expect(spread(flaky(0.3)).failedShare).toBeCloseTo(0.027, 1);
    expect(spread(flaky(1))).toMatchObject({ failedShare: 1, p50Ms: null });
    expect(spread(flaky(1, { continueOnError: true }))).toMatchObject({ failedShare: 0, p50Ms: 3_300 });
    expect(spread(flaky(1, { count: 2, width: 2, toleratedItems: 2 }))).toMatchObject({ failedShare: 0, p50Ms: 3_300 });
    expect(spread(flaky(1, { count: 2, width: 2, toleratedItems: 1 }))).toMatchObject({ failedShare: 1 });
  });

  it('draws fewer samples of larger plans', () => {
    expect([1, 1_000, 200_000].map(samplesFor)).toEqual([1_000, 500, 20]);
  });
});

describe('the picture of a plan', () => {
  const plan = makePlan([...DIAMOND, task({ ms: 10, count: 2, width: 2 }, 4)], slots(2), { objective: 'makespan' });

  it('as text has a bar per step, critical ones solid, or per slot when there are more steps', () => {
    const lines = ganttText(plan, { width: 20 });
    expect(lines.find((line) => line.startsWith('s1'))).toMatch(/^s1 +·+█+·+ \d+ms–\d+ms$/);
    expect(lines.find((line) => line.startsWith('s2'))).toContain('▒');
    expect(lines.some((line) => line.startsWith('s4 ×2'))).toBe(true);
    expect(ganttText(plan, { maxRows: 2 }).map((line) => line.slice(0, 6))).toEqual(['slot 1', 'slot 2', '      ']);
  });

  it('as Mermaid has a section per slot, and names without what would end them', () => {
    const { text, truncated } = ganttMermaid(plan, 'a: b; c', 3);
    expect(text).toMatch(/^gantt\n {2}title a {2}b {2}c\n {2}dateFormat x\n/);
    expect(text).toContain('section slot 1');
    expect(text).toMatch(/ {2}s0 :crit, 0, 10/);
    expect(truncated).toBe(true);
  });

  it('as rows says who does what, and waits on nobody', () => {
    const rows = ganttRows(makePlan(tasks({ ms: 5, kind: 'wait' }, { ms: 5, needs: [0] }), workers([1]), { objective: 'makespan' }));
    expect(rows).toEqual([
      { step: 's0', item: null, on: null, startMs: 0, endMs: 5, critical: true },
      { step: 's1', item: null, on: 'w0', startMs: 5, endMs: 10, critical: true },
    ]);
  });
});

it('10,000 steps are planned in far less than a second', () => {
  const many = Array.from({ length: 10_000 }, (_, at) =>
    task(
      {
        ms: 1 + ((at * 7_919) % 997),
        needs: at < 100 ? [] : [at - 100, at - 100 + ((at * 31) % 100)].filter((need, i, all) => need < at && all.indexOf(need) === i),
      },
      at,
    ),
  );
  const started = performance.now();
  const plan = makePlan(many, slots(16), { objective: 'makespan' });
  expect(performance.now() - started).toBeLessThan(1_000);
  expect(plan.schedule.placements).toHaveLength(10_000);
});
