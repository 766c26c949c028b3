// The server over a linked pair: sessions, history, progress, giving up, and an engine that cannot be had.
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { ConnectionSession } from '../../src/connection-session.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { LazyEngine } from '../../src/mcp/lazy-engine.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import type { EngineDoor } from '../../src/tool-caller.ts';
import { modernClient } from '../support/modern-client.ts';
import { atEnd, deferred, engineFor, HUMAN, heldTask } from '../support/test-engine.ts';

interface Linked {
  readonly client: Client;
  readonly session: ConnectionSession;
  call(name: string, args?: Record<string, unknown>, options?: object): Promise<Record<string, unknown>>;
  text(name: string, args?: Record<string, unknown>): Promise<string>;
}

async function linked(engine: OrchestrationEngine | EngineDoor, person?: (message: string) => object): Promise<Linked> {
  const session = new ConnectionSession('local');
  const door: EngineDoor = 'get' in engine ? engine : { get: () => Promise.resolve(engine) };
  const server = createMcpServer({ engine: door, principal: 'local', session });
  const capabilities = person === undefined ? {} : { elicitation: {} };
  const client = new Client({ name: 'linked', version: '1' }, { capabilities, versionNegotiation: { mode: 'legacy' } });
  if (person !== undefined) client.setRequestHandler('elicitation/create', async (request) => person(request.params.message) as never);
  const [a, b] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(a as never), client.connect(b)]);
  atEnd(() => client.close());
  const raw = async (
    name: string,
    args: object = {},
    options: object = {},
  ): Promise<{ isError?: boolean; content: { text: string }[]; structuredContent: Record<string, unknown> }> =>
    (await client.callTool({ name, arguments: args as Record<string, unknown> }, options)) as never;
  return {
    client,
    session,
    call: async (name, args, options) => {
      const result = await raw(name, args, options);
      if (result.isError) throw new Error(result.content[0]?.text);
      expect(JSON.parse(result.content[0]?.text ?? '')).toEqual(result.structuredContent);
      return result.structuredContent;
    },
    text: async (name, args) => (await raw(name, args)).content[0]?.text ?? '',
  };
}

/** The history is written behind the replies; a later write is stored after it. */
async function written(engine: OrchestrationEngine): Promise<void> {
  await engine.createSession({ name: 'later' });
}

describe('the session of a connection', () => {
  it('is made by the first change, not by reads, and keeps the changes that were called for', async () => {
    const engine = await engineFor();
    const { call, text, session } = await linked(engine);
    await call('get_system_status');
    await call('list', { kind: 'sessions' });
    expect(session.id).toBeNull();
    const job = await call('enqueue_job', { task: 'echo', payload: { value: 1 }, wait_ms: 5_000 });
    expect(job.session_id).toBe(session.id);
    await text('enqueue_job', { tsak: 1 });
    await call('list', { kind: 'jobs' });
    await written(engine);
    const shown = await call('get', { id: session.id });
    expect(shown).toMatchObject({ implicit: true, status: 'active' });
    expect(shown.recent_calls).toMatchObject([
      { tool: 'enqueue_job', outcome: 'ok', result: job.job_id, arguments_digest: expect.any(String), duration_ms: expect.any(Number) },
      { tool: 'enqueue_job', outcome: 'invalid_input' },
    ]);
    await session.close(engine);
    expect(engine.sessions.require(job.session_id as string).data.status).toBe('completed');
  });

  it('is one for calls that come together, and a new one after somebody closed it', async () => {
    const { call, session } = await linked(await engineFor());
    const jobs = await Promise.all([1, 2, 3].map((value) => call('enqueue_job', { task: 'echo', payload: { value } })));
    expect(new Set(jobs.map((job) => job.session_id)).size).toBe(1);
    await call('close_session', { session_id: session.id });
    const later = await call('enqueue_job', { task: 'echo', payload: { value: 4 } });
    expect(later.session_id).not.toBe(jobs[0]?.session_id);
    expect(later.session_id).toBe(session.id);
  });

  it('gives way to the session that a call names', async () => {
    const engine = await engineFor();
    const { call, session } = await linked(engine);
    const own = await call('create_session', { name: 'own' });
    const job = await call('enqueue_job', { task: 'echo', payload: { value: 1 }, session_id: own.session_id });
    expect(job.session_id).toBe(own.session_id);
    await written(engine);
    expect((await call('get', { id: own.session_id })).recent_calls).toMatchObject([{ tool: 'enqueue_job', result: job.job_id }]);
    expect((await call('get', { id: session.id })).recent_calls).toMatchObject([{ tool: 'create_session', result: own.session_id }]);
  });
});

describe('waiting', () => {
  it('tells progress forward only, to a client that asked', async () => {
    const held = heldTask();
    const { call } = await linked(await engineFor({}, { tasks: [held] }));
    const told: number[] = [];
    const said: string[] = [];
    const atB = deferred();
    const steps = ['a', 'b', 'c'].map((id, i, all) => ({ id, task: 'held', ...(i === 0 ? {} : { needs: [all[i - 1]] }) }));
    const done = call(
      'execute_workflow',
      { definition: { name: 'p', steps }, wait_ms: 15_000 },
      {
        onprogress: ({ progress, message }: { progress: number; message: string }) => {
          told.push(progress);
          said.push(message);
          if (message.includes('now: b')) atB.resolve();
        },
      },
    );
    await held.reached(1);
    held.release();
    await atB.promise;
    for (let i = 1; i < 3; i++) {
      await held.reached(1);
      held.release();
    }
    expect(await done).toMatchObject({ status: 'completed' });
    expect(told[0]).toBe(0);
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
    expect(said).toContain('1 of 3 steps done; now: b');
  });

  it('tells a client of 2026 too, and ends with the request', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const client = await modernClient(engine);
    const { executionId: id } = await engine.workflows.start({ definition: { name: 'p', steps: [{ id: 'only', task: 'held' }] } as never }, HUMAN);
    await held.reached(1);
    client.call('wait', { ids: [id], timeout_ms: 30_000 }, { progressToken: 'token' }).catch(() => undefined);
    const told = await client.next(({ method }) => method === 'notifications/progress');
    expect(told).toMatchObject({ progressToken: 'token', progress: 0, total: 1, message: '0 of 1 steps done; now: only' });
    client.send({ method: 'notifications/cancelled', params: { requestId: 1 } });
    held.release('done');
    expect(await client.call('wait', { ids: [id] })).toMatchObject({ structuredContent: { met: true, items: [{ status: 'completed' }] } });
  });

  it('that is given up ends the wait, never the work', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const { call, client } = await linked(engine);
    const stop = new AbortController();
    const lost = client.callTool({ name: 'enqueue_job', arguments: { task: 'held', wait_ms: 30_000, name: 'kept' } }, { signal: stop.signal });
    await held.reached(1);
    stop.abort();
    await expect(lost).rejects.toThrow();
    held.release('done');
    const { items } = await call('list', { kind: 'jobs', filter: { text: 'kept' } });
    const [{ job_id }] = items as [{ job_id: string }];
    expect(await call('wait', { ids: [job_id] })).toMatchObject({ met: true, items: [{ result: 'done' }] });
  });
});

describe('an engine that cannot be had', () => {
  it('is told by every call, and looked for again only when that may help', async () => {
    const engine = await engineFor();
    const faults: unknown[] = [];
    let opened = 0;
    const busyOnce = new LazyEngine(
      () => (opened++ === 0 ? Promise.reject(new LogisticsError('store_busy', 'Somebody else has it.')) : Promise.resolve(engine)),
      (error) => faults.push(error),
    );
    const first = await linked(busyOnce);
    expect(await first.text('get_system_status')).toMatch(/^store_busy: Somebody else has it\.\nNext: /);
    expect(await first.call('get_system_status')).toMatchObject({ health: 'healthy' });
    expect([opened, faults.length]).toEqual([2, 1]);
    let tried = 0;
    const broken = new LazyEngine(
      () => {
        tried++;
        return Promise.reject(new LogisticsError('store_corrupt', 'It is broken.'));
      },
      () => undefined,
    );
    const second = await linked(broken);
    for (let i = 0; i < 3; i++) expect(await second.text('list', { kind: 'jobs' })).toMatch(/^store_corrupt: /);
    expect(tried).toBe(1);
    expect(await broken.stop()).toBeNull();
    expect(await second.text('list', { kind: 'jobs' })).toMatch(/^shutting_down: /);
  });

  it('a fault of this program is code internal, and no crash', async () => {
    const { text } = await linked({ get: () => Promise.reject(new TypeError('x is not a function')) });
    expect(await text('list', { kind: 'jobs' })).toMatch(/^internal: x is not a function/);
  });
});

describe('a person behind the client', () => {
  const definition = {
    name: 'ask',
    steps: [{ id: 'ok', task: 'wait.approval', with: { message: 'Publish v2?', by: 'human' } }],
    output: '${{ steps.ok.output }}',
  };

  it('decides, whatever the agent wishes', async () => {
    const asked: string[] = [];
    const { call } = await linked(await engineFor(), (message) => {
      asked.push(message);
      return { action: 'accept', content: { approved: false } };
    });
    const { execution_id: id } = await call('execute_workflow', { definition });
    await call('wait', { ids: [id], until: 'waiting' });
    await call('control', { id, action: 'approve', approved: true });
    expect(asked).toEqual([expect.stringContaining('Publish v2?')]);
    expect(await call('wait', { ids: [id] })).toMatchObject({ items: [{ output: { approved: false } }] });
  });

  it('who declines has decided nothing', async () => {
    const { call, text } = await linked(await engineFor(), () => ({ action: 'decline' }));
    const { execution_id: id } = await call('execute_workflow', { definition });
    await call('wait', { ids: [id], until: 'waiting' });
    expect(await text('control', { id, action: 'approve', approved: true })).toMatch(/^forbidden: .*decline/);
    expect(await call('get', { id })).toMatchObject({ status: 'waiting' });
  });
});

it('an unknown tool is a fault of the request, with the nearest name or all of them', async () => {
  const { client } = await linked(await engineFor());
  await expect(client.callTool({ name: 'lists', arguments: {} })).rejects.toMatchObject({
    code: -32602,
    message: expect.stringContaining('Did you mean list?'),
  });
  await expect(client.callTool({ name: 'zzzzzzzzzz', arguments: {} })).rejects.toMatchObject({ message: expect.stringContaining('Tools: create_workflow,') });
});
