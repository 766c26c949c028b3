// Bad input and attack: each is refused plainly, and the server answers afterwards as if nothing had happened.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AddressCheck } from '../../src/http/address-check.ts';
import { FairShare } from '../../src/http/fair-share.ts';
import { callMessage, connectHttp, type HttpPlace, httpPlace, INITIALIZE, post, type Reply } from '../support/http-server.ts';
import { dial, heard, JSON_HEADERS, send } from '../support/raw-http.ts';
import { heldTask } from '../support/test-engine.ts';

async function answers({ url }: Pick<HttpPlace, 'url'>): Promise<void> {
  const { body, headers } = callMessage('enqueue_job', { task: 'echo', payload: { value: 'alive' }, wait_ms: 5_000 });
  const answer = await post(url, body, headers);
  expect(await answer.json()).toMatchObject({ result: { structuredContent: { status: 'completed', result: 'alive' } } });
}

describe('pages of other sites', () => {
  it.each([
    'evil.example',
    'evil.example:8787',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    '169.254.169.254',
    '0.0.0.0',
    'localhost@evil.example',
    '[::1].evil',
  ])('cannot reach it under the rebound host %j', async (host) => {
    const place = await httpPlace();
    for (const path of ['/mcp', '/sse', '/', '/healthz', '/readyz', '/messages', '/metrics', '/api/v1/status', '/api/v1/events', '/api/v1/openapi.json'])
      expect(
        (await send(place.url, { path, method: path === '/mcp' || path === '/messages' ? 'POST' : 'GET', headers: { ...JSON_HEADERS, host }, body: '' }))
          .status,
      ).toBe(403);
    await answers(place);
  });

  it.each(['https://evil.example', 'null', 'file://', 'http://localhost.evil.example', 'http://127.0.0.1.evil.example', 'chrome-extension://abc', 'x'])(
    'cannot call it from the origin %j',
    async (origin) => {
      const place = await httpPlace();
      const { body, headers } = callMessage('list', { kind: 'jobs' });
      const refused = await post(place.url, body, { ...headers, origin });
      expect(refused.status).toBe(403);
      expect(refused.headers.get('access-control-allow-origin')).toBeNull();
      expect((await fetch(`${place.url}/mcp`, { method: 'OPTIONS', headers: { origin } })).status).toBe(403);
      await answers(place);
    },
  );

  it('may call it from this machine, and read answers from a listed origin only', async () => {
    const { url } = await httpPlace({ serve: { allowedOrigins: ['https://app.example.org'] } });
    const { body, headers } = callMessage('list', { kind: 'jobs' });
    const local = await post(url, body, { ...headers, origin: 'http://localhost:6274' });
    expect([local.status, local.headers.get('access-control-allow-origin')]).toEqual([200, null]);
    const listed = await post(url, body, { ...headers, origin: 'https://app.example.org' });
    expect([listed.status, listed.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example.org']);
    expect((await fetch(`${url}/mcp`, { method: 'OPTIONS', headers: { origin: 'https://app.example.org' } })).status).toBe(204);
  });

  it('meet other rules beyond loopback: any address of the machine, listed names, the same origin', () => {
    const rules = { host: '0.0.0.0', allowedHosts: ['jobs.example.org'], allowedOrigins: [], publicUrl: null };
    const check = new AddressCheck(rules);
    expect(['10.0.0.7:8787', '[fe80::1]:8787', 'jobs.example.org', 'JOBS.example.org:443', 'localhost:1'].map((host) => check.allowsHost(host))).toEqual(
      Array(5).fill(true),
    );
    expect(['evil.example', 'x.jobs.example.org', undefined, 'a b', 'jobs.example.org:port'].map((host) => check.allowsHost(host))).toEqual(
      Array(5).fill(false),
    );
    expect(check.allowsOrigin('http://jobs.example.org', 'jobs.example.org')).toBe(true);
    expect(check.allowsOrigin('http://localhost:3000', 'jobs.example.org')).toBe(false);
    expect(check.allowsOrigin('http://other.example.org', 'jobs.example.org')).toBe(false);
    expect(new AddressCheck({ ...rules, publicUrl: 'https://front.example/mcp' }).allowsHost('front.example')).toBe(true);
  });
});

const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

describe('bodies', () => {
  const cases: readonly (readonly [string, number, { headers?: Record<string, string>; body: string | Buffer }])[] = [
    ['no JSON', 400, { body: '{"jsonrpc":' }],
    ['empty', 400, { body: '' }],
    ['a number', 400, { body: '7' }],
    ['a text', 400, { body: '"initialize"' }],
    ['null', 400, { body: 'null' }],
    ['an empty batch', 400, { body: '[]' }],
    ['a batch of 101', 400, { body: JSON.stringify(Array(101).fill({ jsonrpc: '2.0', id: 1, method: 'ping' })) }],
    ['200,000 brackets', 400, { body: deep }],
    ['not UTF-8', 400, { body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]) }],
    ['text/plain, as a form of a page can send it', 415, { headers: { 'content-type': 'text/plain' }, body: JSON.stringify(INITIALIZE) }],
    ['a form', 415, { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1' }],
    ['json in name only', 415, { headers: { 'content-type': 'application/jsonp' }, body: '{}' }],
    ['compressed', 415, { headers: { 'content-encoding': 'gzip' }, body: '{}' }],
    ['larger than the limit', 413, { body: JSON.stringify({ ...INITIALIZE, fill: 'x'.repeat(1_048_576) }) }],
  ];
  it.each(cases)('that are %s are refused with %d', async (_, status, { headers, body }) => {
    const place = await httpPlace();
    expect((await send(place.url, { headers: { ...JSON_HEADERS, ...headers }, body })).status).toBe(status);
    expect((await send(place.url, { path: '/messages?sessionId=x', headers: { ...JSON_HEADERS, ...headers }, body })).status).toBe(
      body === deep ? 404 : status,
    );
    await answers(place);
  });

  it('that hide depth in the arguments are refused by the tool', async () => {
    const place = await httpPlace();
    const { body, headers } = callMessage('enqueue_job');
    const raw = JSON.stringify(body).replace('"arguments":{}', `"arguments":{"task":"echo","payload":{"value":${deep}}}`);
    expect(JSON.stringify(await (await post(place.url, raw, headers)).json())).toContain('limit_exceeded');
    await answers(place);
  });

  it('that say less than they are, or never end, are cut off', async () => {
    const place = await httpPlace();
    const endless = dial(place.url);
    endless.write('POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    for (let i = 0; i < 20; i++) endless.write(chunk);
    expect(await heard(endless)).toMatch(/^HTTP\/1\.1 413 /);
    const both = dial(place.url);
    both.write(
      'POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n',
    );
    expect(await heard(both)).toMatch(/^HTTP\/1\.1 400 /);
    await answers(place);
  });

  it('whose headers say something else than they do are refused', async () => {
    const place = await httpPlace();
    const { body, headers } = callMessage('list', { kind: 'jobs' });
    const wrongs: readonly Record<string, string>[] = [
      { 'mcp-method': 'tools/list' },
      { 'mcp-name': 'enqueue_job' },
      { 'mcp-protocol-version': '2025-11-25' },
      { 'mcp-protocol-version': '1999-01-01' },
    ];
    for (const wrong of wrongs) {
      const answer = await post(place.url, body, { ...headers, ...wrong });
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as Reply).error).toMatchObject({ code: expect.any(Number) });
    }
    await answers(place);
  });

  it('with names of prototypes change nothing but what they say', async () => {
    const place = await httpPlace();
    for (const text of [
      '{"task":"echo","payload":{"value":1},"__proto__":{"admin":true}}',
      '{"task":"echo","payload":{"__proto__":{"polluted":1},"value":1}}',
      '{"task":"echo","payload":{"constructor":{"prototype":{"polluted":1}},"value":1}}',
      '{"task":"__proto__","payload":{}}',
      '{"task":"constructor","payload":{}}',
    ]) {
      const { body, headers } = callMessage('enqueue_job');
      const raw = JSON.stringify(body).replace('"arguments":{}', `"arguments":${text}`);
      expect([200, 400]).toContain((await post(place.url, raw, headers)).status);
    }
    for (const raw of [
      '{"__proto__":{"method":"initialize"},"jsonrpc":"2.0","id":1}',
      '{"jsonrpc":"2.0","id":1,"method":"__proto__"}',
      '{"jsonrpc":"2.0","id":1,"method":"constructor","params":{}}',
    ])
      expect((await post(place.url, raw)).status).toBeGreaterThanOrEqual(400);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
    await answers(place);
  });
});

describe('paths and methods', () => {
  it.each([
    '/nothing',
    '/mcp/',
    '/mcp/../healthz',
    '//mcp',
    '/%6dcp',
    '/.well-known/oauth-protected-resource',
    '/__proto__',
    '/constructor',
    '/..%2f..%2fetc/passwd',
    '/api/v1',
  ])('that are not there, such as %s, are not found', async (path) => {
    const place = await httpPlace();
    expect((await send(place.url, { path, headers: JSON_HEADERS, body: '{}' })).status).toBe(404);
  });

  it('that do not fit are refused', async () => {
    const place = await httpPlace();
    for (const [path, method] of [
      ['/mcp', 'PUT'],
      ['/mcp', 'OPTIONS'],
      ['/sse', 'POST'],
      ['/messages', 'GET'],
      ['/healthz', 'DELETE'],
      ['/', 'POST'],
      ['/mcp', 'TRACE'],
    ] as const)
      expect((await send(place.url, { path, method })).status).toBe(405);
    await answers(place);
  });

  it('with headers without end are refused', async () => {
    const place = await httpPlace();
    expect((await send(place.url, { method: 'GET', path: '/healthz', headers: { 'x-fill': 'x'.repeat(20_000) } })).status).toBe(431);
    await answers(place);
  });
});

describe('sessions', () => {
  it('of the old transport are unknown to whoever guesses, and to other tokens', async () => {
    const place = await httpPlace({}, { tokens: { a: ['read'], b: ['read'] } });
    const a = { authorization: `Bearer ${place.secrets.a}` };
    const b = { authorization: `Bearer ${place.secrets.b}` };
    const stream = await fetch(`${place.url}/sse`, { headers: a });
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    const endpoint = /data: (\S+)/.exec(new TextDecoder().decode((await reader.read()).value))?.[1] as string;
    const tell = (path: string, headers: Record<string, string>): Promise<number> =>
      send(place.url, { path, headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify(INITIALIZE) }).then(({ status }) => status);
    expect(await tell(endpoint, b)).toBe(404);
    expect(await tell(endpoint, {})).toBe(401);
    expect(await tell('/messages', a)).toBe(404);
    expect(await tell('/messages?sessionId=00000000-0000-0000-0000-000000000000', a)).toBe(404);
    expect(await tell(endpoint, a)).toBe(202);
    // A session of the one transport is none of the other.
    const id = endpoint.split('=')[1] as string;
    expect((await post(place.url, { jsonrpc: '2.0', id: 2, method: 'tools/list' }, { ...a, 'mcp-session-id': id })).status).toBe(404);
    await reader.cancel();
  });
});

describe('too much at once', () => {
  it('is bounded per token: requests in a time, requests at once, streams at once', async () => {
    let now = 1_000;
    const share = new FairShare({ rateLimit: { limit: 3, periodMs: 1_000 }, maxConcurrent: 2, maxStreams: 1 }, () => now);
    const first = share.take('a', 'request');
    expect(share.take('a', 'request').kind).toBe('granted');
    expect(share.take('a', 'request')).toMatchObject({ kind: 'refused', message: 'More than 2 requests at once.' });
    expect(share.take('a', 'stream').kind).toBe('granted');
    if (first.kind === 'granted') {
      first.done();
      first.done();
    }
    expect(share.take('a', 'request')).toMatchObject({ kind: 'refused', retryAfterMs: 1_000 });
    expect(share.take('b', 'request').kind).toBe('granted');
    now += 1_000;
    expect(share.take('a', 'stream')).toMatchObject({ kind: 'refused', message: 'More than 1 streams at once.' });
    expect(share.take('a', 'request').kind).toBe('granted');
    expect(share.take('a', 'request').kind).toBe('refused');
  });

  it('is told with 429 and when to come again', async () => {
    const place = await httpPlace({ serve: { rateLimit: { limit: 2, period: '1h' } } }, { tokens: { a: ['read'], b: ['read'] } });
    const { body, headers } = callMessage('list', { kind: 'jobs' });
    const call = (secret: string): Promise<Response> => post(place.url, body, { ...headers, authorization: `Bearer ${secret}` });
    expect([(await call(place.secrets.a)).status, (await call(place.secrets.a)).status]).toEqual([200, 200]);
    const refused = await call(place.secrets.a);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);
    expect((await call(place.secrets.b)).status).toBe(200);
  });

  it('of unfinished requests is closed, and others are served meanwhile', async () => {
    const place = await httpPlace({ serve: { requestTimeout: '500ms' } });
    const slow = Array.from({ length: 50 }, () => dial(place.url));
    for (const [at, socket] of slow.entries()) {
      if (at % 3 === 0) socket.write('POST /mcp HTTP/1.1\r\nhost: localhost\r\n');
      if (at % 3 === 1) socket.write('POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    }
    await answers(place);
    expect(await heard(slow[0] as Socket)).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(await heard(slow[1] as Socket)).toMatch(/^HTTP\/1\.1 408 /);
    expect(await heard(slow[2] as Socket)).toMatch(/^(HTTP\/1\.1 408 |$)/);
    await answers(place);
  }, 30_000);

  it('of connections is survived: thousands that say nothing, and thousands that leave in the middle', async () => {
    const place = await httpPlace({ serve: { maxConnections: 1_500 } });
    const silent = Array.from({ length: 2_000 }, () => dial(place.url));
    await Promise.all(silent.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
    for (const socket of silent) socket.destroy();
    for (let round = 0; round < 4; round++) {
      const leaving = Array.from({ length: 500 }, () => dial(place.url));
      await Promise.all(leaving.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
      for (const socket of leaving) {
        socket.write('GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n');
        socket.destroy();
      }
    }
    for (let tries = 0; ; tries++) {
      const status = await fetch(`${place.url}/healthz`).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) break;
      expect(tries).toBeLessThan(1_000);
    }
    await answers(place);
  }, 60_000);
});

describe('clients that leave', () => {
  it('end their wait, not the work', async () => {
    const held = heldTask();
    const place = await httpPlace({}, { options: { tasks: [held] } });
    const leaving = await connectHttp(place.url, '2026');
    const stop = new AbortController();
    const waiting = leaving.call('enqueue_job', { task: 'held', wait_ms: 30_000 }, { signal: stop.signal });
    await held.reached(1);
    stop.abort();
    await expect(waiting).rejects.toThrow();
    const { items } = await (await connectHttp(place.url, '2025 http')).call('list', { kind: 'jobs' });
    expect(items).toMatchObject([{ status: 'running' }]);
    held.release('done');
    await answers(place);
  });
});
