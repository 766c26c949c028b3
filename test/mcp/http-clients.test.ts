// MCP over HTTP with a real client of each era: the same tools, sessions where the protocol has them, questions, progress, and ends.
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { connectHttp, HTTP_CLIENT_KINDS, httpPlace, INITIALIZE, post, type Reply } from '../support/http-server.ts';
import { deferred, heldTask, until } from '../support/test-engine.ts';

const ask = { name: 'ask', steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish?', by: 'human' } }], output: '${{ steps.ok.output }}' };

describe.each(HTTP_CLIENT_KINDS)('a client of %s', (kind) => {
  it('lists the tools, starts work, waits for it, and is told its progress', async () => {
    const held = heldTask();
    const { url } = await httpPlace({}, { options: { tasks: [held] } });
    const { client, call, sessionId } = await connectHttp(url, kind);
    expect((await client.listTools()).tools.map((tool) => tool.name)).toContain('execute_workflow');
    const definition = {
      name: 'two',
      steps: [
        { id: 'a', task: 'echo', with: { value: 1 } },
        { id: 'b', needs: ['a'], task: 'held' },
      ],
    };
    const { execution_id } = await call('execute_workflow', { definition });
    await held.reached(1);
    const told = deferred<number>();
    const onprogress = ({ progress }: { progress: number }): void => told.resolve(progress);
    const waiting = call('wait', { ids: [execution_id], timeout_ms: 20_000 }, { onprogress });
    expect(await told.promise).toBeGreaterThanOrEqual(0);
    held.release(2);
    expect(await waiting).toMatchObject({ met: true, items: [{ status: 'completed' }] });
    expect(sessionId() !== undefined).toBe(kind === '2025 http');
  });

  it('puts an approval to the person behind it', async () => {
    const { url } = await httpPlace();
    const questions: string[] = [];
    const { call } = await connectHttp(url, kind, {
      capabilities: { elicitation: { form: {} } },
      prepare: (client) => {
        const handler = async (request: { params: { message: string } }): Promise<object> => {
          questions.push(request.params.message);
          return { action: 'accept', content: { approved: true } };
        };
        // The 1.x line names a method by its schema.
        client.setRequestHandler((kind === '2026' ? 'elicitation/create' : ElicitRequestSchema) as never, handler as never);
      },
    });
    const { execution_id } = await call('execute_workflow', { definition: ask });
    await call('wait', { ids: [execution_id], until: 'waiting' });
    await call('control', { id: execution_id, action: 'approve' });
    expect(questions).toHaveLength(1);
    expect(await call('wait', { ids: [execution_id] })).toMatchObject({ items: [{ status: 'completed', output: { approved: true } }] });
  });

  it('works in a session of its own where its protocol has connections, else for its principal', async () => {
    const { url, server } = await httpPlace();
    const { call, close, sessionId } = await connectHttp(url, kind);
    const job = await call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 5_000 });
    if (kind === '2026') {
      expect(job.session_id).toBeUndefined();
      return;
    }
    const session = server.engine.sessions.require(job.session_id as string);
    expect(session.data).toMatchObject({ implicit: true, status: 'active', principal: 'local' });
    await close();
    if (kind === '2025 http') await fetch(`${url}/mcp`, { method: 'DELETE', headers: { 'mcp-session-id': sessionId() as string } });
    await until(server.engine, () => session.data.status === 'completed');
  });
});

describe('sessions of 2025-era clients', () => {
  const begin = async (url: string, headers: Record<string, string> = {}): Promise<string> => {
    const answer = await post(url, INITIALIZE, headers);
    expect(answer.status).toBe(200);
    await answer.text();
    return answer.headers.get('mcp-session-id') as string;
  };
  const list = (url: string, session: string, headers: Record<string, string> = {}): Promise<Response> =>
    post(url, { jsonrpc: '2.0', id: 2, method: 'tools/list' }, { 'mcp-session-id': session, ...headers });

  it('end with DELETE, and are unknown after it', async () => {
    const { url, server } = await httpPlace();
    const session = await begin(url);
    expect((await list(url, session)).status).toBe(200);
    expect((await fetch(`${url}/mcp`, { method: 'DELETE', headers: { 'mcp-session-id': session } })).status).toBe(200);
    expect((await list(url, session)).status).toBe(404);
    expect(server.sessions()).toBe(0);
    expect((await list(url, 'guessed')).status).toBe(404);
    expect((await post(url, { jsonrpc: '2.0', id: 2, method: 'tools/list' })).status).toBe(400);
    expect((await fetch(`${url}/mcp`)).status).toBe(400);
  });

  it('are bound to their token, and end with it', async () => {
    const place = await httpPlace({}, { tokens: { a: ['read', 'write'], b: ['read', 'write'] } });
    const { url, server, tokens, secrets } = place;
    const a = { authorization: `Bearer ${secrets.a}` };
    const session = await begin(url, a);
    expect((await list(url, session, a)).status).toBe(200);
    expect((await list(url, session, { authorization: `Bearer ${secrets.b}` })).status).toBe(404);
    expect((await fetch(`${url}/mcp`, { method: 'DELETE', headers: { 'mcp-session-id': session, authorization: `Bearer ${secrets.b}` } })).status).toBe(404);
    expect((await list(url, session)).status).toBe(401);
    const stream = await fetch(`${url}/mcp`, { headers: { ...a, 'mcp-session-id': session, accept: 'text/event-stream' } });
    expect(stream.status).toBe(200);
    tokens.revoke('a');
    expect((await list(url, session, a)).status).toBe(401);
    await server.tick();
    await stream.text();
    expect(server.sessions()).toBe(0);
  });

  it('end when they were idle for too long, not while a stream is open', async () => {
    const { url, server, later } = await httpPlace({ serve: { sessionIdle: '1m' } });
    const idle = await begin(url);
    const busy = await begin(url);
    const stream = await fetch(`${url}/mcp`, { headers: { 'mcp-session-id': busy, accept: 'text/event-stream' } });
    later(61_000);
    await server.tick();
    expect((await list(url, idle)).status).toBe(404);
    expect((await list(url, busy)).status).toBe(200);
    await stream.body?.cancel();
  });

  it('are bounded, and one principal cannot take all of them', async () => {
    const { url, secrets } = await httpPlace({ serve: { maxSessions: 4 } }, { tokens: { a: ['read'], b: ['read'] } });
    const a = { authorization: `Bearer ${secrets.a}` };
    await begin(url, a);
    await begin(url, a);
    const third = await post(url, INITIALIZE, a);
    expect(third.status).toBe(429);
    expect(((await third.json()) as Reply).error).toMatchObject({ data: { code: 'rate_limited', retryable: true } });
    await begin(url, { authorization: `Bearer ${secrets.b}` });
  });

  it('leave nothing behind when the beginning fails', async () => {
    const { url, server } = await httpPlace({ serve: { maxSessions: 2 } });
    for (let i = 0; i < 5; i++) expect((await post(url, { ...INITIALIZE, params: 1 })).status).toBeGreaterThanOrEqual(400);
    expect(server.sessions()).toBe(0);
    await begin(url);
  });
});

describe('the end of a server', () => {
  it('lets requests finish, then closes streams and sessions', async () => {
    const held = heldTask();
    const { url, server } = await httpPlace({ limits: { shutdownGrace: 5_000 } }, { options: { tasks: [held] } });
    const sse = await connectHttp(url, '2024 sse');
    const { call } = await connectHttp(url, '2026');
    const waiting = call('enqueue_job', { task: 'held', wait_ms: 20_000 });
    await held.reached(1);
    const stopping = server.stop();
    await expect(fetch(`${url}/healthz`).then((answer) => answer.status)).rejects.toThrow();
    held.release('done');
    expect(await waiting).toMatchObject({ status: 'completed', result: 'done' });
    await stopping;
    await expect(sse.call('list', { kind: 'jobs' })).rejects.toThrow();
  });
});
