// Owns one replica: the rows as they are after an entry of the log, a writer that is ahead by the open transaction, and a reader
// that never sees what is not stored.
import { randomUUID } from 'node:crypto';
import type Database from 'better-sqlite3';
import { StoreError } from '../../domain/errors.ts';
import type { BackendEnvironment } from '../backend.ts';
import type { Db } from '../sqlite/connection.ts';
import { buildParts, type Parts } from '../sqlite/parts.ts';
import { versionOf } from '../sqlite/schema.ts';
import { decode, type Entry, encode, fromParameter, type Statements } from './entry.ts';
import { Recorder } from './recorder.ts';
import { openReader, openWriter } from './replica-file.ts';
import { Tail } from './tail.ts';

/** The entry does not follow what the replica holds. */
export class ChainBroken extends Error {}

const APPLY_MS = 10;
// A clock that is behind must not make time run backwards in the log; one that is far behind is the fault of whoever was ahead.
const CLOCK_CLAMP_MS = 5_000;

type Statement = Database.Statement<unknown[], unknown>;

export class Replica {
  readonly path: string;
  readonly log: string;
  readonly writer: Parts;
  readonly tail: Tail;
  version: number;
  entry: string;
  #at: number;
  #schema: number;
  readonly #db: Db;
  readonly #reader: Parts;
  readonly #recorder: Recorder;
  readonly #texts = new Map<number, string>();
  readonly #statements = new Map<number, Statement>();
  readonly #changes: Statement;
  readonly #setState: Statement;
  readonly #addText: Statement;
  #changesBefore = 0;
  #sealedTexts: Statements['texts'] = [];
  /** The version that the reader's memory is of. */
  #readAt: number;

  constructor(path: string, env: BackendEnvironment) {
    this.path = path;
    this.#db = openWriter(path);
    const state = this.#db.prepare('SELECT log, version, entry, at FROM log_state').get() as { log: string; version: number; entry: string; at: number };
    this.log = state.log;
    this.version = state.version;
    this.entry = state.entry;
    this.#at = state.at;
    this.#schema = versionOf(this.#db);
    for (const { num, text } of this.#db.prepare('SELECT num, text FROM log_text').all() as { num: number; text: string }[]) this.#texts.set(num, text);
    this.#recorder = new Recorder(this.#texts);
    this.tail = new Tail(this.#db);
    this.#changes = this.#db.prepare('SELECT total_changes()').pluck() as Statement;
    this.#setState = this.#db.prepare('UPDATE log_state SET version = ?, entry = ?, at = ?') as Statement;
    this.#addText = this.#db.prepare('INSERT INTO log_text (num, text) VALUES (?, ?)') as Statement;
    const now = (): number => {
      const own = env.now();
      return own < this.#at && this.#at - own <= CLOCK_CLAMP_MS ? this.#at : own;
    };
    this.writer = buildParts(this.#db, { ...env, now }, this.#recorder.record);
    this.#reader = buildParts(openReader(path), env);
    this.#readAt = this.version;
  }

  /** What reads use: what is stored, and nothing remembered of what was stored before. */
  get parts(): Parts {
    if (this.#readAt !== this.version) {
      this.#readAt = this.version;
      this.#reader.rows.forget();
      this.#reader.outputs.forget();
      this.#reader.tx.forget();
    }
    return this.#reader;
  }

  get schema(): number {
    return this.#schema;
  }

  /** About how many bytes the open transaction will add to the log. */
  get recordedBytes(): number {
    return this.#recorder.bytes;
  }

  begin(): void {
    const { tx, rows } = this.writer;
    const foreign = tx.begin();
    this.#changesBefore = this.#changes.get() as number;
    rows.begin(foreign);
  }

  rollback(): void {
    const { tx, rows, outputs, plans } = this.writer;
    this.#recorder.drop();
    rows.forget();
    outputs.forget();
    plans.rolledBack();
    tx.rollback();
  }

  /** The open transaction as an entry; null when it changed nothing, which nobody else has to hear of. */
  seal(): Entry | null {
    const { tx } = this.writer;
    tx.flushCounters();
    if (this.#changes.get() === this.#changesBefore) {
      this.#recorder.drop();
      return null;
    }
    const { payload, texts } = this.#recorder.seal();
    this.#sealedTexts = texts;
    return this.#next(payload, tx.now);
  }

  /** A change of the schema as an entry of its own. */
  sealMigration(scripts: readonly string[], now: number): Entry {
    return this.#next(encode({ texts: [], runs: [], migrate: { scripts, to: this.schema + scripts.length } }), now);
  }

  #next(payload: Buffer, at: number): Entry {
    return { version: this.version + 1, id: randomUUID(), prev: this.entry, at, payload };
  }

  /** The entry is in the log: the open transaction becomes what reads see. Without an entry it leaves nothing. */
  commit(entry: Entry | null): void {
    if (entry === null) {
      // No row was changed, so what is remembered stays right. SQLite's own sequences may have moved, which nobody else heard of.
      this.#db.exec('ROLLBACK');
      return;
    }
    this.#advance(entry, this.#sealedTexts);
    this.writer.tx.commit();
    this.#recorder.stored();
    this.#stands(entry, this.#sealedTexts);
  }

  /** Runs entries of the log here, in order; stops after about 10 ms and tells how many it did. Throws ChainBroken. */
  apply(entries: readonly Entry[]): number {
    const started = performance.now();
    const done: { readonly entry: Entry; readonly texts: Statements['texts']; readonly migrated: boolean }[] = [];
    let prev = { version: this.version, id: this.entry };
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const entry of entries) {
        if (entry.version !== prev.version + 1 || entry.prev !== prev.id) throw new ChainBroken(`entry ${entry.version} does not follow ${prev.version}`);
        const statements = decode(entry.payload);
        this.#run(statements);
        this.#advance(entry, statements.texts);
        done.push({ entry, texts: statements.texts, migrated: statements.migrate !== undefined });
        prev = entry;
        if (performance.now() - started > APPLY_MS) break;
      }
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      this.#texts.clear();
      for (const { num, text } of this.#db.prepare('SELECT num, text FROM log_text').all() as { num: number; text: string }[]) this.#texts.set(num, text);
      this.#statements.clear();
      throw error;
    } finally {
      const { tx, rows, outputs } = this.writer;
      rows.forget();
      outputs.forget();
      tx.forget();
    }
    for (const { entry, texts, migrated } of done) {
      if (migrated) this.#schema = versionOf(this.#db);
      this.#recorder.learn(texts);
      this.#stands(entry, texts);
    }
    return done.length;
  }

  #run({ texts, runs, migrate }: Statements): void {
    for (const [num, text] of texts) this.#texts.set(num, text);
    for (const [num, ...parameters] of runs) {
      const statement = this.#statementOf(num);
      const values = parameters.map(fromParameter);
      // better-sqlite3 asks for the rows of a statement that returns some.
      if (statement.reader) statement.all(...values);
      else statement.run(...values);
    }
    if (migrate !== undefined) {
      for (const text of migrate.scripts) this.#db.exec(text);
      this.#db.pragma(`user_version = ${migrate.to}`);
    }
  }

  #statementOf(num: number): Statement {
    let statement = this.#statements.get(num);
    if (statement === undefined) {
      const text = this.#texts.get(num);
      if (text === undefined) throw new StoreError('store_corrupt', `The log in Redis uses statement ${num}, which it never named.`);
      statement = this.#db.prepare(text) as Statement;
      this.#statements.set(num, statement);
    }
    return statement;
  }

  #advance(entry: Entry, texts: Statements['texts']): void {
    for (const [num, text] of texts) this.#addText.run(num, text);
    this.#setState.run(entry.version, entry.id, entry.at);
    this.tail.add(entry);
  }

  #stands(entry: Entry, texts: Statements['texts']): void {
    for (const [num, text] of texts) this.#texts.set(num, text);
    this.version = entry.version;
    this.entry = entry.id;
    this.#at = entry.at;
  }

  close(): void {
    this.#reader.db.close();
    this.#db.close();
  }
}
