// Owns how each kind of list looks, and what an empty one teaches.
import { formatDuration } from '../../domain/duration.ts';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { inStatusColor, sign } from './symbols.ts';
import { type Column, tableLines } from './table.ts';
import { type Colors, count } from './text.ts';
import { ago, moment, number, objects, text } from './wire.ts';

export interface ListScreen {
  readonly now: number;
  readonly width: number;
  readonly colors: Colors;
  /** Some filter narrows the list. */
  readonly filtered: boolean;
}

type Columns = (screen: ListScreen) => readonly Column<JsonObject>[];

const plain = (title: string, key: string, more: Partial<Column<JsonObject>> = {}): Column<JsonObject> => ({ title, text: (row) => text(row, key), ...more });
const when = (title: string, key: string, { now, colors }: ListScreen): Column<JsonObject> => ({
  title,
  text: (row) => ago(row, key, now),
  paint: (cell) => colors.dim(cell),
});
const status = ({ colors }: ListScreen): Column<JsonObject> => ({
  title: 'status',
  text: (row) => `${sign(text(row, 'status'), NO_COLORS)} ${text(row, 'status')}`,
  paint: (cell, row) => inStatusColor(text(row, 'status'), cell, colors),
});
const digits = (key: string): Column<JsonObject> => ({ title: key, text: (row) => number(row, key).toLocaleString('en'), right: true });

const same = (cell: string | number | null | undefined): string => String(cell);
/** Signs without paint: a cell is painted as a whole. */
const NO_COLORS = { green: same, red: same, cyan: same, yellow: same, dim: same } as unknown as Colors;

const KINDS: Readonly<Record<string, Columns>> = {
  workflows: (s) => [
    plain('name', 'name'),
    { title: 'version', text: (row) => `v${text(row, 'version')}`, right: true },
    { title: 'steps', text: (row) => text(row, 'steps_total'), right: true },
    when('stored', 'created_at', s),
    plain('id', 'workflow_id'),
    plain('description', 'description', { flexible: true, paint: (cell) => s.colors.dim(cell) }),
  ],
  executions: (s) => [
    plain('id', 'execution_id'),
    plain('workflow', 'workflow', { flexible: true }),
    status(s),
    { title: 'steps', text: (row) => `${text(row, 'steps_done')}/${text(row, 'steps_total')}`, right: true },
    when('started', 'created_at', s),
    { title: 'took', text: (row) => took(row, 'created_at', 'ended_at'), right: true, paint: (cell) => s.colors.dim(cell) },
    plain('error', 'error_code', { paint: (cell) => s.colors.red(cell) }),
  ],
  jobs: (s) => [
    plain('id', 'job_id'),
    { title: 'job', text: jobName, flexible: true },
    status(s),
    plain('queue', 'queue'),
    { title: 'attempt', text: (row) => (number(row, 'attempt') > 1 ? text(row, 'attempt') : ''), right: true },
    when('enqueued', 'created_at', s),
    { title: 'due', text: (row) => ((moment(row, 'run_at') ?? 0) > s.now ? ago(row, 'run_at', s.now) : '') },
    { title: 'error', text: (row) => `${text(row, 'error_code')}${row.dead === true ? ' (dead)' : ''}`, paint: (cell) => s.colors.red(cell) },
  ],
  queues: () => [
    plain('queue', 'queue'),
    ...['pending', 'running', 'retry', 'completed', 'failed', 'cancelled'].map(digits),
    { title: 'last minute', text: (row) => (isJsonObject(row.last_minute) ? number(row.last_minute, 'completed').toLocaleString('en') : ''), right: true },
    { title: 'mean run', text: meanRun, right: true },
    { title: 'oldest', text: (row) => (row.oldest_wait_ms === undefined ? '' : formatDuration(number(row, 'oldest_wait_ms'))), right: true },
    { title: 'limits', text: queueLimits },
  ],
  insights: (s) => [
    plain('what', 'insight'),
    { title: 'where', text: (row) => [text(row, 'workflow'), text(row, 'step'), text(row, 'task')].filter((part) => part !== '').join(' / '), flexible: true },
    { title: 'count', text: (row) => text(row, 'count') || text(row, 'recovered') || text(row, 'completed') || text(row, 'samples'), right: true },
    { title: 'how', text: howOf, flexible: true },
    when('last', 'last_at', s),
    { title: 'example', text: (row) => text(row, 'example') || text(row, 'execution_id'), paint: (cell) => s.colors.dim(cell) },
  ],
  resources: (s) => [
    plain('pool', 'pool'),
    plain('type', 'type'),
    { title: 'used', text: (row) => amountsText(row.used), flexible: true },
    { title: 'capacity', text: (row) => amountsText(row.capacity) },
    { title: 'unit', text: (row) => amountsText(row.unit), paint: (cell) => s.colors.dim(cell) },
    plain('refill', 'refill'),
    digits('waiting'),
  ],
  sessions: (s) => [
    plain('id', 'session_id'),
    plain('name', 'name', { flexible: true }),
    status(s),
    plain('mode', 'mode'),
    when('created', 'created_at', s),
    when('expires', 'expires_at', s),
  ],
  workers: (s) => [
    { title: 'worker', text: (row) => text(row, 'name') || `${text(row, 'role')} ${text(row, 'pid')}` },
    { title: 'status', text: (row) => text(row, 'status') || 'process', paint: (cell, row) => inStatusColor(text(row, 'status'), cell, s.colors) },
    { title: 'can do', text: (row) => (Array.isArray(row.capabilities) ? row.capabilities.join(', ') : ''), flexible: true },
    { title: 'jobs', text: (row) => (row.capacity === undefined ? text(row, 'running_jobs') : `${text(row, 'held')}/${text(row, 'capacity')}`), right: true },
    { title: 'seen', text: (row) => ago(row, 'last_seen_at', s.now) || ago(row, 'heartbeat_at', s.now), paint: (cell) => s.colors.dim(cell) },
    { title: 'lease', text: (row) => ago(row, 'lease_expires_at', s.now), paint: (cell) => s.colors.dim(cell) },
    { title: 'id', text: (row) => text(row, 'worker_id') || text(row, 'host') },
  ],
  schedules: (s) => [
    plain('name', 'name'),
    status(s),
    plain('rule', 'rule', { flexible: true }),
    plain('zone', 'timezone', { paint: (cell) => s.colors.dim(cell) }),
    plain('starts', 'target'),
    when('next', 'next_at', s),
    { title: 'last', text: (row) => lastFire(row, s.now), paint: (cell, row) => inStatusColor(lastStatus(row), cell, s.colors) },
    { title: 'runs', text: (row) => number(row, 'runs').toLocaleString('en'), right: true },
    plain('id', 'schedule_id', { paint: (cell) => s.colors.dim(cell) }),
  ],
  projects: (s) => [
    plain('name', 'name', { flexible: true }),
    status(s),
    plain('milestones', 'milestones'),
    plain('template', 'template', { paint: (cell) => s.colors.dim(cell) }),
    when('changed', 'updated_at', s),
    plain('id', 'project_id', { paint: (cell) => s.colors.dim(cell) }),
  ],
  events: (s) => [
    plain('cursor', 'cursor', { right: true, paint: (cell) => s.colors.dim(cell) }),
    when('when', 'at', s),
    plain('event', 'type'),
    { title: 'of', text: (row) => text(row, 'execution_id') || text(row, 'job_id') || text(row, 'session_id') },
    { title: 'step', text: (row) => `${text(row, 'step')}${row.item === undefined ? '' : `[${text(row, 'item')}]`}` },
    { title: 'data', text: (row) => text(row, 'data') || text(row, 'data_preview'), flexible: true, paint: (cell) => s.colors.dim(cell) },
  ],
};

const EMPTY: Readonly<Record<string, readonly string[]>> = {
  workflows: ['No workflows are stored.', 'logistics-mcp import <file>', 'logistics-mcp run <file> runs one without storing it'],
  executions: ['No workflow has run yet.', 'logistics-mcp run <file>'],
  jobs: ['There are no jobs.', `logistics-mcp enqueue echo '{"value": "hello"}' --wait`],
  queues: ['There are no queues; the first job makes one.', `logistics-mcp enqueue echo '{"value": "hello"}' --queue mail`],
  schedules: [
    'There are no schedules.',
    'logistics-mcp schedule cron "0 9 * * 1-5" --timezone Europe/Berlin --workflow <name>',
    'logistics-mcp schedule every 15m --task http.request --input url=https://example.org',
  ],
  projects: ['There are no projects.', 'logistics-mcp project templates', 'logistics-mcp project create <name>'],
  resources: ['No pool of resources is defined.', 'pools in the configuration, or define_pool over MCP (tool set resources)'],
  sessions: ['There are no sessions; an agent makes one with create_session.'],
  workers: [
    'No process or worker agent works here.',
    'logistics-mcp worker',
    'logistics-mcp worker --exec "<agent command>" --capability review',
    'or connect an MCP host: claude mcp add logistics -- npx -y logistics-mcp',
  ],
  events: ['Nothing has happened yet.', 'logistics-mcp run <file>'],
  insights: [
    'Nothing has run yet: failures that are alike, flaky and slow steps, late runs and work by the hour stand here later.',
    'logistics-mcp run <file>',
  ],
};

/** One amount, or one by key: `cores 8, memory 16`. */
export function amountsText(value: Json | undefined): string {
  if (isJsonObject(value))
    return Object.entries(value)
      .map(([key, amount]) => `${key} ${amount as number}`)
      .join(', ');
  return value === undefined || value === null ? '' : String(value);
}

export function listLines(kind: string, data: JsonObject, screen: ListScreen): string[] {
  const { colors: c } = screen;
  const rows = objects(data.items);
  const cursor = text(data, 'next_cursor');
  if (rows.length === 0) return emptyLines(kind, screen);
  const columns = KINDS[kind]?.(screen) ?? Object.keys(rows[0] as JsonObject).map((key) => plain(key, key));
  const lines = tableLines(rows, columns, c, screen.width);
  if (data.truncated === true && cursor !== '') lines.push('', c.dim(`${count(rows.length, 'row')}; more with --cursor ${cursor}`));
  return lines;
}

function emptyLines(kind: string, { colors: c, filtered }: ListScreen): string[] {
  if (filtered) return [`No ${kind} match.`, `  ${c.dim('→')} logistics-mcp list ${kind}`];
  const [head = `There are no ${kind}.`, ...actions] = EMPTY[kind] ?? [];
  return [head, ...actions.map((action) => `  ${c.dim('→')} ${action}`)];
}

/** A step's job is known by its step. */
function jobName(row: JsonObject): string {
  const item = row.item === undefined ? '' : `[${text(row, 'item')}]`;
  return text(row, 'name') || (row.step === undefined ? text(row, 'task') : `${text(row, 'step')}${item}`);
}

function took(row: JsonObject, from: string, to: string): string {
  const start = moment(row, from);
  const end = moment(row, to);
  return start === null || end === null ? '' : formatDuration(end - start);
}

/** Whether a queue is paused, and its limits. */
export function queueLimits(row: JsonObject): string {
  const rate = isJsonObject(row.rate_limit) ? `${text(row.rate_limit, 'limit')}/${text(row.rate_limit, 'period')}` : '';
  return [row.paused === true ? 'paused' : '', row.concurrency === undefined ? '' : `${text(row, 'concurrency')} at once`, rate].filter(Boolean).join(', ');
}

function meanRun(row: JsonObject): string {
  const tasks = objects(row.tasks).filter((task) => typeof task.mean_run_ms === 'number');
  const runs = tasks.reduce((sum, task) => sum + number(task, 'completed') + number(task, 'failed'), 0);
  if (runs === 0) return '';
  return formatDuration(tasks.reduce((sum, task) => sum + number(task, 'mean_run_ms') * (number(task, 'completed') + number(task, 'failed')), 0) / runs);
}

function lastStatus(row: JsonObject): string {
  return isJsonObject(row.last) ? text(row.last, 'result') || text(row.last, 'status') : '';
}

function lastFire(row: JsonObject, now: number): string {
  return isJsonObject(row.last) ? `${lastStatus(row)} ${ago(row.last, 'planned_at', now)}` : '';
}

/** What an insight says of its place, in few words. */
function howOf(row: JsonObject): string {
  const ms = (key: string): string => formatDuration(number(row, key));
  switch (text(row, 'insight')) {
    case 'failures':
      return [text(row, 'code'), text(row, 'worker')].filter((part) => part !== '').join(' on ');
    case 'late':
      return `${ms('late_ms')} past its sla of ${ms('sla_ms')}`;
    case 'slow_step':
      return `${ms('p50_ms')} instead of ${ms('before_p50_ms')} (${text(row, 'times')}x)`;
    case 'flaky_step':
      return `${text(row, 'percent')} % completed only after a failure`;
    case 'task':
      return `p50 ${ms('p50_ms')}, p95 ${ms('p95_ms')}, ${text(row, 'failed_percent')} % failed`;
    case 'hour':
      return `from ${text(row, 'from').slice(11, 16)} UTC: ${number(row, 'failed')} failed, ${number(row, 'retries')} retried`;
    default:
      return '';
  }
}
