// What is known of durations decides in which order the engine starts the ready steps of a run.
import { describe, expect, it } from 'vitest';
import { defineTask } from '../../src/task/define-task.ts';
import { AGENT, engineFor, tempFolder } from '../support/test-engine.ts';
import { refusal, toolsOf } from '../support/tool-run.ts';

/** Task types that take their time on the test's clock, one at a time, and write down who began. */
function timed(): { readonly tasks: ReturnType<typeof defineTask>[]; readonly began: string[]; readonly clock: { now: number } } {
  const began: string[] = [];
  const clock = { now: 1_000_000 };
  const make = (type: string, ms: number): ReturnType<typeof defineTask> =>
    defineTask({
      type,
      run: async (input) => {
        began.push((input as { id: string }).id);
        clock.now += ms;
        return null;
      },
    });
  return { tasks: [make('slow', 10_000), make('quick', 100)], began, clock };
}

const step = (id: string, task: string, needs: readonly string[] = []): object => ({ id, task, with: { id }, needs });
/** Listed so that the order of definition is the wrong one. */
const FLOW = {
  name: 'flow',
  steps: [step('q1', 'quick'), step('q2', 'quick'), step('s1', 'slow'), step('q3', 'quick'), step('q4', 'quick', ['q3']), step('s2', 'slow', ['q4'])],
};

describe('dispatch by expected duration', () => {
  it('starts the step with the longest way to the end first, once durations are known; before that in the order of the definition', async () => {
    const { tasks, began, clock } = timed();
    const dataDir = tempFolder();
    const open = (): ReturnType<typeof engineFor> => engineFor({ concurrency: 1, dataDir }, { tasks, now: () => clock.now });
    const first = await open();
    expect(await first.executeWorkflow({ definition: FLOW }, AGENT)).toMatchObject({ success: true });
    expect(began.splice(0)).toEqual(['q1', 'q2', 's1', 'q3', 'q4', 's2']);
    await first.stop();
    const second = await open();
    await second.executeWorkflow({ definition: FLOW }, AGENT);
    expect(began).toEqual(['q3', 'q4', 's1', 's2', 'q1', 'q2']);
  });

  it('renews what it knows while it runs', async () => {
    const { tasks, began, clock } = timed();
    const engine = await engineFor({ concurrency: 1 }, { tasks, now: () => clock.now });
    for (let i = 0; i < 2; i++) await engine.executeWorkflow({ definition: FLOW }, AGENT);
    clock.now += 60_000;
    await engine.executeWorkflow({ definition: { name: 'other', steps: [step('x', 'quick')] } }, AGENT);
    began.length = 0;
    await engine.executeWorkflow({ definition: FLOW }, AGENT);
    expect(began).toEqual(['q3', 'q4', 's1', 's2', 'q1', 'q2']);
  });
});

describe('the order of a queue', () => {
  it('is set by control, shown where queues are shown, and named in the reply as what acts from now on', async () => {
    const engine = await engineFor({ queues: { fast: { order: 'edf' } } });
    const run = toolsOf(engine);
    expect(await run('get', { id: 'queue:fast' })).toMatchObject({ order: 'edf' });
    await run('enqueue_job', { task: 'echo', payload: { value: 1 }, queue: 'mail', expected_duration: '5s', delay: '1h' });
    expect(await run('control', { id: 'queue:mail', action: 'update', order: 'fair' })).toMatchObject({
      order: 'fair',
      message: expect.stringContaining('from now on'),
    });
    expect(await run('get', { id: 'queue:mail' })).toMatchObject({ order: 'fair' });
    const { items } = (await run('list', { kind: 'queues' })) as { items: { queue: string; order?: string }[] };
    expect(Object.fromEntries(items.map(({ queue, order }) => [queue, order]))).toMatchObject({ fast: 'edf', mail: 'fair' });
    expect(await run('control', { id: 'queue:mail', action: 'update', order: 'fifo' })).not.toHaveProperty('order');
    expect(await refusal(run('control', { id: 'queue:mail', action: 'update', order: 'random' }))).toMatchObject({ path: 'order' });
    expect(await refusal(run('control', { id: 'queue:mail', action: 'pause', order: 'sjf' }))).toMatchObject({ path: 'order' });
  });

  it('takes the expected duration of a job, and shows it', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    await run('control', { id: 'queue:default', action: 'pause' });
    const { job_id } = await run('enqueue_job', { task: 'echo', payload: { value: 1 }, expected_duration: '5s' });
    expect(await run('get', { id: job_id })).toMatchObject({ expected_duration_ms: 5_000 });
  });
});
