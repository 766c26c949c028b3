// Owns the honesty of docs/spec-names.md: every class and function of the specification is there under its name, and a test speaks of it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import { engineFor } from '../support/test-engine.ts';
import { read, root, tableRows } from './documents.ts';

interface Row {
  readonly asked: string;
  /** `Class`, `Class.method`, `engine.method`, `engine.manager.method`, `name()` or a tool. */
  readonly ours: string;
  readonly file: string;
  readonly test: string;
}

const bare = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '');
const rows: Row[] = tableRows(read('docs/spec-names.md')).map(([asked, ours, file, test]) => ({
  asked: bare(asked),
  ours: bare(ours),
  file: bare(file),
  test: bare(test),
}));

describe('docs/spec-names.md', () => {
  it('has a row for each name once', () => {
    expect(rows.length).toBeGreaterThan(60);
    expect(rows.map((row) => row.asked).filter((name, at, all) => all.indexOf(name) !== at)).toEqual([]);
  });

  it('names files and tests that exist, and tests that speak of the name', () => {
    const wrong = rows.filter(({ file, test, ours }) => {
      if (!existsSync(join(root, file)) || !/^test\/.+\.ts$/.test(test) || !existsSync(join(root, test))) return true;
      const word = (ours.replace('()', '').split('.').at(-1) as string) || ours;
      return !read(test).includes(word);
    });
    expect(wrong).toEqual([]);
  });

  it('names what really is there', async () => {
    const engine = await engineFor();
    const queue = await library.getQueue();
    const values: Readonly<Record<string, unknown>> = {
      engine,
      queue,
      session: (await engine.createSession()).session,
      scheduler: library.JobScheduler.prototype,
    };
    const missing = rows.filter(({ ours }) => !isThere(ours, values));
    await queue.close();
    expect(missing.map((row) => row.ours)).toEqual([]);
  });
});

function isThere(name: string, values: Readonly<Record<string, unknown>>): boolean {
  const [head = '', ...path] = name.replace('()', '').split('.');
  const exported = (library as unknown as Record<string, unknown>)[head];
  if (path.length === 0 && exported === undefined)
    return [...library.toolsOfSets(['compat', 'projects', 'workers', 'planning'])].some((tool) => tool.name === head);
  let value: unknown = values[head] ?? exported;
  if (typeof value === 'function' && path.length > 0) value = (value as { readonly prototype: unknown }).prototype;
  for (const part of path) value = (value as Record<string, unknown> | undefined)?.[part];
  return value !== undefined;
}
