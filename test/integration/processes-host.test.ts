// The background host with real processes: it takes over when a client goes, there is one per folder, and it leaves nothing behind.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { clientOf, comesTrue, endRegistered, isAlive, type SharedFolder, sharedFolder, startCommand } from '../support/processes.ts';
import { connect, INITIALIZE, startRaw } from '../support/stdio-server.ts';

const AUTO = { LOGISTICS_BACKGROUND: 'auto' };

const hostsOf = (client: OrchestrationEngine): number[] =>
  client.backend
    .liveProcesses({ namespace: 'test' })
    .filter((process) => process.role === 'host')
    .map((process) => process.pid);

async function folderWith(hostIdle: string, limits: object = {}): Promise<{ folder: SharedFolder; client: OrchestrationEngine }> {
  const folder = sharedFolder({ limits: { hostIdle, shutdownGrace: '100ms', ...limits } }, AUTO);
  const client = await clientOf(folder);
  endRegistered(client);
  return { folder, client };
}

const nap = (folder: SharedFolder, ms: number): Record<string, unknown> => ({ task: 'nap', payload: { n: 1, ms, file: folder.file } });
const log = (folder: SharedFolder): string => readFileSync(join(folder.dataDir, 'store', 'logs', 'host-test.log'), 'utf8');

describe('when a client goes', () => {
  it('a host with the same handlers goes on with what is left, and stops when nothing is', async () => {
    const { folder, client } = await folderWith('300ms');
    const server = await connect({ ...folder, flags: [...(folder.flags ?? []), '--log-level', 'info'] });
    const { job_id: id } = await server.call('enqueue_job', { ...nap(folder, 20), delay: '2s' });
    expect(await server.call('get_system_status')).toMatchObject({ liveness: expect.stringMatching(/1 job\(s\) are open.*background host is started/) });
    await server.close();
    await comesTrue(() => hostsOf(client).length === 1);
    const [pid = 0] = hostsOf(client);
    expect(client.getSystemStatus()).toMatchObject({ liveness: expect.stringMatching(new RegExp(`background host, pid ${pid}, goes on .* stops by itself`)) });
    expect(await client.wait({ ids: [id as string], timeoutMs: 10_000 })).toBe('met');
    expect(client.backend.getJob(id as string)).toMatchObject({ status: 'completed', result: pid, attempt: 1 });
    await comesTrue(() => !isAlive(pid));
    expect(client.backend.listProcesses().map((process) => process.role)).toEqual(['library (client)']);
    expect(log(folder)).toMatch(/engine started[\s\S]*engine stopped/);
  });

  it('two that go at once leave one host', async () => {
    const { folder, client } = await folderWith('1m');
    const servers = await Promise.all([connect(folder), connect(folder), connect(folder)]);
    await Promise.all(servers.map((server) => server.call('enqueue_job', nap(folder, 60_000))));
    await Promise.all(servers.map((server) => server.close()));
    await comesTrue(() => client.backend.liveProcesses({ namespace: 'test' }).length === 2);
    expect(hostsOf(client)).toHaveLength(1);
    await comesTrue(() => folder.noted().filter((line) => line.includes(` ${hostsOf(client)[0]} `)).length >= 3);
    // One more that asks finds it and goes.
    const late = startCommand(folder, ['host']);
    expect(await late.exit()).toEqual({ code: 0, signal: null });
    expect(hostsOf(client)).toHaveLength(1);
  });

  it('nobody is started without work, with background off, or where a worker stays', async () => {
    const { folder, client } = await folderWith('1m');
    const idle = await connect(folder);
    await idle.call('enqueue_job', { ...nap(folder, 1), wait_ms: 5_000 });
    await idle.close();
    const off = await connect({ ...folder, env: { LOGISTICS_BACKGROUND: 'off' } });
    const { job_id: id } = await off.call('enqueue_job', { ...nap(folder, 1), delay: '1h' });
    expect(await off.call('get_system_status')).toMatchObject({ liveness: expect.stringMatching(/No other process works here/) });
    await off.close();
    expect(client.backend.listProcesses()).toHaveLength(1);
    const worker = startCommand(folder, ['worker', '--json']);
    await worker.lines(1);
    const server = startRaw(folder);
    server.send(INITIALIZE);
    server.send({ id: 2, method: 'tools/call', params: { name: 'get_system_status', arguments: {} } });
    expect(JSON.stringify(await server.answer(2))).toMatch(`A process that stays (worker), pid ${worker.pid}, goes on`);
    server.child.stdin?.end();
    expect(await server.exit()).toBe(0);
    expect(client.backend.listProcesses().map((process) => process.role)).toEqual(['library (client)', 'worker']);
    expect(client.backend.getJob(id as string)?.status).toBe('pending');
    expect(existsSync(join(folder.dataDir, 'store', 'logs'))).toBe(false);
  });
});

describe('while a client is there', () => {
  it('work that is not done in a moment gets a host, which goes on when the server is killed', async () => {
    const { folder, client } = await folderWith('300ms', { sweep: '200ms' });
    const server = await connect(folder);
    const { job_id: id } = await server.call('enqueue_job', { ...nap(folder, 5), delay: '4s' });
    await comesTrue(() => hostsOf(client).length === 1);
    const [pid = 0] = hostsOf(client);
    process.kill(server.pid, 'SIGKILL');
    expect(await client.wait({ ids: [id as string], timeoutMs: 10_000 })).toBe('met');
    expect(client.backend.getJob(id as string)?.result).toBe(pid);
    await comesTrue(() => !isAlive(pid));
  });

  it('a host that does not start is told in the status, with the place of its log', async () => {
    const { folder } = await folderWith('300ms');
    // Its log folder cannot be made.
    writeFileSync(join(folder.dataDir, 'store', 'logs'), 'in the way');
    const server = await connect(folder);
    await server.call('enqueue_job', { ...nap(folder, 5), delay: '1h' });
    let liveness = '';
    while (!liveness.includes('No background host')) liveness = String((await server.call('get_system_status')).liveness);
    expect(liveness).toMatch(/No background host goes on when this process ends: it could not be started \(.*(EEXIST|ENOTDIR)/);
  });
});
