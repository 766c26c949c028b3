// Owns the stop of a run: one write that nothing starts after, then a scan in parts that ends what is live.
import type { WorkItem } from '../transition.ts';
import type { ExecutionRow } from '../workflow-execution.ts';
import { isOpen } from './counters.ts';
import type { Draft } from './draft.ts';
import { endEach } from './for-each.ts';
import { cancelStep } from './step-end.ts';

const SCAN_STEPS = 50;

type StopStep = Extract<WorkItem, { k: 'stop_step' }>;

/** Marks the execution as stopping; a pause ends with it, so that compensations can run. */
export function beginStop(draft: Draft, stop: Pick<NonNullable<ExecutionRow['stopping']>, 'as' | 'code' | 'message'>): void {
  const { execution } = draft;
  execution.stopping = { ...stop, at: draft.now, scanned: false };
  execution.paused = false;
  if (execution.deadlineAt !== null) draft.clearTimer('execution_deadline', null);
  if (execution.stepsRunning > 0) draft.setTimer('force_stop', null, draft.now + draft.env.limits.graceMs);
  draft.work.push({ k: 'stop', after: -1, force: false });
}

/** Lists open steps in parts; with `force` running jobs are ended, not asked. */
export function scanStop(draft: Draft, after: number, force: boolean): void {
  // Steps that opened in this very transition are not in the view's list yet.
  if (draft.hasOpened) {
    draft.later.push({ k: 'stop', after, force });
    return;
  }
  const { execution } = draft;
  const rows = draft.view.openSteps(after, SCAN_STEPS);
  const last = rows.at(-1);
  if (last !== undefined && rows.length === SCAN_STEPS) draft.work.push({ k: 'stop', after: last.index, force });
  else if (execution.stopping !== null) execution.stopping = { ...execution.stopping, scanned: true };
  for (const row of rows) draft.work.push({ k: 'stop_step', step: row.index, after: '', force });
}

/**
 * Stops one step. A pending job ends at once; a running one, or a child execution, is asked and the step ends with its
 * answer. A job that is not live any more has sent its answer already.
 */
export function stopStep(draft: Draft, work: StopStep): void {
  const row = draft.row(work.step);
  if (!isOpen(row.status)) return;
  if (draft.isBusy(work.step)) {
    draft.later.push(work);
    return;
  }
  const isRun = draft.node(work.step).kind === 'workflow.run';
  if (row.status === 'waiting' && !isRun) {
    cancelStep(draft, work.step);
    return;
  }
  if (row.each !== null && !row.each.stopping) draft.put(work.step, { each: { ...row.each, stopping: true } });
  if (isRun) stopChildren(draft, work);
  else stopJobs(draft, work);
  endEach(draft, work.step);
}

// Jobs looked at in one read; about as many as one transition can stop.
const LIVE_PAGE = 200;

function stopJobs(draft: Draft, work: StopStep): void {
  for (let full = true; full; ) {
    const page = draft.view.liveJobs(work.step, work.after, LIVE_PAGE);
    full = page.length === LIVE_PAGE;
    for (const job of page) {
      if (!draft.fits(3)) {
        draft.work.push(work);
        return;
      }
      const force = work.force || !job.running;
      if (draft.cancelJob(job.jobId, force) && force) {
        const { each } = draft.row(work.step);
        if (each === null) cancelStep(draft, work.step);
        else draft.put(work.step, { each: { ...each, live: each.live - 1, cancelled: each.cancelled + 1 } });
      }
      work = { ...work, after: job.jobId };
    }
  }
}

function stopChildren(draft: Draft, work: StopStep): void {
  // A child has a grace period of its own; forcing it from here would only tell it twice.
  if (work.force) return;
  const { stopping, id } = draft.execution;
  const event = {
    type: 'cancel',
    reason: stopping?.message ?? 'Too many other items of its parent failed.',
    code: stopping?.code ?? 'cancelled',
    by: id,
  } as const;
  for (const child of sortedAfter(draft.view.liveChildren(work.step), (live) => live.executionId, work.after)) {
    if (!draft.fits(2)) {
      draft.work.push(work);
      return;
    }
    draft.send(child.executionId, event);
    work = { ...work, after: child.executionId };
  }
}

function sortedAfter<T>(live: readonly T[], idOf: (one: T) => string, after: string): T[] {
  return live.filter((one) => idOf(one) > after).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}
