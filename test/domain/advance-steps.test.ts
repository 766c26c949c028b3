import { describe, expect, it } from 'vitest';
import { faultsOf, type Sim, step, World, workflow } from '../support/advance-driver.ts';

function run(world: World, ...steps: ReturnType<typeof step>[]): Sim {
  const sim = world.start(world.define(workflow('flow', steps)));
  world.settle();
  return sim;
}

describe('advance: steps', () => {
  it('runs a diamond in order and ends with the outputs of its leaves', () => {
    const world = new World();
    const sim = run(world, step('a'), step('b', { needs: ['a'] }), step('c', { needs: ['a'] }), step('d', { needs: ['b', 'c'] }));
    expect(sim.row.status).toBe('running');
    expect(sim.liveJobs().map((job) => job.step)).toEqual([0]);
    world.finish(sim, 'a');
    expect(sim.liveJobs().map((job) => job.step)).toEqual([1, 2]);
    world.finish(sim, 'c');
    world.finish(sim, 'b');
    world.now += 70;
    world.finish(sim, 'd', { output: { sum: 3 } });
    expect(sim.row).toMatchObject({ status: 'completed', phase: 'done', stepsDone: 4, stepsCompleted: 4, stepsRunning: 0, endedAt: world.now });
    expect(sim.output()).toEqual({ d: { sum: 3 } });
    expect(sim.log[0]).toEqual({ type: 'workflow_started', data: { workflow: 'flow', version: 1 } });
    expect(sim.log.at(-1)).toEqual({ type: 'workflow_completed', data: { duration_ms: 70, steps_completed: 4, steps_failed: 0, steps_skipped: 0 } });
  });

  it('gives a job its queue, priority, capabilities and deadline', () => {
    const world = new World();
    const sim = world.start(
      world.define(workflow('flow', [step('a', { queue: 'slow', priority: 75, requires: ['shell@default'], deadlineMs: 5_000 }), step('b')])),
    );
    world.settle();
    expect(world.transitions[0]?.jobs).toMatchObject([
      { step: 0, item: null, task: 'work', queue: 'slow', priority: 75, requires: ['shell@default'], deadlineAt: world.now + 5_000 },
      { step: 1, item: null, task: 'work', queue: 'default', priority: 50, requires: [], deadlineAt: null },
    ]);
    expect(sim.step('a')).toMatchObject({ status: 'ready', readyAt: world.now });
  });

  it('changes only the counters that changed', () => {
    const world = new World();
    const sim = run(world, step('a'), step('b'));
    world.finish(sim, 'a');
    expect(Object.keys(world.transitions.at(-1)?.execution ?? {}).sort()).toEqual(['stepsCompleted', 'stepsDone', 'stepsRunning']);
  });

  it('takes attempts, start and error of a step from its job', () => {
    const world = new World();
    const sim = run(world, step('a'), step('b', { needs: ['a'] }));
    sim.inbox.push({ type: 'job_settled', step: 0, item: null, status: 'completed', output: null, error: null, attempts: 3, startedAt: world.now - 40 });
    world.now += 2;
    world.settle();
    expect(sim.step('a')).toMatchObject({ attempts: 3, startedAt: world.now - 42, endedAt: world.now, output: { kind: 'inline', json: 'null' } });
    expect(sim.log.find((event) => event.type === 'step_completed')).toEqual({ type: 'step_completed', stepId: 'a', data: { duration_ms: 42 } });
  });

  it('fails with the first failed step and skips what needs it', () => {
    const world = new World();
    const sim = run(world, step('a'), step('b', { needs: ['a'] }), step('c', { needs: ['b'], when: 'all_done' }), step('z'));
    world.finish(sim, 'z', { error: 'network' });
    world.finish(sim, 'a', { error: 'command_failed' });
    world.finish(sim, 'c');
    expect(sim.outcomes()).toEqual({ a: 'failed', b: 'skipped:upstream_failed', c: 'completed', z: 'failed' });
    expect(sim.row).toMatchObject({ status: 'failed', stepsFailed: 2, stepsSkipped: 1, stepsCompleted: 1 });
    expect(sim.row.error).toMatchObject({ code: 'command_failed', message: 'Step "a" failed: It ended failed.', details: { stepId: 'a' } });
    expect(sim.types()).toContain('step_skipped b');
    expect(sim.log.at(-1)).toMatchObject({ type: 'workflow_failed', data: { code: 'command_failed', steps_failed: 2 } });
  });

  it('sees success where a failure is tolerated', () => {
    const world = new World();
    const sim = run(
      world,
      step('a', { continueOnError: true }),
      step('b', { needs: ['a'], if: '${{ success() && steps.a.status == "failed" && steps.a.error.code == "network" }}' }),
    );
    world.finish(sim, 'a', { error: 'network' });
    world.finish(sim, 'b');
    expect(sim.step('a')).toMatchObject({ status: 'failed', tolerated: true, output: null });
    expect(sim.row).toMatchObject({ status: 'completed', stepsFailed: 0, stepsCompleted: 2 });
  });

  it('evaluates conditions over outputs, input, session and execution', () => {
    const world = new World();
    world.sessionContext = { mode: 'fast' };
    const plan = world.define(
      workflow('flow', [
        step('a'),
        step('yes', {
          needs: ['a'],
          if: '${{ steps.a.output.n > input.limit && session.context.mode == "fast" && execution.attempt == 1 && execution.workflow == "flow" }}',
        }),
        step('no', { needs: ['a'], if: '${{ steps.a.output.n < input.limit }}' }),
        step('after', { needs: ['no'] }),
        step('failing', { needs: ['a'], if: '${{ steps.a.output.missing.more > 1 }}' }),
        step('number', { needs: ['a'], if: '${{ steps.a.output.n }}' }),
      ]),
    );
    const sim = world.start(plan, { input: { limit: 2 } });
    world.settle();
    world.finish(sim, 'a', { output: { n: 3 } });
    world.finish(sim, 'yes');
    expect(sim.outcomes()).toEqual({
      a: 'completed',
      yes: 'completed',
      no: 'skipped:condition',
      after: 'skipped:upstream_skipped',
      failing: 'failed',
      number: 'failed',
    });
    expect(sim.step('failing').error?.code).toBe('unresolved_reference');
    expect(sim.step('number').error).toMatchObject({ code: 'invalid_expression', message: 'The condition gave a number.', path: 'if' });
  });

  it.each([
    ['${{ null }}', 'null'],
    ['${{ [1] }}', 'a list'],
    ['${{ input }}', 'an object'],
    ['${{ "true" }}', 'a string'],
  ])('a condition that gives %s fails the step', (condition, got) => {
    const world = new World();
    const sim = run(world, step('a', { if: condition }));
    expect(sim.step('a').error?.message).toBe(`The condition gave ${got}.`);
  });

  it('tells failure() from success() by the needs', () => {
    const world = new World();
    const sim = run(
      world,
      step('a'),
      step('on_failure', { needs: ['a'], when: 'all_done', if: '${{ failure() }}' }),
      step('on_success', { needs: ['a'], when: 'all_done', if: '${{ success() }}' }),
    );
    world.finish(sim, 'a', { error: 'network' });
    expect(sim.outcomes()).toEqual({ a: 'failed', on_failure: 'ready', on_success: 'skipped:condition' });
  });

  it('a step that fired early ignores what comes later, and its counts are kept all the same', () => {
    const world = new World();
    const sim = run(world, step('a'), step('b'), step('c', { needs: ['a', 'b'], when: 'one_success' }));
    world.finish(sim, 'b');
    world.finish(sim, 'c', { output: 1 });
    expect(sim.row.status).toBe('running');
    world.finish(sim, 'a', { error: 'network' });
    expect(sim.step('c')).toMatchObject({ status: 'completed', needsCompleted: 1, needsFailed: 1 });
    expect(sim.row.status).toBe('failed');
  });

  it('renders the output of the definition, or fails with what is wrong in it', () => {
    const world = new World();
    const good = world.start(world.define(workflow('good', [step('a')], { output: { n: '${{ steps.a.output.n + 1 }}', of: '${{ input.of }}' } })), {
      input: { of: 'x' },
    });
    const bad = world.start(world.define(workflow('bad', [step('a')], { output: { n: '${{ steps.a.output.nothing.here }}' } })));
    world.settle();
    for (const sim of [good, bad]) world.finish(sim, 'a', { output: { n: 1 } });
    expect(good.output()).toEqual({ n: 2, of: 'x' });
    expect(bad.row).toMatchObject({ status: 'failed', error: { code: 'unresolved_reference' }, output: null });
    expect(bad.row.error?.message).toMatch(/^The output could not be rendered: /);
  });

  it('fails with an output that is too large, and leaves out one that nobody asked for', () => {
    const world = new World({ twice: false });
    const big = 'ж'.repeat(4_500_000);
    const asked = world.start(world.define(workflow('asked', [step('a')], { output: ['${{ steps.a.output }}', '${{ steps.a.output }}'] })));
    const plain = world.start(world.define(workflow('plain', [step('a'), step('b')])));
    world.settle();
    world.finish(asked, 'a', { output: big });
    for (const id of ['a', 'b']) world.finish(plain, id, { output: big });
    expect(asked.row).toMatchObject({ status: 'failed', error: { code: 'output_too_large' } });
    expect(plain.row).toMatchObject({ status: 'completed', output: null });
  });

  it('a job that somebody cancelled by itself is a failure of its step', () => {
    const world = new World();
    const sim = run(world, step('a'));
    world.finish(sim, 'a', { status: 'cancelled' });
    expect(sim.row).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
  });

  it('ignores news about steps that are not live', () => {
    const world = new World();
    const sim = run(world, step('a'), step('b', { needs: ['a'] }));
    const settled = { type: 'job_settled', step: 1, item: null, status: 'completed', output: null, error: null, attempts: 1, startedAt: null } as const;
    world.send(sim, settled);
    world.send(sim, { ...settled, item: 3 });
    world.send(sim, { type: 'child_ended', step: 0, item: null, childId: 'x', status: 'completed', output: null, error: null, retries: 0 });
    world.send(sim, { type: 'event_matched', step: 0, name: 'x', payload: null });
    world.send(sim, { type: 'admitted' });
    for (const timer of ['wake', 'wait_timeout', 'force_stop', 'execution_deadline'] as const) {
      for (const at of [0, null]) world.send(sim, { type: 'timer', timer, step: at, dueAt: world.now });
    }
    expect(sim.outcomes()).toEqual({ a: 'ready', b: 'pending' });
    expect(faultsOf(sim)).toEqual([]);
  });
});
