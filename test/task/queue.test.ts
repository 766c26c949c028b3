import { afterEach, describe, expect, it } from 'vitest';
import { QueueError } from '../../src/domain/errors.ts';
import { type GetQueueOptions, getQueue, InMemoryQueue } from '../../src/task/get-queue.ts';
import type { Queue } from '../../src/task/queue.ts';
import { refusal, tempFolder } from '../support/test-engine.ts';

const open: Queue[] = [];
async function queue(backend = 'in_memory', options: GetQueueOptions = {}): Promise<Queue> {
  const made = await getQueue(backend, { durability: 'normal', ...options });
  open.push(made);
  return made;
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

describe.each(['in_memory', 'sqlite'])('a queue on %s', (backend) => {
  const make = (options: GetQueueOptions = {}): Promise<Queue> => queue(backend, backend === 'sqlite' ? { dataDir: tempFolder(), ...options } : options);

  it('gives the best job first, as a claim with a token, and keeps it until it is acknowledged', async () => {
    const jobs = await make();
    const low = await jobs.enqueue({ task: 'a', priority: 'low', payload: { n: 1 } });
    const high = await jobs.enqueue({ task: 'a', priority: 'high', payload: { n: 2 } });
    const later = await jobs.enqueue({ task: 'a', priority: 'low', payload: { n: 3 } });
    expect(low.status).toBe('pending');
    expect([jobs.size(), jobs.peek()?.id]).toEqual([3, high.id]);
    const first = await jobs.dequeue();
    expect(first).toMatchObject({ id: high.id, status: 'running', attempt: 1, payload: { n: 2 } });
    expect([jobs.size(), jobs.peek()?.id]).toEqual([2, low.id]);
    const second = await jobs.dequeue();
    const third = await jobs.dequeue();
    expect([second?.id, third?.id, await jobs.dequeue()]).toEqual([low.id, later.id, null]);
    expect(await jobs.ack(first as never, { ok: true })).toMatchObject({ status: 'completed', result: { ok: true } });
    // The same token again is a replay, a wrong one is not.
    expect((await jobs.ack(first as never, { ok: true })).status).toBe('completed');
    expect((await refusal(jobs.ack({ id: high.id, token: 99 }))).code).toBe('lease_lost');
    expect((await jobs.release(second as never)).status).toBe('pending');
    expect((await jobs.dequeue())?.id).toBe(low.id);
  });

  it('retries a failed job after its backoff, then calls it dead', async () => {
    let now = 1_000_000;
    const jobs = await make({ now: () => now, random: () => 0.5 });
    const job = await jobs.enqueue({ task: 'a', retry: { maxAttempts: 2, initialInterval: '10s', jitter: 'none' } });
    const first = await jobs.dequeue();
    expect(await jobs.fail(first as never, new Error('no'))).toMatchObject({
      status: 'retry',
      runAt: now + 10_000,
      error: { code: 'handler_failed', message: 'no' },
    });
    expect([await jobs.dequeue(), jobs.size()]).toEqual([null, 1]);
    now += 10_000;
    const second = await jobs.dequeue();
    expect(second).toMatchObject({ id: job.id, attempt: 2 });
    expect(await jobs.fail(second as never, Object.assign(new Error('again'), { code: 'E_X' }))).toMatchObject({
      status: 'failed',
      dead: true,
      error: { code: 'E_X' },
    });
    expect(jobs.backend.getJob(job.id)?.attempts.map((attempt) => attempt.error?.message)).toEqual(['no', 'again']);
    expect(jobs.stats()).toMatchObject([{ task: 'a', failed: 1, retries: 1, counts: { failed: 1 } }]);
  });

  it('keeps a future job until its moment, and a dependent one until the other has completed', async () => {
    let now = 5_000;
    const jobs = await make({ now: () => now });
    await jobs.enqueue({ task: 'a', delay: '1m', name: 'future' });
    const [one, two] = await jobs.enqueueAll([
      { task: 'b', name: 'second', depends_on: ['first'] },
      { task: 'b', name: 'first', ref: 'first' },
    ]);
    expect([one?.name, two?.name]).toEqual(['second', 'first']);
    const first = await jobs.dequeue();
    expect([first?.name, await jobs.dequeue()]).toEqual(['first', null]);
    await jobs.ack(first as never);
    expect((await jobs.dequeue())?.name).toBe('second');
    now += 60_000;
    expect((await jobs.dequeue())?.name).toBe('future');
  });

  it('clears what waits and leaves what runs', async () => {
    const jobs = await make();
    const ids = (await jobs.enqueueAll(Array.from({ length: 1_201 }, () => ({ task: 'a' })))).map((job) => job.id);
    const running = await jobs.dequeue();
    expect(await jobs.clear()).toBe(1_200);
    expect([jobs.size(), await jobs.clear()]).toEqual([0, 0]);
    expect(jobs.backend.getJob(ids.at(-1) as string)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    expect((await jobs.ack(running as never)).status).toBe('completed');
  });
});

describe('queues', () => {
  it('survives a restart on sqlite and gives back what was claimed', async () => {
    const dataDir = tempFolder();
    const before = await getQueue('sqlite', { dataDir });
    const job = await before.enqueue({ task: 'a' });
    await before.dequeue();
    await before.close();
    const after = await queue('sqlite', { dataDir });
    expect(await after.dequeue()).toMatchObject({ id: job.id, attempt: 1, crashes: 0 });
  });

  it('refuses what it cannot do, by name', async () => {
    expect(await queue()).toBeInstanceOf(InMemoryQueue);
    const error = await refusal(getQueue('in_memry'));
    expect(error).toBeInstanceOf(QueueError);
    expect(error.nearMatches).toContain('in_memory');
    expect((await refusal(getQueue('redis'))).path).toBe('url');
    expect((await refusal(getQueue('sqlite'))).path).toBe('dataDir');
    expect((await refusal(getQueue('in_memory', { name: 'no good!' }))).path).toBe('name');
  });

  it('tells every fault of a job with its path', async () => {
    const jobs = await queue();
    const bad = await refusal(jobs.enqueue({ task: 'a', priorty: 3, delay: 'soon' } as never));
    expect(bad).toBeInstanceOf(QueueError);
    expect(bad.message).toMatch(/priorty.*did you mean priority/);
    expect(bad.message).toMatch(/delay/);
    expect((await refusal(jobs.enqueue({ task: 'a', queue: 'other' }))).path).toBe('queue');
    expect((await refusal(jobs.enqueue({ task: 'a', depends_on: ['job_nothing'] }))).code).toBe('invalid_input');
    expect((await refusal(jobs.enqueue({ task: 'a', depends_on: [`job_${'0'.repeat(26)}`] }))).code).toBe('not_found');
    expect(
      (
        await refusal(
          jobs.enqueueAll([
            { task: 'a', ref: 'x', depends_on: ['y'] },
            { task: 'a', ref: 'y', depends_on: ['x'] },
          ]),
        )
      ).message,
    ).toMatch(/circle/);
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect((await refusal(jobs.enqueue({ task: 'a', payload: cycle as never }))).code).toBe('invalid_input');
    expect((await refusal(jobs.enqueue({ task: 'a', payload: 'x'.repeat(1_100_000) }))).code).toBe('limit_exceeded');
    expect(jobs.size()).toBe(0);
    const taken = await jobs.enqueue({ task: 'a' }).then(() => jobs.dequeue());
    expect((await refusal(jobs.ack(taken as never, cycle as never))).code).toBe('output_invalid');
  });
});

describe('limits, batches and dead jobs of a queue', () => {
  it('is paused and resumed, and bounded; wrong limits are a QueueError', async () => {
    const queue = await getQueue('in_memory', { name: 'mail' });
    expect(queue.settings()).toMatchObject({ queue: 'mail', paused: false, concurrency: null, rateLimit: null });
    expect(await queue.pause()).toMatchObject({ paused: true });
    await queue.enqueueMany([{ task: 'a' }, { task: 'b' }, { task: 'c' }]);
    expect(await queue.dequeue()).toBeNull();
    expect(await queue.setLimits({ concurrency: 2, rateLimit: { limit: 2, period: '1h' } })).toMatchObject({
      paused: true,
      concurrency: 2,
      rateLimit: { limit: 2, periodMs: 3_600_000 },
    });
    await queue.resume();
    const first = await queue.dequeue();
    expect([first?.task, (await queue.dequeue())?.task, await queue.dequeue()]).toEqual(['a', 'b', null]);
    if (first !== null) await queue.ack(first);
    expect(await queue.dequeue()).toBeNull();
    expect(await queue.setLimits({ rateLimit: null })).toMatchObject({ concurrency: 2, rateLimit: null });
    expect((await queue.dequeue())?.task).toBe('c');
    await expect(queue.setLimits({ concurrency: 0 })).rejects.toBeInstanceOf(QueueError);
    await queue.close();
  });

  it('enqueues many with refs and dedupe keys, and gives ids in the order of the inputs', async () => {
    const queue = await getQueue();
    const { ids } = await queue.enqueueMany([
      { task: 'b', ref: 'b', depends_on: ['a'] },
      { task: 'a', ref: 'a', dedupe: { key: 'k', mode: 'return_existing' } },
    ]);
    expect(queue.backend.getJob(ids[0] as string)).toMatchObject({ task: 'b', dependsOn: [ids[1]] });
    expect(await queue.enqueueMany([{ task: 'a', dedupe: { key: 'k', mode: 'return_existing' } }])).toEqual({ ids: [ids[1]], deduplicated: [ids[1]] });
    await expect(queue.enqueue({ task: 'a', dedupe: { key: 'k', mode: 'reject' } })).rejects.toMatchObject({ code: 'conflict', path: 'dedupe' });
    await queue.close();
  });

  it('lists dead jobs and redrives one, or all of them', async () => {
    const queue = await getQueue();
    for (let i = 0; i < 3; i++) {
      await queue.enqueue({ task: `t${i}`, retry: 1 });
      const job = await queue.dequeue();
      if (job !== null) await queue.fail(job, new Error('no'));
    }
    expect(queue.dead().items.map((job) => job.task)).toEqual(['t2', 't1', 't0']);
    const [newest] = queue.dead({ limit: 1 }).items;
    expect(await queue.redrive(newest?.id)).toBe(1);
    expect(await queue.redrive()).toBe(2);
    expect([queue.dead().items.length, queue.size()]).toEqual([0, 3]);
    await expect(queue.redrive(newest?.id)).rejects.toMatchObject({ code: 'invalid_transition' });
    await expect(queue.redrive('job_none')).rejects.toMatchObject({ code: 'not_found' });
    expect(queue.stats()).toMatchObject([{ failed: 1, last: { hour: { failed: 1 } } }, { failed: 1 }, { failed: 1 }]);
    await queue.close();
  });
});
