// Owns the HTTP interface /api/v1: an address becomes a call of a tool, by the same way and under the same rules as over MCP, and its outcome an answer.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PublishedTools, type PublishedWorkflow } from '../../../tools/published.ts';
import { toolSetOf } from '../../../tools/registry.ts';
import { scopesOf, type ToolSpec } from '../../../tools/tool.ts';
import { mayDo, type Principal, type Scope } from '../../domain/access.ts';
import { asLogisticsError, ERROR_TABLE, type ErrorCode, LogisticsError } from '../../domain/errors.ts';
import type { Hook } from '../../domain/hook.ts';
import { kindOfId } from '../../domain/id.ts';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import type { Logger } from '../../domain/log.ts';
import { nearMatches } from '../../domain/near-match.ts';
import { traceContextOf } from '../../domain/trace-context.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { parentHeader } from '../../runtime/current-work.ts';
import { type AuditEntry, type CallFigure, type CallRequest, ToolCaller } from '../../tool-caller.ts';
import type { Exchange, Gate } from '../gate.ts';
import { readObject } from '../read-body.ts';
import { refuse, refuseMethod, sendError, sendJson, sendText } from '../reply.ts';
import { REQUEST_ID } from '../request-watch.ts';
import { pathOf } from '../route-table.ts';
import { partsOf } from './api-path.ts';
import { type ApiRoute, findRoute, type OwnRoute, type ToolRoute } from './api-routes.ts';
import { sendArtifact } from './artifact-content.ts';
import { EventStreams } from './event-streams.ts';
import { openApiText } from './openapi.ts';
import { queryArguments, readQuery } from './query.ts';

export interface RestApiParts {
  readonly gate: Gate;
  /** Described beside the tools. */
  readonly hooks?: readonly Hook[] | undefined;
  readonly engineOf: (principal: Principal) => Promise<OrchestrationEngine>;
  readonly tools: readonly ToolSpec[];
  readonly published: readonly PublishedWorkflow[];
  readonly maxBodyBytes: number;
  readonly maxResultBytes: number;
  readonly audit: (entry: AuditEntry) => void;
  readonly onCall: (figure: CallFigure) => void;
  readonly logger: Logger;
  readonly now: () => number;
}

type Parts = Readonly<Record<string, string>>;

export class RestApi {
  readonly #p: RestApiParts;
  readonly #published: PublishedTools;
  readonly #streams: EventStreams;

  constructor(parts: RestApiParts) {
    this.#p = parts;
    this.#published = new PublishedTools(parts.tools, parts.published);
    this.#streams = new EventStreams({ logger: parts.logger, now: parts.now });
  }

  /** Event streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Serves one request to a path below /api/v1. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts = partsOf(pathOf(request.url ?? ''));
    if (parts === null)
      return refuse(response, { status: 400, code: 'invalid_input', message: 'This is no path of the interface: its parts are plain names and ids.' });
    const match = findRoute(request.method ?? '', parts);
    if (match.kind === 'none')
      return refuse(response, { status: 404, code: 'not_found', message: 'There is nothing at this path; /api/v1/openapi.json says what there is.' });
    if (match.kind === 'other_methods') return refuseMethod(response, match.methods);
    const { route } = match;
    const takesBody = route.method === 'POST' || route.method === 'PATCH';
    if (!takesBody && hasBody(request))
      return refuse(response, { status: 400, code: 'invalid_input', message: `${route.method} takes no body here; parameters go into the query.` });
    const rules = { stream: 'own' in route && route.own === 'events', read: takesBody ? () => readObject(request, this.#p.maxBodyBytes) : null };
    await this.#p.gate.pass(request, response, rules, async (exchange) => {
      try {
        await ('own' in route ? this.#own(route, match.parts, exchange) : this.#call(route.tool, this.#arguments(route, match.parts, exchange), exchange));
      } catch (error) {
        this.#fail(error, response);
      }
    });
  }

  /** Ends streams of those who are no longer let in, and of those who do not read; shows the others that they are open. */
  tick(isGone: (principal: Principal) => boolean): void {
    this.#streams.tick(isGone);
  }

  close(): void {
    this.#streams.close();
  }

  async #own({ own }: OwnRoute, parts: Parts, exchange: Exchange): Promise<void> {
    const { request, response, principal, body } = exchange;
    const url = request.url ?? '';
    if (own !== 'events') readQuery(url, []);
    switch (own) {
      case 'openapi':
        return sendText(response, 200, openApiText(this.#p.tools, this.#p.hooks), 'application/json');
      case 'tools':
        return sendJson(response, 200, {
          items: (await this.#tools(principal)).map(({ name, title, description, kind }) => ({ name, title, description, kind })),
        });
      case 'call_tool':
        return this.#call(await this.#toolNamed(parts.tool_name ?? '', principal), body as JsonObject, exchange);
      case 'artifact': {
        this.#mustHave('read', exchange);
        return sendArtifact(await this.#engine(principal), checkedId(parts, 'artifact'), request, response);
      }
      case 'events': {
        if (request.method === 'HEAD') return refuseMethod(response, ['GET']);
        this.#mustHave('read', exchange);
        return this.#streams.open(await this.#engine(principal), exchange);
      }
    }
  }

  #arguments(route: ToolRoute, parts: Parts, { request, body }: Exchange): JsonObject {
    if (!this.#p.tools.includes(route.tool)) throw notOn(route.tool.name);
    if (route.idKind !== undefined) checkedId(parts, route.idKind);
    checkChoice(route, parts);
    const fixed = route.args(parts);
    const query = queryArguments(request.url ?? '', route.tool, route.query ?? {});
    if (route.body === undefined) return { ...query, ...fixed };
    const given = body as JsonObject;
    if (route.body.under !== null) return { ...fixed, [route.body.under]: given };
    const taken = Object.keys(given).find((name) => Object.hasOwn(fixed, name) || route.body?.without.includes(name));
    if (taken !== undefined)
      throw new LogisticsError('invalid_input', `The body may not hold ${taken} at this address.`, {
        path: taken,
        expected: Object.hasOwn(fixed, taken) ? 'it in the address only' : `POST /api/v1/tools/${route.tool.name}`,
      });
    return { ...route.defaults, ...given, ...fixed };
  }

  /** The same call as over MCP: one parse, scopes, receipt, history, audit. */
  async #call(tool: ToolSpec, given: JsonObject, { request, response, principal }: Exchange): Promise<void> {
    const args = withKey(tool, given, request.headers['idempotency-key']);
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const caller = new ToolCaller({
      engine: { get: () => this.#p.engineOf(principal) },
      principal: principal.id,
      session: null,
      access: () => principal,
      audit: this.#p.audit,
      onCall: this.#p.onCall,
      maxResultBytes: this.#p.maxResultBytes,
    });
    const outcome = await caller.call(tool, args, { ...factsOf(request), signal: gone.signal });
    if (outcome.kind === 'done') return sendText(response, 200, outcome.text, 'application/json');
    if (outcome.kind === 'person') throw new LogisticsError('forbidden', 'A person has to answer, and nobody can be asked over this interface.');
    const needs = scopesOf(tool, args);
    this.#fail(outcome.error, response, outcome.error.code === 'forbidden' && !mayDo(principal, needs) ? needs : undefined);
  }

  #fail(thrown: unknown, response: ServerResponse, needs?: readonly Scope[]): void {
    const error = asLogisticsError(thrown);
    if (error !== thrown) this.#p.logger.error({ err: thrown }, 'a request failed');
    const { status } = Object.hasOwn(ERROR_TABLE, error.code) ? ERROR_TABLE[error.code as ErrorCode] : ERROR_TABLE.internal;
    const data = error.toData();
    // What went wrong inside is for the log.
    const told = error.code === 'internal' ? { ...data, message: 'The server failed; its log says why.' } : data;
    sendError(response, status, told, needs === undefined ? {} : { 'www-authenticate': this.#p.gate.scopeChallenge(needs) });
  }

  #mustHave(scope: Scope, { principal, response }: Exchange): void {
    if (principal.scopes.has(scope)) return;
    response.setHeader('www-authenticate', this.#p.gate.scopeChallenge([scope]));
    throw new LogisticsError('forbidden', `This needs the scope ${scope}.`, { expected: `a token with the scope ${scope}` });
  }

  /** On a store of several machines a client may come from another one: it sees what it was told there. */
  async #engine(principal: Principal): Promise<OrchestrationEngine> {
    const engine = await this.#p.engineOf(principal);
    await engine.backend.refresh?.();
    return engine;
  }

  async #tools(principal: Principal): Promise<readonly ToolSpec[]> {
    return this.#p.published.length === 0 ? this.#p.tools : this.#published.of(await this.#engine(principal));
  }

  async #toolNamed(name: string, principal: Principal): Promise<ToolSpec> {
    const tools = await this.#tools(principal);
    const found = tools.find((tool) => tool.name === name);
    if (found !== undefined) return found;
    if (toolSetOf(name) !== undefined) throw notOn(name);
    const names = tools.map((tool) => tool.name);
    throw new LogisticsError('not_found', `There is no tool ${name.slice(0, 100)}.`, {
      path: 'tool_name',
      expected: `one of ${names.join(', ')}`,
      nearMatches: nearMatches(name.slice(0, 100), names),
      nextActions: ['GET /api/v1/tools lists them.'],
    });
  }
}

function notOn(name: string): LogisticsError {
  const set = toolSetOf(name);
  return new LogisticsError('not_available', `${name} belongs to the tool set ${set}, which is not switched on.`, {
    nextActions: [`Set toolsets in the config file, LOGISTICS_TOOLSETS or --toolsets to ${set}.`],
  });
}

/** `id` of an address, when it names what the address is about. */
function checkedId({ id = '' }: Parts, kind: NonNullable<ApiRoute['idKind']>): string {
  const actual = kindOfId(id);
  // What is no id at all, the tool says best.
  if (actual === undefined || actual === kind) return id;
  throw new LogisticsError('invalid_input', `${id} is the id of another kind of object.`, { path: 'id', expected: `the id of a ${kind}` });
}

/** The last part of an address, where it is one of a list. */
function checkChoice({ choices, path }: ApiRoute, parts: Parts): void {
  const name = path.endsWith('{view}') ? 'view' : 'action';
  const given = parts[name] ?? '';
  if (choices === undefined || choices.includes(given)) return;
  throw new LogisticsError('invalid_input', `There is no ${name} ${given.slice(0, 100)} at this address.`, {
    path: name,
    expected: `one of ${choices.join(', ')}`,
    nearMatches: nearMatches(given.slice(0, 100), choices),
  });
}

/** The header Idempotency-Key is the argument idempotency_key. */
function withKey(tool: ToolSpec, args: JsonObject, header: string | string[] | undefined): JsonObject {
  if (header === undefined) return args;
  const key = String(header);
  const fault = (message: string): LogisticsError => new LogisticsError('invalid_input', message, { path: 'Idempotency-Key' });
  if (tool.kind === 'read') throw fault(`${tool.name} changes nothing: it takes no Idempotency-Key.`);
  if (!isJsonObject(args) || (args.idempotency_key !== undefined && args.idempotency_key !== key))
    throw fault('The header Idempotency-Key and idempotency_key of the body differ.');
  return { ...args, idempotency_key: key };
}

/** Its id, which the log knows it by, and the trace that the caller works in. */
function factsOf({ headers, method = '' }: IncomingMessage): Pick<CallRequest, 'requestId' | 'trace' | 'attributes' | 'cause'> {
  const id = headers[REQUEST_ID];
  return {
    requestId: typeof id === 'string' ? id : undefined,
    trace: headers.traceparent === undefined ? null : traceContextOf((name) => headers[name]),
    cause: parentHeader(headers),
    attributes: { 'network.transport': 'tcp', 'http.request.method': method },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
