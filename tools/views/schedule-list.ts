// Owns one page of schedules: each with its next fire and what became of the newest planned time.
import type { JsonObject } from '../../src/domain/json.ts';
import { SCHEDULE_STATUSES, type Schedule, type ScheduleStatus } from '../../src/domain/schedule.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import type { ListFilter } from '../../src/store/port/common.ts';
import { compact } from '../wire/compact.ts';
import { localTime, scheduleRow, targetId } from '../wire/schedule.ts';

const NONE = [
  'There are no schedules yet. schedule_cron expression="0 9 * * 1-5" target={"workflow": "…"} makes one; schedule_recurring takes every: "15m", or at for a single moment.',
];

export function schedulesPage({
  engine,
  filter,
  limit,
  cursor,
}: {
  readonly engine: OrchestrationEngine;
  readonly filter: ListFilter;
  readonly limit: number;
  readonly cursor: string | null;
}): JsonObject {
  const { status, sessionId, text, project } = filter;
  const known = status === undefined ? undefined : (SCHEDULE_STATUSES.find((each) => each === status) as ScheduleStatus);
  const page = engine.schedules.list({ status: known, sessionId, text, project }, limit, cursor);
  const empty = page.items.length === 0 && cursor === null && (status ?? sessionId ?? text ?? project) === undefined;
  return {
    items: page.items.map((schedule) => ({ ...scheduleRow(schedule), ...lastOf(engine, schedule) })),
    count: page.items.length,
    ...(page.nextCursor === null ? {} : { next_cursor: page.nextCursor, truncated: true }),
    ...(empty ? { next: NONE } : {}),
  };
}

function lastOf(engine: OrchestrationEngine, schedule: Schedule): JsonObject {
  const last = engine.schedules.ledger(schedule.id, { limit: 1, cursor: null }).items[0];
  if (last === undefined) return {};
  return { last: compact({ planned_at: localTime(last.until, schedule.rule), status: last.status, result: last.result, ...targetId(last.runId) }) };
}
