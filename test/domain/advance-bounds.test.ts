import { describe, expect, it } from 'vitest';
import { MAX_CHANGES } from '../../src/domain/transition.ts';
import { faultsOf, step, World, workflow } from '../support/advance-driver.ts';

const wide = (count: number, fields: Partial<ReturnType<typeof step>> = {}): ReturnType<typeof step>[] =>
  Array.from({ length: count }, (_, i) => step(`s${i}`, { needs: ['root'], ...fields }));

describe('advance: bounds', () => {
  it('starts 2,000 dependents in parts of at most 500 changes', () => {
    const world = new World();
    const sim = world.start(
      world.define(workflow('flow', [step('root'), ...wide(2_000), step('end', { needs: Array.from({ length: 2_000 }, (_, i) => `s${i}`) })])),
    );
    world.settle();
    world.finish(sim, 'root');
    expect(sim.liveJobs()).toHaveLength(2_000);
    expect(world.transitions.length).toBeGreaterThan(8);
    expect(world.transitions.some((transition) => transition.inbox.some(({ event }) => event.type === 'continue'))).toBe(true);
    expect(sim.row.openWork).toBe(0);
    // The sizes of what is carried over stay small: one item for the fan-out, not one per dependent.
    const carried = world.transitions.flatMap((transition) => transition.inbox.flatMap(({ event }) => (event.type === 'continue' ? [event.work.length] : [])));
    expect(Math.max(...carried)).toBeLessThan(10);
    for (const job of sim.liveJobs()) world.endJob(sim, job, 'completed');
    world.settle();
    expect(sim.step('end')).toMatchObject({ status: 'ready', needsCompleted: 2_000 });
    expect(faultsOf(sim)).toEqual([]);
  });

  it('skips through a wide and deep graph in parts', () => {
    const world = new World();
    const layers = Array.from({ length: 20 }, (_, layer) =>
      Array.from({ length: 100 }, (_, i) =>
        step(`l${layer}_${i}`, { needs: layer === 0 ? ['root'] : [`l${layer - 1}_${i}`, `l${layer - 1}_${(i + 1) % 100}`] }),
      ),
    );
    const sim = world.start(world.define(workflow('flow', [step('root'), ...layers.flat()])));
    world.settle();
    world.finish(sim, 'root', { error: 'network' });
    expect(sim.row).toMatchObject({ status: 'failed', stepsSkipped: 2_000, stepsFailed: 1, stepsDone: 2_001 });
  });

  it('keeps events for which there is no room, in their order, and answers control at once', () => {
    const world = new World({ maxChanges: 64 });
    const sim = world.start(
      world.define(
        workflow(
          'flow',
          Array.from({ length: 300 }, (_, i) => step(`s${i}`)),
        ),
      ),
    );
    world.settle();
    for (const job of sim.liveJobs()) world.endJob(sim, job, 'completed', job.step);
    const reply = world.deliver(sim, sim.inbox.length, { type: 'pause', by: 'me' });
    expect(reply).toEqual({ kind: 'applied', message: 'paused' });
    expect(sim.row.stepsDone).toBeLessThan(64);
    const order = (): (string | undefined)[] => sim.log.filter((event) => event.type === 'step_completed').map((event) => event.stepId);
    world.settle();
    expect(order()).toEqual(Array.from({ length: 300 }, (_, i) => `s${i}`));
    expect(sim.row).toMatchObject({ status: 'completed', stepsDone: 300 });
  });

  it('stays within its bound when as many control events come at once as nobody sends', () => {
    const world = new World({ maxChanges: 40 });
    const sim = world.start(world.define(workflow('flow', [step('a')])));
    world.settle();
    const signals = Array.from({ length: 200 }, (_, i) => ({ type: 'signal', name: 'n', payload: i, signalId: `${i}`, by: 'me' }) as const);
    world.deliver(sim, 0, ...signals);
    world.settle();
    expect(sim.signals.map((signal) => signal.payload)).toEqual(signals.map((signal) => signal.payload));
  });

  it('stops what opened in the same decision when even the cancel had to wait for room', () => {
    const world = new World({ maxChanges: 64 });
    const pairs = Array.from({ length: 20 }, (_, i) => [step(`a${i}`), step(`b${i}`, { needs: [`a${i}`] })]).flat();
    const sim = world.start(world.define(workflow('flow', pairs)));
    world.settle();
    for (const job of sim.liveJobs()) world.endJob(sim, job, 'completed');
    const signals = Array.from({ length: 80 }, (_, i) => ({ type: 'signal', name: 'n', payload: i, signalId: `${i}`, by: 'me' }) as const);
    world.deliver(sim, 0, ...signals, ...sim.inbox.splice(0), { type: 'cancel', reason: 'Enough.', code: 'cancelled', by: 'me' });
    expect(sim.row.stopping).toBeNull();
    expect(world.deliver(sim, 1, { type: 'resume', by: 'me' })).toEqual({ kind: 'replayed', message: 'not_paused' });
    world.settle();
    expect(sim.row.status).toBe('cancelled');
    expect(sim.row.stepsCompleted).toBe(20);
    expect(sim.liveJobs()).toEqual([]);
    expect(faultsOf(sim)).toEqual([]);
  });

  it('does not end before all dependents have been told, though all steps are done', () => {
    const world = new World({ maxChanges: 40 });
    const eager = Array.from({ length: 60 }, (_, i) => step(`d${i}`, { needs: ['a', 'b'], when: 'one_success' }));
    const sim = world.start(world.define(workflow('flow', [step('a'), step('b'), ...eager])));
    world.settle();
    world.finish(sim, 'a');
    for (let i = 0; i < 60; i++) world.finish(sim, `d${i}`);
    world.endJob(sim, sim.liveJobs()[0] as never, 'completed');
    world.deliver(sim, 1);
    expect(sim.row).toMatchObject({ status: 'running', stepsDone: 62, openWork: 1 });
    world.settle();
    expect(sim.row.status).toBe('completed');
    expect([...sim.steps.values()].filter((row) => row.needsCompleted === 2)).toHaveLength(60);
  });

  it('expands and cancels a wide window in parts', () => {
    const world = new World();
    const items = Array.from({ length: 3_000 }, (_, i) => i);
    const sim = world.start(world.define(workflow('flow', [step('e', { forEach: '${{ input.items }}', maxParallel: 3_000 })])), { input: { items } });
    world.settle();
    expect(sim.liveJobs()).toHaveLength(3_000);
    for (const job of sim.liveJobs()) if ((job.item ?? 0) % 2 === 0) job.status = 'running';
    world.send(sim, { type: 'cancel', reason: 'Enough.', code: 'cancelled', by: 'me' });
    expect(sim.liveJobs()).toHaveLength(1_500);
    world.pass(10_000);
    expect(sim.row.status).toBe('cancelled');
    expect(sim.step('e').each).toMatchObject({ live: 0, cancelled: 3_000 });
  });

  it('cancels many children in parts', () => {
    const world = new World({ maxChanges: 40 });
    world.define(workflow('child', [step('c')]));
    const items = Array.from({ length: 60 }, (_, i) => i);
    const sim = world.start(
      world.define(workflow('flow', [step('e', { forEach: items, maxParallel: 60, task: 'workflow.run', with: { workflow: 'child' } })])),
    );
    world.settle();
    expect(world.children(sim)).toHaveLength(60);
    world.send(sim, { type: 'cancel', reason: 'Enough.', code: 'cancelled', by: 'me' });
    expect(sim.row.status).toBe('cancelled');
  });

  it('cancels and retries thousands of steps in parts', () => {
    const world = new World();
    const sim = world.start(
      world.define(
        workflow('flow', [
          step('root'),
          ...wide(1_500),
          ...wide(1_500, { task: 'sleep', with: { duration: '1h' } }).map((one) => ({ ...one, id: `w${one.id}` })),
        ]),
      ),
    );
    world.settle();
    world.finish(sim, 'root');
    expect(sim.row).toMatchObject({ stepsRunning: 1_500, stepsWaiting: 1_500 });
    world.send(sim, { type: 'cancel', reason: 'Enough.', code: 'cancelled', by: 'me' });
    expect(sim.row).toMatchObject({ status: 'cancelled', stepsRunning: 0, stepsWaiting: 0, stepsDone: 3_001 });
    world.send(sim, { type: 'retry', by: 'me' });
    expect(sim.row).toMatchObject({ stepsRunning: 1_500, stepsWaiting: 1_500, stepsDone: 1 });
    expect(faultsOf(sim)).toEqual([]);
  });

  it('skips thousands of failure handlers in parts', () => {
    const world = new World();
    const handlers = Array.from({ length: 1_200 }, (_, i) => step(`h${i}`, { if: '${{ false }}' }));
    const sim = world.start(world.define(workflow('flow', [step('a')], { onFailure: handlers })));
    world.settle();
    world.finish(sim, 'a', { error: 'network' });
    expect(sim.row.status).toBe('failed');
    expect(sim.step('h1199').status).toBe('skipped');
  });

  it('finds the first fatal failure behind many tolerated ones', () => {
    const world = new World();
    const steps = Array.from({ length: 250 }, (_, i) => step(`s${i}`, { continueOnError: i !== 220 && i !== 240 }));
    const sim = world.start(world.define(workflow('flow', steps)));
    world.settle();
    for (const job of sim.liveJobs()) world.endJob(sim, job, 'failed');
    while (sim.inbox.length > 0) world.deliver(sim, 50);
    expect(sim.row.error?.details).toEqual({ stepId: 's220' });
  });

  it('reads and writes as much for one step of a large graph as of a small one', () => {
    const cost = (steps: number): number => {
      const world = new World();
      const chain = Array.from({ length: steps }, (_, i) => step(`s${i}`, { needs: i === 0 ? [] : [`s${i - 1}`] }));
      const sim = world.start(world.define(workflow('flow', chain)));
      world.settle();
      let reads = 0;
      const get = sim.steps.get.bind(sim.steps);
      sim.steps.get = (index) => {
        reads++;
        return get(index);
      };
      for (let i = 0; i < 20; i++) world.finish(sim, `s${i}`);
      const last = world.transitions.at(-1);
      return reads + (last?.steps.length ?? 0) + (last?.jobs.length ?? 0);
    };
    expect(cost(5_000)).toBe(cost(50));
    expect(MAX_CHANGES).toBe(500);
  });
});
