import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, type TestContext } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { openEngine } from '../../src/open-engine.ts';
import { AGENT, atEnd, engineFor, HUMAN, heldTask, refusal, tempFolder } from '../support/test-engine.ts';

/** Fulfils, or is refused with a code that blames the caller: never a crash, never an internal error. */
async function civil(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof LogisticsError)) throw error;
    if (error.code === 'internal') throw error;
  }
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'ignore' });
}

function mount(context: TestContext, folder: string, options: string): void {
  try {
    run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  } catch {
    context.skip('a file system of its own cannot be mounted here');
  }
  atEnd(() => run('umount', ['-l', folder]));
}

describe('hostile input', () => {
  it('any JSON, anywhere, is refused or done', async () => {
    const engine = await engineFor();
    const { executionId } = await engine.executeWorkflow({ definition: { name: 'w', steps: [{ id: 'a', task: 'log' }] } });
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), fc.string({ unit: 'binary', maxLength: 40 }), async (value, text) => {
        const odd = value as never;
        const id = text as never;
        for (const work of [
          () => engine.workflows.check(odd),
          () => engine.workflows.check({ name: 'w', steps: odd }),
          () => engine.workflows.check({ name: 'w', steps: [{ id: 'a', task: 'log', with: odd, needs: odd, if: odd, retry: odd }] }),
          () => engine.workflows.create(odd),
          () => engine.workflows.start(odd ?? {}, HUMAN),
          () => engine.workflows.start({ name: id, input: odd }, HUMAN),
          () => engine.enqueue([odd]),
          () => engine.enqueue([{ task: 'echo', payload: odd }]),
          () => engine.createSession(odd ?? {}),
          () => engine.wait({ ids: [id], timeoutMs: 0 }),
          () => engine.tasks.signal(executionId, odd, AGENT),
          () => engine.tasks.approve(executionId, odd, AGENT),
          () => engine.tasks.fork(executionId, id, AGENT),
          () => engine.tasks.cancel(id, 'x', AGENT),
          () => engine.cancelJob(id, 'x'),
          () => engine.closeSession(id, odd),
          () => engine.backend.getArtifact({ id, offset: 0, limit: 1 }),
        ]) {
          await civil(work);
        }
      }),
      { numRuns: 60 },
    );
    expect(await engine.executeTask({ task: 'echo', payload: { value: 'alive' } })).toBe('alive');
  });

  it('what has no end is refused', async () => {
    const engine = await engineFor();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
    const definition = { name: 'w', steps: [{ id: 'a', task: 'log' }] };
    for (const value of [cycle, deep] as never[]) {
      for (const work of [
        () => engine.workflows.start({ definition, input: value }, HUMAN),
        () => engine.workflows.create(value),
        () => engine.workflows.create({ name: 'w', steps: [{ id: 'a', task: 'echo', with: { value } }] }),
        () => engine.enqueue([{ task: 'echo', payload: { value } }]),
        () => engine.createSession({ context: value }),
        () => engine.createSession({ metadata: value }),
      ]) {
        expect((await refusal(work)).code).toMatch(/^(invalid_input|invalid_definition|limit_exceeded)$/);
      }
    }
  });

  it('sizes have limits, with names', async () => {
    const engine = await engineFor();
    const big = 'x'.repeat(1_100_000);
    const definition = { name: 'w', steps: [{ id: 'a', task: 'log' }] };
    expect(await refusal(engine.workflows.start({ definition, input: { big } }, HUMAN))).toMatchObject({ code: 'limit_exceeded', path: 'input' });
    expect(await refusal(engine.enqueue([{ task: 'echo', payload: { value: big } }]))).toMatchObject({ code: 'limit_exceeded', path: 'payload' });
    expect(await refusal(engine.enqueue([]))).toMatchObject({ code: 'invalid_input', path: 'jobs' });
    expect(await refusal(engine.createSession({ metadata: { big } }))).toMatchObject({ code: 'limit_exceeded', path: 'metadata' });
    expect(await refusal(engine.wait({ ids: [], timeoutMs: 1 }))).toMatchObject({ path: 'ids' });
    expect(await refusal(engine.workflows.start({ definition, priority: 101 }, HUMAN))).toMatchObject({ path: 'priority' });
    expect(await refusal(engine.workflows.start({ name: 'a', definition }, HUMAN))).toMatchObject({ code: 'invalid_input' });
    expect((await refusal(engine.workflows.start({}, HUMAN))).code).toBe('invalid_input');
    expect((await refusal(engine.workflows.start({ name: 'nothing' }, HUMAN))).code).toBe('not_found');
    expect((await refusal(engine.workflows.start({ definition: { ...definition, concurrency: { key: '${{ session.context.x }}' } } }, HUMAN))).path).toBe(
      'concurrency.key',
    );
    expect((await engine.workflows.preview({ definition })).plan.nodes).toHaveLength(1);
    expect(engine.backend.listExecutions({ filter: {}, limit: 1, cursor: null }).items).toEqual([]);
  });

  it('a workflow may have a name that looks like an id', async () => {
    const engine = await engineFor();
    await engine.workflows.create({ name: 'wf_x', steps: [{ id: 'a', task: 'log' }] });
    expect((await engine.executeWorkflow({ name: 'wf_x' })).status).toBe('completed');
  });
});

describe('a store that cannot be used', () => {
  it('a corrupt file is told, and left as it is', async () => {
    const dataDir = tempFolder();
    const file = join(dataDir, 'logistics.db');
    const garbage = Buffer.from('this is no database at all, '.repeat(500));
    writeFileSync(file, garbage);
    expect((await refusal(openEngine({ dataDir }))).code).toBe('store_corrupt');
    expect(readFileSync(file).equals(garbage)).toBe(true);
  });

  it('a folder that is read-only is told', async (context) => {
    const dataDir = join(tempFolder(), 'locked');
    mkdirSync(dataDir, { mode: 0o500 });
    atEnd(() => chmodSync(dataDir, 0o700));
    // The mode does not bind root; a read-only file system does.
    if (process.getuid?.() === 0) mount(context, dataDir, 'ro');
    expect((await refusal(openEngine({ dataDir }))).code).toBe('store_read_only');
  });

  it('a full disk refuses new work and loses none that was acknowledged', async (context) => {
    const dataDir = tempFolder();
    mount(context, dataDir, 'size=2m');
    const held = heldTask();
    const engine = await engineFor({ dataDir, durability: 'full' }, { tasks: [held] });
    const acknowledged: string[] = [];
    let error: LogisticsError | null = null;
    for (let i = 0; i < 100 && error === null; i++) {
      try {
        acknowledged.push(...(await engine.enqueue([{ task: 'echo', payload: { value: 'x'.repeat(100_000) }, delay: '1h' }])).jobIds);
      } catch (thrown) {
        error = thrown as LogisticsError;
      }
    }
    expect(error).toMatchObject({ code: 'store_full' });
    expect(acknowledged.length).toBeGreaterThan(3);
    expect(acknowledged.every((id) => engine.backend.getJob(id)?.status === 'pending')).toBe(true);
    await engine.stop();
  });
});
