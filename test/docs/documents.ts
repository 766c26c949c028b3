// Owns how tests read the documents: files, tables, links, and the fenced blocks that are marked as runnable.
import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export const SUBMODULES = ['src/orchestration', 'src/task', 'src/store', 'src/schedule', 'src/optimization', 'src/resources'] as const;

export const DOCUMENTS = [
  'README.md',
  'SPEC.md',
  'ARCHITECTURE.md',
  'AGENTS.md',
  'CHANGELOG.md',
  'API_SPECIFICATION.md',
  'docs/spec-map.md',
  'docs/spec-names.md',
  ...SUBMODULES.flatMap((folder) => ['README.md', 'SPEC.md', 'AGENTS.md'].map((name) => `${folder}/${name}`)),
] as const;

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export interface Block {
  readonly language: string;
  readonly text: string;
  /** What stands after `runs:` in the mark. */
  readonly argument: string | undefined;
}

/** Blocks with `<!-- runs -->` or `<!-- runs: … -->` on the line before. */
export function runnableBlocks(path: string): Block[] {
  return [...read(path).matchAll(/^<!-- runs(?:: (.*?))? -->\n```(\w+)\n([\s\S]*?)\n```$/gm)].map(([, argument, language, text]) => ({
    argument,
    language: language as string,
    text: text as string,
  }));
}

/** Relative targets of links, seen from the root; parts behind `#` are left out. */
export function linkedFiles(path: string): string[] {
  const text = read(path).replace(/^```[\s\S]*?^```$/gm, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => (target as string).split('#')[0] as string);
  return targets.filter((target) => target !== '' && !/^[a-z]+:/.test(target)).map((target) => posix.normalize(posix.join(posix.dirname(path), target)));
}

/** Cells of every table row, heads and rules left out. */
export function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  return lines.flatMap((line, at) => {
    const isHead = /^\|[-| ]+\|$/.test(lines[at + 1] ?? '');
    if (!line.startsWith('|') || isHead || /^\|[-| ]+\|$/.test(line)) return [];
    return [
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    ];
  });
}
