// Owns how the difference between files and stored versions reads: one line per workflow, what changed below it.
import type { ComparedFile, FolderComparison } from '../workflow-folder.ts';
import { faultLines } from './faults.ts';
import { type Colors, count, oneLine } from './text.ts';

export function folderLines(folder: string, comparison: FolderComparison, colors: Colors): string[] {
  if (comparison.files.length === 0 && comparison.only_stored.length === 0)
    return [`${folder} holds no definitions (.yaml, .yml, .json), and none are stored.`];
  const lines = [colors.bold(folder), '', ...comparison.files.flatMap((file) => fileLines(file, colors))];
  for (const name of comparison.only_stored) lines.push(`  ${colors.dim('·')} ${oneLine(name)}  ${colors.dim('stored only, no file')}`);
  const number = (state: ComparedFile['state']): number => comparison.files.filter((file) => file.state === state).length;
  const parts = (['new', 'changed', 'unchanged', 'invalid'] as const).filter((state) => number(state) > 0).map((state) => `${number(state)} ${state}`);
  lines.push('', colors.dim(`${count(comparison.files.length, 'file')}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`));
  return lines;
}

function fileLines(file: ComparedFile, c: Colors): string[] {
  const name = oneLine(file.name ?? file.file);
  switch (file.state) {
    case 'new':
      return [`  ${c.green('+')} ${name}  ${c.dim(`new, becomes v1  ${file.file}`)}`];
    case 'unchanged':
      return [`  ${c.dim('=')} ${name}  ${c.dim(`v${file.version}  ${file.file}`)}`];
    case 'invalid':
      return [`  ${c.red('✗')} ${name}`, ...faultLines(file.faults, c).map((line) => `  ${line}`)];
    case 'changed':
      return [`  ${c.yellow('~')} ${name}  ${c.dim(`v${file.version} → v${(file.version ?? 0) + 1}  ${file.file}`)}`, ...changeLines(file, c)];
  }
}

function changeLines({ steps, changed_fields: fields }: ComparedFile, c: Colors): string[] {
  const row = (mark: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`      ${mark} ${c.dim(names.slice(0, 10).join(', '))}${names.length > 10 ? c.dim(` and ${names.length - 10} more`) : ''}`];
  return [
    ...row(`${c.green('+')} steps`, steps.added),
    ...row(`${c.red('-')} steps`, steps.removed),
    ...row(`${c.yellow('~')} steps`, steps.changed),
    ...row(`${c.yellow('~')}`, fields),
  ];
}
