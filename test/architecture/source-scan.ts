// Owns the reading of TypeScript sources for the architecture tests: files, tokens and import specifiers.
// A scanner of our own, because TypeScript 7 has no compiler API and type-only imports must count too.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Token {
  readonly kind: 'word' | 'string' | 'punctuation';
  /** Strings come without their quotes. */
  readonly text: string;
  readonly line: number;
}

export interface ImportSpecifier {
  readonly specifier: string;
  readonly form: 'static' | 'dynamic';
  readonly line: number;
}

/** All .ts files below the folders; a folder that does not exist has none. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => {
    if (!existsSync(join(root, folder))) return [];
    const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.split(sep).includes('node_modules'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => ({ path: relative(root, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }));
  });
}

// What may stand before a slash that divides; after anything else a slash opens a regular expression.
const DIVIDABLE = /^(?:[\w$)\]}]+)$/;
const NOT_DIVIDABLE = new Set(['return', 'typeof', 'case', 'in', 'of', 'do', 'else', 'void', 'delete', 'throw', 'await', 'yield']);
const NEXT = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|[\p{ID_Start}$_#][\p{ID_Continue}$]*|\d[\w.]*|'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|[\s\S]/uy;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;

/** Words, strings and single punctuation characters; comments, regular expressions and the text of templates fall away. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  // One entry per open `${`: how many braces are open inside it.
  const templates: number[] = [];
  let at = source.startsWith('#!') ? source.indexOf('\n') : 0;
  let line = 1;
  const advance = (text: string): void => {
    at += text.length;
    line += text.split('\n').length - 1;
  };
  const skipTemplateText = (): void => {
    const start = at;
    while (at < source.length && source[at] !== '`' && !source.startsWith('${', at)) at += source[at] === '\\' ? 2 : 1;
    const opens = source.startsWith('${', at);
    const text = source.slice(start, at) + (opens ? '${' : '`');
    at = start;
    advance(text);
    if (opens) templates.push(0);
  };
  while (at < source.length) {
    NEXT.lastIndex = at;
    const text = NEXT.exec(source)?.[0] ?? '';
    const before = tokens.at(-1);
    if (text === '/' && !(before !== undefined && DIVIDABLE.test(before.text) && before.kind !== 'string' && !NOT_DIVIDABLE.has(before.text))) {
      REGEX.lastIndex = at;
      const regex = REGEX.exec(source)?.[0];
      if (regex !== undefined) {
        tokens.push({ kind: 'punctuation', text: ')', line });
        advance(regex);
        continue;
      }
    }
    const open = templates.at(-1);
    if (text === '}' && open === 0) {
      templates.pop();
      advance(text);
      skipTemplateText();
      continue;
    }
    if (open !== undefined && (text === '{' || text === '}')) templates[templates.length - 1] = open + (text === '{' ? 1 : -1);
    if (text === '`') {
      tokens.push({ kind: 'punctuation', text: '`', line });
      advance(text);
      skipTemplateText();
      continue;
    }
    if (/^['"]./s.test(text)) tokens.push({ kind: 'string', text: text.slice(1, -1), line });
    else if (/^[\p{ID_Start}$_#\d]/u.test(text)) tokens.push({ kind: 'word', text, line });
    else if (!/^(?:\s|\/[/*])/.test(text)) tokens.push({ kind: 'punctuation', text, line });
    advance(text);
  }
  return tokens;
}

/** Every module that a source names: import, export … from, import(), typeof import(), require(). */
export function importSpecifiers(source: string): ImportSpecifier[] {
  const tokens = tokenize(source);
  const found: ImportSpecifier[] = [];
  tokens.forEach((token, index) => {
    const before = tokens[index - 1]?.text;
    const [next, afterNext] = [tokens[index + 1], tokens[index + 2]];
    if (token.kind !== 'word' || before === '.' || next === undefined) return;
    if ((token.text === 'import' || token.text === 'require') && next.text === '(' && afterNext?.kind === 'string') {
      found.push({ specifier: afterNext.text, form: 'dynamic', line: token.line });
    } else if (token.text === 'import' && next.kind === 'string') {
      found.push({ specifier: next.text, form: 'static', line: token.line });
    } else if ((token.text === 'import' && /^[\w${*]/.test(next.text)) || (token.text === 'export' && ['{', '*', 'type'].includes(next.text))) {
      const specifier = specifierAfterFrom(tokens, index);
      if (specifier !== undefined) found.push({ specifier, form: 'static', line: token.line });
    }
  });
  return found;
}

/** The string after `from` of the statement that starts at `index`; undefined when the statement has none (`export type A = …`). */
function specifierAfterFrom(tokens: readonly Token[], index: number): string | undefined {
  for (let at = index + 1; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at] as Token;
    const next = tokens[at + 1];
    if (text === 'from' && next?.kind === 'string') return next.text;
    // The head of such a statement holds names, braces, commas, stars and string names; anything else ends it.
    if (kind === 'punctuation' && !['{', '}', ',', '*'].includes(text)) return undefined;
    if (kind === 'word' && ['export', 'import', 'const', 'interface', 'function', 'class'].includes(text)) return undefined;
  }
  return undefined;
}
