// Owns what can be read of a schedule: itself with its next fires, its ledger, and why it did or did not run.
import type { JsonObject } from '../../src/domain/json.ts';
import type { Occurrence, Schedule } from '../../src/domain/schedule.ts';
import { budgetToWire } from '../wire/budget.ts';
import { iso } from '../wire/compact.ts';
import { occurrenceToWire, scheduleReply, statusOf } from '../wire/schedule.ts';
import { lineageView } from './lineage-view.ts';
import { explainSchedule } from './schedule-explain.ts';
import { missing, showView, type ViewRequest, type Views } from './view.ts';

const SHOWN = 20;

const VIEWS: Views = {
  summary: (r) => summary(r, require(r)),
  events: (r) => ledgerView(r, require(r)),
  explain: (r) => explainSchedule(r.engine, require(r)),
  lineage: (r) => lineageView(r),
};

export function scheduleView(request: ViewRequest): JsonObject {
  return showView('A schedule', VIEWS, request);
}

function require({ engine, id }: ViewRequest): Schedule {
  const found = engine.schedules.get(id);
  if (found === null) throw missing('schedule', id, 'schedules');
  return found;
}

function summary({ engine }: ViewRequest, schedule: Schedule): JsonObject {
  const last = engine.schedules.ledger(schedule.id, { limit: 1, cursor: null }).items[0];
  return {
    schedule_id: schedule.id,
    ...scheduleReply(engine, schedule, engine.schedules.describe(schedule)),
    runs: schedule.runs,
    failures: schedule.failures,
    ...budgetToWire(engine.budgets.of('schedule', schedule.id)),
    ...(last === undefined ? {} : { last: occurrenceToWire(last, schedule.rule) }),
    created_at: iso(schedule.createdAt),
    ...(schedule.deletedAt === null ? {} : { deleted_at: iso(schedule.deletedAt) }),
    next: ['view=events is its ledger, view=explain says why it did not run', 'control action=pause, resume, trigger, backfill, update, delete'],
  };
}

/** The newest planned times first. */
function ledgerView(r: ViewRequest, schedule: Schedule): JsonObject {
  const page = r.engine.schedules.ledger(schedule.id, { limit: r.limit ?? SHOWN, cursor: r.cursor ?? null });
  return {
    schedule_id: schedule.id,
    status: statusOf(schedule),
    events: page.items.map((entry: Occurrence) => occurrenceToWire(entry, schedule.rule)),
    ...(page.nextCursor === null ? {} : { next_cursor: page.nextCursor, truncated: true }),
    ...(page.items.length === 0 ? { next: ['Nothing was planned yet; view=summary shows the next fires.'] } : {}),
  };
}
