// What is expected of a step: its own history, else its task type's, read anew after five seconds.
import { expect, it } from 'vitest';
import { addAttempt, type DurationHistory, NO_SUMS } from '../../src/domain/duration-history.ts';
import { createDurationSource } from '../../src/tracking/duration-source.ts';

function history(ms: number, count: number): DurationHistory {
  const cells: number[] = [];
  for (let i = 0; i < count; i++) addAttempt(cells, true, ms);
  return { newest: { ...NO_SUMS, cells }, earlier: NO_SUMS };
}

it('prefers what the step itself took, once it ran often enough', () => {
  const steps = new Map([
    ['known', history(100, 5)],
    ['rare', history(200, 1)],
  ]);
  const tasks = new Map([['x', history(900, 50)]]);
  let reads = 0;
  let now = 1_000;
  const source = createDurationSource({
    backend: {
      durationHistories: ({ workflow }) => {
        reads++;
        return workflow === 'flow' ? new Map(steps) : workflow === null ? tasks : new Map();
      },
    },
    namespace: 'default',
    now: () => now,
  });
  expect(source({ workflow: 'flow', stepId: 'known', task: 'x' })).toMatchObject({ source: 'step', meanMs: 100, confidence: 'medium' });
  expect(source({ workflow: 'flow', stepId: 'rare', task: 'x' })).toMatchObject({ source: 'task', meanMs: 900, confidence: 'high' });
  expect(source({ workflow: 'flow', stepId: 'rare', task: 'unknown' })).toMatchObject({ source: 'step', meanMs: 200, confidence: 'low' });
  expect(source({ workflow: null, stepId: null, task: 'x' })).toMatchObject({ source: 'task' });
  expect(source({ workflow: 'flow', stepId: 'none', task: 'unknown' })).toBeNull();
  expect(reads).toBe(2);
  steps.set('known', history(300, 5));
  expect(source({ workflow: 'flow', stepId: 'known', task: 'x' })?.meanMs).toBe(100);
  now += 5_000;
  expect(source({ workflow: 'flow', stepId: 'known', task: 'x' })?.meanMs).toBe(300);
});
