// Owns the HTTP server: what is asked of every request before anything is served, which path leads where, and an end that lets requests finish.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PublishedWorkflow } from '../../tools/published.ts';
import type { ToolSpec } from '../../tools/tool.ts';
import type { ServeConfig } from '../config/serve-schema.ts';
import { mayDo, type Principal } from '../domain/access.ts';
import { type ErrorData, LogisticsError } from '../domain/errors.ts';
import { isJsonObject } from '../domain/json.ts';
import type { Logger } from '../domain/log.ts';
import { McpHttp, type McpHttpParts } from '../mcp/mcp-http.ts';
import { scopeFault } from '../mcp/scope-gate.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { AuditEntry, CallFigure } from '../tool-caller.ts';
import { AddressCheck, inUrl } from './address-check.ts';
import { RestApi } from './api/rest-api.ts';
import type { Authenticator } from './authenticator.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { frontPage } from './front-page.ts';
import { type Exchange, Gate } from './gate.ts';
import { HookEndpoint, type PreparedHooks } from './hooks/hook-endpoint.ts';
import { readMessages } from './read-body.ts';
import { refusalOf, refuse, refuseMethod, sendJson, sendText } from './reply.ts';
import { REQUEST_ID, RequestWatch } from './request-watch.ts';
import { METADATA_PATHS, protectedResource } from './resource-metadata.ts';
import { type Route, RouteTable, type Serve } from './route-table.ts';
import { ScrapePage } from './scrape-page.ts';

/** Headers are small: they have less time than the whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 65_000;
const TIMEOUT_CHECK_MS = 2_000;
const MAX_HEADER_BYTES = 16_384;
const SWEEP_MS = 2_000;

export interface HttpServerParts {
  readonly config: ServeConfig;
  readonly authenticator: Authenticator;
  readonly engineOf: (principal: Principal) => Promise<OrchestrationEngine>;
  /** Why this process cannot work now, or null. */
  readonly readiness: () => ErrorData | null;
  readonly tools: readonly ToolSpec[];
  readonly published: readonly PublishedWorkflow[];
  readonly onServer?: McpHttpParts['onServer'];
  /** What other programs may set off; absent where nothing is. */
  readonly hooks?: PreparedHooks | undefined;
  readonly metrics: Metrics;
  /** Engines of this process that are open. */
  readonly engines: () => readonly OrchestrationEngine[];
  readonly logger: Logger;
  readonly now: () => number;
  /** Time for requests to finish when the server stops. */
  readonly graceMs: number;
}

export class HttpServer {
  readonly #p: HttpServerParts;
  readonly #check: AddressCheck;
  readonly #gate: Gate;
  readonly #watch: RequestWatch;
  readonly #scrape: ScrapePage;
  readonly #mcp: McpHttp;
  readonly #api: RestApi;
  readonly #hooks: HookEndpoint | null;
  readonly #server: Server;
  readonly #connections: ConnectionLimit;
  readonly #routes: RouteTable;
  #stopping = false;
  #sweep: NodeJS.Timeout | null = null;

  constructor(parts: HttpServerParts) {
    this.#p = parts;
    const { config, logger } = parts;
    this.#check = new AddressCheck(config);
    this.#watch = new RequestWatch(parts);
    this.#scrape = new ScrapePage(parts);
    this.#gate = new Gate({
      config,
      authenticator: parts.authenticator,
      url: () => this.url,
      now: parts.now,
      onStream: (response) => this.#watch.streamBegan(response),
    });
    const audit = (entry: AuditEntry): void => logger.info({ ...entry, audit: true }, 'call');
    const onCall = (figure: CallFigure): void => parts.metrics.called(figure);
    this.#mcp = new McpHttp({
      engineOf: parts.engineOf,
      tools: parts.tools,
      published: parts.published,
      onServer: parts.onServer,
      sessions: { maxSessions: config.maxSessions, idleMs: config.sessionIdleMs },
      now: parts.now,
      onCall,
      maxResultBytes: config.maxResultBytes,
      audit,
      onError: (error) => logger.warn({ err: error }, 'a session could not be put away'),
    });
    this.#hooks =
      parts.hooks === undefined || parts.hooks.hooks.length === 0 ? null : new HookEndpoint({ ...parts, ...parts.hooks, begin: () => this.#gate.begin() });
    this.#api = new RestApi({
      ...parts,
      hooks: parts.hooks?.hooks,
      gate: this.#gate,
      maxBodyBytes: config.maxBodyBytes,
      maxResultBytes: config.maxResultBytes,
      audit,
      onCall,
    });
    this.#server = createServer(
      {
        headersTimeout: Math.min(HEADERS_TIMEOUT_MS, config.requestTimeoutMs),
        requestTimeout: config.requestTimeoutMs,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, config.requestTimeoutMs),
        maxHeaderSize: MAX_HEADER_BYTES,
        noDelay: true,
      },
      (request, response) => this.#answer(request, response).catch((error: unknown) => this.#failed(error, response)),
    );
    this.#connections = new ConnectionLimit(this.#server, config.maxConnections);
    parts.metrics.watchSessions(() => this.sessions);
    this.#routes = new RouteTable(this.#table());
  }

  /** Resolves to the address once connections are taken. */
  async listen(): Promise<string> {
    const { host, port } = this.#p.config;
    this.#server.listen(port, host.replace(/^\[|\]$/g, ''));
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
      throw new LogisticsError(code === 'EADDRINUSE' ? 'conflict' : 'not_allowed', `${host}:${port} cannot be listened on (${code}).`, {
        path: 'port',
        nextActions: ['Choose another one with --port, or stop the program that has it.'],
        cause,
      });
    }
    this.#sweep = setInterval(() => {
      this.tick().catch((error: unknown) => this.#p.logger.warn({ err: error }, 'a look at the sessions failed'));
    }, SWEEP_MS);
    this.#sweep.unref();
    return this.url;
  }

  /** One look at sessions and streams: those that are idle, or whose token is over, are ended. */
  tick(): Promise<void> {
    const isGone = (principal: Principal): boolean => this.#p.authenticator.isGone(principal);
    this.#api.tick(isGone);
    return this.#mcp.sweep(isGone);
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://${inUrl(this.#p.config.host.replace(/^\[|\]$/g, ''))}:${port}`;
  }

  /** Sessions of 2025-era clients that are open. */
  get sessions(): number {
    return this.#mcp.sessions;
  }

  /** Takes no more connections, lets requests finish for the grace time, then ends streams and sessions. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#sweep !== null) clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await this.#gate.idle(this.#p.graceMs);
    this.#api.close();
    await this.#mcp.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const watched = this.#watch.begin(request, response);
    if (this.#connections.isPast(request.socket)) {
      const headers = { connection: 'close', 'retry-after': '1' };
      return refuse(response, { status: 503, code: 'rate_limited', message: `All ${this.#connections.max} connections of this server are taken.`, headers });
    }
    const { host, origin } = request.headers;
    // A request that has two of them, and a proxy before us, could be read in two ways.
    if (!this.#check.allowsHost(host)) return refuse(response, { status: 403, code: 'not_allowed', message: `The host ${shown(host)} is not served here.` });
    if (!this.#check.allowsOrigin(origin, host))
      return refuse(response, { status: 403, code: 'not_allowed', message: `Pages of ${shown(origin)} may not call this server.` });
    if (origin !== undefined && this.#check.mayRead(origin)) {
      letRead(response, origin);
      if (request.method === 'OPTIONS') {
        response.writeHead(204).end();
        return;
      }
    }
    if (this.#stopping) return refuse(response, { status: 503, code: 'shutting_down', message: 'This server is stopping.', headers: { connection: 'close' } });
    const route = this.#routes.find(request.url ?? '/');
    if (route === undefined) return refuse(response, { status: 404, code: 'not_found', message: 'There is nothing at this path; GET / says what there is.' });
    watched.route = route.path;
    if (route.methods !== null && !route.methods.includes(request.method ?? '')) return refuseMethod(response, route.methods);
    await route.serve(request, response);
  }

  #table(): readonly Route[] {
    const get = ['GET', 'HEAD'];
    const { config } = this.#p;
    return [
      { path: '/', methods: get, serve: (_, response) => sendText(response, 200, frontPage(this.#p.tools.length, this.#p.authenticator.required)) },
      { path: '/healthz', methods: get, serve: (_, response) => sendText(response, 200, 'ok\n') },
      { path: '/readyz', methods: get, serve: (_, response) => this.#ready(response) },
      { path: '/metrics', methods: ['GET'], serve: (request, response) => this.#metrics(request, response) },
      { path: '/mcp', methods: ['POST', 'GET', 'DELETE'], serve: this.#overMcp((exchange) => this.#mcp.serve(exchange)) },
      { path: '/api/v1/*', methods: null, serve: (request, response) => this.#api.serve(request, response) },
      ...this.#hookRoutes(),
      { path: '/sse', methods: ['GET'], serve: this.#overMcp((exchange) => this.#mcp.openStream(exchange)) },
      { path: '/messages', methods: ['POST'], serve: this.#overMcp((exchange) => this.#mcp.postMessage(exchange)) },
      ...(config.jwt === null
        ? []
        : METADATA_PATHS.map((path): Route => ({ path, methods: get, serve: (_, response) => sendJson(response, 200, protectedResource(config, this.url)) }))),
    ];
  }

  /** The only path besides the open pages that asks for no token: a signature takes its place. */
  #hookRoutes(): Route[] {
    const hooks = this.#hooks;
    return hooks === null ? [] : [{ path: '/hooks/*', methods: ['POST'], serve: (request, response) => hooks.serve(request, response) }];
  }

  #ready(response: ServerResponse): void {
    const fault = this.#p.readiness();
    if (fault === null) return sendJson(response, 200, { ready: true });
    this.#p.logger.warn({ code: fault.code, error: fault.message }, 'not ready');
    sendJson(response, 503, { ready: false, code: fault.code });
  }

  #metrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#gate.pass(request, response, { stream: false, read: null }, (exchange) =>
      mayDo(exchange.principal, ['read']) ? this.#scrape.serve(exchange) : this.#gate.refuseScope(response, 'To read metrics', ['read']),
    );
  }

  #overMcp(serve: (exchange: Exchange) => Promise<void> | void): Serve {
    const { config, tools } = this.#p;
    return (request, response) => {
      const read = request.method === 'POST' ? () => readMessages(request, config.maxBodyBytes) : null;
      return this.#gate.pass(request, response, { stream: request.method === 'GET', read }, (exchange) => {
        const fault = scopeFault(exchange.body, exchange.principal, tools);
        if (fault !== undefined) return this.#gate.refuseScope(response, fault.method, fault.needs);
        // A subscription ends with the server, not by itself.
        if (isJsonObject(exchange.body) && exchange.body.method === 'subscriptions/listen') exchange.lasts();
        return serve(exchange);
      });
    };
  }

  #failed(error: unknown, response: ServerResponse): void {
    if (error instanceof LogisticsError) return refuse(response, refusalOf(error));
    this.#p.logger.error({ err: error, request_id: response.getHeader(REQUEST_ID) }, 'a request failed');
    refuse(response, refusalOf(new LogisticsError('internal', '')));
  }
}

/** For pages of the origins that are listed. */
function letRead(response: ServerResponse, origin: string): void {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'Origin');
  response.setHeader('access-control-expose-headers', 'Mcp-Session-Id, WWW-Authenticate, Retry-After, X-Request-Id');
  response.setHeader('access-control-allow-methods', 'GET, POST, PATCH, DELETE');
  response.setHeader(
    'access-control-allow-headers',
    'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Mcp-Method, Mcp-Name, Mcp-Protocol-Version, Mcp-Session-Id',
  );
  response.setHeader('access-control-max-age', '600');
}

function shown(text: string | undefined): string {
  return text === undefined ? '(none)' : JSON.stringify(text.slice(0, 100));
}
