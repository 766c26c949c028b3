// Owns retry by control: failed steps, and what was skipped because of them, run again; what completed never does.
import type { PlanNode } from '../plan.ts';
import { emptyStepRow, isTerminal, type StepRow } from '../workflow-execution.ts';
import { consider } from './activate.ts';
import { isOpen } from './counters.ts';
import { type Draft, STEP_CHANGES } from './draft.ts';
import { redone } from './each-redo.ts';
import { expandEach } from './for-each.ts';
import { isMainRunning } from './phase.ts';
import { type NeedCounts, outcomeOf } from './trigger-rule.ts';

/** Rows and edges that one part reads at most. */
const SCAN_STEPS = 1_000;
const SCAN_EDGES = 10_000;

/** The execution is back in its main phase; the passes below decide what runs. */
export function beginRetry(draft: Draft): void {
  const { execution } = draft;
  const { timeoutMs } = draft.plan.definition;
  Object.assign(execution, {
    phase: 'main',
    phaseCursor: 1,
    error: null,
    output: null,
    endedAt: null,
    stopping: null,
    paused: false,
    retries: execution.retries + 1,
  });
  if (timeoutMs !== undefined) {
    execution.deadlineAt = draft.now + timeoutMs;
    draft.setTimer('execution_deadline', null, execution.deadlineAt);
  }
  draft.events.push({ type: 'workflow_started', data: { retry: execution.retries } });
  draft.work.push({ k: 'recount', from: 0 });
}

/**
 * First pass, in topological order so that the needs of a step are settled before it: what runs again becomes pending, and
 * every count is made anew from the rows. Nothing starts before this pass is through.
 */
export function recount(draft: Draft, from: number): void {
  const { nodes, order, mainCount } = draft.plan;
  let edges = 0;
  for (let at = from; at < nodes.length; at++) {
    if (!draft.fits(1) || at - from >= SCAN_STEPS || edges >= SCAN_EDGES) {
      draft.later.push({ k: 'recount', from: at });
      return;
    }
    const node = draft.node(at < mainCount ? (order[at] as number) : at);
    const row = draft.row(node.index);
    edges += node.needs.length;
    if (node.region === 'main') recountStep(draft, node, row);
    else if (isTerminal(row.status) && row.status !== 'completed') draft.put(node.index, emptyStepRow(node.index));
  }
  draft.execution.phaseCursor = 0;
  draft.work.push({ k: 'arm', from: 0 });
}

function recountStep(draft: Draft, node: PlanNode, row: Readonly<StepRow>): void {
  const counts = { needsCompleted: 0, needsFailed: 0, needsSkipped: 0 };
  let needRunsAgain = false;
  for (const need of node.needs) {
    const outcome = outcomeOf(draft.row(need));
    if (outcome === null) needRunsAgain = true;
    else counts[outcome]++;
  }
  if (runsAgain(row, needRunsAgain)) draft.put(node.index, { ...emptyStepRow(node.index), ...counts, each: row.each === null ? null : redone(row.each) });
  else if (differs(row, counts)) draft.put(node.index, counts);
}

/** A skip is void when one of the needs that led to it runs again; it is decided anew. */
function runsAgain(row: Readonly<StepRow>, needRunsAgain: boolean): boolean {
  if (row.status === 'failed') return !row.tolerated;
  return row.status === 'cancelled' || (row.status === 'skipped' && needRunsAgain);
}

function differs(row: Readonly<StepRow>, counts: NeedCounts): boolean {
  return row.needsCompleted !== counts.needsCompleted || row.needsFailed !== counts.needsFailed || row.needsSkipped !== counts.needsSkipped;
}

/**
 * Every pending step whose rule has come true starts or is skipped, and every open forEach is filled: the second pass of a
 * retry, which must be through with the first, and what follows a pause, in which nothing starts.
 */
export function arm(draft: Draft, from: number): void {
  const { order } = draft.plan;
  for (let at = from; at < order.length; at++) {
    if (!isMainRunning(draft) || draft.execution.paused || draft.execution.phaseCursor !== 0) return;
    if (!draft.fits(STEP_CHANGES) || at - from >= SCAN_STEPS) {
      draft.later.push({ k: 'arm', from: at });
      return;
    }
    const index = order[at] as number;
    consider(draft, index);
    // One that has just begun has its first items, or is on its way to them.
    expandEach(draft, index);
  }
}

/** The first completed compensation, if any: what it undid cannot be taken as done by a retry. */
export function firstUndone(draft: Draft): PlanNode | undefined {
  const undone = draft.plan.compensations.find((index) => draft.row(index).status === 'completed' || isOpen(draft.row(index).status));
  return undone === undefined ? undefined : draft.node(undone);
}
