import { describe, expect, it } from 'vitest';
import type { ExecutionEvent } from '../../src/domain/transition.ts';
import type { WorkflowDefinition } from '../../src/domain/workflow-definition.ts';
import { faultsOf, type Sim, step, World, workflow } from '../support/advance-driver.ts';

const cancel: ExecutionEvent = { type: 'cancel', reason: 'Enough.', code: 'cancelled', by: 'ann' };
const retry: ExecutionEvent = { type: 'retry', by: 'ann' };
const undo = { compensate: { task: 'undo', with: {} } };

function run(world: World, steps: ReturnType<typeof step>[], fields: Partial<WorkflowDefinition> = {}): Sim {
  const sim = world.start(world.define(workflow('flow', steps, fields)));
  world.settle();
  return sim;
}

const liveTasks = (sim: Sim): string[] => sim.liveJobs().map((job) => sim.plan.nodes[job.step]?.id as string);

describe('advance: pause and resume', () => {
  it('answers applied, then replayed; results go on counting', () => {
    const world = new World();
    const sim = run(world, [step('a'), step('b', { needs: ['a'] })]);
    expect(world.send(sim, { type: 'resume', by: 'ann' })).toEqual({ kind: 'replayed', message: 'not_paused' });
    expect(world.send(sim, { type: 'pause', by: 'ann' })).toEqual({ kind: 'applied', message: 'paused' });
    expect(sim.row).toMatchObject({ status: 'paused', paused: true });
    expect(world.send(sim, { type: 'pause', by: 'ann' })).toEqual({ kind: 'replayed', message: 'already_paused' });
    world.finish(sim, 'a');
    expect(sim.row).toMatchObject({ status: 'paused', stepsCompleted: 1 });
    expect(world.send(sim, { type: 'resume', by: 'ann' })).toEqual({ kind: 'applied', message: 'resumed' });
    expect(sim.row).toMatchObject({ status: 'running', paused: false });
    expect(sim.types().filter((type) => type.startsWith('workflow_'))).toEqual(['workflow_started', 'workflow_paused', 'workflow_resumed']);
    world.finish(sim, 'b');
    for (const type of ['pause', 'resume'] as const) {
      expect(world.send(sim, { type, by: 'ann' })).toEqual({ kind: 'refused', code: 'invalid_transition', message: 'already_completed' });
    }
  });

  it('starts nothing of any kind while it is paused, and all of it with the resume', () => {
    const world = new World();
    world.define(workflow('child', [step('c')]));
    const kinds = [
      step('job', { needs: ['a'] }),
      step('said', { needs: ['a'], task: 'emit', with: { event: 'shipped' } }),
      step('nap', { needs: ['a'], task: 'sleep', with: { duration: '1h' } }),
      step('run', { needs: ['a'], task: 'workflow.run', with: { workflow: 'child' } }),
      step('runs', { needs: ['a'], task: 'workflow.run', with: { workflow: 'child' }, forEach: [1, 2] }),
      step('hears', { needs: ['a'], task: 'wait.signal', with: { name: 'go' } }),
      step('not', { needs: ['a'], when: 'all_failed' }),
    ];
    const sim = run(world, [step('a'), step('each', { forEach: [1, 2, 3], maxParallel: 1 }), ...kinds]);
    world.send(sim, { type: 'pause', by: 'ann' });
    world.finish(sim, 'a');
    world.finish(sim, 'each', { item: 0 });
    world.pass(7_200_000);
    expect(sim.row).toMatchObject({ status: 'paused', stepsCompleted: 1, stepsSkipped: 1, stepsWaiting: 0 });
    expect(sim.step('each')).toMatchObject({ status: 'running', each: { live: 0, completed: 1, next: 1 } });
    for (const { id } of kinds) expect(sim.step(id).status).toBe(id === 'not' ? 'skipped' : 'pending');
    expect([world.broadcasts, world.children(sim), sim.liveJobs()]).toEqual([[], [], []]);
    world.send(sim, { type: 'resume', by: 'ann' });
    expect(world.broadcasts).toHaveLength(1);
    expect(world.children(sim)).toHaveLength(3);
    expect(world.timers(sim)).toMatchObject([{ timer: 'wake', dueAt: world.now + 3_600_000 }]);
    expect(liveTasks(sim).sort()).toEqual(['each', 'job']);
    expect(sim.step('hears').status).toBe('waiting');
    expect(faultsOf(sim)).toEqual([]);
  });

  it('is not started by its admission, but by the resume', () => {
    const world = new World();
    const sim = world.start(world.define(workflow('flow', [step('a')])), { hold: true });
    world.send(sim, { type: 'pause', by: 'ann' });
    world.send(sim, { type: 'admitted' });
    expect(sim.row).toMatchObject({ status: 'paused', phase: 'admission', startedAt: null });
    world.now += 5_000;
    world.send(sim, { type: 'resume', by: 'ann' });
    expect(sim.row).toMatchObject({ status: 'running', startedAt: world.now });
    world.finish(sim, 'a');
    expect(sim.row.status).toBe('completed');
  });

  it('holds compensations and failure handlers back, and ends without any', () => {
    const world = new World();
    const steps = [step('a', undo), step('b', { needs: ['a'] })];
    const sim = run(world, steps, { onFailure: [step('alarm', { forEach: [1, 2], maxParallel: 1 })] });
    world.finish(sim, 'a');
    world.send(sim, { type: 'pause', by: 'ann' });
    world.finish(sim, 'b', { error: 'network' });
    expect(sim.row).toMatchObject({ status: 'paused', phase: 'compensate' });
    expect(sim.liveJobs()).toEqual([]);
    world.send(sim, { type: 'resume', by: 'ann' });
    expect(liveTasks(sim)).toEqual(['compensate:a']);
    world.finish(sim, 'compensate:a');
    world.send(sim, { type: 'pause', by: 'ann' });
    world.finish(sim, 'alarm', { item: 0 });
    expect(sim.liveJobs()).toEqual([]);
    world.send(sim, { type: 'resume', by: 'ann' });
    world.finish(sim, 'alarm', { item: 1 });
    expect(sim.row.status).toBe('failed');
    const plain = run(world, [step('a')]);
    world.send(plain, { type: 'pause', by: 'ann' });
    world.finish(plain, 'a', { error: 'network' });
    expect(plain.row.status).toBe('failed');
  });

  it('a resume in the middle of a retry starts nothing before all is counted anew', () => {
    const world = new World({ maxChanges: 40 });
    const many = Array.from({ length: 100 }, (_, i) => step(`s${i}`));
    const sim = run(world, [step('f'), ...many, step('alarm', { needs: ['f'], when: 'one_failed' })]);
    world.send(sim, { type: 'pause', by: 'ann' });
    world.finish(sim, 'f', { error: 'network' });
    world.send(sim, cancel);
    expect(sim.row.status).toBe('cancelled');
    expect(sim.step('alarm')).toMatchObject({ status: 'pending', needsFailed: 1 });
    world.deliver(sim, 0, retry);
    world.deliver(sim, 0, { type: 'pause', by: 'ann' });
    world.deliver(sim, 0, { type: 'resume', by: 'ann' });
    world.settle();
    expect(liveTasks(sim).length).toBe(101);
    expect(sim.step('alarm')).toMatchObject({ status: 'pending', needsFailed: 0 });
    world.finish(sim, 'f');
    for (const one of many) world.finish(sim, one.id);
    expect(sim.row).toMatchObject({ status: 'completed', phaseCursor: 0 });
    expect(sim.step('alarm')).toMatchObject({ status: 'skipped', skipReason: 'trigger_rule' });
  });

  it('refuses a pause while it stops', () => {
    const world = new World();
    const sim = run(world, [step('a')]);
    for (const job of sim.liveJobs()) job.status = 'running';
    world.send(sim, cancel);
    expect(world.send(sim, { type: 'pause', by: 'ann' })).toEqual({ kind: 'refused', code: 'invalid_transition', message: 'already_stopping' });
  });
});

describe('advance: cancel', () => {
  it('ends what waits, asks what runs, records what comes, and starts nothing', () => {
    const world = new World();
    const sim = run(world, [
      step('ran'),
      step('next', { needs: ['ran'] }),
      step('queued'),
      step('asked'),
      step('items', { forEach: [1, 2, 3], maxParallel: 2 }),
      step('slept', { task: 'sleep', with: { duration: '1h' } }),
      step('signalled', { task: 'wait.signal', with: { name: 'go' }, timeoutMs: 1_000 }),
    ]);
    for (const job of sim.liveJobs()) if (job.step === 0 || job.step === 3 || job.item === 0) job.status = 'running';
    expect(world.send(sim, cancel)).toEqual({ kind: 'applied', message: 'cancelling' });
    expect(sim.row).toMatchObject({ status: 'running', stopping: { as: 'cancelled', scanned: true }, stepsWaiting: 0 });
    expect(liveTasks(sim)).toEqual(['ran', 'asked', 'items']);
    expect(sim.liveJobs().every((job) => job.cancelRequested)).toBe(true);
    expect(world.timers(sim)).toEqual([{ timer: 'force_stop', step: null, dueAt: world.now + 10_000 }]);
    expect(sim.waiters.size).toBe(0);
    expect(world.send(sim, cancel)).toEqual({ kind: 'replayed', message: 'already_cancelling' });
    world.finish(sim, 'ran', { output: 'kept' });
    world.finish(sim, 'asked', { status: 'cancelled' });
    world.finish(sim, 'items', { item: 0, output: 1 });
    expect(sim.row).toMatchObject({ status: 'cancelled', error: { code: 'cancelled', message: 'Enough.' }, stopping: null });
    expect(sim.outcomes()).toEqual({
      ran: 'completed',
      next: 'cancelled',
      queued: 'cancelled',
      asked: 'cancelled',
      items: 'cancelled',
      slept: 'cancelled',
      signalled: 'cancelled',
    });
    expect(sim.steps.has(1)).toBe(false);
    expect(world.timers(sim)).toEqual([]);
    expect(world.send(sim, cancel)).toEqual({ kind: 'refused', code: 'invalid_transition', message: 'already_cancelled' });
    expect(sim.log.at(-1)).toMatchObject({ type: 'workflow_cancelled', data: { code: 'cancelled' } });
  });

  it('ends what does not stop after the grace period', () => {
    const world = new World();
    const sim = run(world, [step('a'), step('items', { forEach: [1, 2] })]);
    for (const job of sim.liveJobs()) job.status = 'running';
    world.send(sim, cancel);
    world.pass(9_999);
    expect(sim.row.status).toBe('running');
    world.pass(1);
    expect(sim.row.status).toBe('cancelled');
    expect(sim.liveJobs()).toEqual([]);
    expect(faultsOf(sim)).toEqual([]);
  });

  it('takes a failure during the stop as one, and keeps the reason of the stop', () => {
    const world = new World();
    const sim = run(world, [step('a')]);
    for (const job of sim.liveJobs()) job.status = 'running';
    world.send(sim, cancel);
    world.finish(sim, 'a', { error: 'network' });
    expect(sim.row).toMatchObject({ status: 'cancelled', stepsFailed: 1, error: { code: 'cancelled' } });
  });

  it('lifts a pause', () => {
    const world = new World();
    const sim = run(world, [step('a')]);
    world.send(sim, { type: 'pause', by: 'ann' });
    world.send(sim, cancel);
    expect(sim.row).toMatchObject({ status: 'cancelled', paused: false });
  });

  it('ends an execution that was not admitted yet, and a late admission changes nothing', () => {
    const world = new World();
    const sim = world.start(world.define(workflow('flow', [step('a', undo)])), { hold: true });
    expect(sim.row.status).toBe('pending');
    world.send(sim, { type: 'pause', by: 'ann' });
    expect(sim.row.status).toBe('paused');
    world.send(sim, { type: 'resume', by: 'ann' });
    expect(sim.row.status).toBe('pending');
    world.send(sim, { ...cancel, code: 'concurrency' });
    world.send(sim, { type: 'admitted' });
    expect(sim.row).toMatchObject({ status: 'cancelled', error: { code: 'concurrency' }, stepsDone: 0 });
    expect(sim.jobs.size).toBe(0);
  });

  it('goes down to children and waits for them', () => {
    const world = new World();
    world.define(workflow('child', [step('c')]));
    const sim = run(world, [
      step('w', { task: 'workflow.run', with: { workflow: 'child' } }),
      step('e', { forEach: [1, 2], task: 'workflow.run', with: { workflow: 'child' } }),
    ]);
    const children = world.children(sim);
    expect(children).toHaveLength(3);
    for (const child of children) for (const job of child.liveJobs()) job.status = 'running';
    world.send(sim, cancel);
    expect(sim.row.status).toBe('waiting');
    for (const child of children) world.finish(child, 'c', { status: 'cancelled' });
    expect(children.map((child) => child.row.status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    expect(sim.row.status).toBe('cancelled');
    expect(sim.outcomes()).toEqual({ w: 'cancelled', e: 'cancelled' });
  });

  it('reaches steps that open in the same decision', () => {
    const world = new World();
    const sim = world.start(
      world.define(workflow('flow', [step('a'), step('e', { forEach: [1, 2] }), step('s', { task: 'sleep', with: { duration: '1h' } })])),
      { hold: true },
    );
    expect(world.deliver(sim, 0, { type: 'admitted' }, cancel)).toEqual({ kind: 'applied', message: 'cancelling' });
    world.settle();
    expect(sim.row.status).toBe('cancelled');
    expect(faultsOf(sim)).toEqual([]);
  });
});

describe('advance: deadline of the execution', () => {
  it('stops it as failed with timeout, and failure handlers run', () => {
    const world = new World();
    const sim = run(world, [step('a'), step('b', { needs: ['a'] })], {
      timeoutMs: 60_000,
      onFailure: [step('alarm', { if: '${{ execution.error.code == "timeout" }}' })],
    });
    expect(sim.row.deadlineAt).toBe(world.now + 60_000);
    for (const job of sim.liveJobs()) job.status = 'running';
    world.pass(60_000);
    expect(sim.row.stopping).toMatchObject({ as: 'failed', code: 'timeout' });
    expect(world.send(sim, cancel)).toEqual({ kind: 'replayed', message: 'already_stopping' });
    world.pass(10_000);
    expect(liveTasks(sim)).toEqual(['alarm']);
    world.finish(sim, 'alarm');
    expect(sim.row).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
  });

  it('does not cut compensations short', () => {
    const world = new World();
    const sim = run(world, [step('a', undo), step('b', { needs: ['a'] })], { timeoutMs: 60_000 });
    world.finish(sim, 'a');
    world.finish(sim, 'b', { error: 'network' });
    expect(world.timers(sim)).toEqual([]);
    world.send(sim, { type: 'timer', timer: 'execution_deadline', step: null, dueAt: world.now + 60_000 });
    expect(sim.row.phase).toBe('compensate');
  });
});

describe('advance: compensation and failure handlers', () => {
  const steps = [
    step('a', undo),
    step('b', { ...undo, needs: ['a'] }),
    step('c', { ...undo, needs: ['b'] }),
    step('d', { ...undo, needs: ['a'], if: '${{ false }}' }),
  ];

  it('undoes completed steps in reverse order, one at a time, then tells', () => {
    const world = new World();
    const sim = run(world, steps, {
      onFailure: [step('first'), step('never', { if: '${{ false }}' }), step('last', { task: 'emit', with: { event: 'failed' } })],
    });
    world.finish(sim, 'a');
    world.finish(sim, 'b');
    world.finish(sim, 'c', { error: 'network' });
    expect(sim.row).toMatchObject({ status: 'running', phase: 'compensate', error: { code: 'network' }, endedAt: null });
    expect(liveTasks(sim)).toEqual(['compensate:b']);
    world.finish(sim, 'compensate:b', { error: 'network' });
    expect(liveTasks(sim)).toEqual(['compensate:a']);
    world.finish(sim, 'compensate:a');
    expect(liveTasks(sim)).toEqual(['first']);
    world.finish(sim, 'first', { error: 'network' });
    expect(sim.row).toMatchObject({ status: 'failed', phase: 'done', stepsDone: 4, stepsCompleted: 2, stepsFailed: 1, error: { details: { stepId: 'c' } } });
    expect(sim.step('never')).toMatchObject({ status: 'skipped', skipReason: 'condition' });
    expect(sim.step('last').status).toBe('completed');
    expect(sim.steps.has(sim.plan.indexOf.get('compensate:c') as number)).toBe(false);
  });

  it('undoes after a cancel too, but tells nobody of a failure', () => {
    const world = new World();
    const sim = run(world, steps, { onFailure: [step('alarm')] });
    world.finish(sim, 'a');
    world.send(sim, cancel);
    expect(liveTasks(sim)).toEqual(['compensate:a']);
    expect(world.send(sim, cancel)).toEqual({ kind: 'replayed', message: 'already_cancelling' });
    // The end of the grace period of the stop is not for compensations.
    world.send(sim, { type: 'timer', timer: 'force_stop', step: null, dueAt: world.now });
    expect(liveTasks(sim)).toEqual(['compensate:a']);
    world.finish(sim, 'compensate:a');
    expect(sim.row).toMatchObject({ status: 'cancelled', phase: 'done' });
    expect(sim.step('alarm').status).toBe('pending');
  });

  it('a cancel while it compensates ends that too', () => {
    const world = new World();
    const sim = run(world, steps, { onFailure: [step('alarm')] });
    world.finish(sim, 'a');
    world.finish(sim, 'b', { error: 'network' });
    for (const job of sim.liveJobs()) job.status = 'running';
    expect(world.send(sim, cancel)).toEqual({ kind: 'applied', message: 'cancelling' });
    expect(sim.row.phase).toBe('compensate');
    world.pass(10_000);
    expect(sim.row).toMatchObject({ status: 'cancelled', phase: 'done', error: { code: 'cancelled' } });
    expect(sim.step('compensate:a').status).toBe('cancelled');
    expect(faultsOf(sim)).toEqual([]);
  });

  it('handlers may work on lists and wait', () => {
    const world = new World();
    const sim = run(world, [step('a')], {
      onFailure: [step('each', { forEach: ['x', 'y', 'z'], maxParallel: 1 }), step('nap', { task: 'sleep', with: { duration: '1s' } })],
    });
    world.finish(sim, 'a', { error: 'network' });
    for (const item of [0, 1, 2]) world.finish(sim, 'each', { item, output: item });
    expect(sim.row.status).toBe('waiting');
    world.pass(1_000);
    expect(sim.row.status).toBe('failed');
    expect(sim.output('each')).toEqual([0, 1, 2]);
  });

  it('undoes when only the output of the whole fails', () => {
    const world = new World();
    const sim = run(world, [step('a', undo)], { output: '${{ steps.a.output.x.y }}' });
    world.finish(sim, 'a', { output: {} });
    expect(liveTasks(sim)).toEqual(['compensate:a']);
  });
});

describe('advance: retry', () => {
  it('runs failed steps and what was skipped because of them again, and nothing that completed', () => {
    const world = new World();
    const sim = run(
      world,
      [
        step('ok'),
        step('bad', { needs: ['ok'] }),
        step('next', { needs: ['bad'] }),
        step('far', { needs: ['next', 'ok'] }),
        step('handler', { needs: ['bad'], when: 'one_failed' }),
        step('fine', { needs: ['bad'], when: 'all_done', continueOnError: true }),
        step('no', { needs: ['bad'], when: 'all_done', if: '${{ success() }}' }),
        step('off', { needs: ['ok'], if: '${{ false }}' }),
        step('after_off', { needs: ['off'] }),
      ],
      { timeoutMs: 60_000 },
    );
    world.finish(sim, 'ok');
    world.finish(sim, 'bad', { error: 'network' });
    world.finish(sim, 'handler');
    expect(world.send(sim, retry)).toEqual({ kind: 'refused', code: 'invalid_transition', message: 'still_running' });
    world.finish(sim, 'fine', { error: 'network' });
    expect(sim.outcomes()).toEqual({
      ok: 'completed',
      bad: 'failed',
      next: 'skipped:upstream_failed',
      far: 'skipped:upstream_failed',
      handler: 'completed',
      fine: 'failed',
      no: 'skipped:condition',
      off: 'skipped:condition',
      after_off: 'skipped:upstream_skipped',
    });
    world.now += 100_000;
    expect(world.send(sim, retry)).toEqual({ kind: 'applied', message: 'retrying' });
    expect(sim.row).toMatchObject({
      status: 'running',
      phase: 'main',
      error: null,
      endedAt: null,
      retries: 1,
      stepsDone: 5,
      stepsFailed: 0,
      deadlineAt: world.now + 60_000,
    });
    expect(sim.log.at(-1)).toEqual({ type: 'workflow_started', data: { retry: 1 } });
    expect(liveTasks(sim)).toEqual(['bad']);
    expect(faultsOf(sim)).toEqual([]);
    for (const id of ['bad', 'next', 'no', 'far']) world.finish(sim, id);
    expect(sim.row.status).toBe('completed');
    expect(sim.outcomes()).toMatchObject({ handler: 'completed', fine: 'failed', no: 'completed', off: 'skipped:condition' });
    expect(world.send(sim, retry)).toEqual({ kind: 'refused', code: 'invalid_transition', message: 'already_completed' });
  });

  it('takes up a cancelled run where it stood', () => {
    const world = new World();
    const sim = run(world, [step('a'), step('b', { needs: ['a'] }), step('c', { needs: ['b'] }), step('w', { task: 'sleep', with: { duration: '1m' } })]);
    for (const job of sim.liveJobs()) job.status = 'running';
    world.send(sim, cancel);
    world.finish(sim, 'a');
    expect(sim.row.status).toBe('cancelled');
    world.send(sim, retry);
    expect(liveTasks(sim)).toEqual(['b']);
    expect(sim.step('w').wait).toMatchObject({ until: world.now + 60_000 });
    world.finish(sim, 'b');
    world.finish(sim, 'c');
    world.pass(60_000);
    expect(sim.row).toMatchObject({ status: 'completed', error: null, stepsCompleted: 4 });
  });

  it('is refused when compensations have undone what completed', () => {
    const world = new World();
    const sim = run(world, [step('a', undo), step('b', { needs: ['a'] })]);
    world.finish(sim, 'a');
    world.finish(sim, 'b', { error: 'network' });
    world.finish(sim, 'compensate:a');
    expect(world.send(sim, retry)).toMatchObject({ kind: 'refused', code: 'invalid_transition', message: expect.stringContaining('compensate:a') });
  });

  it('lets a failed compensation and a failed handler run again in the next round', () => {
    const world = new World();
    const sim = run(world, [step('a', undo), step('b', { needs: ['a'] })], { onFailure: [step('alarm'), step('told')] });
    world.finish(sim, 'a');
    for (const round of [0, 1]) {
      world.finish(sim, 'b', { error: 'network' });
      world.finish(sim, 'compensate:a', { error: 'network' });
      world.finish(sim, 'alarm', { error: 'network' });
      if (round === 0) world.finish(sim, 'told');
      expect(sim.row).toMatchObject({ status: 'failed', retries: round });
      if (round === 0) world.send(sim, retry);
    }
  });

  it('can be cancelled before it has begun', () => {
    const world = new World({ maxChanges: 40 });
    const sim = run(
      world,
      Array.from({ length: 60 }, (_, i) => step(`s${i}`)),
    );
    for (let i = 0; i < 60; i++) world.finish(sim, `s${i}`, { error: 'network' });
    world.deliver(sim, 0, retry);
    expect(sim.row.openWork).toBe(1);
    world.deliver(sim, 0, cancel);
    world.settle();
    expect(sim.row).toMatchObject({ status: 'cancelled', stepsDone: 0, openWork: 0 });
    world.send(sim, retry);
    expect(sim.liveJobs()).toHaveLength(60);
  });
});

describe('advance: fork', () => {
  it('takes over what lies outside the fork and runs the rest', () => {
    const world = new World();
    const plan = world.define(
      workflow('flow', [
        step('a'),
        step('e', { forEach: [1, 2] }),
        step('b', { needs: ['a'] }),
        step('c', { needs: ['b', 'e'] }),
        step('lost', { continueOnError: true }),
        step('off', { if: '${{ false }}' }),
      ]),
    );
    const sim = world.start(plan);
    world.settle();
    world.finish(sim, 'a', { output: 'A' });
    world.finish(sim, 'b', { output: 'B' });
    for (const item of [0, 1]) world.finish(sim, 'e', { item, output: item });
    world.finish(sim, 'lost', { error: 'network' });
    world.finish(sim, 'c', { output: 'C' });
    const fork = world.start(plan, { fork: { of: sim, step: 'b' } });
    world.settle();
    expect(liveTasks(fork).sort()).toEqual(['b', 'lost']);
    expect(fork.step('a')).toMatchObject({ status: 'completed', reused: true, output: { kind: 'inline', json: '"A"' } });
    expect(fork.step('e')).toMatchObject({ reused: true, output: { kind: 'inline', json: '[0,1]' } });
    expect(fork.log.find((event) => event.stepId === 'a')).toEqual({ type: 'step_completed', stepId: 'a', data: { reused: true } });
    expect(fork.outcomes().off).toBe('skipped:condition');
    for (const id of ['b', 'lost', 'c']) world.finish(fork, id, { output: id });
    expect(fork.output()).toEqual({ c: 'c', lost: 'lost' });
  });

  it('does not take over more than fits into one output', () => {
    const world = new World({ twice: false });
    const plan = world.define(workflow('flow', [step('e', { forEach: [1, 2] }), step('b', { needs: ['e'] })], { output: null }));
    const sim = world.start(plan);
    world.settle();
    for (const item of [0, 1]) world.finish(sim, 'e', { item, output: 'x'.repeat(9_000_000) });
    world.finish(sim, 'b');
    const fork = world.start(plan, { fork: { of: sim, step: 'b' } });
    world.settle();
    expect(fork.step('e').error).toMatchObject({ code: 'output_too_large', nextActions: ['Use restart instead of fork.'] });
  });

  it('keeps big values by reference and does not undo what it took over', () => {
    const world = new World();
    const plan = world.define(workflow('flow', [step('a', undo), step('b', { needs: ['a'] })]));
    const sim = world.start(plan);
    world.settle();
    sim.inbox.push({
      type: 'job_settled',
      step: 0,
      item: null,
      status: 'completed',
      output: { kind: 'artifact', id: 'art_1', bytes: 9 },
      error: null,
      attempts: 1,
      startedAt: null,
    });
    for (const job of sim.liveJobs()) job.status = 'completed';
    world.settle();
    const fork = world.start(plan, { fork: { of: sim, step: 'b' } });
    world.settle();
    expect(fork.step('a').output).toEqual({ kind: 'artifact', id: 'art_1', bytes: 9 });
    world.finish(fork, 'b', { error: 'network' });
    expect(fork.row.status).toBe('failed');
    expect(fork.jobs.size).toBe(1);
  });
});
