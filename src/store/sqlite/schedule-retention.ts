// Owns forgetting of ledgers: old rows that nothing is before, and deleted and completed schedules once their ledger is empty; the watermark of a schedule stays with it.
import { FILE_OWNER } from '../../domain/schedule.ts';
import { forgetBudget } from './budget-rows.ts';
import type { Tx } from './tx.ts';

const LOOKED_AT = 2_000;
const CHUNK = 500;

/** Removes rows that were decided and ended before a time; `after` is where the last round stood. */
export function forgetLedgers(tx: Tx, before: number, after: number): { readonly removed: number; readonly position: number } {
  const rows = tx.sql('SELECT num, decided_at, ended_at, open FROM occurrence WHERE num > ? ORDER BY num LIMIT ?').all(after, LOOKED_AT) as {
    num: number;
    decided_at: number;
    ended_at: number | null;
    open: number | null;
  }[];
  let removed = 0;
  let position = 0;
  for (const row of rows) {
    // Rows are made in the order of time; a round ends at the first that is young.
    if (row.decided_at >= before && row.open === null) break;
    if (row.open !== null || Math.max(row.decided_at, row.ended_at ?? 0) >= before) continue;
    tx.sql('DELETE FROM occurrence WHERE num = ?').run(row.num);
    removed++;
    if (removed === CHUNK) {
      position = row.num;
      break;
    }
  }
  const last = rows.at(-1);
  if (removed < CHUNK && rows.length === LOOKED_AT && last !== undefined && last.decided_at < before) position = last.num;
  const gone = tx
    .sql(
      'SELECT num FROM schedule WHERE deleted_at < ? AND NOT EXISTS (SELECT 1 FROM occurrence o WHERE o.schedule = schedule.num) ORDER BY deleted_at, num LIMIT ?',
    )
    .all(before, CHUNK) as { num: number }[];
  // Nothing was planned, changed or run for as long; its name is free again. One of a file would be made anew, so it stays with its file.
  const completed = tx
    .sql(
      `SELECT num FROM schedule WHERE status = 2 AND deleted_at IS NULL AND substr(principal, 1, ${FILE_OWNER.length}) != '${FILE_OWNER}' AND max(watermark, updated_at, coalesce(last_ended, 0)) < ?
       AND NOT EXISTS (SELECT 1 FROM occurrence o WHERE o.schedule = schedule.num) ORDER BY num LIMIT ?`,
    )
    .all(before, CHUNK) as { num: number }[];
  for (const { num } of [...gone, ...completed]) {
    tx.sql('DELETE FROM schedule WHERE num = ?').run(num);
    forgetBudget(tx, 'schedule', num);
  }
  return { removed: removed + gone.length + completed.length, position };
}
