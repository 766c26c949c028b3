// Owns how ended (or not yet ended) executions and jobs read after a wait: one line each, and what a single one gave.
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { jsonLines } from './json-text.ts';
import { inStatusColor, sign } from './symbols.ts';
import { type Colors, clip, oneLine } from './text.ts';
import { text } from './wire.ts';

const VALUE_LINES = 30;

export function outcomeLines(items: readonly JsonObject[], c: Colors, width: number): string[] {
  return items.flatMap((item) => {
    const id = text(item, 'execution_id') || text(item, 'job_id') || text(item, 'id');
    const status = text(item, 'status');
    const name = oneLine(text(item, 'workflow') || text(item, 'name') || text(item, 'task'));
    const error = isJsonObject(item.error) ? `  ${c.red(clip(oneLine(`${text(item.error, 'code')}: ${text(item.error, 'message')}`), width - 10))}` : '';
    const lines = [`${sign(status, c)} ${inStatusColor(status, status, c)}  ${name}  ${c.dim(id)}`];
    if (error !== '') lines.push(error);
    const value = item.output ?? item.result;
    if (items.length === 1 && value !== undefined) lines.push(...jsonLines(value, c, { limit: VALUE_LINES, more: `logistics-mcp get ${id} --view output` }));
    return lines;
  });
}
