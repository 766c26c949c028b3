// Owns cancel and redrive by filter: a bounded number per call, only what the action acts on, and the reply says whether more is left.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { Job } from '../../src/domain/job.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Backend, ExecutionSummary } from '../../src/store/backend.ts';
import type { ListFilter, Page } from '../../src/store/port/common.ts';
import type { ToolContext } from '../tool.ts';

const AT_ONCE = 1_000;
/** Of one page, and of what is written without a pause. */
const PIECE = 100;
const PAGES = 200;
const IDS_SHOWN = 20;

export const BULK_ACTIONS = ['cancel', 'redrive'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];
export type BulkKind = 'executions' | 'jobs';

const FILTERS: Readonly<Record<BulkKind, readonly string[]>> = {
  executions: ['status', 'workflow', 'session_id', 'since', 'until', 'older_than', 'text'],
  jobs: ['status', 'queue', 'task', 'batch', 'session_id', 'error_code', 'since', 'until', 'older_than', 'text'],
};

/** On which status each acts; the first list is taken when no status is given. */
const STATUSES: Readonly<Record<BulkAction, Readonly<Record<BulkKind, { readonly usual: readonly string[]; readonly all: readonly string[] }>>>> = {
  cancel: {
    executions: { usual: ['running', 'waiting', 'paused', 'pending'], all: ['running', 'waiting', 'paused', 'pending'] },
    jobs: { usual: ['pending', 'retry', 'running'], all: ['pending', 'retry', 'running'] },
  },
  redrive: { executions: { usual: [], all: [] }, jobs: { usual: ['failed'], all: ['failed', 'cancelled'] } },
};

export interface BulkRequest {
  readonly action: BulkAction;
  readonly kind: BulkKind;
  /** Wire names of the filters that were given. */
  readonly given: readonly string[];
  readonly filter: ListFilter;
  readonly reason: string;
  readonly dryRun: boolean;
}

export async function controlMany({ engine, caller }: ToolContext, request: BulkRequest): Promise<JsonObject> {
  const { action, kind, filter, reason } = request;
  check(request);
  const { usual } = STATUSES[action][kind];
  const found = gather(engine.backend, request, filter.status === undefined ? usual : [filter.status]);
  const told = { action, kind, replayed: false };
  if (request.dryRun)
    return {
      ...told,
      status: 'dry_run',
      dry_run: true,
      count: found.ids.length,
      ids: found.ids.slice(0, IDS_SHOWN),
      more: found.more,
      next: ['Without dry_run it is done.'],
    };
  const act = (id: string): Promise<unknown> => {
    if (action === 'redrive') return engine.backend.redriveJob({ jobId: id }).then(({ kind: how }) => refuseUnless(how === 'redriven'));
    return kind === 'executions' ? engine.tasks.cancel(id, reason, caller) : engine.cancelJob(id, reason);
  };
  const done: string[] = [];
  for (let at = 0; at < found.ids.length; at += PIECE) {
    const piece = found.ids.slice(at, at + PIECE);
    const outcomes = await Promise.all(piece.map((id) => counted(act(id))));
    done.push(...piece.filter((_, i) => outcomes[i]));
  }
  const shows = action === 'redrive' ? `list kind=${kind} filter.status=pending shows them` : `list kind=${kind} filter.status=cancelled shows them`;
  return {
    ...told,
    status: action === 'redrive' ? 'pending' : 'cancelling',
    count: done.length,
    ids: done.slice(0, IDS_SHOWN),
    more: found.more,
    next: found.more ? ['Call again for the rest.'] : [shows],
  };
}

function check({ action, kind, given, filter }: BulkRequest): void {
  const { all } = STATUSES[action][kind];
  if (all.length === 0) throw new LogisticsError('invalid_input', `${action} does not act on ${kind}.`, { path: 'filter.kind', expected: 'jobs' });
  const allowed = FILTERS[kind];
  const idle = given.find((name) => !allowed.includes(name));
  const verb = action === 'cancel' ? 'cancelling' : 'redriving';
  if (idle !== undefined)
    throw new LogisticsError('invalid_input', `The filter ${idle} does not act on ${verb} ${kind}.`, {
      path: `filter.${idle}`,
      expected: `one of ${allowed.join(', ')}`,
    });
  if (given.length === 0)
    throw new LogisticsError('invalid_input', `Nothing narrows which ${kind} are meant.`, {
      path: 'filter',
      expected: `at least one of ${allowed.join(', ')}`,
    });
  if (filter.status !== undefined && !all.includes(filter.status)) {
    const cannot = action === 'cancel' ? 'cannot be cancelled' : 'cannot be redriven';
    throw new LogisticsError('invalid_input', `${kind} that are ${filter.status.slice(0, 40)} ${cannot}.`, {
      path: 'filter.status',
      expected: `one of ${all.join(', ')}`,
    });
  }
}

function refuseUnless(done: boolean): void {
  if (!done) throw new LogisticsError('invalid_transition', 'It changed meanwhile.');
}

/** What changed meanwhile is no failure of the whole. */
async function counted(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof LogisticsError && (error.code === 'invalid_transition' || error.code === 'not_found')) return false;
    throw error;
  }
}

interface Found {
  readonly ids: string[];
  readonly more: boolean;
}

function gather(backend: Backend, { action, kind, filter }: BulkRequest, statuses: readonly string[]): Found {
  const openRun = (row: ExecutionSummary): boolean => row.stopping === null && row.parent === null;
  const ownJob = (job: Job): boolean => job.executionId === null && (action === 'redrive' || !job.cancelRequested);
  return kind === 'executions'
    ? pages(statuses, (p) => backend.listExecutions(p), filter, openRun)
    : pages(statuses, (p) => backend.listJobs(p), filter, ownJob);
}

function pages<T extends { readonly id: string }>(
  statuses: readonly string[],
  list: (p: { filter: ListFilter; limit: number; cursor: string | null }) => Page<T>,
  filter: ListFilter,
  wanted: (row: T) => boolean,
): Found {
  const ids: string[] = [];
  let seen = 0;
  for (const status of statuses) {
    let cursor: string | null = null;
    do {
      if (ids.length >= AT_ONCE || seen++ >= PAGES) return { ids: ids.slice(0, AT_ONCE), more: true };
      const page = list({ filter: { ...filter, status }, limit: PIECE, cursor });
      for (const row of page.items) if (wanted(row)) ids.push(row.id);
      cursor = page.nextCursor;
    } while (cursor !== null);
  }
  return { ids: ids.slice(0, AT_ONCE), more: ids.length > AT_ONCE };
}
