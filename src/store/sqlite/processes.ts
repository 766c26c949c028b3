// Owns who is alive: a row and a heartbeat per process, and a lock on a file of its own that the system drops when it dies.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { BackendEnvironment, ProcessInfo } from '../backend.ts';
import type { Db } from './connection.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { sqliteCode, storeError } from './sqlite-error.ts';
import type { Tx } from './tx.ts';

interface ProcessSql {
  epoch: number;
  pid: number;
  host: string;
  role: string;
  ns: string;
  started_at: number;
  heartbeat_at: number;
  lock_file: string | null;
  capabilities: string;
  version: string;
  schema: number;
}

/** Of a lock file: nobody holds it, somebody does, or it cannot be looked at from here. */
export type LockState = 'free' | 'held' | 'unknown';

/** An epoch that was found dead, and when it was last heard of. */
export interface Judged {
  readonly epoch: number;
  readonly heartbeatAt: number;
}

/** A lock that this process holds; null where nobody else can look (`:memory:`). */
export interface ProcessLock {
  readonly db: Db;
  readonly file: string;
}

/** Locks are SQLite's own exclusive file locks: no further package, and the system frees them on any death. */
export class Processes {
  readonly #folder: string | null;
  readonly #env: BackendEnvironment;
  readonly #held = new Map<number, ProcessLock>();
  #lastSweep: number;
  #graceUntil: number;

  constructor(folder: string | null, env: BackendEnvironment) {
    this.#folder = folder;
    this.#env = env;
    this.#lastSweep = env.now();
    // We may have been started right after a suspend: those whose lock is held get one lease to beat again.
    this.#graceUntil = this.#lastSweep + env.limits.leaseMs;
  }

  /** Takes a lock file before the row exists, so a row whose lock is free is always dead. */
  lock(): ProcessLock | null {
    if (this.#folder === null) return null;
    const file = join(this.#folder, `${process.pid}-${this.#env.newId('worker').slice(4)}.lock`);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const db = new Database(file, { timeout: 0 });
      db.exec('BEGIN EXCLUSIVE');
      return { db, file };
    } catch (error) {
      throw storeError(error, file);
    }
  }

  insert(
    tx: Tx,
    p: {
      readonly pid: number;
      readonly host: string;
      readonly role: string;
      readonly namespace: string;
      readonly capabilities: readonly string[];
      readonly version: string;
    },
    lock: ProcessLock | null,
  ): number {
    const made = tx
      .sql(
        'INSERT INTO process (pid, host, role, ns, started_at, heartbeat_at, lock_file, capabilities, version, schema) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(p.pid, p.host, p.role, p.namespace, tx.now, tx.now, lock?.file ?? null, JSON.stringify(p.capabilities), p.version, SCHEMA_VERSION);
    const epoch = Number(made.lastInsertRowid);
    tx.log({ ns: tx.namespace(p.namespace) }, { type: 'worker_joined', data: { epoch, pid: p.pid, role: p.role } });
    return epoch;
  }

  joined(epoch: number, lock: ProcessLock | null): void {
    if (lock !== null) this.#held.set(epoch, lock);
  }

  /** Gives up a lock whose process row was not stored. */
  discard(lock: ProcessLock | null): void {
    if (lock === null) return;
    lock.db.close();
    rmSync(lock.file, { force: true });
  }

  heartbeat(tx: Tx, epoch: number): boolean {
    return tx.sql('UPDATE process SET heartbeat_at = ? WHERE epoch = ?').run(tx.now, epoch).changes > 0;
  }

  /** Epochs whose lock can be taken. Their process is gone for good, so this may be looked at before the write begins. */
  gone(tx: Tx, own: number): ReadonlySet<number> {
    return new Set([...this.locks(tx, own)].filter(([, state]) => state === 'free').map(([epoch]) => epoch));
  }

  /** How the lock of each epoch is; of those without one nothing is known. */
  locks(tx: Tx, own: number): ReadonlyMap<number, LockState> {
    const rows = tx.sql('SELECT * FROM process WHERE epoch != ? AND lock_file IS NOT NULL').all(own) as ProcessSql[];
    return new Map(rows.map((row) => [row.epoch, this.#lockOf(row)]));
  }

  /** Epochs whose process is gone, or silent for a lease; after our own start or suspend nobody is called silent for one lease. */
  dead(tx: Tx, now: number, own: number, gone: ReadonlySet<number>): Judged[] {
    const rows = tx.sql('SELECT * FROM process WHERE epoch != ?').all(own) as ProcessSql[];
    const lease = this.#env.limits.leaseMs;
    const suspended = now - this.#lastSweep > lease;
    this.#lastSweep = now;
    if (suspended) this.#graceUntil = now + lease;
    const judging = now >= this.#graceUntil;
    return rows
      .filter((row) => gone.has(row.epoch) || (judging && now - row.heartbeat_at > lease))
      .map((row) => ({ epoch: row.epoch, heartbeatAt: row.heartbeat_at }));
  }

  /** True for an epoch that left, was given up, or whose lock can be taken. */
  isGone(tx: Tx, epoch: number): boolean {
    const row = tx.sql('SELECT * FROM process WHERE epoch = ?').get(epoch) as ProcessSql | undefined;
    return row === undefined || (row.lock_file !== null && this.#lockOf(row) === 'free');
  }

  /** Another process of this role that lives in the namespace: its lock is held, or it was heard of; the locks were looked at before the write began. */
  rival(
    tx: Tx,
    p: { readonly role: string; readonly namespace: string },
    locks: ReadonlyMap<number, LockState>,
  ): { readonly epoch: number; readonly pid: number } | null {
    const silent = tx.now - this.#env.limits.leaseMs;
    const rows = tx.sql('SELECT * FROM process WHERE role = ? AND ns = ? ORDER BY epoch').all(p.role, p.namespace) as ProcessSql[];
    const lives = (row: ProcessSql): boolean => {
      const lock = locks.get(row.epoch) ?? 'unknown';
      return lock === 'unknown' ? row.heartbeat_at > silent : lock === 'held';
    };
    return rows.find(lives) ?? null;
  }

  /** Only a lock that can be taken proves its owner dead. A file that is missing or cannot be opened proves nothing: its heartbeat decides. */
  #lockOf(row: ProcessSql): LockState {
    const file = row.lock_file as string;
    if (this.#held.has(row.epoch)) return 'held';
    let db: Db | undefined;
    try {
      db = new Database(file, { timeout: 0, fileMustExist: true });
      db.exec('BEGIN EXCLUSIVE');
      db.exec('ROLLBACK');
      return 'free';
    } catch (error) {
      return sqliteCode(error).startsWith('SQLITE_BUSY') ? 'held' : 'unknown';
    } finally {
      db?.close();
    }
  }

  /** Row numbers of the jobs that run under an epoch, after one, in order. */
  running(tx: Tx, epoch: number, after: number, limit: number): number[] {
    const rows = tx.sql('SELECT num FROM job WHERE owner = ? AND num > ? ORDER BY num LIMIT ?').all(epoch, after, limit) as { num: number }[];
    return rows.map((row) => row.num);
  }

  /** False when the epoch is gone, or was heard of since it was judged. */
  isSilent(tx: Tx, judged: Judged): boolean {
    return tx.sql('SELECT 1 FROM process WHERE epoch = ? AND heartbeat_at = ?').get(judged.epoch, judged.heartbeatAt) !== undefined;
  }

  /** Removes the row of an epoch that runs nothing any more; `file` = its lock file, which may go after the commit. */
  remove(tx: Tx, epoch: number, graceful: boolean): { readonly removed: boolean; readonly file: string | null } {
    if (this.running(tx, epoch, 0, 1).length > 0) return { removed: false, file: null };
    return { removed: true, file: this.#remove(tx, epoch, graceful) };
  }

  #remove(tx: Tx, epoch: number, graceful: boolean): string | null {
    const row = tx.sql('DELETE FROM process WHERE epoch = ? RETURNING *').get(epoch) as ProcessSql | undefined;
    if (row === undefined) return null;
    tx.log({ ns: tx.namespace(row.ns) }, { type: 'worker_lost', data: { epoch, pid: row.pid, graceful } });
    return this.#held.has(epoch) ? null : row.lock_file;
  }

  /** Removes the lock files of epochs that are stored as gone; one that stays harms nobody. */
  drop(files: readonly string[]): void {
    for (const file of files) {
      try {
        rmSync(file, { force: true });
      } catch (error) {
        this.#env.onError?.(error);
      }
    }
  }

  /** Gives up the lock of an epoch of this process; its file stays when its row does, so that others can see that nobody holds it. */
  unlock(epoch: number, rowStays: boolean): void {
    const held = this.#held.get(epoch);
    if (held === undefined) return;
    this.#held.delete(epoch);
    held.db.close();
    if (!rowStays) rmSync(held.file, { force: true });
  }

  /** Of the epochs that did not leave. */
  abandon(): void {
    for (const epoch of [...this.#held.keys()]) this.unlock(epoch, true);
  }

  list(tx: Tx): ProcessInfo[] {
    const rows = tx.sql('SELECT p.*, (SELECT count(*) FROM job WHERE owner = p.epoch) AS running FROM process p ORDER BY epoch').all() as (ProcessSql & {
      running: number;
    })[];
    return rows.map((row) => ({
      epoch: row.epoch,
      pid: row.pid,
      host: row.host,
      role: row.role,
      namespace: row.ns,
      startedAt: row.started_at,
      heartbeatAt: row.heartbeat_at,
      capabilities: JSON.parse(row.capabilities) as string[],
      version: row.version,
      runningJobs: row.running,
      // In memory nobody else can be registered.
      self: this.#folder === null || this.#held.has(row.epoch),
    }));
  }
}
