// Owns one open store: its connection, its writer, and whom it tells about commits; the verbs are built on it.
import { dirname, join } from 'node:path';
import { LogisticsError, StoreError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { BackendEnvironment, CommitNotice } from '../backend.ts';
import type { Receipt } from '../port/common.ts';
import type { WriterState } from '../port/measures.ts';
import { type OpenOptions, openConnection } from './connection.ts';
import { GroupCommit } from './group-commit.ts';
import { FOREIGN, Listeners } from './listeners.ts';
import { buildParts, type Parts } from './parts.ts';
import { once, replyOf } from './receipts.ts';
import { SCHEMA_VERSION, versionOf } from './schema.ts';
import { retryBusy, storeError } from './sqlite-error.ts';

/** What the verbs stand on: where reads look, how writes become durable, and who hears of them. */
export interface Host {
  readonly options: OpenOptions;
  readonly env: BackendEnvironment;
  readonly memory: boolean;
  /** Folder of the processes' lock files; null where nobody else can look. */
  readonly lockFolder: string | null;
  /** What reads use: they see what is committed. */
  readonly parts: Parts;
  /** Runs a verb inside the next transaction; it resolves once that is durable. */
  write<T>(run: (parts: Parts) => T): Promise<T>;
  /** As `write`, for what nobody waits for: it rides on the next commit. */
  writeLazily<T>(run: (parts: Parts) => T): Promise<T>;
  /** As `write`, but at most once per receipt; the same key with other arguments is a conflict error. */
  writeOnce<T extends Json>(receipt: Receipt | undefined, run: (parts: Parts) => T): Promise<T>;
  /** Where reads may be behind: resolves when they see what was committed anywhere before the call. */
  refresh?(): Promise<void>;
  onCommit(listener: (notice: CommitNotice) => void): () => void;
  pollForeign(): boolean;
  writerState(): WriterState;
  close(): Promise<void>;
}

/** A host on a store file, or on a store in memory. */
export class SqliteHost implements Host {
  readonly options: OpenOptions;
  readonly env: BackendEnvironment;
  readonly memory: boolean;
  readonly lockFolder: string | null;
  readonly #commit: GroupCommit<Parts>;
  readonly #listeners: Listeners;
  #parts: Parts;
  #foreignVersion: number;
  /** Set once a newer program has migrated the file: from then on nothing is written. */
  #newer: StoreError | null = null;

  constructor(options: OpenOptions, env: BackendEnvironment) {
    this.options = options;
    this.env = env;
    this.memory = options.path === ':memory:';
    this.#listeners = new Listeners(env.onError);
    this.lockFolder = this.memory ? null : join(dirname(options.path), 'locks');
    this.#parts = buildParts(openConnection(options, env.now()), env);
    this.#foreignVersion = retryBusy(() => this.#parts.tx.dataVersion());
    this.#commit = new GroupCommit<Parts>({
      begin: () => this.#begin(),
      state: () => this.#parts,
      flush: () => this.#parts.rows.flush(),
      commit: () => this.#parts.tx.commit(),
      rollback: () => this.#rollback(),
      published: () => this.#publish(),
      reopen: () => this.#reopen(),
      onError: (error) => env.onError?.(error),
      toError: (error) => (error instanceof LogisticsError ? error : storeError(error, options.path)),
      random: env.random,
    });
  }

  get parts(): Parts {
    return this.#parts;
  }

  write<T>(run: (parts: Parts) => T): Promise<T> {
    return this.#commit.submit(run);
  }

  writeLazily<T>(run: (parts: Parts) => T): Promise<T> {
    return this.#commit.submitLazily(run);
  }

  async writeOnce<T extends Json>(receipt: Receipt | undefined, run: (parts: Parts) => T): Promise<T> {
    return replyOf(await this.#commit.submit((parts) => once(parts.tx, receipt, () => run(parts))));
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    return this.#listeners.add(listener);
  }

  pollForeign(): boolean {
    const version = this.#parts.tx.dataVersion();
    if (version === this.#foreignVersion) return false;
    this.#foreignVersion = version;
    this.#listeners.tell(FOREIGN);
    return true;
  }

  writerState(): WriterState {
    return this.#commit.state();
  }

  async close(): Promise<void> {
    await this.#commit.close();
    if (this.#parts.db.open) this.#parts.db.close();
  }

  #begin(): void {
    if (this.#newer !== null) throw this.#newer;
    const foreign = this.#parts.tx.begin();
    try {
      this.#parts.rows.begin(foreign);
      // Only another process can have migrated the file, so only its commits are a reason to look.
      if (foreign) this.#refuseNewer();
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #refuseNewer(): void {
    const version = versionOf(this.#parts.db);
    if (version <= SCHEMA_VERSION) return;
    this.#newer = new StoreError(
      'store_newer',
      `A newer version of this program migrated the file (schema ${version}); this process can no longer write to it.`,
      { nextActions: ['Restart this process with the newer version.'] },
    );
    throw this.#newer;
  }

  #rollback(): void {
    const { tx, rows, outputs, plans } = this.#parts;
    rows.forget();
    outputs.forget();
    plans.rolledBack();
    tx.rollback();
  }

  #reopen(): void {
    try {
      this.#rollback();
    } catch {
      // The connection is being given up; its transaction ends with it.
    }
    if (this.memory) return;
    this.#parts.db.close();
    this.#parts = buildParts(openConnection(this.options, this.env.now()), this.env);
    this.#foreignVersion = -1;
  }

  #publish(): void {
    const { tx, rows, plans } = this.#parts;
    rows.evict();
    plans.committed();
    this.#listeners.tell(tx.takeNotice());
  }
}
