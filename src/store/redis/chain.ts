// Owns that the replica belongs to the log: looked at whenever the connection is new, put right when one of them lost something.
import { existsSync, renameSync } from 'node:fs';
import { StoreError } from '../../domain/errors.ts';
import type { BackendEnvironment } from '../backend.ts';
import type { CommitLog, Head } from './commit-log.ts';
import type { Entry } from './entry.ts';
import { ChainBroken, Replica } from './replica.ts';
import { createReplica, removeReplica } from './replica-file.ts';
import type { Snapshots } from './snapshot.ts';

/** Others may write, or give back the same entries, while this one looks. */
const ROUNDS = 1_000;
const LOADS = 5;
const READ_BYTES = 4 * 1024 * 1024;
const MAX_READ = 500;

export interface ChainSettings {
  readonly path: string;
  readonly env: BackendEnvironment;
  readonly log: CommitLog;
  readonly snapshots: Snapshots;
  /** All that this program knows, oldest first. */
  readonly migrations: readonly string[];
}

export class Chain {
  readonly #settings: ChainSettings;
  #replica: Replica;
  /** Called when another replica took the place of the one before. */
  onRebuilt: () => void = () => undefined;
  #stuckAt = -1;
  #lostAt = -1;
  #readCount = 8;

  private constructor(settings: ChainSettings, replica: Replica) {
    this.#settings = settings;
    this.#replica = replica;
  }

  /** Takes up the replica that lies at the path, or makes one; it belongs to the log, but may be behind. */
  static async open(settings: ChainSettings): Promise<Chain> {
    const head = await settings.log.init(settings.migrations.length);
    const kept = existsSync(settings.path) ? taken(settings) : null;
    const chain = new Chain(settings, kept ?? (await built(settings, head)));
    await chain.reconcile();
    return chain;
  }

  get replica(): Replica {
    return this.#replica;
  }

  /**
   * After it the replica stands on an entry of the log. What Redis lost and this replica still has is appended again; what this
   * replica has and the log never will is thrown away and reported. Gives the version of the log's newest entry.
   */
  async reconcile(): Promise<number> {
    const { log, migrations } = this.#settings;
    for (let round = 0; round < ROUNDS; round++) {
      const head = (await log.head()) ?? (await log.init(migrations.length));
      const { version, entry } = this.#replica;
      if (head.log !== this.#replica.log) {
        if (version > 0) this.#lost(`Redis at ${log.address.shown} holds another log: what it held before is gone.`);
        await this.rebuild();
        return head.version;
      }
      if (head.version > version || (head.version === version && head.entry === entry)) return head.version;
      const known = head.version === version ? entry : head.version === 0 ? head.log : this.#replica.tail.idOf(head.version);
      if (head.version === version || known !== head.entry) {
        this.#lost(`Redis at ${log.address.shown} went another way after a loss: commits that this process had seen are gone.`);
        await this.rebuild();
        return head.version;
      }
      await this.#giveBack(this.#replica.tail.after(head.version));
    }
    throw log.unavailable('the log changes all the time');
  }

  /** Until somebody else appends: perhaps the same entries. */
  async #giveBack(entries: readonly Entry[]): Promise<void> {
    const { log } = this.#settings;
    for (const entry of entries) {
      const { kind } = await log.append(this.#replica.log, entry, { more: false, giveBack: true });
      if (kind !== 'ok') return;
    }
  }

  /** Throws the replica away and takes the newest snapshot, or the empty beginning of the log. Reads go on from the old one meanwhile. */
  async rebuild(): Promise<void> {
    const { log, path, env } = this.#settings;
    const head = await log.head();
    if (head === null) throw log.unavailable('the log is gone');
    const fresh = `${path}.new`;
    await make(this.#settings, head, fresh);
    this.#replica.close();
    removeReplica(path);
    renameSync(fresh, path);
    this.#replica = new Replica(path, env);
    this.onRebuilt();
  }

  /** Entries after the replica; null when the replica is so far behind that the log does not reach back to it. */
  async next(): Promise<readonly Entry[] | null> {
    const { version } = this.#replica;
    const entries = await this.#settings.log.read(version, this.#readCount);
    const bytes = entries.reduce((sum, entry) => sum + entry.payload.length, 1);
    // Small entries come many at once, large ones one by one: what is read lies in memory.
    this.#readCount = Math.max(1, Math.min(MAX_READ, Math.floor((READ_BYTES * entries.length) / bytes)));
    return entries.length > 0 && entries[0]?.version !== version + 1 ? null : entries;
  }

  /**
   * Brings the replica to a version, or as far as the log goes; tells after each piece. What is stored meanwhile can wait. Throws
   * store_corrupt when the log cannot be followed even by a replica that was made anew.
   */
  async catchUp(version: number, applied: (entries: readonly Entry[]) => void = () => undefined): Promise<void> {
    for (let rebuilt = 0; this.#replica.version < version; ) {
      const entries = await this.next();
      if (entries?.length === 0) return;
      if (entries !== null && (await this.#applyAll(entries, applied))) continue;
      // It may have been cut again meanwhile; more often than that, its snapshot does not belong to it.
      if (++rebuilt > LOADS) throw new StoreError('store_corrupt', `The log at ${this.#settings.log.address.shown} does not follow from its snapshot.`);
      await this.rebuild();
    }
  }

  /** False when the replica has to be made anew. */
  async #applyAll(entries: readonly Entry[], applied: (entries: readonly Entry[]) => void): Promise<boolean> {
    for (let at = 0; at < entries.length; ) {
      try {
        const count = this.#replica.apply(entries.slice(at));
        applied(entries.slice(at, at + count));
        at += count;
      } catch (error) {
        const stuck = this.#replica.version;
        if (!(error instanceof ChainBroken)) {
          // A replica that differs is made anew, but once: an entry that runs nowhere is the fault of the log.
          if (!isDifferent(error) || this.#stuckAt === stuck) throw error;
          this.#stuckAt = stuck;
          this.#settings.env.onError?.(error);
        } else if (this.#lostAt !== stuck) {
          this.#lostAt = stuck;
          this.#lost(`Redis at ${this.#settings.log.address.shown} went another way after a loss: commits that this process had seen are gone.`);
        }
        return false;
      }
      if (at < entries.length) await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }

  #lost(message: string): void {
    this.#settings.env.onError?.(
      new StoreError('store_corrupt', message, { nextActions: ['Look at how Redis keeps its data: appendonly yes, a disk that stays, no FLUSHALL.'] }),
    );
  }
}

function isDifferent(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code ?? '');
  return code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_ERROR' || code.startsWith('SQLITE_CORRUPT') || code === 'store_corrupt';
}

/** The replica that lies there; null when it cannot be used. */
function taken({ path, env }: ChainSettings): Replica | null {
  try {
    return new Replica(path, env);
  } catch {
    return null;
  }
}

async function built(settings: ChainSettings, head: Head): Promise<Replica> {
  await make(settings, head, settings.path);
  return new Replica(settings.path, settings.env);
}

async function make({ log, snapshots, migrations }: ChainSettings, first: Head, path: string): Promise<void> {
  for (let head = first, round = 0; round < LOADS; round++) {
    if (head.base > migrations.length) throw new StoreError('store_newer', `The log in Redis was started by a newer version (schema ${head.base}).`);
    removeReplica(path);
    if (head.snapshot === 0) return createReplica(path, head.log, migrations.slice(0, head.base));
    if (await snapshots.load(head, path)) return;
    // A newer one took its place while it was read.
    head = (await log.head()) ?? head;
  }
  throw log.unavailable('its snapshot cannot be read');
}
