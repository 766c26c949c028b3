// Owns how the file is opened: pragmas stated each time, nothing written to a file we do not understand.
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../../domain/errors.ts';
import { APPLICATION_ID, migrate, SCHEMA_VERSION, versionOf } from './schema.ts';
import { retryBusy, storeError } from './sqlite-error.ts';

export type Db = Database.Database;

export interface OpenOptions {
  /** `:memory:` or a file path; its folder is made with mode 0700. */
  readonly path: string;
  readonly durability: 'full' | 'normal';
}

/** Opens, checks and migrates a store file; `now` is epoch ms. Throws StoreError and leaves a file it cannot use as it was. */
export function openConnection(options: OpenOptions, now: number): Db {
  const memory = options.path === ':memory:';
  if (!memory) makeFolder(dirname(options.path));
  let db: Db;
  try {
    db = new Database(options.path, { timeout: 0 });
  } catch (error) {
    throw storeError(error, options.path);
  }
  try {
    const fresh = retryBusy(() => inspect(db, options.path));
    if (fresh && !memory) {
      retryBusy(() => db.pragma('auto_vacuum = INCREMENTAL'));
      chmodSync(options.path, 0o600);
    }
    retryBusy(() => db.pragma('journal_mode = WAL'));
    retryBusy(() => tune(db, options.durability));
    migrate(db, options.path, now);
    return db;
  } catch (error) {
    db.close();
    throw storeError(error, options.path);
  }
}

/** Any of them may be the first to read the file, which another process may be opening or closing just now. */
function tune(db: Db, durability: OpenOptions['durability']): void {
  // better-sqlite3 is compiled so that a reopened WAL file runs NORMAL: state it each time.
  db.pragma(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
  if (process.platform === 'darwin' && durability === 'full') {
    db.pragma('fullfsync = 1');
    db.pragma('checkpoint_fullfsync = 1');
  }
  db.pragma('journal_size_limit = 67108864');
  db.pragma('cache_size = -32000');
  db.pragma('temp_store = MEMORY');
  db.pragma('foreign_keys = OFF');
  // Each checkpoint costs two fsyncs: one per 16 MB of log instead of per 4 MB. The log file is cut back by journal_size_limit.
  db.pragma('wal_autocheckpoint = 4000');
}

/** Refuses foreign and newer files before anything is written; true for an empty file. */
function inspect(db: Db, path: string): boolean {
  // One read transaction: another process may be making the tables just now, and half of that looks like a foreign file.
  const { version, application, tables } = db.transaction(() => ({
    tables: Number((db.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number }).n),
    version: versionOf(db),
    application: Number(db.pragma('application_id', { simple: true })),
  }))();
  if (tables > 0 && application !== APPLICATION_ID) {
    throw new StoreError('store_corrupt', `${path} is a database of another program.`, { path, expected: 'a store file of logistics-mcp' });
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError('store_newer', `${path} was written by a newer version (schema ${version}, this program knows ${SCHEMA_VERSION}).`, { path });
  }
  return tables === 0;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storeError(error, folder);
  }
}
