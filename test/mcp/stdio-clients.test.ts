// The server as a host meets it: a real process, real clients of both SDK lines, both eras of the protocol.
import { describe, expect, it } from 'vitest';
import { CLIENT_KINDS, type ClientKind, connect, serverPlace } from '../support/stdio-server.ts';

const HELLO = {
  name: 'hello',
  steps: [
    { id: 'a', task: 'echo', with: { value: [1, 2, 3] } },
    { id: 'b', needs: ['a'], forEach: '${{ steps.a.output }}', task: 'transform', with: { value: '${{ item * 2 }}' } },
  ],
  output: '${{ sum(steps.b.output) }}',
};

describe.each(CLIENT_KINDS)('client %s', (kind: ClientKind) => {
  it('lists the tools, runs every one of them, and its replies fit their schemas', async () => {
    const server = await connect(serverPlace(), kind);
    // The clients check structured content against the output schemas that they have listed.
    expect((await server.listTools()).map((tool) => tool.name)).toHaveLength(12);
    expect(server.instructions?.length).toBeGreaterThan(500);
    expect(Buffer.byteLength(server.instructions ?? '')).toBeLessThan(2_048);
    expect(await server.call('create_workflow', { definition: HELLO, mode: 'apply' })).toMatchObject({ valid: true, version: 1 });
    const run = await server.call('execute_workflow', { name: 'hello', wait_ms: 20_000 });
    expect(run).toMatchObject({ status: 'completed', output: 12 });
    expect(await server.call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 20_000 })).toMatchObject({ result: 1 });
    expect(await server.call('get', { id: run.execution_id })).toMatchObject({ status: 'completed' });
    expect(await server.call('list', { kind: 'executions' })).toMatchObject({ count: 1 });
    expect(await server.call('wait', { ids: [run.execution_id], cursor: 0 })).toMatchObject({ met: true });
    expect(await server.call('control', { id: run.execution_id, action: 'restart' })).toMatchObject({ replayed: false });
    const cron = await server.call('schedule_cron', { expression: '0 9 * * 1-5', timezone: 'Europe/Berlin', target: { workflow: 'hello' } });
    expect(cron).toMatchObject({ status: 'active', next_fires: expect.arrayContaining([expect.anything()]) });
    expect(await server.call('schedule_recurring', { every: '1h', target: { task: 'echo', input: { value: 1 } } })).toMatchObject({
      status: 'active',
      replayed: false,
    });
    expect(await server.call('control', { id: cron.schedule_id, action: 'pause' })).toMatchObject({ status: 'paused' });
    const session = await server.call('create_session', { name: 's' });
    expect(await server.call('close_session', { session_id: session.session_id })).toMatchObject({ closed: true });
    expect(await server.call('get_system_status', { response_format: 'detailed' })).toMatchObject({ health: 'healthy', version: expect.any(String) });
    expect(await server.call('create_workflow', { definition: 'name: x' })).toMatchObject({ valid: false });
  });

  it('tells errors as text that says what to do, with the data in _meta', async () => {
    const server = await connect(serverPlace(), kind);
    await server.listTools();
    const result = await server.raw('enqueue_job', { tsak: 'echo' });
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toBeUndefined();
    expect(result.content[0]?.text).toMatch(/^invalid_input: .*tsak.*did you mean task\?[\s\S]*Next: /);
    expect(result._meta?.['logistics-mcp/error']).toMatchObject({ code: 'invalid_input', path: 'tsak', nearMatches: ['task'], retryable: false });
    const missing = await server.raw('get', { id: 'exec_01m80dxqsg000cebe9vpck2gth' });
    expect(missing.content[0]?.text).toMatch(/^not_found: /);
    await expect(server.raw('enqueue_jobs', {})).rejects.toMatchObject({ code: -32602, message: expect.stringContaining('Did you mean enqueue_job?') });
  });

  it('an idempotency key holds over a restart of the server', async () => {
    const place = serverPlace();
    const args = { definition: HELLO, idempotency_key: 'release-7' };
    const first = await connect(place, kind);
    const started = await first.call('execute_workflow', args);
    expect(started.replayed).toBe(false);
    await first.close();
    const second = await connect(place, kind);
    expect(await second.call('execute_workflow', { ...args, wait_ms: 20_000 })).toMatchObject({
      execution_id: started.execution_id,
      replayed: true,
      status: 'completed',
      output: 12,
    });
    const conflict = await second.raw('execute_workflow', { ...args, definition: { ...HELLO, name: 'other' } });
    expect(conflict.content[0]?.text).toMatch(/^conflict: /);
    expect(await second.call('list', { kind: 'executions' })).toMatchObject({ count: 1 });
  });
});

describe.each(['2.x', '2026-07-28'] as const)('a person behind client %s', (kind) => {
  const definition = {
    name: 'ask',
    steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish v2?', by: 'human' } }],
    output: '${{ steps.ok.output }}',
  };

  it('is asked, and decides', async () => {
    const asked: string[] = [];
    const server = await connect(
      serverPlace(),
      kind,
      (client) =>
        client.setRequestHandler('elicitation/create', async (request) => {
          asked.push(request.params.message);
          return { action: 'accept', content: { approved: false, comment: 'not yet' } };
        }),
      { elicitation: { form: {} } },
    );
    const { execution_id: id } = await server.call('execute_workflow', { definition });
    await server.call('wait', { ids: [id], until: 'waiting' });
    await server.call('control', { id, action: 'approve', approved: true });
    expect(asked).toEqual([expect.stringContaining('Publish v2?')]);
    expect(await server.call('wait', { ids: [id] })).toMatchObject({ items: [{ output: { approved: false, comment: 'not yet' } }] });
  });

  it('who cannot be asked is not replaced by the agent', async () => {
    const server = await connect(serverPlace(), kind);
    const { execution_id: id } = await server.call('execute_workflow', { definition });
    await server.call('wait', { ids: [id], until: 'waiting' });
    expect((await server.raw('control', { id, action: 'approve', approved: true })).content[0]?.text).toMatch(/^forbidden: /);
  });
});
