// Owns the floor: the least that a durable queue must ask of SQLite, with the same group commit and nothing else.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { PAYLOAD } from './engine.ts';
import type { Context } from './scenario.ts';

type Work = () => void;

/** One row per job, an index of the ready ones, a fsync per group; no events, retries, receipts, counters, lanes. */
export class Floor {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement;
  readonly #claim: Database.Statement;
  readonly #finish: Database.Statement;
  #queue: { readonly run: Work; readonly resolve: () => void }[] = [];
  #next = 0;

  constructor(context: Context) {
    this.#db = new Database(join(context.folder(), 'floor.db'));
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma(`synchronous = ${context.durability}`);
    this.#db.pragma('wal_autocheckpoint = 4000');
    this.#db.exec(`CREATE TABLE job (num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status INTEGER NOT NULL, rank INTEGER, payload TEXT NOT NULL, result TEXT);
      CREATE INDEX ready ON job (rank) WHERE rank IS NOT NULL`);
    this.#insert = this.#db.prepare('INSERT INTO job (id, status, rank, payload) VALUES (?, 0, ?, ?)');
    this.#claim = this.#db.prepare(
      'UPDATE job SET status = 1, rank = NULL WHERE num IN (SELECT num FROM job WHERE rank IS NOT NULL ORDER BY rank LIMIT ?) RETURNING num, id, payload',
    );
    this.#finish = this.#db.prepare('UPDATE job SET status = 2, result = ? WHERE num = ?');
  }

  #commit(run: Work): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push({ run, resolve });
      if (this.#queue.length === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    const work = this.#queue;
    this.#queue = [];
    this.#db.exec('BEGIN IMMEDIATE');
    for (const { run } of work) run();
    this.#db.exec('COMMIT');
    for (const { resolve } of work) resolve();
  }

  insert(payload: string): Promise<void> {
    const num = this.#next++;
    return this.#commit(() => void this.#insert.run(`job_${String(num).padStart(26, '0')}`, num, payload));
  }

  /** Inserts `count` jobs, `concurrency` at a time. */
  async fill(count: number, concurrency: number): Promise<void> {
    const payload = JSON.stringify(PAYLOAD);
    for (let at = 0; at < count; at += concurrency) await Promise.all(Array.from({ length: Math.min(concurrency, count - at) }, () => this.insert(payload)));
  }

  /** Claims and finishes `total` jobs, at most `concurrency` at once, each through a handler that only returns. */
  async process(total: number, concurrency: number): Promise<void> {
    let done = 0;
    let free = concurrency;
    await new Promise<void>((resolve) => {
      let claiming = false;
      const one = async (num: number): Promise<void> => {
        await Promise.resolve();
        free++;
        const stored = this.#commit(() => void this.#finish.run('{"ok":true}', num));
        claim();
        await stored;
        if (++done === total) resolve();
      };
      const claim = (): void => {
        if (claiming || free === 0) return;
        claiming = true;
        let jobs: { num: number }[] = [];
        void this.#commit(() => {
          jobs = this.#claim.all(free) as { num: number }[];
        }).then(() => {
          claiming = false;
          free -= jobs.length;
          for (const { num } of jobs) void one(num);
          if (jobs.length > 0) claim();
        });
      };
      claim();
    });
  }

  close(): void {
    this.#db.close();
  }
}
