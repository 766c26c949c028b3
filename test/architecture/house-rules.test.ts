// Owns the rules of the house that no linter rule covers: first comments, no `any`, one reader of the environment, a quiet stdout.
import { describe, expect, it } from 'vitest';
import { type SourceFile, sourceFiles, type Token, tokenize } from './source-scan.ts';

const product = sourceFiles('src', 'tools');
const everything = sourceFiles('src', 'tools', 'test', 'scripts', 'bench', 'examples');

type Fault = { readonly line: number; readonly what: string };

function faultsIn(files: readonly SourceFile[], find: (file: SourceFile) => readonly Fault[]): string[] {
  return files.flatMap((file) => find(file).map(({ line, what }) => `${file.path}:${line} ${what}`));
}

/** The file opens (after a shebang) with a line comment, one sentence or more, that ends with a full stop. */
function firstCommentFaults({ text }: SourceFile): Fault[] {
  const block = /^(?:\/\/ .*\n)+/.exec(text.replace(/^#!.*\n/, ''))?.[0].trimEnd() ?? '';
  return block.endsWith('.') ? [] : [{ line: 1, what: 'does not start with a sentence on what it owns' }];
}

/** `any` where a type stands: after a colon, `as`, an opening angle bracket or a bar. */
function anyFaults({ text }: SourceFile): Fault[] {
  return pairs(text).flatMap(([before, token, after]) => {
    const isType = token.kind === 'word' && token.text === 'any' && [':', 'as', '<', '|'].includes(before.text);
    return isType && after?.text !== '(' ? [{ line: token.line, what: `${before.text} any` }] : [];
  });
}

function environmentFaults({ path, text }: SourceFile): Fault[] {
  if (path === 'src/config.ts' || path === 'src/main.ts') return [];
  const tokens = tokenize(text);
  return tokens.flatMap((token, index) => {
    const window = tokens.slice(index, index + 3).map((each) => each.text);
    const read = token.text === 'process' && ((window[1] === '.' && window[2] === 'env') || (window[1] === '[' && window[2] === 'env'));
    // Both `const { env } = process` and `import { env } from 'node:process'` take it out of the braces.
    const destructured = ['process', 'node:process'].includes(token.text) && isBraced(tokens.slice(Math.max(0, index - 12), index));
    return read || destructured ? [{ line: token.line, what: 'reads the environment; only src/config.ts and src/main.ts do' }] : [];
  });
}

/** Whether the tokens end in `{ … env … } =` or `{ … env … } from`. */
function isBraced(before: readonly Token[]): boolean {
  const words = before.map((token) => token.text);
  if (!['=', 'from'].includes(words.at(-1) ?? '') || words.at(-2) !== '}') return false;
  return words.slice(words.lastIndexOf('{')).includes('env');
}

function stdoutFaults({ path, text }: SourceFile): Fault[] {
  if (path.startsWith('src/cli/') || path.startsWith('src/mcp/') || path === 'src/main.ts') return [];
  return pairs(text).flatMap(([before, token]) => {
    const faulty = (token.text === 'stdout' && before.text === '.' && /process\s*\.\s*stdout/.test(text)) || (token.text === 'console' && before.text !== '.');
    return faulty ? [{ line: token.line, what: `uses ${token.text}` }] : [];
  });
}

/** Top-level `const name = (…) => …` without a return type: the linter's rule demands it of declarations and methods only. */
function returnTypeFaults({ text }: SourceFile): Fault[] {
  return [...text.matchAll(/^(?:export )?const (\w+) = (?:async )?(?:<[^>\n]*>)?\([^()\n]*\) =>/gm)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length,
    what: `${match[1]} has no return type`,
  }));
}

/** Each token with its neighbours; an empty one stands before the first. */
function pairs(text: string): [before: Token, token: Token, after: Token | undefined][] {
  const tokens = tokenize(text);
  return tokens.map((token, index) => [tokens[index - 1] ?? { kind: 'punctuation', text: '', line: 0 }, token, tokens[index + 1]]);
}

describe('house rules', () => {
  it('every file in src and tools starts with a sentence on what it owns', () => {
    expect(faultsIn(product, firstCommentFaults)).toEqual([]);
  });

  it('no file says any', () => {
    expect(faultsIn(everything, anyFaults)).toEqual([]);
  });

  it('only src/config.ts and src/main.ts read the environment', () => {
    expect(faultsIn(product, environmentFaults)).toEqual([]);
  });

  it('stdout belongs to the protocol and the command line', () => {
    expect(faultsIn(product, stdoutFaults)).toEqual([]);
  });

  it('functions named by a const state what they return', () => {
    expect(faultsIn(product, returnTypeFaults)).toEqual([]);
  });

  // Each finder must be able to find: a rule that sees nothing passes for ever.
  it.each([
    [firstCommentFaults, 'export const a = 1;'],
    [firstCommentFaults, '// no full stop\nexport const a = 1;'],
    [firstCommentFaults, '/** A block. */\nexport const a = 1;'],
    [firstCommentFaults, ''],
    [anyFaults, 'const a: any = 1;'],
    [anyFaults, 'const a = b as any;'],
    [anyFaults, 'const a: string | any[] = `${b as string}`;'],
    [anyFaults, 'const a = new Map<any, string>();'],
    [anyFaults, 'const a = `${b as any}`;'],
    [environmentFaults, 'const a = process.env.HOME;'],
    [environmentFaults, "const a = globalThis.process['env'];"],
    [environmentFaults, 'const { env } = process;'],
    [environmentFaults, "import { env as e } from 'node:process';"],
    [stdoutFaults, "process.stdout.write('a');"],
    [stdoutFaults, "console.error('a');"],
    [returnTypeFaults, 'export const a = async (b: string) => b;'],
  ])('%o finds a fault in %s', (find, text) => {
    expect(find({ path: 'src/domain/sample.ts', text })).toHaveLength(1);
  });

  it.each([
    [firstCommentFaults, '#!/usr/bin/env node\n// Owns one thing: version 1.2 of it.\n'],
    [firstCommentFaults, '// Owns one thing, at\n// length.\nexport const a = 1;'],
    [anyFaults, '// a: any\nconst a = z.any; const b = "as any"; const any = 1; f({ any: 2 }); const c = /: any/;'],
    [environmentFaults, '// process.env\nconst env = input.env; spawn(a, { env: clean }); process.exit(1);'],
    [stdoutFaults, 'const { stdout } = result; child.stdout; // console.log'],
    [returnTypeFaults, 'export const a = (b: string): string => b;\nconst c = list.map((d) => d);'],
  ])('%o accepts %s', (find, text) => {
    expect(find({ path: 'src/domain/sample.ts', text })).toEqual([]);
  });
});
