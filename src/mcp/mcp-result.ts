// Owns how the reply of another MCP server becomes data, and how its faults become errors of ours.
import type { CallToolResult } from '@modelcontextprotocol/client';
import { LogisticsError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';

const MAX_TEXT = 4_000;

/** Structured content; else the JSON object or array that the only text block holds; else that text; else the content blocks. Throws `mcp_tool_failed` for an error result. */
export function toolOutput(result: CallToolResult, server: string, tool: string): Json {
  const texts = result.content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
  if (result.isError) {
    const text = texts.join('\n').slice(0, MAX_TEXT);
    throw new LogisticsError('mcp_tool_failed', `${server}.${tool} failed: ${text || 'it gave no reason'}`, {
      details: { server, tool, text, ...(result.structuredContent === undefined ? {} : { structuredContent: result.structuredContent as Json }) },
    });
  }
  if (result.structuredContent !== undefined) return result.structuredContent as Json;
  if (texts.length !== result.content.length) return result.content as unknown as Json;
  if (texts.length === 1) return parseCompound(texts[0] as string);
  return texts.length === 0 ? null : texts.join('\n');
}

function parseCompound(text: string): Json {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** How the SDK's errors are told apart without loading it: by code and status, which its README calls stable. */
export interface SdkFault {
  readonly code?: unknown;
  readonly status?: unknown;
  readonly name?: unknown;
}

/** The connection was gone before the request left, so that sending it anew cannot do the work twice. */
export function wasNotSent(error: unknown): boolean {
  const fault = error as SdkFault & Error;
  // 404 is how a server says that it does not know the session (any more); it has not looked at the request.
  return fault.code === 'NOT_CONNECTED' || fault.message === 'Not connected' || fault.status === 404;
}

/** The SDK's error as ours; `note` is what the server said on stderr, and `hide` takes secrets out of what the error says. No cause is kept: a logger would print it as it came. */
export function callFailure(error: unknown, server: string, what: string, note: string, hide: (text: string) => string): LogisticsError {
  if (error instanceof LogisticsError) return error;
  const fault = error as SdkFault & Error;
  const cause = fault.cause instanceof Error && fault.cause.message ? ` (${fault.cause.message})` : '';
  const message = `${what}: ${hide(String(fault.message ?? error)).slice(0, MAX_TEXT)}${hide(cause)}`;
  const details = {
    server,
    code: typeof fault.code === 'string' || typeof fault.code === 'number' ? fault.code : null,
    ...(note === '' ? {} : { stderr: note }),
  };
  if (typeof fault.status === 'number' && fault.status >= 400) {
    const code = fault.status >= 500 ? 'http_5xx' : 'http_4xx';
    return new LogisticsError(code, message, {
      ...(fault.status === 429 ? { retryable: true } : {}),
      details: { ...details, status: fault.status },
    });
  }
  if (fault.name === 'UnauthorizedError') return new LogisticsError('http_4xx', message, { details: { ...details, status: 401 } });
  if (fault.code === 'REQUEST_TIMEOUT') return new LogisticsError('timeout', message, { details });
  // JSON-RPC errors carry numbers: -32602 wrong arguments or unknown tool, -32601 unknown method, -32603 and others a fault of the server.
  if (typeof fault.code === 'number')
    return new LogisticsError('mcp_tool_failed', message, { retryable: ![-32600, -32601, -32602].includes(fault.code), details });
  if (fault.code === 'INVALID_RESULT' || fault.code === 'UNSUPPORTED_RESULT_TYPE' || fault.code === 'CAPABILITY_NOT_SUPPORTED') {
    return new LogisticsError('mcp_tool_failed', message, { retryable: false, details });
  }
  return new LogisticsError('network', message, { details });
}
