// Owns how an HTTP reply becomes data: bounded bytes, JSON or text, and one error per failed status.
import type { Response } from 'undici';
import type { ActionContext } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';

const EXCERPT_BYTES = 2048;
const RETRYABLE_4XX = [408, 425, 429];
const TELLING_HEADERS = /^(content-type|retry-after|www-authenticate|location|allow|x-request-id|request-id|x-ratelimit-.*|ratelimit.*)$/;

/** Lower-case names; `set-cookie` alone is a list, since its values cannot be joined. */
export function headersOf(response: Response): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of response.headers) if (name !== 'set-cookie') headers[name] = value;
  const cookies = response.headers.getSetCookie();
  return cookies.length === 0 ? headers : { ...headers, 'set-cookie': cookies };
}

export interface BodyWish {
  readonly expect: 'json' | 'text' | 'auto';
  readonly maxBytes: number;
}

/** The body as JSON, text or, when it is neither, an artifact. Throws `limit_exceeded` past `maxBytes` and `output_invalid` for `expect: json`. */
export async function readBody(response: Response, wish: BodyWish, context: ActionContext): Promise<Json> {
  const { bytes, whole } = await readBytes(response, wish.maxBytes);
  if (!whole) {
    throw new LogisticsError('limit_exceeded', `The body is larger than ${wish.maxBytes} bytes.`, { path: 'maxBytes', details: { maxBytes: wish.maxBytes } });
  }
  const type = response.headers.get('content-type') ?? '';
  const isJsonType = /^[^;]*[/+]json\b/i.test(type);
  if (wish.expect === 'auto' && !isJsonType && !isText(bytes, type)) {
    return { ...(await context.putArtifact('body', bytes, type.split(';')[0]?.trim() || 'application/octet-stream')) };
  }
  const text = decode(bytes, type);
  if (wish.expect === 'text' || (wish.expect === 'auto' && !isJsonType)) return text;
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    if (wish.expect === 'auto') return text;
    throw new LogisticsError('output_invalid', 'The body is not JSON.', {
      path: 'expect',
      expected: 'a JSON body',
      nextActions: ['Set expect to text or auto, or ask the server for JSON with an accept header.'],
      details: { contentType: type, body: text.slice(0, EXCERPT_BYTES) },
    });
  }
}

/** Always throws: `http_4xx` or `http_5xx` with status, telling headers, an excerpt of the body and, when given, `retryAfterMs`. */
export async function refuseFailure(response: Response, name: string, mayRetry: (status: number) => boolean = isRetryable): Promise<never> {
  const { status } = response;
  const { bytes } = await readBytes(response, EXCERPT_BYTES).catch(() => ({ bytes: new Uint8Array() }));
  const headers = Object.fromEntries([...response.headers].filter(([header]) => TELLING_HEADERS.test(header)));
  const retryAfterMs = status === 429 || status === 503 ? parseRetryAfter(response) : undefined;
  throw new LogisticsError(status < 500 ? 'http_4xx' : 'http_5xx', `${name} answered ${status}${response.statusText ? ` ${response.statusText}` : ''}.`, {
    retryable: mayRetry(status),
    details: { status, headers, body: decode(bytes, response.headers.get('content-type') ?? ''), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}

function isRetryable(status: number): boolean {
  return status >= 500 || RETRYABLE_4XX.includes(status);
}

async function readBytes(response: Response, limit: number): Promise<{ bytes: Uint8Array; whole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body === null) return { bytes: new Uint8Array(), whole: true };
  // Leaving the loop early cancels the stream, so a decompression bomb ends here too.
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > limit) return { bytes: Buffer.concat(chunks).subarray(0, limit), whole: false };
  }
  return { bytes: Buffer.concat(chunks), whole: true };
}

function isText(bytes: Uint8Array, type: string): boolean {
  if (charsetOf(type) !== undefined) return true;
  if (bytes.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function decode(bytes: Uint8Array, type: string): string {
  return new TextDecoder(charsetOf(type) ?? 'utf-8').decode(bytes);
}

function charsetOf(type: string): string | undefined {
  const label = /;\s*charset="?([\w.:-]+)"?/i.exec(type)?.[1];
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

function parseRetryAfter(response: Response): number | undefined {
  const value = response.headers.get('retry-after')?.trim();
  if (!value) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const until = Date.parse(value);
  const now = Date.parse(response.headers.get('date') ?? '') || Date.now();
  return Number.isNaN(until) ? undefined : Math.max(0, until - now);
}
