// Timelines and ends in sight as an agent and a person read them: from real runs on an injected clock.
import { describe, expect, it } from 'vitest';
import { engineFor, heldTask, nextEvent } from '../support/test-engine.ts';
import { toolsOf } from '../support/tool-run.ts';

const START = 1_800_000_000_000;

describe('a run under way', () => {
  it('tells what ran when, how far it is, and after five runs when it ends', async () => {
    let now = START;
    const held = heldTask();
    const engine = await engineFor({ concurrency: 4 }, { now: () => now, tasks: [held] });
    const run = toolsOf(engine);
    const steps = ['a', 'b', 'c', 'd'].map((id) => ({ id, task: 'held', with: {}, needs: { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] }[id] }));
    await run('create_workflow', { definition: { name: 'diamond', steps }, mode: 'apply' });

    const begin = async (): Promise<string> => {
      const { execution_id: id } = await run('execute_workflow', { name: 'diamond' });
      await held.reached(1);
      return id as string;
    };
    const first = await begin();
    expect(await run('get', { id: first })).toMatchObject({ progress: { percent: 0, no_eta: expect.stringContaining('nothing is known of how long') } });

    const finish = async (id: string, from: 'a' | 'b'): Promise<void> => {
      if (from === 'a') {
        now += 1_000;
        held.release();
        await held.reached(2);
      }
      now += 2_000;
      const stored = nextEvent(engine, 'step_completed');
      held.release();
      await stored;
      now += 4_000;
      held.release();
      await held.reached(1);
      now += 1_000;
      held.release();
      await engine.wait({ ids: [id], timeoutMs: 20_000 });
    };
    await finish(first, 'a');
    for (let i = 0; i < 5; i++) await finish(await begin(), 'a');

    const id = await begin();
    now += 1_000;
    held.release();
    await held.reached(2);
    const head = await run('get', { id });
    const { percent, eta } = head.progress as { percent: number; eta: { at: string; from: string; until: string; confidence: string } };
    // a (1 s) of a, b (2 or 6 s), c, d (1 s) is done.
    expect(percent).toBeGreaterThan(5);
    expect(percent).toBeLessThan(20);
    expect(Date.parse(eta.from)).toBeLessThanOrEqual(Date.parse(eta.at));
    expect(Date.parse(eta.at)).toBeLessThanOrEqual(Date.parse(eta.until));
    expect((Date.parse(eta.at) - now) / 1_000).toBeGreaterThan(4);
    expect((Date.parse(eta.at) - now) / 1_000).toBeLessThan(9);
    expect(eta.confidence).toBe('medium');
    await finish(id, 'b');

    const timeline = await run('get', { id, view: 'timeline' });
    expect(timeline).toMatchObject({
      status: 'completed',
      total_ms: 8_000,
      worked_ms: 10_000,
      parallelism: 1.25,
      critical_path: ['a', expect.stringMatching(/b|c/), 'd'],
      spans: [
        { step: 'a', status: 'completed', start_ms: 0, end_ms: 1_000 },
        { start_ms: 1_000 },
        { start_ms: 1_000 },
        { step: 'd', start_ms: 7_000, end_ms: 8_000 },
      ],
    });
    const picture = timeline.picture as string[];
    expect(picture).toHaveLength(4);
    expect(picture[0]).toMatch(/^a █{7,8}·+$/);
    expect(picture[3]).toMatch(/^d ·+█{7,8}$/);
  });

  it('without a step that has begun says where to look', async () => {
    const engine = await engineFor();
    const run = toolsOf(engine);
    await run('control', { id: 'queue:default', action: 'pause' });
    const { execution_id: id } = await run('execute_workflow', { definition: { name: 'w', steps: [{ id: 's', task: 'echo', with: { value: 1 } }] } });
    const waiting = (await run('get', { id, view: 'timeline' })) as { spans: unknown[]; picture: string[] };
    expect(waiting.picture.join('\n')).not.toContain('█');
    await run('control', { id: id as string, action: 'pause' });
    expect(await run('get', { id })).toMatchObject({ progress: { no_eta: 'it is paused' } });
  });
});
