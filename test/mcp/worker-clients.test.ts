// Worker agents through real clients: the tool set, the worker of a connection, leases renewed by any call, and connections that end.
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { ConnectionSession } from '../../src/connection-session.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { toolsOfSets } from '../../tools/registry.ts';
import { CLIENT_KINDS, connect, serverPlace } from '../support/stdio-server.ts';
import { atEnd, engineFor, until } from '../support/test-engine.ts';

type Reply = Record<string, unknown>;
type Lease = { readonly job_id: string; readonly lease_token: number };

const TASK = { task: 'agent.task', payload: { prompt: 'Review a.ts' }, requires: ['review'] };

async function linked(
  engine: OrchestrationEngine,
): Promise<{ readonly client: Client; readonly session: ConnectionSession; call(name: string, args?: Reply, options?: object): Promise<Reply> }> {
  const session = new ConnectionSession('local');
  const server = createMcpServer({ engine: { get: () => Promise.resolve(engine) }, principal: 'local', session, tools: async () => toolsOfSets(['workers']) });
  const client = new Client({ name: 'agent', version: '1' }, { versionNegotiation: { mode: 'legacy' } });
  const [a, b] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(a as never), client.connect(b)]);
  atEnd(() => client.close());
  return {
    client,
    session,
    call: async (name, args = {}, options = {}) => {
      const result = await client.callTool({ name, arguments: args }, options);
      if (result.isError) throw new Error((result.content as { text: string }[])[0]?.text);
      return result.structuredContent as Reply;
    },
  };
}

function onlyWorker(engine: OrchestrationEngine): ReturnType<OrchestrationEngine['backend']['getWorker']> {
  return engine.backend.listWorkers({ filter: {}, limit: 1, cursor: null }).items[0] ?? null;
}

describe('what a worker agent asks for', () => {
  it('comes of the job that it holds, also where the call itself says so', async () => {
    const engine = await engineFor();
    const { client, call } = await linked(engine);
    const later = { task: 'echo', payload: { value: 1 }, delay: '1h' };
    const { job_id } = await call('enqueue_job', TASK);
    const before = await call('enqueue_job', later);
    await call('claim_job', { worker: 'ada', capabilities: ['review'], wait_ms: 5_000 });
    const meanwhile = await call('enqueue_job', later);
    const said = await client.callTool({ name: 'enqueue_job', arguments: later, _meta: { 'logistics-mcp/parent': before.job_id } });
    const originOf = (id: unknown): unknown => engine.backend.lineageNode(id as string)?.origin;
    expect(originOf(before.job_id)).toMatchObject({ how: 'session' });
    expect(originOf(meanwhile.job_id)).toEqual({ how: 'work', id: job_id });
    expect(originOf((said.structuredContent as Reply).job_id)).toEqual({ how: 'work', id: before.job_id });
  });
});

describe('the tool set workers', () => {
  it('is off unless it is asked for, and says so', async () => {
    const server = await connect(serverPlace());
    expect((await server.listTools()).map((tool) => tool.name)).not.toContain('claim_job');
    await expect(server.raw('claim_job')).rejects.toThrow(/Unknown tool claim_job.*tool set workers.*LOGISTICS_TOOLSETS/);
  });

  it.each(CLIENT_KINDS)('a client %s claims and reports', async (kind) => {
    const server = await connect({ ...serverPlace(), env: { LOGISTICS_TOOLSETS: 'workers' } }, kind);
    expect((await server.listTools()).map((tool) => tool.name).slice(-2)).toEqual(['claim_job', 'report_job']);
    const { job_id } = await server.call('enqueue_job', { ...TASK, output: { type: 'object', required: ['ok'] } });
    const claim = await server.call('claim_job', { worker: 'ada', capabilities: ['review'] });
    expect(claim.leases).toMatchObject([{ job_id, payload: TASK.payload }]);
    const [{ lease_token }] = claim.leases as [Lease];
    const report = { worker_id: claim.worker_id, job_id, lease_token, action: 'complete' };
    const refused = await server.raw('report_job', { ...report, output: [] });
    expect(refused.isError).toBe(true);
    expect(refused.content[0]?.text).toMatch(/^output_invalid: [\s\S]*output: It is an array[\s\S]*kept until/);
    expect(await server.call('report_job', { ...report, output: { ok: 1 } })).toMatchObject({ status: 'completed' });
  });
});

describe('the worker of a connection', () => {
  it('has a name of its own, and report_job knows it', async () => {
    const engine = await engineFor();
    const [one, two] = [await linked(engine), await linked(engine)];
    const { job_id } = await one.call('enqueue_job', TASK);
    const claim = await one.call('claim_job', { capabilities: ['review'], wait_ms: 0 });
    const other = await two.call('claim_job', { capabilities: ['review'], wait_ms: 0 });
    expect(other.worker_id).not.toBe(claim.worker_id);
    const [{ lease_token }] = claim.leases as [Lease];
    await expect(two.call('report_job', { job_id, lease_token, action: 'complete', output: 1 })).rejects.toThrow('lease_lost');
    expect(await one.call('report_job', { job_id, lease_token, action: 'complete', output: 1 })).toMatchObject({ status: 'completed' });
  });

  it('keeps its leases by any call, and loses them without one', async () => {
    const clock = { now: 1_800_000_000_000 };
    const engine = await engineFor({}, { now: () => clock.now });
    const { call } = await linked(engine);
    const { job_id } = await call('enqueue_job', TASK);
    await call('claim_job', { capabilities: ['review'], lease: '10s', wait_ms: 0 });
    for (let calls = 0; calls < 3; calls++) {
      clock.now += 8_000;
      await call('list', { kind: 'jobs' });
      await engine.tick();
      expect(engine.backend.getJob(job_id as string)).toMatchObject({ status: 'running', crashes: 0 });
    }
    expect(onlyWorker(engine)?.leaseUntil).toBe(clock.now + 10_000);
    clock.now += 10_001;
    await engine.tick();
    await until(engine, () => engine.backend.getJob(job_id as string)?.status === 'pending');
    expect(engine.backend.getJob(job_id as string)).toMatchObject({ crashes: 1, worker: null });
    expect(onlyWorker(engine)?.status).toBe('lost');
  });

  it('keeps what it took and ended in the history, not its looks and signs of life', async () => {
    const engine = await engineFor();
    const { call, session } = await linked(engine);
    await call('claim_job', { capabilities: ['review'], wait_ms: 0 });
    const { job_id } = await call('enqueue_job', TASK);
    const claim = await call('claim_job', { capabilities: ['review'], wait_ms: 0 });
    const lease = { job_id, lease_token: (claim.leases as [Lease])[0].lease_token };
    await call('report_job', { ...lease, action: 'heartbeat' });
    await call('report_job', { ...lease, action: 'complete', output: 1 });
    await engine.createSession({ name: 'later' });
    const calls = engine.backend.sessionCalls({ sessionId: session.id as string, limit: 10 });
    expect(calls.map((each) => each.tool).sort()).toEqual(['claim_job', 'enqueue_job', 'report_job']);
  });

  it('a call that is cancelled while it waits takes nothing', async () => {
    const engine = await engineFor();
    const { call } = await linked(engine);
    const stop = new AbortController();
    const claiming = call('claim_job', { capabilities: ['review'], wait_ms: 50_000 }, { signal: stop.signal });
    claiming.catch(() => undefined);
    await until(engine, () => onlyWorker(engine) !== null);
    stop.abort();
    await expect(claiming).rejects.toThrow();
    const { job_id } = await call('enqueue_job', TASK);
    await call('get_system_status');
    expect(engine.backend.getJob(job_id as string)?.status).toBe('pending');
    expect((await call('claim_job', { capabilities: ['review'], wait_ms: 0 })).leases).toMatchObject([{ job_id, attempt: 1 }]);
  });

  it('a connection that ends gives back what nobody heard of, keeps what is held, and signs off when nothing is', async () => {
    const place = { ...serverPlace(), env: { LOGISTICS_TOOLSETS: 'workers' } };
    const watcher = await connect(place);
    const workers = async (): Promise<Reply[]> => ((await watcher.call('list', { kind: 'workers' })).items as Reply[]).filter((row) => row.kind === 'agent');

    const idle = await connect(place);
    idle.raw('claim_job', { worker: 'idle', capabilities: ['review'], wait_ms: 50_000 }).catch(() => undefined);
    await watcher.call('claim_job', { worker: 'watcher', wait_ms: 1_000 });
    await idle.close();
    const { job_id } = await watcher.call('enqueue_job', TASK);
    const busy = await connect(place);
    expect(await busy.call('claim_job', { worker: 'busy', capabilities: ['review'], wait_ms: 10_000 })).toMatchObject({ leases: [{ job_id }] });
    await busy.close();
    expect(await workers()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'idle', status: 'left', held: 0 }),
        expect.objectContaining({ name: 'busy', status: 'active', held: 1 }),
      ]),
    );
    const again = await connect(place);
    const claim = await again.call('claim_job', { worker: 'busy', capabilities: ['review'], wait_ms: 0 });
    expect(claim).toMatchObject({ leases: [], held: [{ job_id, lease_token: 1 }] });
    expect(await again.call('report_job', { job_id, lease_token: 1, action: 'complete', output: 'late' })).toMatchObject({ status: 'completed' });
    await again.close();
    expect((await workers()).find((row) => row.name === 'busy')).toMatchObject({ status: 'left' });
  });
});
