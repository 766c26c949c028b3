import { describe, expect, it } from 'vitest';
import type { WorkflowStep } from '../../src/domain/workflow-step.ts';
import { faultsOf, type Sim, step, World, workflow } from '../support/advance-driver.ts';

function each(world: World, items: readonly unknown[], fields: Partial<WorkflowStep> = {}): Sim {
  const plan = world.define(workflow('flow', [step('e', { forEach: '${{ input.items }}', ...fields }), step('after', { needs: ['e'], when: 'all_done' })]));
  const sim = world.start(plan, { input: { items: items as never } });
  world.settle();
  return sim;
}

const live = (sim: Sim): (number | null)[] => sim.liveJobs(0).map((job) => job.item);

describe('advance: forEach', () => {
  it('keeps a window of live items and refills it by one', () => {
    const world = new World();
    const sim = each(world, ['a', 'b', 'c', 'd'], { maxParallel: 2 });
    expect(sim.items.get(0)).toEqual(['a', 'b', 'c', 'd']);
    expect(live(sim)).toEqual([0, 1]);
    expect(sim.step('e')).toMatchObject({ status: 'ready', each: { total: 4, next: 2, live: 2 } });
    world.finish(sim, 'e', { item: 1, output: 'B' });
    expect(live(sim)).toEqual([0, 2]);
    expect(sim.step('e').status).toBe('running');
    const last = world.transitions.at(-1);
    expect([last?.steps.length, last?.jobs.length, Object.keys(last?.execution ?? {})]).toEqual([1, 1, []]);
    for (const item of [0, 2, 3]) world.finish(sim, 'e', { item, output: 'abcd'[item]?.toUpperCase() as string });
    expect(sim.step('e')).toMatchObject({ status: 'completed', output: { kind: 'items' } });
    expect(sim.output('e')).toEqual(['A', 'B', 'C', 'D']);
    expect(sim.log.find((event) => event.type === 'step_completed')?.data).toMatchObject({ items: 4 });
  });

  it('has a window of 50 when none is given', () => {
    const world = new World();
    expect(
      live(
        each(
          world,
          Array.from({ length: 120 }, (_, i) => i),
        ),
      ),
    ).toHaveLength(50);
  });

  it('completes at once without items', () => {
    const world = new World();
    const sim = each(world, []);
    expect(sim.step('e')).toMatchObject({ status: 'completed', each: { total: 0 } });
    expect(sim.output('e')).toEqual([]);
    expect(world.transitions[0]?.putItems).toEqual([]);
  });

  it('one deadline holds for all items, from the moment the step was ready', () => {
    const world = new World();
    const sim = each(world, [1, 2], { maxParallel: 1, deadlineMs: 60_000 });
    const start = world.now;
    world.now += 5_000;
    world.finish(sim, 'e', { item: 0 });
    expect(sim.liveJobs(0)[0]?.deadlineAt).toBe(start + 60_000);
  });

  it.each([
    ['a list', { forEach: { not: 'a list' } }, 'invalid_input'],
    ['a list', { forEach: '${{ null }}' }, 'invalid_input'],
    ['something that exists', { forEach: '${{ input.nothing.here }}' }, 'unresolved_reference'],
    ['a task that works', { forEach: [1], task: 'sleep', with: { duration: '1s' } }, 'not_available'],
    ['at most 100,000 items', { forEach: '${{ input.many }}' }, 'limit_exceeded'],
  ] as const)('wants %s', (_, fields, code) => {
    const world = new World({ twice: false });
    const many = code === 'limit_exceeded' ? Array.from({ length: 100_001 }, () => 0) : [];
    const sim = world.start(world.define(workflow('flow', [step('e', fields as Partial<WorkflowStep>)])), { input: { many } });
    world.settle();
    expect(sim.step('e').error?.code).toBe(code);
    expect(sim.row.status).toBe('failed');
  });

  it('stops with the first failure beyond the tolerance, and names counts and the first error', () => {
    const world = new World();
    const sim = each(world, [0, 1, 2, 3, 4, 5], { maxParallel: 3, tolerateFailures: { count: 1 } });
    world.finish(sim, 'e', { item: 2, error: 'network' });
    expect(live(sim)).toEqual([0, 1, 3]);
    for (const job of sim.liveJobs(0).slice(0, 2)) job.status = 'running';
    world.finish(sim, 'e', { item: 0, error: 'http_4xx' });
    // The pending job has ended, the running one is asked and given its grace period.
    expect(live(sim)).toEqual([1]);
    expect(sim.liveJobs(0)[0]).toMatchObject({ cancelRequested: true });
    expect(sim.step('e')).toMatchObject({ status: 'running', each: { stopping: true, live: 1, cancelled: 1, failed: 2 } });
    expect(world.timers(sim)).toMatchObject([{ timer: 'force_stop', step: 0, dueAt: world.now + 10_000 }]);
    world.finish(sim, 'e', { item: 1, status: 'cancelled' });
    expect(sim.step('e').error).toMatchObject({
      code: 'http_4xx',
      message: '2 of 6 items failed, 0 completed. First, item 0: It ended failed.',
      details: { failed: 2, completed: 0, total: 6, firstItem: 0, firstError: { code: 'http_4xx' } },
    });
    expect(world.timers(sim)).toEqual([]);
    expect(sim.step('after').status).toBe('ready');
  });

  it('stops an item too that started in the same decision as the failure', () => {
    const world = new World();
    const sim = each(world, [0, 1, 2, 3], { maxParallel: 2 });
    const [first, second] = sim.liveJobs(0);
    world.endJob(sim, first as never, 'completed');
    world.endJob(sim, second as never, 'failed');
    world.deliver(sim, 2);
    expect(live(sim)).toEqual([2]);
    world.settle();
    expect(live(sim)).toEqual([]);
    expect(sim.step('e')).toMatchObject({ status: 'failed', each: { completed: 1, failed: 1, cancelled: 1 } });
  });

  it('counts each stopped item once when the failure and a cancel come together', () => {
    const world = new World();
    const sim = each(world, [0, 1, 2], {});
    const [first, , third] = sim.liveJobs(0);
    if (third !== undefined) third.status = 'running';
    world.endJob(sim, first as never, 'failed');
    world.deliver(sim, 1, { type: 'cancel', reason: 'Enough.', code: 'cancelled', by: 'me' });
    expect(sim.step('e').each).toMatchObject({ live: 1, failed: 1, cancelled: 1 });
    expect(live(sim)).toEqual([2]);
    world.finish(sim, 'e', { item: 2, status: 'cancelled' });
    expect(sim.row.status).toBe('cancelled');
  });

  it('ends items that do not stop when they are asked', () => {
    const world = new World();
    const sim = each(world, [0, 1], {});
    for (const job of sim.liveJobs(0)) job.status = 'running';
    world.finish(sim, 'e', { item: 0, error: 'network' });
    expect(live(sim)).toEqual([1]);
    world.pass(10_000);
    expect(live(sim)).toEqual([]);
    expect(sim.step('e')).toMatchObject({ status: 'failed', each: { failed: 1, cancelled: 1, live: 0 } });
    expect(faultsOf(sim)).toEqual([]);
  });

  it.each([
    [30, 3, 'completed'],
    [29, 3, 'failed'],
    [100, 10, 'completed'],
  ])('tolerates %d percent: %d failures of 10 give %s', (percent, failures, status) => {
    const world = new World();
    const sim = each(
      world,
      Array.from({ length: 10 }, (_, i) => i),
      { tolerateFailures: { percent } },
    );
    for (let item = 9; item >= 0; item--) {
      if (sim.liveJobs(0).some((job) => job.item === item))
        world.finish(sim, 'e', { item, ...(item >= 10 - failures ? { error: 'network' } : { output: item }) });
    }
    expect(sim.step('e').status).toBe(status);
    if (status === 'completed') expect((sim.output('e') as unknown[]).filter((value) => value === null)).toHaveLength(failures);
  });

  it('counts an item that somebody cancelled by itself as failed', () => {
    const world = new World();
    const sim = each(world, [0, 1], { tolerateFailures: { count: 1 } });
    world.finish(sim, 'e', { item: 0, status: 'cancelled' });
    world.finish(sim, 'e', { item: 1, output: 1 });
    expect(sim.output('e')).toEqual([null, 1]);
    expect(sim.step('e').each).toMatchObject({ failed: 1, cancelled: 0 });
  });

  it('is tolerated as a whole with continueOnError', () => {
    const world = new World();
    const sim = each(world, [0], { continueOnError: true });
    world.finish(sim, 'e', { item: 0, error: 'network' });
    world.finish(sim, 'after');
    expect(sim.row.status).toBe('completed');
  });

  it('after a retry runs failed and unstarted items only, and takes the newest run of each', () => {
    const world = new World();
    const sim = each(world, [0, 1, 2, 3, 4], { maxParallel: 2 });
    world.finish(sim, 'e', { item: 0, output: 'zero' });
    world.finish(sim, 'e', { item: 1, error: 'network' });
    expect(sim.step('e').status).toBe('failed');
    world.finish(sim, 'after');
    expect(world.send(sim, { type: 'retry', by: 'me' })).toEqual({ kind: 'applied', message: 'retrying' });
    expect(live(sim)).toEqual([1, 2]);
    expect(sim.step('e').each).toMatchObject({ completed: 1, failed: 0, cancelled: 0, next: 3, live: 2, stopping: false, first: null });
    for (const item of [2, 1]) world.finish(sim, 'e', { item, output: item });
    expect(live(sim)).toEqual([3, 4]);
    for (const item of [3, 4]) world.finish(sim, 'e', { item, output: item });
    expect(sim.output('e')).toEqual(['zero', 1, 2, 3, 4]);
    expect(sim.row.status).toBe('completed');
  });
});

describe('advance: forEach over child executions', () => {
  const child = workflow('child', [step('c', { task: 'work' })], { output: '${{ input.n * 10 }}' });

  it('starts one child per item with its own input', () => {
    const world = new World();
    world.define(child);
    const sim = each(world, [{ n: 1 }, { n: 2 }, { n: 3 }], {
      task: 'workflow.run',
      with: { workflow: 'child', input: { n: '${{ item.n + index }}' } },
      maxParallel: 2,
    });
    expect(sim.row.status).toBe('waiting');
    expect(sim.types()).toEqual(['workflow_started', 'step_started e', 'workflow_waiting']);
    expect(world.children(sim).map((one) => one.row.input)).toEqual([{ n: 1 }, { n: 3 }]);
    for (let i = 0; i < 3; i++) world.finish(world.children(sim)[i] as Sim, 'c');
    expect(sim.output('e')).toEqual([10, 30, 50]);
  });

  it('fails with the error of a child, cancels the others, and waits for them', () => {
    const world = new World();
    world.define(child);
    const sim = each(world, [{ n: 1 }, { n: 2 }], { task: 'workflow.run', with: { workflow: 'child', input: { n: '${{ item.n }}' } } });
    const [first, second] = world.children(sim) as [Sim, Sim];
    world.finish(first, 'c', { error: 'network' });
    expect(second.row).toMatchObject({ status: 'cancelled', error: { message: 'Too many other items of its parent failed.' } });
    expect(sim.step('e')).toMatchObject({ status: 'failed', error: { code: 'child_failed', details: { failed: 1, firstItem: 0 } } });
  });

  it('hears of each child once, also when one is retried by itself', () => {
    const world = new World();
    world.define(child);
    const sim = each(world, [{ n: 1 }, { n: 2 }], {
      task: 'workflow.run',
      with: { workflow: 'child', input: { n: '${{ item.n }}' } },
      tolerateFailures: { count: 1 },
    });
    const [first, second] = world.children(sim) as [Sim, Sim];
    world.finish(first, 'c', { error: 'network' });
    world.send(first, { type: 'retry', by: 'me' });
    world.finish(first, 'c');
    expect(first.row.status).toBe('completed');
    expect(sim.step('e')).toMatchObject({ status: 'waiting', each: { live: 1, failed: 1, completed: 0 } });
    world.finish(second, 'c');
    expect(sim.step('e')).toMatchObject({ status: 'completed', each: { failed: 1, completed: 1 } });
  });

  it('a retry starts the items too that never got a child', () => {
    const world = new World();
    world.define(workflow('one', [step('c')]));
    const sim = each(world, ['one', 'two'], { task: 'workflow.run', with: { workflow: '${{ item }}' } });
    expect(sim.step('e').status).toBe('failed');
    world.finish(sim, 'after');
    world.define(workflow('two', [step('c')]));
    world.send(sim, { type: 'retry', by: 'me' });
    expect(sim.step('e')).toMatchObject({ status: 'waiting', each: { live: 2, redo: null } });
    for (const one of world.children(sim).slice(-2)) world.finish(one, 'c');
    expect(sim.step('e')).toMatchObject({ status: 'completed', each: { completed: 2, failed: 0 } });
  });

  it('a retry counts a child that completed by itself and takes over one that runs', () => {
    const world = new World();
    world.define(child);
    const sim = each(world, [{ n: 1 }, { n: 2 }, { n: 3 }], { task: 'workflow.run', with: { workflow: 'child', input: { n: '${{ item.n }}' } } });
    const [first, second, third] = world.children(sim) as [Sim, Sim, Sim];
    world.finish(first, 'c', { error: 'network' });
    world.finish(sim, 'after');
    expect([second.row.status, third.row.status, sim.row.status]).toEqual(['cancelled', 'cancelled', 'failed']);
    world.send(first, { type: 'retry', by: 'me' });
    world.finish(first, 'c');
    world.send(second, { type: 'retry', by: 'me' });
    world.send(sim, { type: 'retry', by: 'me' });
    expect(sim.step('e')).toMatchObject({ status: 'waiting', each: { completed: 1, live: 2, adopted: [second.row.id] } });
    expect(world.children(sim)).toHaveLength(4);
    world.finish(second, 'c');
    expect(sim.step('e').each).toMatchObject({ completed: 2, live: 1 });
    expect(sim.step('e').each?.adopted).toBeUndefined();
    world.finish(world.children(sim)[3] as Sim, 'c');
    expect(sim.step('e')).toMatchObject({ status: 'completed', each: { completed: 3 } });
    expect(sim.output('e')).toEqual([10, 20, 30]);
  });

  it('counts items whose child cannot start', () => {
    const world = new World();
    const sim = each(world, [0, 1, 2], { task: 'workflow.run', with: { workflow: 'nowhere' }, tolerateFailures: { percent: 100 } });
    expect(sim.step('e')).toMatchObject({ status: 'completed', each: { failed: 3 } });
    expect(sim.output('e')).toEqual([null, null, null]);
  });

  it('looks at many hopeless items in parts', () => {
    const world = new World({ twice: false });
    const items = Array.from({ length: 2_000 }, (_, i) => i);
    const sim = each(world, items, { task: 'workflow.run', with: { workflow: 'nowhere' }, tolerateFailures: { percent: 100 } });
    expect(sim.step('e')).toMatchObject({ status: 'completed', each: { failed: 2_000 } });
    expect(world.transitions.length).toBeGreaterThan(3);
  });

  it('times out as a whole when children take too long', () => {
    const world = new World();
    world.define(child);
    const sim = each(world, [{ n: 1 }, { n: 2 }], { task: 'workflow.run', with: { workflow: 'child', input: { n: '${{ item.n }}' } }, timeoutMs: 1_000 });
    world.finish(world.children(sim)[0] as Sim, 'c');
    world.pass(999);
    expect(sim.step('e').status).toBe('waiting');
    world.pass(1);
    expect(sim.step('e')).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
    expect(world.children(sim)[1]?.row.status).toBe('cancelled');
  });
});
