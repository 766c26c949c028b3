// `serve` and `token` as a user meets them: addresses, refusals with reasons, tokens that are shown once, and a clean end.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { callMessage, connectHttp, post } from '../support/http-server.ts';
import { cliFolder, type RunningCli } from './cli-folder.ts';

async function started(running: RunningCli): Promise<Record<string, unknown>> {
  let text = '';
  running.child.stdout?.on('data', (chunk: string) => {
    text += chunk;
  });
  await running.seen('"started"');
  return JSON.parse(text.split('\n').find((line) => line.includes('"started"')) ?? '') as Record<string, unknown>;
}

describe('serve', () => {
  it('runs jobs, counts as a process that stays, and ends cleanly on SIGTERM with a stream open', async () => {
    const folder = cliFolder();
    const running = folder.start(['serve', '--port', '0', '--json', '--log-level', 'warn']);
    const { url, token_needed } = (await started(running)) as { url: string; token_needed: boolean };
    expect(token_needed).toBe(false);
    const old = await connectHttp(url, '2024 sse');
    expect(await old.call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 10_000 })).toMatchObject({ status: 'completed' });
    const status = await old.call('get_system_status');
    expect(status).toMatchObject({ processes: [{ role: 'serve' }], liveness: expect.stringContaining('This process (serve) stays when its clients go.') });
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok\n');
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ready: true });
    expect(await (await fetch(url)).text()).toContain('/mcp');
    running.child.kill('SIGTERM');
    const { code, stdout, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('{"event":"stopped"}');
  });

  it('says why it will not start', async () => {
    const folder = cliFolder();
    const beyond = await folder.cli(['serve', '--host', '0.0.0.0', '--port', '0']);
    expect(beyond.code).toBe(1);
    expect(beyond.stderr).toMatch(/Without tokens the server does not listen on 0\.0\.0\.0[\s\S]*logistics-mcp token add/);
    expect((await folder.cli(['serve', '--port', 'x'])).code).toBe(2);
    expect((await folder.cli(['serve', '--port', '0', '--tokens-file', 'none.json'])).stderr).toContain('does not exist');
    const first = folder.start(['serve', '--port', '0', '--json']);
    const { url } = (await started(first)) as { url: string };
    expect((await folder.cli(['serve', '--port', new URL(url).port])).stderr).toContain('EADDRINUSE');
  });

  it('writes a line for each call that changes something, with who, what and how it ended, and no argument', async () => {
    const folder = cliFolder();
    const { token } = await folder.json(['token', 'add', 'ci', '--namespace', 'acme']);
    const running = folder.start(['serve', '--port', '0', '--json', '--log-level', 'info']);
    const { url } = (await started(running)) as { url: string };
    for (const [name, args] of [
      ['enqueue_job', { task: 'echo', payload: { value: 'hush' } }],
      ['control', { id: 'job_00000000000000000000000000', action: 'cancel' }],
      ['list', { kind: 'jobs' }],
    ] as const) {
      const { body, headers } = callMessage(name, args);
      expect((await post(url, body, { ...headers, authorization: `Bearer ${token}` })).status).toBe(200);
    }
    running.child.kill('SIGTERM');
    const { stderr } = await running.ended;
    const lines = stderr.split('\n').flatMap((line) => (line.includes('"audit":true') ? [JSON.parse(line) as Record<string, unknown>] : []));
    expect(lines).toMatchObject([
      { principal: 'token:ci', namespace: 'acme', tool: 'enqueue_job', ids: [expect.stringMatching(/^job_/)], outcome: 'ok' },
      { principal: 'token:ci', namespace: 'acme', tool: 'control', ids: ['job_00000000000000000000000000'], outcome: 'not_found' },
    ]);
    expect(stderr).not.toMatch(/hush|lmcp_/);
    expect(stderr).not.toContain(String(token));
  });
});

describe('token', () => {
  it('add shows a secret once, list none, revoke takes it away', async () => {
    const folder = cliFolder();
    const added = await folder.json(['token', 'add', 'ci', '--scope', 'read', 'approve', '--expires', '90d', '--namespace', 'acme']);
    expect(added).toMatchObject({ name: 'ci', namespace: 'acme', scopes: ['read', 'approve'], token: expect.stringMatching(/^lmcp_[\w-]{43}$/) });
    const file = join(folder.data, 'tokens.json');
    expect(added.file).toBe(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(String(added.token));
    const list = await folder.cli(['token', 'list']);
    expect(list.stdout).toMatch(/ci +acme +read approve +20/);
    expect(JSON.stringify(await folder.json(['token', 'list']))).not.toMatch(/hash|lmcp_/);
    expect((await folder.cli(['token', 'revoke', 'cii'])).stderr).toMatch(/There is no token named cii[\s\S]*ci/);
    expect((await folder.cli(['token', 'revoke', 'ci'])).code).toBe(0);
    expect((await folder.cli(['token', 'list'])).stdout).toContain('there are no tokens');
  });

  it('refuses what it cannot use', async () => {
    const folder = cliFolder();
    for (const [args, said] of [
      [['a b'], 'The name cannot be used'],
      [['a', '--scope', 'raed'], 'one of read, write'],
      [['a', '--expires', 'soon'], 'a duration such as 90d'],
    ] as const) {
      const { code, stderr } = await folder.cli(['token', 'add', ...args]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
    }
  });
});
