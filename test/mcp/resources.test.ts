// Resources: what is listed, read, completed and followed, in both eras; and what is refused.
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { ConnectionSession } from '../../src/connection-session.ts';
import { MAX_FOLLOWED } from '../../src/mcp/resource-updates.ts';
import { parseResourceUri, resourceUri } from '../../src/mcp/resource-uri.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { modernClient, type Wire } from '../support/modern-client.ts';
import { atEnd, deferred, engineFor, HUMAN, heldTask, until } from '../support/test-engine.ts';

const HELLO = { name: 'hello', steps: [{ id: 'a', task: 'echo', with: { value: [1, 2] } }], output: '${{ steps.a.output }}' };

async function legacyClient(engine: OrchestrationEngine): Promise<Client> {
  const server = createMcpServer({ engine: { get: () => Promise.resolve(engine) }, principal: 'local', session: new ConnectionSession('local') });
  const client = new Client({ name: 'old', version: '1' }, { versionNegotiation: { mode: 'legacy' } });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far as never), client.connect(near)]);
  atEnd(() => client.close());
  return client;
}

async function ran(engine: OrchestrationEngine, definition: object = HELLO): Promise<string> {
  const { executionId } = await engine.workflows.start({ definition: definition as never }, HUMAN);
  await engine.wait({ ids: [executionId], timeoutMs: 20_000 });
  return executionId;
}

async function json(client: Client, uri: string): Promise<Wire> {
  const [content] = (await client.readResource({ uri })).contents as { mimeType: string; text: string }[];
  expect(content?.mimeType).toBe('application/json');
  return JSON.parse(content?.text ?? '');
}

describe('an address', () => {
  it.each([
    { kind: 'status' },
    { kind: 'execution', id: 'exec_1' },
    { kind: 'job', id: 'job_1' },
    { kind: 'schedule', id: 'sched_1' },
    { kind: 'artifact', id: 'art_1' },
    { kind: 'output', id: 'exec_1', step: 'a b' },
    { kind: 'workflow', name: 'n-1.x' },
    { kind: 'reference', topic: 'errors' },
  ] as const)('of $kind is read as it is written', (ref) => {
    expect(parseResourceUri(resourceUri(ref))).toEqual(ref);
  });

  it.each([
    'logistics://',
    'logistics://executions',
    'logistics://executions/',
    'logistics://executions/../jobs/job_1',
    'logistics://executions/%2e%2e',
    'logistics://artifacts/..%2F..%2Fetc%2Fpasswd',
    'logistics://artifacts/%2Fetc%2Fpasswd',
    'logistics://artifacts/a%5Cb',
    'logistics://artifacts/a%00b',
    'logistics://artifacts/%zz',
    'logistics://executions/a/steps/b',
    'logistics://executions/a/steps/b/output/c',
    'logistics://status?x=1',
    'logistics://status#x',
    'logistics://__proto__/a',
    'logistics://constructor/a',
    'LOGISTICS://status',
    'file:///etc/passwd',
    `logistics://jobs/${'a'.repeat(2_000)}`,
  ])('like %s is none', (uri) => {
    expect(parseResourceUri(uri)).toBeNull();
  });
});

describe('reading', () => {
  it('gives whole things with their types', async () => {
    const engine = await engineFor();
    const client = await legacyClient(engine);
    const id = await ran(engine);
    expect(await json(client, resourceUri({ kind: 'execution', id }))).toMatchObject({ execution_id: id, status: 'completed', output: [1, 2] });
    expect(await json(client, resourceUri({ kind: 'output', id, step: 'a' }))).toEqual([1, 2]);
    const { jobIds } = await engine.enqueue([{ task: 'echo', payload: { value: 'x' } }] as never, HUMAN);
    const [job = ''] = jobIds;
    await engine.wait({ ids: [job], timeoutMs: 20_000 });
    expect(await json(client, resourceUri({ kind: 'job', id: job }))).toMatchObject({ job_id: job, status: 'completed', result: 'x' });
    const schedule = await engine.schedules.scheduleCron(
      '0 9 * * 1-5',
      { name: 'report', target: { task: 'echo' }, input: { value: 1 } } as never,
      HUMAN as never,
    );
    expect(await json(client, resourceUri({ kind: 'schedule', id: schedule.id }))).toMatchObject({ schedule_id: schedule.id, ledger: [] });
    expect(await json(client, 'logistics://status')).toMatchObject({ health: 'healthy' });
  });

  it('gives stored definitions, artifacts as they are, and refuses what is too large', async () => {
    const engine = await engineFor();
    const client = await legacyClient(engine);
    await client.callTool({ name: 'create_workflow', arguments: { definition: HELLO, mode: 'apply' } });
    expect(await json(client, 'logistics://workflows/hello')).toMatchObject({ version: 1, definition: { name: 'hello' } });
    const id = await ran(engine, {
      name: 'files',
      steps: [
        { id: 'text', task: 'echo', with: { value: 'grün' }, artifact: { name: 'a.txt', mediaType: 'text/plain' } },
        { id: 'big', task: 'echo', with: { value: 'x'.repeat(1_100_000) }, artifact: { name: 'b.txt', mediaType: 'text/plain' } },
        { id: 'blob', task: 'echo', with: { value: 'raw' }, artifact: { name: 'c', mediaType: 'application/octet-stream' } },
      ],
    });
    const artifacts = new Map(engine.backend.listArtifacts({ executionId: id }).map((info) => [info.name, info.id]));
    const read = async (name: string): Promise<Wire | undefined> =>
      (await client.readResource({ uri: resourceUri({ kind: 'artifact', id: artifacts.get(name) ?? '' }) })).contents[0] as unknown as Wire;
    expect(await read('a.txt')).toMatchObject({ mimeType: 'text/plain', text: expect.stringContaining('grün') });
    expect(Buffer.from((await read('c'))?.blob as string, 'base64').toString()).toContain('raw');
    await expect(read('b.txt')).rejects.toMatchObject({ code: -32_602, message: expect.stringMatching(/limit_exceeded.*\n.*in pieces/s) });
  });

  it('of what is not there is -32602 with the nearest name', async () => {
    const engine = await engineFor();
    const client = await legacyClient(engine);
    const modern = await modernClient(engine);
    await client.callTool({ name: 'create_workflow', arguments: { definition: HELLO, mode: 'apply' } });
    const id = await ran(engine);
    const wrong = `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`;
    for (const [uri, hint] of [
      [resourceUri({ kind: 'execution', id: wrong }), `Did you mean ${id}`],
      [resourceUri({ kind: 'output', id, step: 'aa' }), 'Did you mean a?'],
      ['logistics://workflows/helo', 'Did you mean hello?'],
      ['logistics://reference/eror', 'Did you mean errors?'],
      ['logistics://jobs/job_01m80dxqsg000cebe9vpck2gth', 'There is no job'],
      ['logistics://artifacts/../../etc/passwd', 'There is no resource'],
      ['file:///etc/passwd', 'There is no resource'],
    ] as const) {
      const fault = { code: -32_602, message: expect.stringContaining(hint) };
      await expect(client.readResource({ uri })).rejects.toMatchObject(fault);
      await expect(modern.request('resources/read', { uri })).rejects.toMatchObject(fault);
    }
  });

  it.each(['definition-syntax', 'task-types', 'cron-syntax', 'errors', 'worker-agents'])('of the reference topic %s gives Markdown', async (topic) => {
    const client = await legacyClient(await engineFor());
    const [content] = (await client.readResource({ uri: `logistics://reference/${topic}` })).contents as { mimeType: string; text: string }[];
    expect(content?.mimeType).toBe('text/markdown');
    expect(content?.text).toMatch(/^# /);
    expect(content?.text.length).toBeGreaterThan(800);
    expect(content?.text).not.toMatch(/undefined|\[object/);
  });
});

it('the examples of the syntax and of the skill are valid definitions', async () => {
  const engine = await engineFor();
  const client = await legacyClient(engine);
  await client.callTool({ name: 'create_workflow', arguments: { definition: { ...HELLO, name: 'publish' }, mode: 'apply' } });
  for (const uri of ['logistics://reference/definition-syntax', 'skill://durable-workflows/SKILL.md']) {
    const [content] = (await client.readResource({ uri })).contents as { text: string }[];
    const [, definition] = /```yaml\n([\s\S]*?)```/.exec(content?.text ?? '') ?? [];
    expect(await client.callTool({ name: 'create_workflow', arguments: { definition } })).toMatchObject({ structuredContent: { valid: true } });
  }
});

describe('lists and completions', () => {
  it('name the newest things and every kind of address', async () => {
    const engine = await engineFor();
    const client = await legacyClient(engine);
    const id = await ran(engine);
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(
      expect.arrayContaining(['logistics://status', 'logistics://reference/errors', resourceUri({ kind: 'execution', id })]),
    );
    for (let i = 0; i < 30; i++) await engine.workflows.start({ definition: HELLO as never }, HUMAN);
    expect((await client.listResources()).resources.filter(({ uri }) => uri.startsWith('logistics://executions/'))).toHaveLength(20);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'logistics://executions/{id}',
      'logistics://executions/{id}/steps/{step}/output',
      'logistics://artifacts/{id}',
      'logistics://workflows/{name}',
      'logistics://jobs/{id}',
      'logistics://schedules/{id}',
      'logistics://reference/{topic}',
    ]);
  });

  it('complete ids, names, steps and topics', async () => {
    const engine = await engineFor();
    const client = await legacyClient(engine);
    await client.callTool({ name: 'create_workflow', arguments: { definition: HELLO, mode: 'apply' } });
    const id = await ran(engine);
    const complete = async (uri: string, name: string, value: string, chosen?: Record<string, string>): Promise<readonly string[]> =>
      (
        await client.complete({
          ref: { type: 'ref/resource', uri },
          argument: { name, value },
          ...(chosen === undefined ? {} : { context: { arguments: chosen } }),
        })
      ).completion.values;
    expect(await complete('logistics://executions/{id}', 'id', 'exec_')).toEqual([id]);
    expect(await complete('logistics://executions/{id}/steps/{step}/output', 'step', '', { id })).toEqual(['a']);
    expect(await complete('logistics://workflows/{name}', 'name', 'HEL')).toEqual(['hello']);
    expect(await complete('logistics://reference/{topic}', 'topic', 'c')).toEqual(['cron-syntax']);
    expect(await complete('logistics://reference/{topic}', 'nothing', 'c')).toEqual([]);
    await expect(complete('logistics://job/{id}', 'id', '')).rejects.toMatchObject({
      code: -32_602,
      message: expect.stringContaining('logistics://jobs/{id}'),
    });
  });
});

describe('following', () => {
  it('a client of 2025 is told of what it subscribed to, once per change, until it unsubscribes', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await legacyClient(engine);
    const told: string[] = [];
    let next = deferred<string>();
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      told.push(params.uri);
      next.resolve(params.uri);
    });
    const { executionId: id } = await engine.workflows.start({ definition: { name: 'w', steps: [{ id: 'a', task: 'held' }] } as never }, HUMAN);
    const { executionId: other } = await engine.workflows.start({ definition: { name: 'w', steps: [{ id: 'a', task: 'held' }] } as never }, HUMAN);
    await held.reached(2);
    const uri = resourceUri({ kind: 'execution', id });
    await client.subscribeResource({ uri });
    await client.subscribeResource({ uri });
    held.release();
    held.release();
    expect(await next.promise).toBe(uri);
    await engine.wait({ ids: [id, other], timeoutMs: 20_000 });
    expect(new Set(told)).toEqual(new Set([uri]));
    await client.unsubscribeResource({ uri });
    await client.subscribeResource({ uri: 'logistics://status' });
    next = deferred<string>();
    await engine.tasks.restart(id, HUMAN);
    expect(await next.promise).toBe('logistics://status');
    await expect(client.subscribeResource({ uri: 'logistics://jobs/job_01m80dxqsg000cebe9vpck2gth' })).rejects.toMatchObject({ code: -32_602 });
  });

  it('a client of 2026 listens, hears of nothing else, and stops', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await modernClient(engine);
    await client.request('server/discover', {});
    const { executionId: id } = await engine.workflows.start({ definition: { name: 'w', steps: [{ id: 'a', task: 'held' }] } as never }, HUMAN);
    await held.reached(1);
    const uri = resourceUri({ kind: 'execution', id });
    client.request('subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } }).catch(() => undefined);
    const { notifications, _meta } = await client.next(({ method }) => method === 'notifications/subscriptions/acknowledged');
    expect(notifications).toEqual({ resourceSubscriptions: [uri] });
    held.release();
    expect(await client.next(({ method }) => method === 'notifications/resources/updated')).toMatchObject({ uri });
    await until(engine, () => engine.backend.getExecution(id)?.status === 'completed');
    const requestId = (_meta as Record<string, unknown>)['io.modelcontextprotocol/subscriptionId'];
    client.send({ method: 'notifications/cancelled', params: { requestId } });
    expect(client.told.filter(({ params }) => params.uri !== undefined && params.uri !== uri)).toEqual([]);
  });

  it('is bounded per connection', async () => {
    const engine = await engineFor();
    const many = Array.from({ length: MAX_FOLLOWED + 1 }, (_, i) => resourceUri({ kind: 'workflow', name: `w${i}` }));
    const modern = await modernClient(engine);
    await modern.request('server/discover', {});
    await expect(modern.request('subscriptions/listen', { notifications: { resourceSubscriptions: many } })).rejects.toMatchObject({ code: -32_602 });
    await engine.enqueue([{ task: 'echo', payload: { value: 1 } }] as never, HUMAN);
    expect(modern.told.filter(({ method }) => method === 'notifications/resources/updated')).toEqual([]);
  });
});
