import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { crashChild } from '../support/crash-process.ts';
import { engineFor, tempFolder } from '../support/test-engine.ts';

const undoable = (id: string, needs: string[]): JsonObject => ({
  id,
  needs,
  task: 'mark',
  with: { label: id },
  compensate: { task: 'mark', with: { label: `undo ${id}` } },
});

const SAGA: JsonObject = {
  name: 'saga',
  steps: [
    undoable('a', []),
    undoable('b', ['a']),
    undoable('c', ['b']),
    { id: 'fails', needs: ['c'], task: 'transform', with: { value: "${{ int('x') }}" }, retry: { maxAttempts: 1 } },
    undoable('never', ['fails']),
  ],
  onFailure: [{ id: 'tell', task: 'mark', with: { label: 'tell' } }],
};

const UNDONE = ['undo c', 'undo b', 'undo a', 'tell'];

describe('compensation in a process that is killed', () => {
  it.each(UNDONE)('goes on where it was killed (%s): in reverse order, what is undone never again, what was not begun never at all', async (label) => {
    const dataDir = tempFolder();
    const journal = join(dataDir, 'journal');
    const child = crashChild(dataDir, journal, label, SAGA);
    const id = (await child.line('started')).slice('started '.length);
    await child.line('holding');
    await child.kill();
    const runs: string[] = [];
    const mark = defineTask({
      type: 'mark',
      run: (input, context) => {
        runs.push(`${(input as JsonObject).label} ${context.idempotencyKey}`);
        return null;
      },
    });
    const engine = await engineFor({ dataDir }, { tasks: [mark] });
    expect(await engine.wait({ ids: [id], timeoutMs: 8_000 })).toBe('met');
    const before = readFileSync(journal, 'utf8').trim().split('\n');
    expect(before.map((line) => line.replace(/ \d+ \S+$/, ''))).toEqual(['a', 'b', 'c', ...UNDONE.slice(0, UNDONE.indexOf(label) + 1)]);
    // What was under way runs again under the same key; what had ended does not.
    const again = UNDONE.slice(UNDONE.indexOf(label));
    expect(runs.map((run) => run.replace(/ \S+$/, ''))).toEqual(again);
    const keyOf = (line: string | undefined): string | undefined => line?.split(' ').at(-1);
    expect(keyOf(runs[0])).toBe(keyOf(before.at(-1)));
    expect(engine.backend.getExecution(id)).toMatchObject({ status: 'failed', phase: 'done' });
    expect(engine.backend.getStep({ executionId: id, stepId: 'compensate:never' })?.status).not.toBe('completed');
    const undone = ['a', 'b', 'c'].map((stepId) => engine.backend.getStep({ executionId: id, stepId: `compensate:${stepId}` })?.status);
    expect(undone).toEqual(['completed', 'completed', 'completed']);
  });
});
