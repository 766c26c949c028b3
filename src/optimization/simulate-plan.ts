// Owns what a plan may become: many dispatches on the virtual clock, with durations, failures and retries drawn from what is known.
import type { Random } from '../domain/clock.ts';
import { nextDelayMs } from '../domain/retry-policy.ts';
import { dispatchPlan, type WorkPlan } from './make-plan.ts';
import type { PlanTask } from './plan-model.ts';
import { drawMs } from './spread.ts';

/** Of the runs that did not fail; null when all did. */
export interface MakespanSpread {
  readonly samples: number;
  readonly p10Ms: number | null;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  /** Share of the runs that failed, 0 to 1. */
  readonly failedShare: number;
  /** Share of all runs that end in time; null without a deadline. */
  readonly inTimeShare: number | null;
}

/** Enough for an interval of a tenth, not so many that a large plan takes seconds: half a million items in all. */
export function samplesFor(items: number): number {
  return Math.max(20, Math.min(1_000, Math.floor(500_000 / Math.max(1, items))));
}

export function simulatePlan(plan: WorkPlan, p: { readonly random: Random; readonly samples: number }): MakespanSpread {
  const { tasks, goal } = plan;
  const ends: number[] = [];
  let failed = 0;
  for (let i = 0; i < p.samples; i++) {
    const run = dispatchPlan(plan, (at, _item, attempt, speed) => attemptOf(tasks[at] as PlanTask, attempt, speed, p.random));
    if (run.failed) failed++;
    else ends.push(run.makespanMs);
  }
  ends.sort((a, b) => a - b);
  const at = (share: number): number | null => ends[Math.min(ends.length - 1, Math.floor(share * ends.length))] ?? null;
  const { deadlineMs } = goal;
  return {
    samples: p.samples,
    p10Ms: at(0.1),
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    failedShare: failed / p.samples,
    inTimeShare: deadlineMs === undefined ? null : ends.filter((end) => end <= deadlineMs).length / p.samples,
  };
}

const FAILURE = { code: 'handler_failed', message: '', retryable: true, nextActions: [] };

function attemptOf(task: PlanTask, attempt: number, speed: number, random: Random): { runMs: number; failed: boolean; againMs: number | null } {
  const runMs = drawMs(task.estimate, random) / speed;
  const failed = task.kind === 'slot' && task.estimate.failureRate > 0 && random() < task.estimate.failureRate;
  return { runMs, failed, againMs: failed ? nextDelayMs(task.retry, attempt, FAILURE, random) : null };
}
