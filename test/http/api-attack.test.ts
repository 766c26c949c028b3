// Bad input and attack on the HTTP interface: each is refused plainly, and the server answers afterwards as if nothing had happened.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partsOf } from '../../src/http/api/api-path.ts';
import { api, type HttpPlace, httpPlace } from '../support/http-server.ts';
import { crowd, dial, heard, JSON_HEADERS, send } from '../support/raw-http.ts';

async function answers({ url }: Pick<HttpPlace, 'url'>, token?: string): Promise<void> {
  const answer = await api(url, token)('POST /jobs', { task: 'echo', payload: { value: 'alive' }, wait_ms: 5_000 });
  expect(answer).toMatchObject({ status: 200, body: { status: 'completed', result: 'alive' } });
}

/** A refusal says what is wrong in the form of the interface. */
function expectRefused({ status, body }: { status: number; body: string }, expected: number, code: string): void {
  expect([status, JSON.parse(body)]).toEqual([
    status,
    { error: expect.objectContaining({ code, message: expect.any(String), next_actions: expect.any(Array) }) },
  ]);
  expect(status).toBe(expected);
}

describe('pages of other sites', () => {
  it('can neither read nor change anything', async () => {
    const place = await httpPlace();
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example'])
      for (const [method, path] of [
        ['GET', '/api/v1/status'],
        ['GET', '/api/v1/events'],
        ['POST', '/api/v1/jobs'],
        ['OPTIONS', '/api/v1/jobs'],
      ] as const)
        expectRefused(await send(place.url, { method, path, headers: { origin } }), 403, 'not_allowed');
    // What a form can send without asking first is no body of ours, wherever it comes from.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expectRefused(await send(place.url, { path: '/api/v1/jobs', headers: { 'content-type': type }, body: '{"task":"echo"}' }), 415, 'invalid_input');
    await answers(place);
  });

  it('that are listed may use every method of it', async () => {
    const { url } = await httpPlace({ serve: { allowedOrigins: ['https://app.example.org'] } });
    const { status, headers } = await send(url, { method: 'OPTIONS', path: '/api/v1/schedules/x', headers: { origin: 'https://app.example.org' } });
    expect([status, headers['access-control-allow-methods']]).toEqual([204, 'GET, POST, PATCH, DELETE']);
    expect(headers['access-control-allow-headers']).toContain('Idempotency-Key');
  });
});

describe('paths', () => {
  const tricks = [
    '/api/v1/executions/%2e%2e/status',
    '/api/v1/executions/../status',
    '/api/v1/executions/./status',
    '/api/v1/%2e%2e/%2e%2e/healthz',
    '/api/v1//status',
    '/api/v1/status/',
    '/api/v1/',
    '/api/v1/artifacts/..%2f..%2fetc%2fpasswd',
    '/api/v1/artifacts/%2Fetc%2Fpasswd',
    '/api/v1/artifacts/a%5cb',
    '/api/v1/artifacts/a%00',
    '/api/v1/artifacts/%0d%0aset-cookie:%20a=b',
    '/api/v1/artifacts/%zz',
    '/api/v1/artifacts/%c0%ae%c0%ae',
    '/api/v1/artifacts/%ff',
    `/api/v1/artifacts/${'a'.repeat(5_000)}`,
  ];
  it.each(tricks)('such as %s are no path of the interface', async (path) => {
    const place = await httpPlace();
    for (const method of ['GET', 'POST', 'DELETE']) expectRefused(await send(place.url, { method, path }), 400, 'invalid_input');
    await answers(place);
  });

  it.each([
    ['/api/v1/__proto__', 404],
    ['/api/v1/constructor', 404],
    ['/api/v1/executions/__proto__', 400],
    ['/api/v1/executions/exec_06d3v8q2k1h7m9p4r5s6t7v8w9', 404],
    ['/api/v1/queues/%3Cscript%3E', 400],
    ['/api/v1/artifacts/art_06d3v8q2k1h7m9p4r5s6t7v8w9', 404],
    ['/api/v1/artifacts/etc', 404],
    ['/api/v2/status', 404],
    ['/api/v1', 404],
    ['/API/v1/status', 404],
    ['/api/v1/STATUS', 404],
    ['/api/v1/status;x=1', 404],
    ['//api/v1/status', 404],
    ['/api/v1/status%20', 404],
    ['/api%2fv1/status', 404],
  ])('such as %s lead nowhere: %d', async (path, status) => {
    const { url } = await httpPlace();
    expect((await send(url, { method: 'GET', path })).status).toBe(status);
  });

  it('of any spelling mean their parts, or nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 1, maxLength: 5 }), (parts) => {
        let path: string;
        try {
          path = `/api/v1/${parts.map(encodeURIComponent).join('/')}`;
        } catch {
          return;
        }
        const read = partsOf(path);
        const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[/\\\p{Cc}]/u.test(part));
        expect(read).toEqual(isPlain ? parts : null);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'./%25eEfF\\aA\0c0'), maxLength: 12 }), (text) => {
        const read = partsOf(`/api/v1/${text}`);
        if (read !== null) for (const part of read) expect(part).not.toMatch(/^\.{0,2}$|[/\\\p{Cc}]/u);
      }),
    );
  });
});

describe('bodies and queries', () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  it.each([
    ['no JSON', 400, { body: '{"task":' }],
    ['a list', 400, { body: '[]' }],
    ['a number', 400, { body: '7' }],
    ['null', 400, { body: 'null' }],
    ['not UTF-8', 400, { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }],
    ['200,000 brackets', 413, { body: `{"task":"echo","payload":{"value":${deep}}}` }],
    ['larger than the limit', 413, { body: JSON.stringify({ task: 'echo', payload: { value: 'x'.repeat(1_048_576) } }) }],
    ['compressed', 415, { headers: { 'content-encoding': 'gzip' }, body: '{}' }],
    ['json in name only', 415, { headers: { 'content-type': 'application/jsonp' }, body: '{}' }],
  ] as readonly (readonly [string, number, { headers?: Record<string, string>; body: string | Buffer }])[])(
    'that are %s are refused with %d',
    async (_, status, { headers, body }) => {
      const place = await httpPlace();
      for (const path of ['/api/v1/jobs', '/api/v1/tools/enqueue_job'])
        expectRefused(
          await send(place.url, { path, headers: { ...JSON_HEADERS, ...headers }, body }),
          status,
          status === 413 ? 'limit_exceeded' : 'invalid_input',
        );
      await answers(place);
    },
  );

  it('where none belongs are refused', async () => {
    const { url } = await httpPlace();
    const body = '{"policy":"cancel"}';
    for (const method of ['GET', 'DELETE'])
      for (const [name, value] of [
        ['content-length', String(body.length)],
        ['transfer-encoding', 'chunked'],
      ] as const)
        expectRefused(await send(url, { method, path: '/api/v1/sessions/x', headers: { ...JSON_HEADERS, [name]: value }, body }), 400, 'invalid_input');
  });

  it('with names of prototypes change nothing but what they say', async () => {
    const place = await httpPlace();
    for (const body of [
      '{"task":"echo","payload":{"value":1},"__proto__":{"admin":true}}',
      '{"task":"echo","payload":{"__proto__":{"polluted":1},"value":1}}',
      '{"task":"echo","payload":{"constructor":{"prototype":{"polluted":1}},"value":1}}',
      '{"task":"__proto__"}',
      '{"task":"constructor","payload":{}}',
    ])
      expect([200, 400]).toContain((await send(place.url, { path: '/api/v1/jobs', headers: JSON_HEADERS, body })).status);
    for (const query of ['__proto__=1', '__proto__[a]=1', 'constructor=1', 'filter.status=running', 'filter[status]=running', 'toString=1'])
      expectRefused(await send(place.url, { method: 'GET', path: `/api/v1/jobs?${query}` }), 400, 'invalid_input');
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
      expectRefused(await send(place.url, { path: `/api/v1/tools/${name}`, headers: JSON_HEADERS, body: '{}' }), 404, 'not_found');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
    await answers(place);
  });

  it('of any JSON, at any address that takes one, end in an answer of the interface', async () => {
    const place = await httpPlace();
    const call = api(place.url);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/jobs', '/executions', '/workflows', '/schedules/cron', '/sessions', '/tools/control', '/tools/get'),
        fc.dictionary(fc.string(), fc.jsonValue()),
        async (path, body) => {
          const { status, body: answer } = await call(`POST ${path}`, body);
          expect(status).toBeLessThan(500);
          if (status !== 200) expect(answer).toMatchObject({ error: { code: expect.any(String) } });
        },
      ),
      { numRuns: 60 },
    );
    await answers(place);
  });
});

describe('tokens', () => {
  it('that are expired, revoked, guessed or malformed let nobody in, and end streams that they opened', async () => {
    const place = await httpPlace({}, { tokens: { keeper: ['read', 'write'] } });
    const short = place.token('short', ['read'], 'test', Date.now() + 60_000);
    const gone = place.token('gone', ['read']);
    const authorization = `Bearer ${short}`;
    const stream = await fetch(`${place.url}/api/v1/events`, { headers: { authorization } });
    expect(stream.status).toBe(200);
    place.tokens.revoke('gone');
    place.later(61_000);
    const given: readonly (string | undefined)[] = [
      undefined,
      authorization,
      `Bearer ${gone}`,
      'Bearer lmcp_guess',
      'Bearer',
      'Basic YTpi',
      `Bearer ${short} ${short}`,
      `bearer ${short}x`,
    ];
    for (const header of given)
      for (const path of ['/api/v1/status', '/api/v1/events', '/api/v1/openapi.json', '/api/v1/artifacts/x'])
        expectRefused(
          await send(place.url, { method: 'GET', path, ...(header === undefined ? {} : { headers: { authorization: header } }) }),
          401,
          'unauthorized',
        );
    // A token in the address would be in every log on the way.
    expectRefused(await send(place.url, { method: 'GET', path: `/api/v1/status?access_token=${place.secrets.keeper}` }), 401, 'unauthorized');
    await place.server.tick();
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    while (!(await reader.read()).done);
    await answers(place, place.secrets.keeper);
  });
});

describe('too much', () => {
  it('of unfinished bodies is cut off, and others are served meanwhile', async () => {
    const place = await httpPlace({ serve: { requestTimeout: '500ms' } });
    const slow = Array.from({ length: 50 }, () => dial(place.url));
    for (const socket of slow) socket.write('POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    await answers(place);
    for (const text of await Promise.all(slow.map(heard))) expect(text).toMatch(/^HTTP\/1\.1 408 /);
    await answers(place);
  });

  it('of waits and streams is refused per token with when to come again', async () => {
    const place = await httpPlace({ serve: { maxConcurrent: 3, maxStreams: 2 } }, { tokens: { a: ['read', 'write'], b: ['read', 'write'] } });
    const a = api(place.url, place.secrets.a);
    const { job_id } = (await a('POST /jobs', { task: 'echo', payload: { value: 1 }, delay: '1h' })).body;
    const leave = new AbortController();
    const waits = Array.from({ length: 3 }, () => a(`GET /jobs/${job_id}/wait?timeout_ms=50000`, undefined, { signal: leave.signal }).catch(() => null));
    let refused = await a('GET /status');
    for (let tries = 0; refused.status !== 429 && tries < 500; tries++) refused = await a('GET /status');
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'rate_limited', retryable: true } } });
    expect(refused.headers.get('retry-after')).toBe('1');
    await answers(place, place.secrets.b);
    leave.abort();
    await Promise.all(waits);
    for (let tries = 0; (await a('GET /status')).status !== 200; tries++) expect(tries).toBeLessThan(500);
  });

  it('of connections, ten thousand at once, is answered up to the limit, refused past it, and over when they leave', async () => {
    // Each connection is a file here, and one in the process at its other end.
    const files = process.platform === 'win32' ? 20_000 : Number(execFileSync('sh', ['-c', 'ulimit -Hn']).toString()) || 20_000;
    const count = Math.min(10_000, files - 2_000);
    const limit = Math.floor(count * 0.9);
    const place = await httpPlace({ serve: { maxConnections: limit } });
    const early = dial(place.url);
    await once(early, 'connect');
    await answers(place);
    const crowds = await Promise.all(Array.from({ length: 4 }, () => crowd(place.url, count / 4)));
    const total = (status: string): number => crowds.reduce((sum, { heard: all }) => sum + (all[status] ?? 0), 0);
    // Beside them: one connection that came early, and what the client of this test keeps open.
    expect(total('200')).toBeGreaterThan(limit - 20);
    expect(total('200')).toBeLessThan(limit);
    expect(total('503')).toBeGreaterThan(0);
    expect(total('200') + total('503') + total('0')).toBe(count);
    // Who is in is served as ever; who comes now hears why not.
    early.write('GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect(String((await once(early, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /);
    expect(await refusal(place.url)).toMatch(/^HTTP\/1\.1 503 [\s\S]*"rate_limited"/);
    await Promise.all(crowds.map((each) => each.leave()));
    for (let tries = 0; (await refusal(place.url)).startsWith('HTTP/1.1 503'); tries++) expect(tries).toBeLessThan(1_000);
    await answers(place);
  }, 120_000);
});

/** What a new connection hears. */
async function refusal(url: string): Promise<string> {
  const socket: Socket = dial(url);
  socket.write('POST /api/v1/nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  return heard(socket);
}
