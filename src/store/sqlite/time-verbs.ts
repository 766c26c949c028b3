// Owns what the passing of time does: due jobs, timers of executions, sessions past their expiry; bounded per call, each an
// operation of its own, so that one that fails holds up no other.
import type { Decide } from '../../domain/transition.ts';
import type { Backend } from '../backend.ts';
import { timerCodes } from './codes.ts';
import { PARKED_MS } from './executions.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';
import { isOfStore } from './sqlite-error.ts';
import type { Tx } from './tx.ts';

/** What failed is due again after this long, so that it neither spins nor is forgotten. */
const POSTPONE_MS = 30_000;

interface DueTimer {
  readonly execution: number;
  readonly kind: number;
  readonly idx: number;
  readonly due_at: number;
}

interface DueItem {
  /** Looks again whether it is still due: others work on the same store. */
  readonly fire: (parts: Parts) => void;
  readonly postpone: (tx: Tx, until: number) => void;
}

export function timeVerbs(host: Host): Pick<Backend, 'fireDue'> {
  return {
    fireDue: async (p) => {
      // A look without the write lock: with several processes each commit of another wakes this one.
      const next = nextDueAt(host.parts.tx);
      const now = host.env.now();
      if (next === null || next > now) return { fired: 0, nextDueAt: next };
      const due = dueItems(host.parts.tx, now, p.limit, p.decide);
      const done = await Promise.allSettled(due.map((item) => host.write(item.fire)));
      const failed = due.flatMap((item, at) => (done[at]?.status === 'rejected' ? [{ item, error: done[at].reason as unknown }] : []));
      // What is the fault of no item is due again as soon as the store can be written.
      const store = failed.find(({ error }) => isOfStore(error));
      if (store !== undefined) throw store.error;
      if (failed.length > 0) {
        await host.write(({ tx }) => {
          for (const { item } of failed) item.postpone(tx, tx.now + POSTPONE_MS);
        });
        if (p.onError === undefined) throw failed[0]?.error;
        for (const { error } of failed) p.onError(error);
      }
      return { fired: due.length, nextDueAt: nextDueAt(host.parts.tx) };
    },
  };
}

function dueItems(tx: Tx, now: number, limit: number, decide: Decide): DueItem[] {
  const jobs = tx.sql('SELECT num FROM job WHERE due_at <= ? ORDER BY due_at LIMIT ?').all(now, limit) as { num: number }[];
  const timers = tx.sql('SELECT execution, kind, idx, due_at FROM timer WHERE due_at <= ? ORDER BY due_at LIMIT ?').all(now, limit) as DueTimer[];
  const sessions = tx.sql('SELECT id FROM session WHERE expires_at <= ? AND closed_at IS NULL LIMIT ?').all(now, limit) as { id: string }[];
  return [
    ...jobs.map(
      ({ num }): DueItem => ({
        fire: (parts) => parts.jobs.fire(num, decide),
        postpone: (at, until) => at.sql('UPDATE job SET due_at = ? WHERE num = ? AND due_at <= ?').run(until, num, at.now),
      }),
    ),
    ...timers.map(
      (timer): DueItem => ({
        fire: (parts) => fireTimer(parts, timer, decide),
        postpone: (at, until) =>
          at
            .sql('UPDATE timer SET due_at = ? WHERE execution = ? AND kind = ? AND idx = ? AND due_at = ?')
            .run(until, timer.execution, timer.kind, timer.idx, timer.due_at),
      }),
    ),
    ...sessions.map(
      ({ id }): DueItem => ({
        fire: (parts) => parts.sessions.expire(id, decide),
        postpone: (at, until) => at.sql('UPDATE session SET expires_at = ? WHERE id = ? AND expires_at <= ? AND closed_at IS NULL').run(until, id, at.now),
      }),
    ),
  ];
}

function fireTimer({ tx, executions }: Parts, timer: DueTimer, decide: Decide): void {
  // An earlier one, or another process, may have moved or removed it.
  const still = tx.sql('SELECT due_at FROM timer WHERE execution = ? AND kind = ? AND idx = ?').get(timer.execution, timer.kind, timer.idx) as
    | { due_at: number }
    | undefined;
  if (still?.due_at !== timer.due_at) return;
  const record = executions.rows.load(timer.execution);
  const kind = timerCodes.name(timer.kind);
  if (record?.row.paused && (kind === 'wake' || kind === 'wait_timeout')) {
    tx.sql(`UPDATE timer SET due_at = due_at + ${PARKED_MS} WHERE execution = ? AND kind = ? AND idx = ?`).run(timer.execution, timer.kind, timer.idx);
    return;
  }
  tx.sql('DELETE FROM timer WHERE execution = ? AND kind = ? AND idx = ?').run(timer.execution, timer.kind, timer.idx);
  if (record !== undefined) executions.update(record, [{ type: 'timer', timer: kind, step: timer.idx < 0 ? null : timer.idx, dueAt: timer.due_at }], decide);
}

/** When something is due next; what is due already counts. Timers of paused runs are not waited for. */
export function nextDueAt(tx: Tx): number | null {
  const row = tx
    .sql(
      `SELECT min(due) AS due FROM (SELECT min(due_at) AS due FROM job WHERE due_at IS NOT NULL UNION ALL SELECT min(due_at) FROM timer WHERE due_at < ${PARKED_MS}
       UNION ALL SELECT min(expires_at) FROM session WHERE expires_at IS NOT NULL AND closed_at IS NULL)`,
    )
    .get() as { due: number | null };
  return row.due;
}
