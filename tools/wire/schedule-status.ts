// Owns the schedules in the system status: what is due next and who fires it, and what did not go as planned since a time.
import type { JsonObject } from '../../src/domain/json.ts';
import type { SchedulesStatus } from '../../src/orchestration/schedule-status.ts';
import type { ScheduleAccount } from '../../src/store/backend.ts';
import { compact, iso, shortText } from './compact.ts';
import { localTime, targetId, targetText } from './schedule.ts';

/** Nothing where there is no schedule and none went wrong. */
export function schedulesToWire({ counts, next, since }: SchedulesStatus, top: number): JsonObject | undefined {
  const total = counts.active + counts.paused + counts.completed;
  if (total === 0 && (since === null || since.length === 0)) return undefined;
  return compact({
    active: counts.active,
    paused: counts.paused,
    completed: counts.completed,
    next_fire:
      next === null
        ? undefined
        : compact({
            schedule_id: next.schedule.id,
            name: next.schedule.name,
            starts: targetText(next.schedule.target),
            at: localTime(next.schedule.nextAt, next.schedule.rule),
            fired_by: next.who.by,
            after_this_client: next.who.afterThis,
          }),
    not_as_planned: since === null ? undefined : since.slice(0, top).map(accountToWire),
    not_as_planned_total: since === null || since.length <= top ? undefined : since.length,
  });
}

function accountToWire({ scheduleId, name, counts, failedRuns, newest, countedFrom }: ScheduleAccount): JsonObject {
  return compact({
    schedule_id: scheduleId,
    name,
    counts: { ...counts },
    failed_runs: failedRuns === 0 ? undefined : failedRuns,
    counted_from: countedFrom === null ? undefined : iso(countedFrom),
    newest:
      newest === null
        ? undefined
        : compact({
            planned_at: iso(newest.until),
            status: newest.status,
            reason: newest.reason === null ? undefined : shortText(newest.reason, 150),
            ...targetId(newest.runId),
          }),
  });
}
