import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../src/task/define-task.ts';
import { getQueue } from '../../src/task/get-queue.ts';
import { JobScheduler, type JobSchedulerOptions } from '../../src/task/job-scheduler.ts';
import type { Queue } from '../../src/task/queue.ts';
import { heldTask, refusal, tempFolder } from '../support/test-engine.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const double = defineTask({ type: 'double', input: z.strictObject({ n: z.number() }), example: { n: 1 }, run: ({ n }) => n * 2 });

async function make(options: Partial<JobSchedulerOptions> = {}, now?: () => number, backend = 'in_memory'): Promise<{ queue: Queue; scheduler: JobScheduler }> {
  const queue = await getQueue(backend, {
    random: () => 0,
    ...(now === undefined ? {} : { now }),
    ...(backend === 'sqlite' ? { dataDir: tempFolder(), durability: 'normal' } : {}),
  });
  const scheduler = new JobScheduler(queue, { tasks: [double], shutdownGraceMs: 0, ...options });
  ends.push(async () => {
    await scheduler.stop();
    await queue.close();
  });
  return { queue, scheduler };
}

describe.each(['in_memory', 'sqlite'])('job scheduler on %s', (backend) => {
  it('runs a job once it is started, and never pretends before', async () => {
    const { scheduler } = await make({}, undefined, backend);
    const job = await scheduler.runNow({ task: 'double', payload: { n: 21 } });
    expect([scheduler.getStatus(job.id), scheduler.getResult(job.id)]).toEqual(['pending', null]);
    expect((await refusal(scheduler.wait(job.id, 5))).code).toBe('timeout');
    scheduler.start();
    expect(await scheduler.wait(job.id)).toMatchObject({ status: 'completed', result: 42, attempt: 1 });
    expect([scheduler.getStatus(job.id), scheduler.getResult(job.id), scheduler.getJob(job.id)?.result]).toEqual(['completed', 42, 42]);
  });
});

describe('job scheduler', () => {
  it('starts a job at its moment, by the clock it is given', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z');
    const { scheduler } = await make({}, () => now);
    scheduler.start();
    const at = await scheduler.schedule({ task: 'double', payload: { n: 1 } }, new Date(now + 3_600_000));
    const after = await scheduler.schedule({ task: 'double', payload: { n: 2 } }, { delayMs: 60_000 });
    const past = await scheduler.schedule({ task: 'double', payload: { n: 3 } }, now - 5);
    expect((await scheduler.wait(past.id)).result).toBe(6);
    expect([scheduler.getStatus(at.id), scheduler.getStatus(after.id), at.runAt]).toEqual(['pending', 'pending', now + 3_600_000]);
    now += 60_000;
    await scheduler.tick();
    expect((await scheduler.wait(after.id)).result).toBe(4);
    expect(scheduler.getStatus(at.id)).toBe('pending');
    now += 3_600_000;
    await scheduler.tick();
    expect((await scheduler.wait(at.id)).result).toBe(2);
  });

  it('retries with backoff, fails with the error of the handler, and says so', async () => {
    let now = 0;
    let runs = 0;
    const flaky = defineTask({
      type: 'flaky',
      run: (_input, context) => {
        runs++;
        throw Object.assign(new Error(`no ${context.attempt}`), { code: 'E_NO' });
      },
    });
    const { queue, scheduler } = await make({ tasks: [flaky] }, () => now);
    scheduler.start();
    const job = await scheduler.runNow({ task: 'flaky', retry: { maxAttempts: 3, initialInterval: 1_000, jitter: 'none' } });
    const settled = (status: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (scheduler.getStatus(job.id) === status) {
            stop();
            resolve();
          }
        };
        const stop = queue.backend.onCommit(look);
        look();
      });
    await settled('retry');
    expect([runs, scheduler.getJob(job.id)?.runAt]).toEqual([1, 1_000]);
    now = 999;
    await scheduler.tick();
    expect(scheduler.getStatus(job.id)).toBe('retry');
    const second = new Promise<void>((resolve) => queue.backend.onCommit(() => scheduler.getJob(job.id)?.runAt === 3_000 && resolve()));
    now = 1_000;
    await scheduler.tick();
    await second;
    now = 3_000;
    await scheduler.tick();
    expect(await scheduler.wait(job.id)).toMatchObject({ status: 'failed', dead: true, attempt: 3, error: { code: 'E_NO', message: 'no 3' } });
    expect((await refusal(() => scheduler.getResult(job.id))).code).toBe('E_NO');
  });

  it('cancels a waiting job at once and asks a running one to stop', async () => {
    const held = heldTask();
    const { scheduler } = await make({ tasks: [held], concurrency: 1 });
    const running = await scheduler.runNow({ task: 'held' });
    const waiting = await scheduler.runNow({ task: 'held' });
    scheduler.start();
    await held.reached(1);
    expect((await scheduler.cancelJob(waiting.id)).kind).toBe('cancelled');
    expect((await scheduler.cancel(running.id)).kind).toBe('requested');
    expect((await scheduler.wait(running.id)).status).toBe('cancelled');
    expect(held.held[0]?.context.signal.reason).toMatchObject({ code: 'cancelled' });
    expect((await refusal(() => scheduler.getResult(waiting.id))).code).toBe('cancelled');
    expect((await scheduler.cancel(running.id)).kind).toBe('already_ended');
    expect((await refusal(scheduler.cancel('job_x'))).code).toBe('not_found');
  });

  it('gives running jobs back when it stops, and runs them after it starts again', async () => {
    const held = heldTask();
    const { scheduler } = await make({ tasks: [held] });
    scheduler.start();
    scheduler.start();
    const job = await scheduler.runNow({ task: 'held' });
    await held.reached(1);
    await Promise.all([scheduler.stop(), scheduler.stop()]);
    expect(scheduler.getJob(job.id)).toMatchObject({ status: 'pending', attempt: 0, crashes: 0 });
    held.held.length = 0;
    scheduler.start();
    await held.reached(1);
    held.release('done');
    expect((await scheduler.wait(job.id)).result).toBe('done');
  });

  it('refuses jobs that it could never run, and fails one that came by another way', async () => {
    const { queue, scheduler } = await make();
    expect(await refusal(scheduler.runNow({ task: 'doubel' }))).toMatchObject({ code: 'unknown_task_type', nearMatches: ['double'] });
    const wrong = await refusal(scheduler.runNow({ task: 'double', payload: { n: 'x' } }));
    expect(wrong).toMatchObject({ code: 'invalid_input', path: 'payload.n', expected: 'for example {"n":1}' });
    expect((await refusal(scheduler.schedule({ task: 'double', payload: { n: 1 } }, Number.NaN))).path).toBe('when');
    expect((await refusal(() => new JobScheduler(queue, { tasks: [double, double] }))).code).toBe('conflict');
    expect((await refusal(() => new JobScheduler(queue, { tasks: [], concurrency: 0 }))).path).toBe('concurrency');
    scheduler.start();
    const stranger = await queue.enqueue({ task: 'unknown' });
    expect(await scheduler.wait(stranger.id)).toMatchObject({ status: 'failed', error: { code: 'unknown_task_type' } });
  });
});
