// Tasks, resources and subscriptions over HTTP: the same as on stdio, for each principal what it may see and do.
import type { Client as ModernClient } from '@modelcontextprotocol/client';
import { expect, it } from 'vitest';
import { connectHttp, httpPlace, post, type Reply } from '../support/http-server.ts';
import { deferred, heldTask } from '../support/test-engine.ts';

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

/** One request of a 2026 client, with whatever comes back. */
async function request(url: string, token: string, method: string, params: Reply, capabilities: object = TASKS): Promise<Reply> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  };
  const name = (params.name ?? params.taskId ?? params.uri) as string | undefined;
  const response = await post(
    url,
    { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } },
    {
      authorization: `Bearer ${token}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': name }),
    },
  );
  return (await response.json()) as Reply;
}

it('a task is followed by anybody of the namespace, changed by who may, and unknown to others', async () => {
  const held = heldTask();
  const { url, token, secrets } = await httpPlace({}, { options: { tasks: [held] }, tokens: { writer: ['write'], reader: ['read'] } });
  const stranger = token('stranger', ['write'], 'elsewhere');
  const { result } = await request(url, secrets.writer, 'tools/call', { name: 'enqueue_job', arguments: { task: 'held' } });
  const { taskId } = result as { taskId: string };
  expect(result).toMatchObject({ resultType: 'task', status: 'working' });
  expect(await request(url, secrets.reader, 'tasks/get', { taskId })).toMatchObject({ result: { status: 'working' } });
  expect(await request(url, secrets.reader, 'tasks/cancel', { taskId })).toMatchObject({ error: { message: expect.any(String) } });
  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
    expect(await request(url, stranger, method, { taskId })).toMatchObject({ error: { code: -32_602 } });
  expect(await request(url, secrets.reader, 'tasks/get', { taskId }, {})).toMatchObject({ error: { code: -32_021 } });
  await held.reached(1);
  expect(await request(url, secrets.writer, 'tasks/cancel', { taskId })).toMatchObject({ result: { resultType: 'complete' } });
});

it('a resource of another namespace does not exist', async () => {
  const { url, token, secrets } = await httpPlace({}, { tokens: { writer: ['write'] } });
  const stranger = token('stranger', ['read'], 'elsewhere');
  const { result } = await request(url, secrets.writer, 'tools/call', {
    name: 'enqueue_job',
    arguments: { task: 'echo', payload: { value: 1 }, wait_ms: 20_000 },
  });
  const { job_id: id } = (result as { structuredContent: { job_id: string } }).structuredContent;
  const uri = `logistics://jobs/${id}`;
  expect(await request(url, secrets.writer, 'resources/read', { uri })).toMatchObject({ result: { contents: [{ uri, mimeType: 'application/json' }] } });
  expect(await request(url, stranger, 'resources/read', { uri })).toMatchObject({ error: { code: -32_602 } });
  expect(JSON.stringify(await request(url, stranger, 'resources/list', {}))).not.toContain(id);
});

it('who listens hears of the own namespace only', async () => {
  const { url, token, secrets } = await httpPlace({}, { tokens: { writer: ['write'] } });
  const told: string[] = [];
  const first = deferred<string>();
  const listening = async (secret: string, name: string): Promise<void> => {
    const { client } = await connectHttp(url, '2026', { token: secret });
    const modern = client as ModernClient;
    modern.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      told.push(`${name} ${params.uri}`);
      if (name === 'writer') first.resolve(params.uri);
    });
    await modern.listen({ resourceSubscriptions: ['logistics://status'] });
  };
  await listening(secrets.writer, 'writer');
  await listening(token('stranger', ['read'], 'elsewhere'), 'stranger');
  await request(url, secrets.writer, 'tools/call', { name: 'enqueue_job', arguments: { task: 'echo', payload: { value: 1 }, wait_ms: 20_000 } });
  expect(await first.promise).toBe('logistics://status');
  expect(told.every((line) => line.startsWith('writer '))).toBe(true);
});

it('a stream on which somebody listens ends with the token, and is bounded', async () => {
  const { url, server, tokens, secrets } = await httpPlace({}, { tokens: { writer: ['write'], reader: ['read'] } });
  const { client } = await connectHttp(url, '2026', { token: secrets.reader });
  const modern = client as ModernClient;
  const uris = Array.from({ length: 501 }, (_, i) => `logistics://workflows/w${i}`);
  await expect(modern.listen({ resourceSubscriptions: uris })).rejects.toMatchObject({ code: -32_602 });
  const stream = await modern.listen({ resourceSubscriptions: ['logistics://status'] });
  await server.tick();
  tokens.revoke('reader');
  await server.tick();
  expect(await stream.closed).toBe('remote');
});

it('a token for approving alone answers the approval of a task, and cancels nothing', async () => {
  const { url, secrets } = await httpPlace({}, { tokens: { writer: ['write'], boss: ['approve'] } });
  const capabilities = { ...TASKS, elicitation: { form: {} } };
  const definition = {
    name: 'ask',
    steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish?', by: 'human' } }],
    output: '${{ steps.ok.output }}',
  };
  const started = await request(url, secrets.writer, 'tools/call', { name: 'execute_workflow', arguments: { definition } });
  const { taskId } = started.result as { taskId: string };
  const waiting = await request(url, secrets.writer, 'tools/call', { name: 'wait', arguments: { ids: [taskId], until: 'waiting', timeout_ms: 20_000 } });
  expect(waiting).toMatchObject({ result: { structuredContent: { met: true } } });
  const { result } = await request(url, secrets.boss, 'tasks/get', { taskId }, capabilities);
  const [key = ''] = Object.keys((result as { inputRequests: Reply }).inputRequests);
  expect(await request(url, secrets.boss, 'tasks/cancel', { taskId }, capabilities)).toHaveProperty('error');
  const inputResponses = { [key]: { action: 'accept', content: { approved: true } } };
  expect(await request(url, secrets.boss, 'tasks/update', { taskId, inputResponses }, capabilities)).toMatchObject({ result: { resultType: 'complete' } });
  const end = await request(url, secrets.writer, 'tools/call', { name: 'wait', arguments: { ids: [taskId], timeout_ms: 20_000 } });
  expect(end).toMatchObject({ result: { structuredContent: { items: [{ status: 'completed', output: { approved: true } }] } } });
});
