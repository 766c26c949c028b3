import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { AGENT, engineFor, HUMAN, heldTask, nextEvent, refusal, tempFolder, until } from '../support/test-engine.ts';

const start = async (engine: OrchestrationEngine, definition: JsonObject, input: JsonObject = {}): Promise<string> =>
  (await engine.workflows.start({ definition, input }, HUMAN)).executionId;
const ended = (engine: OrchestrationEngine, ...ids: string[]): Promise<unknown> => engine.wait({ ids, timeoutMs: 10_000 });
const status = (engine: OrchestrationEngine, id: string): string | undefined => engine.backend.getExecution(id)?.status;
const step = (engine: OrchestrationEngine, executionId: string, stepId: string): NonNullable<ReturnType<OrchestrationEngine['backend']['getStep']>> =>
  engine.backend.getStep({ executionId, stepId }) as never;
const output = (engine: OrchestrationEngine, executionId: string): Json | undefined => engine.backend.getOutput({ executionId, stepId: null });

/** Counts its runs per label; fails while the label is in `broken`. */
function counted(): { task: ReturnType<typeof defineTask>; runs: Record<string, number>; broken: Set<string> } {
  const runs: Record<string, number> = {};
  const broken = new Set<string>();
  const task = defineTask({
    type: 'count',
    run: (input) => {
      const label = String((input as JsonObject).label);
      runs[label] = (runs[label] ?? 0) + 1;
      if (broken.has(label)) throw Object.assign(new Error(`${label} is broken`), { code: 'E_BROKEN' });
      return label;
    },
  });
  return { task, runs, broken };
}
const count = (id: string, more: JsonObject = {}): JsonObject => ({ id, task: 'count', with: { label: id }, retry: 1, ...more });

describe.each(['memory', 'file'])('control on a %s', (place) => {
  const config = (): { dataDir?: string } => (place === 'file' ? { dataDir: tempFolder() } : {});

  it('pause lets what runs end and starts nothing new; resume goes on', async () => {
    const held = heldTask();
    const { task, runs } = counted();
    const engine = await engineFor(config(), { tasks: [held, task] });
    const id = await start(engine, { name: 'w', steps: [{ id: 'a', task: 'held' }, count('b', { needs: ['a'] })] });
    await held.reached(1);
    expect((await engine.tasks.pause(id, HUMAN)).status).toBe('paused');
    expect((await engine.tasks.pause(id, HUMAN)).replayed).toBe(true);
    const completed = nextEvent(engine, 'step_completed');
    held.release('kept');
    await completed;
    expect([status(engine, id), step(engine, id, 'a').status, runs.b]).toEqual(['paused', 'completed', undefined]);
    await engine.tasks.resume(id, HUMAN);
    await ended(engine, id);
    expect([status(engine, id), runs.b]).toEqual(['completed', 1]);
    expect((await refusal(engine.tasks.resume(id, HUMAN))).code).toBe('invalid_transition');
  });

  it('cancel stops what runs, skips the rest, undoes what was done, and is final', async () => {
    const held = heldTask();
    const { task, runs } = counted();
    const engine = await engineFor(config(), { tasks: [held, task] });
    const undo = (label: string): JsonObject => ({ compensate: { task: 'count', with: { label } } });
    const id = await start(engine, {
      name: 'w',
      steps: [
        count('a', undo('undo-a')),
        count('b', { needs: ['a'], ...undo('undo-b') }),
        { id: 'c', task: 'held', needs: ['b'] },
        count('d', { needs: ['c'] }),
      ],
    });
    await held.reached(1);
    const undone: string[] = [];
    engine.on('step_completed', (event) => void (event.stepId?.startsWith('compensate:') && undone.push(event.stepId)));
    await engine.tasks.cancel(id, 'not wanted', HUMAN);
    await ended(engine, id);
    expect(engine.backend.getExecution(id)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled', message: 'not wanted' } });
    expect(held.held[0]?.context.signal.aborted).toBe(true);
    expect(runs).toEqual({ a: 1, b: 1, 'undo-a': 1, 'undo-b': 1 });
    expect(step(engine, id, 'd').status).toBe('cancelled');
    await new Promise((resolve) => setImmediate(resolve));
    expect(undone).toEqual(['compensate:b', 'compensate:a']);
    expect((await refusal(engine.tasks.cancel(id, 'again', HUMAN))).message).toMatch(/already_cancelled/);
  });

  it('retry runs failed steps again and no completed one; onFailure ran before', async () => {
    const { task, runs, broken } = counted();
    broken.add('b');
    const engine = await engineFor(config(), { tasks: [task] });
    const id = await start(engine, {
      name: 'w',
      steps: [count('a'), count('b', { needs: ['a'] }), count('c', { needs: ['b'] })],
      onFailure: [count('alarm')],
      output: '${{ steps.c.output }}',
    });
    await ended(engine, id);
    expect(engine.backend.getExecution(id)).toMatchObject({ status: 'failed', error: { code: 'E_BROKEN' } });
    expect([step(engine, id, 'c').status, step(engine, id, 'c').skipReason, runs]).toEqual(['skipped', 'upstream_failed', { a: 1, b: 1, alarm: 1 }]);
    broken.clear();
    await engine.tasks.retry(id, HUMAN);
    await ended(engine, id);
    expect([status(engine, id), output(engine, id), runs]).toEqual(['completed', 'c', { a: 1, b: 2, c: 1, alarm: 1 }]);
  });

  it('fork reuses what does not follow from the step, restart reuses nothing', async () => {
    const { task, runs } = counted();
    const engine = await engineFor(config(), { tasks: [task] });
    const id = await start(engine, {
      name: 'w',
      steps: [count('a'), count('b', { needs: ['a'] }), count('c', { needs: ['b'] }), count('side')],
      output: ['${{ steps.a.output }}', '${{ steps.c.output }}'],
    });
    await ended(engine, id);
    const fork = await engine.tasks.fork(id, 'b', HUMAN);
    expect(fork).toMatchObject({ reused: ['a', 'side'], reexecuted: ['b', 'c'] });
    await ended(engine, fork.executionId);
    expect([output(engine, fork.executionId), runs]).toEqual([['a', 'c'], { a: 1, b: 2, c: 2, side: 1 }]);
    expect(step(engine, fork.executionId, 'a').reused).toBe(true);
    const restart = await engine.tasks.restart(id, HUMAN);
    await ended(engine, restart.executionId);
    expect(runs).toEqual({ a: 2, b: 3, c: 3, side: 2 });
    expect(await refusal(engine.tasks.fork(id, 'sid', HUMAN))).toMatchObject({ code: 'not_found', nearMatches: ['side'] });
    for (const missing of [engine.tasks.fork('exec_x', 'a', HUMAN), engine.tasks.restart('exec_x', HUMAN), engine.tasks.pause('exec_x', HUMAN)])
      expect((await refusal(missing)).code).toBe('not_found');
  });

  it('signals wait for their step, count once by id, and keep their order', async () => {
    const engine = await engineFor(config());
    const wait = (id: string, needs: string[] = []): JsonObject => ({ id, task: 'wait.signal', needs, with: { name: 'go' } });
    const id = await start(engine, {
      name: 'w',
      steps: [{ id: 'first', task: 'wait.signal', with: { name: 'start' } }, wait('one', ['first']), wait('two', ['one'])],
      output: ['${{ steps.one.output }}', '${{ steps.two.output }}'],
    });
    expect((await engine.tasks.signal(id, { name: 'go', payload: 1, signalId: 's1' }, AGENT)).message).toBe('buffered');
    expect(await engine.tasks.signal(id, { name: 'go', payload: 9, signalId: 's1' }, AGENT)).toMatchObject({ replayed: true });
    expect((await engine.tasks.signal(id, { name: 'start' }, AGENT)).message).toBe('delivered');
    await until(engine, () => step(engine, id, 'two').status === 'waiting');
    await engine.tasks.signal(id, { name: 'go', payload: { n: 2 } }, AGENT);
    await ended(engine, id);
    expect(output(engine, id)).toEqual([1, { n: 2 }]);
    expect((await refusal(engine.tasks.signal(id, { name: 'go' }, AGENT))).code).toBe('invalid_transition');
    expect((await refusal(engine.tasks.signal(id, { nam: 'go' } as never, AGENT))).code).toBe('invalid_input');
  });

  it('an approval is for people, for what was shown, and for once', async () => {
    const engine = await engineFor(config());
    const ask = (id: string, by: string): JsonObject => ({ id, task: 'wait.approval', with: { message: 'Ship ${{ input.what }}?', by } });
    const id = await start(
      engine,
      {
        name: 'w',
        steps: [ask('person', 'human'), ask('anybody', 'any')],
        output: ['${{ steps.person.output.approved }}', '${{ steps.anybody.output.approved }}'],
      },
      { what: 'it' },
    );
    await until(engine, () => step(engine, id, 'anybody').status === 'waiting');
    const { wait } = step(engine, id, 'person');
    const digest = wait?.kind === 'approval' ? wait.digest : '';
    expect(wait).toMatchObject({ message: 'Ship it?' });
    expect((await refusal(engine.tasks.approve(id, { approved: true }, HUMAN))).code).toBe('conflict');
    expect((await refusal(engine.tasks.approve(id, { step: 'person', approved: true }, AGENT))).code).toBe('forbidden');
    expect((await refusal(engine.tasks.approve(id, { step: 'person', approved: true, digest: 'other' }, HUMAN))).code).toBe('conflict');
    expect((await refusal(engine.tasks.approve(id, { step: 'nobody', approved: true }, HUMAN))).code).toBe('not_found');
    expect((await refusal(engine.tasks.approve(id, { approved: 'yes' as never }, HUMAN))).code).toBe('invalid_input');
    await engine.tasks.approve(id, { step: 'person', approved: true, digest, comment: 'fine' }, HUMAN);
    await engine.tasks.approve(id, { approved: false }, AGENT);
    await ended(engine, id);
    expect(output(engine, id)).toEqual([true, false]);
    expect(await engine.tasks.approve(id, { step: 'person', approved: false }, HUMAN)).toMatchObject({ replayed: true });
  });

  it('events wake steps: one emitted elsewhere that fits, and one of the engine', async () => {
    const engine = await engineFor(config());
    const listener = await start(engine, {
      name: 'listener',
      steps: [
        { id: 'mine', task: 'wait.event', with: { event: 'deployed', match: { to: 'production' } } },
        { id: 'engine', task: 'wait.event', with: { event: 'workflow_completed', match: { workflow: 'emitter' } } },
      ],
      output: ['${{ steps.mine.output.n }}', '${{ steps.engine.output.execution_id }}'],
    });
    await until(engine, () => status(engine, listener) === 'waiting');
    const emitter = await start(engine, {
      name: 'emitter',
      steps: [
        { id: 'not', task: 'emit', with: { event: 'deployed', payload: { to: 'staging', n: 1 } } },
        { id: 'yes', task: 'emit', needs: ['not'], with: { event: 'deployed', payload: { to: 'production', n: 2 } } },
      ],
    });
    await ended(engine, listener);
    expect(output(engine, listener)).toEqual([2, emitter]);
  });

  it('children: output goes up, failure goes up, cancel goes down', async () => {
    const held = heldTask();
    const { task, broken } = counted();
    const engine = await engineFor(config(), { tasks: [held, task] });
    await engine.workflows.create({
      name: 'child',
      steps: [{ id: 'x', task: 'echo', with: { value: '${{ input.n * 2 }}' } }],
      output: '${{ steps.x.output }}',
    });
    await engine.workflows.create({ name: 'bad', steps: [count('x')] });
    await engine.workflows.create({ name: 'long', steps: [{ id: 'x', task: 'held' }] });
    broken.add('x');
    const many = await start(engine, {
      name: 'many',
      steps: [{ id: 'run', task: 'workflow.run', forEach: [1, 2, 3], with: { workflow: 'child', input: { n: '${{ item }}' } } }],
      output: '${{ steps.run.output }}',
    });
    const bad = await start(engine, { name: 'parent', steps: [{ id: 'run', task: 'workflow.run', with: { workflow: 'bad' } }] });
    await ended(engine, many, bad);
    expect(output(engine, many)).toEqual([2, 4, 6]);
    expect(engine.backend.getExecution(bad)).toMatchObject({ status: 'failed', error: { code: 'child_failed' } });
    expect(step(engine, bad, 'run').error?.details).toMatchObject({ error: { code: 'E_BROKEN' } });
    const parent = await start(engine, { name: 'parent', steps: [{ id: 'run', task: 'workflow.run', with: { workflow: 'long' } }] });
    await held.reached(1);
    const [child] = engine.backend.childrenOf({ executionId: parent, limit: 5 });
    await engine.tasks.cancel(parent, 'enough', HUMAN);
    await ended(engine, parent, child?.id as string);
    expect([status(engine, parent), status(engine, child?.id as string)]).toEqual(['cancelled', 'cancelled']);
  });

  it('forEach keeps its window and its tolerance', async () => {
    let running = 0;
    let most = 0;
    const work = defineTask({
      type: 'work',
      run: async (input) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if ((input as JsonObject).n === 3) throw new Error('three');
        return (input as JsonObject).n as Json;
      },
    });
    const engine = await engineFor({ ...config(), concurrency: 10 }, { tasks: [work] });
    const each = (tolerateFailures: Json): JsonObject => ({
      name: 'w',
      steps: [{ id: 'each', task: 'work', forEach: [1, 2, 3, 4, 5, 6, 7, 8], maxParallel: 3, tolerateFailures, retry: 1, with: { n: '${{ item }}' } }],
      output: '${{ steps.each.output }}',
    });
    const fine = await start(engine, each('20%'));
    await ended(engine, fine);
    expect([most, output(engine, fine)]).toEqual([3, [1, 2, null, 4, 5, 6, 7, 8]]);
    const strict = await start(engine, each(0));
    await ended(engine, strict);
    expect(engine.backend.getExecution(strict)).toMatchObject({ status: 'failed' });
  });

  it.each([
    ['queue', 'completed', 'completed'],
    ['skip', 'completed', 'cancelled'],
    ['cancel_in_progress', 'cancelled', 'completed'],
    ['cancel_newest', 'completed', 'completed'],
  ])('a full concurrency key with onLimit %s: the first is %s, the second %s', async (onLimit, first, second) => {
    const held = heldTask();
    const engine = await engineFor(config(), { tasks: [held] });
    const definition = { name: 'w', concurrency: { key: '${{ input.repo }}', onLimit }, steps: [{ id: 'a', task: 'held' }] };
    const one = await start(engine, definition, { repo: 'x' });
    await held.reached(1);
    const two = await start(engine, definition, { repo: 'x' });
    const third = onLimit === 'cancel_newest' ? await start(engine, definition, { repo: 'x' }) : null;
    const other = await start(engine, definition, { repo: 'y' });
    await until(engine, () => held.held.some(({ context }) => context.executionId === other));
    if (onLimit === 'queue') expect(engine.backend.getExecution(two)).toMatchObject({ status: 'pending', gate: expect.stringMatching(/^k:/) });
    engine.on(
      'step_started',
      () =>
        void setImmediate(() => {
          while (held.held.length > 0) held.release();
        }),
    );
    while (held.held.length > 0) held.release();
    await ended(engine, one, two, other);
    while (held.held.length > 0) held.release();
    expect([status(engine, one), status(engine, two), status(engine, other)]).toEqual([first, second, 'completed']);
    if (third !== null) expect(engine.backend.getExecution(third)).toMatchObject({ status: 'cancelled', error: { code: 'concurrency' } });
  });

  it('sleeps and timeouts follow the clock', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const engine = await engineFor(config(), { now: () => now });
    const id = await start(engine, {
      name: 'w',
      steps: [
        { id: 'nap', task: 'sleep', with: { duration: '1h' } },
        { id: 'late', task: 'wait.signal', with: { name: 'x' }, timeout: '30m', continueOnError: true },
        { id: 'at', task: 'sleepUntil', with: { until: '2030-01-01T02:00:00Z' } },
      ],
    });
    await until(engine, () => status(engine, id) === 'waiting');
    now += 30 * 60_000;
    await engine.tick();
    expect(step(engine, id, 'late')).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
    now += 30 * 60_000;
    await engine.tick();
    expect([step(engine, id, 'nap').status, status(engine, id)]).toEqual(['completed', 'waiting']);
    now += 3_600_000;
    await engine.tick();
    await ended(engine, id);
    expect(status(engine, id)).toBe('completed');
  });
});
