import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LogisticsError } from '../../src/domain/errors.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { atEnd, deferred, engineFor, heldTask, refusal, tempFolder, until } from '../support/test-engine.ts';

const session = (id: string): { principal: string; actor: 'agent'; sessionId: string } => ({ principal: 'p', actor: 'agent', sessionId: id });

describe('slots', () => {
  it('never runs more of a session than its limit while others use the rest', async () => {
    let running = 0;
    let most = 0;
    const own = new Map<string, number>();
    const mostOwn = new Map<string, number>();
    const work = defineTask({
      type: 'work',
      run: async (_input, context) => {
        const id = context.sessionId ?? 'none';
        running++;
        own.set(id, (own.get(id) ?? 0) + 1);
        most = Math.max(most, running);
        mostOwn.set(id, Math.max(mostOwn.get(id) ?? 0, own.get(id) as number));
        for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
        running--;
        own.set(id, (own.get(id) as number) - 1);
        return null;
      },
    });
    const engine = await engineFor({ concurrency: 4 }, { tasks: [work] });
    const small = (await engine.createSession({ maxParallelTasks: 2 })).session.id;
    const large = (await engine.createSession({ maxParallelTasks: 4 })).session.id;
    const jobs = (count: number): { task: string }[] => Array.from({ length: count }, () => ({ task: 'work' }));
    const first = await engine.enqueue(jobs(20), session(small));
    const second = await engine.enqueue(jobs(20), session(large));
    await engine.wait({ ids: [...first.jobIds, ...second.jobIds], timeoutMs: 15_000 });
    expect([most, mostOwn.get(small)]).toEqual([4, 2]);
    expect(mostOwn.get(large)).toBeGreaterThanOrEqual(2);
    expect(engine.backend.queueStats({ namespace: 'test' })).toMatchObject([{ task: 'work', completed: 40, counts: { completed: 40, running: 0 } }]);
  });

  it('holds the limit for the steps of workflows too, and lets another session pass', async () => {
    const held = heldTask();
    const engine = await engineFor({ concurrency: 4 }, { tasks: [held] });
    const { session: one } = await engine.createSession({ maxParallelTasks: 2, maxParallelWorkflows: 1 });
    const definition = { name: 'wide', steps: ['a', 'b', 'c', 'd'].map((id) => ({ id, task: 'held' })) };
    const first = await engine.workflows.start({ definition }, session(one.id));
    const second = await engine.workflows.start({ definition }, session(one.id));
    await held.reached(2);
    const other = await engine.enqueue([{ task: 'held' }, { task: 'held' }]);
    await held.reached(4);
    expect(held.held.map(({ context }) => context.executionId)).toEqual([first.executionId, first.executionId, null, null]);
    expect(engine.backend.getExecution(second.executionId)).toMatchObject({ status: 'pending', gate: expect.stringMatching(/^w:/) });
    const waiting = engine.backend.listJobs({ filter: { executionId: first.executionId, status: 'pending' }, limit: 10, cursor: null }).items;
    expect(waiting.map((job) => job.gate?.[0])).toEqual(['s', 's']);
    const drain = setInterval(() => held.release(), 1);
    atEnd(() => clearInterval(drain));
    expect(await engine.wait({ ids: [first.executionId, second.executionId, ...other.jobIds], timeoutMs: 10_000 })).toBe('met');
  });
});

describe('the signal of a handler', () => {
  it('says why: cancelled, timeout, deadline', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const [cancelled] = (await engine.enqueue([{ task: 'held' }])).jobIds as [string];
    await held.reached(1);
    await engine.cancelJob(cancelled, 'not needed');
    await engine.wait({ ids: [cancelled], timeoutMs: 5_000 });
    expect(engine.backend.getJob(cancelled)).toMatchObject({ status: 'cancelled' });
    expect(held.held[0]?.context.signal.reason).toMatchObject({ code: 'cancelled' });
    const timedOut = await refusal(engine.executeTask({ task: 'held', timeout: 5, retry: 1 }));
    expect(timedOut).toMatchObject({ code: 'timeout', message: 'The attempt took longer than 5 ms.' });
    const result = await engine.executeWorkflow({ definition: { name: 'late', steps: [{ id: 'a', task: 'held', deadline: 10 }] } });
    expect(result).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
    expect(held.held.at(-1)?.context.signal.reason).toMatchObject({ code: 'timeout', message: 'The deadline passed.' });
  });

  it('is not waited for longer than two seconds', async () => {
    const begun = deferred();
    const late = deferred<string>();
    const deaf = defineTask({
      type: 'deaf',
      run: async () => {
        begun.resolve();
        return late.promise;
      },
    });
    const engine = await engineFor({ concurrency: 1 }, { tasks: [deaf] });
    const [id] = (await engine.enqueue([{ task: 'deaf' }])).jobIds as [string];
    await begun.promise;
    const asked = Date.now();
    await engine.cancelJob(id, 'stop');
    expect(await engine.wait({ ids: [id], timeoutMs: 5_000 })).toBe('met');
    expect(Date.now() - asked).toBeGreaterThanOrEqual(1_900);
    expect(engine.backend.getJob(id)?.status).toBe('cancelled');
    // The slot is free again, and the late result changes nothing.
    expect(await engine.executeTask({ task: 'echo', payload: { value: 1 } })).toBe(1);
    late.resolve('too late');
    expect(engine.backend.getJob(id)).toMatchObject({ status: 'cancelled', result: null });
  });
});

describe('what a handler gives back', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  it.each([
    ['a cycle', () => cycle],
    ['a BigInt', () => ({ n: 1n })],
    ['a function', () => () => 1],
    ['NaN', () => Number.NaN],
    ['a bottomless list', () => JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`)],
  ])('%s is output_invalid, and the job ends', async (_name, value) => {
    const engine = await engineFor({}, { tasks: [defineTask({ type: 'odd', run: value as never })] });
    expect((await refusal(engine.executeTask({ task: 'odd' }, { timeoutMs: 5_000 }))).code).toBe('output_invalid');
  });

  it.each([
    ['a symbol', Symbol('x'), 'handler_failed'],
    ['undefined', undefined, 'handler_failed'],
    ['an object without a text', Object.create(null), 'handler_failed'],
    [
      'an error that throws when read',
      Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('y');
        },
      }),
      'handler_failed',
    ],
    ['details that contain themselves', new LogisticsError('E_MINE', 'mine', { retryable: false, details: cycle as never }), 'E_MINE'],
    ['a message of ten million characters', new Error('m'.repeat(10_000_000)), 'handler_failed'],
  ])('a throw of %s fails the attempt and nothing else', async (_name, thrown, code) => {
    const engine = await engineFor(
      { concurrency: 1 },
      {
        tasks: [
          defineTask({
            type: 'odd',
            run: () => {
              throw thrown;
            },
          }),
        ],
      },
    );
    const error = await refusal(engine.executeTask({ task: 'odd', retry: 1 }, { timeoutMs: 5_000 }));
    expect(error.code).toBe(code);
    expect(error.message.length).toBeLessThan(10_000);
    expect(await engine.executeTask({ task: 'echo', payload: { value: 'alive' } })).toBe('alive');
  });

  it('is checked against the output schema, and a schema that waits is waited for', async () => {
    const checked = defineTask({
      type: 'checked',
      input: z.strictObject({ n: z.number().refine(async (n) => n !== 13, 'unlucky') }),
      output: z.strictObject({ ok: z.boolean() }),
      run: ({ n }) => (n === 1 ? { ok: true } : ({ ok: 'no' } as never)),
    });
    const engine = await engineFor({}, { tasks: [checked] });
    expect(await engine.executeTask({ task: 'checked', payload: { n: 1 } })).toEqual({ ok: true });
    expect((await refusal(engine.executeTask({ task: 'checked', payload: { n: 2 } }))).code).toBe('output_invalid');
    expect(await refusal(engine.executeTask({ task: 'checked', payload: { n: 13 } }))).toMatchObject({ code: 'invalid_input', path: 'n' });
  });
});

describe('while it runs', () => {
  it('reports progress and bounded logs, and ids that fit', async () => {
    const proceed = deferred();
    const told = defineTask({
      type: 'told',
      run: async (_input, context) => {
        for (let i = 0; i < 250; i++) context.log(i === 0 ? ('loud' as never) : 'info', `line ${i}`, i === 1 ? ({ big: 1n } as never) : { i });
        context.log('info', 'x'.repeat(20_000));
        context.progress(0.5, 'half');
        context.progress(7);
        context.progress(Number.NaN);
        await proceed.promise;
        return { key: context.idempotencyKey, attempt: context.attempt, of: context.maxAttempts, step: context.stepId, job: context.jobId };
      },
    });
    const engine = await engineFor({}, { tasks: [told] });
    const [id] = (await engine.enqueue([{ task: 'told', name: 'label' }])).jobIds as [string];
    await new Promise<void>((resolve) => {
      const stop = engine.backend.onCommit(() => {
        if (engine.backend.getJob(id)?.progress === null) return;
        stop();
        resolve();
      });
    });
    expect(engine.backend.getJob(id)).toMatchObject({ status: 'running', progress: { share: 1, message: null } });
    proceed.resolve();
    await engine.wait({ ids: [id], timeoutMs: 5_000 });
    expect(engine.backend.getJob(id)?.result).toEqual({ key: id, attempt: 1, of: 3, step: null, job: id });
    const lines = engine.backend.jobLogs({ jobId: id });
    expect(lines.length).toBeLessThanOrEqual(200);
    expect(lines.at(-1)?.message).toMatch(/not kept/);
    expect(lines.every((line) => ['debug', 'info', 'warn', 'error'].includes(line.level))).toBe(true);
    const flow = await engine.executeWorkflow({
      definition: { name: 'w', steps: [{ id: 'each', task: 'told', forEach: [1, 2] }], output: '${{ steps.each.output }}' },
    });
    expect((flow.output as { key: string }[]).map(({ key }) => key)).toEqual([`${flow.executionId}/each[0]`, `${flow.executionId}/each[1]`]);
  });

  it('two engines on one folder share the jobs, each job once, and neither runs those of another namespace', async () => {
    const dataDir = tempFolder();
    const tasks = [heldTask('mark'), heldTask('mark'), heldTask('mark')] as const;
    const one = await engineFor({ dataDir, concurrency: 2 }, { tasks: [tasks[0]] });
    const two = await engineFor({ dataDir, concurrency: 2 }, { tasks: [tasks[1]] });
    const other = await engineFor({ dataDir, namespace: 'other' }, { tasks: [tasks[2]] });
    const { jobIds } = await one.enqueue(Array.from({ length: 4 }, () => ({ task: 'mark' })));
    await Promise.all([tasks[0].reached(2), tasks[1].reached(2)]);
    expect([...tasks[0].held, ...tasks[1].held].map(({ context }) => context.jobId).sort()).toEqual([...jobIds].sort());
    for (const task of tasks) while (task.held.length > 0) task.release();
    expect(await two.wait({ ids: jobIds, timeoutMs: 10_000 })).toBe('met');
    expect(jobIds.map((id) => one.backend.getJob(id)?.attempt)).toEqual([1, 1, 1, 1]);
    expect(other.getSystemStatus().queues).toEqual([]);
    expect(
      one
        .getSystemStatus()
        .processes.map((process) => process.namespace)
        .sort(),
    ).toEqual(['other', 'test', 'test']);
    const events: string[] = [];
    other.on('*', (event) => events.push(event.type));
    const heard = until(one, () => one.events({ after: 0, limit: 1, types: ['job_cancelled'] }).length > 0);
    const [later] = (await one.enqueue([{ task: 'mark', delay: '1h' }])).jobIds as [string];
    await one.cancelJob(later, 'no');
    await heard;
    other.backend.pollForeign();
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual([]);
  });
});
