// Owns streams of the 2026 era on which clients listen for changes: one channel per engine, so that nobody hears of another namespace.
import { createMcpHandler, type McpHttpHandler, type McpServerFactory } from '@modelcontextprotocol/server';
import type { PublishedTools } from '../../tools/published.ts';
import type { Principal } from '../domain/access.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { listenedUris, tooMuch } from './listens.ts';
import { protocolFault } from './protocol-fault.ts';
import { onPublishedChange } from './published-source.ts';
import { MAX_FOLLOWED, ResourceUpdates } from './resource-updates.ts';

interface Channel {
  readonly handler: McpHttpHandler;
  readonly updates: ResourceUpdates;
}

export class HttpListens {
  readonly #factory: McpServerFactory;
  readonly #published: PublishedTools | null;
  readonly #engineOf: (principal: Principal) => Promise<OrchestrationEngine>;
  readonly #channels = new Map<OrchestrationEngine, Channel>();
  readonly #open = new Map<AbortController, Principal>();

  /** `published`: null where the tools never change. */
  constructor(factory: McpServerFactory, engineOf: (principal: Principal) => Promise<OrchestrationEngine>, published: PublishedTools | null) {
    this.#factory = factory;
    this.#published = published;
    this.#engineOf = engineOf;
  }

  /** The stream of one client; undefined for a request that is not about listening. */
  async serve(
    request: Request,
    body: unknown,
    principal: Principal,
    options: NonNullable<Parameters<McpHttpHandler['fetch']>[1]>,
  ): Promise<Response | undefined> {
    const uris = listenedUris(body);
    if (uris === undefined) return undefined;
    const { id } = body as { readonly id?: unknown };
    if (uris.length > MAX_FOLLOWED) return Response.json(tooMuch(id));
    try {
      return await this.#stream(request, uris, principal, options);
    } catch (error) {
      const { code, message } = protocolFault(error);
      return Response.json({ jsonrpc: '2.0', id: id ?? null, error: { code, message } });
    }
  }

  async #stream(
    request: Request,
    uris: readonly string[],
    principal: Principal,
    options: NonNullable<Parameters<McpHttpHandler['fetch']>[1]>,
  ): Promise<Response> {
    const engine = await this.#engineOf(principal);
    const { handler, updates } = this.#channelOf(engine);
    const ended = new AbortController();
    const signal = AbortSignal.any([request.signal, ended.signal]);
    // Before the stream is open: what happens meanwhile is told.
    for (const uri of uris) updates.follow(uri, engine);
    this.#open.set(ended, principal);
    const end = (): void => {
      if (this.#open.delete(ended)) for (const uri of uris) if (updates.has(uri)) updates.unfollow(uri);
    };
    signal.addEventListener('abort', end, { once: true });
    try {
      const answer = await handler.fetch(new Request(request, { signal }), options);
      if (answer.headers.get('content-type')?.startsWith('text/event-stream') !== true || signal.aborted) end();
      return answer;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Ends the streams of those who are no longer let in. */
  sweep(isGone: (principal: Principal) => boolean): void {
    for (const [ended, principal] of [...this.#open]) if (isGone(principal)) ended.abort();
  }

  async close(): Promise<void> {
    for (const { updates } of this.#channels.values()) updates.close();
    await Promise.all([...this.#channels.values()].map(({ handler }) => handler.close()));
  }

  #channelOf(engine: OrchestrationEngine): Channel {
    const known = this.#channels.get(engine);
    if (known !== undefined) return known;
    const handler = createMcpHandler(this.#factory, { legacy: 'reject' });
    const made = { handler, updates: new ResourceUpdates((uri) => handler.notify.resourceUpdated(uri)) };
    if (this.#published !== null) onPublishedChange(engine, this.#published, () => handler.notify.toolsChanged());
    this.#channels.set(engine, made);
    return made;
  }
}
