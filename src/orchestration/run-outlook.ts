// Owns the outlook of a run: what its rows say of each step, and with what is known of durations how far it is and when it ends.
import type { DurationSource } from '../domain/duration-estimate.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import { isTerminal } from '../domain/workflow-execution.ts';
import { outlookOf, type RunOutlook, type StepStanding } from '../optimization/remaining.ts';
import type { Backend, ExecutionSummary, StepView } from '../store/backend.ts';
import { toldBy } from './told-by-definition.ts';

export interface RunOutlookParts {
  readonly backend: Pick<Backend, 'getSteps' | 'planOf'>;
  readonly evaluator: Evaluator;
  readonly source: DurationSource;
  /** Jobs that run at once. */
  readonly slots: number;
  readonly now: number;
  readonly withEnd: boolean;
}

const PAGE = 2_000;
const STILL: StepStanding = { state: 'open', elapsedMs: 0, waitMs: null, items: null };

/** Null for a run that has ended, or whose definition is gone. A run that is paused, or waits to begin, has no end in sight. */
export function runOutlook(row: ExecutionSummary, parts: RunOutlookParts): RunOutlook | null {
  const { backend, source, slots, now } = parts;
  const plan = isTerminal(row.status) ? null : backend.planOf(row.hash);
  if (plan === null) return null;
  const standing = new Map<number, StepStanding>();
  for (let after = -1; ; ) {
    const page = backend.getSteps({ executionId: row.id, after, limit: PAGE });
    for (const step of page) standing.set(step.index, standingOf(step, now));
    if (page.length < PAGE) break;
    after = (page.at(-1) as StepView).index;
  }
  const items: Record<string, number> = {};
  for (const [at, stand] of standing) if (stand.items !== null && at < plan.mainCount) items[plan.nodes[at]?.id ?? ''] = stand.items.total;
  const told = toldBy(plan, row.input, parts.evaluator, now);
  const known = { source, waits: told.waits, items: { ...told.items, ...items } };
  const outlook = outlookOf(plan, (node) => standing.get(node) ?? STILL, { known, slots, withEnd: parts.withEnd });
  const held = row.paused ? 'it is paused' : row.status === 'pending' ? 'it has not begun' : row.stopping !== null ? 'it is being stopped' : null;
  return held === null ? outlook : { ...outlook, left: null, unknown: held };
}

function standingOf(step: StepView, now: number): StepStanding {
  const items = step.each === null ? null : { total: step.each.total, done: step.each.completed + step.each.failed };
  const elapsedMs = step.startedAt === null ? 0 : Math.max(0, now - step.startedAt);
  if (isTerminal(step.status)) return { state: 'ended', elapsedMs, waitMs: null, items };
  if (step.status === 'retry') return { state: 'waiting', elapsedMs, waitMs: Math.max(0, (step.nextAttemptAt ?? now) - now), items };
  if (step.status === 'waiting') {
    const until = step.wait?.kind === 'timer' ? step.wait.until : null;
    return { state: 'waiting', elapsedMs, waitMs: until === null ? null : Math.max(0, until - now), items };
  }
  return { state: step.status === 'running' ? 'running' : 'open', elapsedMs, waitMs: null, items };
}
