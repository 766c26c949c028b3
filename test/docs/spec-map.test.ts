// Owns the honesty of docs/spec-map.md: every row of the specification once, files that exist, a test where it says done.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root, tableRows } from './documents.ts';

interface Row {
  readonly number: number;
  readonly asks: string;
  readonly files: readonly string[];
  readonly tests: readonly string[];
  readonly state: string;
}

const filesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string);

const rows: Row[] = tableRows(read('docs/spec-map.md')).map(([number, asks = '', files = '', tests = '', state = '']) => ({
  number: Number(number),
  asks,
  files: filesIn(files),
  tests: filesIn(tests),
  state,
}));

describe('docs/spec-map.md', () => {
  it('has every row from 1 to 64 once, in order, each with what it asks', () => {
    expect(rows.map((row) => row.number)).toEqual(Array.from({ length: 64 }, (_, at) => at + 1));
    expect(rows.filter((row) => row.asks.length < 5)).toEqual([]);
  });

  it('names only files that exist', () => {
    expect(rows.flatMap((row) => [...row.files, ...row.tests]).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('knows three states, and what is missing where something is', () => {
    expect(rows.filter((row) => !/^(?:done|not yet|partly: .{5,})$/.test(row.state)).map((row) => row.number)).toEqual([]);
  });

  it('proves what is done or partly done with tests, and claims nothing for what is not there', () => {
    const isTest = (path: string): boolean => /^test\/.+\.ts$/.test(path);
    for (const { number, files, tests, state } of rows) {
      if (state === 'not yet') expect([number, files, tests]).toEqual([number, [], []]);
      else expect([number, files.length > 0, tests.length > 0, tests.filter((path) => !isTest(path))]).toEqual([number, true, true, []]);
    }
  });
});
