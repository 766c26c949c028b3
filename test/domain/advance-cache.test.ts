import { describe, expect, it } from 'vitest';
import { type Sim, step, World, workflow } from '../support/advance-driver.ts';

const cached = (key: string, more: object = {}): ReturnType<typeof step> => step('a', { cache: { key, ttlMs: 1_000 }, ...more });

function start(world: World, steps: ReturnType<typeof step>[], input = {}): Sim {
  const sim = world.start(world.define(workflow('flow', steps)), { input });
  world.settle();
  return sim;
}

describe('advance: the cache of a step', () => {
  it('lets a kept result stand for a run until its time is over', () => {
    const world = new World();
    const steps = [cached('${{ input.v }}'), step('b', { needs: ['a'] })];
    const first = start(world, steps, { v: 1 });
    world.finish(first, 'a', { output: { rows: 3 } });
    world.now += 999;
    const second = start(world, steps, { v: 1 });
    expect(second.step('a')).toMatchObject({ status: 'completed', reused: true, attempts: 0 });
    expect(second.output('a')).toEqual({ rows: 3 });
    expect(second.liveJobs().map((job) => job.step)).toEqual([1]);
    expect(second.log.find((event) => event.type === 'step_completed')).toMatchObject({ stepId: 'a', data: { reused: true, cached_from: first.row.id } });
    world.now += 1;
    expect(start(world, steps, { v: 1 }).step('a').status).toBe('ready');
  });

  it.each([
    ['another key', [cached('${{ input.v }}')], { v: 2 }],
    ['another input of the task', [cached('${{ input.v }}', { with: { other: true } })], { v: 1 }],
    ['another task', [cached('${{ input.v }}', { task: 'other' })], { v: 1 }],
    ['another step', [step('z', { cache: { key: '${{ input.v }}', ttlMs: 1_000 } })], { v: 1 }],
    ['a key that is null', [cached('${{ null }}')], { v: 1 }],
  ])('finds nothing for %s', (_, steps, input) => {
    const world = new World();
    world.finish(start(world, [cached('${{ input.v }}')], { v: 1 }), 'a', { output: 1 });
    const sim = start(world, steps, input);
    expect(sim.liveJobs()).toHaveLength(1);
  });

  it('keeps nothing of a step that failed, nor for a key that is null', () => {
    const world = new World();
    world.finish(start(world, [cached('k')]), 'a', { error: 'handler_failed' });
    world.finish(start(world, [cached('${{ null }}')]), 'a', { output: 1 });
    expect(world.cache.size).toBe(0);
  });

  it('may read earlier steps, and a key that cannot be rendered fails the step', () => {
    const world = new World();
    const steps = [step('x'), step('a', { needs: ['x'], cache: { key: '${{ steps.x.output.rev }}', ttlMs: 1_000 } })];
    const sim = start(world, steps);
    world.finish(sim, 'x', { output: { rev: 'r1' } });
    world.finish(sim, 'a', { output: 7 });
    expect([...world.cache.values()]).toMatchObject([{ json: '7' }]);
    const broken = start(world, steps);
    world.finish(broken, 'x', { output: {} });
    expect(broken.step('a').error).toMatchObject({ path: 'cache.key', message: expect.stringContaining('key of the cache') });
    const long = start(world, [cached('${{ input.v }}')], { v: 'x'.repeat(5_000) });
    expect(long.step('a').error).toMatchObject({ code: 'limit_exceeded', path: 'cache.key' });
  });
});
