// The tool plan_workflow, called as an agent calls it: from what is given, from history, and with something changed.
import { describe, expect, it } from 'vitest';
import { defineTask } from '../../src/task/define-task.ts';
import { AGENT, engineFor } from '../support/test-engine.ts';
import { refusal, toolsOf } from '../support/tool-run.ts';

const RELEASE = {
  name: 'release',
  steps: [
    { id: 'build', task: 'echo', with: { value: 1 } },
    { id: 'test', task: 'echo', with: { value: 1 }, needs: ['build'] },
    { id: 'docs', task: 'echo', with: { value: 1 }, needs: ['build'] },
    { id: 'settle', task: 'sleep', with: { duration: '30s' }, needs: ['test'] },
    { id: 'ship', task: 'echo', with: { value: 1 }, needs: ['settle', 'docs'] },
  ],
};
const DURATIONS = { build: '1m', test: '2m', docs: '30s', ship: '10s' };

describe('plan_workflow', () => {
  it('tells makespan, bound, critical path, slack and a picture; nothing is stored or run', async () => {
    const engine = await engineFor();
    const plan = await toolsOf(engine)('plan_workflow', { definition: RELEASE, durations: DURATIONS, slots: 2 });
    expect(plan).toMatchObject({
      workflow: 'release',
      objective: 'makespan',
      slots: 2,
      makespan_ms: 220_000,
      makespan: '3m40s',
      interval: { p10_ms: 220_000, p90_ms: 220_000 },
      lower_bound_ms: 220_000,
      bottleneck: { kind: 'critical_path', share_of_makespan: 1 },
      critical_path: ['build', 'test', 'settle', 'ship'],
      top_slack: [{ step: 'docs', slack_ms: 120_000 }],
      durations: { given: 4 },
      seed: 1,
    });
    expect((plan.gantt as string[])[0]).toContain('build');
    expect(plan.assumptions).toBeUndefined();
    expect(engine.workflows.names()).toEqual([]);
    expect(engine.backend.status().executions.completed).toBe(0);
  });

  it('takes durations from history, and says what it assumes where there is none', async () => {
    let now = 1_000_000;
    const slow = defineTask({
      type: 'slow',
      run: async () => {
        now += 4_000;
        return null;
      },
    });
    const engine = await engineFor({}, { tasks: [slow], now: () => now });
    const run = toolsOf(engine);
    const definition = {
      name: 'two',
      steps: [
        { id: 'a', task: 'slow' },
        { id: 'b', task: 'log', with: { message: 'x' }, needs: ['a'] },
      ],
    };
    for (let i = 0; i < 6; i++) await engine.executeWorkflow({ definition: { name: 'one', steps: [{ id: 'a', task: 'slow' }] } }, AGENT);
    const plan = await run('plan_workflow', { definition, response_format: 'detailed' });
    expect(plan).toMatchObject({
      durations: { 'task (confidence medium)': 1, assumed: 1 },
      assumptions: [expect.stringContaining('1s is assumed, give durations: b.')],
    });
    const [a] = plan.steps as { expected_ms: number; source: string; samples: number }[];
    expect(a).toMatchObject({ source: 'task', samples: 6 });
    expect(a?.expected_ms).toBeGreaterThan(3_500);
    expect(a?.expected_ms).toBeLessThan(4_500);
  });

  it('reads items and sleeps out of the input, and keeps to maxParallel and the window', async () => {
    const run = toolsOf(await engineFor());
    const definition = {
      name: 'each',
      maxParallel: 4,
      steps: [
        { id: 'all', task: 'echo', with: { value: '${{ item }}' }, forEach: '${{ input.files }}', maxParallel: 2 },
        { id: 'rest', task: 'sleep', with: { duration: '${{ input.pause }}' }, needs: ['all'] },
      ],
    };
    const durations = { all: '10s' };
    const input = { files: ['a', 'b', 'c', 'd'], pause: '5s' };
    expect(await run('plan_workflow', { definition, durations, input, slots: 8 })).toMatchObject({ makespan_ms: 25_000, slots: 4 });
    expect(await run('plan_workflow', { definition, durations, slots: 8 })).toMatchObject({
      makespan_ms: 10_000,
      assumptions: [expect.stringContaining('rest'), expect.stringContaining('all')],
    });
    expect(await run('plan_workflow', { definition, durations, items: { all: 8 }, workers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] })).toMatchObject({
      makespan_ms: 40_000,
    });
  });

  it('compares with other slots, durations and failures', async () => {
    const run = toolsOf(await engineFor());
    const definition = { name: 'wide', steps: ['a', 'b', 'c', 'd'].map((id) => ({ id, task: 'echo', with: { value: 1 } })) };
    const plan = await run('plan_workflow', {
      definition,
      durations: { echo: '10s' },
      slots: 1,
      what_if: { slots: 4, durations: { a: '20s' }, failure_rates: { b: 1 } },
    });
    expect(plan).toMatchObject({
      makespan_ms: 40_000,
      bottleneck: { kind: 'slots' },
      what_if: { slots: 4, makespan_ms: 20_000, saves_ms: 20_000, ratio: 0.5, failed_share: 1 },
    });
    const retried = await run('plan_workflow', { definition, durations: { echo: '10s' }, slots: 4, what_if: { failure_rates: { echo: 0.3 } }, seed: 9 });
    const { interval } = retried.what_if as { interval: { p10_ms: number; p90_ms: number } };
    expect(interval.p90_ms).toBeGreaterThan(interval.p10_ms + 9_000);
    expect(await run('plan_workflow', { definition, durations: { echo: '10s' }, slots: 4, what_if: { failure_rates: { echo: 0.3 } }, seed: 9 })).toEqual(
      retried,
    );
  });

  it('plans on workers of differing speed, on pools, for cost, throughput and deadline', async () => {
    const run = toolsOf(await engineFor());
    const definition = { name: 'wide', steps: ['a', 'b', 'c', 'd'].map((id) => ({ id, task: 'echo', with: { value: 1 } })) };
    const durations = { echo: '12s' };
    const workers = [
      { name: 'fast', speed: 3, price: 9 },
      { name: 'slow', price: 1 },
    ];
    expect(await run('plan_workflow', { definition, durations, workers })).toMatchObject({ makespan_ms: 12_000, workers: ['fast', 'slow'] });
    expect(await run('plan_workflow', { definition, durations, workers, objective: 'cost' })).toMatchObject({ makespan_ms: 48_000, cost: 0.01 });
    const pools = { gpu: { capacity: 1, steps: { a: 1, b: 1, c: 0.5, d: 0.5 } } };
    expect(await run('plan_workflow', { definition, durations, slots: 4, pools })).toMatchObject({
      makespan_ms: 36_000,
      bottleneck: { kind: 'pool', name: 'gpu' },
    });
    expect(await run('plan_workflow', { definition, durations, slots: 2, objective: 'throughput' })).toMatchObject({
      throughput: { runs_per_hour: 150, at_most_per_hour: 150 },
    });
    expect(await run('plan_workflow', { definition, durations, slots: 2, deadline: '20s' })).toMatchObject({ in_time: false, in_time_share: 0 });
    expect(await run('plan_workflow', { definition, durations, slots: 2, objective: 'mean_latency', format: 'json' })).toMatchObject({
      mean_latency_ms: 18_000,
      gantt: expect.arrayContaining([{ step: 'a', on: 'slot 1', start_ms: 0, end_ms: 12_000, critical: true }]),
    });
    expect((await run('plan_workflow', { definition, durations, slots: 2, format: 'mermaid' })).gantt).toMatch(/^gantt\n {2}title wide/);
  });

  it('finds the least makespan of a small plan where it is asked for', async () => {
    const run = toolsOf(await engineFor());
    const definition = { name: 'five', steps: ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, task: 'echo', with: { value: 1 } })) };
    const durations = { a: '3s', b: '3s', c: '2s', d: '2s', e: '2s' };
    expect(await run('plan_workflow', { definition, durations, slots: 2, exact: true })).toMatchObject({
      makespan_ms: 7_000,
      exact: { makespan_ms: 6_000, proven: true, plan_is_longer_by: 0.167 },
    });
    expect(await refusal(run('plan_workflow', { definition, durations, slots: 2, exact: true, objective: 'mean_latency' }))).toMatchObject({ path: 'exact' });
  });

  it('takes pools from the store and what steps hold from the definition; sizes that are given win', async () => {
    const run = toolsOf(await engineFor());
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 2 });
    await run('define_pool', { name: 'ram', type: 'memory', capacity: { main: '8GiB' } });
    await run('define_pool', { name: 'calls', type: 'api_quota', capacity: 10, refill: '1m' });
    const step = (id: string, resources: object): object => ({ id, task: 'echo', with: { value: 1 }, resources });
    const definition = { name: 'fit', steps: ['a', 'b', 'c', 'd'].map((id) => step(id, { gpu: 2, ram: { main: '2GiB' }, calls: 1 })) };
    const asked = { definition, durations: { echo: '10s' }, slots: 4 };
    expect(await run('plan_workflow', asked)).toMatchObject({
      makespan_ms: 40_000,
      bottleneck: { kind: 'pool', name: 'gpu' },
      assumptions: ['The pace of these quotas is no part of the plan: calls.'],
    });
    expect(await run('plan_workflow', { ...asked, pools: { gpu: 8 } })).toMatchObject({ makespan_ms: 10_000 });
    expect(await run('plan_workflow', { ...asked, pools: { gpu: 8, 'ram.main': 4 } })).toMatchObject({
      makespan_ms: 20_000,
      bottleneck: { kind: 'pool', name: 'ram.main' },
    });
    expect(await refusal(run('plan_workflow', { ...asked, pools: { gpu: 1 } }))).toMatchObject({ path: 'pools.gpu' });
    const { assumptions } = await run('plan_workflow', { definition: { name: 'none', steps: [step('a', { gpv: 1 })] }, durations: { echo: '10s' } });
    expect(assumptions).toEqual([expect.stringContaining('gpv')]);
  });

  it('holds the resources of steps within the pools of the store, or of a size that is asked for', async () => {
    const run = toolsOf(await engineFor());
    const resources = { gpu: 1 };
    const definition = { name: 'two', steps: ['a', 'b'].map((id) => ({ id, task: 'echo', with: { value: 1 }, resources })) };
    const ask = { definition, durations: { a: '10s', b: '10s' }, slots: 2 };
    expect(JSON.stringify(await run('plan_workflow', ask))).toContain('These pools are not defined');
    await run('define_pool', { name: 'gpu', type: 'gpu', capacity: 1 });
    expect(await run('plan_workflow', ask)).toMatchObject({ makespan_ms: 20_000 });
    expect(await run('plan_workflow', { ...ask, pools: { gpu: 2 } })).toMatchObject({ makespan_ms: 10_000 });
    expect(await run('plan_workflow', { ...ask, pools: { gpu: { capacity: 1, steps: { a: 1 } } } })).toMatchObject({ makespan_ms: 10_000 });
  });

  it('refuses by name what does not fit, with what is near', async () => {
    const run = toolsOf(await engineFor());
    const definition = RELEASE;
    expect(await refusal(run('plan_workflow', { definition, durations: { biuld: '1m' } }))).toMatchObject({ path: 'durations.biuld', nearMatches: ['build'] });
    expect(await refusal(run('plan_workflow', { definition, slots: 1, workers: [{ name: 'a' }] }))).toMatchObject({ path: 'slots' });
    expect(await refusal(run('plan_workflow', { definition, items: { build: 3 } }))).toMatchObject({ path: 'items.build' });
    expect(await refusal(run('plan_workflow', { definition, pools: { gpu: { capacity: 1, steps: { build: 2 } } } }))).toMatchObject({ path: 'pools.gpu' });
    expect(await refusal(run('plan_workflow', { definition, pools: { gpu: { capacity: 1, steps: { bild: 1 } } } }))).toMatchObject({
      path: 'pools.gpu.steps.bild',
    });
    expect(await refusal(run('plan_workflow', { definition, objective: 'cost' }))).toMatchObject({ path: 'workers' });
    expect(await refusal(run('plan_workflow', { name: 'nowhere' }))).toMatchObject({ code: 'not_found' });
  });
});
