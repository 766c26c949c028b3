// What went amiss, as an agent asks for it: failures alike, flaky steps, late runs, work by the hour; and an empty state that teaches.
import { describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { engineFor, heldTask } from '../support/test-engine.ts';
import { toolsOf } from '../support/tool-run.ts';

const START = 1_800_000_000_000;

describe('insights', () => {
  it('say where nothing has run that there is nothing to say yet', async () => {
    const run = toolsOf(await engineFor());
    expect(await run('list', { kind: 'insights' })).toMatchObject({ items: [], next: [expect.stringContaining('Nothing has run yet')] });
    expect(await run('get_system_status', { response_format: 'detailed' })).toMatchObject({
      performance: { attempts: { completed: 0, failed: 0, retried: 0 }, failure_clusters: [], sla_late: [] },
    });
  });

  it('group failures, name flaky steps and late runs, the worst first', async () => {
    let now = START;
    let left = 0;
    const shaky = defineTask({
      type: 'shaky',
      run: () => {
        if (left-- > 0) throw new LogisticsError('handler_failed', 'not yet', { retryable: true });
        return 'ok';
      },
    });
    const held = heldTask();
    const engine = await engineFor({}, { now: () => now, tasks: [shaky, held] });
    const run = toolsOf(engine);
    const retry = { maxAttempts: 2, initialInterval: '1ms', jitter: 'none' };
    await run('create_workflow', { definition: { name: 'shaking', steps: [{ id: 's', task: 'shaky', with: {}, retry }] }, mode: 'apply' });
    for (let i = 0; i < 6; i++) {
      left = 1;
      const { execution_id: id } = await run('execute_workflow', { name: 'shaking' });
      while ((await engine.wait({ ids: [id as string], timeoutMs: 50 })) !== 'met') {
        now += 10;
        await engine.tick();
      }
    }
    left = 1;
    const dead = await run('enqueue_job', { task: 'shaky', payload: {}, retry: { maxAttempts: 1 }, wait_ms: 5_000 });

    await run('create_workflow', { definition: { name: 'promised', sla: '1h', steps: [{ id: 's', task: 'held', with: {} }] }, mode: 'apply' });
    const late = await run('execute_workflow', { name: 'promised' });
    await held.reached(1);
    now += 5_400_000;

    const { items } = (await run('list', { kind: 'insights', limit: 50 })) as { items: Record<string, unknown>[] };
    expect(items[0]).toMatchObject({ insight: 'late', workflow: 'promised', execution_id: late.execution_id, sla_ms: 3_600_000 });
    expect(items[0]?.late_ms).toBeGreaterThanOrEqual(1_800_000);
    expect(items.filter(({ insight }) => insight === 'failures')).toMatchObject([
      { code: 'handler_failed', workflow: 'shaking', step: 's', count: 6 },
      { code: 'handler_failed', task: 'shaky', count: 1, example: dead.job_id },
    ]);
    expect(items.find(({ insight }) => insight === 'flaky_step')).toMatchObject({ workflow: 'shaking', step: 's', ended: 6, recovered: 6, percent: 100 });
    expect(items.find(({ insight }) => insight === 'task')).toMatchObject({ task: 'shaky' });
    expect((await run('list', { kind: 'insights', filter: { workflow: 'promised' } })).count).toBe(1);

    held.release();
    await engine.wait({ ids: [late.execution_id as string], timeoutMs: 20_000 });
    expect(await run('get_system_status', { response_format: 'detailed', since: '0' })).toMatchObject({
      performance: {
        attempts: { completed: 7, failed: 1, retried: 6 },
        sla_missed: [{ workflow: 'promised', count: 1, example: late.execution_id }],
        sla_late: [],
      },
    });
    expect(engine.events({ after: 0, limit: 5, types: ['sla_missed'] })).toMatchObject([{ executionId: late.execution_id, data: { sla_ms: 3_600_000 } }]);
  });
});
