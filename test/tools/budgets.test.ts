// Budgets and breakers as a caller has them: set where work is made, counted by what workers report, told when used up, raised by control.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ActionContext } from '../../src/domain/action.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { engineFor, until } from '../support/test-engine.ts';
import { type Reply, refusal, toolsOf } from '../support/tool-run.ts';

const CHAIN = [
  { id: 'a', task: 'echo', with: { value: 1 } },
  { id: 'b', task: 'echo', with: { value: 2 }, needs: ['a'] },
];

const asks = defineTask({
  type: 'model.ask',
  description: 'Asks a model twice.',
  input: z.object({}),
  example: {},
  run: async (_input: object, context: ActionContext) => {
    context.reportUsage({ input_tokens: 100, output_tokens: 20, cost: 0.1 });
    context.reportUsage({ input_tokens: 50, output_tokens: 5, cost: 0.2 });
    return null;
  },
});

const fails = defineTask({
  type: 'always.fails',
  description: 'Fails.',
  input: z.object({}),
  example: {},
  run: async () => {
    throw new Error('no');
  },
});

async function paused(engine: OrchestrationEngine, id: unknown): Promise<Reply> {
  await until(engine, () => engine.backend.getExecution(id as string)?.status === 'paused');
  return toolsOf(engine)('get', { id });
}

describe('the budget of a run', () => {
  it('pauses it, is shown with what is left, and lets it go on when raised', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const { execution_id: id } = await run('execute_workflow', { definition: { name: 'two', steps: CHAIN, budget: { attempts: 1, wall_clock: '1h' } } });
    expect(await paused(engine, id)).toMatchObject({
      budget: { attempts: 1, wall_clock: '1h', left: { attempts: 0 }, used_up: 'attempts' },
      usage: { attempts: 1 },
      held_by: { owner: 'run', id, reason: 'budget: attempts' },
      next: [expect.stringContaining('action=update budget')],
    });
    expect(await run('get', { id, view: 'explain' })).toMatchObject({ reasons: [{ code: 'budget', message: expect.stringContaining('used up (attempts)') }] });
    const status = await run('get_system_status', {});
    expect(status.warnings).toEqual(expect.arrayContaining([expect.stringContaining(`budget of the run ${id} is used up (attempts)`)]));
    expect(await refusal(run('control', { id, action: 'resume' }))).toMatchObject({
      code: 'budget_exceeded',
      nextActions: [expect.stringContaining(`control id=${id} action=update`)],
    });
    expect(await refusal(run('control', { id, action: 'update' }))).toMatchObject({ code: 'invalid_input', path: 'budget' });
    expect(await refusal(run('control', { id, action: 'update', budget: { tries: 3 } }))).toMatchObject({ code: 'invalid_input' });
    expect(await run('control', { id, action: 'update', budget: { attempts: 5 } })).toMatchObject({ budget: { attempts: 5, left: { attempts: 4 } } });
    expect(await run('wait', { ids: [id] })).toMatchObject({ met: true });
    expect(await run('get', { id })).toMatchObject({ status: 'completed', usage: { attempts: 2 } });
  });

  it('has all faults of a definition told at their place', async () => {
    const run = toolsOf(await engineFor());
    const definition = { name: 'x', steps: CHAIN, budget: { tokens: 0, cost: 'much', runs: { max: 2 }, attempt: 1 }, breaker: { cooldown: '1m' } };
    const { faults } = (await run('create_workflow', { definition, mode: 'preview' })) as { faults: { path: string }[] };
    expect(faults.map((fault) => fault.path).sort()).toEqual(['breaker', 'budget.attempt', 'budget.cost', 'budget.runs', 'budget.tokens']);
  });

  it('counts what a handler reports', async () => {
    const run = toolsOf(await engineFor({}, { tasks: [asks] }));
    const session = await run('create_session', { budget: { tokens: 170, cost: 100 } });
    expect(session).toMatchObject({ budget: { tokens: 170, left: { tokens: 170 } } });
    const { session_id } = session;
    const { execution_id: id } = await run('execute_workflow', { session_id, definition: { name: 'ask', steps: [{ id: 'ask', task: 'model.ask' }] } });
    await run('wait', { ids: [id] });
    expect(await run('get', { id })).toMatchObject({ status: 'completed', usage: { tokens: 175, input_tokens: 150, output_tokens: 25, cost: 0.3 } });
    const [job] = (await run('list', { kind: 'jobs', filter: { execution_id: id } })).items as { job_id: string }[];
    expect(await run('get', { id: job?.job_id })).toMatchObject({ usage: { tokens: 175 } });
    expect(await run('get', { id: session_id })).toMatchObject({ budget: { used_up: 'tokens', left: { tokens: 0 } }, usage: { tokens: 175, cost: 0.3 } });
    const refused = await refusal(run('execute_workflow', { session_id, definition: { name: 'two', steps: CHAIN } }));
    expect(refused).toMatchObject({ code: 'budget_exceeded', nextActions: [expect.stringContaining(`control id=${session_id} action=update`)] });
    expect(await refusal(run('enqueue_job', { session_id, task: 'echo', payload: { value: 1 } }))).toMatchObject({ code: 'budget_exceeded' });
    expect(await run('control', { id: session_id, action: 'update', budget: null })).not.toHaveProperty('budget');
    expect(await run('enqueue_job', { session_id, task: 'echo', payload: { value: 1 } })).toMatchObject({ job_id: expect.any(String) });
  });
});

describe('what worker agents report', () => {
  it('is counted once however often it is said, over all attempts', async () => {
    const run = toolsOf(await engineFor());
    const { job_id } = await run('enqueue_job', {
      task: 'agent.task',
      payload: { prompt: 'x' },
      requires: ['review'],
      retry: { maxAttempts: 3, initialInterval: '1ms' },
    });
    const claim = async (): Promise<object> => {
      const reply = await run('claim_job', { worker: 'ada', capabilities: ['review'], wait_ms: 5_000 });
      const [lease] = reply.leases as { lease_token: number }[];
      return { job_id, worker_id: reply.worker_id, lease_token: lease?.lease_token };
    };
    const first = await claim();
    await run('report_job', { ...first, action: 'heartbeat', usage: { tokens: 40 } });
    await run('report_job', { ...first, action: 'progress', share: 0.5, usage: { tokens: 60, cost: 0.5 } });
    await run('report_job', { ...first, action: 'fail', error: { message: 'no' }, usage: { tokens: 60, cost: 0.5 } });
    const second = await claim();
    const done = { ...second, action: 'complete', output: 1, usage: { input_tokens: 5, output_tokens: 5 } };
    await run('report_job', done);
    await run('report_job', done);
    expect(await run('get', { id: job_id })).toMatchObject({ status: 'completed', usage: { tokens: 70, input_tokens: 5, output_tokens: 5, cost: 0.5 } });
    for (const usage of [{ tokens: -1 }, { cost: Number.POSITIVE_INFINITY }, { token: 1 }, { tokens: 1.5 }])
      expect(await refusal(run('report_job', { ...second, action: 'heartbeat', usage }))).toMatchObject({ code: 'invalid_input' });
  });
});

describe('budgets of schedules and projects', () => {
  it('are set, shown, and raised', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    const made = await run('schedule_cron', {
      expression: '0 9 * * *',
      target: { task: 'echo', input: { value: 1 } },
      budget: { runs: { max: 3, window: '1d' }, cost: 2 },
    });
    const id = made.schedule_id;
    expect(await run('get', { id })).toMatchObject({ budget: { runs: { max: 3, window: '1d' }, cost: 2, left: { runs: 3, cost: 2 } } });
    expect(await run('control', { id, action: 'update', change: { budget: { cost: 5 } } })).toMatchObject({ budget: { cost: 5 } });
    expect(await run('control', { id, action: 'update', change: { budget: null, jitter: '1m' } })).not.toHaveProperty('budget');
    expect(await refusal(run('control', { id, action: 'update', change: { budget: { cost: -5 } } }))).toMatchObject({
      code: 'invalid_input',
      path: 'change.budget.cost',
    });

    await run('create_project', { name: 'shop', budget: { attempts: 1 } });
    await run('create_workflow', { mode: 'apply', project: 'shop', definition: { name: 'two', steps: CHAIN } });
    const { execution_id } = await run('execute_workflow', { project: 'shop', name: 'two' });
    expect(await paused(engine, execution_id)).toMatchObject({ held_by: { owner: 'project' } });
    expect(await run('get', { id: 'project:shop' })).toMatchObject({ budget: { attempts: 1, used_up: 'attempts' } });
    expect(await refusal(run('execute_workflow', { project: 'shop', name: 'two' }))).toMatchObject({ code: 'budget_exceeded' });
    expect(await run('manage_project', { project: 'shop', action: 'update', budget: { attempts: 10 } })).toMatchObject({ budget: { left: { attempts: 9 } } });
    expect(await run('wait', { ids: [execution_id] })).toMatchObject({ met: true });
  });
});

describe('the breaker of a workflow', () => {
  it('refuses runs after failures in a row, is shown, and closed by control', async () => {
    const run = toolsOf(await engineFor({}, { tasks: [fails] }));
    const { workflow_id: id } = await run('create_workflow', {
      mode: 'apply',
      definition: { name: 'flaky', steps: [{ id: 'a', task: 'always.fails', retry: 1 }], breaker: { failures: 2 } },
    });
    for (let i = 0; i < 2; i++) {
      const { execution_id } = await run('execute_workflow', { name: 'flaky' });
      await run('wait', { ids: [execution_id] });
    }
    expect(await run('get', { id })).toMatchObject({ breaker: { status: 'open', failures: 2, opened_at: expect.any(String) } });
    expect((await run('get_system_status', {})).warnings).toEqual(expect.arrayContaining([expect.stringContaining('breaker of the workflow flaky is open')]));
    expect(await refusal(run('execute_workflow', { name: 'flaky' }))).toMatchObject({
      code: 'breaker_open',
      nextActions: [expect.any(String), expect.stringContaining(`control id=${id} action=resume`)],
    });
    expect(await run('control', { id, action: 'resume' })).toMatchObject({ status: 'closed', replayed: false, breaker: { status: 'closed', failures: 0 } });
    expect(await run('control', { id, action: 'resume' })).toMatchObject({ replayed: true });
    expect(await run('execute_workflow', { name: 'flaky' })).toMatchObject({ execution_id: expect.any(String) });
  });
});
