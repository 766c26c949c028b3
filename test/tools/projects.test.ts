import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { atEnd, engineFor, nextEvent, refusal, tempFolder } from '../support/test-engine.ts';
import { type Reply, type RunTool, toolsOf } from '../support/tool-run.ts';

const ECHO = (name: string, value: unknown = '${{ input.v }}'): JsonObject =>
  ({
    name,
    input: { type: 'object', properties: { v: {} } },
    steps: [{ id: 'a', task: 'echo', with: { value } }],
    output: '${{ steps.a.output }}',
  }) as JsonObject;

const PLAN = {
  input: { type: 'object', properties: { v: { type: 'integer' } }, required: ['v'] },
  steps: [
    { workflow: 'first', input: { v: '${{ input.v }}' } },
    { workflow: 'second', needs: ['first'], input: { v: '${{ steps.first.output + 1 }}' } },
  ],
  output: '${{ steps.second.output }}',
};

/** A server that gives one JSON text. */
async function serving(text: string): Promise<string> {
  const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(text));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function withTools(config: Parameters<typeof engineFor>[0] = {}): Promise<{ readonly engine: OrchestrationEngine; readonly run: RunTool }> {
  const engine = await engineFor(config);
  return { engine, run: toolsOf(engine) };
}

async function planned(run: RunTool): Promise<Reply> {
  const made = await run('create_project', { name: 'alpha' });
  await run('create_workflow', { project: 'alpha', mode: 'apply', definition: ECHO('first') });
  await run('create_workflow', { project: 'alpha', mode: 'apply', definition: ECHO('second') });
  await run('manage_project', { project: 'alpha', action: 'update', plan: PLAN });
  return made;
}

describe('a project', () => {
  it('holds workflows under its own names, beside others of the same name, and runs its plan in order', async () => {
    const { engine, run } = await withTools();
    const { project_id: id } = await planned(run);
    await run('create_workflow', { mode: 'apply', definition: ECHO('first', 'not of the project') });
    expect(await run('execute_workflow', { name: 'first', wait_ms: 8_000 })).toMatchObject({ workflow: 'first', output: 'not of the project' });
    expect(await run('execute_workflow', { name: 'first', project: 'alpha', input: { v: 'own' }, wait_ms: 8_000 })).toMatchObject({
      workflow: 'alpha.first',
      output: 'own',
    });
    expect(await run('manage_project', { project: 'alpha', action: 'run', input: { v: 1 }, wait_ms: 8_000 })).toMatchObject({
      action: 'run',
      project_id: id,
      workflow: 'alpha.plan',
      status: 'completed',
      output: 2,
    });
    expect(await engine.executeProjectWorkflow('alpha', 'second', { v: 5 })).toMatchObject({ success: true, output: 5 });
    expect(await engine.executeProjectWorkflow('alpha', null, { v: 5 })).toMatchObject({ success: true, output: 6 });
    expect(await run('get', { id: 'project:alpha' })).toMatchObject({ status: 'active', workflows: 3, executions: { completed: 8 }, success_rate: 1 });
    expect(await run('get', { id: id as string, view: 'graph' })).toMatchObject({ project_id: id, mermaid: expect.stringContaining('s0 --> s1') });
    expect(await run('list', { kind: 'executions', filter: { project: 'alpha' } })).toMatchObject({ count: 8 });
    expect(await run('list', { kind: 'workflows', filter: { project: 'alpha' } })).toMatchObject({ count: 3 });
  });

  it('is where its member sessions work without naming it', async () => {
    const { run } = await withTools();
    await planned(run);
    const { session_id } = await run('create_session');
    await run('manage_project', { project: 'alpha', action: 'add_member', session_id });
    expect(await run('execute_workflow', { name: 'first', session_id, input: { v: 1 }, wait_ms: 8_000 })).toMatchObject({ workflow: 'alpha.first' });
    const { job_id } = await run('enqueue_job', { task: 'echo', payload: { value: 1 }, session_id });
    expect(await run('get', { id: job_id as string })).toMatchObject({ queue: 'alpha.default' });
    await run('manage_project', { project: 'alpha', action: 'remove_member', session_id });
    expect(await refusal(run('execute_workflow', { name: 'first', session_id }))).toMatchObject({ code: 'not_found' });
  });

  it('schedules its workflows under its name, and pauses them with itself', async () => {
    const { run } = await withTools();
    await planned(run);
    const made = await run('schedule_cron', { project: 'alpha', name: 'nightly', expression: '0 2 * * *', target: { workflow: 'plan', input: { v: 1 } } });
    expect(made).toMatchObject({ name: 'alpha.nightly', target: { workflow: 'alpha.plan' } });
    await run('manage_project', { project: 'alpha', action: 'pause', reason: 'holidays' });
    expect(await run('get', { id: made.schedule_id as string })).toMatchObject({ status: 'paused' });
    const held = await run('execute_workflow', { project: 'alpha', name: 'first', input: { v: 1 } });
    expect(held).toMatchObject({ status: 'pending' });
    expect(await run('get', { id: held.execution_id as string, view: 'explain' })).toMatchObject({ reasons: [{ code: 'project_paused' }] });
    expect(await run('manage_project', { project: 'alpha', action: 'resume' })).toMatchObject({ status: 'active' });
    expect(await run('wait', { ids: [held.execution_id], timeout_ms: 8_000 })).toMatchObject({ met: true });
    expect(await run('get', { id: made.schedule_id as string })).toMatchObject({ status: 'active' });
  });

  it('keeps milestones and metrics', async () => {
    const { run } = await withTools();
    await planned(run);
    await run('manage_project', { project: 'alpha', action: 'add_milestone', milestone: 'beta', due: '2027-01-01T00:00:00Z' });
    const done = await run('manage_project', { project: 'alpha', action: 'complete_milestone', milestone: 'beta', data: { by: 'ada' } });
    expect(done).toMatchObject({ milestones: [{ name: 'beta', due: '2027-01-01T00:00:00.000Z', completed_at: expect.any(String) }] });
    await run('manage_project', { project: 'alpha', action: 'update_metrics', metrics: { users: 3, errors: 1 } });
    expect(await run('manage_project', { project: 'alpha', action: 'update_metrics', metrics: { users: 4, errors: null } })).toMatchObject({
      metrics: { users: 4 },
    });
    expect(await refusal(run('manage_project', { project: 'alpha', action: 'complete_milestone', milestone: 'betta' }))).toMatchObject({
      code: 'not_found',
      nearMatches: ['beta'],
    });
  });

  it('answers a repeated call once', async () => {
    const { run } = await withTools();
    const call = { name: 'alpha', description: 'x', idempotency_key: 'k' };
    const first = await run('create_project', call);
    expect(await run('create_project', call)).toMatchObject({ project_id: first.project_id, replayed: true });
    expect(await refusal(run('create_project', { ...call, description: 'y' }))).toMatchObject({ code: 'conflict', path: 'idempotency_key' });
    expect(await refusal(run('create_project', { name: 'alpha' }))).toMatchObject({ code: 'conflict', path: 'name' });
  });
});

describe('what is refused of a project', () => {
  it.each(['../evil', 'a/b', 'a.b', '.', 'C:\\x', '1st', 'x'.repeat(51), 'naïve', ' a', '__proto__'])('the name %s', async (name) => {
    const { engine, run } = await withTools();
    expect(await refusal(run('create_project', { name }))).toMatchObject({ code: 'invalid_input', path: 'name' });
    expect(engine.projects.list({}, 10, null).items).toEqual([]);
  });

  it('moves that its state does not allow', async () => {
    const { run } = await withTools();
    await run('create_project', { name: 'alpha', status: 'planning' });
    const act = (action: string): Promise<Reply> => run('manage_project', { project: 'alpha', action });
    expect(await refusal(act('complete'))).toMatchObject({ code: 'invalid_transition', nextActions: ['Use manage_project with activate or archive.'] });
    expect(await refusal(act('run'))).toMatchObject({ code: 'not_found', path: 'plan' });
    expect(await refusal(run('execute_workflow', { project: 'alpha', definition: ECHO('x') }))).toMatchObject({ code: 'invalid_transition', path: 'project' });
    await act('activate');
    expect(await refusal(act('archive'))).toMatchObject({ code: 'invalid_transition' });
    expect(await refusal(act('restore'))).toMatchObject({ code: 'invalid_transition' });
  });

  it.each<[JsonObject, string, string]>([
    [{ action: 'pause' }, 'invalid_input', 'project'],
    [{ project: 'alhpa', action: 'pause' }, 'not_found', 'project'],
    [{ project: 'alpha', action: 'pause', workflow: 'x' }, 'invalid_input', 'workflow'],
    [{ project: 'alpha', action: 'add_milestone' }, 'invalid_input', 'milestone'],
    [{ project: 'alpha', action: 'add_member', session_id: 'sess_1' }, 'not_found', 'session_id'],
    [{ project: 'alpha', action: 'update', plan: { steps: [{ workflow: 'a', needs: ['b'] }] } }, 'invalid_definition', 'plan.steps[0].needs[0]'],
    [{ project: 'alpha', action: 'run', workflow: 'nothing' }, 'not_found', 'name'],
    [{ action: 'save_template', template: 't' }, 'invalid_input', 'content'],
    [{ action: 'delete_template', template: 'data_pipeline' }, 'not_allowed', 'template'],
    [{ action: 'restore', archive: 'bm8=' }, 'invalid_input', 'archive'],
    [{ action: 'list_templates', project: 'alpha' }, 'invalid_input', 'project'],
    [{ action: 'delete_template', project: 'alpha', template: 'own' }, 'invalid_input', 'project'],
  ])('%j', async (args, code, path) => {
    const { run } = await withTools();
    await run('create_project', { name: 'alpha' });
    expect(await refusal(run('manage_project', args))).toMatchObject({ code, path });
  });

  it('more open jobs and runs than its quota', async () => {
    const { run } = await withTools();
    await run('create_project', { name: 'alpha', quota: { runs: 1, jobs: 1 } });
    await run('enqueue_job', { project: 'alpha', task: 'echo', payload: { value: 1 }, delay: '1h' });
    expect(await refusal(run('enqueue_job', { project: 'alpha', task: 'echo', payload: { value: 1 } }))).toMatchObject({
      code: 'limit_exceeded',
      path: 'queue',
    });
    const definition = { name: 'w', steps: [{ id: 'a', task: 'wait.signal', with: { name: 'go' } }] };
    const first = await run('execute_workflow', { project: 'alpha', definition });
    const second = await run('execute_workflow', { project: 'alpha', definition });
    expect(second).toMatchObject({ status: 'pending' });
    await run('control', { id: first.execution_id, action: 'cancel' });
    expect(await run('wait', { ids: [second.execution_id], until: 'waiting', timeout_ms: 8_000 })).toMatchObject({ met: true });
  });
});

describe('templates', () => {
  it('are listed with their parameters; a missing or unknown one is refused by name, and nothing is made', async () => {
    const { engine, run } = await withTools();
    const { templates } = (await run('manage_project', { action: 'list_templates' })) as unknown as { templates: { name: string }[] };
    expect(templates.map((one) => one.name)).toEqual(['ai_analysis', 'web_application', 'data_pipeline']);
    expect(await refusal(run('create_project', { name: 'a', template: 'data_pipelin' }))).toMatchObject({ code: 'not_found', nearMatches: ['data_pipeline'] });
    expect(await refusal(run('create_project', { name: 'a', template: 'data_pipeline' }))).toMatchObject({ code: 'invalid_input', path: 'parameters.source' });
    const wrong = { source: 'http://x', scedule: '0 1 * * *' };
    expect(await refusal(run('create_project', { name: 'a', template: 'data_pipeline', parameters: wrong }))).toMatchObject({
      path: 'parameters.scedule',
      nearMatches: ['schedule'],
    });
    const cron = { source: 'http://x', schedule: 'at noon' };
    expect(await refusal(run('create_project', { name: 'a', template: 'data_pipeline', parameters: cron }))).toMatchObject({
      path: expect.stringContaining('schedules[0]'),
    });
    expect([engine.projects.get('a'), engine.workflows.names()]).toEqual([null, []]);
  });

  it('data_pipeline fetches, cleans and keeps records, and has its nightly schedule', async () => {
    const url = await serving(JSON.stringify([{ id: 1 }, { id: 1 }, { name: 'no id' }, { id: 2 }]));
    const { engine, run } = await withTools({ http: { allowAddresses: ['127.0.0.1/32'] } });
    const parameters = { source: url, timezone: 'Europe/Berlin' };
    expect(await run('create_project', { name: 'records', template: 'data_pipeline', parameters })).toMatchObject({
      status: 'active',
      workflows: 4,
      schedules: 1,
    });
    const done = await run('manage_project', { project: 'records', action: 'run', wait_ms: 20_000 });
    expect(done).toMatchObject({ status: 'completed', output: { count: 2 } });
    const { artifact } = done.output as { artifact: string };
    expect(await run('get', { id: artifact, view: 'output' })).toMatchObject({ content: JSON.stringify([{ id: 1 }, { id: 2 }], null, 2) });
    expect(engine.schedules.require('records.nightly')).toMatchObject({
      target: { kind: 'workflow', name: 'records.plan' },
      rule: { expression: '0 2 * * *' },
    });
  });

  it('ai_analysis has its documents analysed by agents and its report approved by a person', async () => {
    const { engine, run } = await withTools();
    await run('create_project', { name: 'papers', template: 'ai_analysis', parameters: { capability: 'reading' } });
    const approval = nextEvent(engine, 'approval_requested');
    const { execution_id: id } = await run('manage_project', { project: 'papers', action: 'run', input: { documents: ['one', 'two'] } });
    for (const _ of ['one', 'two']) {
      const { worker_id, leases } = (await run('claim_job', { worker: 'ada', capabilities: ['reading'], wait_ms: 8_000 })) as unknown as {
        worker_id: string;
        leases: { job_id: string; lease_token: number; payload: { context: { document: string } } }[];
      };
      for (const { job_id, lease_token, payload } of leases)
        await run('report_job', { worker_id, job_id, lease_token, action: 'complete', output: { findings: [`in ${payload.context.document}`] } });
    }
    const { executionId: waiting } = await approval;
    await engine.tasks.approve(waiting as string, { approved: true }, { principal: 'local', actor: 'human', sessionId: null });
    expect(await run('wait', { ids: [id], timeout_ms: 8_000 })).toMatchObject({ met: true });
    const { report } = engine.backend.getOutput({ executionId: id as string, stepId: null }) as { report: string };
    expect(await run('get', { id: report, view: 'output' })).toMatchObject({
      content: expect.stringMatching(/^# Findings\n\n- in (one|two)\n- in (one|two)\n$/),
    });
  });

  it('web_application checks its address; a user saves it as a template of their own and makes another of it', async () => {
    const url = await serving('"well"');
    const { engine, run } = await withTools({ http: { allowAddresses: ['127.0.0.1/32'] } });
    await run('create_project', { name: 'site', template: 'web_application', parameters: { url, every: '10m' } });
    expect(await run('manage_project', { project: 'site', action: 'run', workflow: 'check', wait_ms: 8_000 })).toMatchObject({ output: { status: 200 } });
    expect(await run('manage_project', { project: 'site', action: 'save_template', template: 'ours' })).toMatchObject({
      created: true,
      workflows: ['check', 'release'],
    });
    expect(await run('create_project', { name: 'second', template: 'ours' })).toMatchObject({ workflows: 3, schedules: 1, template: 'ours' });
    expect(engine.schedules.require('second.uptime').target).toMatchObject({ name: 'second.check' });
    expect(await run('manage_project', { project: 'second', action: 'run', workflow: 'check', wait_ms: 8_000 })).toMatchObject({ output: { status: 200 } });
    await run('manage_project', { action: 'delete_template', template: 'ours' });
    expect(await refusal(run('create_project', { name: 'third', template: 'ours' }))).toMatchObject({ code: 'not_found' });
  });
});

describe('archive, restore and delete', () => {
  it('take a project out of service, bring it back, and make another one of its file', async () => {
    const { engine, run } = await withTools();
    await planned(run);
    await run('schedule_cron', { project: 'alpha', name: 'nightly', expression: '0 2 * * *', target: { workflow: 'plan', input: { v: 1 } } });
    await run('manage_project', { project: 'alpha', action: 'run', input: { v: 1 }, wait_ms: 8_000 });
    await run('manage_project', { project: 'alpha', action: 'complete' });
    const archived = await run('manage_project', { project: 'alpha', action: 'archive' });
    expect(archived).toMatchObject({ status: 'archived', archive_bytes: expect.any(Number), workflows: 0, schedules: 0 });
    expect(await refusal(run('execute_workflow', { project: 'alpha', name: 'first' }))).toMatchObject({ code: 'invalid_transition' });
    expect(await run('manage_project', { project: 'alpha', action: 'restore' })).toMatchObject({ status: 'active', workflows: 3, schedules: 1 });
    expect(await run('manage_project', { project: 'alpha', action: 'run', input: { v: 4 }, wait_ms: 8_000 })).toMatchObject({ output: 5 });
    const copy = await run('manage_project', { action: 'restore', archive: archived.archive, name: 'beta' });
    expect(copy).toMatchObject({ name: 'beta', status: 'paused', workflows: 3, schedules: 1 });
    await run('manage_project', { project: 'beta', action: 'resume' });
    expect(await run('manage_project', { project: 'beta', action: 'run', input: { v: 7 }, wait_ms: 8_000 })).toMatchObject({
      workflow: 'beta.plan',
      output: 8,
    });
    expect(engine.backend.listExecutions({ filter: { workflow: 'beta.second' }, limit: 5, cursor: null }).items).toHaveLength(1);
  });

  it('refuse a file that was changed', async () => {
    const { engine, run } = await withTools();
    await planned(run);
    await run('manage_project', { project: 'alpha', action: 'complete' });
    const { archive } = await run('manage_project', { project: 'alpha', action: 'archive' });
    const file = JSON.parse(gunzipSync(Buffer.from(archive as string, 'base64')).toString()) as { body: string };
    const forged = gzipSync(JSON.stringify({ ...file, body: file.body.replace('first', 'other') })).toString('base64');
    expect(await refusal(run('manage_project', { action: 'restore', archive: forged, name: 'beta' }))).toMatchObject({
      code: 'invalid_input',
      path: 'archive',
    });
    expect(engine.projects.get('beta')).toBeNull();
  });

  it('delete refuses while something is open, unless it is forced', async () => {
    const { engine, run } = await withTools();
    await run('create_project', { name: 'alpha' });
    const { execution_id: id } = await run('execute_workflow', {
      project: 'alpha',
      definition: { name: 'w', steps: [{ id: 'a', task: 'wait.signal', with: { name: 'go' } }] },
    });
    expect(await refusal(run('manage_project', { project: 'alpha', action: 'delete' }))).toMatchObject({ code: 'conflict' });
    expect(await run('manage_project', { project: 'alpha', action: 'delete', force: true })).toMatchObject({ status: 'deleted' });
    expect(engine.backend.getExecution(id as string)?.status).toBe('cancelled');
    expect(await run('list', { kind: 'projects' })).toMatchObject({ count: 0, next: [expect.stringContaining('create_project')] });
  });

  it('survive a restart: the plan goes on where it was', async () => {
    const dataDir = tempFolder();
    const first = await withTools({ dataDir });
    await first.run('create_project', { name: 'alpha' });
    await first.run('create_workflow', {
      project: 'alpha',
      mode: 'apply',
      definition: { name: 'hold', steps: [{ id: 'a', task: 'wait.signal', with: { name: 'go' } }] },
    });
    await first.run('manage_project', { project: 'alpha', action: 'update', plan: { steps: [{ workflow: 'hold' }] } });
    const { execution_id: id } = await first.run('manage_project', { project: 'alpha', action: 'run' });
    await first.engine.stop();
    const second = await withTools({ dataDir });
    const child = second.engine.backend.listExecutions({ filter: { workflow: 'alpha.hold' }, limit: 1, cursor: null }).items[0];
    await second.run('control', { id: child?.id, action: 'signal', name: 'go' });
    expect(await second.run('wait', { ids: [id], timeout_ms: 8_000 })).toMatchObject({ met: true });
  });
});
