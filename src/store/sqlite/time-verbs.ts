// Owns what the passing of time does: lost workers, due jobs, timers of executions, schedules, sessions past their expiry or still closing; bounded per
// call, each an operation of its own, so that one that fails holds up no other.
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
/** Schedules that fall due in the same second are many, and a fire is short: so many times the limit are taken at once … */
const SCHEDULES_MORE = 5;
/** … in operations of so many, about 5 ms each, or 1,000 of them took 25 commits … */
const SCHEDULE_GROUP = 100;
/** … that end after this long, whatever inputs, conditions and outages ask of them. */
const GROUP_MS = 10;

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
  /** What it consists of; done one by one when it fails as a whole. */
  readonly parts?: readonly DueItem[] | undefined;
}

export function timeVerbs(host: Host): Pick<Backend, 'fireDue'> {
  return {
    fireDue: async (p) => {
      // A look without the write lock: with several processes each commit of another wakes this one.
      const next = nextDueAt(host.parts.tx);
      const now = Math.min(host.env.now(), p.before ?? Number.POSITIVE_INFINITY);
      if (next === null || next > now) return { fired: 0, nextDueAt: next };
      const silent = silentWorkers(host.parts.tx, now, p.limit);
      // First of all: what a lost worker held is due from that moment on.
      await Promise.all(silent.map((num) => host.write(({ workerRows }) => workerRows.expire(num))));
      const due = dueItems(host.parts.tx, now, p.limit, p.decide);
      const first = await tried(host, due);
      // One that fails holds up none of its group.
      const rest = first.flatMap(({ item }) => item.parts ?? []);
      const failed = [...first.filter(({ item }) => item.parts === undefined), ...(rest.length === 0 ? [] : await tried(host, rest))];
      if (failed.length > 0) {
        await host.write(({ tx }) => {
          for (const { item } of failed) item.postpone(tx, tx.now + POSTPONE_MS);
        });
        if (p.onError === undefined) throw failed[0]?.error;
        for (const { error } of failed) p.onError(error);
      }
      return { fired: silent.length + due.reduce((sum, item) => sum + (item.parts?.length ?? 1), 0), nextDueAt: nextDueAt(host.parts.tx) };
    },
  };
}

/** Does each in an operation of its own; gives those that failed. */
async function tried(host: Host, items: readonly DueItem[]): Promise<{ readonly item: DueItem; readonly error: unknown }[]> {
  const done = await Promise.allSettled(items.map((item) => host.write(item.fire)));
  const failed = items.flatMap((item, at) => (done[at]?.status === 'rejected' ? [{ item, error: done[at].reason as unknown }] : []));
  // What is the fault of no item is due again as soon as the store can be written.
  const store = failed.find(({ error }) => isOfStore(error));
  if (store !== undefined) throw store.error;
  return failed;
}

function groupsOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / SCHEDULE_GROUP) }, (_, i) => all.slice(i * SCHEDULE_GROUP, (i + 1) * SCHEDULE_GROUP));
}

/** Worker agents whose lease ran out. */
function silentWorkers(tx: Tx, now: number, limit: number): number[] {
  const rows = tx.sql('SELECT num FROM worker WHERE status = 0 AND lease_until <= ? ORDER BY lease_until, num LIMIT ?').all(now, limit) as { num: number }[];
  return rows.map((row) => row.num);
}

function dueItems(tx: Tx, now: number, limit: number, decide: Decide): DueItem[] {
  const gates = tx.sql('SELECT key FROM gate_timer WHERE due_at <= ? ORDER BY due_at, key LIMIT ?').all(now, limit) as { key: string }[];
  const jobs = tx.sql('SELECT num FROM job WHERE due_at <= ? ORDER BY due_at LIMIT ?').all(now, limit) as { num: number }[];
  const timers = tx.sql('SELECT execution, kind, idx, due_at FROM timer WHERE due_at <= ? ORDER BY due_at LIMIT ?').all(now, limit) as DueTimer[];
  const schedules = tx.sql('SELECT num FROM schedule WHERE due_at <= ? ORDER BY due_at, num LIMIT ?').all(now, limit * SCHEDULES_MORE) as { num: number }[];
  const sessions = tx.sql('SELECT id FROM session WHERE expires_at <= ? AND closed_at IS NULL LIMIT ?').all(now, limit) as { id: string }[];
  const closing = tx.sql('SELECT id FROM session WHERE cancels_at <= ? ORDER BY cancels_at LIMIT ?').all(now, limit) as { id: string }[];
  return [
    ...jobs.map(
      ({ num }): DueItem => ({
        fire: (parts) => parts.jobs.fire(num, decide),
        postpone: (at, until) => at.sql('UPDATE job SET due_at = ? WHERE num = ? AND due_at <= ?').run(until, num, at.now),
      }),
    ),
    ...gates.map(
      ({ key }): DueItem => ({
        fire: (parts) => (key.startsWith('e:') ? parts.allocations.fireLease(Number(key.slice(2))) : parts.jobRows.fireGate(key)),
        postpone: (at, until) => at.sql('UPDATE gate_timer SET due_at = ? WHERE key = ? AND due_at <= ?').run(until, key, at.now),
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
    ...groupsOf(schedules).map(
      (group): DueItem => ({
        fire: (parts) => {
          const began = performance.now();
          const isSpent = (): boolean => performance.now() - began > GROUP_MS;
          for (const { num } of group) {
            parts.schedules.fire(num, decide, isSpent);
            // The others stay due.
            if (isSpent()) return;
          }
        },
        postpone: () => undefined,
        parts: group.map(
          ({ num }): DueItem => ({
            fire: (parts) => parts.schedules.fire(num, decide),
            postpone: (at, until) => at.sql('UPDATE schedule SET due_at = ? WHERE num = ? AND due_at <= ?').run(until, num, at.now),
          }),
        ),
      }),
    ),
    ...sessions.map(
      ({ id }): DueItem => ({
        fire: (parts) => parts.sessions.expire(id, decide),
        postpone: (at, until) => at.sql('UPDATE session SET expires_at = ? WHERE id = ? AND expires_at <= ? AND closed_at IS NULL').run(until, id, at.now),
      }),
    ),
    ...closing.map(
      ({ id }): DueItem => ({
        fire: (parts) => parts.sessions.goOnCancelling(id, decide),
        postpone: (at, until) => at.sql('UPDATE session SET cancels_at = ? WHERE id = ? AND cancels_at <= ?').run(until, id, at.now),
      }),
    ),
  ];
}

function fireTimer({ tx, executions, budgets }: Parts, timer: DueTimer, decide: Decide): void {
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
  if (kind === 'wall_clock' && record !== undefined) budgets.timeIsUp(record, decide);
  else if (record !== undefined)
    executions.update(record, [{ type: 'timer', timer: kind, step: timer.idx < 0 ? null : timer.idx, dueAt: timer.due_at }], decide);
}

/** When something is due next; what is due already counts. Timers of paused runs are not waited for. */
export function nextDueAt(tx: Tx): number | null {
  const row = tx
    .sql(
      `SELECT min(due) AS due FROM (SELECT min(due_at) AS due FROM job WHERE due_at IS NOT NULL UNION ALL SELECT min(due_at) FROM timer WHERE due_at < ${PARKED_MS}
       UNION ALL SELECT min(due_at) FROM gate_timer UNION ALL SELECT min(due_at) FROM schedule WHERE due_at IS NOT NULL UNION ALL SELECT min(expires_at) FROM session WHERE expires_at IS NOT NULL AND closed_at IS NULL
       UNION ALL SELECT min(cancels_at) FROM session WHERE cancels_at IS NOT NULL UNION ALL SELECT min(lease_until) FROM worker WHERE status = 0)`,
    )
    .get() as { due: number | null };
  return row.due;
}
