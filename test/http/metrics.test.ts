// /metrics as a scraper meets it: text that a strict reader takes, numbers that match what was done, and nobody sees another tenant's.
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { LABEL_LIMITS, PROCESS_METRICS, STORE_METRICS } from '../../src/observe/metric-table.ts';
import { connectHttp, httpPlace } from '../support/http-server.ts';
import { parseMetrics, type Scrape } from '../support/scrape.ts';

async function scrape(url: string, token?: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(await response.text());
}

describe('GET /metrics', () => {
  it('tells what was done: jobs, attempts with their times, requests, tool calls, the process itself', async () => {
    const { url } = await httpPlace({ toolsets: ['workers'] });
    const { call } = await connectHttp(url, '2026');
    await call('enqueue_job', { jobs: [1, 2, 3].map((value) => ({ task: 'echo', payload: { value } })), wait_ms: 10_000 });
    await call('enqueue_job', { task: 'echo', queue: 'later', delay: '1h', payload: { value: 4 } });
    await call('get', { id: 'job_00000000000000000000000000' }).catch(() => undefined);
    await fetch(`${url}/nowhere/at-all`);
    const { value, families } = await scrape(url);
    const job = { namespace: 'test', queue: 'default', task: 'echo' };
    expect(value('logistics_store_jobs', { ...job, status: 'completed' })).toBe(3);
    expect(value('logistics_store_jobs', { ...job, queue: 'later', status: 'pending' })).toBe(1);
    expect(value('logistics_store_attempts_total', { ...job, outcome: 'completed' })).toBe(3);
    expect(value('logistics_store_run_seconds_count', job)).toBe(3);
    expect(value('logistics_store_run_seconds_bucket', { ...job, le: '+Inf' })).toBe(3);
    expect(value('logistics_store_oldest_ready_age_seconds', { namespace: 'test', queue: 'later' })).toBe(0);
    expect(value('logistics_mcp_calls_total', { tool: 'enqueue_job', outcome: 'ok' })).toBe(2);
    expect(value('logistics_mcp_calls_total', { tool: 'get', outcome: 'not_found' })).toBe(1);
    expect(value('logistics_http_request_seconds_count', { method: 'GET', route: 'other', status: '404' })).toBe(1);
    expect(value('logistics_writable', {})).toBe(1);
    expect(value('logistics_commit_operations_count', {})).toBeGreaterThan(0);
    expect(value('logistics_commit_operations_sum', {})).toBeGreaterThanOrEqual(value('logistics_commit_operations_count', {}) as number);
    expect(families.get('logistics_build_info')?.samples[0]?.value).toBe(1);
    for (const name of ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
      expect(families.has(name), name).toBe(true);
    // All that is listed is exposed, and nothing of ours that is not.
    const listed = Object.values({ ...STORE_METRICS, ...PROCESS_METRICS }).map(({ name }) => name);
    expect([...families.keys()].filter((name) => name.startsWith('logistics_')).sort()).toEqual([...listed].sort());
    for (const { name, labels } of Object.values({ ...STORE_METRICS, ...PROCESS_METRICS }))
      for (const sample of families.get(name)?.samples ?? [])
        expect(Object.keys(sample.labels).filter((label) => label !== 'le' && !(labels as readonly string[]).includes(label))).toEqual([]);
  });

  it('counts what schedules did', async () => {
    const { url } = await httpPlace();
    const { call } = await connectHttp(url, '2026');
    const { schedule_id } = await call('schedule_cron', { name: 'nightly', expression: '0 3 * * *', target: { task: 'echo', input: { value: 1 } } });
    await call('control', { id: schedule_id, action: 'trigger' });
    const { value } = await scrape(url);
    expect(value('logistics_store_planned_times_total', { namespace: 'test', outcome: 'fired' })).toBe(1);
    expect(value('logistics_store_schedules', { namespace: 'test', status: 'active' })).toBe(1);
  });

  it('asks for a token with the scope read; a tenant sees its own namespace in the store, an admin everything', async () => {
    const { url, token, secrets } = await httpPlace({}, { tokens: { root: ['admin'] } });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const refused = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token('w', ['worker'])}` } });
    expect(refused.status).toBe(403);
    const mine = token('me', ['read', 'write']);
    const theirs = await connectHttp(url, '2026', { token: token('they', ['read', 'write'], 'acme') });
    await theirs.call('enqueue_job', { task: 'echo', queue: 'hush', payload: { value: 1 }, wait_ms: 10_000 });
    const seen = await scrape(url, mine);
    expect(seen.text).not.toMatch(/acme|hush/);
    expect([...seen.families.keys()].filter((name) => !name.startsWith('logistics_store_') || name === 'logistics_store_file_bytes')).toEqual([]);
    const all = await scrape(url, secrets.root);
    expect(all.value('logistics_store_attempts_total', { namespace: 'acme', queue: 'hush', task: 'echo', outcome: 'completed' })).toBe(1);
    expect(all.value('logistics_mcp_calls_total', { tool: 'enqueue_job', outcome: 'ok' })).toBe(1);
    // Jobs of a tenant run in an engine of its own; its commits are counted with those of the process.
    expect(all.value('logistics_commit_operations_sum', {})).toBeGreaterThan(3);
  });

  it('names a bounded number of queues, and sums up the rest', async () => {
    const { url, server } = await httpPlace();
    const count = LABEL_LIMITS.queues + 20;
    await server.engine.enqueue(Array.from({ length: count }, (_, i) => ({ task: 'echo', queue: `q${i}`, delay: '1h', payload: { value: i } })));
    const { families, value } = await scrape(url);
    const queues = new Set(families.get('logistics_store_jobs')?.samples.map(({ labels }) => labels.queue));
    expect(queues.size).toBe(LABEL_LIMITS.queues + 1);
    expect(value('logistics_store_jobs', { namespace: 'test', queue: 'other', task: 'echo', status: 'pending' })).toBe(20);
  });

  it('counts open streams, and a method that nobody knows as other', async () => {
    const { url } = await httpPlace();
    const { hostname, port } = new URL(url);
    await new Promise<void>((resolve, reject) => {
      request({ host: hostname, port, path: '/metrics', method: 'PURGE' }, (response) => response.resume().once('end', resolve))
        .once('error', reject)
        .end();
    });
    await connectHttp(url, '2024 sse');
    const { value } = await scrape(url);
    expect(value('logistics_http_streams_open', {})).toBe(1);
    expect(value('logistics_mcp_sessions', {})).toBe(1);
    expect(value('logistics_http_request_seconds_count', { method: 'other', route: '/metrics', status: '405' })).toBe(1);
  });
});
