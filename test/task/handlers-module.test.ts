// Holds the loading of handlers modules to clear faults and to tasks that really run.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LogisticsError } from '../../src/domain/errors.ts';
import { loadHandlersModule } from '../../src/task/handlers-module.ts';

const define = `import { defineTask } from ${JSON.stringify(new URL('../../src/task/define-task.ts', import.meta.url).href)};\n`;

function write(name: string, content: string, prefix = 'logistics-handlers-'): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function refusal(path: string): Promise<LogisticsError> {
  const error: unknown = await loadHandlersModule(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LogisticsError);
  return error as LogisticsError;
}

describe('loadHandlersModule', () => {
  it.each([
    ['a list', 'tasks.mjs', `${define}export const tasks = [defineTask({ type: 'a', run: () => 1 }), defineTask({ type: 'b.c', run: () => 2 })];`],
    [
      'a map',
      'tasks.mjs',
      `${define}export const tasks = { first: defineTask({ type: 'a', run: () => 1 }), second: defineTask({ type: 'b.c', run: () => 2 }) };`,
    ],
    ['a default list', 'tasks.mjs', `${define}export default [defineTask({ type: 'a', run: () => 1 }), defineTask({ type: 'b.c', run: () => 2 })];`],
    ['plain objects, without any import', 'tasks.mjs', `export const tasks = [{ type: 'a', run: () => 1 }, { type: 'b.c', run: async () => 2 }];`],
    ['TypeScript', 'tasks.ts', `const one: number = 1;\nexport const tasks = [{ type: 'a', run: (): number => one }, { type: 'b.c', run: (): number => 2 }];`],
  ])('takes %s', async (_, name, content) => {
    const tasks = await loadHandlersModule(write(name, content));
    expect(tasks.map((task) => task.type)).toEqual(['a', 'b.c']);
    expect(await Promise.all(tasks.map((task) => task.run({} as never, {} as never)))).toEqual([1, 2]);
  });

  it('takes a path with characters that mean something in a URL', async () => {
    const path = write('tasks ü.mjs', "export const tasks = [{ type: 'a', run: () => 1 }];", 'logistics #1 100% ?');
    const module = new URL('../../src/task/handlers-module.ts', import.meta.url).href;
    const script = `import { loadHandlersModule } from ${JSON.stringify(module)}; console.log((await loadHandlersModule(${JSON.stringify(path)}))[0].type);`;
    // In a process of its own: the test runner resolves such addresses in its own way.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('a\n');
  });

  it('says what is missing', async () => {
    expect(await refusal('/no/such/tasks.mjs')).toMatchObject({ code: 'not_found', path: 'handlers', message: expect.stringContaining('/no/such/tasks.mjs') });
    expect(await refusal(write('tasks.json', '[]'))).toMatchObject({ code: 'invalid_input', message: expect.stringContaining('.mjs') });
    const path = write('tasks.mjs', '');
    mkdirSync(`${path}.mjs`);
    expect(await refusal(`${path}.mjs`)).toMatchObject({ message: expect.stringContaining('not a regular file') });
  });

  it.each([
    ['nothing', 'export const other = 1;', 'exports no tasks'],
    ['a number', 'export const tasks = 5;', 'neither a list nor a map'],
    ['a fault in its code', 'throw new Error("boom");', 'boom'],
    ['a fault in its syntax', 'export const = ;', 'failed while it was loaded'],
    ['an import that does not exist', 'import "no-such-package-here";', 'no-such-package-here'],
  ])('refuses a module with %s', async (_, content, message) => {
    expect(await refusal(write('tasks.mjs', content))).toMatchObject({ code: 'invalid_input', path: 'handlers', message: expect.stringContaining(message) });
  });

  it('names every faulty task and every type that is there twice', async () => {
    const content = `export const tasks = [{ type: 'a', run() {} }, { type: 'A', run() {} }, { type: 'a', run() {} }, 5, { type: 'b', rnu() {} }];`;
    const { message } = await refusal(write('tasks.mjs', content));
    for (const part of ['tasks[1]', 'tasks[2]: the task type a is there twice', 'tasks[3]', 'tasks[4]', 'did you mean run?']) expect(message).toContain(part);
    expect(message).not.toContain('tasks[0]');
  });
});
