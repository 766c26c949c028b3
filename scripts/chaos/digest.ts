// Owns the fingerprint of a store: one digest per table, over all rows in their stored order.
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';

// Which of the newest entries a replica still knows is its own affair.
const OWN = new Set(['log_tail', 'log_ids']);

export function digestOf(file: string): ReadonlyMap<string, string> {
  const db = new Database(file, { readonly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all() as string[];
    return new Map(tables.filter((name) => !OWN.has(name)).map((name) => [name, tableDigest(db, name)]));
  } finally {
    db.close();
  }
}

function tableDigest(db: Database.Database, table: string): string {
  const hash = createHash('sha1');
  let rows = 0;
  for (const row of db.prepare(`SELECT * FROM ${table}`).raw().iterate()) {
    hash.update(JSON.stringify(row));
    rows++;
  }
  return `${rows} rows ${hash.digest('hex').slice(0, 12)}`;
}
