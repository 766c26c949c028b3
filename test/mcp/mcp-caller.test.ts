import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createMcpCall } from '../../src/actions/mcp-call.ts';
import type { McpCaller } from '../../src/domain/action.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { createMcpCaller } from '../../src/mcp/mcp-caller.ts';
import { actionContext, failure, inputFaults, runTask } from '../support/action-context.ts';

const entry = fileURLToPath(new URL('../support/echo-mcp-server.ts', import.meta.url));
const never = new AbortController().signal;

let folder: string;
let journal: string;
const callers: McpCaller[] = [];
const ends: (() => Promise<void>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-caller-'));
  journal = join(folder, 'journal');
});

afterEach(async () => {
  await Promise.all(callers.splice(0).map((caller) => caller.close()));
  await Promise.all(ends.splice(0).map((end) => end()));
  rmSync(folder, { recursive: true });
});

const stdio = (mode = 'plain', env: Record<string, string> = {}): object => ({ command: process.execPath, args: [entry, mode, journal], env });

function open(servers: Record<string, unknown>, options: Parameters<typeof createMcpCaller>[1] = {}): McpCaller {
  const caller = createMcpCaller(servers, options);
  callers.push(caller);
  return caller;
}

const lines = (): string[] => (existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []);

/** Resolves when the fixture has written the line. */
function written(line: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!lines().includes(line)) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(folder, look);
    look();
  });
}

describe('mcp caller over stdio', () => {
  it('gives back structured content, JSON, text or blocks', async () => {
    const caller = open({ echo: stdio() });
    expect(caller.servers).toEqual(['echo']);
    const call = (tool: string, args = {}): Promise<unknown> => caller.call('echo', tool, args, never);
    expect(await call('sum', { a: 1, b: 2 })).toEqual({ sum: 3 });
    expect(await call('echo', { text: '{"a":[1]}' })).toEqual({ a: [1] });
    expect(await call('echo', { text: '[1' })).toBe('[1');
    expect(await call('echo', { text: '12' })).toBe('12');
    expect(await call('blocks', { image: false })).toBe('one\ntwo');
    expect(await call('blocks', { image: true })).toEqual([
      { type: 'text', text: 'one' },
      { type: 'image', data: 'AA==', mimeType: 'image/png' },
    ]);
    expect(await call('nothing')).toBe(null);
  });

  it('starts one process for all calls, hands its env over, and ends it on close', async () => {
    const caller = open({ echo: stdio('plain', { TOKEN: 'sesame' }) });
    expect(lines()).toEqual([]);
    const replies = (await Promise.all(Array.from({ length: 5 }, () => caller.call('echo', 'info', {}, never)))) as { pid: number; token: string }[];
    expect(new Set(replies.map((reply) => reply.pid)).size).toBe(1);
    expect(replies[0]?.token).toBe('sesame');
    await caller.close();
    expect(lines()).toEqual([`start ${replies[0]?.pid}`, `exit ${replies[0]?.pid}`]);
    expect(await failure(caller.call('echo', 'info', {}, never))).toMatchObject({ code: 'shutting_down' });
  });

  it('turns error results and refused calls into errors', async () => {
    const caller = open({ echo: stdio() });
    expect(await failure(caller.call('echo', 'fail', {}, never))).toMatchObject({
      code: 'mcp_tool_failed',
      retryable: true,
      details: { server: 'echo', tool: 'fail', text: 'it is broken\nbadly' },
    });
    expect(await failure(caller.call('echo', 'no_such_tool', {}, never))).toMatchObject({ code: 'mcp_tool_failed', retryable: false });
    expect(await failure(caller.call('echo', 'sum', { a: 'x' }, never))).toMatchObject({ code: 'mcp_tool_failed' });
    expect(await failure(caller.call('ecoh', 'sum', {}, never))).toMatchObject({ code: 'not_allowed', nearMatches: ['echo'] });
  });

  it('does not repeat a call that its server died on, and connects anew for the next', async () => {
    const caller = open({ echo: stdio() });
    const { pid } = (await caller.call('echo', 'info', {}, never)) as { pid: number };
    expect(await failure(caller.call('echo', 'die', {}, never))).toMatchObject({ code: 'network', retryable: true });
    expect(lines()).toHaveLength(2);
    const next = (await caller.call('echo', 'info', {}, never)) as { pid: number };
    expect(next.pid).not.toBe(pid);
  });

  it('cancels the call on abort and keeps the connection', async () => {
    const caller = open({ echo: stdio() });
    const controller = new AbortController();
    const reason = new LogisticsError('cancelled', 'enough');
    const work = failure(caller.call('echo', 'hang', {}, controller.signal));
    await written('hang');
    controller.abort(reason);
    expect(await work).toBe(reason);
    await written('cancelled');
    expect(await caller.call('echo', 'echo', { text: 'still here' }, never)).toBe('still here');
    expect(lines().filter((line) => line.startsWith('start'))).toHaveLength(1);
    expect(await failure(caller.call('echo', 'hang', {}, AbortSignal.abort(reason)))).toBe(reason);
  });

  it('speaks to a server that knows only the 2026 revision', async () => {
    const caller = open({ echo: stdio('modern') });
    expect(await caller.call('echo', 'sum', { a: 2, b: 2 }, never)).toEqual({ sum: 4 });
  });

  it('says why a server cannot be reached, without its secrets', async () => {
    const caller = open(
      { gone: { command: join(folder, 'none') }, crash: stdio('crash', { TOKEN: 'open-sesame' }), silent: stdio('silent') },
      { connectTimeoutMs: 1_500 },
    );
    expect(await failure(caller.call('gone', 'x', {}, never))).toMatchObject({ code: 'network', details: { server: 'gone', code: 'ENOENT' } });
    const crash = await failure(caller.call('crash', 'x', {}, never));
    expect(crash).toMatchObject({ code: 'network', details: { stderr: 'cannot start with token [redacted]' } });
    expect(JSON.stringify(crash.toData())).not.toContain('open-sesame');
    expect(await failure(caller.call('silent', 'x', {}, never))).toMatchObject({ code: 'timeout', retryable: true });
    expect(await caller.listTools('crash', never)).toBeUndefined();
  });

  it('ends the wait for a connection on abort', async () => {
    const caller = open({ silent: stdio('silent') }, { connectTimeoutMs: 1_500 });
    const controller = new AbortController();
    const reason = new LogisticsError('cancelled', 'enough');
    const works = [failure(caller.call('silent', 'x', {}, controller.signal)), failure(caller.listTools('silent', controller.signal))];
    controller.abort(reason);
    expect(await Promise.all(works)).toEqual([reason, reason]);
  });

  it('lists tools once, and again after the server says that they changed', async () => {
    const caller = open({ echo: stdio() });
    const names = async (): Promise<string[]> => ((await caller.listTools('echo', never)) ?? []).map((tool) => tool.name);
    const first = await caller.listTools('echo', never);
    expect(first?.find((tool) => tool.name === 'echo')?.inputSchema).toMatchObject({ type: 'object', required: ['text'] });
    expect(await names()).not.toContain('grown');
    await caller.call('echo', 'grow', {}, never);
    await expect.poll(names).toContain('grown');
    expect(await failure(caller.listTools('other', never))).toMatchObject({ code: 'not_allowed' });
  });
});

describe('mcp caller over Streamable HTTP', () => {
  interface Fixture {
    url: string;
    authorizations: Set<string | undefined>;
    open(): number;
    forget(): void;
    fail: number | undefined;
  }

  async function serve(): Promise<Fixture> {
    const sessions = new Map<string, StreamableHTTPServerTransport>();
    const fixture: Fixture = { url: '', authorizations: new Set(), open: () => sessions.size, forget: () => sessions.clear(), fail: undefined };
    const server: Server = createServer(async (request, response) => {
      fixture.authorizations.add(request.headers.authorization);
      if (fixture.fail !== undefined) return void response.writeHead(fixture.fail).end(`no entry for ${request.headers.authorization}`);
      const id = request.headers['mcp-session-id'] as string | undefined;
      let transport = id === undefined ? undefined : sessions.get(id);
      if (id !== undefined && transport === undefined) return void response.writeHead(404).end();
      if (transport === undefined) {
        const created = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (session) => void sessions.set(session, created),
          onsessionclosed: (session) => void sessions.delete(session),
        });
        const mcp = new McpServer({ name: 'remote', version: '1.0.0' });
        mcp.registerTool('upper', { description: 'Shouts.', inputSchema: { text: z.string() } }, async ({ text }) => ({
          content: [{ type: 'text', text: text.toUpperCase() }],
        }));
        await mcp.connect(created);
        transport = created;
      }
      await transport.handleRequest(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    fixture.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
    return fixture;
  }

  it('calls with its headers, lists tools and ends the session on close', async () => {
    const remote = await serve();
    const caller = open({ remote: { type: 'http', url: remote.url, headers: { authorization: 'Bearer s3cret' } } });
    expect(await caller.call('remote', 'upper', { text: 'hi' }, never)).toBe('HI');
    expect((await caller.listTools('remote', never))?.map((tool) => tool.name)).toEqual(['upper']);
    expect([...remote.authorizations]).toEqual(['Bearer s3cret']);
    expect(remote.open()).toBe(1);
    await caller.close();
    expect(remote.open()).toBe(0);
  });

  it('starts a new session when the server has forgotten the old one', async () => {
    const remote = await serve();
    const caller = open({ remote: { url: remote.url } });
    expect(await caller.call('remote', 'upper', { text: 'a' }, never)).toBe('A');
    remote.forget();
    expect(await caller.call('remote', 'upper', { text: 'b' }, never)).toBe('B');
    expect(remote.open()).toBe(1);
  });

  it('tells refusal, failure and absence apart, without headers in the errors', async () => {
    const remote = await serve();
    const absent = await serve();
    await ends.pop()?.();
    const caller = open({ remote: { url: remote.url, headers: { authorization: 'Bearer s3cret' } }, absent: { url: absent.url } });
    for (const [status, code] of [
      [403, 'http_4xx'],
      [503, 'http_5xx'],
    ] as const) {
      remote.fail = status;
      const error = await failure(caller.call('remote', 'upper', { text: 'a' }, never));
      expect(error).toMatchObject({ code });
      expect(JSON.stringify(error.toData())).not.toContain('s3cret');
    }
    remote.fail = undefined;
    expect(await caller.call('remote', 'upper', { text: 'a' }, never)).toBe('A');
    remote.fail = 500;
    expect(await failure(caller.call('remote', 'upper', { text: 'a' }, never))).toMatchObject({ code: 'http_5xx', retryable: true, details: { status: 500 } });
    expect(await failure(caller.call('absent', 'x', {}, never))).toMatchObject({ code: 'network', retryable: true });
    expect(await caller.listTools('absent', never)).toBeUndefined();
  });
});

describe('createMcpCaller', () => {
  it.each([
    [{}, 'mcpServers.x'],
    [null, 'mcpServers.x'],
    [{ command: '' }, 'mcpServers.x.command'],
    [{ command: 'a', args: 'b' }, 'mcpServers.x.args'],
    [{ url: 'not a url' }, 'mcpServers.x.url'],
    [{ url: 'ftp://x/' }, 'mcpServers.x.url'],
    [{ url: 'http://x/', command: 'y' }, 'mcpServers.x'],
    [{ command: 'a', retries: 1 }, 'mcpServers.x'],
  ])('refuses %j', (config, path) => {
    expect(() => createMcpCaller({ x: config })).toThrow(expect.objectContaining({ code: 'invalid_input', path: expect.stringContaining(path) }));
  });

  it('refuses the transport it does not have by name', () => {
    expect(() => createMcpCaller({ x: { type: 'sse', url: 'http://x/' } })).toThrow(
      expect.objectContaining({ code: 'not_available', path: 'mcpServers.x.type' }),
    );
  });
});

describe('mcp.call', () => {
  it('calls through the door it is given', async () => {
    const task = createMcpCall(open({ echo: stdio() }));
    expect(await runTask(task, { server: 'echo', tool: 'sum', arguments: { a: 1, b: 1 } })).toEqual({ sum: 2 });
    expect(await runTask(task, { server: 'echo', tool: 'sum', args: { a: 1, b: 2 } }, actionContext())).toEqual({ sum: 3 });
    expect(await runTask(task, { server: 'echo', tool: 'nothing' })).toBe(null);
    expect(await failure(runTask(task, { server: 'eco', tool: 'sum' }))).toMatchObject({ code: 'not_allowed', nearMatches: ['echo'] });
    expect(await failure(runTask(createMcpCall(undefined), { server: 'echo', tool: 'sum' }))).toMatchObject({ code: 'not_allowed' });
  });

  it('asks for the server that is named, or any when it is not known yet', () => {
    const task = createMcpCall(undefined);
    expect(task.capability?.({ server: 'github', tool: 'x' })).toBe('mcp:github');
    expect(task.capability?.({ server: '${{ input.server }}', tool: 'x' })).toBe('mcp');
    expect(task.secretTargets?.({ server: 'github' })).toEqual(['github']);
    expect(inputFaults(task, { server: 'a', tool: 'b', args: {}, arguments: {} })).toEqual(['args: give only one of arguments and args']);
    expect(inputFaults(task, { server: 'a' })).toHaveLength(1);
  });
});
