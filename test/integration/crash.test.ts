import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { crashChild } from '../support/crash-process.ts';
import { engineFor, nextEvent, tempFolder } from '../support/test-engine.ts';

const mark = (runs: string[]): ReturnType<typeof defineTask> =>
  defineTask({
    type: 'mark',
    run: (input, context) => {
      runs.push(`${(input as JsonObject).label} ${context.attempt} ${context.idempotencyKey}`);
      return (input as JsonObject).label as string;
    },
  });
const step = (id: string, needs: string[] = []): JsonObject => ({ id, needs, task: 'mark', with: { label: id } });

describe('a killed process', () => {
  it('loses nothing: after a restart no completed step runs again, and the run completes', async () => {
    const dataDir = tempFolder();
    const journal = join(dataDir, 'journal');
    const child = crashChild(dataDir, journal, 'd', {
      name: 'long',
      steps: [
        step('a'),
        step('b', ['a']),
        { ...step('each', ['b']), forEach: [1, 2, 3], with: { label: 'each${{ item }}' } },
        step('c', ['each']),
        step('d', ['c']),
        step('e', ['d']),
      ],
      output: '${{ steps.e.output }}',
    });
    const id = (await child.line('started')).slice('started '.length);
    await child.line('holding');
    await child.kill();
    const before = readFileSync(journal, 'utf8').trim().split('\n');
    expect(before.map((line) => line.split(' ')[0]).sort()).toEqual(['a', 'b', 'c', 'd', 'each1', 'each2', 'each3']);
    const runs: string[] = [];
    const engine = await engineFor({ dataDir }, { tasks: [mark(runs)] });
    expect(await engine.wait({ ids: [id], timeoutMs: 8_000 })).toBe('met');
    expect(engine.backend.getExecution(id)?.status).toBe('completed');
    // A crash is no attempt of the handler's own: the number and the key are those of the try that was lost.
    expect(runs).toEqual([`d 1 ${id}/d`, `e 1 ${id}/e`]);
    const jobId = engine.backend.getStep({ executionId: id, stepId: 'd' })?.jobId as string;
    expect(engine.backend.getJob(jobId)).toMatchObject({ crashes: 1, attempt: 1 });
  });

  it('has its work taken back by another at once, long before the lease is over', async () => {
    const dataDir = tempFolder();
    const journal = join(dataDir, 'journal');
    const child = crashChild(dataDir, journal, 'x', null);
    await child.line('ready');
    const client = await engineFor({ dataDir }, { role: 'client', tasks: [mark([])] });
    const [job] = (await client.enqueue([{ task: 'mark', payload: { label: 'x' } }])).jobIds as [string];
    await child.line('holding');
    const runs: string[] = [];
    const engine = await engineFor({ dataDir, limits: { sweep: 100 } }, { tasks: [mark(runs)] });
    expect(engine.backend.getJob(job)?.status).toBe('running');
    const lost = nextEvent(engine, 'worker_lost');
    const killed = Date.now();
    await child.kill();
    expect(await client.wait({ ids: [job], timeoutMs: 8_000 })).toBe('met');
    expect(Date.now() - killed).toBeLessThan(3_000);
    expect(runs).toEqual([`x 1 ${job}`]);
    expect((await lost).data).toMatchObject({ pid: child.process.pid, graceful: false });
  });

  it('gives back what its jobs held of a pool: whoever waits gets it at once, and nothing stays held', async () => {
    const dataDir = tempFolder();
    const child = crashChild(dataDir, join(dataDir, 'journal'), 'x', null);
    await child.line('ready');
    const client = await engineFor({ dataDir }, { role: 'client', tasks: [mark([])] });
    await client.resources.definePool('gpu', { type: 'gpu', capacity: 1 });
    const [job] = (await client.enqueue([{ task: 'mark', payload: { label: 'x' }, resources: { gpu: 1 } }])).jobIds as [string];
    await child.line('holding');
    const { allocation } = await client.resources.allocate({ resources: { gpu: 1 }, priority: 'critical' });
    expect(allocation.status).toBe('waiting');
    const runs: string[] = [];
    const engine = await engineFor({ dataDir, limits: { sweep: 100 } }, { tasks: [mark(runs)] });
    await child.kill();
    expect(await engine.wait({ ids: [allocation.id], timeoutMs: 8_000 })).toBe('met');
    expect(client.backend.getAllocation(allocation.id)?.status).toBe('held');
    expect(runs).toEqual([]);
    await client.resources.release(allocation.id);
    expect(await client.wait({ ids: [job], timeoutMs: 8_000 })).toBe('met');
    expect(runs).toEqual([`x 1 ${job}`]);
    expect(client.resources.status()[0]?.keys[0]?.used).toBe(0);
  });

  it('is not tried for ever: a job that kills its process each time ends as crash_loop', async () => {
    const dataDir = tempFolder();
    const journal = join(dataDir, 'journal');
    const client = await engineFor({ dataDir, limits: { maxCrashes: 1, sweep: 100 } }, { role: 'client', tasks: [mark([])] });
    const [job] = (await client.enqueue([{ task: 'mark', payload: { label: 'x' } }])).jobIds as [string];
    for (const _ of [1, 2]) {
      const child = crashChild(dataDir, journal, 'x', null);
      await child.line('holding');
      await child.kill();
      await client.tick();
    }
    expect(client.backend.getJob(job)).toMatchObject({ status: 'failed', dead: true, error: { code: 'crash_loop' } });
  });
});
