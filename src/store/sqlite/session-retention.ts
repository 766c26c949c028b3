// Owns forgetting of closed sessions with their calls, once nothing that is kept belongs to them.
import { forgetBudget } from './budget-rows.ts';
import type { Tx } from './tx.ts';

/** Each with at most 1,000 calls, about 1 ms. */
const CHUNK = 20;
const LOOKED_AT = 200;

const OWNED = ['execution', 'job', 'schedule'] as const;

/** Where the round stands: the close of the session that was looked at last. */
export interface SessionPosition {
  readonly closedAt: number;
  readonly num: number;
}

/** Told before these entries of the log are removed. */
type NoteEvents = (where: string, ...values: readonly number[]) => void;

const OWN_EVENTS = 'session = ? AND execution IS NULL AND job IS NULL';

export const FIRST_SESSION: SessionPosition = { closedAt: 0, num: 0 };

export function forgetSessions(
  tx: Tx,
  before: number,
  after: SessionPosition,
  note: NoteEvents,
): { readonly removed: number; readonly position: SessionPosition } {
  const rows = tx
    .sql(
      `SELECT num, closed_at AS closedAt FROM session WHERE closed_at IS NOT NULL AND closed_at < ? AND (closed_at, num) > (?, ?) AND cancels_at IS NULL
       ORDER BY closed_at, num LIMIT ?`,
    )
    .all(before, after.closedAt, after.num, LOOKED_AT) as { num: number; closedAt: number }[];
  let removed = 0;
  let position = after;
  for (const row of rows) {
    if (removed === CHUNK) return { removed, position };
    position = row;
    if (OWNED.some((table) => tx.sql(`SELECT 1 FROM ${table} WHERE session = ? LIMIT 1`).get(row.num) !== undefined)) continue;
    tx.sql('DELETE FROM session_call WHERE session = ?').run(row.num);
    note(OWN_EVENTS, row.num);
    tx.sql(`DELETE FROM event WHERE ${OWN_EVENTS}`).run(row.num);
    tx.sql('DELETE FROM gate WHERE key IN (?, ?)').run(`s:${row.num}`, `w:${row.num}`);
    forgetBudget(tx, 'session', row.num);
    removed += tx.sql('DELETE FROM session WHERE num = ?').run(row.num).changes;
  }
  return { removed, position: rows.length === LOOKED_AT ? position : FIRST_SESSION };
}
