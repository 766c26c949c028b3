import { describe, expect, it } from 'vitest';
import { importSpecifiers, tokenize } from './source-scan.ts';

const specifiers = (source: string): string[] => importSpecifiers(source).map((found) => found.specifier);

describe('the scanner that the architecture tests rest on', () => {
  it.each([
    ["import a from 'x';", ['x']],
    ["import * as a from 'x'", ['x']],
    ['import a, { b as c, type D } from "x";', ['x']],
    ["import type { A } from './a.ts';", ['./a.ts']],
    ["import type A from './a.ts';", ['./a.ts']],
    ["import {\n  a,\n  b,\n} from './a.ts';\nimport 'side';", ['./a.ts', 'side']],
    [
      "export { a } from './a.ts'; export * from './b.ts'; export * as c from './c.ts'; export type { D } from './d.ts';",
      ['./a.ts', './b.ts', './c.ts', './d.ts'],
    ],
    ["const a = await import('./a.ts'); type B = import('./b.ts').B; let c: typeof import('./c.ts');", ['./a.ts', './b.ts', './c.ts']],
    ["const a = require('x'); import d from './d.json' with { type: 'json' };", ['x', './d.json']],
    ['const a = `${await import(\'./a.ts\')} import b from "nothing" ${`${require("deep")}`}`; import c from "c";', ['./a.ts', 'deep', 'c']],
  ])('finds every import in %s', (source, expected) => {
    expect(specifiers(source)).toEqual(expected);
  });

  it.each([
    "// import a from 'x';",
    "/* import a from 'x';\n * import('y') */",
    'const a = "import b from \'x\'";',
    "const a = `import b from 'x'`;",
    "const a = /import b from 'x'/; const b = 4 / 2;",
    "export type A = 'x'; export { a }; const from = 'y';",
    'import.meta.url; a.import("x"); a.require("y");',
    "export type Form = { from: string };\nexport const from = 'here';",
  ])('finds none in %s', (source) => {
    expect(specifiers(source)).toEqual([]);
  });

  it('keeps line numbers across comments, templates and strings', () => {
    const tokens = tokenize('/* 1\n 2 */ a;\nconst b = `x\n${c}\n`;\nd;');
    expect(tokens.filter((token) => token.kind === 'word').map((token) => [token.text, token.line])).toEqual([
      ['a', 2],
      ['const', 3],
      ['b', 3],
      ['c', 4],
      ['d', 6],
    ]);
  });

  it('reads a quote inside a regular expression as text', () => {
    expect(specifiers("const quoted = text.replace(/['\"`/]/g, ''); import a from 'x';")).toEqual(['x']);
    expect(specifiers("return /[^/'\\]]+'/.test(a) && b / c / d; import e from 'x';")).toEqual(['x']);
  });
});
