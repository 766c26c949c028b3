// Owns one call from a connection: engine, session, handler, history; the renderers see data or a LogisticsError, nothing else.
import { namedAsOurs, parseArguments } from '../../tools/call-tool.ts';
import { PersonNeeded, type ToolContext, type ToolSpec } from '../../tools/tool.ts';
import type { LogisticsError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { Caller } from '../orchestration/caller.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { ConnectionSession } from './connection-session.ts';
import type { EngineDoor } from './lazy-engine.ts';
import { asLogisticsError } from './tool-result.ts';

export interface ToolCallerOptions {
  readonly engine: EngineDoor;
  readonly principal: string;
  /** Work that names no session belongs to it; null where a connection has none. */
  readonly session: ConnectionSession | null;
}

export type CallRequest = Pick<ToolContext, 'signal' | 'progress' | 'askPerson'>;

export type CallOutcome =
  | { readonly kind: 'done'; readonly data: JsonObject }
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
      engine = await this.#o.engine.get();
      const args = parseArguments(spec, raw);
      const data = await spec.handle({ ...request, engine, caller: await this.#caller(spec, engine) }, args);
      this.#record(engine, spec, raw, 'ok', handleOf(data), startedAt);
      return { kind: 'done', data };
    } catch (thrown) {
      if (thrown instanceof PersonNeeded) return { kind: 'person', question: thrown.question };
      const error = asLogisticsError(thrown);
      if (error.code === 'internal') engine?.logger.error({ err: thrown, tool: spec.name }, 'a tool call failed');
      if (engine !== null) this.#record(engine, spec, raw, error.code, null, startedAt);
      return { kind: 'failed', error };
    }
  }

  async #caller(spec: ToolSpec, engine: OrchestrationEngine): Promise<Caller> {
    const { principal, session } = this.#o;
    const sessionId = spec.kind === 'read' || session === null ? (session?.id ?? null) : await session.ensure(engine);
    return { principal, actor: 'agent', sessionId };
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
