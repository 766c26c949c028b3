// get, list, wait, sessions and status: what is there is shown, small, with cursors; what is not is refused with a hint.
import { describe, expect, it } from 'vitest';
import { engineFor, heldTask } from '../support/test-engine.ts';
import { type Reply, refusal, toolsOf } from '../support/tool-run.ts';

const CHAIN = {
  name: 'chain',
  steps: Array.from({ length: 40 }, (_, i) => ({ id: `s${i}`, task: 'echo', with: { value: i }, ...(i === 0 ? {} : { needs: [`s${i - 1}`] }) })),
};

async function pages(next: (cursor: unknown) => Promise<Reply>, field: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let cursor: unknown; ; ) {
    const page = await next(cursor);
    all.push(...(page[field] as unknown[]));
    if (page.truncated !== true) return all;
    cursor = page.next_cursor;
  }
}

describe('get', () => {
  it('shows an execution in every view', async () => {
    const run = toolsOf(await engineFor());
    const { execution_id: id } = await run('execute_workflow', { definition: CHAIN, wait_ms: 10_000 });
    expect(await run('get', { id })).toMatchObject({ status: 'completed', steps: { total: 40, done: 40, completed: 40 } });
    const steps = (await pages((cursor) => run('get', { id, view: 'steps', ...(cursor === undefined ? {} : { cursor }) }), 'steps')) as Reply[];
    expect(steps.map((step) => step.step)).toEqual(CHAIN.steps.map((step) => step.id));
    expect(await run('get', { id, view: 'steps', step: 's3' })).toMatchObject({
      steps: [{ step: 's3', status: 'completed', run_ms: expect.any(Number), wait_ms: expect.any(Number) }],
    });
    const events = (await pages((cursor) => run('get', { id, view: 'events', ...(cursor === undefined ? {} : { cursor }) }), 'events')) as Reply[];
    expect(events.filter((event) => event.type === 'step_completed')).toHaveLength(40);
    expect(events.at(-1)).toMatchObject({ type: 'workflow_completed' });
    expect(await run('get', { id, view: 'output', step: 's7' })).toMatchObject({ step: 's7', output: 7 });
    expect(await run('get', { id, view: 'graph' })).toMatchObject({ mermaid: expect.stringContaining('s0 --> s1'), levels: 40 });
    expect(await run('get', { id, view: 'explain' })).toMatchObject({ status: 'completed', allowed_actions: ['fork', 'restart'] });
    expect(await run('get', { id, view: 'logs', step: 's1' })).toMatchObject({ lines: [] });
  });

  it('bounds the graph of a large workflow', async () => {
    const run = toolsOf(await engineFor());
    const steps = Array.from({ length: 400 }, (_, i) => ({ id: `a_rather_long_name_of_step_${i}`, task: 'echo', with: { value: i } }));
    const { workflow_id: id } = await run('create_workflow', { definition: { name: 'wide', steps }, mode: 'apply' });
    expect(await run('get', { id, view: 'graph' })).toMatchObject({ truncated: true, steps_total: 400 });
    expect(await run('get', { id })).toMatchObject({ truncated: true, steps_total: 400 });
    expect(await run('get', { id, response_format: 'detailed' })).toMatchObject({ definition_preview: expect.any(String) });
    expect(((await run('get', { id, view: 'steps', limit: 5, cursor: '395' })).steps as unknown[]).length).toBe(5);
    expect(await run('get', { id, view: 'output' })).toMatchObject({ definition_json: expect.stringContaining('wide') });
  });

  it('shows logs, attempts and the error of a job', async () => {
    const held = heldTask();
    const run = toolsOf(await engineFor({}, { tasks: [held] }));
    const { job_id: id } = await run('enqueue_job', { task: 'held', retry: 1 });
    await held.reached(1);
    const attempt = held.held[0];
    attempt?.context.log('warn', 'careful', { n: 1 });
    attempt?.done.reject(new Error('broken'));
    await run('wait', { ids: [id] });
    expect(await run('get', { id })).toMatchObject({ status: 'failed', dead: true, error: { code: 'handler_failed', message: 'broken' }, max_attempts: 1 });
    expect(await run('get', { id, view: 'logs' })).toMatchObject({ job_id: id, lines: [{ level: 'warn', message: 'careful', fields: { n: 1 } }] });
    expect(await run('get', { id, view: 'events' })).toMatchObject({ events: expect.arrayContaining([expect.objectContaining({ type: 'job_failed' })]) });
    expect(await run('get', { id, view: 'output' })).toMatchObject({ status: 'failed', output: null });
    expect(await run('list', { kind: 'jobs', filter: { dead: true } })).toMatchObject({ items: [{ job_id: id, error_code: 'handler_failed' }] });
  });

  it('gives artifacts in pieces: text as text, the rest as base64', async () => {
    const held = heldTask();
    const run = toolsOf(await engineFor({}, { tasks: [held] }));
    const { execution_id } = await run('execute_workflow', { definition: { name: 'art', steps: [{ id: 'a', task: 'held' }] } });
    await held.reached(1);
    const context = held.held[0]?.context;
    const text = 'añ😀'.repeat(3_000);
    const bytes = Buffer.from(Array.from({ length: 7_000 }, (_, i) => i % 256));
    const written = [await context?.putArtifact('report.md', text, 'text/markdown'), await context?.putArtifact('data.bin', bytes, 'application/octet-stream')];
    held.release();
    await run('wait', { ids: [execution_id] });
    expect((await run('get', { id: execution_id })).artifacts).toMatchObject([{ name: 'report.md' }, { name: 'data.bin' }]);
    const whole = async (id: string | undefined): Promise<Buffer> => {
      const parts: Buffer[] = [];
      for (let cursor: unknown; ; ) {
        const piece = await run('get', { id, ...(cursor === undefined ? {} : { cursor }) });
        parts.push(Buffer.from(piece.content as string, piece.encoding === 'base64' ? 'base64' : 'utf-8'));
        if (piece.next_offset === undefined) return Buffer.concat(parts);
        cursor = piece.next_offset;
      }
    };
    expect((await whole(written[0]?.artifact.id)).toString()).toBe(text);
    expect(await whole(written[1]?.artifact.id)).toEqual(bytes);
  });

  it.each([
    [{ id: 'job_1' }, 'invalid_input', 'id'],
    [{ id: 'proj_01m80dxqsg000cebe9vpck2gth' }, 'not_found', 'id'],
    [{ id: 'sched_01m80dxqsg000cebe9vpck2gth' }, 'not_found', 'id'],
    [{ id: 'exec_01m80dxqsg000cebe9vpck2gth' }, 'not_found', 'id'],
    [{ id: 'job_01m80dxqsg000cebe9vpck2gth' }, 'not_found', 'id'],
    [{ id: 'sess_01m80dxqsg000cebe9vpck2gth' }, 'not_found', 'id'],
    [{ id: 'wf_01m80dxqsg000cebe9vpck2gth' }, 'not_found', 'id'],
    [{ id: 'art_01m80dxqsg000cebe9vpck2gth' }, 'not_found', 'id'],
    [{ id: 'job_01m80dxqsg000cebe9vpck2gth', step: 'a' }, 'invalid_input', 'step'],
    [{ id: 'job_01m80dxqsg000cebe9vpck2gth', view: 'sumary' }, 'invalid_input', 'view'],
  ])('refuses %j', async (args, code, path) => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('get', args))).toMatchObject({ code, path });
  });

  it('says which views an object has, which step is near, and what a name is', async () => {
    const run = toolsOf(await engineFor());
    const job = await run('enqueue_job', { task: 'echo', payload: { value: 1 } });
    expect(await refusal(run('get', { id: job.job_id, view: 'graph' }))).toMatchObject({
      path: 'view',
      expected: 'one of summary, events, output, logs, explain, lineage',
    });
    const { execution_id: id } = await run('execute_workflow', { definition: CHAIN, wait_ms: 10_000 });
    expect((await refusal(run('get', { id, view: 'output', step: 's77' }))).nearMatches).toContain('s17');
    expect(await refusal(run('get', { id, view: 'logs' }))).toMatchObject({ path: 'step' });
    expect(await refusal(run('get', { id, view: 'steps', cursor: 'x' }))).toMatchObject({ path: 'cursor' });
    await run('create_workflow', { definition: CHAIN, mode: 'apply' });
    expect((await refusal(run('get', { id: 'chain' }))).nextActions[0]).toContain('name of a workflow');
  });
});

describe('list', () => {
  it('pages through jobs, newest first', async () => {
    const run = toolsOf(await engineFor());
    const { job_ids } = await run('enqueue_job', { jobs: Array.from({ length: 45 }, (_, i) => ({ task: 'echo', payload: { value: i }, delay: '1h' })) });
    const all = (await pages((cursor) => run('list', { kind: 'jobs', ...(cursor === undefined ? {} : { cursor }) }), 'items')) as Reply[];
    expect(all.map((job) => job.job_id)).toEqual([...(job_ids as string[])].reverse());
    expect(await run('list', { kind: 'jobs', filter: { status: 'completed' } })).toMatchObject({ count: 0 });
  });

  it('shows workflows, queues, processes, sessions and events', async () => {
    const run = toolsOf(await engineFor());
    await run('create_workflow', { definition: CHAIN, mode: 'apply' });
    await run('create_session', { name: 'mine' });
    await run('enqueue_job', { task: 'echo', payload: { value: 1 }, queue: 'q1', wait_ms: 5_000 });
    expect(await run('list', { kind: 'workflows', filter: { text: 'cha' } })).toMatchObject({ items: [{ name: 'chain', version: 1, steps_total: 40 }] });
    expect(await run('list', { kind: 'queues', filter: { queue: 'q1' } })).toMatchObject({
      items: [{ queue: 'q1', completed: 1, tasks: [{ task: 'echo', completed: 1 }] }],
    });
    expect(await run('list', { kind: 'workers' })).toMatchObject({ items: [{ pid: process.pid, running_jobs: 0 }] });
    expect(await run('list', { kind: 'sessions', filter: { status: 'active' } })).toMatchObject({ items: [{ name: 'mine' }] });
    const newest = await run('list', { kind: 'events', limit: 2 });
    expect((newest.items as Reply[]).at(-1)).toMatchObject({ type: 'job_completed' });
    const later = await run('list', { kind: 'events', cursor: newest.next_cursor });
    expect(later).toMatchObject({ items: [], next_cursor: newest.next_cursor });
    const since = await run('list', { kind: 'events', filter: { since: '2020-01-01T00:00:00Z' }, limit: 1 });
    expect(since).toMatchObject({ count: 1, truncated: true });
  });

  it.each([
    [{ kind: 'schedules', filter: { status: 'activ' } }, 'invalid_input', 'filter.status'],
    [{ kind: 'job' }, 'invalid_input', 'kind'],
    [{ kind: 'jobs', filter: { status: 'runing' } }, 'invalid_input', 'filter.status'],
    [{ kind: 'jobs', filter: { statsu: 'running' } }, 'invalid_input', 'filter.statsu'],
    [{ kind: 'workflows', filter: { queue: 'a' } }, 'invalid_input', 'filter.queue'],
    [{ kind: 'jobs', cursor: 'what' }, 'invalid_input', 'cursor'],
    [{ kind: 'events', cursor: 'what' }, 'invalid_input', 'cursor'],
    [{ kind: 'jobs', limit: 0 }, 'invalid_input', 'limit'],
  ])('refuses %j', async (args, code, path) => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('list', args))).toMatchObject({ code, path });
  });
});

describe('wait', () => {
  it('a timeout is an answer; events since a cursor come along', async () => {
    const held = heldTask();
    const run = toolsOf(await engineFor({}, { tasks: [held] }));
    const slow = await run('enqueue_job', { task: 'held' });
    const quick = await run('enqueue_job', { task: 'echo', payload: { value: 3 } });
    await held.reached(1);
    expect(await run('wait', { ids: [slow.job_id], timeout_ms: 0 })).toMatchObject({ met: false, items: [{ status: 'running' }] });
    const first = await run('wait', { ids: [slow.job_id, quick.job_id], mode: 'any', cursor: 0 });
    expect(first).toMatchObject({ met: true });
    expect((first.items as Reply[])[1]).toMatchObject({ status: 'completed', result: 3 });
    expect((first.events as Reply[]).map((event) => event.type)).toContain('job_completed');
    held.release('done');
    const all = await run('wait', { ids: [slow.job_id, quick.job_id], cursor: first.cursor });
    expect(all).toMatchObject({ met: true });
    expect((all.events as Reply[]).every((event) => Number(event.cursor) > Number(first.cursor))).toBe(true);
  });

  it('refuses ids it cannot wait for', async () => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('wait', { ids: ['job_01m80dxqsg000cebe9vpck2gth'] }))).toMatchObject({ code: 'not_found', path: 'ids' });
    expect(await refusal(run('wait', { ids: ['sess_01m80dxqsg000cebe9vpck2gth'] }))).toMatchObject({ code: 'not_found' });
    expect(await refusal(run('wait', { ids: [] }))).toMatchObject({ code: 'invalid_input', path: 'ids' });
    expect(await refusal(run('wait', { ids: ['a'], timeout_ms: 60_000 }))).toMatchObject({ code: 'invalid_input', path: 'timeout_ms' });
  });
});

describe('sessions and status', () => {
  it('creates, shows and closes a session, once per key', async () => {
    const run = toolsOf(await engineFor());
    const args = { name: 's', context: { env: 'prod' }, metadata: { team: 'a' }, max_parallel_tasks: 3, timeout: '2h', mode: 'parallel', idempotency_key: 'k' };
    const session = await run('create_session', args);
    expect(session).toMatchObject({
      status: 'active',
      max_parallel_tasks: 3,
      max_parallel_workflows: 2,
      context: { env: 'prod' },
      context_version: 1,
      timeout: '2h',
    });
    expect(await run('create_session', args)).toMatchObject({ session_id: session.session_id, replayed: true });
    const { session_id } = session;
    const done = await run('execute_workflow', {
      definition: { name: 'c', steps: [{ id: 'a', task: 'echo', with: { value: '${{ session.context.env }}' } }], output: '${{ steps.a.output }}' },
      session_id,
      wait_ms: 10_000,
    });
    expect(done).toMatchObject({ output: 'prod', session_id });
    expect(await run('get', { id: session_id })).toMatchObject({ recent_executions: [{ execution_id: done.execution_id }] });
    expect(await run('get', { id: session_id, view: 'events' })).toMatchObject({
      events: expect.arrayContaining([expect.objectContaining({ type: 'session_created' })]),
    });
    expect(await run('close_session', { session_id, policy: 'cancel' })).toMatchObject({ status: 'completed', closed: true, cancelled: 0 });
    expect(await run('close_session', { session_id })).toMatchObject({ closed: false, replayed: true });
    expect(await refusal(run('enqueue_job', { task: 'echo', payload: { value: 1 }, session_id }))).toMatchObject({ code: 'session_closed' });
    expect((await refusal(run('close_session', { session_id: 'sess_01m80dxqsg000cebe9vpck2gth' }))).code).toBe('not_found');
  });

  it('takes a mode and shows it; refuses a limit that contradicts it, by name', async () => {
    const run = toolsOf(await engineFor());
    expect(await run('create_session', {})).toMatchObject({ mode: 'parallel', max_parallel_tasks: 4 });
    expect(await run('create_session', { mode: 'priority' })).toMatchObject({ mode: 'priority', max_parallel_tasks: 4 });
    const { session_id } = await run('create_session', { mode: 'sequential' });
    expect(await run('get', { id: session_id })).toMatchObject({ mode: 'sequential', max_parallel_tasks: 1 });
    expect((await run('list', { kind: 'sessions' })).items).toMatchObject([{ mode: 'sequential' }, { mode: 'priority' }, { mode: 'parallel' }]);
    expect(await run('create_session', { mode: 'resource_aware' })).toMatchObject({ mode: 'resource_aware', max_parallel_tasks: 4 });
    expect(await refusal(run('create_session', { mode: 'sequential', max_parallel_tasks: 2 }))).toMatchObject({
      code: 'invalid_input',
      path: 'max_parallel_tasks',
    });
    expect(await refusal(run('create_session', { mode: 'paralel' }))).toMatchObject({ code: 'invalid_input', path: 'mode' });
  });

  it('tells how it is going, and what changed since', async () => {
    const run = toolsOf(await engineFor());
    const before = await run('get_system_status');
    expect(before).toMatchObject({ health: 'healthy', executions: { completed: 0 }, liveness: expect.stringContaining('memory') });
    const { execution_id } = await run('execute_workflow', {
      definition: { name: 'ask', steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'ok?' } }] },
    });
    await run('wait', { ids: [execution_id], until: 'waiting' });
    const after = await run('get_system_status', { since: before.cursor });
    expect(after).toMatchObject({
      waiting_for_person: [{ execution_id, step: 'ok', message: 'ok?' }],
      changes: { events: expect.arrayContaining([expect.objectContaining({ type: 'approval_requested' })]) },
    });
    expect(await run('get_system_status', { since: '2020-01-01T00:00:00+01:00' })).toMatchObject({ changes: { events: expect.any(Array) } });
    expect(await refusal(run('get_system_status', { since: 'yesterday' }))).toMatchObject({ code: 'invalid_input', path: 'since' });
  });

  it('in detail has the sections of old with true numbers, or says that they are not built', async () => {
    const run = toolsOf(await engineFor());
    await run('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 5_000 });
    const status = await run('get_system_status', { response_format: 'detailed' });
    expect(status).toMatchObject({
      orchestration_engine: { active_sessions: 0, processes: 1 },
      workflow_manager: { total_workflows: 0, running_workflows: 0 },
      task_orchestrator: { total_tasks: 1, completed: 1, failed: 0 },
      project_manager: { total_projects: 0 },
      resource_manager: { total_pools: 0, waiting: 0, pools: [] },
      performance: { memory_rss_bytes: expect.any(Number) },
    });
  });
});
