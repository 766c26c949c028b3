// Owns the http.request task: one bounded HTTP exchange that reaches public addresses only, unless the config lists more.
import type { Dispatcher, Response } from 'undici';
import { z } from 'zod';
import type { ActionContext, TaskType } from '../domain/action.ts';
import { Duration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import { Json } from '../domain/json.ts';
import type { TraceContext } from '../domain/trace-context.ts';
import { createGuardedAgent, type GuardedAgentOptions, networkError } from './guarded-agent.ts';
import { followRedirects, type Hop } from './http-redirect.ts';
import { headersOf, readBody, refuseFailure } from './http-response.ts';

const MIB = 1024 * 1024;
const MAX_TIMER_MS = 2_147_483_647;
// They frame the message or name another host than the URL does; a URL must say where a request (and its secrets) go.
const RESERVED_HEADERS = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'proxy-authorization',
];
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const Scalar = z.union([z.string(), z.number(), z.boolean()]);

const HttpRequestInput = z
  .strictObject({
    url: z.string().min(1).max(8192).describe('Absolute http or https URL without user:password@.'),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET').describe('HTTP method.'),
    headers: z
      .record(z.string(), Scalar)
      .optional()
      .describe('Request headers. A redirect to another origin keeps accept, accept-language and user-agent only.'),
    query: z
      .record(z.string(), z.union([Scalar, z.array(Scalar)]))
      .optional()
      .describe('Added to the query of the URL; a list repeats the name.'),
    body: Json.optional().describe('A string is sent as it is, any other JSON value as JSON with content-type application/json. Not with GET or HEAD.'),
    timeout: Duration.pipe(z.int().min(1)).default(60_000).describe('For the whole exchange with its redirects, e.g. "30s". Default 60s.'),
    expect: z
      .enum(['json', 'text', 'auto'])
      .default('auto')
      .describe('json: fail unless the body is JSON. text: never parse. auto: JSON by content type, else text; what is not text becomes an artifact.'),
    maxBytes: z
      .int()
      .min(1)
      .max(16 * MIB)
      .default(5 * MIB)
      .describe('Largest body in bytes after decompression; at most 16 MiB, default 5 MiB.'),
    redirects: z.int().min(0).max(10).default(5).describe('Redirects to follow, 0 to 10; with 0 the 3xx reply is the result.'),
  })
  .superRefine((input, check) => {
    const fault = (path: PropertyKey[], message: string): void => check.addIssue({ code: 'custom', path, message });
    const url = URL.canParse(input.url) ? new URL(input.url) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) fault(['url'], 'expected an absolute http or https URL, for example https://example.org/items');
    else if (url.username !== '' || url.password !== '') fault(['url'], 'credentials belong in headers.authorization, not in the URL');
    if (input.body !== undefined && (input.method === 'GET' || input.method === 'HEAD')) fault(['body'], `a ${input.method} request takes no body`);
    for (const [name, value] of Object.entries(input.headers ?? {})) {
      if (!HEADER_NAME.test(name)) fault(['headers', name], 'this is no header name');
      else if (RESERVED_HEADERS.includes(name.toLowerCase())) fault(['headers', name], 'this header is set by the client itself');
      if (!HEADER_VALUE.test(String(value))) fault(['headers', name], 'a header value is one line of Latin-1 text');
    }
  });
type HttpRequestInput = z.infer<typeof HttpRequestInput>;

/** The task type and the end of its connections. Throws `invalid_input` for an allow rule it cannot read. */
export function createHttpRequest(options: GuardedAgentOptions = {}): { readonly task: TaskType; close(): Promise<void> } {
  const agent = createGuardedAgent(options);
  const task: TaskType = {
    type: 'http.request',
    version: 1,
    description: 'Sends one HTTP request and returns status, headers, body and final URL; a 4xx or 5xx reply is an error.',
    input: HttpRequestInput,
    output: z.object({ status: z.int(), headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])), body: Json, url: z.string() }),
    example: { url: 'https://api.example.org/items', query: { page: 1 }, headers: { accept: 'application/json' }, timeout: '30s' },
    secretTargets: (input) =>
      typeof input.url === 'string' && URL.canParse(input.url) ? [...new Set([new URL(input.url).hostname, new URL(input.url).host])] : [],
    run: async (input: HttpRequestInput, context: ActionContext) => traced(input, context, await agent.dispatcher()),
  };
  return { task, close: () => agent.close() };
}

/** As a span of its own where the attempt belongs to a trace; the address is told without its query, which often carries keys. */
async function traced(input: HttpRequestInput, context: ActionContext, dispatcher: Dispatcher): Promise<Json> {
  if (context.trace === undefined) return exchange(input, context, dispatcher);
  const { hostname, port, origin, pathname, protocol } = new URL(input.url);
  const attributes = {
    'http.request.method': input.method,
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    'url.full': `${origin}${pathname}`,
  };
  return context.trace.client(input.method, attributes, (handedOn) => exchange(input, context, dispatcher, handedOn));
}

async function exchange(input: HttpRequestInput, context: ActionContext, dispatcher: Dispatcher, trace?: TraceContext): Promise<Json> {
  const { fetch } = await import('undici');
  const first = firstHop(input, context, trace);
  const deadline = AbortSignal.timeout(Math.min(input.timeout, MAX_TIMER_MS));
  const signal = AbortSignal.any([context.signal, deadline]);
  // No query in messages: it often carries keys.
  const name = `${input.method} ${first.url.origin}${first.url.pathname}`;
  const send = (hop: Hop): Promise<Response> =>
    fetch(hop.url, { method: hop.method, headers: hop.headers, body: hop.body ?? null, redirect: 'manual', signal, dispatcher });
  try {
    const { response, url } = await followRedirects(first, input.redirects, send);
    if (response.status >= 400) await refuseFailure(response, name);
    return { status: response.status, headers: headersOf(response), body: await readBody(response, input, context), url: url.href };
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    if (error instanceof LogisticsError) throw error;
    if (deadline.aborted) throw new LogisticsError('timeout', `${name} took longer than ${input.timeout} ms.`, { details: { timeoutMs: input.timeout } });
    throw networkError(name, error);
  }
}

function firstHop(input: HttpRequestInput, context: ActionContext, trace: TraceContext | undefined): Hop {
  const url = new URL(input.url);
  url.hash = '';
  for (const [key, value] of Object.entries(input.query ?? {})) {
    for (const item of Array.isArray(value) ? value : [value]) url.searchParams.append(key, String(item));
  }
  const headers = new Map<string, string>([['user-agent', 'logistics-mcp']]);
  if (input.body !== undefined && typeof input.body !== 'string') headers.set('content-type', 'application/json');
  if (!['GET', 'HEAD', 'OPTIONS'].includes(input.method)) headers.set('idempotency-key', context.idempotencyKey);
  for (const [key, value] of Object.entries(trace ?? {})) headers.set(key, value);
  for (const [key, value] of Object.entries(input.headers ?? {})) headers.set(key.toLowerCase(), String(value));
  const body = input.body === undefined || typeof input.body === 'string' ? input.body : JSON.stringify(input.body);
  return { url, method: input.method, headers: Object.fromEntries(headers), body };
}
