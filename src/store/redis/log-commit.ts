// Owns the write path on a shared log: operations of one turn run in one local transaction, its statements are appended to the
// log if nothing came first, and only then it is committed here and the callers have their answer.
import { StoreError } from '../../domain/errors.ts';
import type { WriterState } from '../port/measures.ts';
import { CommitMeter } from '../sqlite/commit-meter.ts';
import type { Parts } from '../sqlite/parts.ts';
import { SCHEMA_VERSION } from '../sqlite/schema.ts';
import { Arrivals } from './arrivals.ts';
import { asError, type Batch, Batches } from './batches.ts';
import type { Chain } from './chain.ts';
import type { Appended, CommitLog } from './commit-log.ts';
import { isConnectionFault, isPassing, refused, replyError } from './connect.ts';
import type { Entry } from './entry.ts';
import { newerSchema } from './migrate-log.ts';
import type { Replica } from './replica.ts';
import { Turns } from './turns.ts';

export interface LogCommitSettings {
  readonly chain: Chain;
  readonly log: CommitLog;
  /** Operations wait so long for a Redis that is away. */
  readonly awayLimitMs: number;
  /** After an own commit; `since` = bytes of the log since its last snapshot, 0 when nothing was stored. */
  readonly published: (since: number) => void;
  /** After commits of other processes. */
  readonly applied: () => void;
  readonly onError: (error: unknown) => void;
}

const RETRY_MS = 100;
const CLOSING_LIMIT_MS = 2_000;

/** One per process. A single loop owns the writer: nothing else touches it while a commit waits for Redis. */
export class LogCommit {
  readonly #settings: LogCommitSettings;
  readonly #batches = new Batches(() => this.#wake());
  readonly #turns: Turns;
  /** Newest version that we know of. */
  #known: number;
  #doubt = false;
  #awaySince = 0;
  #running = false;
  #loop = 0;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;
  #lastFault = '';
  #idle: (() => void)[] = [];
  readonly #arrivals = new Arrivals();
  readonly #meter = new CommitMeter();

  constructor(settings: LogCommitSettings) {
    this.#settings = settings;
    this.#known = settings.chain.replica.version;
    this.#turns = new Turns(settings.log);
    settings.chain.onRebuilt = () => {
      this.#batches.rebuilt(settings.chain.replica);
      settings.applied();
    };
  }

  submit<T>(run: (parts: Parts) => T): Promise<T> {
    return this.#batches.operations.submit(run);
  }

  submitLazily<T>(run: (parts: Parts) => T): Promise<T> {
    return this.#batches.operations.submitLazily(run);
  }

  /** The bell rang: another process stored an entry, or a turn has passed on. */
  heard(p: { readonly version: number; readonly next: string | null }): void {
    if (p.version > this.#known) this.#known = p.version;
    this.#turns.heard(p.next);
    this.#wake();
  }

  /** The connection is new, or something is odd: nothing is believed until the log was looked at. */
  doubt(): void {
    this.#doubt = true;
    this.#wake();
  }

  /** Resolves when the replica has this version, or cannot have it for now. */
  reached(version: number): Promise<void> {
    if (this.#settings.chain.replica.version >= version || !this.#settings.log.isReady || this.#ended) return Promise.resolve();
    if (version > this.#known) this.#known = version;
    const arrived = this.#arrivals.wait(version);
    this.#wake();
    return arrived;
  }

  /** Figures since it was made, and why nothing can be written now. */
  state(): WriterState {
    const { log } = this.#settings;
    return this.#meter.state(log.isReady ? null : log.unavailable('the connection is cut'));
  }

  /** Refuses new operations; resolves when the queued ones are stored or were refused. */
  async close(): Promise<void> {
    this.#batches.operations.close();
    this.#wake();
    if (this.#running || this.#batches.waiting > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#arrivals.releaseAll();
    if (this.#settings.log.isReady) await this.#turns.stepDown();
  }

  #wake(): void {
    if (this.#running || this.#ended) return;
    this.#running = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const loop = ++this.#loop;
    setImmediate(() => void this.#run(loop));
  }

  #wakeIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#wake();
    }, ms);
  }

  async #run(loop: number): Promise<void> {
    try {
      while (await this.#step()) {
        if (!this.#running || loop !== this.#loop) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#faulted(error);
    }
    if (loop === this.#loop) this.#running = false;
    this.#arrivals.release(this.#settings.chain.replica.version);
    if (!this.#running && this.#batches.waiting === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Does the next thing; false when there is nothing to do, or nothing that can be done now. */
  async #step(): Promise<boolean> {
    const { chain, log } = this.#settings;
    if (!log.isReady) return this.#away(log.unavailable('the connection is cut'));
    if (this.#doubt) {
      this.#doubt = false;
      await this.#believe(async () => {
        await log.listen();
        this.#turns.greet(await log.sinceRestart());
        this.#known = await chain.reconcile();
        await this.#catchUp();
      });
      this.#arrivals.releaseAll();
      return true;
    }
    if (this.#known > chain.replica.version) {
      await this.#believe(async () => {
        if (this.#batches.waiting > 0) await this.#turns.overtaken();
        await this.#catchUp();
      });
      this.#arrivals.release(chain.replica.version);
      return true;
    }
    this.#batches.operations.takeLazy();
    if (this.#batches.waiting === 0) {
      await this.#turns.stepDown();
      return this.#batches.waiting > 0;
    }
    if (chain.replica.schema > SCHEMA_VERSION) {
      this.#batches.rejectAll(newerSchema(chain.replica.schema));
      return true;
    }
    const wait = this.#turns.wait();
    if (wait > 0) {
      this.#wakeIn(Math.ceil(wait));
      return false;
    }
    return this.#turn(chain.replica);
  }

  /** What fails on the way to the log is looked at again from the beginning. */
  async #believe(look: () => Promise<void>): Promise<void> {
    try {
      await look();
      this.#awaySince = 0;
      this.#lastFault = '';
    } catch (error) {
      this.#doubt = true;
      throw error;
    }
  }

  async #catchUp(): Promise<void> {
    const { chain, applied } = this.#settings;
    const target = this.#known;
    await chain.catchUp(target, (entries) => {
      for (const { id } of entries) this.#batches.found(id);
      this.#batches.settled(chain.replica.version);
      applied();
    });
    // The log is shorter than somebody said: it was started anew, which the next look finds out.
    if (chain.replica.version < target && this.#known === target) this.#known = chain.replica.version;
  }

  /** One transaction and its entry. */
  async #turn(replica: Replica): Promise<boolean> {
    const startedAt = performance.now();
    const batch = this.#batches.run(replica);
    if (batch === null) return true;
    const { entry } = batch;
    if (entry !== null) return this.#append(replica, { ...batch, entry }, startedAt);
    return this.#confirm(replica, batch);
  }

  /** A batch that changed nothing makes no entry, but it may have looked at rows that are behind: it counts if the log has not moved. */
  async #confirm(replica: Replica, batch: Batch): Promise<boolean> {
    let version: number;
    try {
      version = await this.#settings.log.version();
    } catch (error) {
      replica.rollback();
      this.#doubt = true;
      throw error;
    }
    if (version !== replica.version) {
      replica.rollback();
      this.#known = Math.max(this.#known, version);
      if (version < replica.version) this.#doubt = true;
      return true;
    }
    replica.commit(null);
    this.#batches.answer(batch);
    this.#settings.published(0);
    await this.#turns.stepDown();
    return true;
  }

  async #append(replica: Replica, batch: Batch & { readonly entry: Entry }, startedAt: number): Promise<boolean> {
    let appended: Appended;
    try {
      const more = this.#batches.waiting > batch.taken.length || this.#turns.isContended;
      this.#turns.sending();
      appended = await this.#settings.log.append(replica.log, batch.entry, { more });
    } catch (error) {
      replica.rollback();
      return this.#unanswered(error, batch);
    }
    this.#awaySince = 0;
    this.#turns.appended(appended);
    if (appended.kind === 'ok') {
      this.#meter.stored(batch.taken.length, startedAt);
      this.#stored(replica, batch, appended.since);
      return true;
    }
    // Another process was first: it is as busy as a lock.
    this.#meter.busy();
    replica.rollback();
    if (appended.kind === 'other') this.#doubt = true;
    if (appended.kind === 'moved') this.#known = Math.max(this.#known, batch.entry.version);
    return true;
  }

  #stored(replica: Replica, batch: Batch & { readonly entry: Entry }, since: number): void {
    const { version } = batch.entry;
    try {
      replica.commit(batch.entry);
    } catch (error) {
      // It is stored; the replica takes the entry from the log, as those of others.
      replica.rollback();
      this.#settings.onError(asError(error, replica.path));
    }
    this.#known = Math.max(this.#known, version);
    this.#batches.settled(version);
    // What the callers ask for next wakes a new loop in its own order: a claim that follows a result rides in the same commit.
    if (this.#batches.waiting === batch.taken.length && !this.#doubt && this.#known === replica.version) this.#running = false;
    this.#batches.answer(batch);
    this.#settings.published(since);
  }

  #unanswered(error: unknown, batch: Batch & { readonly entry: Entry }): boolean {
    const { log } = this.#settings;
    const reply = replyError(error);
    if (reply === null) {
      this.#batches.doubt(batch);
      this.#doubt = true;
      return true;
    }
    if (isPassing(reply)) return this.#away(log.unavailable(error));
    const reason = refused(log.address, reply);
    this.#meter.failed(reason);
    this.#batches.reject(batch, reason);
    return true;
  }

  /** Gives up what waited too long; false, since nothing can be done now. */
  #away(reason: StoreError): boolean {
    const { log, awayLimitMs } = this.#settings;
    const now = performance.now();
    if (this.#awaySince === 0) this.#awaySince = now;
    this.#arrivals.releaseAll();
    this.#meter.failed(reason);
    if (now - this.#awaySince > (this.#batches.operations.closed ? Math.min(CLOSING_LIMIT_MS, awayLimitMs) : awayLimitMs)) this.#batches.rejectAll(reason);
    if (this.#batches.waiting > 0 || log.isReady) this.#wakeIn(RETRY_MS);
    return false;
  }

  /** Something outside of an operation failed. */
  #faulted(error: unknown): void {
    const { log } = this.#settings;
    const reason = error instanceof StoreError ? error : log.unavailable(error);
    const reply = replyError(error);
    const passes = isConnectionFault(error) || (reply !== null && isPassing(reply));
    // A cut connection is told to those who wait too long; anything else is reported once.
    if (!passes && reason.message !== this.#lastFault) this.#settings.onError(error);
    this.#lastFault = reason.message;
    this.#away(reason);
  }
}
