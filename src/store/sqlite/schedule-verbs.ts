// Owns the verbs that change schedules, each with its receipt in the same commit.
import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import { DEFAULT_SCHEDULE_DEPTH, depthRefusal } from '../../domain/lineage.ts';
import type { Backend, ScheduleChangeResult } from '../backend.ts';
import { SCHEDULE } from './codes.ts';
import type { Host } from './host.ts';
import { lookUp, remember } from './receipts.ts';
import type { ScheduleSql } from './schedule-sql.ts';

type Verbs = Pick<Backend, 'recall' | 'putSchedule' | 'changeSchedule' | 'triggerSchedule' | 'backfillSchedule'>;

export function scheduleVerbs(host: Host): Verbs {
  return {
    recall: (receipt) => {
      const found = lookUp(host.parts.tx, receipt);
      if (found.kind === 'conflict') throw new LogisticsError(found.error.code, found.error.message, found.error);
      return found.kind === 'replay' ? found.reply : null;
    },

    putSchedule: (p) =>
      host.write(({ tx, schedules, scheduleChanges, sessions, budgets, lineage }) => {
        const receipt = lookUp(tx, p.receipt);
        if (receipt.kind === 'conflict') return { kind: 'conflict', error: receipt.error };
        const first = receipt.kind === 'replay' ? schedules.rows.byId((receipt.reply as { id: string }).id) : undefined;
        if (first !== undefined) return { kind: 'stored', schedule: schedules.rows.toSchedule(first), replayed: true };
        const refusal = p.schedule.sessionId === null ? null : sessions.refusal(p.schedule.sessionId);
        if (refusal !== null) return { kind: 'conflict', error: refusal };
        const cause = p.cause ? lineage.causeIn(tx.namespace(p.schedule.namespace), p.cause) : null;
        const above = cause === null ? null : lineage.scheduleAbove(cause);
        const tooDeep = above === null ? null : depthRefusal(above.depth + 1, tx.env.limits.scheduleDepth ?? DEFAULT_SCHEDULE_DEPTH, above.id);
        if (tooDeep !== null) return { kind: 'conflict', error: tooDeep };
        const made = scheduleChanges.create(p.schedule);
        if ('conflict' in made) return { kind: 'conflict', error: made.conflict };
        const num = schedules.rows.byId(made.id)?.num;
        if (cause !== null) tx.sql('UPDATE schedule SET cause = ?, depth = ? WHERE id = ?').run(cause, above === null ? 0 : above.depth + 1, made.id);
        if (p.budget && num !== undefined) budgets.rows.put({ kind: 'schedule', num }, p.budget);
        if (receipt.kind === 'new') remember(tx, p.receipt, { id: p.schedule.id });
        return { kind: 'stored', schedule: made, replayed: false };
      }),

    changeSchedule: (p) =>
      host.write(({ tx, schedules: { rows }, scheduleChanges, budgets }): ScheduleChangeResult => {
        const receipt = lookUp(tx, p.receipt);
        if (receipt.kind === 'conflict') return { kind: 'conflict', error: receipt.error };
        const row = rows.byId(p.id);
        const { change } = p;
        if (row === undefined) return { kind: 'not_found' };
        if (receipt.kind === 'new') {
          if (row.deleted_at !== null && change.kind !== 'delete') return { kind: 'not_found' };
          if (change.kind === 'update') {
            if (change.revision !== row.revision) return { kind: 'stale' };
            const refused = scheduleChanges.update(row, change.name, change.spec, p.decide);
            if (refused !== null) return { kind: 'conflict', error: refused.conflict };
          } else if (row.status === SCHEDULE.completed && change.kind !== 'delete') return { kind: 'conflict', error: completed(row.name, change.kind) };
          else if (change.kind === 'pause') scheduleChanges.pause(row, change.reason);
          else if (change.kind === 'resume') {
            const held = budgets.stopsResume(row.num, row.id);
            if (held !== null) return { kind: 'conflict', error: held };
            scheduleChanges.resume(rows.byNum(row.num) as ScheduleSql);
          } else scheduleChanges.delete(row, p.decide);
          remember(tx, p.receipt, { id: p.id });
        }
        return { kind: 'changed', schedule: rows.toSchedule(rows.byId(p.id) as ScheduleSql), replayed: receipt.kind === 'replay' };
      }),

    triggerSchedule: async (p) => {
      let replayed = true;
      const reply = await host.writeOnce(p.receipt, ({ schedules, scheduleChanges }) => {
        replayed = false;
        const row = schedules.rows.byId(p.id);
        if (row === undefined || row.deleted_at !== null) return { id: p.id, found: null };
        return { id: p.id, found: scheduleChanges.trigger(row, p.input, p.decide) };
      });
      return reply.found === null ? null : { ...reply.found, replayed };
    },

    backfillSchedule: async (p) => {
      let replayed = true;
      const reply = await host.writeOnce(p.receipt, ({ schedules, scheduleChanges }) => {
        replayed = false;
        const row = schedules.rows.byId(p.id);
        if (row === undefined || row.deleted_at !== null) return { id: p.id, found: null };
        return { id: p.id, found: { ...scheduleChanges.backfill(row, p, p.decide) } };
      });
      return reply.found === null ? null : { ...reply.found, replayed };
    },
  };
}

function completed(name: string, action: string): ErrorData {
  return new LogisticsError('invalid_transition', `The schedule ${name} is completed: there is nothing to ${action}.`, {
    path: 'action',
    expected: 'trigger, backfill, update or delete',
    nextActions: ['control action=update with times ahead makes it active again.'],
  }).toData();
}
