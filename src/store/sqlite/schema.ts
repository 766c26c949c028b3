// Owns the shape of the file: numbered forward-only migrations; a released one never changes.
import type { Database } from 'better-sqlite3';
import { StoreError } from '../../domain/errors.ts';
import { BUDGETS } from './migrations/budgets.ts';
import { FAILURES } from './migrations/failures.ts';
import { INITIAL } from './migrations/initial.ts';
import { LINEAGE } from './migrations/lineage.ts';
import { OBSERVE } from './migrations/observe.ts';
import { OUTLETS } from './migrations/outlets.ts';
import { PROJECTS } from './migrations/projects.ts';
import { QUEUE_ORDER } from './migrations/queue-order.ts';
import { RESOURCES } from './migrations/resources.ts';
import { SESSION_MODES } from './migrations/session-modes.ts';
import { STEP_CACHE } from './migrations/step-cache.ts';
import { TRACKING } from './migrations/tracking.ts';
import { retryBusy } from './sqlite-error.ts';

/** 'LgMc' */
export const APPLICATION_ID = 0x4c674d63;

/** In order; each is a file of its own in migrations/. */
export const MIGRATIONS: readonly string[] = [
  INITIAL,
  STEP_CACHE,
  QUEUE_ORDER,
  OBSERVE,
  PROJECTS,
  SESSION_MODES,
  RESOURCES,
  OUTLETS,
  TRACKING,
  BUDGETS,
  LINEAGE,
  FAILURES,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the file to this program's schema in one transaction; refuses while a live process of an older schema runs on it. */
export function migrate(db: Database, path: string, now: number, migrations: readonly string[] = MIGRATIONS): void {
  const known = migrations.length;
  if (retryBusy(() => versionOf(db)) >= known) return;
  retryBusy(() => db.exec('BEGIN IMMEDIATE'));
  try {
    const from = versionOf(db);
    if (from < known) {
      if (from > 0) refuseOlderProcesses(db, path, now, known);
      for (const sql of migrations.slice(from)) db.exec(sql);
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${known}`);
    }
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

const SILENT_MS = 60_000;

/** Throws store_busy while a process of an older schema runs on the store. */
export function refuseOlderProcesses(db: Database, path: string, now: number, known: number): void {
  const others = db.prepare('SELECT pid FROM process WHERE schema < ? AND heartbeat_at > ?').all(known, now - SILENT_MS) as { pid: number }[];
  if (others.length === 0) return;
  throw new StoreError('store_busy', `${path} is in use by an older version (pid ${others.map((row) => row.pid).join(', ')}).`, {
    path,
    nextActions: ['Stop the older process, then start this one again.'],
  });
}

export function versionOf(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}
