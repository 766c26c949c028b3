// Who started what, as a caller sees it; and that work which makes work is known as its origin, whichever way it asks.
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../../src/domain/json.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { engineFor, HUMAN, refusal as refusalOf } from '../support/test-engine.ts';
import { type Reply, toolsOf } from '../support/tool-run.ts';

const echoServer = fileURLToPath(new URL('../support/echo-mcp-server.ts', import.meta.url));
const ONE = [{ id: 'a', task: 'echo', with: { value: 1 } }];

/** A task whose handler uses the engine itself, as a library's user may. */
function plans(engine: () => OrchestrationEngine, made: string[]): ReturnType<typeof defineTask> {
  return defineTask({
    type: 'plan.more',
    description: 'Makes a run, a job and a schedule.',
    input: z.object({ name: z.string() }),
    example: { name: 'x' },
    run: async ({ name }: { readonly name: string }) => {
      const { executionId } = await engine().workflows.start({ definition: { name: 'made', steps: ONE } }, HUMAN);
      const { jobIds } = await engine().enqueue([{ task: 'echo', payload: { value: 1 }, delay: '1h' }]);
      const schedule = await engine().schedules.scheduleCron(
        '0 9 * * *',
        { name, target: { task: 'echo' }, input: { value: 1 } },
        { principal: 'me', sessionId: null },
      );
      made.push(executionId, ...jobIds, schedule.id);
      return null;
    },
  });
}

describe('lineage', () => {
  it('of what a handler makes leads to its job, whatever it awaits in between', async () => {
    const made: string[] = [];
    let engine: OrchestrationEngine | null = null;
    engine = await engineFor({}, { tasks: [plans(() => engine as OrchestrationEngine, made)] });
    const run = toolsOf(engine);
    const { execution_id: id } = await run('execute_workflow', {
      definition: { name: 'planner', steps: [{ id: 'plan', task: 'plan.more', with: { name: 'nightly' } }] },
    });
    expect(await run('wait', { ids: [id] })).toMatchObject({ met: true, items: [{ status: 'completed' }] });
    expect(made).toHaveLength(3);
    const tree = await run('get', { id, view: 'lineage' });
    expect(tree).toMatchObject({ id, kind: 'execution', name: 'planner', origin: { how: 'principal' } });
    const below = tree.below as Reply[];
    expect(new Set(below.map((node) => node.id))).toEqual(new Set(made));
    const [job] = below.map((node) => (node.origin as JsonObject).id as string);
    expect(job).toMatch(/^job_/);
    expect(below.map((node) => node.origin)).toEqual(below.map(() => ({ how: 'work', id: job })));
    expect(await run('get', { id: made[2], view: 'lineage' })).toMatchObject({
      kind: 'schedule',
      depth: 0,
      above: [{ id: job, origin: { how: 'step', step: 'plan' } }, { id }],
    });
    expect(await run('get', { id, view: 'lineage', limit: 1 })).toMatchObject({ truncated: true, more: true });
    // What is made outside of any work comes of nobody.
    const { job_id } = await run('enqueue_job', { task: 'echo', payload: { value: 1 }, delay: '1h' });
    expect((await run('get', { id: job_id, view: 'lineage' })).above).toBeUndefined();
  });

  it('bounds schedules that scheduled work makes', async () => {
    const made: string[] = [];
    let engine: OrchestrationEngine | null = null;
    engine = await engineFor({ limits: { scheduleDepth: 0 } }, { tasks: [plans(() => engine as OrchestrationEngine, made)] });
    const run = toolsOf(engine);
    const made0 = await run('schedule_cron', { name: 'top', expression: '0 9 * * *', target: { task: 'plan.more', input: { name: 'deeper' }, retry: 1 } });
    const fired = (await run('control', { id: made0.schedule_id, action: 'trigger' })) as Reply;
    const id = (fired.job_id ?? fired.target_id ?? (fired.next as string[])[0]?.match(/job_[0-9a-z]{26}/)?.[0]) as string;
    await run('wait', { ids: [id] });
    expect(await run('get', { id })).toMatchObject({
      status: 'failed',
      error: { code: 'limit_exceeded', message: expect.stringContaining('fired by the schedule') },
    });
    expect(await run('get', { id, view: 'lineage' })).toMatchObject({ above: [{ id: made0.schedule_id, kind: 'schedule' }], origin: { how: 'schedule' } });
  });

  it('is handed on to other MCP servers, and to programs', async () => {
    const engine = await engineFor({ mcpServers: { echo: { command: process.execPath, args: [echoServer, 'plain'] } } });
    const result = await engine.executeWorkflow({
      definition: { name: 'meta', steps: [{ id: 'call', task: 'mcp.call', with: { server: 'echo', tool: 'meta', arguments: {} } }] },
    });
    expect(JSON.stringify(result.output)).toMatch(/logistics-mcp\/parent.{1,6}job_[0-9a-z]{26}/);
  });

  it('is refused for what has none', async () => {
    const run = toolsOf(await engineFor());
    const { workflow_id } = await run('create_workflow', { mode: 'apply', definition: { name: 'w', steps: ONE } });
    expect(await refusalOf(run('get', { id: workflow_id, view: 'lineage' }))).toMatchObject({ code: 'invalid_input', path: 'view' });
  });
});
