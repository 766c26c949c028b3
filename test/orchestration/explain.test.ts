import { describe, expect, it } from 'vitest';
import { receiptFor } from '../../src/orchestration/caller.ts';
import { levelsOf, toMermaid } from '../../src/orchestration/execution-graph.ts';
import type { Explanation } from '../../src/orchestration/explain.ts';
import { explainExecution, explainJob } from '../../src/orchestration/explain.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { AGENT, engineFor, HUMAN, heldTask, refusal, until } from '../support/test-engine.ts';

const job = (engine: OrchestrationEngine, id: string): Explanation => explainJob(engine.backend, engine.backend.getJob(id) as never, engine.now);
const execution = (engine: OrchestrationEngine, id: string): Explanation =>
  explainExecution(engine.backend, engine.backend.getExecution(id) as never, engine.now);

describe('explain', () => {
  it('names why a job is not done, who holds it up, and what may be done', async () => {
    const now = 1_000_000;
    const held = heldTask();
    const engine = await engineFor({ concurrency: 2 }, { tasks: [held], now: () => now });
    const { session } = await engine.createSession({ maxParallelTasks: 1 });
    const mine = { ...AGENT, sessionId: session.id };
    const [running] = (await engine.enqueue([{ task: 'held' }], mine)).jobIds as [string];
    await held.reached(1);
    const [gated] = (await engine.enqueue([{ task: 'held' }], mine)).jobIds as [string];
    const [needs, later, incapable] = (
      await engine.enqueue([
        { task: 'log', depends_on: [running] },
        { task: 'log', delay: '1m' },
        { task: 'log', requires: ['gpu'] },
      ])
    ).jobIds as [string, string, string];
    expect(job(engine, running)).toMatchObject({
      status: 'running',
      reasons: [{ code: 'running', message: expect.stringContaining(`process ${process.pid}`) }],
      allowedActions: ['cancel'],
    });
    expect(job(engine, gated).reasons).toMatchObject([{ code: 'limit', message: expect.stringContaining('1 of 1'), blockedBy: [running] }]);
    expect(job(engine, needs).reasons).toMatchObject([{ code: 'needs', blockedBy: [running] }]);
    expect(job(engine, later).reasons).toMatchObject([{ code: 'not_before', until: now + 60_000 }]);
    expect(job(engine, incapable).reasons).toMatchObject([{ code: 'no_capable_worker', blockedBy: ['gpu'] }]);
    await engine.cancelJob(later, 'no');
    expect(job(engine, later)).toMatchObject({ reasons: [{ code: 'cancelled' }], allowedActions: ['redrive'] });
    await engine.cancelJob(running, 'no');
    await engine.wait({ ids: [needs], timeoutMs: 5_000 });
    expect(job(engine, needs).reasons).toMatchObject([{ code: 'dependency_failed' }]);
  });

  it('names what the steps of a run wait for', async () => {
    const now = 1_000_000;
    const bad = defineTask({ type: 'bad', run: () => Promise.reject(new Error('no')) });
    const engine = await engineFor({}, { now: () => now, tasks: [bad] });
    const definition = {
      name: 'w',
      concurrency: { key: 'one' },
      steps: [
        { id: 'nap', task: 'sleep', with: { duration: '1h' } },
        { id: 'sig', task: 'wait.signal', with: { name: 'go' } },
        { id: 'event', task: 'wait.event', with: { event: 'x' }, timeout: '1m' },
        { id: 'ask', task: 'wait.approval', with: { message: 'Ship?' } },
        { id: 'after', task: 'log', needs: ['nap'] },
        { id: 'went', task: 'log', needs: ['sig'] },
        { id: 'retry', task: 'bad', retry: { maxAttempts: 2, initialInterval: '1h', jitter: 'none' } },
      ],
    };
    const { executionId } = await engine.workflows.start({ definition }, HUMAN);
    const second = (await engine.workflows.start({ definition }, HUMAN)).executionId;
    await until(engine, () => engine.backend.getStep({ executionId, stepId: 'retry' })?.status === 'retry');
    const explained = execution(engine, executionId);
    expect(Object.fromEntries(explained.steps.map((step) => [step.stepId, step.reasons[0]?.code]))).toEqual({
      nap: 'sleeping',
      sig: 'signal',
      event: 'event',
      ask: 'approval',
      after: 'needs',
      went: 'needs',
      retry: 'retry',
    });
    expect(explained.allowedActions).toEqual(['pause', 'cancel', 'signal', 'approve', 'fork', 'restart']);
    expect(execution(engine, second)).toMatchObject({ status: 'pending', reasons: [{ code: 'limit', blockedBy: [executionId] }] });
    await engine.tasks.pause(executionId, HUMAN);
    expect(execution(engine, executionId).reasons).toMatchObject([{ code: 'paused' }]);
    await engine.tasks.signal(executionId, { name: 'go', payload: null, signalId: 'once' }, HUMAN);
    expect(execution(engine, executionId).steps.find((step) => step.stepId === 'went')?.reasons).toMatchObject([{ code: 'paused' }]);
    await engine.tasks.cancel(executionId, 'enough', HUMAN);
    await engine.wait({ ids: [executionId], timeoutMs: 5_000 });
    expect(execution(engine, executionId)).toMatchObject({ reasons: [{ code: 'cancelled', message: 'enough' }], allowedActions: ['retry', 'fork', 'restart'] });
  });
});

describe('the picture of a plan', () => {
  it('has its levels and a valid flowchart', async () => {
    const engine = await engineFor();
    const { plan } = await engine.workflows.preview({
      definition: {
        name: 'w',
        steps: [
          { id: 'a', task: 'log' },
          { id: 'b', task: 'log', needs: ['a'] },
          { id: 'c', task: 'log', needs: ['a'], forEach: [1], with: { message: 'x' } },
          { id: 'd', task: 'log', needs: ['b', 'c'] },
        ],
      },
    });
    expect(levelsOf(plan)).toEqual([['a'], ['b', 'c'], ['d']]);
    const { text, truncated } = toMermaid(plan, (id) => (id === 'a' ? 'completed' : 'odd status"'));
    expect(text.split('\n').slice(0, 3)).toEqual(['flowchart TD', '  s0["a<br/>log"]:::completed', '  s1["b<br/>log"]']);
    expect(text).toContain('s2 --> s3');
    expect([truncated, toMermaid(plan, () => undefined, 2).truncated]).toEqual([false, true]);
  });
});

describe('receipts', () => {
  it('give the first handle again, and refuse other arguments under the same key', async () => {
    const engine = await engineFor();
    const receipt = (args: Record<string, unknown>, principal = 'p'): ReturnType<typeof receiptFor> =>
      receiptFor({ ...AGENT, principal }, 'enqueue_job', 'key', args);
    const job = [{ task: 'echo', payload: { value: 1 } }];
    const first = await engine.enqueue(job, AGENT, receipt({ task: 'echo' }));
    expect(await engine.enqueue(job, AGENT, receipt({ task: 'echo', wait_ms: 5, response_format: 'detailed' }))).toMatchObject({
      jobIds: first.jobIds,
      replayed: true,
    });
    expect((await refusal(engine.enqueue(job, AGENT, receipt({ task: 'log' })))).code).toBe('conflict');
    expect((await engine.enqueue(job, AGENT, receipt({ task: 'echo' }, 'other'))).replayed).toBe(false);
    const batch = [
      { task: 'log', depends_on: ['x'] },
      { task: 'log', ref: 'x' },
    ];
    const inOrder = await engine.enqueue(batch, AGENT, receiptFor(AGENT, 'enqueue_job', 'batch', {}));
    expect(await engine.enqueue(batch, AGENT, receiptFor(AGENT, 'enqueue_job', 'batch', {}))).toMatchObject({ jobIds: inOrder.jobIds, replayed: true });
    const definition = { name: 'w', steps: [{ id: 'a', task: 'log' }] };
    const started = await engine.workflows.start({ definition, receipt: receiptFor(AGENT, 'execute_workflow', 'k', { name: 'w' }) }, AGENT);
    expect(await engine.workflows.start({ definition, receipt: receiptFor(AGENT, 'execute_workflow', 'k', { name: 'w' }) }, AGENT)).toMatchObject({
      executionId: started.executionId,
      replayed: true,
    });
    const made = await engine.createSession({ receipt: receiptFor(AGENT, 'create_session', 'k', {}) });
    expect(await engine.createSession({ receipt: receiptFor(AGENT, 'create_session', 'k', {}) })).toMatchObject({
      replayed: true,
      session: { id: made.session.id },
    });
    expect(receiptFor(AGENT, 't', undefined, {})).toBe(undefined);
    expect((await refusal(() => receiptFor(AGENT, 't', '', {}))).path).toBe('idempotency_key');
  });
});
