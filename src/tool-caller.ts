// Owns one call by whatever transport: engine, session, handler, history; the renderers see data or a LogisticsError, nothing else.
import { namedAsOurs, parseArguments } from '../tools/call-tool.ts';
import { answerRefusal, type OpenApproval } from '../tools/open-approvals.ts';
import { PersonNeeded, scopesOf, type ToolContext, type ToolSpec } from '../tools/tool.ts';
import type { ConnectionSession } from './connection-session.ts';
import { LOCAL, mayDo, type Principal } from './domain/access.ts';
import { asLogisticsError, LogisticsError } from './domain/errors.ts';
import { kindOfId } from './domain/id.ts';
import { isJsonObject, type JsonObject } from './domain/json.ts';
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
}

const MAX_AUDIT_IDS = 20;

export type CallRequest = Pick<ToolContext, 'signal' | 'progress' | 'askPerson' | 'takesTask'>;

export type CallOutcome =
  /** `followUp` names the rest of the work, when it has not ended. */
  | { readonly kind: 'done'; readonly data: JsonObject; readonly followUp: string | null }
  | { readonly kind: 'failed'; readonly error: LogisticsError }
  | { readonly kind: 'person'; readonly question: PersonNeeded['question'] };

export class ToolCaller {
  readonly #o: ToolCallerOptions;

  constructor(options: ToolCallerOptions) {
    this.#o = options;
  }

  async call(spec: ToolSpec, raw: unknown, request: CallRequest): Promise<CallOutcome> {
    const startedAt = performance.now();
    let engine: OrchestrationEngine | null = null;
    try {
      const opened = await this.#o.engine.get();
      engine = opened;
      const args = parseArguments(spec, raw);
      this.#checkScopes(spec, args);
      const renewing = this.#renewLeases(engine);
      const { session } = this.#o;
      // On a store of several machines a client may come from another one: it sees what it was told there.
      await engine.backend.refresh?.();
      const data = await spec.handle(
        {
          ...request,
          engine,
          caller: await this.#caller(spec, engine),
          workerId: session?.worker?.id,
          actsAs: (workerId) => session?.actAs(opened, workerId),
        },
        args,
      );
      await renewing;
      if (spec.unrecorded?.(args, data) !== true) this.#record(engine, spec, raw, 'ok', handleOf(data), startedAt);
      this.#audit(engine, spec, args, data, 'ok');
      return { kind: 'done', data, followUp: spec.followUp?.(args, data, engine.now) ?? null };
    } catch (thrown) {
      if (thrown instanceof PersonNeeded) return { kind: 'person', question: thrown.question };
      const error = asLogisticsError(thrown);
      if (error.code === 'internal') engine?.logger.error({ err: thrown, tool: spec.name }, 'a tool call failed');
      if (engine !== null) this.#record(engine, spec, raw, error.code, null, startedAt);
      this.#audit(engine, spec, raw, null, error.code);
      return { kind: 'failed', error };
    }
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

  #audit(engine: OrchestrationEngine | null, spec: ToolSpec, asked: unknown, data: JsonObject | null, outcome: string): void {
    if (spec.kind === 'read' || this.#o.audit === undefined) return;
    const ids = [...new Set([...idsIn(asked), ...idsIn(data)])].slice(0, MAX_AUDIT_IDS);
    this.#o.audit({ principal: this.#o.principal, namespace: engine?.namespace ?? null, tool: spec.name, ids, outcome });
  }

  /** Any call by a worker agent renews its leases; a fault of that is no fault of the call. */
  async #renewLeases(engine: OrchestrationEngine): Promise<void> {
    const worker = this.#o.session?.worker ?? null;
    if (worker === null) return;
    await engine.workerAgents
      .touch(worker, this.#o.principal)
      .catch((error: unknown) => engine.logger.warn({ err: error, worker_id: worker.id }, 'the leases of a worker could not be renewed'));
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

  async #caller(spec: ToolSpec, engine: OrchestrationEngine): Promise<Caller> {
    const { principal, session } = this.#o;
    const sessionId = spec.kind === 'read' || session === null ? (session?.id ?? null) : await session.ensure(engine);
    return { principal, actor: 'agent', mayApprove: this.#mayApprove(), sessionId };
  }

  /** Reads are not kept: a record is a write, and a client that polls would push all else out of a bounded history. */
  #record(engine: OrchestrationEngine, spec: ToolSpec, raw: unknown, outcome: string, result: string | null, startedAt: number): void {
    const named = isJsonObject(raw) && typeof raw.session_id === 'string' ? raw.session_id : null;
    const id = named !== null && engine.backend.getSession(named) !== null ? named : (this.#o.session?.id ?? null);
    if (spec.kind === 'read' || id === null) return;
    const durationMs = Math.round((performance.now() - startedAt) * 100) / 100;
    // Not awaited: the history must not make a call slower; a store that ends waits for it.
    engine.sessions
      .require(id)
      .recordCall({ tool: spec.name, args: argumentsOf(spec, raw), outcome, result, durationMs })
      .catch((error: unknown) => engine.logger.warn({ err: error, session_id: id }, 'a call could not be added to the history'));
  }
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
