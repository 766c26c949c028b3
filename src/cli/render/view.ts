// Owns how the views of `get` look: a few have a form of their own, all others are a record.
import { formatDuration } from '../../domain/duration.ts';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { jsonLines } from './json-text.ts';
import { lineageLines } from './lineage.ts';
import { recordLines } from './record.ts';
import { inStatusColor, sign } from './symbols.ts';
import { type Column, tableLines } from './table.ts';
import { type Colors, fromNow, oneLine, stripControls } from './text.ts';
import { ago, moment, number, objects, text } from './wire.ts';

export interface ViewScreen {
  readonly now: number;
  readonly width: number;
  readonly colors: Colors;
}

const WHOLE = 10_000;

export function viewLines(view: string, data: JsonObject, screen: ViewScreen): string[] {
  const lines = bodyLines(view, data, screen);
  const cursor = text(data, 'next_cursor');
  return data.truncated === true && cursor !== '' ? [...lines, '', screen.colors.dim(`more with --cursor ${cursor}`)] : lines;
}

function bodyLines(view: string, data: JsonObject, screen: ViewScreen): string[] {
  const { colors: c } = screen;
  if (view === 'graph' && typeof data.mermaid === 'string') return [data.mermaid];
  if (view === 'lineage') return lineageLines(data, c);
  if (view === 'timeline' && Array.isArray(data.picture)) return timelineLines(data, screen);
  if (view === 'explain') return explainLines(data, screen);
  if (view === 'steps' && Array.isArray(data.steps)) return stepTable(objects(data.steps), screen);
  if (view === 'events') return eventTable(objects(data.events), screen);
  if (view === 'logs') return logLines(objects(data.lines), screen);
  if (view === 'output') {
    for (const name of ['output', 'definition'] as const) {
      if (typeof data[`${name}_json`] === 'string') return [stripControls(text(data, `${name}_json`))];
      if (data[name] !== undefined)
        return data[name] === null
          ? [c.dim(text(data, 'status') === 'completed' ? 'It has no output.' : `It has no output: it is ${text(data, 'status')}.`)]
          : jsonLines(data[name], c, { limit: WHOLE, more: '' }).map((line) => line.slice(2));
    }
  }
  if (typeof data.artifact_id === 'string' && data.encoding === 'utf-8') return [stripControls(text(data, 'content'))];
  return recordLines(data, screen);
}

/** The picture; ░ waited for a worker, █ made the run as long as it was. */
function timelineLines({ picture, spans: _, critical_path: path, ...head }: JsonObject, screen: ViewScreen): string[] {
  const { colors: c } = screen;
  const lines = (picture as string[]).map(stripControls);
  const names = Array.isArray(path) ? path.map(String) : [];
  return [
    ...lines,
    c.dim('░ ready, waiting for a worker   ▓ at work   █ at work, on the critical path   ▶ not over'),
    ...(names.length === 0 ? [] : ['', `${c.bold('critical path')}  ${oneLine(names.join(' → '))}`]),
    '',
    ...recordLines(head, screen),
  ];
}

export function stepTable(steps: readonly JsonObject[], screen: ViewScreen): string[] {
  const { colors: c, now } = screen;
  const columns: Column<JsonObject>[] = [
    { title: 'step', text: (row) => text(row, 'step') },
    { title: 'task', text: (row) => text(row, 'task'), paint: (cell) => c.dim(cell) },
    { title: 'status', text: (row) => text(row, 'status'), paint: (cell, row) => inStatusColor(text(row, 'status'), cell, c) },
    { title: 'needs', text: (row) => (Array.isArray(row.needs) ? row.needs.join(', ') : ''), paint: (cell) => c.dim(cell), flexible: true },
    { title: 'took', text: (row) => (row.run_ms === undefined ? '' : formatDuration(number(row, 'run_ms'))), right: true },
    { title: 'attempts', text: (row) => (number(row, 'attempts') > 1 ? text(row, 'attempts') : ''), right: true },
    {
      title: 'items',
      text: (row) => (isJsonObject(row.items) ? `${number(row.items, 'completed') + number(row.items, 'failed')}/${text(row.items, 'total')}` : ''),
      right: true,
    },
    { title: 'note', text: (row) => note(row, now), flexible: true },
  ];
  return tableLines(steps, columns, c, screen.width);
}

function note(row: JsonObject, now: number): string {
  if (isJsonObject(row.error)) return `${text(row.error, 'code')}: ${text(row.error, 'message')}`;
  if (isJsonObject(row.waits_for)) return waitsFor(row.waits_for, now);
  if (row.reused === true) return 'reused';
  return text(row, 'skip_reason');
}

function waitsFor(wait: JsonObject, now: number): string {
  const until = moment(wait, 'until');
  const what = text(wait, 'name') || text(wait, 'message') || text(wait, 'execution_id');
  return oneLine(`waits for ${text(wait, 'kind')}${what === '' ? '' : `: ${what}`}${until === null ? '' : `, ${fromNow(until, now)}`}`);
}

function eventTable(events: readonly JsonObject[], screen: ViewScreen): string[] {
  const { colors: c } = screen;
  if (events.length === 0) return [c.dim('No events.')];
  const columns: Column<JsonObject>[] = [
    { title: 'when', text: (row) => text(row, 'at').replace('T', ' ').replace('Z', ''), paint: (cell) => c.dim(cell) },
    { title: 'event', text: (row) => text(row, 'type'), paint: (cell) => inStatusColor(cell.trim().split('_')[1] ?? '', cell, c) },
    { title: 'step', text: (row) => `${text(row, 'step')}${row.item === undefined ? '' : `[${text(row, 'item')}]`}` },
    { title: 'data', text: (row) => text(row, 'data') || text(row, 'data_preview'), paint: (cell) => c.dim(cell), flexible: true },
  ];
  return tableLines(events, columns, c, screen.width);
}

function logLines(lines: readonly JsonObject[], { colors: c }: ViewScreen): string[] {
  if (lines.length === 0) return [c.dim('Nothing was logged.')];
  return lines.map(
    (line) =>
      `${c.dim(text(line, 'at').slice(11, 23))} ${text(line, 'level').padEnd(5)} ${oneLine(text(line, 'message'))}${line.fields === undefined ? '' : c.dim(` ${text(line, 'fields')}`)}`,
  );
}

function explainLines(data: JsonObject, screen: ViewScreen): string[] {
  const { colors: c } = screen;
  const status = text(data, 'status');
  const lines = [
    `${sign(status, c)} ${inStatusColor(status, status, c)}  ${c.dim(text(data, 'execution_id') || text(data, 'job_id') || text(data, 'schedule_id'))}`,
    ...reasonLines(objects(data.reasons), '  ', screen),
  ];
  for (const step of objects(data.steps))
    lines.push('', `  ${sign(text(step, 'status'), c)} ${c.bold(text(step, 'step'))}`, ...reasonLines(objects(step.reasons), '    ', screen));
  const allowed = Array.isArray(data.allowed_actions) ? data.allowed_actions.join(', ') : '';
  if (allowed !== '') lines.push('', `  ${c.dim('→')} allowed now: ${allowed}`);
  return lines;
}

function reasonLines(reasons: readonly JsonObject[], indent: string, { colors: c, now }: ViewScreen): string[] {
  return reasons.map((reason) => {
    const by = Array.isArray(reason.blocked_by) ? c.dim(`  ${reason.blocked_by.join(', ')}`) : '';
    const until = reason.until === undefined ? '' : c.dim(`  ${ago(reason, 'until', now)}`);
    return `${indent}${oneLine(text(reason, 'message'))}${until}${by}`;
  });
}
