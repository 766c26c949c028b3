// Owns the control actions of a schedule: pause, resume, a run now, past times again, a change, its end.
import { LogisticsError } from '../../src/domain/errors.ts';
import { isJsonObject, type JsonObject } from '../../src/domain/json.ts';
import type { Schedule } from '../../src/domain/schedule.ts';
import { readBudget } from '../../src/orchestration/budget-manager.ts';
import type { ChangedSchedule } from '../../src/schedule/schedule-replies.ts';
import { momentOf } from '../../src/schedule/schedule-words.ts';
import { underOwnPaths } from '../schedules/own-paths.ts';
import { patchOf } from '../schedules/update.ts';
import { missing } from '../views/view.ts';
import { budgetToWire } from '../wire/budget.ts';
import { compact } from '../wire/compact.ts';
import { localTime, scheduleReply, scheduleRow, targetId } from '../wire/schedule.ts';
import { BUDGET_SET } from './execution-control.ts';
import type { ControlRequest } from './request.ts';

export async function controlSchedule(request: ControlRequest): Promise<JsonObject> {
  const { context, id, action, reason, receipt } = request;
  const { schedules } = context.engine;
  const schedule = schedules.get(id);
  if (schedule === null) throw missing('schedule', id, 'schedules');
  switch (action) {
    case 'pause':
      return told(
        request,
        await schedules.pause(id, reason, receipt),
        'Planned times that pass now are recorded as skipped_paused; runs that it started go on.',
      );
    case 'resume':
      return told(request, await schedules.resume(id, receipt), 'It fires again from its next planned time on; what passed meanwhile is recorded as skipped.');
    case 'trigger':
      return trigger(request, schedule);
    case 'backfill':
      return backfill(request, schedule);
    case 'update':
      return update(request, schedule);
    default: {
      const { replayed } = await schedules.delete(id, receipt);
      const message = 'It fires no more and its name is free; runs that it started go on, and its ledger stays readable by this id for a while.';
      return { schedule_id: id, name: schedule.name, action, status: 'deleted', replayed, message, next: [`get id=${id} view=events`] };
    }
  }
}

/** The schedule as it stands after the action. */
function told({ id, action }: ControlRequest, { replayed, ...schedule }: ChangedSchedule, message: string): JsonObject {
  return { ...scheduleRow(schedule), schedule_id: id, action, status: schedule.status, replayed, message, next: [`get id=${id} shows its next fires`] };
}

async function trigger({ context, id, action, input, receipt }: ControlRequest, schedule: Schedule): Promise<JsonObject> {
  const { engine, caller } = context;
  const owner = { principal: caller.principal, sessionId: caller.sessionId };
  const result = await engine.schedules.trigger(id, { input }, owner, receipt);
  const message =
    result.targetId !== null
      ? 'It started a run now; its planned times stay as they are.'
      : result.status === 'buffered'
        ? 'It starts once the run before it has ended (overlap).'
        : 'It started nothing; view=events says why.';
  return {
    schedule_id: id,
    action,
    status: result.status,
    planned_at: localTime(result.plannedAt, schedule.rule) as string,
    ...targetId(result.targetId),
    replayed: result.replayed,
    message,
    next: result.targetId === null ? [`get id=${id} view=events`] : [`wait ids=["${result.targetId}"]`],
  };
}

async function backfill({ context: { engine, caller }, id, action, from, to, limit, receipt }: ControlRequest, schedule: Schedule): Promise<JsonObject> {
  const zone = schedule.rule.timezone;
  const range = { from: momentOf(from ?? null, zone, 'from') as number, to: momentOf(to ?? null, zone, 'to') as number };
  if (range.to < range.from)
    throw new LogisticsError('invalid_input', 'The range ends before it begins.', { path: 'to', expected: 'a moment at or after from' });
  const owner = { principal: caller.principal, sessionId: caller.sessionId };
  const result = await engine.schedules.backfill(id, { ...range, limit }, owner, receipt);
  const more = result.nextFrom === null ? undefined : localTime(result.nextFrom, schedule.rule);
  return {
    schedule_id: id,
    action,
    status: schedule.status,
    ...compact({ planned: result.planned, fired: result.fired, buffered: result.buffered, already: result.already, next_from: more }),
    replayed: result.replayed,
    message: result.planned === 0 ? 'No time was planned in that range.' : 'They run oldest first, one after the other.',
    next: more === undefined ? [`get id=${id} view=events`] : [`control action=backfill from=${more} goes on`],
  };
}

async function update({ context, id, action, scheduleChange = {}, receipt }: ControlRequest, schedule: Schedule): Promise<JsonObject> {
  const { engine, caller } = context;
  const { budget, ...rest } = scheduleChange;
  if (budget !== undefined) {
    if (budget !== null && !isJsonObject(budget))
      throw new LogisticsError('invalid_input', 'The budget is no object.', { path: 'change.budget', expected: '{attempts: 100}, or null for none' });
    readBudget(budget, 'change.budget');
  }
  if (budget !== undefined && Object.keys(rest).length === 0) {
    const { replayed } = await engine.budgets.set('schedule', id, budget as JsonObject | null, receipt);
    const after = engine.schedules.get(id) ?? schedule;
    return {
      schedule_id: id,
      action,
      ...scheduleReply(engine, after, engine.schedules.describe(after)),
      ...budgetToWire(engine.budgets.of('schedule', id)),
      replayed,
      message: BUDGET_SET,
    };
  }
  const known = engine.schedules.recall(receipt);
  const { patch, notes } = known === null ? await underOwnPaths(() => patchOf(rest, schedule, engine.now), 'change.') : { patch: {}, notes: [] };
  const owner = { principal: caller.principal, sessionId: caller.sessionId };
  const changed = await underOwnPaths(() => engine.schedules.update(id, patch, owner, receipt), 'change.');
  if (budget !== undefined) await engine.budgets.set('schedule', id, budget as JsonObject | null);
  return {
    schedule_id: id,
    action,
    ...scheduleReply(engine, changed, engine.schedules.describe(changed), notes),
    ...budgetToWire(engine.budgets.of('schedule', id)),
    replayed: changed.replayed,
    message: 'What was due before was decided by the old rule; runs that go on are not changed.',
  };
}
