// Owns what the store is given to fire schedules: planned times, jitter, rendered inputs and the last check of a target.
import type { Evaluator } from '../domain/evaluator.ts';
import type { ScheduleSupport } from '../store/backend.ts';
import { jitterOf } from './jitter.ts';
import { createPlannedTimes } from './planned-times.ts';
import { evaluateWhen, renderInput } from './schedule-scope.ts';

/** What only the floors above know of targets; each throws a LogisticsError for a run that can never be. */
export type TargetAdmission = Pick<ScheduleSupport, 'admitJob' | 'admitRun' | 'needsOf' | 'offers'>;

export function createScheduleSupport(evaluator: Evaluator, admission: TargetAdmission): ScheduleSupport {
  return {
    plannedTimes: createPlannedTimes(),
    delayOf: jitterOf,
    inputOf: (facts, template) => renderInput(evaluator, facts, template),
    wakes: (source, facts, last, context) => evaluateWhen(evaluator, source, facts, last, context),
    ...admission,
  };
}
