// Owns a client of the 2026 era without a library: requests with their envelope, and whatever comes back, as it is.
import { InMemoryTransport } from '@modelcontextprotocol/client';
import type { Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { ConnectionSession } from '../../src/connection-session.ts';
import { watchListens } from '../../src/mcp/listens.ts';
import { createMcpServer, type McpServerParts } from '../../src/mcp/server.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { atEnd } from './test-engine.ts';

export interface Wire {
  readonly [name: string]: unknown;
}

export interface ModernClient {
  /** The result; throws `{code, message, data}` for an error of the protocol. */
  request(method: string, params?: { readonly _meta?: object; readonly [name: string]: unknown }): Promise<Wire>;
  /** The result of a tool call, whatever kind it is of. */
  call(name: string, args?: object, meta?: object): Promise<Wire>;
  /** Notifications so far. */
  readonly told: readonly { readonly method: string; readonly params: Wire }[];
  /** Resolves when a notification fits. */
  next(fits: (note: { readonly method: string; readonly params: Wire }) => boolean): Promise<Wire>;
  send(message: object): void;
  close(): Promise<void>;
}

export const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

export async function modernClient(engine: OrchestrationEngine, capabilities: object = {}, parts: Partial<McpServerParts> = {}): Promise<ModernClient> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const session = new ConnectionSession('local');
  const door = { get: () => Promise.resolve(engine) };
  let server: Server | null = null;
  const handle = serveStdio(
    () => {
      server = createMcpServer({ engine: door, principal: 'local', session, ...parts });
      return server;
    },
    { transport: far as never },
  );
  watchListens(far as never, door, {
    resource: (uri) => void server?.sendResourceUpdated({ uri }),
    tools: () => void server?.sendToolListChanged(),
    onToolsChange: parts.onToolsChange ?? (() => Promise.resolve(() => undefined)),
  });
  const waiting = new Map<number, PromiseWithResolvers<Wire>>();
  const told: { method: string; params: Wire }[] = [];
  const listeners: { fits: (note: { method: string; params: Wire }) => boolean; done: PromiseWithResolvers<Wire> }[] = [];
  near.onmessage = (message) => {
    const { id, method, params, result, error } = message as { id?: number; method?: string; params?: Wire; result?: Wire; error?: object };
    if (method !== undefined) {
      const note = { method, params: params ?? {} };
      told.push(note);
      for (const { fits, done } of listeners) if (fits(note)) done.resolve(note.params);
    } else if (error === undefined) waiting.get(id ?? -1)?.resolve(result ?? {});
    else waiting.get(id ?? -1)?.reject(error);
  };
  await near.start();
  let last = 0;
  const send = (message: object): void => void near.send({ jsonrpc: '2.0', ...message } as never);
  const request = (method: string, { _meta = {}, ...params }: { readonly _meta?: object; readonly [name: string]: unknown } = {}): Promise<Wire> => {
    const id = ++last;
    const done = Promise.withResolvers<Wire>();
    waiting.set(id, done);
    const envelope = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': capabilities,
      'io.modelcontextprotocol/clientInfo': { name: 'wire', version: '1' },
    };
    send({ id, method, params: { ...params, _meta: { ...envelope, ..._meta } } });
    return done.promise;
  };
  atEnd(() => handle.close());
  return {
    request,
    call: (name, args = {}, meta = {}) => request('tools/call', { name, arguments: args, _meta: meta }),
    told,
    next: (fits) => {
      const known = told.find(fits);
      const done = Promise.withResolvers<Wire>();
      if (known !== undefined) done.resolve(known.params);
      else listeners.push({ fits, done });
      return done.promise;
    },
    send,
    close: () => handle.close(),
  };
}
