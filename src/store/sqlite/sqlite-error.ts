// Owns what SQLite's and the file system's faults mean in our words, and the only blocking wait: at start-up, for a moment.
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '../../domain/errors.ts';

const ROUNDS = 200;
const ROUND_MS = 10;

/** Start-up only: another process may hold the file for a moment while it migrates. Waits at most 2 s in all. */
export function retryBusy<T>(action: () => T): T {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let round = 0; ; round++) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error) || round >= ROUNDS) throw error;
      Atomics.wait(sleeper, 0, 0, ROUND_MS);
    }
  }
}

export function isBusy(error: unknown): boolean {
  return sqliteCode(error).startsWith('SQLITE_BUSY') || sqliteCode(error) === 'SQLITE_LOCKED';
}

const OF_STORE: ReadonlySet<string> = new Set([
  'store_full',
  'store_read_only',
  'store_busy',
  'store_unavailable',
  'store_newer',
  'outcome_unknown',
  'shutting_down',
]);

/** A full disk, a lock, a stop: whatever was asked for would have failed, so it is not to blame. */
export function isOfStore(error: unknown): boolean {
  return error instanceof StoreError && OF_STORE.has(error.code);
}

export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** SQLite's and the file system's codes in our words. */
export function storeError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = sqliteCode(error);
  const text = error instanceof Error ? error.message : String(error);
  const make = (ours: ConstructorParameters<typeof StoreError>[0], message: string): StoreError =>
    new StoreError(ours, message, { path, cause: error, details: { sqlite: code } });
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return make('store_corrupt', `${path} is damaged or no database (${text}).`);
  if (code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || (isOpening(code) && !isWritable(path))) {
    return make('store_read_only', `${path} cannot be written (${text}).`);
  }
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') return make('store_full', `No space left for ${path}.`);
  if (isBusy(error)) return make('store_busy', `${path} is held by another process.`);
  if (isOpening(code) || code === 'ENOTDIR' || code === 'EEXIST') return make('store_unavailable', `${path} cannot be opened (${text}).`);
  if (code.startsWith('SQLITE_IOERR')) return make('store_unavailable', `Reading or writing ${path} failed (${text}).`);
  return make('internal', text);
}

function isOpening(code: string): boolean {
  return code.startsWith('SQLITE_CANTOPEN');
}

/** SQLite says "unable to open" for a folder it may not write to; the folder itself says why. */
function isWritable(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK);
    return true;
  } catch (error) {
    return !['EACCES', 'EROFS', 'EPERM'].includes(sqliteCode(error));
  }
}
