// Owns how the answer to a control action reads.
import type { JsonObject } from '../../domain/json.ts';
import { inStatusColor, sign } from './symbols.ts';
import { type Colors, oneLine } from './text.ts';
import { number, text } from './wire.ts';

const WATCHED = new Set(['pending', 'running', 'waiting', 'retry']);

export function controlLines(data: JsonObject, c: Colors): string[] {
  const id =
    text(data, 'execution_id') ||
    text(data, 'job_id') ||
    text(data, 'session_id') ||
    text(data, 'workflow_id') ||
    text(data, 'id') ||
    text(data, 'schedule_id');
  const status = text(data, 'status');
  const message = oneLine(text(data, 'message'));
  // How a schedule stands is no result of a backfill.
  const result = data.planned === undefined ? `${sign(status, c)} ${text(data, 'action')}  ${inStatusColor(status, status, c)}` : text(data, 'action');
  const lines = [`${result}  ${c.dim(id)}${data.replayed === true ? c.dim('  (done before)') : ''}`];
  if (message !== '') lines.push(`  ${message}`);
  if (data.planned !== undefined) lines.push(`  ${backfillText(data)}`);
  for (const [label, key] of [
    ['reused', 'reused_steps'],
    ['runs again', 'reexecuted_steps'],
  ] as const) {
    const steps = data[key];
    if (Array.isArray(steps) && steps.length > 0)
      lines.push(
        `  ${c.dim(label.padEnd(10))}  ${steps.slice(0, 12).map(String).join(', ')}${steps.length > 12 ? c.dim(` and ${steps.length - 12} more`) : ''}`,
      );
  }
  if (WATCHED.has(status) && (id.startsWith('exec_') || id.startsWith('job_'))) lines.push(`  ${c.dim('→')} logistics-mcp watch ${id}`);
  return lines;
}

function backfillText(data: JsonObject): string {
  const counts = (
    [
      ['planned', 'planned'],
      ['fired', 'started now'],
      ['buffered', 'waiting'],
      ['already', 'backfilled before'],
    ] as const
  ).flatMap(([key, label]) => (data[key] === undefined ? [] : [`${number(data, key).toLocaleString('en')} ${label}`]));
  const more = text(data, 'next_from');
  return `${counts.join(', ')}${more === '' ? '' : `; more with --from ${more}`}`;
}
