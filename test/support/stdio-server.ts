// Owns real server processes for tests: started from source as a host starts them, spoken to by the clients that hosts ship.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { atEnd, tempFolder } from './test-engine.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface ServerPlace {
  readonly dataDir: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder of its own for store, working folder and user settings. */
export function serverPlace(flags: readonly string[] = []): ServerPlace {
  return { dataDir: tempFolder(), flags };
}

export function commandOf({ dataDir, flags = [], env = {} }: ServerPlace): { command: string; args: string[]; cwd: string; env: Record<string, string> } {
  mkdirSync(dataDir, { recursive: true });
  return {
    command: process.execPath,
    args: [MAIN, '--data-dir', join(dataDir, 'store'), '--namespace', 'test', '--log-level', 'warn', ...flags],
    cwd: dataDir,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: dataDir,
      XDG_CONFIG_HOME: dataDir,
      APPDATA: dataDir,
      LOCALAPPDATA: dataDir,
      LOGISTICS_BACKGROUND: 'off',
      ...env,
    },
  };
}

export interface Reply {
  readonly [name: string]: unknown;
}

export interface Connection {
  readonly pid: number;
  call(name: string, args?: Record<string, unknown>): Promise<Reply>;
  /** The whole result, also of an error. */
  raw(
    name: string,
    args?: Record<string, unknown>,
  ): Promise<{ isError?: boolean; content: { type: string; text: string }[]; structuredContent?: Reply; _meta?: Record<string, unknown> }>;
  listTools(): Promise<readonly { name: string }[]>;
  readonly instructions: string | undefined;
  close(): Promise<void>;
}

export type ClientKind = '1.x' | '2.x' | '2026-07-28';
export const CLIENT_KINDS: readonly ClientKind[] = ['1.x', '2.x', '2026-07-28'];

/** Connects a client of this kind to a new server process; closed after the test. */
export async function connect(
  place: ServerPlace,
  kind: ClientKind = '2.x',
  prepare: (client: ModernClient) => void = () => {},
  capabilities: object = {},
): Promise<Connection> {
  const connection = kind === '1.x' ? await connectOld(place) : await connectModern(place, kind, prepare, capabilities);
  atEnd(() => connection.close());
  return connection;
}

async function connectOld(place: ServerPlace): Promise<Connection> {
  const client = new OldClient({ name: 'old', version: '1' });
  const transport = new OldTransport({ ...commandOf(place), stderr: 'pipe' });
  await client.connect(transport);
  const raw: Connection['raw'] = async (name, args = {}) => (await client.callTool({ name, arguments: args })) as never;
  return {
    pid: transport.pid ?? 0,
    raw,
    call: calling(raw),
    listTools: async () => (await client.listTools()).tools,
    instructions: client.getInstructions(),
    close: () => client.close(),
  };
}

async function connectModern(place: ServerPlace, kind: ClientKind, prepare: (client: ModernClient) => void, capabilities: object): Promise<Connection> {
  const client = new ModernClient(
    { name: 'new', version: '1' },
    { capabilities, versionNegotiation: { mode: kind === '2.x' ? 'legacy' : { pin: '2026-07-28' } } },
  );
  prepare(client);
  const transport = new ModernTransport({ ...commandOf(place), stderr: 'pipe' });
  await client.connect(transport);
  const raw: Connection['raw'] = async (name, args = {}) => (await client.callTool({ name, arguments: args })) as never;
  return {
    pid: transport.pid ?? 0,
    raw,
    call: calling(raw),
    listTools: async () => (await client.listTools()).tools,
    instructions: client.getInstructions(),
    close: () => client.close(),
  };
}

function calling(raw: Connection['raw']): Connection['call'] {
  return async (name, args) => {
    const result = await raw(name, args);
    if (result.isError || result.structuredContent === undefined) throw new Error(result.content[0]?.text);
    return result.structuredContent;
  };
}

/** A server without a client: lines in, lines out. */
export function startRaw(place: ServerPlace): {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  send(message: object): void;
  answer(id: number): Promise<Reply>;
  exit(): Promise<number | null>;
} {
  const { command, args, cwd, env } = commandOf(place);
  const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let stderr = '';
  let rest = '';
  const answers = new Map<number, Reply>();
  const waiting = new Map<number, (reply: Reply) => void>();
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      // Anything but JSON on standard output fails here.
      const message = JSON.parse(line) as Reply & { id?: number };
      if (message.id === undefined) continue;
      answers.set(message.id, message);
      waiting.get(message.id)?.(message);
    }
  });
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  return {
    child,
    stderr: () => stderr,
    send: (message) => child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    answer: (id) => {
      const known = answers.get(id);
      return known === undefined ? new Promise((resolve) => waiting.set(id, resolve)) : Promise.resolve(known);
    },
    exit: async () => (await exited)[0],
  };
}

export const INITIALIZE = {
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
