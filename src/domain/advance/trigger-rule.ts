// Owns the trigger rules: from counts of finished needs to a verdict that no order of arrival can change.
import type { SkipReason, StepRow } from '../workflow-execution.ts';
import type { TriggerRule } from '../workflow-step.ts';

/** Finished needs per outcome. */
export interface NeedCounts {
  readonly needsCompleted: number;
  readonly needsFailed: number;
  readonly needsSkipped: number;
}

/** `wait`: cannot be said yet; `fire`: the step starts; otherwise why it is skipped. */
export type Verdict = 'wait' | 'fire' | SkipReason;

/** Verdict of a rule over `needs` needs; a step without needs fires under every rule. */
export function decideRule(rule: TriggerRule, needs: number, counts: NeedCounts): Verdict {
  if (needs === 0) return 'fire';
  const { needsCompleted: completed, needsFailed: failed, needsSkipped: skipped } = counts;
  const allDone = completed + failed + skipped >= needs;
  switch (rule) {
    case 'all_success':
      if (failed > 0) return 'upstream_failed';
      if (!allDone) return 'wait';
      return skipped > 0 ? 'upstream_skipped' : 'fire';
    case 'all_done':
    case 'always':
      return allDone ? 'fire' : 'wait';
    case 'all_failed':
      if (completed > 0 || skipped > 0) return 'trigger_rule';
      return allDone ? 'fire' : 'wait';
    case 'one_success':
      if (completed > 0) return 'fire';
      if (!allDone) return 'wait';
      return failed > 0 ? 'upstream_failed' : 'upstream_skipped';
    case 'one_failed':
      if (failed > 0) return 'fire';
      return allDone ? 'trigger_rule' : 'wait';
    case 'none_failed':
      if (failed > 0) return 'upstream_failed';
      return allDone ? 'fire' : 'wait';
    case 'none_skipped':
      if (skipped > 0) return 'trigger_rule';
      return allDone ? 'fire' : 'wait';
  }
}

/** Which count of its dependents a finished step raises; null while it is not finished. */
export function outcomeOf(row: StepRow): keyof NeedCounts | null {
  switch (row.status) {
    case 'completed':
      return 'needsCompleted';
    case 'failed':
      return row.tolerated ? 'needsCompleted' : 'needsFailed';
    case 'cancelled':
      return 'needsFailed';
    case 'skipped':
      return row.skipReason === 'upstream_failed' ? 'needsFailed' : 'needsSkipped';
    default:
      return null;
  }
}
