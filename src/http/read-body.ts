// Owns reading a request's body: JSON only, bounded, whole, and refused with the reason.
import type { IncomingMessage } from 'node:http';
import { isJsonObject } from '../domain/json.ts';
import type { Refusal } from './reply.ts';

const UTF_8 = new TextDecoder('utf-8', { fatal: true });
const MAX_BATCH = 100;
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

interface Refused {
  readonly kind: 'refused';
  readonly refusal: Refusal;
}
export type Body = { readonly kind: 'json'; readonly value: unknown } | Refused;
type Bytes = { readonly kind: 'bytes'; readonly bytes: Buffer } | Refused;

/** A message of JSON-RPC, or a batch of them. What is longer than `maxBytes` is not read to its end. */
export async function readMessages(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const body = await readJson(request, maxBytes);
  if (body.kind === 'refused') return body;
  const { value } = body;
  if (typeof value !== 'object' || value === null)
    return refused({ status: 400, code: 'invalid_input', message: 'The body is no JSON-RPC message.', rpcCode: INVALID_REQUEST });
  if (Array.isArray(value) && (value.length === 0 || value.length > MAX_BATCH))
    return refused({ status: 400, code: 'invalid_input', message: `A batch holds 1 to ${MAX_BATCH} messages.`, rpcCode: INVALID_REQUEST });
  return body;
}

/** An object, or nothing, which is an empty one. */
export async function readObject(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) return { kind: 'json', value: {} };
  const body = await readJson(request, maxBytes);
  if (body.kind === 'refused' || isJsonObject(body.value)) return body;
  return refused({ status: 400, code: 'invalid_input', message: 'The body is no JSON object.' });
}

async function readJson(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const read = await readBytes(request, maxBytes);
  return read.kind === 'refused' ? read : parseJson(read.bytes);
}

/** The bytes of what says that it is JSON, as they came. */
export async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Bytes> {
  const type = request.headers['content-type'];
  if (type === undefined || !/^application\/json\s*(;|$)/i.test(type))
    return refused({ status: 415, code: 'invalid_input', message: 'The content type must be application/json.' });
  const coding = request.headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity')
    return refused({ status: 415, code: 'invalid_input', message: 'A compressed body is not read; send it plain.' });
  if (Number(request.headers['content-length']) > maxBytes) return tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) return tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch {
    return refused({ status: 400, code: 'invalid_input', message: 'The body broke off.' });
  }
  return { kind: 'bytes', bytes: Buffer.concat(chunks) };
}

export function parseJson(bytes: Buffer): Body {
  try {
    return { kind: 'json', value: JSON.parse(UTF_8.decode(bytes)) };
  } catch {
    return refused({ status: 400, code: 'invalid_input', message: 'Parse error: the body is no JSON in UTF-8.', rpcCode: PARSE_ERROR });
  }
}

function tooLarge(maxBytes: number): Refused {
  // The rest is on its way; without an end of the connection it would be taken for the next request.
  return refused({ status: 413, code: 'limit_exceeded', message: `The body is larger than ${maxBytes} bytes.`, headers: { connection: 'close' } });
}

function refused(refusal: Refusal): Refused {
  return { kind: 'refused', refusal };
}
