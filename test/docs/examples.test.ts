// Owns that the files under examples/ are valid, and that those which need nothing from outside run as the README says.
import { execFile } from 'node:child_process';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { engineFor, HUMAN, tempFolder, until } from '../support/test-engine.ts';
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

  it('worker-agents shares a forEach among three agents and survives the death of one', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'examples/worker-agents.ts')], { timeout: 60_000 });
    expect(stdout).toMatch(
      /bob dies while it holds item (\d+)\n[\s\S]*takes item \1 over\n[\s\S]*all 30 items are done, each once; item \1 was taken over by (ada|cleo)/,
    );
  }, 70_000);

  it('schedule-ledger keeps every planned time when one of two servers is killed', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'examples/schedule-ledger.ts')], { timeout: 60_000 });
    expect(stdout).toMatch(/killed \d+ after 4\.\d s\n(?:\S+ {2}(?:fired|late) .* completed\n){10}all 10 planned times are in the ledger, each once/);
  }, 70_000);

  it('approve-from-another-node: a session goes on at a second node, and only the right token decides for a person', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'examples/approve-from-another-node.ts')], { timeout: 100_000 });
    expect(stdout).toMatch(
      /ada starts .*\n.*bob resumes the session, .* approves\n.*bob tries publish .* is refused:\n {2}forbidden: .*\n.*paula.* decides\ncompleted: Version 2: faster search \(published: true\)\n$/,
    );
  }, 110_000);

  it('planned-and-real shows both plans beside what came of them, and the order gains', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'examples/planned-and-real.ts')], { timeout: 110_000 });
    expect(stdout).toMatch(/^200 steps, workers ada ×2, bob ×1, cleo ×0\.5; pools gpu 1, db 2\n/);
    // Two pictures with a line for each worker, planned and real, without and with.
    expect(stdout.match(/^(?:ada|bob|cleo) {2,}[pil█·]{40} {3}[pil█·]{40}$/gm)).toHaveLength(6);
    const [, without, ordered] = /makespan: (\d+) ms without, (\d+) ms with the order/.exec(stdout) ?? [];
    expect(Number(ordered)).toBeLessThan(Number(without));
    expect(stdout).toMatch(/inside the predicted 80 % interval: \d+ % of 200 steps\n$/);
  }, 120_000);

  it('nightly-report is taken over with its schedule, and writes one report a night, also when the clocks change', async () => {
    const folder = tempFolder();
    copyFileSync(join(root, 'examples/nightly-report.yaml'), join(folder, 'nightly-report.yaml'));
    let now = Date.parse('2027-03-26T12:00:00Z');
    const engine = await engineFor({ workflowsDir: folder }, { now: () => now });
    await until(engine, () => engine.schedules.get('nightly-report') !== null);
    for (const at of ['2027-03-27T01:30:00Z', '2027-03-28T01:00:00Z', '2027-03-29T00:30:00Z']) {
      now = Date.parse(at);
      await engine.tick();
      await until(engine, () => engine.schedules.get('nightly-report')?.lastRun?.endedAt === now);
    }
    const ledger = engine.schedules.ledger('nightly-report', { limit: 10, cursor: null }).items;
    expect(ledger.map(({ plannedAt, status, result }) => [new Date(plannedAt).toISOString(), status, result])).toEqual([
      ['2027-03-29T00:30:00.000Z', 'fired', 'completed'],
      ['2027-03-28T01:00:00.000Z', 'fired', 'completed'],
      ['2027-03-27T01:30:00.000Z', 'fired', 'completed'],
    ]);
    const run = engine.backend.getExecution(ledger[1]?.runId ?? '');
    expect(engine.backend.getOutput({ executionId: run?.id ?? '', stepId: null })).toEqual({ title: 'Report no. 2', planned: '2027-03-28T03:00:00+02:00' });
  });
});
