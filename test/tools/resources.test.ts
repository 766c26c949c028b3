// Pools and allocations as an agent meets them: defined, held, waited for, explained, changed, deleted; and pools of the configuration.
import { describe, expect, it } from 'vitest';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { engineFor, heldTask } from '../support/test-engine.ts';
import { refusal, toolsOf } from '../support/tool-run.ts';

/** Resolves after the commit that makes the condition true: who is put back into the line leaves no event. */
function committed(engine: OrchestrationEngine, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!condition()) return;
      off();
      resolve();
    };
    const off = engine.backend.onCommit(look);
    look();
  });
}

describe('define_pool, allocate_resources, release_resources', () => {
  it('hold parts of a pool, all or nothing, and hand them on', async () => {
    const run = toolsOf(await engineFor());
    expect(await run('define_pool', { name: 'host', capacity: { cores: 8, memory: '16GiB' }, limits: { max: { cores: 6 } } })).toMatchObject({
      id: 'pool:host',
      created: true,
      capacity: { cores: 8, memory: 16 },
      unit: { cores: 'cores', memory: 'GiB' },
      max: { cores: 6 },
    });
    const held = await run('allocate_resources', { resources: { host: { cores: 6, memory: '12GiB' } }, lease: '30m' });
    expect(held).toMatchObject({ status: 'held', resources: { host: { cores: 6, memory: 12 } }, lease: '30m', replayed: false });
    const waiting = await run('allocate_resources', { resources: { host: { cores: 1, memory: '8GiB' } } });
    expect(waiting).toMatchObject({ status: 'waiting', position: 0 });
    expect(await run('get', { id: 'pool:host' })).toMatchObject({
      used: { cores: 6, memory: 12 },
      free: { cores: 2, memory: 4 },
      waiting: 1,
      held_by: [
        { id: held.allocation_id, key: 'cores', amount: 6 },
        { id: held.allocation_id, key: 'memory', amount: 12 },
      ],
      waiting_for_it: [
        { id: waiting.allocation_id, key: 'cores', amount: 1 },
        { id: waiting.allocation_id, key: 'memory', amount: 8 },
      ],
    });
    const granted = run('wait', { ids: [waiting.allocation_id], timeout_ms: 20_000 });
    expect(await run('release_resources', { allocation_id: held.allocation_id })).toMatchObject({ status: 'released' });
    expect(await granted).toMatchObject({ met: true, items: [{ allocation_id: waiting.allocation_id, status: 'held' }] });
    expect(await run('get', { id: waiting.allocation_id })).toMatchObject({ status: 'held', resources: { host: { cores: 1, memory: 8 } } });
    expect(await run('list', { kind: 'resources' })).toMatchObject({ count: 1, items: [{ pool: 'host', used: { cores: 1, memory: 8 }, waiting: 0 }] });
    expect(await run('release_resources', { allocation_id: held.allocation_id })).toMatchObject({ status: 'released', replayed: true });
    expect((await refusal(run('release_resources', { allocation_id: 'alloc_x' }))).code).toBe('not_found');
  });

  it('repeat a call by its key, renew a lease, and belong to a session', async () => {
    let now = 1_800_000_000_000;
    const engine = await engineFor({}, { now: () => now });
    const run = toolsOf(engine);
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 1, idempotency_key: 'p' });
    expect(await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 1, idempotency_key: 'p' })).toMatchObject({ replayed: true, created: false });
    const { session_id } = await run('create_session', { name: 's' });
    const args = { resources: { gpu: 1 }, session_id, lease: '10s', idempotency_key: 'a' };
    const { allocation_id } = await run('allocate_resources', args);
    expect(await run('allocate_resources', args)).toMatchObject({ allocation_id, replayed: true });
    expect(await refusal(run('allocate_resources', { ...args, resources: { gpu: '1count' } }))).toMatchObject({ code: 'conflict' });
    now += 9_000;
    expect(await run('allocate_resources', { renew: allocation_id })).toMatchObject({ status: 'held', lease: '10s' });
    now += 9_000;
    await engine.tick();
    expect(await run('get', { id: allocation_id })).toMatchObject({ status: 'held', session_id });
    now += 1_000;
    await engine.tick();
    expect(await run('get', { id: allocation_id })).toMatchObject({ status: 'expired', reason: expect.stringContaining('lease') });
    expect((await refusal(run('allocate_resources', { renew: allocation_id }))).code).toBe('lease_lost');
    const second = await run('allocate_resources', { resources: { gpu: 1 }, session_id });
    await run('close_session', { session_id });
    expect(await run('get', { id: second.allocation_id })).toMatchObject({ status: 'released' });
    expect(await run('list', { kind: 'resources' })).toMatchObject({ items: [{ used: 0 }] });
  });

  it.each([
    [{ name: 'p', capacity: -1 }, 'capacity'],
    [{ name: 'p', capacity: 0 }, 'capacity'],
    [{ name: 'p', capacity: '4Gib' }, 'capacity'],
    [{ name: 'p' }, 'capacity'],
    [{ name: 'p', detect: true, capacity: 4 }, 'capacity'],
    [{ name: 'p', capacity: 4, preemption: true }, 'preemption'],
    [{ name: 'a b', capacity: 4 }, 'name'],
  ])('%j is refused', async (args, path) => {
    const run = toolsOf(await engineFor());
    expect(await refusal(run('define_pool', args))).toMatchObject({ code: 'invalid_input', path });
    expect(await run('list', { kind: 'resources' })).toMatchObject({ count: 0, next: [expect.stringContaining('define_pool')] });
  });

  it('refuse amounts and pools that are none, and fields that do not act', async () => {
    const run = toolsOf(await engineFor());
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 2 });
    for (const amount of [-1, 0, 0.5, 3, '1GiB', '1count or so'])
      expect(await refusal(run('allocate_resources', { resources: { gpu: amount } }))).toMatchObject({
        code: 'invalid_input',
        path: expect.stringContaining('resources'),
      });
    expect(await refusal(run('allocate_resources', { resources: { gpus: 1 } }))).toMatchObject({ code: 'not_found', nearMatches: ['gpu'] });
    expect(await refusal(run('allocate_resources', {}))).toMatchObject({ path: 'resources' });
    expect(await refusal(run('allocate_resources', { renew: 'alloc_1', resources: { gpu: 1 } }))).toMatchObject({ path: 'resources' });
    expect(await refusal(run('get', { id: 'pool:gpus' }))).toMatchObject({ code: 'not_found', nearMatches: ['gpu'] });
  });
});

describe('control of a pool', () => {
  it('changes what there is, keeps the rest, and deletes only what nobody uses', async () => {
    const run = toolsOf(await engineFor());
    await run('define_pool', { name: 'api', type: 'api_quota', capacity: 60, refill: '1m', limits: { burst: 10, max: 5 }, description: 'Ours.' });
    expect(await run('control', { id: 'pool:api', action: 'update', change: { capacity: 120 } })).toMatchObject({
      status: 'updated',
      capacity: 120,
      burst: 10,
      max: 5,
      refill: '1m',
      description: 'Ours.',
    });
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 1 });
    const { allocation_id } = await run('allocate_resources', { resources: { gpu: 1 } });
    expect(await refusal(run('control', { id: 'pool:gpu', action: 'delete' }))).toMatchObject({
      code: 'conflict',
      nextActions: [expect.stringContaining('pool:gpu')],
    });
    expect(await refusal(run('control', { id: 'pool:gpu', action: 'update', change: { capacity: '1GiB', unit: 'GiB' } }))).toMatchObject({
      code: 'conflict',
      path: 'unit',
    });
    expect((await refusal(run('control', { id: 'pool:gpu', action: 'pause' }))).code).toBe('invalid_input');
    await run('release_resources', { allocation_id });
    expect(await run('control', { id: 'pool:gpu', action: 'delete' })).toMatchObject({ status: 'deleted' });
    expect((await refusal(run('control', { id: 'pool:gpu', action: 'delete' }))).code).toBe('not_found');
  });
});

describe('work that holds resources', () => {
  it('runs within the pool, and explain says which pool is full and who holds it', async () => {
    const held = heldTask();
    const engine = await engineFor({}, { tasks: [held] });
    const run = toolsOf(engine);
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 1 });
    const first = await run('enqueue_job', { task: 'held', resources: { gpu: 1 } });
    await held.reached(1);
    const second = await run('enqueue_job', { task: 'held', resources: { gpu: 1 } });
    await committed(engine, () => engine.resources.status()[0]?.waiting === 1);
    expect(await run('get', { id: second.job_id, view: 'explain' })).toMatchObject({
      reasons: [{ code: 'resources', message: expect.stringMatching(/1 count of gpu \(0 of 1 free\)/), blocked_by: [first.job_id] }],
    });
    expect(await run('get_system_status', { response_format: 'detailed' })).toMatchObject({
      resources: [{ pool: 'gpu', used: 1, waiting: 1 }],
      resource_manager: { total_pools: 1, waiting: 1 },
    });
    held.release();
    await held.reached(1);
    held.release();
    expect(await run('wait', { ids: [second.job_id], timeout_ms: 20_000 })).toMatchObject({ met: true });
    expect(await run('get', { id: 'pool:gpu' })).toMatchObject({ used: 0, status: 'open' });
  });

  it('a workflow whose pools cannot give what it asks for warns in the preview and does not start', async () => {
    const run = toolsOf(await engineFor());
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 1 });
    const definition = { name: 'w', steps: [{ id: 'a', task: 'echo', with: { value: 1 }, resources: { gpus: 1 } }] };
    expect(await run('create_workflow', { definition })).toMatchObject({ valid: true, warnings: [{ path: 'steps[0].resources.gpus', near_matches: ['gpu'] }] });
    expect(await refusal(run('execute_workflow', { definition }))).toMatchObject({ code: 'not_found', path: 'steps[0].resources.gpus', nearMatches: ['gpu'] });
    const right = { name: 'w', steps: [{ id: 'a', task: 'echo', with: { value: 1 }, resources: { gpu: 1 } }], output: '${{ steps.a.output }}' };
    expect(await run('execute_workflow', { definition: right, wait_ms: 20_000 })).toMatchObject({ status: 'completed', output: 1 });
  });
});

describe('pools of the configuration', () => {
  it('are there from the start, this machine among them, and only what differs is written', async () => {
    const engine = await engineFor({
      pools: { gpu: { type: 'gpu', capacity: 2 }, llm: { type: 'api_quota', capacity: { requests: 60, tokens: 90_000 }, refill: '1m' }, host: 'detect' },
    });
    const run = toolsOf(engine);
    const { items } = (await run('list', { kind: 'resources' })) as unknown as { items: Record<string, unknown>[] };
    expect(items.map((pool) => [pool.pool, pool.set_by])).toEqual([
      ['gpu', 'config'],
      ['host', 'config'],
      ['llm', 'config'],
    ]);
    expect(items[1]?.capacity).toMatchObject({ cores: expect.any(Number), memory: expect.any(Number) });
    expect(items[2]).toMatchObject({ unit: { requests: 'requests', tokens: 'tokens' }, refill: '1m', free: { requests: 60, tokens: 90_000 } });
  });
});

describe('advice on the size of a pool', () => {
  it('comes from what was held, what waits and what schedules will start', async () => {
    let now = Date.parse('2027-01-01T00:00:00Z');
    const engine = await engineFor({}, { now: () => now, role: 'client' });
    const run = toolsOf(engine);
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 1 });
    for (let i = 0; i < 10; i++) {
      const { allocation_id } = await run('allocate_resources', { resources: { gpu: 1 } });
      now += 60_000;
      await run('release_resources', { allocation_id });
    }
    const definition = { name: 'w', steps: [{ id: 'a', task: 'echo', with: { value: 1 }, resources: { gpu: 1 } }] };
    await run('create_workflow', { mode: 'apply', definition });
    await run('schedule_cron', { expression: '0 * * * *', target: { workflow: 'w' } });
    await run('enqueue_job', { task: 'echo', payload: { value: 1 }, resources: { gpu: 1 } });
    const [advice] = engine.resources.capacityPlan({ pool: 'gpu', waitTargetMs: 0 });
    expect(advice).toMatchObject({
      capacity: 1,
      observed: { requests: 10, meanHoldMs: 60_000, utilisation: 1, withinTarget: 1 },
      forecast: { scheduled: { requests: 24 } },
      byReplay: { capacity: 1, withinTarget: 1 },
    });
    expect(await run('get', { id: 'pool:gpu', view: 'explain' })).toMatchObject({
      plans: [
        {
          capacity: 1,
          unit: 'count',
          observed: { requests: 10, utilisation: 1 },
          forecast: { scheduled_requests: 24 },
          by_replay: { capacity: 1 },
          last_day: { grants: 10 },
        },
      ],
      assumptions: expect.arrayContaining([expect.stringContaining('order of arrival')]),
    });
    expect((await refusal(async () => engine.resources.capacityPlan({ pool: 'gpu', share: 2 }))).path).toBe('share');
    expect((await refusal(async () => engine.resources.capacityPlan({ pool: 'gpu', key: 'x' }))).path).toBe('key');
  });
});
