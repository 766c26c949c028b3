// Owns how a lineage looks: from the first origin down, one line each, what was asked for marked.
import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { inStatusColor } from './symbols.ts';
import { type Colors, oneLine } from './text.ts';
import { objects, text } from './wire.ts';

export function lineageLines(data: JsonObject, colors: Colors): string[] {
  const above = objects(data.above).reverse();
  const lines = above.map((node, at) => line(node, at === 0 ? '' : `${'   '.repeat(at - 1)}└─ `, false, colors));
  const depth = above.length;
  lines.push(line(data, depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `, true, colors));
  below(data, '   '.repeat(depth), lines, colors);
  return lines;
}

function below(node: JsonObject, indent: string, lines: string[], colors: Colors): void {
  const children = objects(node.below);
  for (const [at, child] of children.entries()) {
    const isLast = at === children.length - 1 && node.more !== true;
    lines.push(line(child, `${indent}${isLast ? '└─ ' : '├─ '}`, false, colors));
    below(child, `${indent}${isLast ? '   ' : '│  '}`, lines, colors);
  }
  if (node.more === true) lines.push(`${indent}└─ ${colors.dim('…')}`);
}

function line(node: JsonObject, branch: string, isAsked: boolean, colors: Colors): string {
  const origin = isJsonObject(node.origin) ? node.origin : {};
  const name = oneLine(text(node, 'name'));
  const how = HOW[text(origin, 'how')] ?? '';
  const where = [how, text(origin, 'step'), text(origin, 'item') === '' ? '' : `[${text(origin, 'item')}]`, text(origin, 'planned_at')]
    .filter((part) => part !== '')
    .join(' ');
  const words = [
    isAsked ? colors.bold(text(node, 'id')) : text(node, 'id'),
    name,
    inStatusColor(text(node, 'status'), text(node, 'status'), colors),
    where === '' ? '' : colors.dim(oneLine(where)),
    how === '' && text(node, 'principal') !== '' ? colors.dim(`by ${oneLine(text(node, 'principal'))}`) : '',
  ];
  return `${colors.dim(branch)}${words.filter((word) => word !== '').join('  ')}`;
}

const HOW: Readonly<Record<string, string>> = { step: 'step', schedule: 'fired', work: 'asked for', fork: 'forked', session: 'in the session' };
