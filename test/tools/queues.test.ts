// Queues through the tools: limits, dedupe, batches, dead letters in bulk, statistics; what would not act is refused.
import { describe, expect, it } from 'vitest';
import { engineFor, heldTask } from '../support/test-engine.ts';
import { type Reply, refusal, toolsOf } from '../support/tool-run.ts';

const echo = (value: unknown): { task: string; payload: object } => ({ task: 'echo', payload: { value } });

describe('control and get of a queue', () => {
  it('pause, resume and update act, are told again by the same key, and explain says that the queue is paused', async () => {
    const run = toolsOf(await engineFor());
    expect(await run('control', { id: 'queue:mail', action: 'pause' })).toMatchObject({ id: 'queue:mail', queue: 'mail', status: 'paused', paused: true });
    const { job_id } = await run('enqueue_job', { ...echo(1), queue: 'mail' });
    expect(await run('get', { id: job_id, view: 'explain' })).toMatchObject({ reasons: [{ code: 'queue_paused' }] });
    expect(await run('control', { id: 'queue:mail', action: 'resume', idempotency_key: 'r' })).toMatchObject({ status: 'active' });
    expect(await run('wait', { ids: [job_id] })).toMatchObject({ met: true });
    const limits = { concurrency: 2, rate_limit: { limit: 100, period: '1m' } };
    expect(await run('control', { id: 'queue:mail', action: 'update', ...limits })).toMatchObject({ ...limits, limits_from: 'control' });
    expect(await run('control', { id: 'queue:mail', action: 'update', rate_limit: null })).not.toHaveProperty('rate_limit');
    expect(await run('get', { id: 'queue:mail' })).toMatchObject({
      queue: 'mail',
      status: 'active',
      concurrency: 2,
      completed: 1,
      last_minute: { completed: 1 },
      tasks: [{ task: 'echo', completed: 1, failure_rate: 0, p50_run_ms: expect.any(Number), p95_wait_ms: expect.any(Number) }],
    });
    expect(await run('list', { kind: 'queues' })).toMatchObject({ items: [{ queue: 'mail', concurrency: 2 }] });
    expect(await run('get_system_status', {})).toMatchObject({ queues: [{ queue: 'mail', concurrency: 2 }] });
  });

  it.each([
    [{ id: 'queue:', action: 'pause' }, 'id'],
    [{ id: 'queue:a b', action: 'pause' }, 'id'],
    [{ id: 'queue:mail', action: 'update' }, 'concurrency'],
    [{ id: 'queue:mail', action: 'update', context: {} }, 'context'],
    [{ id: 'queue:mail', action: 'cancel' }, 'action'],
    [{ id: 'queue:mail', action: 'pause', concurrency: 3 }, 'concurrency'],
    [{ id: 'queue:mail', action: 'update', concurrency: 0 }, 'concurrency'],
    [{ id: 'queue:mail', action: 'update', rate_limit: { limit: 1 } }, 'rate_limit.period'],
    [{ id: 'queue:mail', action: 'pause', dry_run: true }, 'dry_run'],
  ])('refuses %j', async (args, path) => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('control', args))).toMatchObject({ code: 'invalid_input', path });
  });

  it('knows no queue that never had a job or a setting', async () => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('get', { id: 'queue:none' }))).toMatchObject({ code: 'not_found' });
  });
});

describe('limits that jobs bring', () => {
  it('a concurrency key holds the second one back, and explain names who holds it', async () => {
    const held = heldTask();
    const run = toolsOf(await engineFor({}, { tasks: [held] }));
    const job = { task: held.type, payload: {}, concurrency: { key: 'repo' } };
    const [a, b] = [await run('enqueue_job', job), await run('enqueue_job', job)];
    await held.reached(1);
    const { reasons } = (await run('get', { id: b.job_id, view: 'explain' })) as { reasons: Reply[] };
    expect(reasons).toMatchObject([{ code: 'limit', blocked_by: [a.job_id] }]);
    expect(await run('get', { id: b.job_id })).toMatchObject({ concurrency: { key: 'repo', limit: 1 } });
    held.release();
    await held.reached(1);
    held.release();
    expect(await run('wait', { ids: [a.job_id, b.job_id] })).toMatchObject({ met: true });
  });

  it('a rate limit lets the first start and the second wait', async () => {
    const run = toolsOf(await engineFor());
    const job = { ...echo(1), rate_limit: { key: 'api', limit: 1, period: '1h' } };
    const batch = await run('enqueue_job', { jobs: [job, job], wait_ms: 200 });
    expect(batch).toMatchObject({ counts: { completed: 1, pending: 1 } });
    const { items } = (await run('list', { kind: 'jobs', filter: { status: 'pending' } })) as { items: Reply[] };
    expect(await run('get', { id: items[0]?.job_id, view: 'explain' })).toMatchObject({ reasons: [{ code: 'rate_limit' }] });
    expect(await run('get', { id: items[0]?.job_id })).toMatchObject({ rate_limit: { key: 'api', limit: 1, period: '1h' } });
  });
});

describe('dedupe', () => {
  it('gives the job that has the key, or names it', async () => {
    const run = toolsOf(await engineFor());
    const job = { ...echo(1), delay: '1h' };
    const first = await run('enqueue_job', { ...job, dedupe: { key: 'k', mode: 'return_existing' } });
    expect(first).not.toHaveProperty('deduplicated');
    expect(await run('enqueue_job', { ...job, dedupe: { key: 'k', mode: 'return_existing' } })).toMatchObject({ job_id: first.job_id, deduplicated: true });
    expect(await refusal(run('enqueue_job', { ...job, dedupe: { key: 'k', mode: 'reject' } }))).toMatchObject({
      code: 'conflict',
      path: 'dedupe',
      details: { job_id: first.job_id, status: 'pending' },
    });
    expect(await refusal(run('enqueue_job', { jobs: [job, { ...job, dedupe: { key: 'k', mode: 'reject' } }] }))).toMatchObject({ path: 'jobs[1].dedupe' });
    expect(await run('enqueue_job', { ...job, ...echo(2), dedupe: { key: 'k', mode: 'debounce', max_wait: '2h' } })).toMatchObject({ job_id: first.job_id });
    expect(await run('get', { id: first.job_id })).toMatchObject({ payload: { value: 2 } });
  });

  it.each([
    [{ dedupe: { key: 'k', mode: 'replace', window: '1m' } }, 'dedupe.window'],
    [{ dedupe: { key: 'k', mode: 'reject', max_wait: '1m' } }, 'dedupe.max_wait'],
    [{ dedupe: { key: 'k', mode: 'debounce' } }, 'delay'],
    [{ dedupe: { key: 'k', mode: 'debounce', max_wait: '1s' }, delay: '1m' }, 'dedupe.max_wait'],
    [{ dedupe: { key: 'k', mode: 'replace' }, depends_on: [] }, 'depends_on'],
    [{ expires_at: '2100-01-01T00:00:00Z', expires_in: '1m' }, 'expires_in'],
    [{ expires_in: 0 }, 'expires_in'],
  ])('refuses %j', async (more, path) => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('enqueue_job', { ...echo(1), ...more }))).toMatchObject({ code: 'invalid_input', path });
  });

  it('expires_in counts from the start that was asked for', async () => {
    const run = toolsOf(await engineFor());
    const { job_id } = await run('enqueue_job', { ...echo(1), run_at: '2100-01-01T00:00:00Z', expires_in: '1h' });
    expect(await run('get', { id: job_id })).toMatchObject({ expires_at: '2100-01-01T01:00:00.000Z' });
  });
});

describe('large batches', () => {
  it('takes 10,000 jobs in one call, tells little, and is waited for, listed and cancelled by its batch_id', async () => {
    const run = toolsOf(await engineFor());
    const jobs = Array.from({ length: 10_000 }, (_, i) => ({ ref: `r${i}`, ...echo(i), delay: '1h', depends_on: i === 0 ? ['r9999'] : [] }));
    const reply = await run('enqueue_job', { jobs });
    expect(reply).toMatchObject({ status: 'pending', count: 10_000, counts: { pending: 10_000 }, truncated: true });
    expect(JSON.stringify(reply).length).toBeLessThan(4_000);
    const { batch_id } = reply;
    await run('enqueue_job', echo('other'));
    expect(await run('wait', { ids: [batch_id], timeout_ms: 0 })).toMatchObject({ met: false, items: [{ batch_id, count: 10_000, done: 0 }] });
    const page = await run('list', { kind: 'jobs', filter: { batch: batch_id }, limit: 2 });
    expect(page).toMatchObject({ items: [{ job_id: (reply.job_ids as string[])[0] }, {}], truncated: true });
    const filter = { kind: 'jobs', batch: batch_id };
    expect(await run('control', { filter, action: 'cancel' })).toMatchObject({ count: 1_000, more: true });
  });

  it('ends the wait with the last of its jobs, and says how they ended', async () => {
    const run = toolsOf(await engineFor());
    const jobs = Array.from({ length: 300 }, (_, i) => (i === 7 ? { task: 'code.run', payload: { code: 'throw new Error("no")' }, retry: 1 } : echo(i)));
    const reply = await run('enqueue_job', { jobs, wait_ms: 20_000 });
    expect(reply).toMatchObject({ status: 'failed', counts: { completed: 299, failed: 1 } });
    expect(await run('wait', { ids: [reply.batch_id] })).toMatchObject({ met: true, items: [{ status: 'failed', done: 300 }] });
  });

  it('prints the true circle, and the place of a wrong job', async () => {
    const run = toolsOf(await engineFor());
    const jobs = [
      { ref: 'a', ...echo(1), depends_on: ['c'] },
      { ref: 'b', ...echo(1), depends_on: ['a'] },
      { ref: 'c', ...echo(1), depends_on: ['b'] },
      { ref: 'd', ...echo(1), depends_on: ['c'] },
    ];
    expect((await refusal(run('enqueue_job', { jobs }))).message).toContain('a -> c -> b -> a');
    expect(await refusal(run('enqueue_job', { jobs: [echo(1), { task: 'http.request', payload: {} }] }))).toMatchObject({
      path: expect.stringMatching(/^jobs\[1\]\.payload/),
    });
  });
});

describe('dead letters', () => {
  it('are listed, counted and redriven by filter', async () => {
    const run = toolsOf(await engineFor());
    const wrong = { task: 'code.run', payload: { code: 'throw new Error("no")' }, retry: 1, queue: 'q' };
    const { batch_id } = await run('enqueue_job', { jobs: [wrong, wrong, wrong], wait_ms: 20_000 });
    await run('enqueue_job', { ...wrong, queue: 'other', wait_ms: 20_000 });
    const { items } = (await run('list', { kind: 'jobs', filter: { dead: true, queue: 'q' } })) as { items: Reply[] };
    expect(items).toHaveLength(3);
    const error_code = items[0]?.error_code as string;
    expect(await run('list', { kind: 'jobs', filter: { error_code } })).toMatchObject({ count: 4 });
    const filter = { kind: 'jobs', queue: 'q', error_code };
    expect(await run('control', { filter, action: 'redrive', dry_run: true })).toMatchObject({ count: 3, more: false, status: 'dry_run' });
    await run('control', { id: 'queue:q', action: 'pause' });
    expect(await run('control', { filter, action: 'redrive' })).toMatchObject({ count: 3, more: false, status: 'pending' });
    expect(await run('control', { filter, action: 'redrive' })).toMatchObject({ count: 0 });
    expect(await run('wait', { ids: [batch_id], timeout_ms: 0 })).toMatchObject({ items: [{ status: 'pending', counts: { pending: 3 } }] });
    expect(await refusal(run('control', { filter: { kind: 'jobs', status: 'pending' }, action: 'redrive' }))).toMatchObject({ path: 'filter.status' });
    expect(await refusal(run('control', { filter: { kind: 'executions', workflow: 'w' }, action: 'redrive' }))).toMatchObject({ path: 'filter.kind' });
  });
});

describe('limits from the configuration', () => {
  it('are set at the start, and told as from there', async () => {
    const engine = await engineFor({ queues: { mail: { concurrency: 3, rateLimit: { limit: 5, period: '1m' } } } });
    const run = toolsOf(engine);
    expect(await run('get', { id: 'queue:mail' })).toMatchObject({ concurrency: 3, rate_limit: { limit: 5, period: '1m' }, limits_from: 'config' });
  });
});
