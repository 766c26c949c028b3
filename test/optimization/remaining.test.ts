// The outlook of a run under way: progress by expected work, what makes an end unknown, and intervals that hold as often as they say.
import { describe, expect, it } from 'vitest';
import type { DurationEstimate } from '../../src/domain/duration-estimate.ts';
import { addAttempt, estimateFrom, foldIn, NO_HISTORY, NO_SUMS } from '../../src/domain/duration-history.ts';
import { normaliseDefinition } from '../../src/domain/normalise-definition.ts';
import { compilePlan, type Plan } from '../../src/domain/plan.ts';
import { createEvaluator } from '../../src/expression/cel-evaluator.ts';
import { dispatch } from '../../src/optimization/dispatch.ts';
import { makePlan } from '../../src/optimization/make-plan.ts';
import { outlookOf, type RunOutlook, type StepStanding } from '../../src/optimization/remaining.ts';
import { seededRandom } from '../../src/optimization/seeded-random.ts';
import { givenEstimate, quantileMs, remainingEstimate, shareBelow } from '../../src/optimization/spread.ts';
import { slots, tasks } from './plans.ts';

const evaluator = createEvaluator();
const OPEN: StepStanding = { state: 'open', elapsedMs: 0, waitMs: null, items: null };
const ENDED: StepStanding = { ...OPEN, state: 'ended' };

function planOf(steps: readonly Record<string, unknown>[]): Plan {
  const { definition } = normaliseDefinition({ name: 'w', steps: steps.map((step) => ({ task: 'echo', with: { value: 1 }, ...step })) });
  if (definition === null || definition === undefined) throw new Error('the definition is wrong');
  return compilePlan(definition, 'h', evaluator);
}

const DIAMOND = planOf([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['a'] }, { id: 'd', needs: ['b', 'c'] }]);
const TIMES: Readonly<Record<string, number>> = { a: 1_000, b: 6_000, c: 2_000, d: 1_000 };
const known = { source: () => null, durations: TIMES };

describe('what is left of a duration', () => {
  const spread = givenEstimate(10_000, 20_000);

  it('is the spread of those that take longer than it has run', () => {
    for (const share of [0.05, 0.3, 0.5, 0.8, 0.97]) expect(shareBelow(spread, quantileMs(spread, share))).toBeCloseTo(share, 9);
    expect(remainingEstimate(spread, 0).p50Ms).toBeCloseTo(10_000, 6);
    const left = remainingEstimate(spread, 10_000);
    // Half are over by then; the median of the other half is their quantile of 75 %.
    expect(left.p50Ms).toBeCloseTo(quantileMs(spread, 0.75) - 10_000, 6);
    expect(left.p10Ms).toBeLessThan(left.p90Ms);
  });

  it('of one that outlasts all that is known goes on in proportion to its age, and never below nothing', () => {
    const left = remainingEstimate(givenEstimate(1_000, 1_500), 60_000);
    expect([left.p10Ms, left.p50Ms, left.p90Ms]).toEqual([3_000, 15_000, 27_000]);
  });
});

describe('a run', () => {
  const outlook = (stands: Readonly<Record<string, StepStanding>>, slotsFree = 4, plan = DIAMOND, knowledge = known): RunOutlook =>
    outlookOf(plan, (node) => stands[plan.nodes[node]?.id ?? ''] ?? OPEN, { known: knowledge, slots: slotsFree, withEnd: true });

  it('is as far as the work that is done, not as the steps that are', () => {
    expect(outlook({}).share).toBe(0);
    expect(outlook({ a: ENDED }).share).toBeCloseTo(0.1, 9);
    expect(outlook({ a: ENDED, c: ENDED, b: { ...OPEN, state: 'running', elapsedMs: 3_000 } }).share).toBeCloseTo(0.6, 9);
    expect(outlook({ a: ENDED, b: ENDED, c: ENDED, d: ENDED })).toMatchObject({ share: 1, left: { p50Ms: 0 } });
  });

  it('ends when its longest way is over, or later where the slots are few', () => {
    expect(outlook({}).left?.p50Ms).toBeCloseTo(8_000, 6);
    expect(outlook({}, 1).left?.p50Ms).toBeCloseTo(10_000, 6);
    expect(outlook({ a: ENDED, c: ENDED, b: { ...OPEN, state: 'running', elapsedMs: 4_000 } }).left?.p50Ms).toBeCloseTo(3_000, 6);
    const retry: StepStanding = { ...OPEN, state: 'waiting', waitMs: 30_000 };
    expect(outlook({ a: ENDED, c: ENDED, b: retry }).left?.p50Ms).toBeCloseTo(37_000, 6);
  });

  it('has no end in sight while something is unknown, and says what', () => {
    const partly = { source: () => null, durations: { a: 1_000 } };
    expect(outlook({ a: ENDED }, 4, DIAMOND, partly as never)).toMatchObject({
      left: null,
      unknown: 'nothing is known of how long b takes',
      confidence: 'none',
    });
    const asks = planOf([
      { id: 'ask', task: 'wait.approval', with: { message: 'Go?' } },
      { id: 'go', needs: ['ask'] },
    ]);
    const about = { source: () => null, durations: { go: 1_000 } };
    const waiting: StepStanding = { ...OPEN, state: 'waiting' };
    expect(outlook({ ask: waiting }, 4, asks, about as never)).toMatchObject({ left: null, unknown: 'ask waits for something that has no time' });
    const sleeping: StepStanding = { ...OPEN, state: 'waiting', waitMs: 5_000 };
    const sleeps = planOf([
      { id: 'nap', task: 'sleep', with: { duration: '10s' } },
      { id: 'go', needs: ['nap'] },
    ]);
    expect(outlook({ nap: sleeping }, 4, sleeps, about as never).left?.p50Ms).toBeCloseTo(6_000, 6);
  });

  it('counts the items of a list', () => {
    const each = planOf([{ id: 'all', forEach: '${{ input.list }}', maxParallel: 2, with: { value: '${{ item }}' } }]);
    const half: StepStanding = { ...OPEN, state: 'running', items: { total: 10, done: 4 } };
    const about = { source: () => null, durations: { all: 1_000 } };
    expect(outlook({ all: half }, 4, each, about as never)).toMatchObject({ share: 0.4, left: { p50Ms: 3_000 } });
  });
});

describe('the interval', () => {
  /** What an agent's step takes: mostly near its median, now and then far beyond it. */
  const skewed = (random: () => number, median: number): number =>
    median * Math.exp(0.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

  it('of 80 % holds for at least 80 % of ends on a virtual clock, with what 200 runs have taught', () => {
    const random = seededRandom(42);
    const medians = [4_000, 30_000, 9_000, 2_000, 60_000, 12_000];
    const steps = medians.map((_, at) => ({ id: `s${at}`, needs: at === 0 ? [] : at === 5 ? ['s1', 's2', 's3', 's4'] : ['s0'] }));
    const plan = planOf(steps);
    const estimates = medians.map((median): DurationEstimate => {
      const cells: number[] = [];
      for (let i = 0; i < 200; i++) addAttempt(cells, true, skewed(random, median));
      return estimateFrom(foldIn(NO_HISTORY, { ...NO_SUMS, ended: 200, cells }), 'step') as DurationEstimate;
    });
    const source = ({ stepId }: { readonly stepId: string | null }): DurationEstimate | null => estimates[Number(stepId?.slice(1))] ?? null;
    const { left, confidence } = outlookOf(plan, () => OPEN, { known: { source }, slots: 2, withEnd: true });
    if (left === null) throw new Error('an end was to be known');
    expect(confidence).toBe('high');
    const graph = tasks(...medians.map((ms, at) => ({ ms, needs: (steps[at] as { needs: string[] }).needs.map((id) => Number(id.slice(1))) })));
    const shape = makePlan(graph, slots(2), { objective: 'makespan' });
    let inside = 0;
    const RUNS = 2_000;
    for (let i = 0; i < RUNS; i++) {
      const end = dispatch(graph, shape.graph.outs, slots(2), {
        order: shape.order,
        attempt: (at) => ({ runMs: skewed(random, medians[at] as number), failed: false, againMs: null }),
      }).makespanMs;
      if (end >= left.p10Ms && end <= left.p90Ms) inside++;
    }
    expect(inside / RUNS).toBeGreaterThanOrEqual(0.8);
    // An interval that always holds would tell nothing.
    expect(inside / RUNS).toBeLessThan(0.9);
  });
});
