// Owns how a simulation looks: the picture, what it adds up to, and one row per planned time.
import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { localText, type ScheduleScreen } from './schedule.ts';
import { inStatusColor } from './symbols.ts';
import { type Column, tableLines } from './table.ts';
import { oneLine } from './text.ts';
import { number, objects, text } from './wire.ts';

export function simulationLines(data: JsonObject, screen: ScheduleScreen): string[] {
  const { colors: c } = screen;
  const picture = Array.isArray(data.picture) ? data.picture.map(String) : [];
  const counts = isJsonObject(data.counts) ? data.counts : {};
  const sum = Object.keys(counts).map((status) => inStatusColor(status, `${number(counts, status).toLocaleString('en')} ${status}`, c));
  const rows = objects(data.fires);
  const notes = Array.isArray(data.notes) ? data.notes.map((note) => `${c.yellow('!')} ${oneLine(String(note))}`) : [];
  if (rows.length === 0) return [...picture, '', c.dim('Nothing is planned in that range.'), ...notes];
  const columns: Column<JsonObject>[] = [
    { title: 'planned', text: (row) => localText(text(row, 'planned_at')) },
    { title: 'times', text: (row) => (row.count === undefined ? '' : number(row, 'count').toLocaleString('en')), right: true },
    { title: 'status', text: (row) => text(row, 'status'), paint: (cell, row) => inStatusColor(text(row, 'status'), cell, c) },
    { title: 'starts', text: (row) => localText(text(row, 'starts_at')), paint: (cell) => c.dim(cell) },
    { title: 'why', text: (row) => [text(row, 'reason'), text(row, 'note')].filter((part) => part !== '').join('; '), flexible: true },
  ];
  const more = data.truncated === true ? ['', c.dim(`${number(data, 'rows_total').toLocaleString('en')} rows in all; more with --limit`)] : [];
  return [...picture, '', sum.join(c.dim(', ')), '', ...tableLines(rows, columns, c, screen.width), ...more, ...(notes.length === 0 ? [] : ['', ...notes])];
}
