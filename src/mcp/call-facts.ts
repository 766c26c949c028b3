// Owns what a request tells beside its arguments: its id, the trace it belongs to, and what a span says of it.
import type { ServerContext } from '@modelcontextprotocol/server';
import { traceContextOf } from '../domain/trace-context.ts';
import { PARENT_HEADER, PARENT_META, parentOf } from '../runtime/current-work.ts';
import type { CallRequest } from '../tool-caller.ts';

/** The trace in `_meta` is that of the call itself; the one in headers only that of the HTTP request around it. */
export function callFacts(context: ServerContext): Pick<CallRequest, 'requestId' | 'trace' | 'attributes' | 'cause'> {
  const { mcpReq, http, sessionId } = context;
  const headers = http?.req?.headers;
  const meta = mcpReq._meta as Readonly<Record<string, unknown>> | undefined;
  const trace =
    (meta?.traceparent === undefined ? null : traceContextOf((name) => meta[name])) ??
    (headers?.has('traceparent') ? traceContextOf((name) => headers.get(name)) : null);
  return {
    requestId: headers?.get('x-request-id') ?? undefined,
    trace,
    cause: parentOf(meta?.[PARENT_META]) ?? parentOf(headers?.get(PARENT_HEADER)),
    attributes: {
      'jsonrpc.request.id': String(mcpReq.id),
      'network.transport': headers === undefined ? 'pipe' : 'tcp',
      ...(sessionId === undefined ? {} : { 'mcp.session.id': sessionId }),
    },
  };
}
