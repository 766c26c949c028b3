// Owns one open store: its connection, its writer, and whom it tells about commits; the verbs are built on it.
import { LogisticsError, StoreError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { BackendEnvironment, CommitNotice, Receipt } from '../backend.ts';
import { type OpenOptions, openConnection } from './connection.ts';
import { GroupCommit } from './group-commit.ts';
import { buildParts, type Parts } from './parts.ts';
import { once } from './receipts.ts';
import { SCHEMA_VERSION, versionOf } from './schema.ts';
import { retryBusy, storeError } from './sqlite-error.ts';

export class Host {
  readonly options: OpenOptions;
  readonly env: BackendEnvironment;
  readonly memory: boolean;
  readonly #commit: GroupCommit<Parts>;
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  #parts: Parts;
  #foreignVersion: number;
  /** Set once a newer program has migrated the file: from then on nothing is written. */
  #newer: StoreError | null = null;

  constructor(options: OpenOptions, env: BackendEnvironment) {
    this.options = options;
    this.env = env;
    this.memory = options.path === ':memory:';
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

  /** What reads use: they see what is committed. */
  get parts(): Parts {
    return this.#parts;
  }

  /** Runs a verb inside the next transaction; it resolves after the COMMIT. */
  write<T>(run: (parts: Parts) => T): Promise<T> {
    return this.#commit.submit(run);
  }

  /** As `write`, for what nobody waits for: it rides on the next commit. */
  writeLazily<T>(run: (parts: Parts) => T): Promise<T> {
    return this.#commit.submitLazily(run);
  }

  /** As `write`, but at most once per receipt; the same key with other arguments is a conflict error. */
  async writeOnce<T extends Json>(receipt: Receipt | undefined, run: (parts: Parts) => T): Promise<T> {
    const result = await this.#commit.submit((parts) => once(parts.tx, receipt, () => run(parts)));
    if ('conflict' in result) throw new LogisticsError('conflict', result.conflict.message, result.conflict);
    return result.reply;
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  pollForeign(): boolean {
    const version = this.#parts.tx.dataVersion();
    if (version === this.#foreignVersion) return false;
    this.#foreignVersion = version;
    this.#tell({ jobsReady: true, inbox: [], stopJobs: [], ended: [], changed: [], timersChanged: true, foreign: true });
    return true;
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
    const notice = tx.takeNotice();
    if (this.#listeners.size > 0) this.#tell(notice);
  }

  #tell(notice: CommitNotice): void {
    for (const listener of this.#listeners) {
      try {
        listener(notice);
      } catch (error) {
        this.env.onError?.(error);
      }
    }
  }
}
