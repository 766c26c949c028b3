// Owns how the HTTP server answers and refuses: a status, a code of the error table, and a body that the clients of the path can read.
import type { ServerResponse } from 'node:http';
import { ERROR_TABLE, type ErrorCode, type ErrorData, LogisticsError } from '../domain/errors.ts';

/** What a refusal is called in JSON-RPC, where servers may number their own faults. */
const RPC_CODE = -32_000;
/** Clients of these paths speak no JSON-RPC. */
const PLAIN_PATHS = /^\/(?:api|hooks)(?:[/?]|$)/;

export interface Refusal {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly rpcCode?: number | undefined;
}

export function refuse(response: ServerResponse, { status, code, message, headers = {}, rpcCode = RPC_CODE }: Refusal): void {
  if (PLAIN_PATHS.test(response.req.url ?? '')) return sendError(response, status, new LogisticsError(code, message).toData(), headers);
  const data = { code, retryable: ERROR_TABLE[code].retryable, next_actions: [ERROR_TABLE[code].hint] };
  send(response, status, { jsonrpc: '2.0', error: { code: rpcCode, message, data }, id: null }, headers);
}

export function refuseMethod(response: ServerResponse, methods: readonly string[]): void {
  const allow = methods.join(', ');
  refuse(response, { status: 405, code: 'invalid_input', message: `${allow} only.`, headers: { allow } });
}

/** A thrown error of ours as a refusal; details of a foreign one stay in the log. */
export function refusalOf(error: LogisticsError): Refusal {
  const code = Object.hasOwn(ERROR_TABLE, error.code) ? (error.code as ErrorCode) : 'internal';
  // To be out of places is no fault of the request's size.
  if (code === 'limit_exceeded') return { status: 429, code: 'rate_limited', message: error.message };
  const { status } = ERROR_TABLE[code];
  return { status, code, message: code === 'internal' ? 'The server failed; its log says why.' : error.message };
}

/** An error in full, in snake_case as all that is on the wire. */
export function sendError(response: ServerResponse, status: number, error: ErrorData, headers: Readonly<Record<string, string>> = {}): void {
  const { nearMatches, nextActions, ...same } = error;
  send(response, status, { error: { ...same, ...(nearMatches === undefined ? {} : { near_matches: nearMatches }), next_actions: nextActions } }, headers);
}

export function sendText(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }).end(text);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, value, {});
}

/** Nothing is half sent: what has begun is broken off instead. */
function send(response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>>): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(value));
}
