// Ranks of queue orders: monotone in what they order by, and bounded against what comes later.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AGE_STEP_MS, rankOf } from '../../src/domain/priority.ts';
import { EDF_HORIZON_MS, fairTag, ORDER_SPAN_MS, orderedRank, type ReadyJob, rankInRun } from '../../src/domain/queue-order.ts';

const T0 = 1_700_000_000_000;
const size = fc.double({ min: 1, max: 5e9, noNaN: true });
const job = (more: Partial<ReadyJob> = {}): ReadyJob => ({ readyAt: T0, priority: 50, expectedMs: null, meanMs: null, dueAt: null, ...more });
const ready: fc.Arbitrary<ReadyJob> = fc
  .record({
    readyAt: fc.integer({ min: T0, max: T0 + 1e9 }),
    priority: fc.integer({ min: 0, max: 100 }),
    expectedMs: fc.option(size),
    meanMs: fc.option(size),
    dueAt: fc.option(fc.integer({ min: 0, max: 1e9 })),
  })
  .map((each) => ({ ...each, dueAt: each.dueAt === null ? null : each.readyAt + each.dueAt }));

describe('the rank of a queue order', () => {
  it('sjf and wspt go by size and by size for weight, among jobs that are ready at once', () => {
    fc.assert(
      fc.property(size, fc.double({ min: 1.01, max: 100, noNaN: true }), (ms, factor) => {
        const longer = Math.min(5e9, ms * factor);
        fc.pre(longer > ms * 1.001);
        for (const order of ['sjf', 'wspt'] as const)
          expect(orderedRank(order, job({ expectedMs: ms }), AGE_STEP_MS)).toBeLessThan(orderedRank(order, job({ expectedMs: longer }), AGE_STEP_MS));
      }),
    );
    expect(orderedRank('wspt', job({ expectedMs: 3_000, priority: 100 }), AGE_STEP_MS)).toBeLessThan(
      orderedRank('wspt', job({ expectedMs: 1_000 }), AGE_STEP_MS),
    );
    expect(orderedRank('sjf', job({ expectedMs: 60_000 }), AGE_STEP_MS)).toBe(rankOf(T0, 50, AGE_STEP_MS));
    expect(orderedRank('sjf', job({ meanMs: 60_000 }), AGE_STEP_MS)).toBe(rankOf(T0, 50, AGE_STEP_MS));
  });

  it('is a whole number, fixed by the job, and none is passed by what becomes ready later than the bound', () => {
    fc.assert(
      fc.property(ready, ready, fc.constantFrom('fifo', 'sjf', 'edf', 'wspt'), fc.constantFrom(0, AGE_STEP_MS), (one, other, order, ageStep) => {
        // Where priority is strict, it is strict: a deadline counts as normal priority, and what has less waits for all of it.
        fc.pre(!(order === 'edf' && ageStep === 0 && one.priority < 50));
        const early = orderedRank(order, one, ageStep);
        expect(Number.isSafeInteger(early)).toBe(true);
        const bound = order === 'edf' ? EDF_HORIZON_MS : 2 * ORDER_SPAN_MS;
        const late = orderedRank(
          order,
          { ...other, priority: one.priority, readyAt: one.readyAt + bound + 1, dueAt: other.dueAt === null ? null : other.dueAt + 1e9 + bound + 1 },
          ageStep,
        );
        // With edf priority moves only those without a deadline: by fifty steps of age at most.
        expect(late).toBeGreaterThan(early - (order === 'edf' ? 50 * ageStep : 0));
      }),
    );
  });

  it('fair: turns by work, a tag within the bound, and a part by weight', () => {
    const first = fairTag(job({ expectedMs: 1_000 }), { head: null, finish: null }, AGE_STEP_MS);
    const second = fairTag(job({ expectedMs: 1_000 }), { head: first.rank, finish: first.finish }, AGE_STEP_MS);
    expect(second.rank - first.rank).toBe(1_000);
    expect(fairTag(job({ expectedMs: 1_000, priority: 100 }), { head: null, finish: null }, AGE_STEP_MS)).toMatchObject({ finish: first.rank + 250 });
    fc.assert(
      fc.property(ready, fc.option(fc.integer({ min: -1e12, max: 1e12 })), fc.option(fc.integer({ min: -1e12, max: 1e12 })), (each, head, finish) => {
        const { rank, finish: end } = fairTag(each, { head: head === null ? null : T0 + head, finish: finish === null ? null : T0 + finish }, AGE_STEP_MS);
        expect(Math.abs(rank - rankOf(each.readyAt, 50, AGE_STEP_MS))).toBeLessThanOrEqual(ORDER_SPAN_MS);
        expect(end).toBeGreaterThan(rank);
        expect(Number.isSafeInteger(end)).toBe(true);
      }),
    );
  });

  it('in a run: by place inside a half hour of it, and never more than that before its moment', () => {
    const at = (minutes: number, place: number): number => rankInRun({ startedAt: T0, readyAt: T0 + minutes * 60_000, priority: 50, place }, AGE_STEP_MS);
    expect(at(29, 1)).toBeLessThan(at(0, 2));
    expect(at(31, 0)).toBeGreaterThan(at(0, 9_999));
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e9 }), fc.integer({ min: 0, max: 10_000 }), (wait, place) => {
        const rank = rankInRun({ startedAt: T0, readyAt: T0 + wait, priority: 50, place }, AGE_STEP_MS) - place;
        expect(rank).toBeLessThanOrEqual(rankOf(T0 + wait, 50, AGE_STEP_MS));
        expect(rank).toBeGreaterThan(rankOf(T0 + wait, 50, AGE_STEP_MS) - ORDER_SPAN_MS);
      }),
    );
  });
});
