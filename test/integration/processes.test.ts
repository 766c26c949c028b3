// Several real processes on one folder: workers that stop finish or give back, one leads, and a killed one is followed at once.
import { describe, expect, it } from 'vitest';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { clientOf, comesTrue, type Running, type SharedFolder, sharedFolder, startCommand } from '../support/processes.ts';
import { startRaw } from '../support/stdio-server.ts';

const nap = (folder: SharedFolder, n: number, ms: number): { task: string; payload: { n: number; ms: number; file: string } } => ({
  task: 'nap',
  payload: { n, ms, file: folder.file },
});
const worker = (folder: SharedFolder, ...flags: string[]): Running => startCommand(folder, ['worker', '--json', ...flags]);
const ended = (client: OrchestrationEngine, ids: readonly string[]): Promise<string> => client.wait({ ids, timeoutMs: 15_000 });

describe('a worker that is told to stop', () => {
  it('finishes what it can within the grace period, and leaves the registry', async () => {
    const folder = sharedFolder({ concurrency: 3, limits: { shutdownGrace: '5s' } });
    const client = await clientOf(folder);
    const one = worker(folder);
    expect(await one.lines(1)).toMatchObject([{ event: 'started', pid: one.pid, namespace: 'test', concurrency: 3 }]);
    const { jobIds } = await client.enqueue(Array.from({ length: 5 }, (_, n) => nap(folder, n, 200)));
    await comesTrue(() => folder.noted().length >= 3);
    one.child.kill('SIGTERM');
    expect(await one.exit()).toEqual({ code: 0, signal: null });
    // What had begun was ended, and nothing was begun any more.
    expect(folder.noted().filter((line) => line.startsWith('end'))).toHaveLength(folder.noted().filter((line) => line.startsWith('begin')).length);
    const statuses = jobIds.map((id) => client.backend.getJob(id)?.status);
    expect(statuses.filter((status) => status === 'completed').length).toBeGreaterThanOrEqual(3);
    expect(new Set(statuses)).not.toContain('running');
    expect(client.backend.listProcesses().map((process) => process.role)).toEqual(['library (client)']);
    expect((await one.lines(3)).map((line) => line.event)).toEqual(['started', 'stopping', 'stopped']);
  });

  it.each(['worker', 'host', 'stdio'] as const)('as %s gives long work back, and another one has it within a second', async (kind) => {
    const folder = sharedFolder({ concurrency: 1, limits: { shutdownGrace: '100ms' } });
    const client = await clientOf(folder);
    const { jobIds } = await client.enqueue([nap(folder, 1, 60_000)]);
    const [id] = jobIds as [string];
    const child = kind === 'stdio' ? startRaw(folder).child : startCommand(folder, [kind]).child;
    await comesTrue(() => folder.noted().length === 1);
    // It has its one job; the second process waits for work.
    const other = worker(folder);
    await other.lines(1);
    const told = Date.now();
    child.kill('SIGTERM');
    await comesTrue(() => folder.noted().length === 2);
    expect(Date.now() - told).toBeLessThan(1_500);
    expect(folder.noted()).toEqual([`begin 1 ${child.pid} 1`, `begin 1 ${other.pid} 1`]);
    expect(client.backend.getJob(id)).toMatchObject({ status: 'running', attempt: 1, crashes: 0 });
  });

  it('ends at once when it is told twice', async () => {
    const folder = sharedFolder({ concurrency: 1, limits: { shutdownGrace: '1m' } });
    const client = await clientOf(folder);
    const one = worker(folder);
    await client.enqueue([nap(folder, 1, 60_000)]);
    await comesTrue(() => folder.noted().length === 1);
    one.child.kill('SIGTERM');
    expect(await one.lines(2)).toMatchObject([{ event: 'started' }, { event: 'stopping', running: 1 }]);
    one.child.kill('SIGTERM');
    expect(await one.exit()).toEqual({ code: 130, signal: null });
  });
});

describe('a worker', () => {
  it('with --until-idle works off what there is and what comes due soon, and exits', async () => {
    const folder = sharedFolder({ concurrency: 4 });
    const client = await clientOf(folder);
    const { jobIds } = await client.enqueue([nap(folder, 1, 50), { ...nap(folder, 2, 1), delay: '1s' }, { ...nap(folder, 3, 1), delay: '1h' }]);
    const one = worker(folder, '--until-idle');
    expect(await one.exit()).toEqual({ code: 0, signal: null });
    expect(jobIds.map((id) => client.backend.getJob(id)?.status)).toEqual(['completed', 'completed', 'pending']);
  });

  it('takes only the queues and offers the capabilities that it was given', async () => {
    const folder = sharedFolder();
    const client = await clientOf(folder);
    const { jobIds } = await client.enqueue([
      { ...nap(folder, 1, 1), queue: 'mail' },
      { ...nap(folder, 2, 1), queue: 'other' },
      { ...nap(folder, 3, 1), queue: 'mail', requires: ['gpu'] },
      { ...nap(folder, 4, 1), queue: 'mail', requires: ['tape'] },
    ]);
    const one = worker(folder, '--queue', 'mail', '--capability', 'gpu', '--until-idle');
    await one.exit();
    expect(jobIds.map((id) => client.backend.getJob(id)?.status)).toEqual(['completed', 'pending', 'completed', 'pending']);
  });

  it('that leads and is killed is followed at once: its work is taken back by the next sweep of another', async () => {
    const folder = sharedFolder({ concurrency: 1, limits: { sweep: '200ms' } });
    const client = await clientOf(folder);
    const one = worker(folder);
    await one.lines(1);
    const two = worker(folder);
    await two.lines(1);
    const { jobIds } = await client.enqueue([nap(folder, 1, 60_000), nap(folder, 2, 60_000)]);
    await comesTrue(() => folder.noted().length === 2);
    const killed = Date.now();
    one.child.kill('SIGKILL');
    await one.exit();
    const three = worker(folder);
    await comesTrue(() => folder.noted().length === 3);
    expect(Date.now() - killed).toBeLessThan(5_000);
    expect(folder.noted()[2]).toMatch(new RegExp(`^begin [12] ${three.pid} 1$`));
    expect(jobIds.map((id) => client.backend.getJob(id)?.crashes).sort()).toEqual([0, 1]);
  });
});

it('jobs of a long queue run exactly once, whoever takes them, and no process is left out', async () => {
  const folder = sharedFolder({ concurrency: 4, limits: { claimBatch: 4 } });
  const client = await clientOf(folder);
  const workers = [worker(folder), worker(folder), worker(folder)];
  await Promise.all(workers.map((one) => one.lines(1)));
  const { jobIds } = await client.enqueue(Array.from({ length: 300 }, (_, n) => nap(folder, n, 2)));
  expect(await ended(client, jobIds)).toBe('met');
  const begun = folder.noted().filter((line) => line.startsWith('begin'));
  expect(begun.map((line) => Number(line.split(' ')[1])).sort((a, b) => a - b)).toEqual(jobIds.map((_, n) => n));
  for (const { pid } of workers) expect(begun.filter((line) => line.includes(` ${pid} `)).length).toBeGreaterThan(300 / 3 / 5);
});
