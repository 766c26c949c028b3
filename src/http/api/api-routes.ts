// Owns which addresses the HTTP interface has, as data: what each does, from what it takes the arguments of a tool, and nothing that is not described.
import { claimJobTool } from '../../../tools/claim-job.ts';
import { closeSessionTool } from '../../../tools/close-session.ts';
import { actionsOf, type ControlKind } from '../../../tools/control/actions.ts';
import { controlTool } from '../../../tools/control.ts';
import { createProjectTool } from '../../../tools/create-project.ts';
import { createSessionTool } from '../../../tools/create-session.ts';
import { createWorkflowTool } from '../../../tools/create-workflow.ts';
import { enqueueJobTool } from '../../../tools/enqueue-job.ts';
import { executeWorkflowTool } from '../../../tools/execute-workflow.ts';
import { getTool } from '../../../tools/get.ts';
import { getSystemStatusTool } from '../../../tools/get-system-status.ts';
import { listTool } from '../../../tools/list.ts';
import { manageProjectTool, PROJECT_ACTIONS } from '../../../tools/manage-project.ts';
import { planWorkflowTool } from '../../../tools/plan-workflow.ts';
import { reportJobTool } from '../../../tools/report-job.ts';
import { scheduleCronTool } from '../../../tools/schedule-cron.ts';
import { scheduleRecurringTool } from '../../../tools/schedule-recurring.ts';
import { simulateScheduleTool } from '../../../tools/simulate-schedule.ts';
import type { ToolSpec } from '../../../tools/tool.ts';
import { filtersOf, type ListKind } from '../../../tools/views/lists.ts';
import type { View } from '../../../tools/views/view.ts';
import { waitTool } from '../../../tools/wait.ts';
import { type IdKind, kindOfId } from '../../domain/id.ts';
import type { JsonObject } from '../../domain/json.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
/** What is no call of a tool with its arguments from the address. */
export type OwnEndpoint = 'tools' | 'call_tool' | 'artifact' | 'events' | 'openapi';

interface Address {
  readonly method: Method;
  /** Behind /api/v1; {name} stands for one part. */
  readonly path: string;
  readonly summary: string;
  /** What {id} has to be. */
  readonly idKind?: IdKind | undefined;
  /** Values of {view} or {action}. */
  readonly choices?: readonly string[] | undefined;
}

export interface ToolRoute extends Address {
  readonly tool: ToolSpec;
  /** Arguments that the address decides. */
  readonly args: (parts: Readonly<Record<string, string>>) => JsonObject;
  /** Arguments that a caller may leave out here, though the tool takes something else then. */
  readonly defaults?: JsonObject | undefined;
  /** Query parameter -> its place in the arguments. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Where the body goes: the arguments themselves, or one of them. Absent: there is none. */
  readonly body?: { readonly under: string | null; readonly without: readonly string[] } | undefined;
}

export interface OwnRoute extends Address {
  readonly own: OwnEndpoint;
}

export type ApiRoute = ToolRoute | OwnRoute;

const BODY = { under: null, without: [] } as const;
const PAGE = { limit: 'limit', cursor: 'cursor' } as const;
const ABOUT = { ...PAGE, step: 'step', response_format: 'response_format' } as const;

function projectId(name: string): string {
  return kindOfId(name) === 'project' ? name : `project:${name}`;
}

function list(kind: ListKind): ToolRoute {
  const query = { ...PAGE, ...Object.fromEntries(filtersOf(kind).map((name) => [name, `filter.${name}`])) };
  return { method: 'GET', path: `/${kind}`, summary: `List ${kind}.`, tool: listTool, args: () => ({ kind }), query };
}

function get(folder: string, idKind: IdKind, views: readonly View[]): readonly ToolRoute[] {
  const article = /^[aeiou]/.test(idKind) ? 'an' : 'a';
  const query = folder === 'executions' ? ABOUT : { ...PAGE, response_format: 'response_format' };
  const one: ToolRoute = {
    method: 'GET',
    path: `/${folder}/{id}`,
    summary: `Read ${article} ${idKind}.`,
    idKind,
    tool: getTool,
    args: ({ id = '' }) => ({ id }),
    query,
  };
  return [
    one,
    {
      ...one,
      path: `/${folder}/{id}/{view}`,
      summary: `Read one view of ${article} ${idKind}.`,
      choices: views,
      args: ({ id = '', view = '' }) => ({ id, view }),
    },
  ];
}

function control(folder: string, kind: ControlKind & IdKind): ToolRoute {
  return {
    method: 'POST',
    path: `/${folder}/{id}/{action}`,
    summary: `Act on ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}.`,
    idKind: kind,
    choices: actionsOf(kind),
    tool: controlTool,
    args: ({ id = '', action = '' }) => ({ id, action }),
    body: { under: null, without: ['filter', 'dry_run'] },
  };
}

function wait(folder: string): ToolRoute {
  return {
    method: 'GET',
    path: `/${folder}/{id}/wait`,
    summary: 'Wait for the end; a timeout is a normal answer (met: false).',
    tool: waitTool,
    args: ({ id = '' }) => ({ ids: [id] }),
    query: { until: 'until', timeout_ms: 'timeout_ms', cursor: 'cursor' },
  };
}

function make(path: string, summary: string, tool: ToolSpec, defaults?: JsonObject): ToolRoute {
  return { method: 'POST', path, summary, tool, args: () => ({}), body: BODY, defaults };
}

function remove(folder: string, idKind: ControlKind & IdKind): ToolRoute {
  return {
    method: 'DELETE',
    path: `/${folder}/{id}`,
    summary: `Delete a ${idKind}.`,
    idKind,
    tool: controlTool,
    args: ({ id = '' }) => ({ id, action: 'delete' }),
  };
}

/** A path without {…} goes before one with, so `/executions/{id}/wait` is no view. */
export const API_ROUTES: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/status',
    summary: 'How it is going.',
    tool: getSystemStatusTool,
    args: () => ({}),
    query: { since: 'since', response_format: 'response_format' },
  },
  { method: 'GET', path: '/openapi.json', summary: 'This description.', own: 'openapi' },
  { method: 'GET', path: '/events', summary: 'Follow the event log as Server-Sent Events.', own: 'events' },
  { method: 'GET', path: '/tools', summary: 'List the tools, published workflows among them.', own: 'tools' },
  { method: 'POST', path: '/tools/{tool_name}', summary: 'Call a tool, or a published workflow.', own: 'call_tool' },
  list('workflows'),
  make('/workflows', 'Store a workflow; mode preview only checks it.', createWorkflowTool, { mode: 'apply' }),
  make('/workflows/plan', 'Plan a workflow before it runs (tool set planning).', planWorkflowTool),
  ...get('workflows', 'workflow', ['summary', 'steps', 'output', 'graph']),
  remove('workflows', 'workflow'),
  list('executions'),
  make('/executions', 'Run a workflow.', executeWorkflowTool),
  wait('executions'),
  ...get('executions', 'execution', ['summary', 'steps', 'events', 'output', 'logs', 'graph', 'timeline', 'explain', 'lineage']),
  control('executions', 'execution'),
  list('jobs'),
  make('/jobs', 'Enqueue a job or a batch.', enqueueJobTool),
  wait('jobs'),
  ...get('jobs', 'job', ['summary', 'events', 'output', 'logs', 'explain', 'lineage']),
  control('jobs', 'job'),
  list('schedules'),
  make('/schedules/cron', 'Schedule by a cron expression.', scheduleCronTool),
  make('/schedules/recurring', 'Schedule by a rule in words.', scheduleRecurringTool),
  make('/schedules/simulate', 'Try a rule without waiting (tool set planning).', simulateScheduleTool),
  ...get('schedules', 'schedule', ['summary', 'events', 'explain', 'lineage']),
  {
    method: 'PATCH',
    path: '/schedules/{id}',
    summary: 'Change a schedule; null takes a bound away.',
    idKind: 'schedule',
    tool: controlTool,
    args: ({ id = '' }) => ({ id, action: 'update' }),
    body: { under: 'change', without: [] },
  },
  control('schedules', 'schedule'),
  remove('schedules', 'schedule'),
  list('projects'),
  make('/projects', 'Create a project (tool set projects).', createProjectTool),
  {
    method: 'GET',
    path: '/projects/{name}',
    summary: 'Read a project, by its name or id.',
    tool: getTool,
    args: ({ name = '' }) => ({ id: projectId(name) }),
    query: { ...PAGE, response_format: 'response_format' },
  },
  {
    method: 'GET',
    path: '/projects/{name}/{view}',
    summary: 'Read one view of a project.',
    choices: ['summary', 'steps', 'graph'],
    tool: getTool,
    args: ({ name = '', view = '' }) => ({ id: projectId(name), view }),
    query: PAGE,
  },
  {
    method: 'POST',
    path: '/projects/{name}/{action}',
    summary: 'Act on a project (tool set projects).',
    choices: PROJECT_ACTIONS,
    tool: manageProjectTool,
    args: ({ name = '', action = '' }) => ({ project: name, action }),
    body: BODY,
  },
  list('sessions'),
  make('/sessions', 'Create a session.', createSessionTool),
  ...get('sessions', 'session', ['summary', 'events', 'lineage']),
  control('sessions', 'session'),
  {
    method: 'DELETE',
    path: '/sessions/{id}',
    summary: 'Close a session; policy cancel ends its work, too.',
    idKind: 'session',
    tool: closeSessionTool,
    args: ({ id = '' }) => ({ session_id: id }),
    query: { policy: 'policy' },
  },
  list('workers'),
  ...get('workers', 'worker', ['summary']),
  make('/workers/claim', 'Take work as a worker agent (tool set workers).', claimJobTool),
  make('/workers/report', 'Bring work back as a worker agent (tool set workers).', reportJobTool),
  list('queues'),
  {
    method: 'GET',
    path: '/queues/{name}',
    summary: 'Read a queue with settings and statistics.',
    tool: getTool,
    args: ({ name = '' }) => ({ id: `queue:${name}` }),
    query: PAGE,
  },
  {
    method: 'POST',
    path: '/queues/{name}/{action}',
    summary: 'Pause, resume or limit a queue.',
    choices: actionsOf('queue'),
    tool: controlTool,
    args: ({ name = '', action = '' }) => ({ id: `queue:${name}`, action }),
    body: { under: null, without: ['filter', 'dry_run'] },
  },
  {
    method: 'GET',
    path: '/artifacts/{id}',
    summary: 'The content of an artifact, as it is; Range: bytes=a-b reads a piece.',
    idKind: 'artifact',
    own: 'artifact',
  },
  {
    method: 'GET',
    path: '/artifacts/{id}/{view}',
    summary: 'Name, type, size, hash and a piece of the content of an artifact.',
    idKind: 'artifact',
    choices: ['summary'],
    tool: getTool,
    args: ({ id = '', view = '' }) => ({ id, view }),
    query: PAGE,
  },
];

export type Match =
  | { readonly kind: 'found'; readonly route: ApiRoute; readonly parts: Readonly<Record<string, string>> }
  /** The path is there, for other methods. */
  | { readonly kind: 'other_methods'; readonly methods: readonly string[] }
  | { readonly kind: 'none' };

interface Pattern {
  readonly route: ApiRoute;
  readonly pieces: readonly string[];
}

/** Cut once: by the number of parts and the first of them a few are left to look at. */
const PATTERNS = new Map<string, Pattern[]>();
for (const route of API_ROUTES) {
  const pieces = route.path.slice(1).split('/');
  const key = `${pieces.length} ${pieces[0]}`;
  PATTERNS.set(key, [...(PATTERNS.get(key) ?? []), { route, pieces }]);
}

/** HEAD is a GET without its body. */
export function findRoute(method: string, parts: readonly string[]): Match {
  const wanted = method === 'HEAD' ? 'GET' : method;
  const there = (PATTERNS.get(`${parts.length} ${parts[0]}`) ?? []).filter(({ pieces }) => pieces.every((piece, at) => piece === parts[at] || isNamed(piece)));
  if (there.length === 0) return { kind: 'none' };
  const found = there.find(({ route }) => route.method === wanted);
  if (found === undefined) {
    return { kind: 'other_methods', methods: [...new Set(there.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])))] };
  }
  const named = found.pieces.flatMap((piece, at) => (isNamed(piece) ? [[piece.slice(1, -1), parts[at] as string]] : []));
  return { kind: 'found', route: found.route, parts: Object.fromEntries(named) };
}

function isNamed(piece: string): boolean {
  return piece.startsWith('{');
}
