import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../src/logger.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { AGENT, atEnd, deferred, engineFor, HUMAN, heldTask, nextEvent, refusal, tempFolder, until } from '../support/test-engine.ts';

const lines: Record<string, unknown>[] = [];
const listening = (level = 'debug'): Logger => pino({ level }, { write: (line: string) => void lines.push(JSON.parse(line)) }) as Logger;

describe.each(['memory', 'file'])('the library on a %s', (place) => {
  const config = (): { dataDir?: string } => (place === 'file' ? { dataDir: tempFolder() } : {});

  it('keeps the version that a definition names, and says so when the number is taken', async () => {
    const engine = await engineFor(config());
    const flow = (message: string, version?: number): object => ({
      name: 'numbered',
      ...(version === undefined ? {} : { version }),
      steps: [{ id: 'a', task: 'log', with: { message } }],
    });
    expect((await engine.workflows.create(flow('one', 3))).stored.version).toBe(3);
    expect(await refusal(engine.workflows.create(flow('two', 3)))).toMatchObject({ code: 'conflict', path: 'version' });
    expect(engine.workflows.check(flow('two', 3)).warnings).toMatchObject([{ path: 'version', code: 'conflict' }]);
    expect((await engine.workflows.create(flow('two'))).stored.version).toBe(4);
  });

  it('tries a step as often as limits.maxAttempts says, and as often as the step itself says', async () => {
    const tried: string[] = [];
    const bad = defineTask({
      type: 'bad',
      run: (_input, context) => {
        tried.push(`${context.stepId} ${context.attempt}/${context.maxAttempts}`);
        throw new Error('no');
      },
    });
    const engine = await engineFor({ ...config(), limits: { maxAttempts: 1 } }, { tasks: [bad] });
    const retry = { maxAttempts: 2, initialInterval: 1, jitter: 'none' };
    const steps = [
      { id: 'plain', task: 'bad' },
      { id: 'own', task: 'bad', retry },
    ];
    expect(await engine.executeWorkflow({ definition: { name: 'tries', steps } })).toMatchObject({ status: 'failed' });
    expect(tried.sort()).toEqual(['own 1/2', 'own 2/2', 'plain 1/1']);
  });

  it('runs a workflow and a task, stores durations, and stops once', async () => {
    const engine = await engineFor(config());
    const result = await engine.executeWorkflow({
      definition: {
        name: 'sums',
        input: { type: 'object', properties: { n: { type: 'integer', default: 2 } } },
        steps: [
          { id: 'a', task: 'transform', with: { value: '${{ input.n + 1 }}' } },
          { id: 'b', task: 'transform', needs: ['a'], with: { value: { total: '${{ steps.a.output * 10 }}' } } },
        ],
        output: '${{ steps.b.output.total }}',
      },
    });
    expect(result).toMatchObject({ success: true, status: 'completed', output: 30, error: null, replayed: false });
    for (const step of engine.backend.getSteps({ executionId: result.executionId, after: -1, limit: 10 })) {
      expect(step.waitMs).toBeGreaterThanOrEqual(0);
      expect(step.runMs).toBeGreaterThanOrEqual(0);
    }
    expect(await engine.executeTask({ task: 'echo', payload: { value: [1] } })).toEqual([1]);
    const { warnings } = engine.getSystemStatus();
    expect(warnings).toEqual([]);
    await Promise.all([engine.stop(), engine.stop()]);
    await engine.stop();
    expect((await refusal(engine.start())).code).toBe('invalid_transition');
    expect((await refusal(engine.enqueue([{ task: 'echo', payload: { value: 1 } }]))).code).toBe('shutting_down');
  });

  it('tells the durations of each attempt of a step', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const slow = defineTask({
      type: 'slow',
      run: (_input, context) => {
        now += 100;
        if (context.attempt === 1) throw new Error('once');
        return context.attempt;
      },
    });
    const engine = await engineFor(config(), { tasks: [slow], now: () => now, random: () => 1 });
    const { executionId } = await engine.workflows.start(
      { definition: { name: 'w', steps: [{ id: 'a', task: 'slow', retry: { maxAttempts: 2, initialInterval: '5s' } }] } },
      HUMAN,
    );
    const step = (): ReturnType<typeof engine.backend.getStep> => engine.backend.getStep({ executionId, stepId: 'a' });
    await until(engine, () => step()?.status === 'retry');
    expect(step()?.nextAttemptAt).toBe(now + 5_000);
    now += 5_000;
    await engine.tick();
    await engine.wait({ ids: [executionId], timeoutMs: 5_000 });
    const job = engine.backend.getJob(step()?.jobId as string);
    expect(job?.attempts.map((attempt) => [attempt.attempt, attempt.endedAt - attempt.startedAt, attempt.error?.message])).toEqual([
      [1, 100, 'once'],
      [2, 100, undefined],
    ]);
    expect(step()).toMatchObject({ status: 'completed', attempts: 2, runMs: 100 });
  });
});

describe('events', () => {
  it('reach their listeners in order, and a faulty listener harms nobody', async () => {
    lines.length = 0;
    const engine = await engineFor({}, { logger: listening() });
    const types: string[] = [];
    engine.on('*', () => {
      throw new Error('bad listener');
    });
    engine.on('*', async () => {
      throw new Error('bad async listener');
    });
    const off = engine.on('workflow_completed', () => void types.push('first'));
    off();
    const second = engine.on('workflow_completed', () => void types.push('second'));
    // A second call of the first one's unsubscribe must not take the other off.
    off();
    const all: number[] = [];
    engine.on('*', (event) => void all.push(event.cursor));
    const done = nextEvent(engine, 'workflow_completed');
    const { executionId } = await engine.executeWorkflow({ definition: { name: 'w', steps: [{ id: 'a', task: 'log' }] } });
    expect((await done).executionId).toBe(executionId);
    expect(types).toEqual(['second']);
    expect(all).toEqual([...all].sort((a, b) => a - b));
    second();
    const faults = lines.filter((line) => line.msg === 'an event handler threw');
    expect(new Set(faults.map((line) => (line.err as { message: string }).message))).toEqual(new Set(['bad listener', 'bad async listener']));
    expect(faults[0]).toMatchObject({ component: 'event-feed', level: 40 });
    expect(await refusal(() => engine.on('workflow_complete' as never, () => undefined))).toMatchObject({
      code: 'invalid_input',
      nearMatches: ['workflow_completed'],
    });
  });
});

describe('the log', () => {
  it('names the component and the ids of what is worked on', async () => {
    lines.length = 0;
    const engine = await engineFor(
      {},
      {
        logger: listening(),
        tasks: [
          defineTask({
            type: 'bad',
            run: () => {
              throw new Error('broken');
            },
          }),
        ],
      },
    );
    const { session } = await engine.createSession({ name: 's' });
    const { executionId } = await engine.executeWorkflow({ definition: { name: 'w', steps: [{ id: 'a', task: 'bad', retry: 1 }] }, sessionId: session.id });
    expect(lines.find((line) => line.msg === 'attempt failed')).toMatchObject({
      component: 'worker',
      execution_id: executionId,
      session_id: session.id,
      job_id: expect.stringMatching(/^job_/),
      task: 'bad',
      attempt: 1,
      code: 'handler_failed',
      error: 'broken',
    });
    expect(lines.find((line) => line.msg === 'engine started')).toMatchObject({ component: 'engine' });
  });
});

describe('status', () => {
  it('tells what changed since a time or a cursor', async () => {
    let now = 1_000_000;
    const engine = await engineFor({}, { now: () => now });
    await engine.executeWorkflow({ definition: { name: 'early', steps: [{ id: 'a', task: 'log' }] } });
    const before = engine.getSystemStatus({ at: now }).changes;
    now += 10_000;
    const bad = await engine.executeWorkflow({
      definition: { name: 'later', steps: [{ id: 'a', task: 'code.run', with: { code: 'throw new Error("no")' }, retry: 1 }] },
    });
    const changes = engine.getSystemStatus({ cursor: before?.cursor as number }).changes;
    expect(changes?.events.map((event) => event.type)).toEqual(['workflow_started', 'workflow_failed']);
    expect(engine.getSystemStatus({ at: now - 5_000 }).changes?.events.every((event) => event.executionId === bad.executionId)).toBe(true);
    const status = engine.getSystemStatus();
    expect(status.recentFailures[0]).toMatchObject({ id: bad.executionId, kind: 'execution', name: 'later' });
    expect(status).toMatchObject({ namespace: 'test', changes: null, health: 'healthy', liveness: expect.stringMatching(/memory/) });
  });

  it('names who waits for a person', async () => {
    const engine = await engineFor();
    const { executionId } = await engine.workflows.start(
      { definition: { name: 'ask', steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Ship it?' } }] } },
      AGENT,
    );
    await engine.wait({ ids: [executionId], until: 'waiting', timeoutMs: 5_000 });
    expect(engine.getSystemStatus().waitingForPerson).toMatchObject([{ executionId, workflow: 'ask', stepId: 'ok', message: 'Ship it?' }]);
  });
});

describe('sessions', () => {
  it('carry a versioned context into steps, within 64 KiB', async () => {
    const engine = await engineFor();
    const { session } = await engine.createSession({ name: 'mine', context: { who: 'Ada' }, metadata: { team: 'x' } });
    expect(session.data).toMatchObject({
      name: 'mine',
      status: 'active',
      contextVersion: 1,
      metadata: { team: 'x' },
      maxParallelTasks: 4,
      maxParallelWorkflows: 2,
    });
    const run = (): Promise<{ output: unknown }> =>
      engine.executeWorkflow({
        definition: { name: 'greet', steps: [{ id: 'a', task: 'echo', with: { value: 'Hi ${{ session.context.who }}' } }], output: '${{ steps.a.output }}' },
        sessionId: session.id,
      });
    expect((await run()).output).toBe('Hi Ada');
    expect(await session.updateContext({ who: 'Bob', n: 1 }, 1)).toMatchObject({ contextVersion: 2, context: { who: 'Bob', n: 1 } });
    expect((await run()).output).toBe('Hi Bob');
    expect((await refusal(session.updateContext({ who: 'Eve' }, 1))).code).toBe('conflict');
    expect((await session.updateContext({ n: null })).context).toEqual({ who: 'Bob' });
    expect((await refusal(session.updateContext({ big: 'x'.repeat(70_000) }))).code).toBe('limit_exceeded');
    expect((await refusal(engine.createSession({ context: { big: 'x'.repeat(70_000) } }))).code).toBe('limit_exceeded');
    expect((await refusal(engine.createSession({ maxParallelTasks: 0 }))).path).toBe('maxParallelTasks');
    expect((await refusal(engine.createSession({ nam: 'x' } as never))).nearMatches).toEqual(['name']);
  });

  it('keep a bounded history of calls, with digests in place of arguments', async () => {
    const engine = await engineFor();
    const { session } = await engine.createSession();
    for (let i = 0; i < 3; i++) await session.recordCall({ tool: `tool_${i}`, args: { secret: 'sesame' }, outcome: 'ok', result: null, durationMs: 1.5 });
    expect(session.history(2).map((call) => call.tool)).toEqual(['tool_1', 'tool_2']);
    expect(JSON.stringify(session.history())).not.toContain('sesame');
  });

  it.each(['detach', 'cancel'] as const)('close with %s', async (policy) => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const { session } = await engine.createSession();
    const caller = { ...AGENT, sessionId: session.id };
    const { executionId } = await engine.workflows.start({ definition: { name: 'w', steps: [{ id: 'a', task: 'held' }] } }, caller);
    const [job] = (await engine.enqueue([{ task: 'held' }], caller)).jobIds as [string];
    await held.reached(2);
    const closed = await engine.closeSession(session.id, policy);
    expect(closed).toMatchObject({ closed: true, cancelled: policy === 'cancel' ? 2 : 0, session: { status: 'completed' } });
    expect((await refusal(engine.enqueue([{ task: 'held' }], caller))).code).toBe('session_closed');
    expect((await refusal(engine.workflows.start({ definition: { name: 'w', steps: [{ id: 'a', task: 'log' }] } }, caller))).code).toBe('session_closed');
    if (policy === 'detach') for (const _ of [1, 2]) held.release();
    await engine.wait({ ids: [executionId, job], timeoutMs: 5_000 });
    const status = policy === 'detach' ? 'completed' : 'cancelled';
    expect([engine.backend.getExecution(executionId)?.status, engine.backend.getJob(job)?.status]).toEqual([status, status]);
    expect((await engine.closeSession(session.id, policy)).closed).toBe(false);
    expect((await refusal(engine.closeSession(session.id, 'kill' as never))).path).toBe('policy');
    expect((await refusal(engine.closeSession('sess_none'))).code).toBe('not_found');
  });

  it('expire by the clock', async () => {
    let now = 0;
    const engine = await engineFor({}, { now: () => now });
    const { session } = await engine.createSession({ timeoutMs: 60_000 });
    const expired = nextEvent(engine, 'session_expired');
    now = 60_000;
    await engine.tick();
    expect((await expired).sessionId).toBe(session.id);
    expect(session.data.status).toBe('expired');
    expect((await refusal(engine.enqueue([{ task: 'log' }], { ...AGENT, sessionId: session.id }))).code).toBe('session_closed');
  });
});

describe('stop', () => {
  it('lets work finish within the grace period and gives the rest back', async () => {
    const dataDir = tempFolder();
    const quick = deferred<string>();
    const begun = deferred();
    const tasks = [
      defineTask({
        type: 'quick',
        run: () => {
          begun.resolve();
          return quick.promise;
        },
      }),
      heldTask('long'),
    ] as const;
    const engine = await engineFor({ dataDir, limits: { shutdownGrace: 50 } }, { tasks });
    const [one, two] = (await engine.enqueue([{ task: 'quick' }, { task: 'long' }])).jobIds as [string, string];
    await Promise.all([begun.promise, tasks[1].reached(1)]);
    const stopped = engine.stop();
    quick.resolve('in time');
    await stopped;
    expect(tasks[1].held[0]?.context.signal.reason).toMatchObject({ code: 'shutting_down' });
    const again = await engineFor({ dataDir }, { role: 'client' });
    expect(again.backend.getJob(one)).toMatchObject({ status: 'completed', result: 'in time' });
    expect(again.backend.getJob(two)).toMatchObject({ status: 'pending', attempt: 0, crashes: 0 });
  });

  it('a failed start leaves nothing behind', async () => {
    const { openEngine } = await import('../../src/open-engine.ts');
    const folder = tempFolder();
    const file = `${folder}/taken`;
    await import('node:fs/promises').then(({ writeFile }) => writeFile(file, 'x'));
    const error = await refusal(openEngine({ dataDir: `${file}/below` }));
    expect(error.code).toMatch(/^store_/);
    expect(readFileSync(file, 'utf8')).toBe('x');
    atEnd(() => undefined);
  });
});
