// Owns POST /hooks/{name}: who is believed by signature alone, what a delivery costs before that, and how each outcome is answered, logged and counted.
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServeConfig } from '../../config/serve-schema.ts';
import { asLogisticsError, ERROR_TABLE, type ErrorCode, LogisticsError } from '../../domain/errors.ts';
import type { Evaluator } from '../../domain/evaluator.ts';
import { HOOK_TASK, type Hook, hookPrincipal } from '../../domain/hook.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import type { Logger } from '../../domain/log.ts';
import { traceContextOf } from '../../domain/trace-context.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { deliver, type HookOutcome } from '../../orchestration/hook-delivery.ts';
import type { HookRecord } from '../../orchestration/hook-status.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { isSigned } from '../../runtime/hook-signature.ts';
import type { SecretStore } from '../../runtime/secrets.ts';
import { FairShare, type Share } from '../fair-share.ts';
import { parseJson, readBytes } from '../read-body.ts';
import { type Refusal, refuse, sendError, sendJson } from '../reply.ts';
import { REQUEST_ID } from '../request-watch.ts';
import { pathOf } from '../route-table.ts';

/** The hooks of a configuration, checked. */
export interface PreparedHooks {
  readonly hooks: readonly Hook[];
  readonly secrets: SecretStore;
  readonly evaluator: Evaluator;
  readonly engineOf: (namespace: string) => Promise<OrchestrationEngine>;
  readonly record: HookRecord;
}

export interface HookParts extends PreparedHooks {
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly config: ServeConfig;
  readonly now: () => number;
  /** Counts a request as under way, for the end of the server. */
  readonly begin: () => () => void;
}

/** The label of names that are not configured. */
const UNKNOWN = 'other';
/** Of one hook, while nobody knows yet who sends: that many bodies are in memory at most. */
const READING_AT_ONCE = 32;
const RETRY_AFTER_S = '60';
const FOLDER = '/hooks/';
/** They let somebody in, so expressions do not see them. */
const HIDDEN_HEADERS = ['authorization', 'cookie', 'proxy-authorization'];

/** One request, for its line in the log. */
interface Arrival {
  readonly hook: Hook | null;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export class HookEndpoint {
  readonly #p: HookParts;
  readonly #hooks: ReadonlyMap<string, Hook>;
  readonly #reading: FairShare;
  readonly #share: FairShare;
  /** What nobody has signed with: an unknown name costs what a wrong signature costs. */
  readonly #nobody = randomBytes(32).toString('hex');

  constructor(parts: HookParts) {
    this.#p = parts;
    this.#hooks = new Map(parts.hooks.map((hook) => [hook.name, hook]));
    this.#reading = new FairShare({ rateLimit: null, maxConcurrent: READING_AT_ONCE, maxStreams: 0 }, parts.now);
    this.#share = new FairShare(parts.config, parts.now);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hook = this.#hooks.get(pathOf(request.url ?? '').slice(FOLDER.length)) ?? null;
    const arrival = { hook, request, response };
    const over = this.#p.begin();
    try {
      const body = await this.#verified(arrival);
      if (body !== null && hook !== null) await this.#shared(arrival, hook, body);
    } catch (error) {
      this.#fail(arrival, error);
    } finally {
      over();
    }
  }

  /** The bytes that a secret of the hook has signed, or null when the request was answered. */
  async #verified(arrival: Arrival): Promise<Buffer | null> {
    const { hook, request } = arrival;
    const share = this.#reading.take(hook?.name ?? '', 'request');
    if (share.kind === 'refused') return this.#tooMuch(arrival, share);
    try {
      const read = await readBytes(request, hook?.maxBodyBytes ?? this.#p.config.maxBodyBytes);
      if (read.kind === 'refused') return this.#refuse(arrival, read.refusal);
      const secrets = hook === null ? [this.#nobody] : await this.#secretsOf(hook);
      const scheme = hook?.signature ?? { kind: 'github' };
      const signed = isSigned(scheme, secrets, { headers: request.headers, body: read.bytes, now: this.#p.now() });
      if (hook === null) return this.#refuse(arrival, { status: 404, code: 'not_found', message: 'There is no hook at this path.' });
      if (!signed) return this.#refuse(arrival, { status: 401, code: 'unauthorized', message: 'This delivery is not signed as it must be.' });
      return read.bytes;
    } finally {
      share.done();
    }
  }

  /** Whoever signed has a share of its own; strangers cannot use it up. */
  async #shared(arrival: Arrival, hook: Hook, bytes: Buffer): Promise<void> {
    const share = this.#share.take(hookPrincipal(hook), 'request');
    if (share.kind === 'refused') return void this.#tooMuch(arrival, share);
    try {
      const body = parseJson(bytes);
      if (body.kind === 'refused') return void this.#refuse(arrival, body.refusal);
      const { request } = arrival;
      const headers = headersOf(request, hook);
      const id = hook.deliveryHeader === null ? null : (textOf(request.headers[hook.deliveryHeader]) ?? null);
      const digest = createHash('sha256').update(bytes).digest('hex');
      const trace = request.headers.traceparent === undefined ? null : traceContextOf((name) => request.headers[name]);
      const engine = await this.#p.engineOf(hook.namespace);
      const scope = { body: body.value as Json, headers, delivery: { id, hook: hook.name } };
      this.#answer(arrival, hook, id, await deliver(engine, this.#p.evaluator, hook, { scope, digest, trace }));
    } finally {
      share.done();
    }
  }

  #answer({ request, response }: Arrival, hook: Hook, id: string | null, outcome: HookOutcome): void {
    const { record, now } = this.#p;
    const given: JsonObject = id === null ? {} : { delivery_id: id };
    if (outcome.kind === 'ignored') {
      record.note(hook.name, { kind: 'ignored', at: now(), id, outcome: 'ignored', executionId: null });
      this.#tell(hook, request, 'ignored', { ...given, reason: outcome.reason });
      return sendJson(response, 202, { ...given, ignored: true, reason: outcome.reason });
    }
    const { kind, executionId, status, replayed } = outcome;
    const word = replayed ? 'replayed' : kind;
    record.note(hook.name, { kind: replayed ? 'replayed' : 'accepted', at: now(), id, outcome: word, executionId });
    this.#tell(hook, request, word, { ...given, ids: [executionId] });
    sendJson(response, replayed ? 200 : 202, { ...given, execution_id: executionId, status, replayed });
  }

  #tooMuch(arrival: Arrival, { message, retryAfterMs }: Extract<Share, { kind: 'refused' }>): null {
    return this.#refuse(arrival, { status: 429, code: 'rate_limited', message, headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) } });
  }

  #refuse({ hook, request, response }: Arrival, refusal: Refusal): null {
    this.#noteRefusal(hook, request, refusal.code);
    refuse(response, refusal);
    return null;
  }

  /** After the signature held: who sends may know what is wrong. What may be there later is asked for again. */
  #fail({ hook, request, response }: Arrival, thrown: unknown): void {
    const error = asLogisticsError(thrown);
    if (error.code === 'internal') this.#p.logger.error({ err: thrown, hook: hook?.name, request_id: request.headers[REQUEST_ID] }, 'a hook failed');
    this.#noteRefusal(hook, request, error.code, error.message);
    const isLater = error.code === 'not_found' && hook?.action.kind === 'start';
    const code = Object.hasOwn(ERROR_TABLE, error.code) ? (error.code as ErrorCode) : 'internal';
    const status = isLater ? 503 : ERROR_TABLE[code].status;
    const told = code === 'internal' ? new LogisticsError('internal', 'The server failed; its log says why.') : error;
    const retryable = isLater || told.retryable;
    sendError(response, status, { ...told.toData(), retryable, nextActions: [] }, retryable ? { 'retry-after': RETRY_AFTER_S } : {});
  }

  #noteRefusal(hook: Hook | null, request: IncomingMessage, code: string, message?: string): void {
    if (hook !== null) this.#p.record.note(hook.name, { kind: 'refused', at: this.#p.now(), code });
    this.#tell(hook, request, code, message === undefined ? {} : { error: message });
  }

  /** One line and one count per request. */
  #tell(hook: Hook | null, request: IncomingMessage, outcome: string, more: JsonObject): void {
    this.#p.metrics.hooked(hook?.name ?? UNKNOWN, outcome);
    const line = { audit: true, hook: hook?.name ?? null, namespace: hook?.namespace ?? null, outcome, request_id: request.headers[REQUEST_ID], ...more };
    // Strangers who guess names must not fill the log.
    if (hook === null) this.#p.logger.debug(line, 'hook');
    else this.#p.logger.info({ principal: hookPrincipal(hook), ...line }, 'hook');
  }

  async #secretsOf(hook: Hook): Promise<readonly string[]> {
    try {
      return await Promise.all(hook.secrets.map((name) => this.#p.secrets.resolve(name, { task: HOOK_TASK, targets: [] })));
    } catch (cause) {
      this.#p.logger.error({ err: cause, hook: hook.name }, 'a secret of a hook is not there');
      throw new LogisticsError('store_unavailable', 'This hook cannot check signatures now.', { cause });
    }
  }
}

function headersOf({ headers }: IncomingMessage, { signature }: Hook): JsonObject {
  const hidden = signature.kind === 'hmac' ? [...HIDDEN_HEADERS, signature.header] : HIDDEN_HEADERS;
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || hidden.includes(name) ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
