// Owns how a schedule looks: its sentence and next fires first, then its policies and who fires it; and its ledger as a table.
import { formatDuration } from '../../domain/duration.ts';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { inStatusColor, sign } from './symbols.ts';
import { type Column, tableLines } from './table.ts';
import { type Colors, clip, fromNow, oneLine, padEnd } from './text.ts';
import { moment, number, objects, text } from './wire.ts';

export interface ScheduleScreen {
  readonly now: number;
  readonly width: number;
  readonly colors: Colors;
}

const LABEL = 10;

export function scheduleLines(data: JsonObject, screen: ScheduleScreen): string[] {
  const { colors: c, width } = screen;
  const status = text(data, 'status');
  const head = [
    sign(status, c),
    c.bold(oneLine(text(data, 'name'))),
    inStatusColor(status, status, c),
    c.dim(text(data, 'schedule_id')),
    data.replayed === true ? c.dim('(was made before)') : '',
  ];
  const lines = [head.filter((part) => part !== '').join('  '), `  ${oneLine(text(data, 'sentence'))}`];
  if (data.pause_reason !== undefined) lines.push(`  ${c.yellow(clip(oneLine(text(data, 'pause_reason')), width - 2))}`);
  const row = (label: string, value: string): void => void (value !== '' && lines.push(`  ${c.dim(padEnd(label, LABEL))}  ${value}`));
  lines.push('');
  row('starts', startsText(data));
  const fires = objects(data.next_fires);
  if (fires.length === 0) row('next', c.dim(status === 'active' ? 'never again' : `none while it is ${status}`));
  else for (const [at, line] of previewLines(fires, screen).entries()) row(at === 0 ? 'next' : '', line);
  row('policies', memberText(data.policies));
  const last = isJsonObject(data.last) ? data.last : undefined;
  if (last !== undefined)
    row('last', `${inStatusColor(text(last, 'status'), text(last, 'status'), c)}  ${text(last, 'planned_at')} ${c.dim(text(last, 'reason'))}`);
  const who = isJsonObject(data.fires) ? data.fires : {};
  row('fired by', oneLine(text(who, 'by')));
  row('then', oneLine(text(who, 'after_this_client')));
  for (const warning of Array.isArray(data.warnings) ? data.warnings : []) lines.push(`  ${c.yellow('!')} ${oneLine(String(warning))}`);
  if (data.schedule_id !== undefined) lines.push('', `  ${c.dim('→')} logistics-mcp schedule ledger ${text(data, 'name')}`);
  return lines;
}

export function previewLines(fires: readonly JsonObject[], { now, colors: c }: ScheduleScreen): string[] {
  if (fires.length === 0) return [c.dim('It never fires again.')];
  const widest = Math.max(...fires.map((fire) => fromNow(moment(fire, 'utc') ?? now, now).length));
  return fires.map((fire) => {
    const jitter = (moment(fire, 'fires_at') ?? 0) - (moment(fire, 'utc') ?? 0);
    const note = [text(fire, 'note'), jitter > 0 ? `fires ${formatDuration(jitter)} later (jitter)` : ''].filter((part) => part !== '').join(' ');
    const distance = padEnd(fromNow(moment(fire, 'utc') ?? now, now), note === '' ? 0 : widest);
    return `${localText(text(fire, 'local'))}  ${c.dim(distance)}${note === '' ? '' : `  ${c.yellow(oneLine(note))}`}`;
  });
}

export function ledgerLines(data: JsonObject, screen: ScheduleScreen): string[] {
  const { colors: c } = screen;
  const rows = objects(data.events);
  if (rows.length === 0) return [c.dim('Nothing was planned yet.')];
  const columns: Column<JsonObject>[] = [
    { title: 'planned', text: (row) => localText(text(row, 'planned_at')) },
    { title: 'times', text: (row) => (row.count === undefined ? '' : number(row, 'count').toLocaleString('en')), right: true },
    { title: 'status', text: (row) => text(row, 'status'), paint: (cell, row) => inStatusColor(text(row, 'status'), cell, c) },
    {
      title: 'late by',
      text: (row) => (row.lateness_ms === undefined ? '' : formatDuration(number(row, 'lateness_ms'))),
      right: true,
      paint: (cell) => c.dim(cell),
    },
    { title: 'run', text: (row) => text(row, 'execution_id') || text(row, 'job_id'), paint: (cell) => c.dim(cell) },
    { title: 'result', text: (row) => text(row, 'result'), paint: (cell, row) => inStatusColor(text(row, 'result'), cell, c) },
    { title: 'why', text: whyText, flexible: true },
  ];
  const cursor = text(data, 'next_cursor');
  return [...tableLines(rows, columns, c, screen.width), ...(cursor === '' ? [] : ['', c.dim(`older ones with --cursor ${cursor}`)])];
}

function whyText(row: JsonObject): string {
  const origin = text(row, 'origin');
  const error = isJsonObject(row.error) ? `${text(row.error, 'code')}: ${text(row.error, 'message')}` : '';
  return [origin, text(row, 'reason') || error].filter((part) => part !== '').join(': ');
}

/** `2026-11-23 09:00:00 +01:00`. */
export function localText(iso: string): string {
  const [, date, time, offset] = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:\d{2})$/.exec(iso) ?? [];
  return date === undefined ? iso : `${date} ${time} ${offset}`;
}

function startsText(data: JsonObject): string {
  const target = isJsonObject(data.target) ? data.target : {};
  const what = target.workflow === undefined ? `task ${text(target, 'task')}` : `workflow ${text(target, 'workflow')}`;
  return data.input === undefined ? what : `${what} with ${oneLine(text(data, 'input'))}`;
}

function memberText(value: Json | undefined): string {
  if (!isJsonObject(value)) return '';
  return Object.entries(value)
    .filter(([, member]) => member !== null)
    .map(([key, member]) => `${key.replaceAll('_', ' ')} ${isJsonObject(member) ? memberText(member) : oneLine(String(member))}`)
    .join(', ');
}
