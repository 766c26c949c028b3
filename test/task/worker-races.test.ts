// Races between a claim, a stop and the store: each was seen to hang or to start cancelled work before it was mended.
import { describe, expect, it } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { Backend } from '../../src/store/backend.ts';
import { engineFor, heldTask, until } from '../support/test-engine.ts';

describe('a cancel that shares a commit with the claim', () => {
  it('reaches the handler at once, or keeps it from starting', async () => {
    const held = heldTask();
    const engine = await engineFor({ concurrency: 2 }, { tasks: [held] });
    for (let round = 0; round < 20; round++) {
      const [id] = (await engine.enqueue([{ task: 'held' }])).jobIds as [string];
      await engine.cancelJob(id, 'changed my mind');
      expect(await engine.wait({ ids: [id], timeoutMs: 3_000 })).toBe('met');
      expect(engine.backend.getJob(id)).toMatchObject({ status: 'cancelled' });
    }
    for (const { context } of held.held) expect(context.signal.aborted).toBe(true);
  });
});

describe('a result that cannot be stored', () => {
  it('is tried again until it is, and its handler does not run twice', async () => {
    let runs = 0;
    const engine = await engineFor({ concurrency: 1 }, { tasks: [{ ...heldTask('once'), run: async () => ++runs } as never] });
    const { backend } = engine as { backend: { settleJob: Backend['settleJob'] } };
    const settle = backend.settleJob;
    let refusals = 7;
    backend.settleJob = (p) => (refusals-- > 0 ? Promise.reject(new LogisticsError('store_full', 'No space left.')) : settle(p));
    const [id] = (await engine.enqueue([{ task: 'once' }])).jobIds as [string];
    // The old code gave up after six tries; the pauses double from 10 ms.
    expect(await engine.wait({ ids: [id], timeoutMs: 19_000 })).toBe('met');
    expect([engine.backend.getJob(id)?.status, runs]).toEqual(['completed', 1]);
  }, 20_000);

  it('is given back by the sweep when the store refuses it for good', async () => {
    let runs = 0;
    const engine = await engineFor(
      { concurrency: 1, limits: { sweep: '100ms', heartbeat: '100ms' } },
      { tasks: [{ ...heldTask('twice'), run: async () => ++runs } as never] },
    );
    const { backend } = engine as { backend: { settleJob: Backend['settleJob'] } };
    const settle = backend.settleJob;
    let refused = false;
    backend.settleJob = (p) => {
      if (p.outcome.status !== 'completed' || refused) return settle(p);
      refused = true;
      return Promise.reject(new LogisticsError('internal', 'A fault.'));
    };
    const [id] = (await engine.enqueue([{ task: 'twice' }])).jobIds as [string];
    await until(engine, () => engine.backend.getJob(id)?.status === 'completed');
    expect([runs, engine.backend.getJob(id)?.attempt]).toEqual([2, 1]);
  });
});
