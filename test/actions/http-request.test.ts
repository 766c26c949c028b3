import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AddressGuard } from '../../src/actions/address-guard.ts';
import { createHttpRequest } from '../../src/actions/http-request.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { actionContext, failure, inputFaults, runTask } from '../support/action-context.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const servers: Server[] = [];
async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk)).on('end', () => handler(request, response, body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
};

/** Answers with what it was asked. */
const mirror: Handler = (request, response, body) => json(response, { method: request.method, url: request.url, headers: request.headers, body });

let other: string;
let base: string;
const seen: string[] = [];
const local = createHttpRequest({ allowAddresses: ['127.0.0.0/8'] });
const strict = createHttpRequest();

beforeAll(async () => {
  other = await serve(mirror);
  base = await serve((request, response, body) => {
    const url = new URL(request.url as string, 'http://x');
    seen.push(`${request.method} ${url.pathname}`);
    const route: Record<string, () => void> = {
      '/text': () => void response.writeHead(200, { 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'], 'X-Thing': 'y' }).end('plain'),
      '/latin1': () => void response.writeHead(200, { 'content-type': 'text/plain; charset=iso-8859-1' }).end(Buffer.from([0xe9])),
      '/binary': () => void response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([0x89, 0x50, 0xff, 0x00])),
      '/badjson': () => void response.writeHead(200, { 'content-type': 'application/json' }).end('{nope'),
      '/empty': () => void response.writeHead(204).end(),
      '/big': () => void response.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(10_000)),
      '/bomb': () => void response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(4_000_000))),
      '/status': () => {
        const status = Number(url.searchParams.get('code'));
        const after = url.searchParams.get('after');
        response
          .writeHead(status, { 'content-type': 'text/plain', 'x-request-id': 'r1', 'x-private': 'no', ...(after === null ? {} : { 'retry-after': after }) })
          .end('e'.repeat(5_000));
      },
      '/redirect': () => void response.writeHead(Number(url.searchParams.get('code') ?? 302), { location: url.searchParams.get('to') as string }).end(),
      '/loop': () => void response.writeHead(302, { location: '/loop' }).end(),
      '/hang': () => {},
      '/reset': () => void request.socket.destroy(),
    };
    (route[url.pathname] ?? (() => mirror(request, response, body)))();
  });
});

afterAll(async () => {
  await Promise.all([local.close(), strict.close()]);
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

type Reply = { status: number; headers: Record<string, unknown>; body: never; url: string };
type Mirrored = { method: string; url: string; headers: Record<string, string>; body: string };
const call = async (input: object, context = actionContext()): Promise<Reply> => (await runTask(local.task, input, context)) as unknown as Reply;
const mirrored = async (input: object): Promise<Mirrored> => (await call(input)).body;
const redirectTo = (to: string, code = 302): string => `${base}/redirect?code=${code}&to=${encodeURIComponent(to)}`;

describe('http.request: request', () => {
  it('sends query, headers and a JSON body, and an idempotency key', async () => {
    const reply = await call({ url: `${base}/items?a=1#part`, method: 'POST', query: { b: [2, true], c: 'x y' }, headers: { 'X-Number': 5 }, body: { n: 1 } });
    expect(reply).toMatchObject({ status: 200, url: `${base}/items?a=1&b=2&b=true&c=x+y`, headers: { 'content-type': 'application/json; charset=utf-8' } });
    expect(reply.body).toMatchObject({ method: 'POST', url: '/items?a=1&b=2&b=true&c=x+y', body: '{"n":1}' });
    expect((reply.body as Mirrored).headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'exec_test/step',
      'x-number': '5',
      'user-agent': 'logistics-mcp',
    });
  });

  it('sends a string body as it is, keeps a given idempotency key, and none for GET', async () => {
    const put = await mirrored({
      url: `${base}/x`,
      method: 'PUT',
      body: 'a=b',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Idempotency-Key': 'mine' },
    });
    expect(put).toMatchObject({ body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': 'mine' } });
    expect((await mirrored({ url: `${base}/x` })).headers).not.toHaveProperty('idempotency-key');
  });

  it.each([
    [{ url: 'ftp://example.org/' }, 'url'],
    [{ url: 'file:///etc/passwd' }, 'url'],
    [{ url: '/relative' }, 'url'],
    [{ url: 'http://user:secret@example.org/' }, 'url'],
    [{ url: 'http://example.org/', body: 'x' }, 'body'],
    [{ url: 'http://example.org/', headers: { Host: 'inner' } }, 'headers.Host'],
    [{ url: 'http://example.org/', headers: { 'a b': 'x' } }, 'headers.a b'],
    [{ url: 'http://example.org/', headers: { a: 'x\r\nb: y' } }, 'headers.a'],
    [{ url: 'http://example.org/', timeout: '0s' }, 'timeout'],
    [{ url: 'http://example.org/', timeout: 'soon' }, 'timeout'],
    [{ url: 'http://example.org/', maxBytes: 17 * 1024 * 1024 }, 'maxBytes'],
    [{ url: 'http://example.org/', redirects: 11 }, 'redirects'],
    [{ url: 'http://example.org/', retries: 3 }, ''],
  ])('refuses %j at %s', (input, path) => {
    expect(inputFaults(local.task, input)).toEqual([expect.stringMatching(new RegExp(`^${path.replace('.', '\\.')}: .`))]);
  });

  it('names its host for secrets', () => {
    expect(local.task.secretTargets?.({ url: 'https://API.example.org:8443/${{ secrets.X }}' })).toEqual(['api.example.org', 'api.example.org:8443']);
    expect(local.task.secretTargets?.({ url: 'not a url' })).toEqual([]);
  });
});

describe('http.request: reply', () => {
  it('returns text, lower-case headers and cookies as a list', async () => {
    expect(await call({ url: `${base}/text` })).toMatchObject({ body: 'plain', headers: { 'x-thing': 'y', 'set-cookie': ['a=1', 'b=2'] } });
    expect((await call({ url: `${base}/latin1` })).body).toBe('é');
    expect((await call({ url: `${base}/empty` })).body).toBe('');
    expect((await call({ url: `${base}/empty`, expect: 'json' })).body).toBe(null);
    expect((await call({ url: `${base}/x`, method: 'HEAD' })).status).toBe(200);
  });

  it('parses by wish', async () => {
    expect(typeof (await call({ url: `${base}/x`, expect: 'text' })).body).toBe('string');
    expect((await call({ url: `${base}/badjson` })).body).toBe('{nope');
    expect(await failure(call({ url: `${base}/text`, expect: 'json' }))).toMatchObject({ code: 'output_invalid', retryable: false, path: 'expect' });
  });

  it('keeps what is no text as an artifact', async () => {
    const context = actionContext();
    expect((await call({ url: `${base}/binary` }, context)).body).toMatchObject({ artifact: { mediaType: 'image/png', bytes: 4 } });
    expect(context.artifacts[0]?.content).toEqual(Buffer.from([0x89, 0x50, 0xff, 0x00]));
  });

  it('bounds the body before and after decompression', async () => {
    expect(await failure(call({ url: `${base}/big`, maxBytes: 9_999 }))).toMatchObject({ code: 'limit_exceeded', details: { maxBytes: 9_999 } });
    expect((await call({ url: `${base}/big`, maxBytes: 10_000 })).body).toHaveLength(10_000);
    expect(await failure(call({ url: `${base}/bomb`, maxBytes: 100_000 }))).toMatchObject({ code: 'limit_exceeded' });
  });

  it.each([
    [400, 'http_4xx', false],
    [404, 'http_4xx', false],
    [408, 'http_4xx', true],
    [425, 'http_4xx', true],
    [429, 'http_4xx', true],
    [500, 'http_5xx', true],
    [503, 'http_5xx', true],
  ])('makes %i an error %s, retryable %s', async (status, code, retryable) => {
    const error = await failure(call({ url: `${base}/status?code=${status}&key=hidden` }));
    expect(error).toMatchObject({
      code,
      retryable,
      details: { status, body: 'e'.repeat(2048), headers: { 'x-request-id': 'r1', 'content-type': 'text/plain' } },
    });
    expect(error.details).not.toHaveProperty('headers.x-private');
    expect(error.details).not.toHaveProperty('retryAfterMs');
    expect(error.message).not.toContain('hidden');
  });

  it('reads Retry-After in seconds and as a date', async () => {
    expect((await failure(call({ url: `${base}/status?code=429&after=7` }))).details).toMatchObject({ retryAfterMs: 7_000 });
    const date = encodeURIComponent(new Date(Date.now() + 60_000).toUTCString());
    const { retryAfterMs } = (await failure(call({ url: `${base}/status?code=503&after=${date}` }))).details as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect((await failure(call({ url: `${base}/status?code=503&after=maybe` }))).details).not.toHaveProperty('retryAfterMs');
  });

  it('tells a timeout, an abort and a broken connection apart', async () => {
    expect(await failure(call({ url: `${base}/hang`, timeout: 50 }))).toMatchObject({ code: 'timeout', retryable: true });
    const controller = new AbortController();
    const aborted = call({ url: `${base}/hang` }, actionContext({ signal: controller.signal }));
    controller.abort(new LogisticsError('cancelled', 'stop'));
    expect(await failure(aborted)).toMatchObject({ code: 'cancelled', message: 'stop' });
    expect(await failure(call({ url: `${base}/reset` }))).toMatchObject({ code: 'network', retryable: true });
    expect(await failure(call({ url: 'http://127.0.0.1:1/' }))).toMatchObject({ code: 'address_refused' }); // a port that fetch never talks to
    expect(await failure(call({ url: 'http://no-such-host.invalid/' }))).toMatchObject({ code: 'network', retryable: true });
  });
});

describe('http.request: redirects', () => {
  it('follows up to the limit and reports the final URL', async () => {
    expect(await call({ url: redirectTo('/final?x=1#y') })).toMatchObject({ status: 200, url: `${base}/final?x=1` });
    expect(await failure(call({ url: `${base}/loop`, redirects: 3 }))).toMatchObject({ code: 'network', retryable: false, details: { redirects: 3 } });
    expect(seen.filter((line) => line === 'GET /loop')).toHaveLength(4);
    expect(await call({ url: redirectTo('/final'), redirects: 0 })).toMatchObject({ status: 302, headers: { location: '/final' } });
  });

  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [307, 'POST', 'POST', '{"a":1}'],
    [308, 'PUT', 'PUT', '{"a":1}'],
    [301, 'PUT', 'PUT', '{"a":1}'],
  ])('%i turns %s into %s on the same origin', async (code, method, becomes, body) => {
    const reply = await mirrored({ url: redirectTo('/final', code), method, body: { a: 1 }, headers: { authorization: 'Bearer t' } });
    expect(reply).toMatchObject({ method: becomes, body, headers: { authorization: 'Bearer t' } });
    expect('content-type' in reply.headers).toBe(becomes !== 'GET');
  });

  it('drops all that may be a credential when the origin changes, for good', async () => {
    const headers = { authorization: 'Bearer t', cookie: 's=1', 'x-api-key': 'k', 'private-token': 'p', accept: 'text/x' };
    const away = await mirrored({ url: redirectTo(`${other}/final`), headers });
    for (const name of ['authorization', 'cookie', 'x-api-key', 'private-token', 'idempotency-key']) expect(away.headers).not.toHaveProperty(name);
    expect(away.headers.accept).toBe('text/x');
    const elsewhere = await serve((_request, response) => void response.writeHead(302, { location: `${base}/back` }).end());
    const back = await mirrored({ url: redirectTo(elsewhere), headers });
    expect(back.url).toBe('/back');
    expect(back.headers).not.toHaveProperty('x-api-key');
  });

  it('does not send a body on to another origin, nor follow to another protocol', async () => {
    expect(await failure(call({ url: redirectTo(`${other}/final`, 307), method: 'POST', body: { token: 'x' } }))).toMatchObject({
      code: 'not_allowed',
      details: { to: other },
    });
    expect(await failure(call({ url: redirectTo('file:///etc/passwd') }))).toMatchObject({ code: 'address_refused' });
  });
});

describe('http.request: addresses', () => {
  const port = (): string => new URL(base).port;

  it.each([
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '2130706433',
    '017700000001',
    '0.0.0.0',
    '127.0.0.1.',
    'localhost',
    'LOCALHOST',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fd00::1]',
    '169.254.169.254',
    '10.1.2.3',
    '192.168.0.1',
    '172.16.0.1',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '１２７.０.０.１',
  ])('refuses http://%s', async (host) => {
    const before = seen.length;
    const error = await failure(runTask(strict.task, { url: `http://${host}:${port()}/secret`, timeout: '5s' }));
    expect(error).toMatchObject({ code: 'address_refused', retryable: false, path: 'url' });
    expect(seen).toHaveLength(before);
  });

  it('checks the address of each redirect', async () => {
    const gate = createHttpRequest({ allowAddresses: [`127.0.0.1:${port()}`] });
    for (const to of [`${other}/x`, other.replace('127.0.0.1', 'localhost'), 'http://169.254.169.254/latest/meta-data', 'http://[::1]:9/']) {
      expect(await failure(runTask(gate.task, { url: redirectTo(to) })), to).toMatchObject({ code: 'address_refused' });
    }
    expect(await runTask(gate.task, { url: `${base}/text` })).toMatchObject({ status: 200 });
    await gate.close();
  });

  it('checks what a name resolves to at the moment of connecting (rebinding)', async () => {
    const answers = ['127.0.0.1', '127.0.0.1'];
    const asked: string[] = [];
    const gate = createHttpRequest({
      allowAddresses: ['first.test'],
      resolve: (hostname, callback) => {
        asked.push(hostname);
        callback(null, [{ address: answers.shift() ?? '127.0.0.1', family: 4 }]);
      },
    });
    expect(await runTask(gate.task, { url: `http://first.test:${port()}/text` })).toMatchObject({ status: 200 });
    expect(await failure(runTask(gate.task, { url: `http://second.test:${port()}/text` }))).toMatchObject({
      code: 'address_refused',
      details: { address: '127.0.0.1' },
    });
    expect(asked).toEqual(['first.test', 'second.test']);
    await gate.close();
  });

  it('connects only to the public ones of several addresses', async () => {
    const gate = createHttpRequest({
      allowAddresses: ['127.0.0.1'],
      resolve: (_hostname, callback) =>
        callback(null, [
          { address: '::1', family: 6 },
          { address: '10.0.0.1', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]),
    });
    expect(await runTask(gate.task, { url: `http://many.test:${port()}/text` })).toMatchObject({ status: 200 });
    await gate.close();
  });

  it.each([
    ['127.0.0.1', true],
    ['127.0.0.0/8', true],
    ['127.0.0.2', false],
    ['127.0.0.1:1', false],
    ['localhost', false],
    ['10.0.0.0/8', false],
  ])('with %s listed, 127.0.0.1 is reachable: %s', async (entry, reachable) => {
    const gate = createHttpRequest({ allowAddresses: [entry] });
    const work = runTask(gate.task, { url: `${base}/text` });
    if (reachable) expect(await work).toMatchObject({ status: 200 });
    else expect(await failure(work)).toMatchObject({ code: 'address_refused' });
    await gate.close();
  });

  it.each(['', '10.0.0.0/33', '::/129', 'http://x', 'a b', '*', '1.2.3', 'host:0', 'host:99999', '[::1', '10.0.0.0/8:80'])('refuses the rule "%s"', (entry) => {
    expect(() => new AddressGuard([entry])).toThrow(expect.objectContaining({ code: 'invalid_input', path: 'http.allowAddresses[0]' }));
  });
});
