// Owns what the log says of schedules: one entry per start, one per kind of what did not start, however many planned times it speaks for.
import type { EventType } from '../../domain/event.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { OccurrenceStatus } from '../../domain/schedule.ts';
import type { ScheduleSql } from './schedule-sql.ts';
import type { Tx } from './tx.ts';

/** Entries of one round that did not start a run, gathered by status. */
export interface Passed {
  readonly plannedAt: number;
  readonly until: number;
  readonly count: number;
  readonly status: OccurrenceStatus;
  readonly reason: string | null;
}

const TYPE_OF: Readonly<Partial<Record<OccurrenceStatus, EventType>>> = {
  coalesced: 'schedule_missed',
  missed: 'schedule_missed',
  failed: 'schedule_missed',
  skipped_overlap: 'schedule_skipped',
  skipped_paused: 'schedule_skipped',
  skipped_condition: 'schedule_skipped',
  skipped_limit: 'schedule_skipped',
};

export function logSchedule(tx: Tx, row: ScheduleSql, type: EventType, data: JsonObject): void {
  tx.log({ ns: row.ns, session: row.session }, { type, data: { schedule_id: row.id, name: row.name, ...data } });
}

export function logPassed(tx: Tx, row: ScheduleSql, passed: readonly Passed[]): void {
  const groups = new Map<OccurrenceStatus, { first: Passed; count: number; until: number }>();
  for (const entry of passed) {
    const group = groups.get(entry.status);
    if (group === undefined) groups.set(entry.status, { first: entry, count: entry.count, until: entry.until });
    else {
      group.count += entry.count;
      group.until = Math.max(group.until, entry.until);
    }
  }
  for (const [status, { first, count, until }] of groups) {
    const type = TYPE_OF[status];
    if (type === undefined) continue;
    logSchedule(tx, row, type, { status, planned_at: first.plannedAt, ...(count > 1 ? { until, count } : {}), reason: first.reason });
  }
}
