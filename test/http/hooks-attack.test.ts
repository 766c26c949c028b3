// Hooks under attack: what is unsigned, altered, replayed, too large or malformed does nothing, says nothing, and takes nothing from those who may send.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config/config-schema.ts';
import { isSigned } from '../../src/runtime/hook-signature.ts';
import { githubHeaders, postHook, standardHeaders } from '../support/hook-sender.ts';
import { type HttpPlace, httpPlace } from '../support/http-server.ts';
import { dial, heard, send } from '../support/raw-http.ts';

const GITHUB = 'it-is-a-long-secret-of-github';
const SHOP = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const env = { LOGISTICS_SECRET_GITHUB: GITHUB, LOGISTICS_SECRET_SHOP: SHOP };
const start = { workflow: 'flow', input: { body: '${{ body }}' } };
const config: ConfigInput = {
  secrets: { GITHUB: { tasks: ['hook.verify'] }, SHOP: { tasks: ['hook.verify'] }, GONE: { tasks: ['hook.verify'] } },
  hooks: [
    { name: 'push', secret: 'GITHUB', signature: 'github', start, maxBody: 2_048 },
    { name: 'shop', secret: 'SHOP', signature: 'standard_webhooks', start },
    { name: 'gone', secret: 'GONE', signature: 'github', start },
  ],
};

async function place(more: ConfigInput = {}): Promise<HttpPlace & { readonly runs: () => number }> {
  const made = await httpPlace({ ...config, ...more }, { options: { env } });
  const { engine } = made.server;
  await engine.workflows.create({ name: 'flow', steps: [{ id: 'a', task: 'echo', with: { value: 1 } }] });
  return { ...made, runs: () => engine.backend.listExecutions({ filter: { namespace: 'test' }, limit: 100, cursor: null }).items.length };
}

const BODY = JSON.stringify({ a: 1 });

describe('a delivery that is not signed as it must be', () => {
  const good = githubHeaders(GITHUB, BODY, 'd-1');
  it.each([
    ['no signature', {}],
    ['an empty one', { 'x-hub-signature-256': '' }],
    ['a prefix only', { 'x-hub-signature-256': 'sha256=' }],
    ['no prefix', { 'x-hub-signature-256': (good['x-hub-signature-256'] as string).slice(7) }],
    ['another secret', githubHeaders('another', BODY, 'd-1')],
    ['an empty secret', githubHeaders('', BODY, 'd-1')],
    ['another body', githubHeaders(GITHUB, `${BODY} `, 'd-1')],
    ['half of it', { ...good, 'x-hub-signature-256': (good['x-hub-signature-256'] as string).slice(0, 39) }],
    ['the older algorithm', { 'x-hub-signature': `sha1=${createHmac('sha1', GITHUB).update(BODY).digest('hex')}` }],
    ['the signature of the other scheme', standardHeaders(SHOP, BODY, 'd-1')],
    ['a token instead', { authorization: `Bearer ${GITHUB}` }],
  ])('is refused alike: %s', async (_, headers) => {
    const { url, runs } = await place();
    const answer = await postHook(url, 'push', BODY, headers);
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual({
      error: { code: 'unauthorized', message: 'This delivery is not signed as it must be.', retryable: false, next_actions: ['Send a valid token.'] },
    });
    expect(runs()).toBe(0);
  });

  it('is refused when it is old, from the future, or moved in time, and taken again within five minutes as the same', async () => {
    const { url, runs, later } = await place();
    const now = Date.now();
    for (const at of [now - 6 * 60_000, now + 6 * 60_000]) expect((await postHook(url, 'shop', BODY, standardHeaders(SHOP, BODY, 'm1', at))).status).toBe(401);
    const headers = standardHeaders(SHOP, BODY, 'm1', now);
    for (const [name, value] of [
      ['webhook-timestamp', String(Math.floor(now / 1_000) + 1)],
      ['webhook-id', 'm2'],
      ['webhook-timestamp', 'now'],
      ['webhook-timestamp', '1e9'],
    ] as const)
      expect((await postHook(url, 'shop', BODY, { ...headers, [name]: value })).status).toBe(401);
    expect(runs()).toBe(0);
    const first = await postHook(url, 'shop', BODY, headers);
    expect(first.status).toBe(202);
    expect(await postHook(url, 'shop', BODY, headers)).toMatchObject({ status: 200, body: { execution_id: first.body.execution_id, replayed: true } });
    later(6 * 60_000);
    expect((await postHook(url, 'shop', BODY, headers)).status).toBe(401);
    expect(runs()).toBe(1);
  });

  it('cannot pass off the time for a part of the id, nor an empty key for a secret, and is found among several signatures', () => {
    const now = 1_790_000_000_000;
    const scheme = { kind: 'standard_webhooks' } as const;
    const key = Buffer.from(SHOP.slice(6), 'base64');
    const sign = (content: string, by: Buffer | string = key): string => `v1,${createHmac('sha256', by).update(content).digest('base64')}`;
    const headers = (id: string, signature: string): Record<string, string> => ({
      'webhook-id': id,
      'webhook-timestamp': '1790000000',
      'webhook-signature': signature,
    });
    const judge = (given: Record<string, string>, secrets: readonly string[] = [SHOP], body = '1'): boolean =>
      isSigned(scheme, secrets, { headers: given, body: Buffer.from(body), now });
    expect(judge(headers('a.5', sign('a.5.1790000000.1')))).toBe(false);
    expect(judge(headers('a', sign('a.1790000000.1', '')), ['whsec_'])).toBe(false);
    const right = sign('a.1790000000.1');
    expect(judge(headers('a', `v1,AAAA v2,x ${right}`))).toBe(true);
    expect(judge(headers('a', `${'v1,AAAA '.repeat(10)}${right}`))).toBe(false);
    expect(judge(headers('a', right), ['whsec_AAAA', SHOP])).toBe(true);
    expect(judge(headers('a', right), [])).toBe(false);
  });
});

describe('a name that is not configured', () => {
  it.each(['none', 'push/', 'push/x', 'PUSH', '%70ush', '..', '__proto__', 'constructor', 'push%00'])('is not found, whatever is sent: %j', async (name) => {
    const { url, runs } = await place();
    const { status, body } = await send(url, {
      path: `/hooks/${name}`,
      headers: { 'content-type': 'application/json', ...githubHeaders(GITHUB, BODY, 'd-1') },
      body: BODY,
    });
    expect([status, JSON.parse(body)]).toMatchObject([404, { error: { code: 'not_found' } }]);
    expect(runs()).toBe(0);
  });
});

describe('a body', () => {
  it('is bounded, JSON, plain, whole, and read only when it is signed', async () => {
    const { url, runs } = await place();
    const post = (body: string, headers: Record<string, string> = {}): Promise<number> =>
      postHook(url, 'push', body, { ...githubHeaders(GITHUB, body, 'd-1'), ...headers }).then(({ status }) => status);
    expect(await post(JSON.stringify('x'.repeat(2_100)))).toBe(413);
    const chunked = dial(url);
    await once(chunked, 'connect');
    chunked.write('POST /hooks/push HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
    for (let i = 0; i < 3; i++) chunked.write(`400\r\n${'x'.repeat(1_024)}\r\n`);
    expect(await heard(chunked)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await post(BODY, { 'content-type': 'application/x-www-form-urlencoded' })).toBe(415);
    expect(await post(BODY, { 'content-encoding': 'gzip' })).toBe(415);
    expect(await post('{"a":')).toBe(400);
    expect(await post('')).toBe(400);
    expect((await postHook(url, 'push', '{"a":', {})).status).toBe(401);
    expect(runs()).toBe(0);
    expect(await post('{"__proto__": {"x": 1}, "a": null}')).toBe(202);
  });

  it('without the id of its delivery is refused after the signature held', async () => {
    const { url } = await place();
    const { 'x-github-delivery': _, ...rest } = githubHeaders(GITHUB, BODY, '');
    expect(await postHook(url, 'push', BODY, rest)).toMatchObject({ status: 400, body: { error: { code: 'invalid_input', path: 'x-github-delivery' } } });
    expect((await postHook(url, 'push', BODY, githubHeaders(GITHUB, BODY, 'x'.repeat(201)))).status).toBe(400);
  });
});

describe('shares', () => {
  it('of one hook are its own, and what is not signed takes none of them', async () => {
    const { url } = await place({ serve: { rateLimit: { limit: 3, period: '1h' } } });
    for (let i = 0; i < 10; i++) expect((await postHook(url, 'push', BODY, {})).status).toBe(401);
    const deliver = (id: string): Promise<number> => postHook(url, 'push', BODY, githubHeaders(GITHUB, BODY, id)).then(({ status }) => status);
    expect([await deliver('1'), await deliver('2'), await deliver('3')]).toEqual([202, 202, 202]);
    const past = await postHook(url, 'push', BODY, githubHeaders(GITHUB, BODY, '4'));
    expect(past.status).toBe(429);
    expect(Number(past.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await postHook(url, 'shop', BODY, standardHeaders(SHOP, BODY, 'm1'))).status).toBe(202);
  });

  it('bound how many bodies of strangers are held at once', async () => {
    const { url } = await place();
    const sockets = Array.from({ length: 32 }, () => dial(url));
    for (const socket of sockets) {
      await once(socket, 'connect');
      socket.write('POST /hooks/push HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    }
    let status = 0;
    while (status !== 429) status = (await postHook(url, 'push', BODY, {})).status;
    expect((await postHook(url, 'shop', BODY, standardHeaders(SHOP, BODY, 'm1'))).status).toBe(202);
    for (const socket of sockets) socket.destroy();
    while (status !== 401) status = (await postHook(url, 'push', BODY, {})).status;
  });
});

it('a hook whose secret is not there refuses for now, and says nothing of it', async () => {
  const { url } = await place();
  const answer = await postHook(url, 'gone', BODY, githubHeaders('', BODY, 'd-1'));
  expect(answer).toMatchObject({ status: 503, body: { error: { code: 'store_unavailable', message: 'This hook cannot check signatures now.' } } });
  expect(JSON.stringify(answer.body)).not.toContain('GONE');
});

it('a page of another site cannot post to a hook', async () => {
  const { url, runs } = await place();
  const { status } = await send(url, {
    path: '/hooks/push',
    headers: { 'content-type': 'application/json', host: 'evil.example', ...githubHeaders(GITHUB, BODY, 'd-1') },
    body: BODY,
  });
  expect(status).toBe(403);
  expect(runs()).toBe(0);
});
