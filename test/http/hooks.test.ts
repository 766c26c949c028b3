// POST /hooks/{name} as senders meet it: a delivery starts or signals once, whoever repeats it and whatever dies, and everybody can see what came.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ConfigInput } from '../../src/config/config-schema.ts';
import { configFromCode } from '../../src/config.ts';
import type { LogisticsError } from '../../src/domain/errors.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { root } from '../docs/documents.ts';
import { githubHeaders, type HookAnswer, plainHeaders, postHook, standardHeaders } from '../support/hook-sender.ts';
import { api, type HttpPlace, httpPlace } from '../support/http-server.ts';
import { clientOf, comesTrue, endRegistered, sharedFolder, startCommand } from '../support/processes.ts';
import { parseMetrics } from '../support/scrape.ts';
import { HUMAN, refusal } from '../support/test-engine.ts';

const GITHUB = 'it-is-a-long-secret-of-github';
const OLD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NEW = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
const env = { LOGISTICS_SECRET_GITHUB: GITHUB, LOGISTICS_SECRET_SHOP: OLD, LOGISTICS_SECRET_SHOP2: NEW };
const bound = { tasks: ['hook.verify'] };
const secrets = { GITHUB: bound, SHOP: bound, SHOP2: bound };

const build = {
  name: 'build',
  input: { type: 'object', required: ['ref'] },
  steps: [{ id: 'say', task: 'echo', with: { value: '${{ input.ref }}' } }],
  output: '${{ steps.say.output }}',
};
const order = {
  name: 'order',
  input: { type: 'object', required: ['id'] },
  concurrency: { key: '${{ input.id }}' },
  steps: [{ id: 'paid', task: 'wait.signal', with: { name: 'paid' } }],
  output: '${{ steps.paid.output }}',
};

const push: NonNullable<ConfigInput['hooks']>[number] = {
  name: 'push',
  secret: 'GITHUB',
  signature: 'github',
  when: "${{ headers['x-github-event'] == 'push' }}",
  start: { workflow: 'build', input: { ref: '${{ body.ref }}', by: '${{ delivery.id }}' } },
};
const paid: NonNullable<ConfigInput['hooks']>[number] = {
  name: 'paid',
  secret: ['SHOP', 'SHOP2'],
  signature: 'standard_webhooks',
  signal: { workflow: 'order', key: '${{ body.order }}', name: 'paid', payload: { amount: '${{ body.amount }}' } },
};
const direct: NonNullable<ConfigInput['hooks']>[number] = {
  name: 'direct',
  secret: 'GITHUB',
  signature: { header: 'X-Sign', encoding: 'base64', prefix: 'v0=' },
  deliveryId: 'X-Request',
  signal: { execution: '${{ body.run }}', name: 'paid', payload: '${{ body }}' },
};

async function place(
  hooks: ConfigInput['hooks'] = [push, paid, direct],
  more: ConfigInput = {},
): Promise<HttpPlace & { readonly engine: OrchestrationEngine }> {
  const made = await httpPlace({ secrets, hooks, ...more }, { options: { env } });
  const { engine } = made.server;
  for (const definition of [build, order]) await engine.workflows.create(definition);
  return { ...made, engine };
}

const runs = (engine: OrchestrationEngine): number => engine.backend.listExecutions({ filter: { namespace: 'test' }, limit: 100, cursor: null }).items.length;
const github = (url: string, body: object, id: string, event = 'push'): Promise<HookAnswer> => {
  const text = JSON.stringify(body);
  return postHook(url, 'push', text, githubHeaders(GITHUB, text, id, event));
};

describe('a hook that starts', () => {
  it('starts a run of its workflow with what the delivery holds, and a repeated delivery hears of the same run', async () => {
    const { url, engine } = await place();
    const first = await github(url, { ref: 'refs/heads/main' }, 'd-1');
    expect(first).toMatchObject({ status: 202, body: { delivery_id: 'd-1', replayed: false } });
    const id = first.body.execution_id as string;
    await engine.wait({ ids: [id], timeoutMs: 20_000 });
    expect(engine.backend.getOutput({ executionId: id, stepId: null })).toBe('refs/heads/main');
    expect(engine.backend.getExecution(id)).toMatchObject({ startedBy: 'hook:test/push', input: { ref: 'refs/heads/main', by: 'd-1' } });
    expect(await github(url, { ref: 'refs/heads/main' }, 'd-1')).toMatchObject({
      status: 200,
      body: { execution_id: id, status: 'completed', replayed: true },
    });
    const all = await Promise.all(Array.from({ length: 20 }, () => github(url, { ref: 'x' }, 'd-2')));
    expect(new Set(all.map(({ body }) => body.execution_id)).size).toBe(1);
    expect(all.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(runs(engine)).toBe(2);
  });

  it('refuses an id that comes with another body, and takes it under a key of its own choice', async () => {
    const { url, engine } = await place([push, { ...push, name: 'branch', idempotency: '${{ body.ref }}' }]);
    await github(url, { ref: 'a' }, 'd-1');
    expect(await github(url, { ref: 'b' }, 'd-1')).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } });
    const text = (n: number): string => JSON.stringify({ ref: 'main', n });
    const send = (n: number): Promise<HookAnswer> => postHook(url, 'branch', text(n), githubHeaders(GITHUB, text(n), `d-${n}`));
    const first = await send(1);
    expect(await send(2)).toMatchObject({ status: 200, body: { execution_id: first.body.execution_id, replayed: true } });
    expect(runs(engine)).toBe(2);
  });

  it('ignores what its condition does not mean, and says so', async () => {
    const { url, engine } = await place();
    expect(await github(url, { zen: 'Keep it simple.' }, 'd-1', 'ping')).toMatchObject({
      status: 202,
      body: { ignored: true, reason: expect.stringContaining('condition') },
    });
    expect(runs(engine)).toBe(0);
  });

  it('answers 503 while its workflow is not there, so that the sender comes again, and 400 for what its input cannot be made of', async () => {
    const { url, engine } = await place([{ ...push, start: { workflow: 'later', input: { ref: '${{ body.ref }}' } } }]);
    const early = await github(url, { ref: 'main' }, 'd-1');
    expect(early).toMatchObject({ status: 503, body: { error: { code: 'not_found', retryable: true } } });
    expect(early.headers.get('retry-after')).toBe('60');
    await engine.workflows.create({ ...build, name: 'later' });
    expect(await github(url, { ref: 'main' }, 'd-1')).toMatchObject({ status: 202, body: { replayed: false } });
    expect(await github(url, { other: 1 }, 'd-2')).toMatchObject({ status: 400, body: { error: { code: 'unresolved_reference' } } });
    expect(runs(engine)).toBe(1);
  });

  it('works in the namespace that it names, where nobody else sees it', async () => {
    const { url, engine, token } = await place([{ ...push, namespace: 'acme' }]);
    expect(await github(url, { ref: 'main' }, 'd-1')).toMatchObject({ status: 503 });
    const acme = api(url, token('acme', ['read', 'write'], 'acme'));
    await acme('POST /workflows', { definition: build });
    const { body } = await github(url, { ref: 'main' }, 'd-1');
    expect((await acme(`GET /executions/${body.execution_id}`)).status).toBe(200);
    expect((await api(url, token('other', ['read'], 'test'))(`GET /executions/${body.execution_id}`)).status).toBe(404);
    expect((await acme('GET /status')).body.hooks).toMatchObject([{ name: 'push', accepted: 1 }]);
    expect(engine.getSystemStatus().hooks).toEqual([]);
    expect(runs(engine)).toBe(0);
  });
});

describe('a hook that signals', () => {
  it('finds the run by workflow and key, by either of two secrets, and counts an id once, also when the run is over', async () => {
    const { url, engine } = await place();
    const { executionId } = await engine.workflows.start({ name: 'order', input: { id: 'o-7' } }, HUMAN);
    const { executionId: other } = await engine.workflows.start({ name: 'order', input: { id: 'o-8' } }, HUMAN);
    const body = JSON.stringify({ order: 'o-7', amount: 12 });
    const send = (secret: string, id: string): Promise<HookAnswer> => postHook(url, 'paid', body, standardHeaders(secret, body, id));
    expect(await send(NEW, 'msg_1')).toMatchObject({ status: 202, body: { execution_id: executionId, replayed: false } });
    await engine.wait({ ids: [executionId], timeoutMs: 20_000 });
    expect(engine.backend.getOutput({ executionId, stepId: null })).toEqual({ amount: 12 });
    expect(await send(OLD, 'msg_1')).toMatchObject({ status: 200, body: { execution_id: executionId, status: 'completed', replayed: true } });
    expect(await send(OLD, 'msg_2')).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
    expect(engine.backend.getExecution(other)).toMatchObject({ status: 'waiting' });
  });

  it('finds the run by its id; one that is over is a conflict, one that is not there is not found', async () => {
    const { url, engine } = await place();
    const { executionId } = await engine.workflows.start({ name: 'order', input: { id: 1 } }, HUMAN);
    const send = (run: string, id: string): Promise<HookAnswer> => {
      const body = JSON.stringify({ run });
      return postHook(url, 'direct', body, { ...plainHeaders(GITHUB, body, 'x-sign', 'v0='), 'x-request': id });
    };
    expect(await send(executionId, 'r-1')).toMatchObject({ status: 202 });
    await engine.wait({ ids: [executionId], timeoutMs: 20_000 });
    expect(await send(executionId, 'r-2')).toMatchObject({ status: 409, body: { error: { code: 'invalid_transition' } } });
    expect(await send('exec_00000000000000000000000000', 'r-3')).toMatchObject({ status: 404 });
    expect(await send(executionId, 'r-1')).toMatchObject({ status: 200, body: { replayed: true } });
  });
});

describe('who runs the server', () => {
  it('sees each hook in the status, in metrics, in the log and in the description', async () => {
    const lines: Record<string, unknown>[] = [];
    const { pino } = await import('pino');
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
    const { url, token, server } = await httpPlace({ secrets, hooks: [push] }, { options: { env, logger } });
    await server.engine.workflows.create(build);
    const { body } = await github(url, { ref: 'main' }, 'd-1');
    await github(url, { ref: 'main' }, 'd-1');
    await github(url, {}, 'd-2', 'ping');
    await postHook(url, 'push', '{}', {});
    await postHook(url, 'none', '{}', {});
    const reader = token('reader', ['read', 'admin']);
    const call = api(url, reader);
    const [row] = (await call('GET /status')).body.hooks as Record<string, unknown>[];
    expect(row).toMatchObject({
      name: 'push',
      does: 'start',
      workflow: 'build',
      served_here: true,
      accepted: 1,
      replayed: 1,
      ignored: 1,
      refused: 1,
      last_refusal: 'unauthorized',
    });
    expect(row).toMatchObject({ last_delivery: 'ignored', last_delivery_id: 'd-2', last_delivery_at: expect.any(String), last_refusal_at: expect.any(String) });
    const scraped = parseMetrics(await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${reader}` } })).text());
    for (const outcome of ['started', 'replayed', 'ignored', 'unauthorized'])
      expect(scraped.value('logistics_hook_deliveries_total', { hook: 'push', outcome })).toBe(1);
    expect(scraped.value('logistics_hook_deliveries_total', { hook: 'other', outcome: 'not_found' })).toBe(1);
    const audit = lines.filter((line) => line.audit === true && line.msg === 'hook');
    expect(audit.map(({ outcome }) => outcome)).toEqual(['started', 'replayed', 'ignored', 'unauthorized']);
    expect(audit[0]).toMatchObject({
      principal: 'hook:test/push',
      hook: 'push',
      namespace: 'test',
      ids: [body.execution_id],
      delivery_id: 'd-1',
      request_id: expect.any(String),
    });
    const { paths } = (await call('GET /openapi.json')).body as { paths: Record<string, { post?: { parameters: unknown } }> };
    expect(paths['/hooks/{name}']?.post?.parameters).toMatchObject([{ name: 'name', schema: { enum: ['push'] } }]);
    expect(JSON.stringify(lines)).not.toContain(GITHUB);
  });

  it('needs a token for everything else, and none on the path of a hook', async () => {
    const { url } = await place();
    for (const path of ['/mcp', '/hooks', '/hooks/', '/hooks/push/../../mcp', '/api/v1/status'])
      expect(
        (
          await fetch(`${url}${path}`, {
            method: path === '/api/v1/status' ? 'GET' : 'POST',
            headers: { 'content-type': 'application/json' },
            body: path === '/api/v1/status' ? null : '{}',
          })
        ).status,
      ).toBeGreaterThanOrEqual(401);
    expect((await fetch(`${url}/hooks/push`)).status).toBe(405);
  });

  it.each([
    ['start.input', { start: { workflow: 'build', input: { ref: '${{ steps.a.output }}' } } }, 'hooks[0].start.input'],
    ['when', { when: '${{ body. }}' }, 'hooks[0].when'],
    ['status', { when: '${{ failure() }}' }, 'hooks[0].when'],
  ])('hears of a wrong expression (%s) before the server listens', async (_, change, path) => {
    const error = (await refusal(httpPlace({ secrets, hooks: [{ ...push, ...change } as typeof push] }, { options: { env } }))) as LogisticsError;
    expect(error.path).toContain(path);
  });
});

describe('the configuration of hooks', () => {
  const faults = (hooks: unknown): string => {
    try {
      configFromCode({ secrets: { ...secrets, BOUND: { tasks: ['http.request'], hosts: ['a.example'] } }, hooks } as ConfigInput, {
        env: {},
        cwd: '/',
        homeDir: '/',
      });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  it.each([
    ['two actions', { ...push, signal: direct.signal }, 'neither or both of start and signal'],
    ['no action', { ...push, start: undefined }, 'neither or both of start and signal'],
    ['no target', { ...paid, signal: { name: 'a' } }, 'does not say which run'],
    ['half a target', { ...paid, signal: { name: 'a', workflow: 'order' } }, 'does not say which run'],
    ['nothing to deduplicate by', { ...direct, deliveryId: undefined }, 'deliveryId'],
    ['an unsigned id', { ...paid, deliveryId: 'X-Id' }, 'webhook-id'],
    ['a secret of something else', { ...push, secret: 'BOUND' }, 'hook.verify'],
    ['an unknown scheme', { ...push, signature: 'gitlab' }, 'signature'],
    ['a weak algorithm', { ...push, signature: { header: 'X', algorithm: 'md5' }, deliveryId: 'Y' }, 'signature'],
    ['a text for a condition', { ...push, when: 'true' }, 'when'],
  ])('refuses %s', (_, hook, message) => {
    expect(faults([hook])).toContain(message);
  });

  it('refuses a name twice, and takes the example of the README', () => {
    expect(faults([push, push])).toContain('another hook');
    const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```yaml[^\n]*\n([\s\S]*?)```/g)].map(([, text]) => text as string);
    const example = parse(blocks.find((text) => /^hooks:/m.test(text)) as string) as ConfigInput;
    expect(configFromCode(example, { env: {}, cwd: '/', homeDir: '/' }).hooks).toHaveLength(2);
  });
});

describe('a server that is killed after it stored a delivery', () => {
  it('answers the delivery that comes again with the same run', async () => {
    const folder = sharedFolder({ secrets, hooks: [push], limits: { processLease: '2s', heartbeat: '200ms', sweep: '200ms' } }, env);
    const client = await clientOf(folder);
    endRegistered(client);
    await client.workflows.create(build);
    const serve = async (): Promise<{ url: string; kill: () => Promise<unknown> }> => {
      const running = startCommand(folder, ['serve', '--port', '0', '--json', '--log-level', 'silent']);
      await comesTrue(() => /"started".*\n/.test(running.stdout()));
      const line =
        running
          .stdout()
          .split('\n')
          .find((each) => each.includes('"started"')) ?? '';
      const kill = (): Promise<unknown> => {
        running.child.kill('SIGKILL');
        return running.exit();
      };
      return { url: (JSON.parse(line) as { url: string }).url, kill };
    };
    const first = await serve();
    const lost = github(first.url, { ref: 'main' }, 'd-1').catch(() => null);
    await comesTrue(() => runs(client) === 1);
    await first.kill();
    await lost;
    const second = await serve();
    const again = await github(second.url, { ref: 'main' }, 'd-1');
    const [run] = client.backend.listExecutions({ filter: { namespace: 'test' }, limit: 10, cursor: null }).items;
    expect(again).toMatchObject({ status: 200, body: { execution_id: run?.id, replayed: true } });
    expect(runs(client)).toBe(1);
  });
});
