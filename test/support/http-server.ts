// Owns servers over HTTP for tests: in process, on a free port, with tokens, and spoken to by the clients that hosts ship.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as OldSse } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type ConfigInput, TOOLSETS } from '../../src/config/config-schema.ts';
import { configFromCode } from '../../src/config.ts';
import type { Scope } from '../../src/domain/access.ts';
import { type RunningServer, startServer } from '../../src/http/serve.ts';
import { TokenFile } from '../../src/http/token-file.ts';
import { silentLogger } from '../../src/logger.ts';
import type { OpenOptions } from '../../src/open-engine.ts';
import { atEnd, tempFolder } from './test-engine.ts';

/** Every tool, but for those that a configuration makes of workflows. */
export const ALL_SETS = TOOLSETS.filter((set) => set !== 'published');

export interface Reply {
  readonly [name: string]: unknown;
}

export interface HttpPlace {
  readonly server: RunningServer;
  readonly url: string;
  readonly dataDir: string;
  readonly tokens: TokenFile;
  /** Makes a token; the server believes it at once. */
  token(name: string, scopes: readonly Scope[], namespace?: string, expiresAt?: number): string;
  /** Advances the server's clock. */
  later(ms: number): void;
}

export async function httpPlace<T extends Readonly<Record<string, readonly Scope[]>> = Readonly<Record<never, never>>>(
  config: ConfigInput = {},
  { options = {}, tokens: first }: { readonly options?: OpenOptions; readonly tokens?: T } = {},
): Promise<HttpPlace & { readonly secrets: { readonly [K in keyof T]: string } }> {
  const dataDir = (config.dataDir as string | undefined) ?? tempFolder();
  let shift = 0;
  const now = (): number => Date.now() + shift;
  const normal = configFromCode(
    { dataDir, namespace: 'test', durability: 'normal', ...config, serve: { port: 0, ...config.serve }, limits: { shutdownGrace: 200, ...config.limits } },
    { env: {}, cwd: dataDir, homeDir: homedir() },
  );
  const tokens = new TokenFile(normal.tokensFile ?? join(dataDir, 'tokens.json'), process.platform);
  const token: HttpPlace['token'] = (name, scopes, namespace = 'test', expiresAt) =>
    tokens.add({ name, scopes: [...scopes], namespace, expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString() }, now()).secret;
  const secrets = Object.fromEntries(Object.entries(first ?? {}).map(([name, scopes]) => [name, token(name, scopes)])) as { readonly [K in keyof T]: string };
  const server = await startServer({ config: normal, engine: { logger: silentLogger(), ...options }, platform: process.platform, now });
  atEnd(() => server.stop());
  return { server, url: server.url, dataDir, tokens, token, secrets, later: (ms) => (shift += ms) };
}

export type HttpClientKind = '2025 http' | '2024 sse' | '2026';
export const HTTP_CLIENT_KINDS: readonly HttpClientKind[] = ['2025 http', '2024 sse', '2026'];

export interface HttpConnection {
  readonly client: OldClient | ModernClient;
  readonly sessionId: () => string | undefined;
  call(name: string, args?: Record<string, unknown>, options?: object): Promise<Reply>;
  /** The text of an error. */
  text(name: string, args?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

/** A real client of each era. */
export async function connectHttp(
  url: string,
  kind: HttpClientKind,
  {
    token,
    prepare = () => undefined,
    capabilities = {},
  }: { token?: string; prepare?: (client: { setRequestHandler(method: never, handler: never): void }) => void; capabilities?: object } = {},
): Promise<HttpConnection> {
  const requestInit = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  const client =
    kind === '2026'
      ? new ModernClient({ name: 'new', version: '1' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } })
      : new OldClient({ name: 'old', version: '1' }, { capabilities });
  prepare(client as never);
  const transport =
    kind === '2026'
      ? new ModernTransport(new URL(`${url}/mcp`), { requestInit })
      : kind === '2025 http'
        ? new OldTransport(new URL(`${url}/mcp`), { requestInit })
        : new OldSse(new URL(`${url}/sse`), {
            requestInit,
            // The stream itself is opened by another hand than the messages.
            eventSourceInit: {
              fetch: (input, init) => fetch(input as never, { ...init, headers: { ...init?.headers, ...requestInit.headers } } as never) as never,
            },
          });
  await client.connect(transport as never);
  atEnd(() => client.close());
  const raw = async (
    name: string,
    args: Record<string, unknown>,
    options: object = {},
  ): Promise<{ isError?: boolean; content: { text: string }[]; structuredContent?: Reply }> =>
    (await (kind === '2026'
      ? (client as ModernClient).callTool({ name, arguments: args }, options)
      : (client as OldClient).callTool({ name, arguments: args }, undefined, options))) as never;
  return {
    client,
    sessionId: () => (transport as { sessionId?: string }).sessionId,
    call: async (name, args = {}, options = {}) => {
      const result = await raw(name, args, options);
      if (result.isError || result.structuredContent === undefined) throw new Error(result.content[0]?.text);
      return result.structuredContent;
    },
    text: async (name, args = {}) => (await raw(name, args)).content[0]?.text ?? '',
    close: () => client.close(),
  };
}

/** One JSON-RPC message of the 2026 protocol with the headers that it needs. */
export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A tool call as a 2026 client sends it. */
export function callMessage(name: string, args: Record<string, unknown> = {}): { readonly body: Reply; readonly headers: Record<string, string> } {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  };
  return {
    body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, _meta: meta } },
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name },
  };
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Reply;
}

/** The HTTP interface as a program without MCP uses it: `api(url, token)('POST /jobs', {…})`. */
export function api(
  url: string,
  token?: string,
): (what: string, body?: unknown, init?: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal }) => Promise<ApiAnswer> {
  return async (what, body, { headers = {}, signal } = {}) => {
    const [method = '', path = ''] = what.split(' ');
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? {} : (JSON.parse(text) as Reply) };
  };
}
