// Owns how an import reads: each file with what became of it, its faults and what was changed on the way.
import type { DefinitionFault } from '../../domain/workflow-definition.ts';
import { faultLines } from './faults.ts';
import { type Colors, count, oneLine } from './text.ts';

export interface ImportedFile {
  readonly file: string;
  readonly state: 'stored' | 'unchanged' | 'valid' | 'invalid';
  readonly name: string | null;
  readonly workflow_id: string | null;
  readonly version: number | null;
  readonly steps: number | null;
  readonly faults: readonly DefinitionFault[];
  readonly warnings: readonly DefinitionFault[];
}

export function importLines(files: readonly ImportedFile[], dryRun: boolean, c: Colors): string[] {
  const lines = files.flatMap((file) => [
    headLine(file, c),
    ...faultLines(file.faults, c).map(indent),
    ...faultLines(file.warnings, c, c.yellow('!')).map(indent),
  ]);
  const bad = files.filter((file) => file.state === 'invalid').length;
  const same = files.filter((file) => file.state === 'unchanged').length;
  const parts = [
    `${count(files.length - bad - same, 'workflow')} ${dryRun ? 'can be stored' : 'stored'}`,
    ...(same === 0 ? [] : [`${same} unchanged`]),
    ...(bad === 0 ? [] : [`${count(bad, 'file')} not`]),
  ];
  lines.push('', c.dim(`${parts.join(', ')}${dryRun ? '; nothing was changed' : ''}`));
  if (files.some((file) => file.faults.some((fault) => fault.code === 'unknown_task_type'))) {
    lines.push(
      `  ${c.dim('→')} Map each module.action to a task type with taskAliases in logistics.config.yaml, for example`,
      `    taskAliases: {static_analysis.analyze_code: mcp.call}`,
    );
  }
  const first = files.find((file) => file.state === 'stored');
  if (first?.name != null) lines.push(`  ${c.dim('→')} logistics-mcp run ${first.name}`);
  return lines;
}

function headLine(file: ImportedFile, c: Colors): string {
  const name = file.name === null ? '' : `  ${c.bold(oneLine(file.name))}`;
  const facts = file.steps === null ? '' : count(file.steps, 'step');
  switch (file.state) {
    case 'invalid':
      return `${c.red('✗')} ${file.file}`;
    case 'unchanged':
      return `${c.dim('=')} ${file.file}${name} ${c.dim(`v${file.version} was there already, ${facts}`)}`;
    case 'stored':
      return `${c.green('✓')} ${file.file}${name} ${c.dim(`v${file.version}, ${facts}`)}`;
    case 'valid':
      return `${c.green('✓')} ${file.file}${name} ${c.dim(facts)}`;
  }
}

function indent(line: string): string {
  return `  ${line}`;
}
