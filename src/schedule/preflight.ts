// Owns the check of a target before anything depends on it: what can never run is refused, what nobody can run now is a warning.
import type { Json } from '../domain/json.ts';
import type { ScheduleTarget } from '../domain/schedule.ts';
import type { ScheduleSpec } from '../store/backend.ts';
import { under } from './schedule-error.ts';

/** What the floors above know of targets. */
export interface ScheduleTargets {
  /**
   * Throws a LogisticsError with the path for a target that can never run with this input: no such workflow, no such task type, an input
   * that does not fit. Gives what may keep a run waiting, such as a capability that nobody offers or a secret that is not there.
   */
  check(target: ScheduleTarget, input: Json): readonly string[];
  /** The name behind an alias of a task type; throws unknown_task_type. */
  taskName(name: string): string;
}

/** Checks target and condition of a schedule with the input of its next fire. */
export function preflight(targets: ScheduleTargets, spec: Pick<ScheduleSpec, 'target' | 'when'>, input: Json, whenInput: Json): string[] {
  const warnings = [...targets.check(spec.target, input)];
  if (spec.when?.kind === 'task') {
    const asked = { kind: 'job', task: spec.when.task, queue: 'default', priority: 50, retry: null, timeoutMs: null, requires: [] } as const;
    warnings.push(...under('when', () => targets.check({ ...asked, requires: [] }, whenInput)));
  }
  return warnings;
}
