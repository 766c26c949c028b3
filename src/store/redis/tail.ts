// Owns the newest entries that a replica keeps beside its rows, so that what Redis loses in a crash can be given back to it; and the ids of
// those before, so that an append without an answer can be looked up although the log is cut past it.
import type Database from 'better-sqlite3';
import type { Db } from '../sqlite/connection.ts';
import type { Entry } from './entry.ts';

// With appendfsync everysec Redis may lose up to two seconds.
const KEPT_MS = 10_000;
const KEPT_BYTES = 16 * 1024 * 1024;
const PRUNE_EACH = 256;
/** More entries than are stored while an operation waits for a Redis that is away; 2 MB. */
const KEPT_IDS = 50_000;

interface Row {
  readonly version: number;
  readonly entry: string;
  readonly prev: string;
  readonly at: number;
  readonly payload: Buffer;
}

export class Tail {
  readonly #add: Database.Statement<unknown[], unknown>;
  readonly #keepIds: Database.Statement<unknown[], unknown>;
  readonly #prune: Database.Statement<unknown[], unknown>;
  readonly #pruneIds: Database.Statement<unknown[], unknown>;
  readonly #from: Database.Statement<unknown[], unknown>;
  readonly #one: Database.Statement<unknown[], unknown>;
  readonly #past: Database.Statement<unknown[], unknown>;
  #kept: { readonly version: number; readonly bytes: number; readonly since: number }[] = [];
  #bytes = 0;
  #sincePrune = 0;

  constructor(db: Db) {
    this.#add = db.prepare('INSERT OR REPLACE INTO log_tail (version, entry, prev, at, payload) VALUES (?, ?, ?, ?, ?)');
    this.#keepIds = db.prepare('INSERT OR REPLACE INTO log_ids (version, entry) SELECT version, entry FROM log_tail WHERE version < ? ORDER BY version');
    this.#pruneIds = db.prepare('DELETE FROM log_ids WHERE version < ?');
    this.#past = db.prepare('SELECT entry FROM log_ids WHERE version = ?').pluck() as Database.Statement<unknown[], unknown>;
    this.#prune = db.prepare('DELETE FROM log_tail WHERE version < ?');
    this.#from = db.prepare('SELECT version, entry, prev, at, payload FROM log_tail WHERE version > ? ORDER BY version');
    this.#one = db.prepare('SELECT entry FROM log_tail WHERE version = ?').pluck() as Database.Statement<unknown[], unknown>;
    const since = performance.now();
    for (const { version, bytes } of db.prepare('SELECT version, length(payload) AS bytes FROM log_tail ORDER BY version').all() as {
      version: number;
      bytes: number;
    }[]) {
      this.#kept.push({ version, bytes, since });
      this.#bytes += bytes;
    }
  }

  /** Inside the transaction that the entry is of. */
  add(entry: Entry): void {
    this.#add.run(entry.version, entry.id, entry.prev, entry.at, entry.payload);
    this.#kept.push({ version: entry.version, bytes: entry.payload.length, since: performance.now() });
    this.#bytes += entry.payload.length;
    if (++this.#sincePrune >= PRUNE_EACH || this.#bytes > 2 * KEPT_BYTES) this.#drop();
  }

  /** Id of the entry of a version, as far as it and those after it are kept. */
  idOf(version: number): string | undefined {
    return this.#one.get(version) as string | undefined;
  }

  /** Id of the entry of a version, as far back as ids are kept. */
  pastIdOf(version: number): string | undefined {
    return this.idOf(version) ?? (this.#past.get(version) as string | undefined);
  }

  /** Entries after a version, oldest first. */
  after(version: number): Entry[] {
    return (this.#from.all(version) as Row[]).map(({ entry, ...row }) => ({ ...row, id: entry }));
  }

  #drop(): void {
    this.#sincePrune = 0;
    const limit = performance.now() - KEPT_MS;
    let gone = 0;
    while (gone < this.#kept.length - 1) {
      const { since, bytes } = this.#kept[gone] as { since: number; bytes: number };
      if (since >= limit && this.#bytes <= KEPT_BYTES) break;
      this.#bytes -= bytes;
      gone++;
    }
    if (gone === 0) return;
    this.#kept = this.#kept.slice(gone);
    const { version } = this.#kept[0] as { version: number };
    this.#keepIds.run(version);
    this.#prune.run(version);
    this.#pruneIds.run(version - KEPT_IDS);
  }
}
