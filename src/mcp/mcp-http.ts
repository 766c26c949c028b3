// Owns MCP over HTTP: one endpoint for every era of the protocol, the old event stream beside it, and the sessions that the older ones need.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  type McpHttpHandler,
  type McpServerFactory,
  type Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { PublishedTools, type PublishedWorkflow } from '../../tools/published.ts';
import type { ToolSpec } from '../../tools/tool.ts';
import { ConnectionSession } from '../connection-session.ts';
import type { Principal } from '../domain/access.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { AuditEntry, CallFigure } from '../tool-caller.ts';
import { eraOf } from './era.ts';
import { HttpListens } from './http-listens.ts';
import { type HttpSession, type HttpSessionLimits, HttpSessions } from './http-sessions.ts';
import { toRequest, writeResponse } from './node-web.ts';
import { publishedSource } from './published-source.ts';
import { createMcpServer } from './server.ts';
import { SseTransport } from './sse-transport.ts';

export interface McpHttpParts {
  readonly engineOf: (principal: Principal) => Promise<OrchestrationEngine>;
  readonly tools: readonly ToolSpec[];
  /** Stored workflows that are tools of their own, in whose namespace they are stored. */
  readonly published?: readonly PublishedWorkflow[] | undefined;
  /** Told of each server before it is connected: whoever embeds this one may add to it. */
  readonly onServer?: ((server: Server) => void) | undefined;
  readonly maxResultBytes: number;
  readonly sessions: HttpSessionLimits;
  readonly now: () => number;
  readonly audit: (entry: AuditEntry) => void;
  /** Told of each tool call once it has its answer. */
  readonly onCall?: ((figure: CallFigure) => void) | undefined;
  readonly onError: (error: unknown) => void;
}

/** A request whose sender and scopes were checked, with its parsed body; undefined for requests without one. */
export interface McpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: unknown;
  readonly principal: Principal;
}

const SESSION_HEADER = 'mcp-session-id';
const NO_SESSION = -32_001;
const BAD_REQUEST = -32_000;

export class McpHttp {
  readonly #p: McpHttpParts;
  readonly #modern: McpHttpHandler;
  readonly #listens: HttpListens;
  readonly #published: PublishedTools | null;
  readonly #sessions: HttpSessions;
  readonly #transports = new WeakMap<HttpSession, WebStandardStreamableHTTPServerTransport | SseTransport>();

  constructor(parts: McpHttpParts) {
    this.#p = parts;
    this.#sessions = new HttpSessions(parts.sessions, parts.now);
    const factory: McpServerFactory = ({ authInfo }) => {
      const principal = authInfo?.extra?.principal as Principal;
      return this.#server(() => principal, null);
    };
    this.#modern = createMcpHandler(factory, { legacy: 'reject' });
    this.#published = parts.published === undefined || parts.published.length === 0 ? null : new PublishedTools(parts.tools, parts.published);
    this.#listens = new HttpListens(factory, parts.engineOf, this.#published);
  }

  /** Sessions of 2025-era clients that are open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Serves one request to /mcp. */
  async serve(exchange: McpExchange): Promise<void> {
    const { request, response, body, principal } = exchange;
    const web = toRequest(request, response);
    if (request.method === 'POST' && (await isModern(request, web, body))) {
      const authInfo = { token: '', clientId: principal.id, scopes: [...principal.scopes], extra: { principal } };
      const options = { authInfo, parsedBody: body };
      await writeResponse((await this.#listens.serve(web, body, principal, options)) ?? (await this.#modern.fetch(web, options)), response);
      return;
    }
    const id = request.headers[SESSION_HEADER];
    if (id === undefined) {
      const first = Array.isArray(body) ? body[0] : body;
      if (request.method !== 'POST' || !isInitializeRequest(first))
        refuse(response, 400, BAD_REQUEST, 'The header Mcp-Session-Id is missing; a session begins with initialize.');
      else await this.#begin(web, exchange);
      return;
    }
    const session = typeof id === 'string' ? this.#sessions.find(id, principal) : undefined;
    const transport = session === undefined ? undefined : this.#transports.get(session);
    if (session === undefined || !(transport instanceof WebStandardStreamableHTTPServerTransport)) {
      refuse(response, 404, NO_SESSION, 'There is no such session; begin a new one with initialize.');
      return;
    }
    await this.#under(session, async () => writeResponse(await transport.handleRequest(web, withBody(body)), response));
  }

  async #begin(web: Request, { response, body, principal }: McpExchange): Promise<void> {
    const giveBack = this.#sessions.take(principal);
    const owned = new ConnectionSession(principal.id);
    let session: HttpSession | null = null;
    const server = this.#server(() => session?.principal ?? principal, owned);
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => {
        session = this.#add(id, principal, { server, transport, owned, giveBack });
      },
    });
    await server.connect(transport);
    try {
      await writeResponse(await transport.handleRequest(web, withBody(body)), response);
    } finally {
      if (session === null) {
        giveBack();
        await server.close();
      }
    }
  }

  /** Opens the event stream of an old client; resolves when it has ended. */
  async openStream({ response, principal }: Omit<McpExchange, 'body'>): Promise<void> {
    const giveBack = this.#sessions.take(principal);
    const owned = new ConnectionSession(principal.id);
    const ended = new Promise<void>((resolve) => response.once('close', resolve));
    const transport = new SseTransport({ sessionId: randomUUID(), response, endpoint: '/messages' });
    let session: HttpSession | null = null;
    const server = this.#server(() => session?.principal ?? principal, owned);
    session = this.#add(transport.sessionId, principal, { server, transport, owned, giveBack });
    const current = session;
    await this.#under(current, async () => {
      await server.connect(transport);
      await ended;
    });
    await current.end();
  }

  /** Takes a message of an old client; its answer comes on the stream. */
  postMessage({ request, response, body, principal }: McpExchange): void {
    const id = new URL(request.url ?? '/', 'http://localhost').searchParams.get('sessionId') ?? '';
    const session = this.#sessions.find(id, principal);
    const transport = session === undefined ? undefined : this.#transports.get(session);
    if (!(transport instanceof SseTransport)) {
      refuse(response, 404, NO_SESSION, 'There is no such session; open one with GET /sse.');
      return;
    }
    try {
      transport.receive(body);
    } catch {
      refuse(response, 400, -32_600, 'The body is no JSON-RPC message.');
      return;
    }
    response.writeHead(202, { 'content-type': 'text/plain' }).end('Accepted');
  }

  /** Ends sessions that are idle, or whose principal is no longer let in. */
  sweep(isGone: (principal: Principal) => boolean): Promise<void> {
    this.#listens.sweep(isGone);
    return this.#sessions.sweep(isGone);
  }

  /** Ends all streams and sessions; work goes on. */
  async close(): Promise<void> {
    await Promise.all([this.#modern.close(), this.#listens.close(), this.#sessions.close()]);
  }

  #server(principal: () => Principal, session: ConnectionSession | null): Server {
    const { engineOf, tools, audit, onCall, maxResultBytes } = this.#p;
    const engine = (): Promise<OrchestrationEngine> => engineOf(principal());
    const server = createMcpServer({
      engine: { get: engine },
      principal: principal().id,
      session,
      ...(this.#published === null ? { tools: () => Promise.resolve(tools) } : publishedSource(tools, this.#published, engine)),
      access: principal,
      audit,
      onCall,
      maxResultBytes,
    });
    this.#p.onServer?.(server);
    return server;
  }

  #add(
    id: string,
    principal: Principal,
    p: {
      readonly server: Server;
      readonly transport: WebStandardStreamableHTTPServerTransport | SseTransport;
      readonly owned: ConnectionSession;
      readonly giveBack: () => void;
    },
  ): HttpSession {
    let ending: Promise<void> | null = null;
    const end = async (): Promise<void> => {
      this.#sessions.delete(id);
      p.giveBack();
      await p.server.close();
      try {
        await p.owned.close(await this.#p.engineOf(session.principal));
      } catch (error) {
        this.#p.onError(error);
      }
    };
    const session: HttpSession = {
      id,
      principal,
      open: 0,
      lastAt: this.#p.now(),
      end: () => {
        ending ??= end();
        return ending;
      },
    };
    // DELETE closes the transport by itself.
    const { onclose } = p.server;
    p.server.onclose = () => {
      onclose?.();
      session.end().catch(this.#p.onError);
    };
    this.#transports.set(session, p.transport);
    this.#sessions.add(session);
    return session;
  }

  async #under(session: HttpSession, work: () => Promise<void>): Promise<void> {
    session.open++;
    try {
      await work();
    } finally {
      session.open--;
      session.lastAt = this.#p.now();
    }
  }
}

async function isModern(request: IncomingMessage, web: Request, body: unknown): Promise<boolean> {
  const era = eraOf(body, request.headers);
  return era === 'unclear' ? !(await isLegacyRequest(web, body)) : era === 'modern';
}

function withBody(body: unknown): { parsedBody?: unknown } {
  return body === undefined ? {} : { parsedBody: body };
}

function refuse(response: ServerResponse, status: number, code: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
}
