// Owns the files of replicas: which one this process takes, how it is opened, and that nobody else has it.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../../domain/errors.ts';
import type { RedisAddress } from '../redis-address.ts';
import type { Db } from '../sqlite/connection.ts';
import { APPLICATION_ID } from '../sqlite/schema.ts';
import { storeError } from '../sqlite/sqlite-error.ts';

const SLOTS = 1_000;

/** What only a replica has: where it stands in the log, the numbered texts of statements, and its newest entries; of those before only the ids. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS log_state (one INTEGER PRIMARY KEY CHECK (one = 1), log TEXT NOT NULL, version INTEGER NOT NULL, entry TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS log_text (num INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS log_tail (version INTEGER PRIMARY KEY, entry TEXT NOT NULL, prev TEXT NOT NULL, at INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS log_ids (version INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT;
`;

/** A replica's path, held until `release`; a later process takes it over and only catches up. */
export interface Slot {
  readonly path: string;
  release(): void;
}

/** The first path that no living process holds. */
export function takeSlot(dataDir: string, address: RedisAddress): Slot {
  const folder = join(dataDir, 'replicas');
  const name = createHash('sha256').update(`${address.host}:${address.port}/${address.db}?${address.prefix}`).digest('hex').slice(0, 12);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (let slot = 0; slot < SLOTS; slot++) {
      const path = join(folder, `${name}-${slot}.db`);
      const lock = tryLock(`${path}.lock`);
      if (lock !== null) return { path, release: () => lock.close() };
    }
  } catch (error) {
    throw storeError(error, folder);
  }
  throw new StoreError('store_busy', `${folder} holds ${SLOTS} replicas in use.`, { path: folder });
}

/** SQLite's own file lock: the system frees it on any death. */
function tryLock(file: string): Db | null {
  const db = new Database(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
}

export function openWriter(path: string): Db {
  const db = new Database(path, { timeout: 5_000 });
  if (Number(db.pragma('page_count', { simple: true })) === 0) {
    db.pragma('auto_vacuum = INCREMENTAL');
    chmodSync(path, 0o600);
  }
  db.pragma('journal_mode = WAL');
  // The log in Redis is the truth: after a power cut the replica catches up from wherever it stands.
  db.pragma('synchronous = NORMAL');
  db.pragma('journal_size_limit = 67108864');
  db.pragma('cache_size = -32000');
  db.pragma('temp_store = MEMORY');
  db.pragma('foreign_keys = OFF');
  db.pragma('wal_autocheckpoint = 4000');
  return db;
}

export function openReader(path: string): Db {
  const db = new Database(path, { timeout: 5_000, readonly: true });
  db.pragma('cache_size = -16000');
  db.pragma('temp_store = MEMORY');
  return db;
}

/** An empty replica at the start of a log: the schema that the log began with. */
export function createReplica(path: string, log: string, migrations: readonly string[]): void {
  removeReplica(path);
  const db = openWriter(path);
  try {
    db.exec('BEGIN IMMEDIATE');
    for (const text of migrations) db.exec(text);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${migrations.length}`);
    db.exec(TABLES);
    db.prepare('INSERT INTO log_state (one, log, version, entry, at) VALUES (1, ?, 0, ?, 0)').run(log, log);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

export function removeReplica(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true });
}
