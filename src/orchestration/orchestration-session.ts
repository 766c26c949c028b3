// Owns an agent's handle over several calls: context with a version, limits that act, the history of calls, and an end.
import { z } from 'zod';
import { LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import { JsonObject } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import { ClosePolicy, MAX_CONTEXT_BYTES, type Session, type SessionCall, SessionMode } from '../domain/session.ts';
import type { Decide } from '../domain/transition.ts';
import type { Backend } from '../store/backend.ts';
import type { Receipt } from '../store/port/common.ts';
import { jsonBytes } from '../task/storable.ts';
import { type BudgetInput, readBudget } from './budget-manager.ts';
import type { Caller } from './caller.ts';
import { digestOf } from './caller.ts';

export interface SessionRequest {
  readonly name?: string | undefined;
  readonly context?: JsonObject | undefined;
  readonly metadata?: JsonObject | undefined;
  /** Default parallel. */
  readonly mode?: SessionMode | undefined;
  readonly maxParallelTasks?: number | undefined;
  readonly maxParallelWorkflows?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** What all its work together may use. */
  readonly budget?: BudgetInput | null | undefined;
  readonly implicit?: boolean | undefined;
  readonly receipt?: Receipt | undefined;
}

const MAX_METADATA_BYTES = 65_536;

const SessionFields = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  context: JsonObject.optional(),
  metadata: JsonObject.optional(),
  mode: SessionMode.optional(),
  maxParallelTasks: z.int().min(1).max(1_000).optional(),
  maxParallelWorkflows: z.int().min(1).max(1_000).optional(),
  timeoutMs: z
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER / 2)
    .optional(),
  implicit: z.boolean().optional(),
});

export interface SessionsOptions {
  readonly backend: Backend;
  readonly namespace: string;
  readonly newId: IdSource;
  readonly now: () => number;
  readonly decide: Decide;
  readonly limits: { readonly sessionParallelTasks: number; readonly sessionParallelWorkflows: number };
}

/** The sessions of one namespace. */
export class OrchestrationSessions {
  readonly #o: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#o = options;
  }

  /** A session of its own has the default limits; the implicit one of a connection has none but those of the process. */
  async create(request: SessionRequest, caller: Caller): Promise<{ readonly session: OrchestrationSession; readonly replayed: boolean }> {
    const { backend, newId, namespace, now, limits } = this.#o;
    const { receipt, budget: written, ...given } = request;
    const budget = readBudget(written);
    parseInput(SessionFields, given, 'The session is wrong');
    const mode = request.mode ?? 'parallel';
    checkSessionMode(mode, request.maxParallelTasks, 'maxParallelTasks');
    const context = request.context ?? {};
    checkContext(context);
    const metadataBytes = jsonBytes(request.metadata ?? {}, 'metadata');
    if (metadataBytes > MAX_METADATA_BYTES) {
      throw new LogisticsError('limit_exceeded', `The metadata has ${metadataBytes} bytes.`, {
        path: 'metadata',
        expected: `at most ${MAX_METADATA_BYTES} bytes`,
      });
    }
    const implicit = request.implicit ?? false;
    const session: Session = {
      id: newId('session'),
      namespace,
      name: request.name ?? null,
      status: 'active',
      implicit,
      principal: caller.principal,
      mode,
      context,
      contextVersion: 1,
      metadata: request.metadata ?? {},
      maxParallelTasks: mode === 'sequential' ? 1 : (request.maxParallelTasks ?? (implicit ? null : limits.sessionParallelTasks)),
      maxParallelWorkflows: request.maxParallelWorkflows ?? (implicit ? null : limits.sessionParallelWorkflows),
      timeoutMs: request.timeoutMs ?? null,
      expiresAt: request.timeoutMs === undefined ? null : now() + request.timeoutMs,
      createdAt: now(),
      closedAt: null,
    };
    const put = await backend.putSession({ session, budget, receipt });
    if ('conflict' in put) throw new LogisticsError(put.conflict.code, put.conflict.message, put.conflict);
    return { session: new OrchestrationSession(put.session.id, this.#o), replayed: put.replayed };
  }

  /** Throws not_found for an id that is none. */
  require(id: string): OrchestrationSession {
    if (this.#o.backend.getSession(id) === null)
      throw new LogisticsError('not_found', `There is no session ${id}.`, {
        path: 'session_id',
        nextActions: ['Use list with kind sessions, or create_session.'],
      });
    return new OrchestrationSession(id, this.#o);
  }
}

export class OrchestrationSession {
  readonly id: string;
  readonly #o: SessionsOptions;

  constructor(id: string, options: SessionsOptions) {
    this.id = id;
    this.#o = options;
  }

  /** As it is stored now. */
  get data(): Session {
    const session = this.#o.backend.getSession(this.id);
    if (session === null) throw new LogisticsError('not_found', `There is no session ${this.id}.`, { path: 'session_id' });
    return session;
  }

  /** Merges into the context (null removes a key); with `expectedVersion` it is refused when somebody changed it before. */
  async updateContext(change: JsonObject, expectedVersion?: number, receipt?: Receipt): Promise<Session> {
    const checked = parseInput(JsonObject, change, 'The change of the context is wrong', 'context');
    const updated = await this.#o.backend.updateSession({
      id: this.id,
      receipt,
      change: (session) => {
        if (session.closedAt !== null) throw new LogisticsError('session_closed', `The session ${this.id} is ${session.status}.`, { path: 'session_id' });
        if (expectedVersion !== undefined && expectedVersion !== session.contextVersion) {
          throw new LogisticsError('conflict', `The context has version ${session.contextVersion}, not ${expectedVersion}.`, { path: 'context_version' });
        }
        const merged = { ...session.context, ...checked };
        const context = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
        checkContext(context);
        return { ...session, context, contextVersion: session.contextVersion + 1 };
      },
    });
    if (updated === null) throw new LogisticsError('not_found', `There is no session ${this.id}.`, { path: 'session_id' });
    return updated;
  }

  /** Ends the session: `detach` lets its work go on, `cancel` cancels what is open. A second close is a replay. */
  async close(policy: ClosePolicy = 'detach', receipt?: Receipt): Promise<{ readonly session: Session; readonly closed: boolean; readonly cancelled: number }> {
    parseInput(ClosePolicy, policy, 'The close policy is wrong', 'policy');
    const result = await this.#o.backend.closeSession({ id: this.id, status: 'completed', policy, decide: this.#o.decide, receipt });
    if (result.session === null) throw new LogisticsError('not_found', `There is no session ${this.id}.`, { path: 'session_id' });
    return { session: result.session, closed: result.closed, cancelled: result.cancelled };
  }

  /** Adds one call to the history; the arguments are kept as a digest only. */
  recordCall(call: {
    readonly tool: string;
    readonly args: unknown;
    readonly outcome: string;
    readonly result: string | null;
    readonly durationMs: number;
  }): Promise<void> {
    return this.#o.backend.recordCall({
      sessionId: this.id,
      call: {
        at: this.#o.now(),
        tool: call.tool,
        argumentsDigest: digestOf(call.args).slice(0, 16),
        outcome: call.outcome,
        result: call.result,
        durationMs: call.durationMs,
      },
    });
  }

  /** The newest calls that changed something, oldest first. */
  history(limit = 100): readonly SessionCall[] {
    return this.#o.backend.sessionCalls({ sessionId: this.id, limit });
  }
}

/** Refuses a limit that contradicts the mode; `path` is what the caller calls that limit. */
export function checkSessionMode(mode: SessionMode, maxParallelTasks: number | undefined, path: string): void {
  if (mode === 'sequential' && (maxParallelTasks ?? 1) > 1) {
    throw new LogisticsError('invalid_input', `A sequential session runs one job at a time, not ${maxParallelTasks}.`, {
      path,
      expected: '1, or none, or the mode parallel or priority',
    });
  }
}

function checkContext(context: JsonObject): void {
  const size = jsonBytes(context, 'context');
  if (size > MAX_CONTEXT_BYTES)
    throw new LogisticsError('limit_exceeded', `The context has ${size} bytes.`, { path: 'context', expected: `at most ${MAX_CONTEXT_BYTES} bytes` });
}
