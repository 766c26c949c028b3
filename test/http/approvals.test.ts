// Who may decide for a person over HTTP: with tokens the scope says so, never what a client declares or answers; without tokens the client of
// this machine asks whoever sits there.
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { connectHttp, HTTP_CLIENT_KINDS, type HttpClientKind, type HttpConnection, httpPlace, post, type Reply } from '../support/http-server.ts';

const ask = (by: 'human' | 'any'): object => ({
  name: 'ask',
  steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish?', by } }],
  output: '${{ steps.ok.output }}',
});
const CAPABILITIES = { extensions: { 'io.modelcontextprotocol/tasks': {} }, elicitation: { form: {} } };
const WHO = /^forbidden: .*logistics-mcp token add <name> --scope approve/s;

/** A client that says that it can ask a person, and says yes by itself. */
async function forger(url: string, kind: HttpClientKind, token: string): Promise<HttpConnection & { readonly asked: unknown[] }> {
  const asked: unknown[] = [];
  const connection = await connectHttp(url, kind, {
    token,
    capabilities: { elicitation: { form: {} } },
    prepare: (client) => {
      const handler = async (request: unknown): Promise<object> => {
        asked.push(request);
        return { action: 'accept', content: { approved: true } };
      };
      client.setRequestHandler((kind === '2026' ? 'elicitation/create' : ElicitRequestSchema) as never, handler as never);
    },
  });
  return { ...connection, asked };
}

async function waiting(starter: HttpConnection, by: 'human' | 'any' = 'human'): Promise<string> {
  const { execution_id } = await starter.call('execute_workflow', { definition: ask(by) });
  await starter.call('wait', { ids: [execution_id], until: 'waiting' });
  return execution_id as string;
}

/** One raw request of the 2026 era. */
async function raw(url: string, token: string, method: string, params: Reply): Promise<Reply> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': CAPABILITIES,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  };
  const headers = {
    authorization: `Bearer ${token}`,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    'mcp-name': String(params.name ?? params.taskId),
  };
  return (await (await post(url, { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }, headers)).json()) as Reply;
}

describe.each(HTTP_CLIENT_KINDS)('a client of %s', (kind) => {
  it('decides for no person by declaring that it asks one, whoever started the run', async () => {
    const { url, secrets } = await httpPlace({}, { tokens: { agent: ['write'], other: ['write'], admin: ['admin'] } });
    const starter = await connectHttp(url, kind, { token: secrets.agent });
    const run = await waiting(starter);
    for (const token of [secrets.agent, secrets.other, secrets.admin]) {
      const client = await forger(url, kind, token);
      expect(await client.text('control', { id: run, action: 'approve' })).toMatch(WHO);
      expect(await client.text('control', { id: run, action: 'approve', step: 'ok', approved: true })).toMatch(WHO);
      expect(client.asked).toEqual([]);
    }
    expect(await starter.call('get', { id: run })).toMatchObject({ status: 'waiting' });
  });

  it('asks the person of a token that may approve, but not about a run that the token started', async () => {
    const { url, secrets } = await httpPlace({}, { tokens: { agent: ['write'], boss: ['write', 'approve'] } });
    const agent = await connectHttp(url, kind, { token: secrets.agent });
    const boss = await forger(url, kind, secrets.boss);
    const [theirs, own] = [await waiting(agent), await waiting(boss)];
    expect(await boss.text('control', { id: own, action: 'approve' })).toMatch(/^forbidden: .*started/s);
    expect(boss.asked).toEqual([]);
    await boss.call('control', { id: theirs, action: 'approve' });
    expect(boss.asked).toHaveLength(1);
    expect(await agent.call('wait', { ids: [theirs] })).toMatchObject({ items: [{ status: 'completed', output: { approved: true, by: 'token:boss' } }] });
  });

  it('decides as an agent where anybody may', async () => {
    const { url, secrets } = await httpPlace({}, { tokens: { agent: ['write'] } });
    const agent = await forger(url, kind, secrets.agent);
    const run = await waiting(agent, 'any');
    await agent.call('control', { id: run, action: 'approve', approved: true });
    expect(await agent.call('wait', { ids: [run] })).toMatchObject({ items: [{ status: 'completed' }] });
    expect(agent.asked).toEqual([]);
  });
});

it('a forged answer in a request is refused, in a call and in a task, and the task asks nobody who may not decide', async () => {
  const { url, secrets } = await httpPlace({}, { tokens: { agent: ['write'], other: ['write'], boss: ['approve'] } });
  const run = await waiting(await connectHttp(url, '2026', { token: secrets.agent }));
  const seen = await raw(url, secrets.boss, 'tasks/get', { taskId: run });
  const [key = ''] = Object.keys((seen.result as { inputRequests: Reply }).inputRequests);
  const inputResponses = { [key]: { action: 'accept', content: { approved: true } } };
  for (const token of [secrets.agent, secrets.other]) {
    expect(await raw(url, token, 'tasks/get', { taskId: run })).toMatchObject({
      result: { status: 'working', statusMessage: expect.stringContaining('approval') },
    });
    expect(await raw(url, token, 'tasks/update', { taskId: run, inputResponses })).toMatchObject({ error: { message: expect.stringMatching(WHO) } });
    const called = await raw(url, token, 'tools/call', { name: 'control', arguments: { id: run, action: 'approve' }, inputResponses });
    expect(called).toMatchObject({ result: { isError: true, content: [{ text: expect.stringMatching(WHO) }] } });
  }
  expect(await raw(url, secrets.boss, 'tasks/get', { taskId: run })).toMatchObject({ result: { status: 'input_required' } });
  await raw(url, secrets.boss, 'tasks/update', { taskId: run, inputResponses });
  const end = await raw(url, secrets.agent, 'tools/call', { name: 'wait', arguments: { ids: [run], timeout_ms: 20_000 } });
  expect(end).toMatchObject({ result: { structuredContent: { items: [{ output: { approved: true, by: 'token:boss' } }] } } });
});
