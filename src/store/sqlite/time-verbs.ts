// Owns what the passing of time does: due jobs, timers of executions, sessions past their expiry; bounded per call.
import type { Decide } from '../../domain/transition.ts';
import type { Backend } from '../backend.ts';
import { timerCodes } from './codes.ts';
import { PARKED_MS } from './executions.ts';
import type { Host } from './host.ts';
import type { Parts } from './parts.ts';
import type { Tx } from './tx.ts';

interface DueTimer {
  readonly execution: number;
  readonly kind: number;
  readonly idx: number;
  readonly due_at: number;
}

export function timeVerbs(host: Host): Pick<Backend, 'fireDue'> {
  return {
    fireDue: async (p) => {
      // A look without the write lock: with several processes each commit of another wakes this one.
      const next = nextDueAt(host.parts.tx);
      if (next === null || next > host.env.now()) return { fired: 0, nextDueAt: next };
      const fired = await host.write((parts) => {
        const jobs = parts.jobs.fireDue(p.limit, p.decide);
        return jobs + fireTimers(parts, p.limit, p.decide) + parts.sessions.expire(p.limit, p.decide);
      });
      return { fired, nextDueAt: nextDueAt(host.parts.tx) };
    },
  };
}

function fireTimers({ tx, executions }: Parts, limit: number, decide: Decide): number {
  const due = tx.sql('SELECT execution, kind, idx, due_at FROM timer WHERE due_at <= ? ORDER BY due_at LIMIT ?').all(tx.now, limit) as DueTimer[];
  for (const timer of due) {
    // An earlier one of this round may have moved or removed it.
    const still = tx.sql('SELECT due_at FROM timer WHERE execution = ? AND kind = ? AND idx = ?').get(timer.execution, timer.kind, timer.idx) as
      | { due_at: number }
      | undefined;
    if (still?.due_at !== timer.due_at) continue;
    const record = executions.rows.load(timer.execution);
    const kind = timerCodes.name(timer.kind);
    if (record?.row.paused && (kind === 'wake' || kind === 'wait_timeout')) {
      tx.sql(`UPDATE timer SET due_at = due_at + ${PARKED_MS} WHERE execution = ? AND kind = ? AND idx = ?`).run(timer.execution, timer.kind, timer.idx);
      continue;
    }
    tx.sql('DELETE FROM timer WHERE execution = ? AND kind = ? AND idx = ?').run(timer.execution, timer.kind, timer.idx);
    if (record !== undefined) executions.update(record, [{ type: 'timer', timer: kind, step: timer.idx < 0 ? null : timer.idx, dueAt: timer.due_at }], decide);
  }
  return due.length;
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
