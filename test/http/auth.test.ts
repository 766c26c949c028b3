// Who is let in: no token only where nothing is at stake, hashed tokens that end when they are revoked, tokens of an issuer, and scopes per call.
import { chmodSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { TokenFile } from '../../src/http/token-file.ts';
import { callMessage, connectHttp, httpPlace, post, type Reply } from '../support/http-server.ts';
import { atEnd, refusal, tempFolder } from '../support/test-engine.ts';

function listJobs(url: string, token?: string): Promise<Response> {
  const { body, headers } = callMessage('list', { kind: 'jobs' });
  return post(url, body, { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) });
}

describe('a server without tokens', () => {
  it('lets in programs of this machine when nothing is at stake', async () => {
    const { url, server } = await httpPlace();
    expect(server.auth).toMatchObject({ needed: false });
    expect((await listJobs(url)).status).toBe(200);
  });

  it.each([
    ['shell', { shell: { allow: [{ argv: ['git', 'status'] }] } }],
    ['secrets', { secrets: { KEY: { tasks: ['log'] } } }],
    ['mcpServers', { mcpServers: { other: { command: 'true' } } }],
  ])('makes one, for its owner only, when %s is configured', async (name, config) => {
    const { url, server } = await httpPlace(config as never);
    const file = server.auth.secretFile as string;
    expect(server.auth).toMatchObject({ needed: true, why: expect.stringContaining(name) });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await listJobs(url)).status).toBe(401);
    expect((await listJobs(url, readFileSync(file, 'utf8').trim())).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('finds the one that it made before', async () => {
    const dataDir = tempFolder();
    const config = { dataDir, shell: { allow: [{ argv: ['git', 'status'] }] } };
    const first = await httpPlace(config);
    const secret = readFileSync(first.server.auth.secretFile as string, 'utf8');
    await first.server.stop();
    const again = await httpPlace(config);
    expect(readFileSync(again.server.auth.secretFile as string, 'utf8')).toBe(secret);
    expect((await listJobs(again.url, secret.trim())).status).toBe(200);
  });

  it('does not listen beyond loopback, and says why', async () => {
    expect(await refusal(httpPlace({ serve: { host: '0.0.0.0' } }))).toMatchObject({ code: 'not_allowed', path: 'serve.host' });
    const old = { a: ['read'] } as const;
    const { server } = await httpPlace({ serve: { host: '0.0.0.0' } }, { tokens: old });
    expect(server.auth.needed).toBe(true);
  });

  it('asks for tokens from the moment there are some, and goes on to when they are gone', async () => {
    const { url, token, tokens } = await httpPlace();
    expect((await listJobs(url)).status).toBe(200);
    const secret = token('late', ['read']);
    expect((await listJobs(url)).status).toBe(401);
    expect((await listJobs(url, secret)).status).toBe(200);
    rmSync(tokens.path);
    expect((await listJobs(url)).status).toBe(401);
    expect((await listJobs(url, secret)).status).toBe(401);
  });

  it('refuses a tokens file that is named and not there', async () => {
    expect(await refusal(httpPlace({ tokensFile: '/nowhere/tokens.json' }))).toMatchObject({ code: 'not_found', path: 'tokensFile' });
  });
});

describe('tokens of the file', () => {
  it('end when they are revoked or expire, without a restart', async () => {
    const { url, token, tokens, later } = await httpPlace({}, { tokens: { first: ['read'] } });
    const short = token('short', ['read'], 'test', Date.now() + 60_000);
    const long = token('long', ['read']);
    for (const secret of [short, long]) expect((await listJobs(url, secret)).status).toBe(200);
    later(61_000);
    expect((await listJobs(url, short)).status).toBe(401);
    expect(tokens.revoke('long')).toBe(true);
    const refused = await listJobs(url, long);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="logistics-mcp", error="invalid_token"');
    expect(((await refused.json()) as Reply).error).toMatchObject({ data: { code: 'unauthorized' } });
    expect((await listJobs(url)).headers.get('www-authenticate')).toBe('Bearer realm="logistics-mcp"');
  });

  it.each(['', 'x', 'lmcp_', `lmcp_${'A'.repeat(43)}`, 'a.b.c', 'Bearer', '\u00e9'])('are not guessed with %j', async (guess) => {
    const { url } = await httpPlace({}, { tokens: { first: ['read'] } });
    const { body, headers } = callMessage('list', { kind: 'jobs' });
    expect((await post(url, body, { ...headers, authorization: `Bearer ${guess}` })).status).toBe(401);
    expect((await post(url, body, { ...headers, authorization: `Basic ${guess}` })).status).toBe(401);
  });

  it('are hashes; a file that others can read or that is damaged lets nobody in', async () => {
    const { url, secrets, tokens } = await httpPlace({}, { tokens: { first: ['read'] } });
    expect(readFileSync(tokens.path, 'utf8')).not.toContain(secrets.first);
    expect(statSync(tokens.path).mode & 0o777).toBe(0o600);
    chmodSync(tokens.path, 0o644);
    expect((await listJobs(url, secrets.first)).status).toBe(401);
    chmodSync(tokens.path, 0o600);
    expect((await listJobs(url, secrets.first)).status).toBe(200);
    writeFileSync(tokens.path, '{"version": 1, "tokens": [{"name": "x", "hash": "00"}]}');
    utimesSync(tokens.path, 1, 1);
    expect((await listJobs(url, secrets.first)).status).toBe(401);
    expect(tokens.fault).toMatchObject({ code: 'invalid_input' });
  });

  it('have names of their own, and a second writer waits its turn', () => {
    const file = new TokenFile(join(tempFolder(), 'tokens.json'), process.platform);
    const token = { name: 'a', scopes: ['read' as const], namespace: 'n', expires_at: null };
    file.add(token, 0);
    expect(() => file.add(token, 0)).toThrow(/There is a token named a/);
    writeFileSync(`${file.path}.lock`, '');
    expect(() => file.revoke('a')).toThrow(/by somebody else/);
    rmSync(`${file.path}.lock`);
    expect([file.revoke('a'), file.revoke('a')]).toEqual([true, false]);
  });
});

describe('scopes', () => {
  it('are checked for each tool, by every transport, and are not raised by asking', async () => {
    const { url, secrets } = await httpPlace(
      { toolsets: ['workers'] },
      { tokens: { reader: ['read'], writer: ['write'], worker: ['worker'], approver: ['approve'] } },
    );
    const may = async (token: string, name: string, args: Record<string, unknown>): Promise<number> => {
      const { body, headers } = callMessage(name, args);
      return (await post(url, body, { ...headers, authorization: `Bearer ${token}` })).status;
    };
    const job = { task: 'echo', payload: { value: 1 } };
    expect(await may(secrets.reader, 'list', { kind: 'jobs' })).toBe(200);
    expect(await may(secrets.reader, 'enqueue_job', job)).toBe(403);
    expect(await may(secrets.reader, 'control', { id: 'x', action: 'cancel' })).toBe(403);
    expect(await may(secrets.reader, 'claim_job', {})).toBe(403);
    expect(await may(secrets.writer, 'enqueue_job', job)).toBe(200);
    expect(await may(secrets.writer, 'claim_job', { wait_ms: 0 })).toBe(403);
    expect(await may(secrets.worker, 'claim_job', { wait_ms: 0 })).toBe(200);
    expect(await may(secrets.worker, 'enqueue_job', job)).toBe(403);
    expect(await may(secrets.worker, 'get', { id: 'x' })).toBe(403);
    expect(await may(secrets.approver, 'control', { id: 'x', action: 'cancel' })).toBe(403);
    expect(await may(secrets.approver, 'control', { id: 'x', action: 'approve', approved: true })).toBe(200);
    const { body, headers } = callMessage('enqueue_job', job);
    const refused = await post(url, body, { ...headers, authorization: `Bearer ${secrets.reader}` });
    expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="write"');
    for (const kind of ['2025 http', '2024 sse'] as const) {
      const reader = await connectHttp(url, kind, { token: secrets.reader });
      expect(await reader.call('list', { kind: 'jobs' })).toMatchObject({ kind: 'jobs' });
      await expect(reader.call('enqueue_job', job)).rejects.toThrow(/scope write/);
    }
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'enqueue_job', arguments: job } },
    ];
    expect((await post(url, batch, { authorization: `Bearer ${secrets.reader}` })).status).toBe(403);
    expect((await post(url, { jsonrpc: '2.0', id: 1, method: 'resources/list' }, { authorization: `Bearer ${secrets.worker}` })).status).toBe(403);
  });

  it('let a token decide for a person what others started, not what it started itself', async () => {
    const { url, secrets } = await httpPlace({}, { tokens: { agent: ['read', 'write'], boss: ['read', 'write', 'approve'] } });
    const agent = await connectHttp(url, '2026', { token: secrets.agent });
    const boss = await connectHttp(url, '2026', { token: secrets.boss });
    const definition = {
      name: 'ask',
      steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish?', by: 'human' } }],
      output: '${{ steps.ok.output }}',
    };
    const waiting = async (starter: typeof agent): Promise<string> => {
      const { execution_id } = await starter.call('execute_workflow', { definition });
      await starter.call('wait', { ids: [execution_id], until: 'waiting' });
      return execution_id as string;
    };
    const theirs = await waiting(agent);
    expect(await agent.text('control', { id: theirs, action: 'approve', approved: true })).toMatch(/^forbidden/);
    expect(await boss.call('control', { id: theirs, action: 'approve', approved: true, comment: 'fine' })).toMatchObject({ action: 'approve' });
    expect(await agent.call('wait', { ids: [theirs] })).toMatchObject({ items: [{ output: { approved: true, by: 'token:boss' } }] });
    const own = await waiting(boss);
    expect(await boss.text('control', { id: own, action: 'approve', approved: true })).toMatch(/^forbidden/);
  });
});

describe('tokens of an issuer', () => {
  async function issuer(): Promise<{
    url: string;
    sign: (claims: JWTPayload, options?: { alg?: string; expires?: string | number; key?: CryptoKey }) => Promise<string>;
    strangerKey: CryptoKey;
  }> {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const stranger = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
    const keys = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
    atEnd(() => new Promise<void>((resolve) => keys.close(() => resolve())));
    const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}`;
    return {
      url,
      strangerKey: stranger.privateKey,
      sign: (claims, { expires = '5m', key = privateKey } = {}) =>
        new SignJWT({ iss: url, aud: 'logistics', sub: 'anna', scope: 'openid read logistics:write', ...claims })
          .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
          .setIssuedAt()
          .setExpirationTime(expires)
          .sign(key),
    };
  }

  it('count when signature, issuer, audience and time are right, with the scopes and the namespace of their claims', async () => {
    const { url: issuerUrl, sign, strangerKey } = await issuer();
    const { url, later } = await httpPlace({ serve: { jwt: { issuer: issuerUrl, audience: 'logistics', namespaceClaim: 'tenant' } } });
    const good = await sign({ tenant: 'acme' });
    const anna = await connectHttp(url, '2026', { token: good });
    expect(await anna.call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 5_000 })).toMatchObject({ status: 'completed' });
    expect(await anna.call('get_system_status')).toMatchObject({ namespace: 'acme' });
    const [head, body, signature] = good.split('.') as [string, string, string];
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const hs = await new SignJWT({ tenant: 'acme' })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .setIssuer(issuerUrl)
      .setAudience('logistics')
      .setSubject('anna')
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode('k'.repeat(32)));
    const bad = [
      await sign({ tenant: 'acme', aud: 'somebody else' }),
      await sign({ tenant: 'acme', iss: 'https://evil.example' }),
      await sign({ tenant: 'acme' }, { key: strangerKey }),
      await sign({ tenant: 'acme' }, { expires: Math.floor(Date.now() / 1_000) - 60 }),
      await sign({ tenant: 'acme', sub: '' }),
      await sign({}),
      await sign({ tenant: '../etc' }),
      await sign({ tenant: ['acme'] }),
      `${none}.${body}.`,
      `${none}.${body}.${signature}`,
      `${head}.${Buffer.from(Buffer.from(body, 'base64url').toString().replace('acme', 'test')).toString('base64url')}.${signature}`,
      hs,
    ];
    for (const token of bad) expect.soft((await listJobs(url, token)).status, token).toBe(401);
    expect((await listJobs(url, await sign({ tenant: 'acme', scope: 'openid' }))).status).toBe(403);
    later(6 * 60_000);
    expect((await listJobs(url, good)).status).toBe(401);
  });

  it('are asked for with metadata that says where to get them', async () => {
    const { url: issuerUrl } = await issuer();
    const { url } = await httpPlace({ serve: { jwt: { issuer: issuerUrl, audience: 'logistics' }, publicUrl: 'https://jobs.example.org/mcp' } });
    const refused = await listJobs(url);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('resource_metadata="https://jobs.example.org/.well-known/oauth-protected-resource/mcp"');
    for (const path of ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource']) {
      expect(await (await fetch(`${url}${path}`)).json()).toMatchObject({ resource: 'https://jobs.example.org/mcp', authorization_servers: [issuerUrl] });
    }
    expect((await fetch(`${(await httpPlace()).url}/.well-known/oauth-protected-resource`)).status).toBe(404);
  });

  it('are neither believed nor refused for good while the keys cannot be had', async () => {
    const { sign } = await issuer();
    const { url } = await httpPlace({ serve: { jwt: { issuer: 'https://issuer.example', audience: 'logistics', jwksUrl: 'http://127.0.0.1:1/keys' } } });
    expect((await listJobs(url, await sign({}))).status).toBe(503);
    expect(
      await refusal(httpPlace({ serve: { jwt: { issuer: 'https://issuer.example', audience: 'x', jwksUrl: 'http://keys.example/jwks' } } })),
    ).toMatchObject({
      path: 'serve.jwt.jwksUrl',
    });
  });
});
