// Owns what can be listed, by which filters, and how one page of each kind looks.
import { LogisticsError } from '../../src/domain/errors.ts';
import { JOB_STATUSES } from '../../src/domain/job.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { nearMatches } from '../../src/domain/near-match.ts';
import { PROJECT_STATUSES } from '../../src/domain/project.ts';
import { SCHEDULE_STATUSES } from '../../src/domain/schedule.ts';
import { SESSION_STATUSES } from '../../src/domain/session.ts';
import { WORKER_STATUSES } from '../../src/domain/worker-agent.ts';
import { EXECUTION_STATUSES } from '../../src/domain/workflow-execution.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import type { ListFilter, Page } from '../../src/store/port/common.ts';
import { executionRow } from '../wire/execution.ts';
import { jobRow } from '../wire/job.ts';
import { workerRow } from '../wire/lease.ts';
import { insightRows } from '../wire/performance.ts';
import { processRow } from '../wire/process.ts';
import { projectRow } from '../wire/project.ts';
import { queueRows } from '../wire/queue.ts';
import { poolRow } from '../wire/resource.ts';
import { sessionRow } from '../wire/session.ts';
import { workflowRow } from '../wire/workflow.ts';
import { eventPage } from './events-view.ts';
import { checkKept } from './kept-events.ts';
import { offsetOf } from './paged-text.ts';
import { schedulesPage } from './schedule-list.ts';

export const LIST_KINDS = [
  'workflows',
  'executions',
  'jobs',
  'schedules',
  'sessions',
  'workers',
  'resources',
  'projects',
  'queues',
  'events',
  'insights',
] as const;
export type ListKind = (typeof LIST_KINDS)[number];

/** Worker agents in one list; those that were not seen for longest are left out. */
const MAX_WORKERS = 500;
const NO_POOLS =
  'No pool is defined: define_pool (tool set resources) or pools in the configuration make one; {detect: true} offers cores and memory of this machine.';
const NO_AGENTS =
  'No worker agent has registered: an agent does so with claim_job (tool set workers), an agent command with logistics-mcp worker --exec "<command>" --capability <name>.';

const NO_INSIGHTS = 'Nothing has run yet: failures that are alike, flaky and slow steps, late runs and work by the hour stand here once jobs have ended.';

const NO_PROJECTS =
  'There is no project yet: create_project (tool set projects) makes one, of a template if you like; logistics-mcp project create on the command line.';

export interface ListRequest {
  readonly engine: OrchestrationEngine;
  readonly filter: ListFilter;
  readonly limit: number;
  readonly cursor: string | null;
}

interface Listing {
  /** Wire names of the filters that act. */
  readonly filters: readonly string[];
  readonly statuses?: readonly string[];
  readonly page: (request: ListRequest) => JsonObject;
}

const LISTINGS: Partial<Readonly<Record<ListKind, Listing>>> = {
  workflows: { filters: ['workflow', 'project', 'since', 'until', 'text', 'namespace'], page: (r) => pageOf(r.engine.backend.listDefinitions(r), workflowRow) },
  executions: {
    filters: ['status', 'workflow', 'project', 'session_id', 'execution_id', 'since', 'until', 'text', 'namespace'],
    statuses: EXECUTION_STATUSES,
    page: (r) => pageOf(r.engine.backend.listExecutions(r), executionRow),
  },
  jobs: {
    filters: ['status', 'queue', 'task', 'project', 'session_id', 'execution_id', 'batch', 'dead', 'error_code', 'since', 'until', 'text', 'namespace'],
    statuses: JOB_STATUSES,
    page: (r) => pageOf(r.engine.backend.listJobs(r), jobRow),
  },
  sessions: {
    filters: ['status', 'since', 'until', 'text', 'namespace'],
    statuses: SESSION_STATUSES,
    page: (r) => pageOf(r.engine.backend.listSessions(r), sessionRow),
  },
  schedules: { filters: ['status', 'project', 'session_id', 'text'], statuses: SCHEDULE_STATUSES, page: schedulesPage },
  projects: {
    filters: ['status', 'text', 'namespace'],
    statuses: PROJECT_STATUSES,
    page: (r) => {
      const page = pageOf(r.engine.backend.listProjects(r), projectRow);
      return (page.items as JsonObject[]).length > 0 || r.cursor !== null ? page : { ...page, next: [NO_PROJECTS] };
    },
  },
  workers: { filters: ['status', 'text', 'since', 'until', 'namespace'], statuses: WORKER_STATUSES, page: workers },
  queues: { filters: ['queue', 'task', 'namespace'], page: queues },
  resources: { filters: ['text'], page: resources },
  insights: { filters: ['workflow', 'task', 'since'], page: insights },
  events: { filters: ['session_id', 'execution_id', 'since', 'namespace'], page: events },
};

/** Wire names of the filters that act on a kind. */
export function filtersOf(kind: ListKind): readonly string[] {
  return LISTINGS[kind]?.filters ?? [];
}

export function listPage(kind: ListKind, given: readonly string[], request: ListRequest): JsonObject {
  const listing = LISTINGS[kind];
  if (listing === undefined)
    throw new LogisticsError('not_available', `${kind} are not built yet.`, { path: 'kind', expected: `one of ${Object.keys(LISTINGS).join(', ')}` });
  const idle = given.find((name) => !listing.filters.includes(name));
  if (idle !== undefined) {
    throw new LogisticsError('invalid_input', `The filter ${idle} does not act on ${kind}.`, {
      path: `filter.${idle}`,
      expected: `filters of ${kind}: ${listing.filters.join(', ')}`,
      nearMatches: nearMatches(idle, listing.filters),
    });
  }
  const { status } = request.filter;
  if (status !== undefined && listing.statuses !== undefined && !listing.statuses.includes(status)) {
    throw new LogisticsError('invalid_input', `${kind} have no status "${status.slice(0, 40)}".`, {
      path: 'filter.status',
      expected: `one of ${listing.statuses.join(', ')}`,
      nearMatches: nearMatches(status, listing.statuses),
    });
  }
  return { kind, ...listing.page(request) };
}

function pageOf<T>(page: Page<T>, row: (item: T) => JsonObject): JsonObject {
  return { items: page.items.map(row), count: page.items.length, ...(page.nextCursor === null ? {} : { next_cursor: page.nextCursor, truncated: true }) };
}

/** Short lists are made whole and shown by offset. */
function offsetPage(r: ListRequest, rows: readonly JsonObject[]): JsonObject {
  const start = offsetOf(r.cursor ?? undefined, rows.length);
  const items = rows.slice(start, start + r.limit);
  const next = start + items.length;
  return { items, count: items.length, ...(next < rows.length ? { next_cursor: String(next), truncated: true } : {}) };
}

function queues(r: ListRequest): JsonObject {
  const { namespace, queue, task } = r.filter;
  const { backend, now } = r.engine;
  const stats = backend.queueStats({ namespace, queue }).filter((row) => task === undefined || row.task === task);
  const known = backend.queueSettings({ namespace, queue });
  const shown = task === undefined ? known : known.filter((one) => stats.some((row) => row.queue === one.queue && row.namespace === one.namespace));
  return offsetPage(r, queueRows(shown, stats, now));
}

/** Pools with what of them is used, by name. */
function resources(r: ListRequest): JsonObject {
  const { text } = r.filter;
  const pools = r.engine.resources.status().filter((pool) => text === undefined || pool.name.includes(text));
  const page = offsetPage(r, pools.map(poolRow));
  return pools.length > 0 || text !== undefined ? page : { ...page, next: [NO_POOLS] };
}

/** What is amiss, the worst first, then task types and hours; of the last day, or since a time. */
function insights(r: ListRequest): JsonObject {
  const { since, workflow, task } = r.filter;
  const { engine } = r;
  const rows = insightRows(engine.performance(since === undefined ? {} : { windowMs: Math.max(0, engine.now - since) })).filter(
    (row) => (workflow === undefined || row.workflow === workflow) && (task === undefined || row.task === task),
  );
  const page = offsetPage(r, rows);
  return rows.length > 0 || (workflow ?? task) !== undefined ? page : { ...page, next: [NO_INSIGHTS] };
}

/** Worker agents, the active ones first, and processes; a filter that only agents have leaves the processes out. */
function workers(r: ListRequest): JsonObject {
  const { backend } = r.engine;
  const { namespace, status, text, since, until } = r.filter;
  const processes =
    (status ?? text ?? since ?? until) === undefined ? backend.listProcesses().filter((p) => namespace === undefined || p.namespace === namespace) : [];
  const agents = backend.listWorkers({ filter: r.filter, limit: MAX_WORKERS, cursor: null }).items;
  const active = agents.filter((worker) => worker.status === 'active');
  const gone = agents.filter((worker) => worker.status !== 'active');
  const page = offsetPage(r, [...active.map(workerRow), ...processes.map(processRow), ...gone.map(workerRow)]);
  return agents.length > 0 || text !== undefined || status !== undefined ? page : { ...page, next: [NO_AGENTS] };
}

/** Without a cursor or a time the newest entries; always oldest first, so that next_cursor goes on from there. */
function events(r: ListRequest): JsonObject {
  const of = { namespace: r.filter.namespace, executionId: r.filter.executionId, sessionId: r.filter.sessionId };
  const log = r.engine.backend;
  const { limit, filter } = r;
  if (r.cursor === null && filter.since === undefined) {
    const newest = [...log.readEvents({ after: 0, limit, newestFirst: true, ...of })].reverse();
    return rename(eventPage(newest, limit, log.status().lastCursor));
  }
  const after = r.cursor === null ? log.cursorAt((filter.since as number) - 1) : offsetOf(r.cursor, Number.MAX_SAFE_INTEGER);
  if (r.cursor !== null) checkKept(r.engine, after);
  return rename(eventPage(log.readEvents({ after, limit: limit + 1, ...of }), limit, after));
}

function rename({ events: items, ...rest }: JsonObject): JsonObject {
  return { items: items as JsonObject[], count: (items as JsonObject[]).length, ...rest };
}
