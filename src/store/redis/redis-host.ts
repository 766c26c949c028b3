// Owns one open store on Redis: its replica, its writer, and whom it tells about commits; all verbs of the sqlite adapter run on it.
import { join } from 'node:path';
import { LogisticsError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { BackendEnvironment, CommitNotice } from '../backend.ts';
import type { Receipt } from '../port/common.ts';
import type { WriterState } from '../port/measures.ts';
import type { RedisAddress } from '../redis-address.ts';
import type { OpenOptions } from '../sqlite/connection.ts';
import type { Host } from '../sqlite/host.ts';
import { FOREIGN, Listeners } from '../sqlite/listeners.ts';
import type { Parts } from '../sqlite/parts.ts';
import { once, replyOf } from '../sqlite/receipts.ts';
import { MIGRATIONS } from '../sqlite/schema.ts';
import { Chain } from './chain.ts';
import { CommitLog } from './commit-log.ts';
import { LogCommit } from './log-commit.ts';
import { migrateLog } from './migrate-log.ts';
import { type Slot, takeSlot } from './replica-file.ts';
import { SNAPSHOT_LIMITS, type SnapshotLimits, Snapshots } from './snapshot.ts';

export interface RedisSettings {
  readonly address: RedisAddress;
  readonly dataDir: string;
  readonly snapshots?: SnapshotLimits | undefined;
  readonly awayLimitMs?: number | undefined;
  readonly migrations?: readonly string[] | undefined;
}

const AWAY_LIMIT_MS = 30_000;
/** A connection may be dead without a word: the head is compared this often. */
const LOOK_MS = 5_000;
const SNAPSHOT_ENDS_MS = 1_000;

export class RedisHost implements Host {
  readonly options: OpenOptions;
  readonly env: BackendEnvironment;
  readonly memory = false;
  readonly lockFolder: string;
  readonly log: CommitLog;
  readonly #slot: Slot;
  readonly #chain: Chain;
  readonly #commit: LogCommit;
  readonly #snapshots: Snapshots;
  readonly #listeners: Listeners;
  readonly #look: NodeJS.Timeout;
  #appliedSince = false;
  #closed: Promise<void> | null = null;

  private constructor(settings: RedisSettings, env: BackendEnvironment, made: { slot: Slot; log: CommitLog; chain: Chain; snapshots: Snapshots }) {
    this.options = { path: made.slot.path, durability: 'normal' };
    this.env = env;
    this.lockFolder = join(settings.dataDir, 'locks');
    this.log = made.log;
    this.#slot = made.slot;
    this.#chain = made.chain;
    this.#snapshots = made.snapshots;
    this.#listeners = new Listeners(env.onError);
    this.#commit = new LogCommit({
      chain: made.chain,
      log: made.log,
      awayLimitMs: settings.awayLimitMs ?? AWAY_LIMIT_MS,
      published: (since) => this.#published(since),
      applied: () => this.#applied(),
      onError: (error) => env.onError?.(error),
    });
    this.log.onReady = () => this.#commit.doubt();
    this.#look = setInterval(() => void this.#lookAtHead(), LOOK_MS);
    this.#look.unref();
  }

  /** Connects, takes a replica and brings it to the end of the log. Throws StoreError. */
  static async open(settings: RedisSettings, env: BackendEnvironment): Promise<RedisHost> {
    let commit: LogCommit | undefined;
    const log = await CommitLog.open(settings.address, (bell) => commit?.heard(bell));
    let slot: Slot | undefined;
    try {
      slot = takeSlot(settings.dataDir, settings.address);
      const migrations = settings.migrations ?? MIGRATIONS;
      const snapshots = new Snapshots(log, settings.snapshots ?? SNAPSHOT_LIMITS);
      const chain = await Chain.open({ path: slot.path, env, log, snapshots, migrations });
      try {
        await chain.catchUp(await log.version());
        await migrateLog(chain, log, migrations, env.now);
      } catch (error) {
        chain.replica.close();
        throw error;
      }
      const host = new RedisHost(settings, env, { slot, log, chain, snapshots });
      commit = host.#commit;
      // What was stored since the last look rang no bell that was heard.
      commit.doubt();
      return host;
    } catch (error) {
      slot?.release();
      log.disconnect();
      throw error instanceof LogisticsError ? error : log.unavailable(error);
    }
  }

  get parts(): Parts {
    return this.#chain.replica.parts;
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

  /** Listeners are told when an entry arrives; this only says whether one did since the last call. */
  pollForeign(): boolean {
    const applied = this.#appliedSince;
    this.#appliedSince = false;
    return applied;
  }

  /** Resolves when reads see everything that was stored before the call, wherever; while Redis is away, at once. */
  async refresh(): Promise<void> {
    if (!this.log.isReady || this.#closed !== null) return;
    try {
      await this.#commit.reached(await this.log.version());
    } catch {
      // Redis went away just now: reads go on from what is here.
    }
  }

  writerState(): WriterState {
    return this.#commit.state();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#commit.close();
    clearInterval(this.#look);
    this.#snapshots.stop();
    // What a snapshot still waits for fails with the connection.
    const cut = setTimeout(() => this.log.disconnect(), SNAPSHOT_ENDS_MS);
    await this.#snapshots.idle();
    clearTimeout(cut);
    this.log.disconnect();
    this.#chain.replica.close();
    this.#slot.release();
  }

  #published(since: number): void {
    const { tx, rows, plans } = this.#chain.replica.writer;
    rows.evict();
    plans.committed();
    this.#listeners.tell(tx.takeNotice());
    if (since > 0) this.#snapshots.maybe(since, this.options.path, (error) => this.env.onError?.(error));
  }

  #applied(): void {
    this.#appliedSince = true;
    this.#listeners.tell(FOREIGN);
  }

  async #lookAtHead(): Promise<void> {
    if (!this.log.isReady) return;
    try {
      if ((await this.log.version()) !== this.#chain.replica.version) this.#commit.doubt();
    } catch {
      // The connection says by itself when it is back.
    }
  }
}
