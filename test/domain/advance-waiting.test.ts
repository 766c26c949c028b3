import { describe, expect, it } from 'vitest';
import type { ExecutionEvent } from '../../src/domain/transition.ts';
import type { WorkflowStep } from '../../src/domain/workflow-step.ts';
import { type Sim, step, World, workflow } from '../support/advance-driver.ts';

function waiting(world: World, fields: Partial<WorkflowStep>, input = {}): Sim {
  const sim = world.start(world.define(workflow('flow', [step('w', fields)])), { input });
  world.settle();
  return sim;
}

const signal = (name: string, payload: number, signalId = `id-${payload}`): ExecutionEvent => ({ type: 'signal', name, payload, signalId, by: 'me' });

describe('advance: sleep', () => {
  it('waits without a worker and wakes by its timer', () => {
    const world = new World();
    const sim = waiting(world, { task: 'sleep', with: { duration: '${{ input.how }}' } }, { how: '30s' });
    expect(sim.row).toMatchObject({ status: 'waiting', stepsWaiting: 1, stepsRunning: 0 });
    expect(sim.types()).toEqual(['workflow_started', 'step_started w', 'workflow_waiting']);
    expect(sim.step('w')).toMatchObject({ status: 'waiting', startedAt: world.now, wait: { kind: 'timer', until: world.now + 30_000 } });
    // A timer of an earlier wait changes nothing.
    world.send(sim, { type: 'timer', timer: 'wake', step: 0, dueAt: world.now + 29_999 });
    expect(sim.step('w').status).toBe('waiting');
    world.pass(30_000);
    expect(sim.row.status).toBe('completed');
    expect(sim.log.find((event) => event.type === 'step_completed')?.data).toEqual({ duration_ms: 30_000 });
  });

  it('until a time: waits for it, and does not when it is past', () => {
    const world = new World();
    world.now = Date.parse('2026-11-21T10:00:00Z');
    const sim = waiting(world, { task: 'sleepUntil', with: { until: '2026-11-21T11:00:01+01:00' } });
    expect(world.timers(sim)).toEqual([{ timer: 'wake', step: 0, dueAt: world.now + 1_000 }]);
    expect(waiting(world, { task: 'sleepUntil', with: { until: world.now - 1 } }).row.status).toBe('completed');
  });

  it('ends with the shorter one of its time and its limit', () => {
    const world = new World();
    const sim = waiting(world, { task: 'sleep', with: { duration: '30s' }, timeoutMs: 9_000, deadlineMs: 7_000 });
    world.pass(7_000);
    expect(sim.step('w')).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
    expect(world.timers(sim)).toEqual([]);
  });

  it.each([
    ['sleep', { duration: 'soon' }, 'with.duration'],
    ['sleepUntil', { until: '2026-11-21T10:00:00' }, 'with.until'],
    ['wait.signal', {}, 'with.name'],
    ['wait.approval', { message: '' }, 'with.message'],
    ['wait.event', { event: 'x', extra: 1 }, 'with'],
    ['emit', { event: 7 }, 'with.event'],
    ['workflow.run', { workflow: 'x', version: 0 }, 'with.version'],
  ])('%s refuses the input %j', (task, input, path) => {
    const world = new World();
    const sim = waiting(world, { task, with: input });
    expect(sim.step('w').error).toMatchObject({ code: 'invalid_input', path });
    expect(sim.row.status).toBe('failed');
  });

  it('fails when its input cannot be rendered', () => {
    const world = new World();
    expect(waiting(world, { task: 'sleep', with: { duration: '${{ input.nothing.here }}' } }).step('w').error?.code).toBe('unresolved_reference');
  });
});

describe('advance: wait.signal', () => {
  it('is completed by the signal of its name', () => {
    const world = new World();
    const sim = waiting(world, { task: 'wait.signal', with: { name: 'go' } });
    expect(world.send(sim, signal('stop', 1))).toEqual({ kind: 'applied', message: 'buffered' });
    expect(sim.step('w').status).toBe('waiting');
    expect(world.send(sim, signal('go', 2))).toEqual({ kind: 'applied', message: 'delivered' });
    expect(sim.output('w')).toBe(2);
    expect(sim.waiters.size).toBe(0);
    expect(world.send(sim, signal('go', 3))).toEqual({ kind: 'refused', code: 'invalid_transition', message: 'already_completed' });
  });

  it('counts a signal id once', () => {
    const world = new World();
    const sim = waiting(world, { task: 'wait.signal', with: { name: 'go' } });
    world.send(sim, signal('later', 1, 'same'));
    expect(world.send(sim, signal('go', 2, 'same'))).toEqual({ kind: 'replayed', message: 'already_signalled' });
    expect(sim.step('w').status).toBe('waiting');
  });

  it('takes buffered signals in their order, each once', () => {
    const world = new World();
    const wait = { task: 'wait.signal', with: { name: 'go' }, needs: ['gate'] };
    const sim = world.start(world.define(workflow('flow', [step('gate'), step('x', wait), step('y', wait), step('z', wait)])));
    world.settle();
    for (const payload of [1, 2]) world.send(sim, signal('go', payload));
    world.finish(sim, 'gate');
    expect([sim.output('x'), sim.output('y'), sim.output('z')].filter((value) => value !== null).sort()).toEqual([1, 2]);
    expect(sim.row.stepsWaiting).toBe(1);
    world.send(sim, signal('go', 3));
    expect([sim.output('x'), sim.output('y'), sim.output('z')].sort()).toEqual([1, 2, 3]);
    expect(sim.row.status).toBe('completed');
  });

  it('reaches a step that starts in the same decision, before or after it', () => {
    const world = new World();
    const wait = { task: 'wait.signal', with: { name: 'go' } };
    const first = world.start(world.define(workflow('flow', [step('w', wait)])), { hold: true });
    world.deliver(first, 0, signal('go', 1), { type: 'admitted' });
    world.settle();
    expect(first.output('w')).toBe(1);
    expect(first.signals).toMatchObject([{ consumed: true }]);
    const second = world.start(first.plan, { hold: true });
    world.deliver(second, 0, { type: 'admitted' }, signal('go', 2));
    world.settle();
    expect(second.row.status).toBe('completed');
  });

  it('fails when none comes in time', () => {
    const world = new World();
    const sim = waiting(world, { task: 'wait.signal', with: { name: 'go' }, timeoutMs: 500 });
    expect(sim.step('w').wait).toEqual({ kind: 'signal', name: 'go', until: world.now + 500 });
    world.send(sim, { type: 'timer', timer: 'wait_timeout', step: 0, dueAt: world.now + 499 });
    expect(sim.step('w').status).toBe('waiting');
    world.pass(500);
    expect(sim.step('w').error).toMatchObject({ code: 'timeout', message: 'What it waited for did not come within 500 ms.' });
  });
});

describe('advance: wait.event and emit', () => {
  it('completes with the payload of a matching event', () => {
    const world = new World();
    const listener = waiting(world, { task: 'wait.event', with: { event: 'deployed', match: { env: 'production' } } });
    expect(listener.waiters.get(0)).toEqual({ kind: 'event', name: 'deployed', match: { env: 'production' } });
    const sender = waiting(world, { task: 'emit', with: { event: 'deployed', payload: { env: 'production', n: 1 } } });
    expect(world.broadcasts).toEqual([{ name: 'deployed', payload: { env: 'production', n: 1 } }]);
    expect(sender.output('w')).toEqual({ event: 'deployed' });
    expect(listener.output('w')).toEqual({ env: 'production', n: 1 });
  });

  it('ignores an event of another name', () => {
    const world = new World();
    const sim = waiting(world, { task: 'wait.event', with: { event: 'deployed' } });
    world.send(sim, { type: 'event_matched', step: 0, name: 'other', payload: null });
    expect(sim.step('w').status).toBe('waiting');
  });
});

describe('advance: wait.approval', () => {
  const ask = { task: 'wait.approval', with: { message: 'Publish ${{ input.what }}?', details: { to: 'all' } } };
  const yes = { type: 'approve', stepId: 'w', approved: true, comment: 'Fine.', digest: null, by: 'ann', actor: 'human' } as const;

  it('asks with a digest of what is approved and takes the answer of a person once', () => {
    const world = new World();
    const sim = waiting(world, ask, { what: 'it' });
    const { wait } = sim.step('w');
    expect(wait).toMatchObject({
      kind: 'approval',
      message: 'Publish it?',
      by: 'human',
      digest: expect.stringMatching(/^[0-9a-f]{16}$/),
      until: world.now + 86_400_000,
    });
    const digest = (wait as { digest: string }).digest;
    expect(sim.log.find((event) => event.type === 'approval_requested')).toEqual({
      type: 'approval_requested',
      stepId: 'w',
      data: { message: 'Publish it?', by: 'human', digest, until: world.now + 86_400_000 },
    });
    expect(world.send(sim, { ...yes, actor: 'agent' })).toMatchObject({ kind: 'refused', code: 'forbidden' });
    expect(world.send(sim, { ...yes, digest: '0000000000000000' })).toMatchObject({ kind: 'refused', code: 'conflict' });
    expect(sim.step('w').status).toBe('waiting');
    expect(world.send(sim, { ...yes, digest })).toEqual({ kind: 'applied', message: 'approved' });
    expect(sim.output('w')).toEqual({ approved: true, by: 'ann', comment: 'Fine.', decidedAt: world.now });
    expect(sim.types()).toContain('approval_decided w');
    expect(world.send(sim, { ...yes, approved: false })).toEqual({ kind: 'replayed', message: 'already_decided' });
    expect(sim.output('w')).toMatchObject({ approved: true });
  });

  it('has another digest for another request', () => {
    const world = new World();
    const digests = ['a', 'b', 'a'].map((what) => waiting(world, ask, { what }).step('w').wait).map((wait) => (wait as { digest: string }).digest);
    expect(digests[0]).toBe(digests[2]);
    expect(digests[0]).not.toBe(digests[1]);
  });

  it('a rejection completes the step and the workflow decides', () => {
    const world = new World();
    const plan = world.define(
      workflow('flow', [
        step('w', { task: 'wait.approval', with: { message: 'Go?', by: 'any' } }),
        step('publish', { needs: ['w'], if: '${{ steps.w.output.approved }}' }),
      ]),
    );
    const sim = world.start(plan);
    expect(world.send(sim, { ...yes, stepId: null, approved: false, comment: null, actor: 'agent' })).toEqual({ kind: 'applied', message: 'rejected' });
    expect(sim.outcomes()).toEqual({ w: 'completed', publish: 'skipped:condition' });
  });

  it('names what can be decided when that is not clear', () => {
    const world = new World();
    const sim = world.start(world.define(workflow('flow', [step('w', ask), step('v', ask), step('t')])), { input: { what: 'it' } });
    expect(world.send(sim, { ...yes, stepId: null })).toEqual({
      kind: 'refused',
      code: 'conflict',
      message: '2 steps wait for an approval; name one of: w, v.',
    });
    expect(world.send(sim, { ...yes, stepId: 'x' })).toMatchObject({ kind: 'refused', code: 'not_found' });
    expect(world.send(sim, { ...yes, stepId: 't' })).toEqual({
      kind: 'refused',
      code: 'invalid_transition',
      message: 'Step "t" does not wait for an approval; it is ready.',
    });
    world.send(sim, yes);
    expect(world.send(sim, { ...yes, stepId: null })).toMatchObject({ kind: 'applied' });
    expect(world.send(sim, { ...yes, stepId: null })).toEqual({ kind: 'refused', code: 'invalid_transition', message: 'No step waits for an approval.' });
  });

  it('expires after 24 hours, or its own limit', () => {
    const world = new World();
    const sim = waiting(world, ask, { what: 'it' });
    const short = waiting(world, { ...ask, timeoutMs: 60_000 }, { what: 'it' });
    world.pass(60_000);
    expect(short.step('w').error).toMatchObject({ code: 'timeout', message: 'Nobody decided within 60000 ms.' });
    world.pass(86_400_000 - 60_001);
    expect(sim.step('w').status).toBe('waiting');
    world.pass(1);
    expect(sim.step('w').error?.code).toBe('timeout');
  });
});

describe('advance: workflow.run', () => {
  const child = workflow('child', [step('c')], { output: { said: '${{ input.word }}' } });
  const start = (world: World, fields: Partial<WorkflowStep> = {}, depth = 0): Sim => {
    world.define(child);
    const plan = world.define(
      workflow('flow', [step('w', { task: 'workflow.run', with: { workflow: 'child', input: { word: '${{ input.word }}' } }, ...fields })]),
    );
    const sim = world.start(plan, { input: { word: 'hi' }, depth });
    world.settle();
    return sim;
  };

  it('completes with the output of its child', () => {
    const world = new World();
    const sim = start(world);
    const [only] = world.children(sim) as [Sim];
    expect(only.row).toMatchObject({ input: { word: 'hi' }, depth: 1, parent: { executionId: sim.row.id, stepIndex: 0, itemIndex: null } });
    expect(sim.step('w').wait).toEqual({ kind: 'child', executionId: only.row.id });
    world.finish(only, 'c');
    expect(sim.output('w')).toEqual({ said: 'hi' });
    expect(sim.row.status).toBe('completed');
  });

  it('fails with the error of its child', () => {
    const world = new World();
    const sim = start(world);
    world.finish(world.children(sim)[0] as Sim, 'c', { error: 'network' });
    expect(sim.step('w').error).toMatchObject({ code: 'child_failed', details: { error: { code: 'network' } } });
  });

  it('fails when its child is cancelled by somebody else', () => {
    const world = new World();
    const sim = start(world);
    world.send(world.children(sim)[0] as Sim, { type: 'cancel', reason: 'No.', code: 'cancelled', by: 'ann' });
    expect(sim.row).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
  });

  it('cancels a child that takes too long, and does not listen to it any more', () => {
    const world = new World();
    const sim = start(world, { timeoutMs: 1_000, continueOnError: true });
    world.pass(1_000);
    expect(sim.step('w')).toMatchObject({ status: 'failed', tolerated: true, error: { code: 'timeout' } });
    expect(world.children(sim)[0]?.row).toMatchObject({ status: 'cancelled', error: { code: 'timeout' } });
    expect(sim.row.status).toBe('completed');
  });

  it('after a retry listens to its new child only', () => {
    const world = new World();
    const sim = start(world, { timeoutMs: 1_000 });
    const [old] = world.children(sim) as [Sim];
    for (const job of old.liveJobs()) job.status = 'running';
    world.pass(1_000);
    expect(sim.row.status).toBe('failed');
    world.send(sim, { type: 'retry', by: 'me' });
    world.finish(old, 'c', { status: 'cancelled' });
    expect(old.row.status).toBe('cancelled');
    expect(sim.step('w').status).toBe('waiting');
    world.finish(world.children(sim)[1] as Sim, 'c');
    expect(sim.row.status).toBe('completed');
  });

  it('a child that is retried later does not tell its parent again', () => {
    const world = new World();
    const sim = start(world);
    const [only] = world.children(sim) as [Sim];
    world.finish(only, 'c', { error: 'network' });
    world.send(only, { type: 'retry', by: 'me' });
    world.finish(only, 'c');
    expect(only.row.status).toBe('completed');
    expect(sim.row.status).toBe('failed');
  });

  it.each([
    [{ workflow: 'nowhere' }, 'There is no workflow nowhere.'],
    [{ workflow: 'child', version: 9 }, 'There is no workflow child version 9.'],
  ])('fails when %j does not exist', (input, message) => {
    const world = new World();
    expect(start(world, { with: input }).step('w').error).toMatchObject({ code: 'not_found', message });
  });

  it('is nested 16 deep at most', () => {
    const world = new World();
    expect(start(world, {}, 15).row.status).toBe('waiting');
    expect(start(world, {}, 16).step('w').error?.code).toBe('limit_exceeded');
  });
});
