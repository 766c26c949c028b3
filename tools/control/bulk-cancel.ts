// Owns cancelling by filter: a bounded number per call, only what is open, and the reply says whether more is left.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { ListFilter, Page } from '../../src/store/backend.ts';
import type { ToolContext } from '../tool.ts';

const AT_ONCE = 100;
const PAGES = 20;
const OPEN_EXECUTIONS = ['running', 'waiting', 'paused', 'pending'];
const OPEN_JOBS = ['pending', 'retry', 'running'];

export const BULK_FILTERS = {
  executions: ['status', 'workflow', 'session_id', 'since', 'until', 'text'],
  jobs: ['status', 'queue', 'task', 'session_id', 'since', 'until', 'text'],
} as const;
export type BulkKind = keyof typeof BULK_FILTERS;

export async function cancelMany(
  { engine, caller }: ToolContext,
  kind: BulkKind,
  given: readonly string[],
  filter: ListFilter,
  reason: string,
): Promise<JsonObject> {
  const open = kind === 'executions' ? OPEN_EXECUTIONS : OPEN_JOBS;
  check(kind, given, filter, open);
  const statuses = filter.status === undefined ? open : [filter.status];
  const { backend } = engine;
  const found =
    kind === 'executions'
      ? gather(
          statuses,
          (p) => backend.listExecutions(p),
          filter,
          (row) => row.stopping === null && row.parent === null,
        )
      : gather(
          statuses,
          (p) => backend.listJobs(p),
          filter,
          (job) => job.executionId === null && !job.cancelRequested,
        );
  const outcomes = await Promise.all(
    found.ids.map((id) => (kind === 'executions' ? cancelOne(engine.tasks.cancel(id, reason, caller)) : cancelOne(engine.cancelJob(id, reason)))),
  );
  const ids = found.ids.filter((_, at) => outcomes[at]);
  return {
    action: 'cancel',
    kind,
    status: 'cancelling',
    replayed: false,
    count: ids.length,
    ids,
    more: found.more,
    next: found.more ? ['Call again for the rest.'] : [`list kind=${kind} filter.status=cancelled shows them`],
  };
}

function check(kind: BulkKind, given: readonly string[], filter: ListFilter, open: readonly string[]): void {
  const allowed: readonly string[] = BULK_FILTERS[kind];
  const idle = given.find((name) => !allowed.includes(name));
  if (idle !== undefined)
    throw new LogisticsError('invalid_input', `The filter ${idle} does not act on cancelling ${kind}.`, {
      path: `filter.${idle}`,
      expected: `one of ${allowed.join(', ')}`,
    });
  if (given.length === 0)
    throw new LogisticsError('invalid_input', `Nothing narrows which ${kind} are meant.`, {
      path: 'filter',
      expected: `at least one of ${allowed.join(', ')}`,
    });
  if (filter.status !== undefined && !open.includes(filter.status)) {
    throw new LogisticsError('invalid_input', `${kind} that are ${filter.status.slice(0, 40)} cannot be cancelled.`, {
      path: 'filter.status',
      expected: `one of ${open.join(', ')}`,
    });
  }
}

/** What ended meanwhile is no failure of the whole. */
async function cancelOne(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof LogisticsError && (error.code === 'invalid_transition' || error.code === 'not_found')) return false;
    throw error;
  }
}

function gather<T extends { readonly id: string }>(
  statuses: readonly string[],
  list: (p: { filter: ListFilter; limit: number; cursor: string | null }) => Page<T>,
  filter: ListFilter,
  wanted: (row: T) => boolean,
): { readonly ids: string[]; readonly more: boolean } {
  const ids: string[] = [];
  let pages = 0;
  for (const status of statuses) {
    let cursor: string | null = null;
    do {
      if (ids.length >= AT_ONCE || pages++ >= PAGES) return { ids: ids.slice(0, AT_ONCE), more: true };
      const page = list({ filter: { ...filter, status }, limit: AT_ONCE, cursor });
      for (const row of page.items) if (wanted(row)) ids.push(row.id);
      cursor = page.nextCursor;
    } while (cursor !== null);
  }
  return { ids: ids.slice(0, AT_ONCE), more: ids.length > AT_ONCE };
}
