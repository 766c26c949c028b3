// Owns who calls and whether the call was made before: principal, actor, session, and the receipt of an idempotency key.
import { createHash } from 'node:crypto';
import { LogisticsError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/json.ts';
import { type TraceContext, traceText } from '../domain/trace-context.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { Receipt } from '../store/port/common.ts';

export interface Caller {
  /** Whom receipts and ownership belong to: a token, or the user of this machine. */
  readonly principal: string;
  /** `human` for the CLI and elicitation, `agent` for tool calls. */
  readonly actor: 'human' | 'agent';
  /** Whether its token may decide approvals for a person, of runs that it did not start itself; undefined = no token, so the client on this machine asks. */
  readonly mayApprove?: boolean | undefined;
  /** Session of the connection, when the call names none. */
  readonly sessionId: string | null;
  /** The job or run whose work makes the call, as far as it is known. */
  readonly cause?: string | undefined;
  /** The trace that the call belongs to; what it asks for belongs to it too. */
  readonly trace?: TraceContext | undefined;
}

export const LOCAL_HUMAN: Caller = { principal: 'local', actor: 'human', sessionId: null };

/** Fields that change how a reply looks or how long it is waited for, not what is done. */
const NOT_WHAT_IS_DONE = new Set(['idempotency_key', 'wait_ms', 'timeout_ms', 'response_format', 'session_id']);

export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** The receipt of a call, or undefined when it has no idempotency key. */
export function receiptFor(caller: Caller, tool: string, key: string | undefined, args: Readonly<Record<string, unknown>>): Receipt | undefined {
  if (key === undefined) return undefined;
  if (key.length === 0 || key.length > 200)
    throw new LogisticsError('invalid_input', 'The idempotency key has no usable length.', { path: 'idempotency_key', expected: '1 to 200 characters' });
  const what = Object.fromEntries(Object.entries(args).filter(([name]) => !NOT_WHAT_IS_DONE.has(name)));
  return { principal: caller.principal, tool, key, digest: digestOf(what) };
}

/** The trace that work is asked for in: that of the call, or of the program that calls in code; null when there is none. */
export function traceOf(caller: Caller, tracing: Tracing | null): string | null {
  const trace = caller.trace ?? tracing?.current() ?? null;
  return trace === null ? null : traceText(trace);
}
