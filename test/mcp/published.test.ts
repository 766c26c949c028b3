// Published workflows: tools typed by the input of the newest version, and clients of both eras told when the list changes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { configFromCode } from '../../src/config.ts';
import { ConnectionSession } from '../../src/connection-session.ts';
import { publishedSource } from '../../src/mcp/published-source.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { PublishedTools } from '../../tools/published.ts';
import { toolSpecs } from '../../tools/registry.ts';
import { connectHttp, httpPlace } from '../support/http-server.ts';
import { modernClient, TASKS, type Wire } from '../support/modern-client.ts';
import { CLIENT_KINDS, connect, serverPlace } from '../support/stdio-server.ts';
import { atEnd, deferred, engineFor } from '../support/test-engine.ts';

const DOUBLE = {
  name: 'double',
  description: 'Doubles a number.',
  input: { type: 'object', properties: { n: { type: 'integer', description: 'Any number.' } }, required: ['n'], additionalProperties: false },
  steps: [{ id: 'a', task: 'transform', with: { value: '${{ input.n * 2 }}' } }],
  output: '${{ steps.a.output }}',
};
const PUBLISHED = [{ workflow: 'double', tool: 'twice', description: null }];

function sourceOf(engine: OrchestrationEngine): ReturnType<typeof publishedSource> {
  return publishedSource(toolSpecs, new PublishedTools(toolSpecs, PUBLISHED), () => Promise.resolve(engine));
}

async function legacyClient(engine: OrchestrationEngine): Promise<Client> {
  const server = createMcpServer({
    engine: { get: () => Promise.resolve(engine) },
    principal: 'local',
    session: new ConnectionSession('local'),
    ...sourceOf(engine),
  });
  const client = new Client({ name: 'old', version: '1' }, { versionNegotiation: { mode: 'legacy' } });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far as never), client.connect(near)]);
  atEnd(() => client.close());
  return client;
}

describe('a published workflow', () => {
  it('becomes a tool when it is stored, follows its versions, and clients of 2025 are told', async () => {
    const engine = await engineFor();
    const client = await legacyClient(engine);
    let changed = deferred();
    client.setNotificationHandler('notifications/tools/list_changed', () => changed.resolve());
    const find = async (): Promise<Wire | undefined> => (await client.listTools()).tools.find(({ name }) => name === 'twice') as Wire | undefined;
    expect(await find()).toBeUndefined();
    await client.callTool({ name: 'create_workflow', arguments: { definition: DOUBLE, mode: 'apply' } });
    await changed.promise;
    expect(await find()).toMatchObject({
      description: expect.stringMatching(/^Doubles a number\. Runs a stored workflow/),
      inputSchema: {
        type: 'object',
        properties: { n: { type: 'integer', description: 'Any number.' }, wait_ms: { type: 'integer' }, idempotency_key: { type: 'string' } },
        required: ['n'],
      },
      annotations: { readOnlyHint: false, destructiveHint: false },
    });
    expect(await client.callTool({ name: 'twice', arguments: { n: 21 } })).toMatchObject({
      structuredContent: { workflow: 'double', status: 'completed', output: 42 },
    });
    changed = deferred();
    const input = { ...DOUBLE.input, properties: { n: { type: 'integer', maximum: 5 } } };
    await client.callTool({ name: 'create_workflow', arguments: { definition: { ...DOUBLE, input }, mode: 'apply' } });
    await changed.promise;
    expect(await find()).toMatchObject({ inputSchema: { properties: { n: { maximum: 5 } } } });
  });

  it('is told to a client of 2026 that listens, and may end as a task', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine, TASKS, sourceOf(engine));
    await client.request('server/discover', {});
    client.request('subscriptions/listen', { notifications: { toolsListChanged: true } }).catch(() => undefined);
    await client.next(({ method }) => method === 'notifications/subscriptions/acknowledged');
    await client.call('create_workflow', { definition: DOUBLE, mode: 'apply' });
    await client.next(({ method }) => method === 'notifications/tools/list_changed');
    expect(await client.request('tools/list')).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    expect(await client.call('twice', { n: 1 })).toMatchObject({ resultType: 'task', taskId: expect.stringMatching(/^exec_/) });
    expect(await client.call('twice', { n: 1, wait_ms: 20_000 })).toMatchObject({ resultType: 'complete', structuredContent: { output: 2 } });
  });

  it('refuses wrong input as the workflow would, and repeats with a key', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine, {}, sourceOf(engine));
    await client.call('create_workflow', { definition: DOUBLE, mode: 'apply' });
    for (const args of [{}, { n: 'x' }, { n: 1, m: 2 }, { n: 1, wait_ms: -1 }, { n: 1, idempotency_key: '' }])
      expect(await client.call('twice', args)).toMatchObject({ isError: true });
    const first = (await client.call('twice', { n: 4, idempotency_key: 'k' })).structuredContent as Wire;
    expect(await client.call('twice', { n: 4, idempotency_key: 'k' })).toMatchObject({
      structuredContent: { execution_id: first.execution_id, replayed: true, output: 8 },
    });
  });

  it('keeps a field of its own that is named like one of the call', async () => {
    const engine = await engineFor();
    const client = await modernClient(engine, {}, sourceOf(engine));
    const input = { type: 'object', properties: { wait_ms: { type: 'string' } } };
    const steps = [{ id: 'a', task: 'transform', with: { value: '${{ input.wait_ms }}' } }];
    await client.call('create_workflow', { definition: { ...DOUBLE, input, steps }, mode: 'apply' });
    expect(await client.call('twice', { wait_ms: 'own' })).toMatchObject({ structuredContent: { output: 'own' } });
  });
});

it.each(CLIENT_KINDS)('client %s finds it in the configuration of a server', async (kind) => {
  const place = serverPlace();
  writeFileSync(join(place.dataDir, 'logistics.config.yaml'), 'published:\n  - {workflow: double, as: twice, description: "Two for one."}\n');
  const server = await connect(place, kind);
  await server.call('create_workflow', { definition: DOUBLE, mode: 'apply' });
  expect((await server.listTools()).find(({ name }) => name === 'twice')).toMatchObject({ description: expect.stringMatching(/^Two for one\./) });
  expect(await server.call('twice', { n: 3 })).toMatchObject({ status: 'completed', output: 6 });
});

it('over HTTP it belongs to the namespace in which it is stored', async () => {
  const { url, token, secrets } = await httpPlace({ published: [{ workflow: 'double' }] }, { tokens: { writer: ['write'], reader: ['read'] } });
  const writer = await connectHttp(url, '2025 http', { token: secrets.writer });
  await writer.call('create_workflow', { definition: DOUBLE, mode: 'apply' });
  expect(await writer.call('double', { n: 5 })).toMatchObject({ output: 10 });
  const reader = await connectHttp(url, '2026', { token: secrets.reader });
  expect(await reader.text('double', { n: 5 })).toMatch(/^forbidden: /);
  const stranger = await connectHttp(url, '2026', { token: token('stranger', ['write'], 'elsewhere') });
  await expect(stranger.call('double', { n: 5 })).rejects.toMatchObject({ code: -32_602 });
});

it.each([
  [[{ workflow: 'get' }], 'published[0].workflow', 'is the name of a tool'],
  [[{ workflow: 'a', as: 'claim_job' }], 'published[0].as', 'is the name of a tool'],
  [[{ workflow: 'a' }, { workflow: 'b', as: 'a' }], 'published[1].as', 'another published workflow'],
  [[{ workflow: 'a.b' }], 'published[0].workflow', 'not usable'],
  [[{ workflow: 'a', as: 'b c' }], 'published[0].as', ''],
  [[{ workflow: 'a', name: 'b' }], 'published[0].name', ''],
])('a configuration with %j is refused', (published, path, message) => {
  const read = (): unknown => configFromCode({ published: published as never }, { env: {}, cwd: '/', homeDir: '/' });
  expect(read).toThrow(expect.objectContaining({ path, message: expect.stringContaining(message) }));
});

it('the set published needs a list', () => {
  const read = (published: object[]): unknown =>
    configFromCode({ toolsets: ['published'], published: published as never }, { env: {}, cwd: '/', homeDir: '/' });
  expect(() => read([])).toThrow(/no workflow is published/);
  expect(read([{ workflow: 'a' }])).toMatchObject({ published: [{ workflow: 'a', tool: 'a', description: null }] });
});
