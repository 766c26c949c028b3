// Owns one call by whatever transport: engine, session, handler, history; the renderers see data or a LogisticsError, nothing else.
import { randomUUID } from 'node:crypto';
import { namedAsOurs, parseArguments } from '../tools/call-tool.ts';
import { answerRefusal, type OpenApproval } from '../tools/open-approvals.ts';
import { PersonNeeded, scopesOf, type ToolContext, type ToolSpec } from '../tools/tool.ts';
import type { ConnectionSession } from './connection-session.ts';
import { LOCAL, mayDo, type Principal } from './domain/access.ts';
import { asLogisticsError, LogisticsError } from './domain/errors.ts';
import { kindOfId } from './domain/id.ts';
import { isJsonObject, type JsonObject } from './domain/json.ts';
import { type TraceContext, traceIdOf } from './domain/trace-context.ts';
import type { Caller } from './orchestration/caller.ts';
import type { OrchestrationEngine } from './orchestration/orchestration-engine.ts';

export interface EngineDoor {
  /** The engine, or the error it could not be opened with. */
  get(): Promise<OrchestrationEngine>;
}

export interface ToolCallerOptions {
  readonly engine: EngineDoor;
  readonly principal: string;
  /** Work that names no session belongs to it; null where a connection has none. */
  readonly session: ConnectionSession | null;
  /** Who calls now, and with which scopes; absent where no token is asked for. */
  readonly access?: (() => Principal) | undefined;
  /** Told of each call that may have changed something. */
  readonly audit?: ((entry: AuditEntry) => void) | undefined;
  /** A longer reply is refused, not sent in part; absent: none is. */
  readonly maxResultBytes?: number | undefined;
  /** Told of each call once it has its answer. */
  readonly onCall?: ((figure: CallFigure) => void) | undefined;
}

/** One call for the metrics. */
export interface CallFigure {
  readonly tool: string;
  /** `ok`, `asks_person` or the code of the error. */
  readonly outcome: string;
  readonly ms: number;
}

/** One line for whoever looks later into who did what. */
export interface AuditEntry {
  readonly principal: string;
  readonly namespace: string | null;
  readonly tool: string;
  /** What the call was about, and what it made. */
  readonly ids: readonly string[];
  /** `ok` or the code of the error. */
  readonly outcome: string;
  /** What all log lines of this call share. */
  readonly request_id?: string | undefined;
  readonly session_id?: string | undefined;
  readonly trace_id?: string | undefined;
}

const MAX_AUDIT_IDS = 20;

export type CallRequest = Pick<ToolContext, 'signal' | 'progress' | 'askPerson' | 'takesTask'> & {
  /** Of the request that brought the call; made up when absent. */
  readonly requestId?: string | undefined;
  /** The trace that the caller works in. */
  readonly trace?: TraceContext | null | undefined;
  /** The job or run whose work makes the call, as it says itself. */
  readonly cause?: string | undefined;
  /** Of the call's span: what the transport knows of it. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
};

/** One call under way: who and what it is, for its log lines and for what it asks for. */
interface Call {
  readonly spec: ToolSpec;
  readonly raw: unknown;
  readonly request: CallRequest;
  readonly startedAt: number;
  readonly requestId: string;
  readonly trace: TraceContext | null;
  /** Its session, once it is known. */
  sessionId: string | null;
}

export type CallOutcome =
  /** `text` is the data as JSON; `followUp` names the rest of the work, when it has not ended. */
  | { readonly kind: 'done'; readonly data: JsonObject; readonly text: string; readonly followUp: string | null }
  | { readonly kind: 'failed'; readonly error: LogisticsError }
  | { readonly kind: 'person'; readonly question: PersonNeeded['question'] };

export class ToolCaller {
  readonly #o: ToolCallerOptions;

  constructor(options: ToolCallerOptions) {
    this.#o = options;
  }

  async call(spec: ToolSpec, raw: unknown, request: CallRequest): Promise<CallOutcome> {
    const startedAt = performance.now();
    const opening = this.#o.engine.get();
    const tracing = await opening.then(
      (engine) => engine.tracing,
      () => null,
    );
    const { requestId = randomUUID(), trace: parent = null, attributes = {} } = request;
    const call = { spec, raw, request, startedAt, requestId, sessionId: this.#o.session?.id ?? null };
    const serve = async (trace: TraceContext | null): Promise<CallOutcome> => {
      const outcome = await this.#serve({ ...call, trace }, opening);
      this.#o.onCall?.({ tool: spec.name, outcome: outcomeOf(outcome), ms: performance.now() - startedAt });
      return outcome;
    };
    if (tracing === null) return serve(parent);
    const known = { 'mcp.method.name': 'tools/call', 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': spec.name, ...attributes };
    return tracing.span({ name: `tools/call ${spec.name}`, kind: 'server', parent, attributes: known }, async (span) => {
      const outcome = await serve(span.context);
      if (outcome.kind === 'failed') span.fail(outcome.error.code);
      return outcome;
    });
  }

  async #serve(call: Call, opening: Promise<OrchestrationEngine>): Promise<CallOutcome> {
    const { spec, raw, request } = call;
    let engine: OrchestrationEngine | null = null;
    try {
      const opened = await opening;
      engine = opened;
      const args = parseArguments(spec, raw);
      this.#checkScopes(spec, args);
      const renewing = this.#renewLeases(call, engine);
      const { session } = this.#o;
      // On a store of several machines a client may come from another one: it sees what it was told there.
      await engine.backend.refresh?.();
      const { signal, progress, askPerson, takesTask } = request;
      const data = await spec.handle(
        {
          signal,
          progress,
          askPerson,
          takesTask,
          engine,
          caller: await this.#caller(call, engine),
          workerId: session?.worker?.id,
          actsAs: (workerId) => session?.actAs(opened, workerId),
        },
        args,
      );
      await renewing;
      const reply = this.#reply(spec, data);
      // What the call did is done, whether its reply can be told or not.
      if (spec.unrecorded?.(args, data) !== true) this.#record(engine, call, 'ok', handleOf(data));
      this.#tell(engine, call, args, data, 'ok');
      if (reply instanceof LogisticsError) return { kind: 'failed', error: reply };
      return { kind: 'done', data, text: reply, followUp: spec.followUp?.(args, data, engine.now) ?? null };
    } catch (thrown) {
      if (thrown instanceof PersonNeeded) return { kind: 'person', question: thrown.question };
      const error = asLogisticsError(thrown);
      if (error.code === 'internal') engine?.logger.error({ err: thrown, ...this.#about(call) }, 'a tool call failed');
      if (engine !== null) this.#record(engine, call, error.code, null);
      this.#tell(engine, call, raw, null, error.code);
      return { kind: 'failed', error };
    }
  }

  /** The data as text, or what to do when that is too long. */
  #reply(spec: ToolSpec, data: JsonObject): string | LogisticsError {
    const text = JSON.stringify(data);
    const { maxResultBytes } = this.#o;
    // Three bytes per unit at most: short ones, which are nearly all, need not be measured.
    if (maxResultBytes === undefined || text.length * 3 <= maxResultBytes || Buffer.byteLength(text) <= maxResultBytes) return text;
    const id = typeof data.batch_id === 'string' ? data.batch_id : handleOf(data);
    return new LogisticsError('limit_exceeded', `The reply of ${spec.name} has ${Buffer.byteLength(text)} bytes; this server sends up to ${maxResultBytes}.`, {
      expected: `a reply of at most ${maxResultBytes} bytes`,
      nextActions: [
        ...(spec.kind === 'read' ? [] : ['The call was done; do not repeat it without its idempotency_key.']),
        'Ask for less: limit and cursor page through lists, events and logs; step narrows to one step.',
        'Bulk outputs are artifacts: read them in pieces with get, or whole with GET /api/v1/artifacts/{id}.',
      ],
      ...(id === null ? {} : { details: { id } }),
    });
  }

  #checkScopes(spec: ToolSpec, args: unknown): void {
    const principal = this.#o.access?.();
    const needs = scopesOf(spec, args);
    if (principal === undefined || mayDo(principal, needs)) return;
    throw new LogisticsError('forbidden', `This token may not call ${spec.name}.`, {
      expected: `a token with the scope ${needs.join(' or ')}`,
      nextActions: ['Use a token that has the scope, or ask whoever runs this server for one.'],
    });
  }

  /** What each log line of a call says. */
  #about({ spec, requestId, sessionId, trace }: Call): Pick<AuditEntry, 'principal' | 'tool' | 'request_id' | 'session_id' | 'trace_id'> {
    return {
      request_id: requestId,
      principal: this.#o.principal,
      tool: spec.name,
      ...(sessionId === null ? {} : { session_id: sessionId }),
      ...(trace === null ? {} : { trace_id: traceIdOf(trace) }),
    };
  }

  /** A call that may have changed something is told to the audit, where there is one; any call at level debug. */
  #tell(engine: OrchestrationEngine | null, call: Call, asked: unknown, data: JsonObject | null, outcome: string): void {
    const audit = call.spec.kind === 'read' ? undefined : this.#o.audit;
    const isTold = audit === undefined && engine?.logger.isLevelEnabled?.('debug') === true;
    if (audit === undefined && !isTold) return;
    const ids = [...new Set([...idsIn(asked), ...idsIn(data)])].slice(0, MAX_AUDIT_IDS);
    const entry = { ...this.#about(call), namespace: engine?.namespace ?? null, ids, outcome };
    if (audit !== undefined) audit(entry);
    else engine?.logger.debug({ ...entry, ms: sinceStart(call) }, 'call');
  }

  /** Any call by a worker agent renews its leases; a fault of that is no fault of the call. */
  async #renewLeases(call: Call, engine: OrchestrationEngine): Promise<void> {
    const worker = this.#o.session?.worker ?? null;
    if (worker === null) return;
    await engine.workerAgents
      .touch(worker, this.#o.principal)
      .catch((error: unknown) => engine.logger.warn({ err: error, ...this.#about(call), worker_id: worker.id }, 'the leases of a worker could not be renewed'));
  }

  /** Whether whoever calls now may answer this for a person. */
  mayAnswer(engine: OrchestrationEngine, approval: OpenApproval): boolean {
    return answerRefusal(engine, { principal: this.#o.principal, actor: 'agent', mayApprove: this.#mayApprove(), sessionId: null }, approval) === null;
  }

  /** Undefined where no token is asked for. */
  #mayApprove(): boolean | undefined {
    const access = this.#o.access?.();
    return access === undefined || access.id === LOCAL ? undefined : access.scopes.has('approve');
  }

  async #caller(call: Call, engine: OrchestrationEngine): Promise<Caller> {
    const { principal, session } = this.#o;
    const sessionId = call.spec.kind === 'read' || session === null ? (session?.id ?? null) : await session.ensure(engine);
    call.sessionId = sessionId;
    const cause = call.request.cause ?? (call.spec.kind === 'read' ? undefined : this.#heldJob(engine));
    const known = { ...(call.trace === null ? {} : { trace: call.trace }), ...(cause === undefined ? {} : { cause }) };
    return { principal, actor: 'agent', mayApprove: this.#mayApprove(), sessionId, ...known };
  }

  /** What a worker agent asks for comes of the job that it took last and holds. */
  #heldJob(engine: OrchestrationEngine): string | undefined {
    const worker = this.#o.session?.worker;
    return worker === undefined || worker === null ? undefined : engine.backend.getWorker(worker.id)?.held.at(-1)?.jobId;
  }

  /** Reads are not kept: a record is a write, and a client that polls would push all else out of a bounded history. */
  #record(engine: OrchestrationEngine, call: Call, outcome: string, result: string | null): void {
    const { spec, raw } = call;
    const named = isJsonObject(raw) && typeof raw.session_id === 'string' ? raw.session_id : null;
    const id = named !== null && engine.backend.getSession(named) !== null ? named : (this.#o.session?.id ?? null);
    if (spec.kind === 'read' || id === null) return;
    const durationMs = sinceStart(call);
    // Not awaited: the history must not make a call slower; a store that ends waits for it.
    engine.sessions
      .require(id)
      .recordCall({ tool: spec.name, args: argumentsOf(spec, raw), outcome, result, durationMs })
      .catch((error: unknown) => engine.logger.warn({ err: error, ...this.#about(call), session_id: id }, 'a call could not be added to the history'));
  }
}

function sinceStart({ startedAt }: Call): number {
  return Math.round((performance.now() - startedAt) * 100) / 100;
}

function outcomeOf(outcome: CallOutcome): string {
  if (outcome.kind === 'failed') return outcome.error.code;
  return outcome.kind === 'done' ? 'ok' : 'asks_person';
}

function argumentsOf(spec: ToolSpec, raw: unknown): unknown {
  try {
    return namedAsOurs(spec, raw);
  } catch {
    return raw;
  }
}

/** The id that a reply is about. */
function handleOf(data: JsonObject): string | null {
  for (const name of ['execution_id', 'job_id', 'workflow_id', 'session_id'] as const) {
    const value = data[name];
    if (typeof value === 'string') return value;
  }
  const ids = data.job_ids;
  return Array.isArray(ids) && typeof ids[0] === 'string' ? ids[0] : null;
}

/** Ids among the fields of arguments or of a reply, whatever the fields are called. */
function idsIn(value: unknown): string[] {
  if (!isJsonObject(value)) return [];
  return Object.values(value).flatMap((field) =>
    (Array.isArray(field) ? field.slice(0, MAX_AUDIT_IDS) : [field]).filter((item): item is string => typeof item === 'string' && kindOfId(item) !== undefined),
  );
}
