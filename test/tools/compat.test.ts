import { describe, expect, it } from 'vitest';
import type { TaskType } from '../../src/domain/action.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { engineFor, heldTask, refusal } from '../support/test-engine.ts';
import { type RunTool, toolsOf } from '../support/tool-run.ts';

const tasks = [
  defineTask({ type: 'math.double', run: ({ n }) => Number(n) * 2 }),
  defineTask({
    type: 'math.fail',
    run: () => {
      throw new Error('no such number');
    },
  }),
];

async function withTools(more: TaskType[] = []): Promise<{ readonly engine: OrchestrationEngine; readonly run: RunTool }> {
  const engine = await engineFor({ limits: { maxAttempts: 1 } }, { tasks: [...tasks, ...more] });
  return { engine, run: toolsOf(engine) };
}

describe('names of earlier programs', () => {
  it('create_workflow with name and steps stores it, execute_workflow with workflow_name runs the one just made', async () => {
    const { run } = await withTools();
    const steps = [
      { name: 'first', module: 'math', action: 'double', parameters: { n: '{{n}}' }, dependencies: [] },
      { name: 'second', module: 'math', action: 'double', parameters: { n: '{{first.output}}' }, dependencies: ['first'], timeout: 30 },
    ];
    expect(await run('create_workflow', { name: 'quad', steps, description: 'n times four' })).toMatchObject({ mode: 'apply', name: 'quad', created: true });
    expect(await run('list_workflows')).toMatchObject({ workflows: ['quad'], count: 1, details: [{ name: 'quad', version: 1, steps: 2 }] });
    expect(await run('execute_workflow', { workflow_name: 'quad', parameters: { n: 3 }, wait_ms: 8_000 })).toMatchObject({
      status: 'completed',
      output: { second: 12 },
    });
    expect(await run('create_workflow', { name: 'quad', steps, mode: 'preview' })).toMatchObject({ mode: 'preview', valid: true });
    expect(await refusal(run('create_workflow', { name: 'x', steps, definition: {} }))).toMatchObject({ code: 'invalid_input' });
  });

  it('execute_task gives the result of work that really ran, or its true error', async () => {
    const { engine, run } = await withTools();
    const done = await run('execute_task', { name: 'd', module: 'math', action: 'double', parameters: { n: 21 }, priority: 'high' });
    expect(done).toMatchObject({ success: true, result: 42, status: 'completed', attempts: 1, execution_time: expect.any(Number) });
    expect(engine.backend.getJob(done.task_id as string)).toMatchObject({ priority: 75, name: 'd', task: 'math.double' });
    expect(await run('execute_task', { name: 'f', module: 'math', action: 'fail' })).toMatchObject({
      success: false,
      status: 'failed',
      error: { code: 'handler_failed', message: 'no such number' },
    });
    expect(await run('execute_task', { name: 'e', module: 'logistics', action: 'echo', parameters: { value: 1 } })).toMatchObject({ success: true, result: 1 });
    expect(await refusal(run('execute_task', { name: 'x', module: 'math', action: 'duoble' }))).toMatchObject({
      code: 'unknown_task_type',
      path: 'action',
      nearMatches: ['math.double'],
    });
    const after = await run('execute_task', {
      name: 'g',
      module: 'math',
      action: 'double',
      parameters: { n: 1 },
      dependencies: [done.task_id],
      idempotency_key: 'k',
    });
    expect(
      await run('execute_task', { name: 'g', module: 'math', action: 'double', parameters: { n: 1 }, dependencies: [done.task_id], idempotency_key: 'k' }),
    ).toMatchObject({
      task_id: after.task_id,
      replayed: true,
    });
  });

  it('create_complex_workflow runs steps in the order of their dependencies, also of those listed later, and succeeds only if all do', async () => {
    const { run } = await withTools();
    const definition = (action: string): object => ({
      steps: [
        { name: 'b', module: 'math', action: 'double', parameters: { n: '{{a.output}}' } },
        { name: 'a', module: 'math', action, parameters: { n: 2 } },
        { name: 'c', module: 'math', action: 'double', parameters: { n: 5 } },
      ],
      dependencies: { b: ['a'] },
    });
    expect(await run('create_complex_workflow', { name: 'three', workflow_definition: definition('double') })).toMatchObject({
      success: true,
      status: 'completed',
      results: { a: { success: true, result: 4 }, b: { success: true, result: 8 }, c: { success: true, result: 10 } },
      execution_stats: { total_tasks: 3, completed: 3, failed: 0 },
    });
    expect(await run('create_complex_workflow', { name: 'three', workflow_definition: definition('fail') })).toMatchObject({
      success: false,
      status: 'failed',
      results: { a: { success: false, error: { code: 'handler_failed' } }, b: { success: false, status: 'skipped' }, c: { success: true, result: 10 } },
      error: { code: 'handler_failed' },
    });
    const grouped = { ...definition('double'), parallel_groups: [['a', 'c']] };
    expect(await refusal(run('create_complex_workflow', { name: 'three', workflow_definition: grouped }))).toMatchObject({
      path: 'workflow_definition.parallel_groups',
    });
    const circle = {
      steps: [
        { name: 'a', task: 'echo' },
        { name: 'b', task: 'echo' },
      ],
      dependencies: { a: ['b'], b: ['a'] },
    };
    expect(await refusal(run('create_complex_workflow', { name: 'c', workflow_definition: circle }))).toMatchObject({ code: 'invalid_definition' });
  });

  it('counts of queues, schedules and projects are those of the one store', async () => {
    const held = heldTask();
    const { run } = await withTools([held]);
    await run('enqueue_job', { task: 'held' });
    await run('enqueue_job', { task: 'math.double', payload: { n: 1 }, delay: '1h' });
    await run('enqueue_job', { task: 'math.double', payload: { n: 1 }, requires: ['nobody'] });
    await held.reached(1);
    expect(await run('logistics_queue_stats')).toMatchObject({
      status: 'success',
      backend: 'in_memory',
      stats: { queue_length: 1, scheduled_count: 1, running: 1, total_jobs: 3 },
    });
    expect(await refusal(run('logistics_queue_stats', { backend: 'redis' }))).toMatchObject({
      code: 'invalid_input',
      path: 'backend',
      expected: 'in_memory, or nothing',
    });
    await run('schedule_cron', { name: 'nightly', expression: '0 2 * * *', target: { task: 'math.double', input: { n: 1 } } });
    expect(await run('logistics_list_scheduled')).toMatchObject({ task_ids: ['nightly'], count: 1 });
    await run('create_project', { project_name: 'site', description: 'x' });
    expect(await run('list_projects')).toMatchObject({ projects: [{ name: 'site', type: 'custom', status: 'active' }], count: 1 });
    expect(await refusal(run('create_project', { name: 'p', path: '/tmp/p' }))).toMatchObject({ code: 'not_available', path: 'path' });
    expect(await run('logistics_status')).toMatchObject({
      status: 'success',
      components: ['store', 'workflow_manager', 'task_orchestrator', 'schedule_manager', 'project_manager'],
    });
    held.release();
  });

  it('get_system_status in detail has the six sections, with numbers of what happened', async () => {
    const { run } = await withTools();
    await run('execute_task', { name: 'd', module: 'math', action: 'double', parameters: { n: 1 } });
    await run('create_project', { name: 'site' });
    const status = await run('get_system_status', { response_format: 'detailed' });
    expect(status).toMatchObject({
      orchestration_engine: { active_sessions: 0, processes: 1 },
      workflow_manager: { total_workflows: 0, running_workflows: 0 },
      task_orchestrator: { total_tasks: 1, completed: 1, failed: 0 },
      project_manager: { total_projects: 1, by_status: { active: 1 }, by_type: { custom: 1 }, recent_activity: [{ name: 'site', status: 'active' }] },
      performance: { memory_rss_bytes: expect.any(Number) },
    });
  });
});

describe('get_health_status', () => {
  it('is healthy where work is done, and names what is not', async () => {
    const { run } = await withTools();
    expect(await run('get_health_status')).toMatchObject({
      overall_status: 'healthy',
      issues: [],
      components: {
        store: { status: 'healthy' },
        task_orchestrator: { status: 'healthy', details: { processes: 1 } },
        schedule_manager: { status: 'healthy' },
      },
    });
  });

  it('is degraded where ready work is left, and where nobody fires schedules', async () => {
    let now = 1_700_000_000_000;
    const engine = await engineFor({}, { role: 'client', now: () => now });
    const run = toolsOf(engine);
    await run('enqueue_job', { task: 'echo', payload: { value: 1 } });
    await run('schedule_recurring', { name: 'often', every: '1m', target: { task: 'echo', input: { value: 1 } } });
    expect(await run('get_health_status')).toMatchObject({ overall_status: 'healthy' });
    now += 180_000;
    expect(await run('get_health_status')).toMatchObject({
      overall_status: 'degraded',
      components: { task_orchestrator: { status: 'degraded', details: { processes: 0, oldest_ready_ms: 180_000 } }, schedule_manager: { status: 'degraded' } },
      issues: ['Jobs are ready, and no process is running that could do them.', expect.stringContaining('The schedule often is')],
    });
  });
});
