// Owns that the files under examples/ are valid, and that those which need nothing from outside run as the README says.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { engineFor, HUMAN } from '../support/test-engine.ts';
import { read, root } from './documents.ts';

const files = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.yaml'));

describe('examples', () => {
  it.each(files)('%s is valid', async (name) => {
    const engine = await engineFor();
    expect(engine.workflows.check(read(`examples/${name}`)).faults).toEqual([]);
  });

  it('order-saga ships, or undoes what it did in reverse order and tells', async () => {
    const engine = await engineFor();
    const definition = read('examples/order-saga.yaml');
    expect(await engine.executeWorkflow({ definition, input: { order: '7' } })).toMatchObject({ status: 'completed', output: { order: '7', shipped: true } });
    const failed = await engine.executeWorkflow({ definition, input: { order: '8', in_stock: false } });
    expect(failed.status).toBe('failed');
    const steps = engine.backend.getSteps({ executionId: failed.executionId, after: -1, limit: 100 });
    const done = steps
      .filter((step) => step.region !== 'main' && step.status === 'completed')
      .sort((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0) || a.index - b.index);
    expect(done.map((step) => step.id)).toEqual(['compensate:charge', 'compensate:reserve', 'tell']);
  });

  it.each([true, false])('review-and-publish goes on when a person has said %s', async (approved) => {
    const engine = await engineFor();
    const { executionId } = await engine.workflows.start({ definition: read('examples/review-and-publish.yaml'), input: { title: 'T', text: 'x' } }, HUMAN);
    await engine.wait({ ids: [executionId], until: 'waiting', timeoutMs: 10_000 });
    await engine.tasks.approve(executionId, { approved }, HUMAN);
    await engine.wait({ ids: [executionId], timeoutMs: 10_000 });
    expect(engine.backend.getExecution(executionId)?.status).toBe('completed');
    const statusOf = (stepId: string): string | undefined => engine.backend.getStep({ executionId, stepId })?.status;
    expect([statusOf('publish'), statusOf('file_away')]).toEqual(approved ? ['completed', 'skipped'] : ['skipped', 'completed']);
  });
});
