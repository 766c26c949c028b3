// Owns how the status looks: one calm screen, what needs a person first, nothing where there is nothing.
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { EXECUTION_STATUSES } from '../../domain/workflow-execution.ts';
import { amountsText, queueLimits } from './list.ts';
import { inStatusColor, sign } from './symbols.ts';
import { type Column, tableLines } from './table.ts';
import { bytesText, type Colors, clip, count, oneLine, padEnd } from './text.ts';
import { ago, number, objects, text } from './wire.ts';

export interface StatusScreen {
  readonly now: number;
  readonly width: number;
  readonly colors: Colors;
  /** Other processes that work on this namespace. */
  readonly workers: number;
}

const OPEN = ['pending', 'running', 'waiting', 'paused'];

export function statusLines(data: JsonObject, screen: StatusScreen): string[] {
  const { colors: c } = screen;
  const healthy = text(data, 'health') === 'healthy';
  const executions = isJsonObject(data.executions) ? data.executions : {};
  const lines = [
    `${healthy ? c.green('●') : c.yellow('●')} ${c.bold(text(data, 'health'))}  ${c.dim(`logistics-mcp ${text(data, 'version')}`)}`,
    '',
    ...factLines(data, executions, screen),
  ];
  lines.push(
    ...section('Waits for you', waitingLines(data, screen), c),
    ...section('Running', runningLines(data, screen), c),
    ...section('Processes', processLines(data, screen), c),
    ...section('Queues', queueLines(data, screen), c),
    ...section('Resources', poolLines(data, screen), c),
    ...section('Webhooks and notifications', outletLines(data, screen), c),
    ...section('Hooks', hookLines(data, screen), c),
    ...section('Recent failures', failureLines(data, screen), c),
    ...section('Schedules that did not go as planned', amissLines(data, screen), c),
    ...section('Since then', changeLines(data, screen), c),
  );
  const warnings = Array.isArray(data.warnings) ? data.warnings.map((warning) => `${c.yellow('!')} ${oneLine(String(warning))}`) : [];
  lines.push(...section('Warnings', warnings, c));
  const nothing =
    number(data, 'workflows') === 0 && EXECUTION_STATUSES.every((status) => number(executions, status) === 0) && objects(data.queues).length === 0;
  if (nothing)
    lines.push(
      '',
      `Nothing has run here yet.`,
      `  ${c.dim('→')} logistics-mcp run <file>`,
      `  ${c.dim('→')} logistics-mcp enqueue echo '{"value": "hello"}' --wait`,
    );
  return lines;
}

function section(title: string, lines: readonly string[], c: Colors): string[] {
  return lines.length === 0 ? [] : ['', c.bold(title), ...lines.map((line) => `  ${line}`)];
}

function factLines(data: JsonObject, executions: JsonObject, { colors: c, workers, now }: StatusScreen): string[] {
  const store = isJsonObject(data.store) ? data.store : {};
  const lines: string[] = [];
  const row = (label: string, value: string): number => lines.push(`  ${c.dim(padEnd(label, 11))}  ${value}`);
  row('namespace', text(data, 'namespace'));
  row('store', `${text(store, 'kind')} ${c.dim(`${text(store, 'durability')}, ${bytesText(number(store, 'bytes'))}  ${text(store, 'location')}`)}`);
  const open = OPEN.reduce((sum, status) => sum + number(executions, status), 0);
  row(
    'processes',
    workers > 0
      ? `${count(workers, 'process', 'processes')} working here`
      : open > 0
        ? c.yellow(`none is working here; ${count(open, 'open run')} ${open === 1 ? 'waits' : 'wait'} until one starts`)
        : c.dim('none is working here'),
  );
  const counts = EXECUTION_STATUSES.filter((status) => number(executions, status) > 0).map((status) =>
    inStatusColor(status, `${number(executions, status).toLocaleString('en')} ${status}`, c),
  );
  row('runs', counts.length === 0 ? c.dim('none') : counts.join(c.dim(', ')));
  const throughput = isJsonObject(data.throughput) ? data.throughput : {};
  if (number(throughput, 'jobs_completed') + number(throughput, 'jobs_failed') > 0) {
    row(
      'last minute',
      `${count(number(throughput, 'jobs_completed'), 'job')} done${number(throughput, 'jobs_failed') === 0 ? '' : c.red(`, ${number(throughput, 'jobs_failed')} failed`)}`,
    );
  }
  const schedules = isJsonObject(data.schedules) ? scheduleText(data.schedules, now) : '';
  if (schedules !== '') row('schedules', schedules);
  if (data.next_due_at !== undefined) row('next due', ago(data, 'next_due_at', now));
  return lines;
}

function waitingLines(data: JsonObject, { colors: c, width }: StatusScreen): string[] {
  return objects(data.waiting_for_person).flatMap((wait) => [
    `${c.yellow('◷')} ${text(wait, 'workflow')}/${text(wait, 'step')}  ${clip(oneLine(text(wait, 'message')), width - 40)}`,
    `  ${c.dim('→')} logistics-mcp control ${text(wait, 'execution_id')} approve --step ${text(wait, 'step')} --digest ${text(wait, 'digest')}`,
  ]);
}

function runningLines(data: JsonObject, screen: StatusScreen): string[] {
  const { colors: c, now } = screen;
  const rows = objects(data.running);
  if (rows.length === 0) return [];
  const columns: Column<JsonObject>[] = [
    { title: 'workflow', text: (row) => text(row, 'workflow'), flexible: true },
    { title: 'status', text: (row) => text(row, 'status'), paint: (cell, row) => inStatusColor(text(row, 'status'), cell, c) },
    { title: 'steps', text: (row) => `${text(row, 'steps_done')}/${text(row, 'steps_total')}`, right: true },
    { title: 'started', text: (row) => ago(row, 'created_at', now), paint: (cell) => c.dim(cell) },
    { title: 'id', text: (row) => text(row, 'execution_id') },
  ];
  return tableLines(rows, columns, c, screen.width - 2);
}

/** All but this command itself, and who goes on when a client exits. */
function processLines(data: JsonObject, screen: StatusScreen): string[] {
  const { colors: c, now } = screen;
  const rows = objects(data.processes).filter((row) => row.this_process !== true);
  if (rows.length === 0) return [];
  const several = new Set(rows.map((row) => text(row, 'namespace'))).size > 1;
  const columns: Column<JsonObject>[] = [
    { title: 'role', text: (row) => text(row, 'role') },
    { title: 'pid', text: (row) => text(row, 'pid'), right: true },
    { title: 'host', text: (row) => text(row, 'host'), flexible: true },
    ...(several ? [{ title: 'namespace', text: (row: JsonObject) => text(row, 'namespace') }] : []),
    { title: 'running', text: (row) => number(row, 'running_jobs').toLocaleString('en'), right: true },
    { title: 'since', text: (row) => ago(row, 'started_at', now), paint: (cell) => c.dim(cell) },
  ];
  return [...tableLines(rows, columns, c, screen.width - 2), c.dim(oneLine(text(data, 'liveness')))];
}

function queueLines(data: JsonObject, screen: StatusScreen): string[] {
  const rows = objects(data.queues);
  if (rows.length === 0) return [];
  const keys = ['pending', 'running', 'retry', 'completed', 'failed', 'cancelled'];
  return tableLines(
    rows,
    [
      { title: 'queue', text: (row) => text(row, 'queue') },
      ...keys.map((key) => ({ title: key, text: (row: JsonObject) => number(row, key).toLocaleString('en'), right: true })),
      { title: '', text: queueLimits },
    ],
    screen.colors,
    screen.width - 2,
  );
}

function poolLines(data: JsonObject, screen: StatusScreen): string[] {
  const rows = objects(data.resources);
  if (rows.length === 0) return [];
  const columns: Column<JsonObject>[] = [
    { title: 'pool', text: (row) => text(row, 'pool') },
    { title: 'used', text: (row) => amountsText(row.used), flexible: true },
    { title: 'capacity', text: (row) => amountsText(row.capacity) },
    { title: 'waiting', text: (row) => number(row, 'waiting').toLocaleString('en'), right: true },
  ];
  return tableLines(rows, columns, screen.colors, screen.width - 2);
}

function outletLines(data: JsonObject, { colors: c, width, now }: StatusScreen): string[] {
  const rows = objects(data.outlets);
  if (rows.length === 0) return [];
  const columns: Column<JsonObject>[] = [
    { title: 'name', text: (row) => text(row, 'name') },
    { title: 'kind', text: (row) => text(row, 'kind') },
    { title: 'to', text: (row) => text(row, 'to'), flexible: true },
    { title: 'waiting', text: (row) => number(row, 'waiting').toLocaleString('en'), right: true },
    { title: 'delivered', text: (row) => number(row, 'delivered').toLocaleString('en'), right: true },
    { title: 'last', text: (row) => (row.last_delivered_at === undefined ? '' : ago(row, 'last_delivered_at', now)), paint: (cell) => c.dim(cell) },
    {
      title: 'dead',
      text: (row) => number(row, 'dead').toLocaleString('en'),
      right: true,
      paint: (cell, row) => (number(row, 'dead') > 0 ? c.red(cell) : cell),
    },
  ];
  return tableLines(rows, columns, c, width - 2);
}

function hookLines(data: JsonObject, { colors: c, width, now }: StatusScreen): string[] {
  const rows = objects(data.hooks);
  if (rows.length === 0) return [];
  const figure =
    (name: string): ((row: JsonObject) => string) =>
    (row) =>
      row.served_here === true ? number(row, name).toLocaleString('en') : '';
  const columns: Column<JsonObject>[] = [
    { title: 'name', text: (row) => text(row, 'name') },
    { title: 'does', text: (row) => `${text(row, 'does')} ${text(row, 'workflow')}`, flexible: true },
    { title: 'accepted', text: figure('accepted'), right: true },
    { title: 'refused', text: figure('refused'), right: true },
    { title: 'last', text: (row) => (row.last_delivery_at === undefined ? '' : ago(row, 'last_delivery_at', now)), paint: (cell) => c.dim(cell) },
  ];
  return tableLines(rows, columns, c, width - 2);
}

function failureLines(data: JsonObject, { colors: c, width, now }: StatusScreen): string[] {
  return objects(data.recent_failures).map((failure) => {
    const id = text(failure, 'execution_id') || text(failure, 'job_id');
    const head = `${sign('failed', c)} ${oneLine(text(failure, 'name'))}  `;
    const tail = `  ${ago(failure, 'at', now)}  ${id}`;
    return `${head}${c.red(clip(oneLine(`${text(failure, 'code')}: ${text(failure, 'message')}`), Math.max(20, width - tail.length - text(failure, 'name').length - 8)))}${c.dim(tail)}`;
  });
}

function changeLines(data: JsonObject, { colors: c, now }: StatusScreen): string[] {
  if (!isJsonObject(data.changes)) return [];
  const events = objects(data.changes.events);
  if (events.length === 0) return [c.dim('nothing changed')];
  const lines = events.map((event) => {
    const words = text(event, 'type').replace('_', ' ');
    const of =
      text(event, 'execution_id') || text(event, 'job_id') || text(event, 'session_id') || (isJsonObject(event.data) ? oneLine(text(event.data, 'name')) : '');
    return `${c.dim(padEnd(ago(event, 'at', now), 11))} ${inStatusColor(words.split(' ')[1] ?? '', padEnd(words, 18), c)}  ${c.dim(`${of} ${text(event, 'step')}`.trim())}`;
  });
  return data.changes.truncated === true ? [...lines, c.dim(`more with --since ${text(data.changes, 'next_cursor')}`)] : lines;
}

function scheduleText(schedules: JsonObject, now: number): string {
  const counts = ['active', 'paused', 'completed']
    .filter((key) => number(schedules, key) > 0)
    .map((key) => `${number(schedules, key).toLocaleString('en')} ${key}`);
  const next = isJsonObject(schedules.next_fire) ? schedules.next_fire : undefined;
  return `${counts.join(', ')}${next === undefined ? '' : `; next ${oneLine(text(next, 'name'))} ${ago(next, 'at', now)}, by ${oneLine(text(next, 'fired_by'))}`}`;
}

/** With --since. */
function amissLines(data: JsonObject, { colors: c, now }: StatusScreen): string[] {
  const rows = isJsonObject(data.schedules) ? objects(data.schedules.not_as_planned) : [];
  return rows.map((row) => {
    const counts = isJsonObject(row.counts) ? row.counts : {};
    const said = Object.keys(counts).map((status) => inStatusColor(status, `${number(counts, status).toLocaleString('en')} ${status}`, c));
    if (number(row, 'failed_runs') > 0) said.push(c.red(count(number(row, 'failed_runs'), 'failed run')));
    const newest = isJsonObject(row.newest) ? row.newest : {};
    return `${oneLine(text(row, 'name'))}  ${said.join(', ')}  ${c.dim(`${ago(newest, 'planned_at', now)} ${oneLine(text(newest, 'reason'))}`)}`;
  });
}
