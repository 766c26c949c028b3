// Tasks of the 2026 era: projections of real work, for clients that declare the extension and for nobody else.
import { describe, expect, it } from 'vitest';
import { modernClient, TASKS, type Wire } from '../support/modern-client.ts';
import { engineFor, heldTask, tempFolder, until } from '../support/test-engine.ts';

const ASKS = { ...TASKS, elicitation: { form: {} } };

function approvalOf(by: 'human' | 'any', name = 'ask'): object {
  return {
    name,
    steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish v2?', by } }],
    output: '${{ steps.ok.output }}',
  };
}

describe('a call that has not ended', () => {
  it('of execute_workflow is a task whose id is that of the execution, and ends with what the tool would have answered', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await modernClient(engine, TASKS);
    const task = await client.call('execute_workflow', { definition: { name: 'w', steps: [{ id: 'a', task: 'held' }], output: '${{ steps.a.output }}' } });
    expect(task).toMatchObject({
      resultType: 'task',
      taskId: expect.stringMatching(/^exec_/),
      status: 'working',
      ttlMs: null,
      pollIntervalMs: expect.any(Number),
      createdAt: expect.any(String),
      lastUpdatedAt: expect.any(String),
    });
    expect(engine.backend.getExecution(task.taskId as string)).not.toBeNull();
    await held.reached(1);
    expect(await client.request('tasks/get', { taskId: task.taskId })).toMatchObject({ status: 'working', statusMessage: expect.stringContaining('0 of 1') });
    held.release(7);
    await until(engine, () => engine.backend.getExecution(task.taskId as string)?.status === 'completed');
    const done = await client.request('tasks/get', { taskId: task.taskId });
    expect(done).toMatchObject({ status: 'completed', result: { structuredContent: { execution_id: task.taskId, status: 'completed', output: 7 } } });
    const { content, structuredContent } = done.result as { content: { text: string }[]; structuredContent: Wire };
    expect(JSON.parse(content[0]?.text ?? '')).toEqual(structuredContent);
  });

  it('of enqueue_job is one too, alone and as a batch', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await modernClient(engine, TASKS);
    const one = await client.call('enqueue_job', { task: 'held' });
    expect(one).toMatchObject({ resultType: 'task', taskId: expect.stringMatching(/^job_/) });
    const many = await client.call('enqueue_job', { jobs: [{ task: 'held' }, { task: 'held' }] });
    expect(many).toMatchObject({
      resultType: 'task',
      status: 'working',
      taskId: expect.stringMatching(/^job_\w+\.\.job_\w+$/),
      statusMessage: '0 of 2 jobs done',
    });
    await held.reached(3);
    for (let i = 0; i < 3; i++) held.release(i);
    await until(engine, () => engine.backend.queueStats({})[0]?.completed === 3);
    expect(await client.request('tasks/get', { taskId: one.taskId })).toMatchObject({
      status: 'completed',
      result: { structuredContent: { status: 'completed' } },
    });
    expect(await client.request('tasks/get', { taskId: many.taskId })).toMatchObject({
      status: 'completed',
      result: { structuredContent: { batch_id: many.taskId, count: 2, done: 2, replayed: false } },
    });
  });

  it('of wait is one that says what it waits for, and its end leaves the work alone', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await modernClient(engine, TASKS);
    const ids = await Promise.all([1, 2].map(async () => (await client.call('enqueue_job', { task: 'held' })).taskId as string));
    await held.reached(2);
    const either = await client.call('wait', { ids, mode: 'any' });
    const all = await client.call('wait', { ids, timeout_ms: 1 });
    expect(either).toMatchObject({ resultType: 'task', taskId: expect.stringContaining(ids.join(',')), status: 'working' });
    expect(await client.call('wait', { ids, timeout_ms: 0 })).toMatchObject({ resultType: 'complete', structuredContent: { met: false } });
    await client.request('tasks/cancel', { taskId: either.taskId });
    held.release('first');
    await until(engine, () => ids.some((id) => engine.backend.getJob(id)?.status === 'completed'));
    expect(await client.request('tasks/get', { taskId: either.taskId })).toMatchObject({ status: 'completed', result: { structuredContent: { met: true } } });
    expect(await client.request('tasks/get', { taskId: all.taskId })).toMatchObject({ status: 'working', statusMessage: '1 of 2 have ended' });
    held.release('second');
    await until(engine, () => ids.every((id) => engine.backend.getJob(id)?.status === 'completed'));
    expect(await client.request('tasks/get', { taskId: all.taskId })).toMatchObject({ status: 'completed', result: { structuredContent: { met: true } } });
  });

  it('that ends within wait_ms is no task, nor is a plan or a fault of the input', async () => {
    const client = await modernClient(await engineFor(), TASKS);
    const definition = { name: 'q', steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] };
    expect(await client.call('execute_workflow', { definition, wait_ms: 20_000 })).toMatchObject({
      resultType: 'complete',
      structuredContent: { status: 'completed' },
    });
    expect(await client.call('execute_workflow', { definition, dry_run: true })).toMatchObject({
      resultType: 'complete',
      structuredContent: { dry_run: true },
    });
    expect(await client.call('enqueue_job', { tsak: 'echo' })).toMatchObject({ isError: true });
  });

  it('is never a task for a client that does not declare the extension, which may not ask for tasks either', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await modernClient(engine);
    const reply = await client.call('enqueue_job', { task: 'held' });
    expect(reply).toMatchObject({ resultType: 'complete', structuredContent: { status: expect.stringMatching(/pending|running/) } });
    const taskId = (reply.structuredContent as Wire).job_id;
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      await expect(client.request(method, { taskId })).rejects.toMatchObject({ code: -32_021 });
    }
    expect(engine.backend.getJob(taskId as string)?.cancelRequested).toBe(false);
  });
});

describe('a task', () => {
  it('is there after a restart, for another client', async () => {
    const dataDir = tempFolder();
    const first = await engineFor({ dataDir });
    const { taskId } = await (await modernClient(first, TASKS)).call('execute_workflow', { definition: approvalOf('any') });
    await first.stop();
    const client = await modernClient(await engineFor({ dataDir }), TASKS);
    expect(await client.request('tasks/get', { taskId })).toMatchObject({ taskId, status: 'working' });
  });

  it('that failed as work is completed with the failure as its answer', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine, TASKS);
    const { taskId } = await client.call('execute_workflow', {
      definition: { name: 'f', steps: [{ id: 'a', task: 'transform', with: { value: '${{ 1 / input.zero }}' } }] },
      input: { zero: 0 },
    });
    await until(engine, () => engine.backend.getExecution(taskId as string)?.status === 'failed');
    expect(await client.request('tasks/get', { taskId })).toMatchObject({
      status: 'completed',
      result: { isError: true, structuredContent: { status: 'failed', error: { code: expect.any(String) } } },
    });
  });

  it('is cancelled by a request, as often as one likes', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await modernClient(engine, TASKS);
    const run = await client.call('execute_workflow', { definition: { name: 'w', steps: [{ id: 'a', task: 'held' }] } });
    const batch = await client.call('enqueue_job', { jobs: [{ task: 'held' }, { task: 'held' }] });
    await held.reached(3);
    for (const { taskId } of [run, run, batch, batch]) expect(await client.request('tasks/cancel', { taskId })).toMatchObject({ resultType: 'complete' });
    const statusOf = async (taskId: unknown): Promise<unknown> => (await client.request('tasks/get', { taskId })).status;
    await until(engine, () => engine.backend.getExecution(run.taskId as string)?.status === 'cancelled');
    expect(await statusOf(run.taskId)).toBe('cancelled');
    await until(engine, () => engine.backend.queueStats({})[0]?.counts.running === 0);
    expect(await statusOf(batch.taskId)).toBe('cancelled');
    expect(await client.request('tasks/cancel', { taskId: run.taskId })).toMatchObject({ resultType: 'complete' });
  });

  it('that is unknown or made up is a fault of the request', async () => {
    const client = await modernClient(await engineFor(), TASKS);
    const unknown = 'exec_01m80dxqsg000cebe9vpck2gth';
    for (const taskId of [
      unknown,
      'x',
      '',
      'wait:all:ended:-:1:../../etc',
      `wait:all:ended:-:1:${unknown}`,
      'job_a..job_b',
      'sess_01m80dxqsg000cebe9vpck2gth',
    ]) {
      await expect(client.request('tasks/get', { taskId })).rejects.toMatchObject({ code: -32_602 });
    }
    await expect(client.request('tasks/get', {})).rejects.toMatchObject({ code: -32_602 });
    await expect(client.request('tasks/list', {})).rejects.toMatchObject({ code: -32_601 });
  });
});

describe('a task that waits for an approval', () => {
  it.each(['human', 'any'] as const)('marked %s asks for it, and is answered by tasks/update', async (by) => {
    const engine = await engineFor();
    const client = await modernClient(engine, ASKS);
    const { taskId } = await client.call('execute_workflow', { definition: approvalOf(by) });
    await until(engine, () => engine.backend.getExecution(taskId as string)?.status === 'waiting');
    const asked = await client.request('tasks/get', { taskId });
    expect(asked).toMatchObject({ status: 'input_required' });
    const [[key, request] = ['', {}]] = Object.entries(asked.inputRequests as Wire);
    expect(request).toMatchObject({
      method: 'elicitation/create',
      params: { mode: 'form', message: expect.stringContaining('Publish v2?'), requestedSchema: { type: 'object', required: ['approved'] } },
    });
    // Who declines has decided nothing, and an answer to another question is none.
    await client.request('tasks/update', {
      taskId,
      inputResponses: { [key]: { action: 'decline' }, other: { action: 'accept', content: { approved: true } } },
    });
    expect(await client.request('tasks/get', { taskId })).toMatchObject({ status: 'input_required' });
    await expect(
      client.request('tasks/update', { taskId, inputResponses: { [key]: { action: 'accept', content: { approved: 'yes' } } } }),
    ).rejects.toMatchObject({
      code: -32_602,
    });
    await client.request('tasks/update', { taskId, inputResponses: { [key]: { action: 'accept', content: { approved: true, comment: 'go' } } } });
    await until(engine, () => engine.backend.getExecution(taskId as string)?.status === 'completed');
    expect(await client.request('tasks/get', { taskId })).toMatchObject({
      status: 'completed',
      result: { structuredContent: { output: { approved: true, comment: 'go' } } },
    });
    // The same answer again finds nothing to answer.
    await client.request('tasks/update', { taskId, inputResponses: { [key]: { action: 'accept', content: { approved: false } } } });
  });

  it('in a child run asks for it too', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine, ASKS);
    await client.call('create_workflow', { definition: approvalOf('human', 'child'), mode: 'apply' });
    const { taskId } = await client.call('execute_workflow', {
      definition: { name: 'parent', steps: [{ id: 'c', task: 'workflow.run', with: { workflow: 'child' } }], output: '${{ steps.c.output }}' },
    });
    await until(engine, () => engine.backend.listExecutions({ filter: { workflow: 'child', status: 'waiting' }, limit: 1, cursor: null }).items.length === 1);
    const asked = await client.request('tasks/get', { taskId });
    const [key = ''] = Object.keys(asked.inputRequests as Wire);
    await client.request('tasks/update', { taskId, inputResponses: { [key]: { action: 'accept', content: { approved: true } } } });
    await until(engine, () => engine.backend.getExecution(taskId as string)?.status === 'completed');
  });

  it('does not ask a client that has no person to ask, which cannot answer for one', async () => {
    const engine = await engineFor();
    const asking = await modernClient(engine, ASKS);
    const { taskId } = await asking.call('execute_workflow', { definition: approvalOf('human') });
    await until(engine, () => engine.backend.getExecution(taskId as string)?.status === 'waiting');
    const [key = ''] = Object.keys((await asking.request('tasks/get', { taskId })).inputRequests as Wire);
    const client = await modernClient(engine, TASKS);
    expect(await client.request('tasks/get', { taskId })).toMatchObject({ status: 'working', statusMessage: expect.stringContaining('waits for an approval') });
    const answer = { [key]: { action: 'accept', content: { approved: true } } };
    await expect(client.request('tasks/update', { taskId, inputResponses: answer })).rejects.toMatchObject({ code: -32_021 });
    expect(engine.backend.getExecution(taskId as string)?.status).toBe('waiting');
  });
});
