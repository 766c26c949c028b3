// Owns a client over HTTP that costs little, so that the server's time is what is measured; and the start and end of the servers it speaks to.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Pool } from 'undici';
import type { ServerCommand } from './stdio-client.ts';

export type Era = '2025' | '2026';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};

export interface HttpChild {
  readonly url: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a server that says its address on its first line. */
export async function startHttp({ args, env }: ServerCommand): Promise<HttpChild> {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  let text = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const found = /"url":"([^"]+)"/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${text}`)));
  });
  return {
    url,
    child,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export class HttpClient {
  readonly #pool: Pool;
  readonly #era: Era;
  #session: string | null = null;
  #next = 1;

  constructor(url: string, era: Era, connections: number) {
    this.#pool = new Pool(url, { connections, pipelining: 1, headersTimeout: 120_000, bodyTimeout: 120_000 });
    this.#era = era;
  }

  async initialize(): Promise<void> {
    if (this.#era === '2026') return;
    await this.#post({ method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } });
  }

  /** The structured content of a tool call, or its text. */
  async call(name: string, args: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    const params = { name, arguments: args, ...(this.#era === '2026' ? { _meta: META } : {}) };
    const reply = (await this.#post({ method: 'tools/call', params })) as {
      readonly result?: { readonly isError?: boolean; readonly structuredContent?: Readonly<Record<string, unknown>>; readonly content: unknown };
    };
    if (reply.result === undefined || reply.result.isError === true) throw new Error(JSON.stringify(reply));
    return reply.result.structuredContent ?? {};
  }

  async #post(message: { readonly method: string; readonly params: Readonly<Record<string, unknown>> }): Promise<unknown> {
    const { statusCode, headers, body } = await this.#pool.request({
      path: '/mcp',
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(this.#era === '2026'
          ? {
              'mcp-protocol-version': '2026-07-28',
              'mcp-method': message.method,
              ...(typeof message.params.name === 'string' ? { 'mcp-name': message.params.name } : {}),
            }
          : { 'mcp-protocol-version': '2025-11-25', ...(this.#session === null ? {} : { 'mcp-session-id': this.#session }) }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: this.#next++, ...message }),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode}: ${text}`);
    this.#session ??= (headers['mcp-session-id'] as string | undefined) ?? null;
    return JSON.parse(text.startsWith('{') ? text : text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
