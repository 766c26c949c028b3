import { describe, expect, it } from 'vitest';
import type { VersionPolicy } from '../../src/domain/task-versions.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { AGENT, engineFor, refusal, tempFolder } from '../support/test-engine.ts';
import { toolsOf } from '../support/tool-run.ts';

const task = (version: number, onVersionChange?: VersionPolicy): ReturnType<typeof defineTask> =>
  defineTask({ type: 'mail', version, onVersionChange, run: () => `by version ${version}` });

const FLOW = {
  name: 'letter',
  steps: [
    { id: 'hold', task: 'wait.signal', with: { name: 'go' } },
    { id: 'send', needs: ['hold'], task: 'mail' },
  ],
};

/** A run that began with version 1 and waits in front of its step; the process that started it is gone. */
async function begun(policy: VersionPolicy | undefined): Promise<{ readonly dataDir: string; readonly id: string }> {
  const dataDir = tempFolder();
  const engine = await engineFor({ dataDir }, { tasks: [task(1, policy)] });
  const { executionId } = await engine.workflows.start({ definition: FLOW }, AGENT);
  await engine.stop();
  return { dataDir, id: executionId };
}

async function goOn(engine: OrchestrationEngine, id: string): Promise<void> {
  await toolsOf(engine)('control', { id, action: 'signal', name: 'go' });
}

describe('a task type that changed while a run was under way', () => {
  it.each<[VersionPolicy | undefined]>([[undefined], ['continue']])('goes on with the newest version (policy %s)', async (policy) => {
    const { dataDir, id } = await begun(policy);
    const engine = await engineFor({ dataDir }, { tasks: [task(2, policy)] });
    expect(await toolsOf(engine)('get', { id, view: 'explain' })).toMatchObject({
      reasons: expect.arrayContaining([
        { code: 'version_changed', message: 'It began with version 1 of mail, the newest here is 2: its steps go on with the newer one (continue).' },
      ]),
    });
    await goOn(engine, id);
    await engine.wait({ ids: [id], timeoutMs: 8_000 });
    expect(engine.backend.getOutput({ executionId: id, stepId: 'send' })).toBe('by version 2');
  });

  it('fails the step by name where its policy is fail, and a restart takes the new version', async () => {
    const { dataDir, id } = await begun('fail');
    const engine = await engineFor({ dataDir }, { tasks: [task(2, 'fail')] });
    await goOn(engine, id);
    await engine.wait({ ids: [id], timeoutMs: 8_000 });
    expect(engine.backend.getStep({ executionId: id, stepId: 'send' })?.error).toMatchObject({ code: 'version_changed', retryable: false });
    expect(engine.backend.getStep({ executionId: id, stepId: 'send' })?.attempts).toBe(1);
    const { execution_id: again } = (await toolsOf(engine)('control', { id, action: 'restart' })) as { execution_id: string };
    await goOn(engine, again);
    await engine.wait({ ids: [again], timeoutMs: 8_000 });
    expect(engine.backend.getOutput({ executionId: again, stepId: 'send' })).toBe('by version 2');
  });

  it('waits for the version it began with where its policy is pin, and says so', async () => {
    const { dataDir, id } = await begun('pin');
    const newer = await engineFor({ dataDir }, { tasks: [task(2, 'pin')] });
    await goOn(newer, id);
    await newer.tick();
    const explained = await toolsOf(newer)('get', { id, view: 'explain' });
    expect(JSON.stringify(explained)).toContain('its steps run only where handler:mail@1 is offered (pin)');
    expect(JSON.stringify(explained)).toContain('No running process or worker agent offers handler:mail@1.');
    // One program may have both: what began with 1 ends with 1, what begins now takes 2.
    const both = await engineFor({ dataDir }, { tasks: [task(2, 'pin'), task(1, 'pin')] });
    await both.wait({ ids: [id], timeoutMs: 8_000 });
    expect(both.backend.getOutput({ executionId: id, stepId: 'send' })).toBe('by version 1');
    const { executionId } = await both.workflows.start({ definition: FLOW }, AGENT);
    await goOn(both, executionId);
    await both.wait({ ids: [executionId], timeoutMs: 8_000 });
    expect(both.backend.getOutput({ executionId, stepId: 'send' })).toBe('by version 2');
  });

  it('is known by type and version: the same version twice is refused', async () => {
    const error = await refusal(() => engineFor({}, { tasks: [task(1), task(2), task(2)] }));
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('version 2 of another task type') });
  });
});
