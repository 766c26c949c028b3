// Owns forgetting of definitions that nobody finds by name, inline ones and deleted versions, once no run needs them; a version number that may be
// known outside is not given to other content.
import { USE_GRACE_MS } from './definition-rows.ts';
import type { Tx } from './tx.ts';

const LOOKED_AT = 500;
/** Runs that are older than what is kept and still there; with more of them the next rounds take runs first. */
const OLD_RUNS = 5_000;

/** `after` is where the last round stood; 0 = it came to the end. */
export function forgetDefinitions(tx: Tx, olderThan: number, after: number): { readonly removed: number; readonly position: number } {
  const before = Math.min(olderThan, tx.now - USE_GRACE_MS);
  const rows = tx
    .sql('SELECT num, ns, name, version, hash, coalesce(used_at, created_at) AS used FROM definition WHERE deleted = 1 AND num > ? ORDER BY num LIMIT ?')
    .all(after, LOOKED_AT) as { num: number; ns: number; name: string; version: number; hash: string; used: number }[];
  const old = rows.filter((row) => row.used < before);
  const position = rows.length === LOOKED_AT ? (rows.at(-1)?.num ?? 0) : 0;
  const needed = old.length === 0 ? null : hashesOfRunsBefore(tx, before + USE_GRACE_MS);
  if (needed === null) return { removed: 0, position: old.length === 0 ? position : 0 };
  let removed = 0;
  for (const { num, ns, name, version, hash } of old) {
    if (needed.has(hash)) continue;
    const { n, newest } = tx.sql('SELECT count(*) AS n, max(version) AS newest FROM definition WHERE ns = ? AND name = ?').get(ns, name) as {
      n: number;
      newest: number;
    };
    if (n > 1 && newest === version) continue;
    removed += tx.sql('DELETE FROM definition WHERE num = ?').run(num).changes;
  }
  return { removed, position };
}

/** Definitions of runs that were made before a time; null when there are too many to look at. Later runs noted the use of theirs. */
function hashesOfRunsBefore(tx: Tx, before: number): ReadonlySet<string> | null {
  const runs = tx.sql('SELECT hash, created_at AS at FROM execution ORDER BY num LIMIT ?').all(OLD_RUNS) as { hash: string; at: number }[];
  const last = runs.at(-1);
  if (runs.length === OLD_RUNS && last !== undefined && last.at < before) return null;
  return new Set(runs.filter((run) => run.at < before).map((run) => run.hash));
}
