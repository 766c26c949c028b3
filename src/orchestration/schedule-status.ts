// Owns how the schedules of a namespace stand: how many, what is due next and who fires it, and what did not go as planned since a time.
import type { Schedule, ScheduleStatus } from '../domain/schedule.ts';
import type { Backend, ScheduleAccount } from '../store/backend.ts';
import type { Background } from './liveness.ts';
import { type WhoFires, whoFires } from './schedule-liveness.ts';

export interface SchedulesStatus {
  readonly counts: Readonly<Record<ScheduleStatus, number>>;
  /** The active schedule that is due next, and who fires it. */
  readonly next: { readonly schedule: Schedule; readonly who: WhoFires } | null;
  /** With `since`: what was missed, late, coalesced, skipped or failed, by schedule, the newest first. */
  readonly since: readonly ScheduleAccount[] | null;
}

/** Ledger entries that are looked at for `since`. */
const LOOKED_AT = 5_000;

export function schedulesStatus(
  backend: Backend,
  p: { readonly namespace: string; readonly background: Background; readonly since?: { readonly at: number } | { readonly cursor: number } | undefined },
): SchedulesStatus {
  const { namespace, since } = p;
  const next = backend.nextSchedule({ namespace });
  return {
    counts: backend.scheduleCounts({ namespace }),
    next: next === null ? null : { schedule: next, who: whoFires(backend, namespace, p.background) },
    since: since === undefined ? null : backend.scheduleAccount({ namespace, since: timeOf(backend, since), limit: LOOKED_AT }),
  };
}

/** The time of the first event behind a cursor; behind the last one nothing has happened. */
function timeOf(backend: Backend, since: { readonly at: number } | { readonly cursor: number }): number {
  if ('at' in since) return since.at;
  return backend.readEvents({ after: since.cursor, limit: 1 })[0]?.at ?? Number.MAX_SAFE_INTEGER;
}
