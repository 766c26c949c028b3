// Owns what is read of schedules: one, pages, the ledger, and what did not go as planned since a time.
import { LogisticsError } from '../../domain/errors.ts';
import type { OccurrenceStatus, ScheduleStatus } from '../../domain/schedule.ts';
import type { Backend, ScheduleAccount } from '../backend.ts';
import { occurrenceCodes, originCodes, resultCodes, scheduleCodes } from './codes.ts';
import type { Host } from './host.ts';
import type { OccurrenceSql, ScheduleSql } from './schedule-sql.ts';

type Verbs = Pick<Backend, 'getSchedule' | 'findSchedule' | 'listSchedules' | 'scheduleLedger' | 'scheduleAccount' | 'scheduleCounts' | 'nextSchedule'>;

export function scheduleReads(host: Host): Verbs {
  return {
    getSchedule: (id) => {
      const { rows } = host.parts.schedules;
      const row = rows.byId(id);
      return row === undefined ? null : rows.toSchedule(row);
    },

    findSchedule: (p) => {
      const { tx, schedules } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      const row = ns === undefined ? undefined : schedules.rows.byName(ns, p.name);
      return row === undefined ? null : schedules.rows.toSchedule(row);
    },

    listSchedules: (p) => host.parts.lists.schedules(p),

    scheduleLedger: (p) => {
      const { tx, schedules } = host.parts;
      const row = schedules.rows.byId(p.id);
      if (row === undefined) return { items: [], nextCursor: null };
      const before = p.cursor === null ? { at: Number.MAX_SAFE_INTEGER, origin: 9 } : decode(p.cursor);
      const status = p.status === undefined ? null : occurrenceCodes.of(p.status);
      const found = tx
        .sql(
          `SELECT * FROM occurrence WHERE schedule = @schedule AND (planned_at, origin) < (@at, @origin) AND planned_at <= @to AND until >= @from AND (@status IS NULL OR status = @status)
           ORDER BY planned_at DESC, origin DESC LIMIT @limit`,
        )
        .all({
          schedule: row.num,
          ...before,
          from: p.from ?? Number.MIN_SAFE_INTEGER,
          to: p.to ?? Number.MAX_SAFE_INTEGER,
          status,
          limit: p.limit + 1,
        }) as OccurrenceSql[];
      const page = found.slice(0, p.limit);
      const last = page.at(-1);
      return {
        items: page.map((entry) => schedules.rows.toOccurrence(entry, row.id)),
        nextCursor: found.length > p.limit && last !== undefined ? `o${last.planned_at.toString(36)}.${last.origin}` : null,
      };
    },

    scheduleAccount: (p) => {
      const { tx, schedules } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      if (ns === undefined) return [];
      const found = tx
        .sql(
          `SELECT o.* FROM occurrence o JOIN schedule s ON s.num = o.schedule WHERE o.amiss_at >= ? AND s.ns = ? ORDER BY o.amiss_at DESC, o.num DESC LIMIT ?`,
        )
        .all(p.since, ns, p.limit + 1) as (OccurrenceSql & { amiss_at: number })[];
      // One more than is counted: its moment is the newest that is not counted whole.
      const countedFrom = found.length > p.limit ? (found.pop()?.amiss_at ?? 0) + 1 : null;
      const accounts = new Map<number, Mutable>();
      for (const entry of found) {
        let account = accounts.get(entry.schedule);
        if (account === undefined) {
          const row = schedules.rows.byNum(entry.schedule) as ScheduleSql;
          account = { scheduleId: row.id, name: row.name, counts: {}, failedRuns: 0, newest: schedules.rows.toOccurrence(entry, row.id), countedFrom };
          accounts.set(entry.schedule, account);
        }
        const status = occurrenceCodes.name(entry.status);
        if (status !== 'fired') account.counts[status] = (account.counts[status] ?? 0) + entry.count;
        if (entry.result === resultCodes.of('failed')) account.failedRuns++;
      }
      return [...accounts.values()];
    },

    scheduleCounts: (p) => {
      const { tx } = host.parts;
      const counts: Record<ScheduleStatus, number> = { active: 0, paused: 0, completed: 0 };
      const ns = tx.findNamespace(p.namespace);
      if (ns === undefined) return counts;
      const rows = tx.sql('SELECT status, count(*) AS n FROM schedule WHERE ns = ? AND deleted_at IS NULL GROUP BY status').all(ns) as {
        status: number;
        n: number;
      }[];
      for (const row of rows) counts[scheduleCodes.name(row.status)] = row.n;
      return counts;
    },

    nextSchedule: (p) => {
      const { tx, schedules } = host.parts;
      const ns = tx.findNamespace(p.namespace);
      if (ns === undefined) return null;
      const row = tx.sql('SELECT * FROM schedule WHERE due_at IS NOT NULL AND ns = ? ORDER BY due_at, num LIMIT 1').get(ns) as ScheduleSql | undefined;
      return row === undefined ? null : schedules.rows.toSchedule(row);
    },
  };
}

type Mutable = { -readonly [K in keyof ScheduleAccount]: K extends 'counts' ? Partial<Record<OccurrenceStatus, number>> : ScheduleAccount[K] };

function decode(cursor: string): { readonly at: number; readonly origin: number } {
  const [, at, origin] = /^o(-?[0-9a-z]{1,11})\.([0-9])$/.exec(cursor) ?? [];
  if (at === undefined || origin === undefined || Number(origin) >= originCodes.names.length) {
    throw new LogisticsError('invalid_input', `"${cursor.slice(0, 40)}" is not a cursor.`, { path: 'cursor', expected: 'next_cursor of an earlier reply' });
  }
  return { at: Number.parseInt(at, 36), origin: Number(origin) };
}
