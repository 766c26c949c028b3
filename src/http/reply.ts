// Owns how the HTTP server refuses: a status, a code of the error table, and a body that clients of the protocol can read too.
import type { ServerResponse } from 'node:http';
import { ERROR_TABLE, type ErrorCode, type LogisticsError } from '../domain/errors.ts';

/** What a refusal is called in JSON-RPC, where servers may number their own faults. */
const RPC_CODE = -32_000;

export interface Refusal {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly rpcCode?: number | undefined;
}

export function refuse(response: ServerResponse, { status, code, message, headers = {}, rpcCode = RPC_CODE }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const data = { code, retryable: ERROR_TABLE[code].retryable, next_actions: [ERROR_TABLE[code].hint] };
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code: rpcCode, message, data }, id: null });
  response.writeHead(status, { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body);
}

/** A thrown error of ours as a refusal; details of a foreign one stay in the log. */
export function refusalOf(error: LogisticsError): Refusal {
  const code = Object.hasOwn(ERROR_TABLE, error.code) ? (error.code as ErrorCode) : 'internal';
  // To be out of places is no fault of the request's size.
  if (code === 'limit_exceeded') return { status: 429, code: 'rate_limited', message: error.message };
  const { status } = ERROR_TABLE[code];
  return { status, code, message: code === 'internal' ? 'The server failed; its log says why.' : error.message };
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }).end(text);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(value));
}
