// Owns the window of a forEach: how many items are live, which comes next, when the tolerance is exceeded; O(1) per item.
import type { ErrorData } from '../errors.ts';
import type { Json } from '../json.ts';
import type { PlanNode } from '../plan.ts';
import { requiresOf } from '../task-versions.ts';
import { DEFAULT_FOREACH_WINDOW, MAX_FOREACH_ITEMS } from '../workflow-definition.ts';
import type { EachState, StepRow } from '../workflow-execution.ts';
import { isTooWide } from './bounds.ts';
import { startChild } from './child.ts';
import { isOpen } from './counters.ts';
import type { Draft } from './draft.ts';
import { itemSource } from './each-redo.ts';
import { mayStart } from './phase.ts';
import { evaluateFor } from './scope.ts';
import { cancelStep, completeStep, errorData, failStep, waitLimitMs } from './step-end.ts';

/** Items looked at in one go: bounds the time when none of them changes a row. */
const EXPAND_ITEMS = 500;

export interface ItemEnd {
  readonly item: number;
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly error: ErrorData | null;
  readonly attempts: number;
  readonly startedAt: number | null;
}

/** Starts a forEach; after a retry its items are known and the completed ones stay completed. */
export function startEach(draft: Draft, node: PlanNode): void {
  const each = draft.row(node.index).each ?? readItems(draft, node);
  if (each === null) return;
  if ('code' in each) {
    failStep(draft, node.index, each);
    return;
  }
  const waits = node.kind === 'workflow.run';
  draft.put(node.index, { status: waits ? 'waiting' : 'ready', readyAt: draft.now, startedAt: waits ? draft.now : null, each });
  if (waits) {
    draft.events.push({ type: 'step_started', stepId: node.id, data: { task: node.kind, items: each.total } });
    const limit = waitLimitMs(node);
    if (limit !== null) draft.setTimer('wait_timeout', node.index, draft.now + limit);
  }
  expandEach(draft, node.index);
}

/** Evaluates the list and keeps it; or says why it cannot; null when a budget does not allow as many. */
function readItems(draft: Draft, node: PlanNode): EachState | ErrorData | null {
  if (node.kind !== 'task' && node.kind !== 'workflow.run') {
    return errorData('not_available', `forEach cannot be used with ${node.kind}.`, { expected: 'a task that does work, or workflow.run' });
  }
  const evaluated = evaluateFor(draft, node, node.step.forEach as Json);
  if (!evaluated.ok) return evaluated.error;
  const items = evaluated.value;
  if (!Array.isArray(items)) {
    const got = items === null ? 'null' : typeof items;
    return errorData('invalid_input', 'forEach did not give a list.', { path: 'forEach', expected: 'a list', details: { got } });
  }
  const total = items.length;
  if (total > MAX_FOREACH_ITEMS)
    return errorData('limit_exceeded', `forEach got ${total} items.`, { path: 'forEach', expected: `at most ${MAX_FOREACH_ITEMS} items` });
  if (isTooWide(draft, node, total)) return null;
  if (total > 0) draft.putItems(node.index, items);
  return { total, next: 0, live: 0, completed: 0, failed: 0, cancelled: 0, stopping: false, redo: null, first: null };
}

/** Starts items until the window is full; what does not fit into this transition goes on in the next. */
export function expandEach(draft: Draft, index: number): void {
  const node = draft.node(index);
  const row = draft.row(index);
  if (row.each === null || !isOpen(row.status)) return;
  const each = { ...row.each };
  const window = node.step.maxParallel ?? DEFAULT_FOREACH_WINDOW;
  const next = itemSource(draft, index, each, window - each.live);
  let looked = 0;
  while (mayStart(draft, node) && !draft.execution.paused && !each.stopping && each.live < window && hasMore(each)) {
    const isFull = !draft.fits(2);
    if (isFull || looked++ >= EXPAND_ITEMS) {
      (isFull ? draft.work : draft.later).push({ k: 'expand', step: index });
      break;
    }
    const item = next();
    if (item === null) continue;
    const error = startItem(draft, node, row, item);
    if (error === null) each.live++;
    else countFailure(node, each, item, error);
  }
  if (looked > 0) draft.put(index, { each });
  if (each.stopping && !row.each.stopping) stopItems(draft, node, each);
  endEach(draft, index);
}

/** True while some item was not started, or after a retry not looked at. */
function hasMore(each: EachState): boolean {
  return each.redo !== null || each.next < each.total;
}

function startItem(draft: Draft, node: PlanNode, row: Readonly<StepRow>, item: number): ErrorData | null {
  if (node.kind === 'workflow.run') {
    const child = startChild(draft, node, { item: draft.item(node.index, item), index: item });
    return 'error' in child ? child.error : null;
  }
  addStepJob(draft, node, item, row.readyAt ?? draft.now);
  return null;
}

/** The job of a step or of one item; the deadline counts from the moment the step was ready. */
export function addStepJob(draft: Draft, node: PlanNode, item: number | null, readyAt: number): void {
  const { step } = node;
  draft.addJob({
    id: draft.env.newId('job'),
    step: node.index,
    item,
    task: step.task,
    queue: step.queue ?? 'default',
    priority: step.priority ?? draft.execution.priority,
    requires: requiresOf(node.requires, step.task, draft.execution.taskVersions),
    deadlineAt: step.deadlineMs === undefined ? null : readyAt + step.deadlineMs,
    ...(step.resources === undefined ? {} : { resources: step.resources }),
  });
}

/** One item ended: counts it, refills the window by one, ends the step with the last. */
export function settleItem(draft: Draft, index: number, end: ItemEnd): void {
  const node = draft.node(index);
  const row = draft.row(index);
  if (row.each === null || !isOpen(row.status) || row.each.live === 0) return;
  const each = { ...row.each, live: row.each.live - 1 };
  if (end.status === 'completed') each.completed++;
  else if (end.status === 'cancelled' && (each.stopping || !mayStart(draft, node))) each.cancelled++;
  else countFailure(node, each, end.item, end.error ?? errorData('cancelled', 'It was cancelled.'));
  draft.put(index, {
    each,
    status: row.status === 'waiting' ? 'waiting' : 'running',
    attempts: Math.max(row.attempts, end.attempts),
    startedAt: earlier(row.startedAt, end.startedAt),
  });
  if (each.stopping && !row.each.stopping) stopItems(draft, node, each);
  if (each.stopping) endEach(draft, index);
  else expandEach(draft, index);
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

function countFailure(node: PlanNode, each: EachState, item: number, error: ErrorData): void {
  each.failed++;
  if (each.first === null || item < each.first.item) each.first = { item, error };
  if (isBeyondTolerance(node, each)) each.stopping = true;
}

function isBeyondTolerance(node: PlanNode, each: EachState): boolean {
  const allowed = node.step.tolerateFailures ?? { count: 0 };
  return 'count' in allowed ? each.failed > allowed.count : each.failed * 100 > allowed.percent * each.total;
}

/** Asks what is live to stop; jobs that do not are ended after the grace period. */
export function stopItems(draft: Draft, node: PlanNode, each: EachState): void {
  if (each.live === 0) return;
  draft.work.push({ k: 'stop_step', step: node.index, after: '', force: false });
  if (node.kind === 'task') draft.setTimer('force_stop', node.index, draft.now + draft.env.limits.graceMs);
}

/** Ends the step when no item is live and none will start. */
export function endEach(draft: Draft, index: number): void {
  const node = draft.node(index);
  const row = draft.row(index);
  const { each } = row;
  if (each === null || each.live > 0 || !isOpen(row.status)) return;
  if (isBeyondTolerance(node, each)) {
    failStep(draft, index, eachError(each));
  } else if (each.completed + each.failed === each.total) {
    completeStep(draft, index, { kind: 'items' }, { data: { items: each.total, ...(each.failed > 0 ? { failed: each.failed } : {}) } });
  } else if (row.error !== null) {
    failStep(draft, index, row.error);
  } else if (each.stopping || !hasMore(each)) {
    cancelStep(draft, index);
  }
}

function eachError(each: EachState): ErrorData {
  const { failed, completed, total, first } = each;
  const reason = first === null ? '' : ` First, item ${first.item}: ${first.error.message}`;
  return errorData(first?.error.code ?? 'handler_failed', `${failed} of ${total} items failed, ${completed} completed.${reason}`, {
    retryable: false,
    details: { failed, completed, total, firstItem: first?.item ?? null, firstError: (first?.error ?? null) as Json },
  });
}

/** The wait of a forEach over child executions took too long: its children are cancelled, then it fails. */
export function timeOutEach(draft: Draft, index: number, dueAt: number): void {
  const node = draft.node(index);
  const row = draft.row(index);
  const limit = waitLimitMs(node);
  if (row.each === null || row.status !== 'waiting' || limit === null || dueAt < (row.startedAt ?? 0) + limit) return;
  const each = { ...row.each, stopping: true };
  draft.put(index, { each, error: row.error ?? errorData('timeout', `Its child executions did not end within ${limit} ms.`) });
  stopItems(draft, node, each);
  endEach(draft, index);
}
