// Owns what a client of the 2026 era listens to on one connection: the SDK answers the request and delivers; here is what it must be told of.
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';
import { isJsonObject } from '../domain/json.ts';
import type { EngineDoor } from '../tool-caller.ts';
import type { ToolSource } from './published-source.ts';
import { MAX_FOLLOWED, ResourceUpdates } from './resource-updates.ts';
import { parseResourceUri } from './resource-uri.ts';

const INVALID_PARAMS = -32_602;

/** Addresses in a request to listen; undefined for any other message. What is no address of ours never changes. */
export function listenedUris(message: unknown): readonly string[] | undefined {
  if (!isJsonObject(message) || message.method !== 'subscriptions/listen') return undefined;
  const filter = isJsonObject(message.params) ? message.params.notifications : undefined;
  const uris = isJsonObject(filter) ? filter.resourceSubscriptions : undefined;
  if (!Array.isArray(uris)) return [];
  return [...new Set(uris)].filter((uri): uri is string => typeof uri === 'string' && parseResourceUri(uri) !== null);
}

function listensToTools(message: unknown): boolean {
  return (
    (message as { readonly params?: { readonly notifications?: { readonly toolsListChanged?: unknown } } }).params?.notifications?.toolsListChanged === true
  );
}

/** The answer to a request that listens to too much. */
export function tooMuch(id: unknown): object {
  return { jsonrpc: '2.0', id: id ?? null, error: { code: INVALID_PARAMS, message: `A connection listens to at most ${MAX_FOLLOWED} resources.` } };
}

export interface ListenTellers {
  /** Passes an address on to whoever listens to it. */
  readonly resource: (uri: string) => void;
  readonly tools: () => void;
  readonly onToolsChange: ToolSource['onToolsChange'];
}

/** Watches a transport that is being served, for as long as it is open. */
export function watchListens(transport: Transport, door: EngineDoor, tell: ListenTellers): void {
  const updates = new ResourceUpdates(tell.resource);
  let tools: Promise<() => void> | null = null;
  const open = new Map<unknown, readonly string[]>();
  let closed = false;
  const begin = async (id: unknown, uris: readonly string[]): Promise<void> => {
    open.set(id, uris);
    const engine = await door.get();
    if (closed || open.get(id) !== uris) return;
    for (const uri of uris) updates.follow(uri, engine);
  };
  const end = (id: unknown): void => {
    for (const uri of open.get(id) ?? []) if (updates.has(uri)) updates.unfollow(uri);
    open.delete(id);
  };
  const { onmessage, onclose } = transport;
  transport.onmessage = (message, extra) => {
    const { id, method, params } = message as { readonly id?: unknown; readonly method?: string; readonly params?: { readonly requestId?: unknown } };
    const uris = listenedUris(message);
    if (uris !== undefined) {
      const held = [...open.values()].reduce((sum, each) => sum + each.length, 0);
      if (held + uris.length > MAX_FOLLOWED) {
        transport.send(tooMuch(id) as JSONRPCMessage).catch(() => undefined);
        return;
      }
      if (listensToTools(message) && tools === null) {
        tools = tell.onToolsChange(tell.tools);
        tools.catch(() => {
          tools = null;
        });
      }
      // An engine that cannot be opened is told by the calls; until then nothing changes.
      if (uris.length > 0) begin(id, uris).catch(() => end(id));
    } else if (method === 'notifications/cancelled') end(params?.requestId);
    onmessage?.(message, extra);
  };
  transport.onclose = () => {
    closed = true;
    updates.close();
    tools?.then((stop) => stop()).catch(() => undefined);
    onclose?.();
  };
}
