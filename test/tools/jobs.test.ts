// enqueue_job: one job, a batch, dependencies, repetition, and what is not built yet.
import { describe, expect, it } from 'vitest';
import { engineFor, heldTask } from '../support/test-engine.ts';
import { refusal, toolsOf } from '../support/tool-run.ts';

describe('enqueue_job', () => {
  it('runs one job and gives its result within wait_ms', async () => {
    const run = toolsOf(await engineFor());
    expect(await run('enqueue_job', { task: 'echo', payload: { value: 41 }, name: 'forty-one', wait_ms: 10_000 })).toMatchObject({
      task: 'echo',
      name: 'forty-one',
      status: 'completed',
      result: 41,
      replayed: false,
    });
  });

  it('holds a job until its moment', async () => {
    const run = toolsOf(await engineFor());
    const job = await run('enqueue_job', { task: 'echo', payload: { value: 1 }, delay: '1h', priority: 'high', queue: 'later' });
    expect(job).toMatchObject({ status: 'pending', queue: 'later', run_at: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(await run('get', { id: job.job_id })).toMatchObject({ priority: 75, payload: { value: 1 } });
    expect(await run('get', { id: job.job_id, view: 'explain' })).toMatchObject({ reasons: [{ code: 'not_before' }], allowed_actions: ['cancel'] });
  });

  it('adds a batch whose jobs depend on each other by ref', async () => {
    const run = toolsOf(await engineFor());
    const batch = await run('enqueue_job', {
      jobs: [
        { ref: 'b', task: 'echo', payload: { value: 2 }, depends_on: ['a'] },
        { ref: 'a', task: 'echo', payload: { value: 1 } },
      ],
      wait_ms: 10_000,
    });
    expect(batch).toMatchObject({
      count: 2,
      status: 'completed',
      counts: { completed: 2 },
      refs: { a: (batch.job_ids as string[])[1], b: (batch.job_ids as string[])[0] },
    });
  });

  it('the same key gives the same jobs; other arguments are a conflict; the session and the wait do not count', async () => {
    const run = toolsOf(await engineFor());
    const first = await run('enqueue_job', { task: 'echo', payload: { value: 1 }, idempotency_key: 'k' });
    expect(await run('enqueue_job', { task: 'echo', payload: { value: 1 }, idempotency_key: 'k', wait_ms: 5_000 })).toMatchObject({
      job_id: first.job_id,
      replayed: true,
    });
    expect((await refusal(run('enqueue_job', { task: 'echo', payload: { value: 2 }, idempotency_key: 'k' }))).code).toBe('conflict');
    const batch = { jobs: [{ task: 'echo' as const, payload: { value: 1 } }], idempotency_key: 'b' };
    expect((await run('enqueue_job', batch)).job_ids).toEqual((await run('enqueue_job', batch)).job_ids);
  });

  it('refuses resources that can never be had by name, inside a batch too', async () => {
    const run = toolsOf(await engineFor());
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 2 });
    expect(await refusal(run('enqueue_job', { task: 'echo', payload: { value: 1 }, resources: { gpus: 1 } }))).toMatchObject({
      code: 'not_found',
      path: 'resources.gpus',
      nearMatches: ['gpu'],
    });
    const batch = {
      jobs: [
        { task: 'echo', payload: { value: 1 } },
        { task: 'echo', payload: { value: 1 }, resources: { gpu: 3 } },
      ],
    };
    expect(await refusal(run('enqueue_job', batch))).toMatchObject({ code: 'invalid_input', path: 'jobs[1].resources.gpu', expected: 'at most 2 count' });
    for (const amount of [0, -1, '1 GB of it', '${{ input.n }}'])
      expect(await refusal(run('enqueue_job', { task: 'echo', payload: { value: 1 }, resources: { gpu: amount } }))).toMatchObject({ code: 'invalid_input' });
    expect(await refusal(run('enqueue_job', { task: 'resource.acquire' }))).toMatchObject({ code: 'invalid_input' });
  });

  it('refuses wrong input with path and near match', async () => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('enqueue_job', {}))).toMatchObject({ code: 'invalid_input', path: 'task' });
    expect(await refusal(run('enqueue_job', { tsak: 'echo' }))).toMatchObject({ code: 'invalid_input', nearMatches: ['task'] });
    expect(await refusal(run('enqueue_job', { task: 'ecoh' }))).toMatchObject({ code: 'unknown_task_type', nearMatches: ['echo'] });
    expect(await refusal(run('enqueue_job', { task: 'echo', jobs: [{ task: 'echo' }] }))).toMatchObject({ code: 'invalid_input', path: 'task' });
    expect(
      (
        await refusal(
          run('enqueue_job', {
            jobs: [
              { task: 'echo', payload: { value: 1 } },
              { task: 'echo', payload: { value: 1 }, dealy: 1 },
            ],
          }),
        )
      ).message,
    ).toMatch(/jobs\[1\]\.dealy.*delay/);
    expect(await refusal(run('enqueue_job', { task: 'echo', run_at: '2026-01-01T00:00:00' }))).toMatchObject({ code: 'invalid_input', path: 'run_at' });
    expect((await refusal(run('enqueue_job', { task: 'echo', payload: { value: 1 }, depends_on: ['job_01m80dxqpq0005y09cek8hyfh1'] }))).code).toBe('not_found');
  });

  it('waiting tells progress and an abort ends the wait, not the work', async () => {
    const held = heldTask();
    const run = toolsOf(await engineFor({}, { tasks: [held] }));
    const told: [number, string][] = [];
    const stop = new AbortController();
    const call = run('enqueue_job', { task: 'held', wait_ms: 20_000 }, { signal: stop.signal, progress: (share, message) => told.push([share, message]) });
    await held.reached(1);
    stop.abort();
    const job = await call;
    expect(job.status).toBe('running');
    expect(told[0]).toEqual([0, '0 of 1 jobs done']);
    held.release(7);
    expect(await run('wait', { ids: [job.job_id] })).toMatchObject({ met: true, items: [{ status: 'completed', result: 7 }] });
  });
});
