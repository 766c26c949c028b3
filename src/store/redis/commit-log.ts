// Owns the shared log in Redis: its keys, its head, and appending an entry if the head is what the entry was built on.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { StoreError } from '../../domain/errors.ts';
import type { RedisAddress } from '../redis-address.ts';
import { connect, loadRedis, optionsOf, script, unavailable } from './connect.ts';
import type { Entry } from './entry.ts';
import { APPEND, INIT, KEEP_LEASE, MEET, PASS, PUBLISH_SNAPSHOT, STAND } from './scripts.ts';

/** Where the log stands. */
export interface Head {
  /** Random id of this log; another one means that the log was started anew. */
  readonly log: string;
  readonly version: number;
  readonly entry: string;
  readonly schema: number;
  /** Schema that the log was started with. */
  readonly base: number;
  /** Bytes of the entries since the last snapshot. */
  readonly since: number;
  /** Version of the snapshot; 0 = there is none. */
  readonly snapshot: number;
  /** Name of its pieces. */
  readonly copy: string;
  readonly pieces: number;
  readonly snapshotBytes: number;
}

export type Appended =
  /** `next` = the process whose turn it is; null when nobody waits. */
  | { readonly kind: 'ok'; readonly next: string | null; readonly since: number }
  /** Another entry came first. */
  | { readonly kind: 'moved' }
  /** It is somebody else's turn. */
  | { readonly kind: 'wait' }
  /** The log is not the one that the entry belongs to. */
  | { readonly kind: 'other' };

/** Told of each stored entry: its version, who stored it ('-' = nobody did), whose turn it is now. */
export type Bell = (p: { readonly version: number; readonly by: string; readonly next: string | null }) => void;

/** A turn that nobody uses for so long is over. It is a courtesy only: what is stored is decided by the head. */
export const TURN_LAPSE_MS = 500;
const REPLY_LIMIT_MS = 5_000;

export class CommitLog {
  readonly address: RedisAddress;
  /** This process among those that take turns. */
  readonly me = randomUUID();
  readonly client: Redis;
  readonly #bells: Redis;
  readonly #keys: { readonly head: string; readonly log: string; readonly turn: string; readonly until: string; readonly ears: string; readonly bell: string };
  /** Called when the connection is there again after it was cut. */
  onReady: () => void = () => undefined;

  constructor(address: RedisAddress, client: Redis, bells: Redis) {
    this.address = address;
    this.client = client;
    this.#bells = bells;
    const key = (name: string): string => `{${address.prefix}}:${name}`;
    this.#keys = { head: key('head'), log: key('log'), turn: key('turn'), until: key('until'), ears: key('ears'), bell: key('bell:') };
    client.on('ready', () => this.onReady());
    bells.on('ready', () => this.onReady());
  }

  /** Two connections: one for commands, one that hears the bell. Throws store_unavailable or missing_package. */
  static async open(address: RedisAddress, bell: Bell): Promise<CommitLog> {
    const Client = await loadRedis();
    const client = new Client(optionsOf(address));
    // Asked for anew by `listen`, whose answer is awaited: what the client asks for by itself would fail unseen.
    const bells = new Client({ ...optionsOf(address), autoResubscribe: false });
    const log = new CommitLog(address, client, bells);
    try {
      await connect(client, address);
      await connect(bells, address);
      bells.on('message', (_channel: string, text: string) => {
        const [version = '', by = '', next = ''] = text.split(' ');
        bell({ version: Number(version), by, next: next === '' ? null : next });
      });
      await log.listen();
      return log;
    } catch (error) {
      log.disconnect();
      throw error instanceof Error && 'nextActions' in error ? error : unavailable(address, error);
    }
  }

  /** Each process has a bell of its own, so that nobody hears himself; one that nobody hears is taken off the list. */
  async listen(): Promise<void> {
    if (this.#bells.status !== 'ready') return;
    await this.#limited(this.#bells.subscribe(`${this.#keys.bell}${this.me}`), this.#bells);
    await this.#limited(this.client.sadd(this.#keys.ears, this.me));
  }

  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  key(name: string): string {
    return `{${this.address.prefix}}:${name}`;
  }

  unavailable(cause: unknown): StoreError {
    return unavailable(this.address, cause);
  }

  /** Starts a log of this schema unless there is one. */
  async init(schema: number): Promise<Head> {
    await this.#limited(script(this.client, INIT, [this.#keys.head], [randomUUID(), schema]));
    const head = await this.head();
    if (head === null) throw this.unavailable('the log disappeared while it was started');
    return head;
  }

  async head(): Promise<Head | null> {
    const fields = await this.#limited(this.client.hgetall(this.#keys.head));
    if (fields.log === undefined) return null;
    const number = (name: string): number => Number(fields[name] ?? 0);
    return {
      log: fields.log,
      version: number('version'),
      entry: fields.entry ?? '',
      schema: number('schema'),
      base: number('base'),
      since: number('since'),
      snapshot: number('snapshot'),
      copy: fields.copy ?? '',
      pieces: number('pieces'),
      snapshotBytes: number('snapshot_bytes'),
    };
  }

  /** Version of the newest entry; one small read. */
  async version(): Promise<number> {
    return Number((await this.#limited(this.client.hget(this.#keys.head, 'version'))) ?? 0);
  }

  /** `more` = this process has further work, so that it comes again after those who wait. */
  async append(
    log: string,
    entry: Entry,
    p: { readonly more: boolean; readonly schema?: number | undefined; readonly giveBack?: boolean | undefined },
  ): Promise<Appended> {
    const { head, log: stream, turn, until, ears, bell } = this.#keys;
    const turns = [this.me, p.more ? 1 : 0, TURN_LAPSE_MS, bell, p.schema ?? '', p.giveBack === true ? 1 : 0];
    const values = [log, entry.version - 1, entry.prev, entry.id, entry.at, entry.payload, ...turns];
    const [kind, next, since] = (await this.#limited(script(this.client, APPEND, [head, stream, turn, until, ears], values))) as [
      Appended['kind'],
      string,
      number,
    ];
    return kind === 'ok' ? { kind, next: next === '' ? null : next, since } : { kind };
  }

  /** Entries after a version, oldest first, at most `count`; none when there are no more. */
  async read(after: number, count: number): Promise<Entry[]> {
    const rows = (await this.#limited(this.client.xrangeBuffer(this.#keys.log, `${after + 1}-0`, '+', 'COUNT', count))) as unknown as readonly (readonly [
      Buffer,
      readonly Buffer[],
    ])[];
    return rows.map(([id, fields]) => {
      const text = (at: number): string => (fields[at] as Buffer).toString();
      return { version: Number.parseInt(id.toString(), 10), id: text(1), prev: text(3), at: Number(text(5)), payload: fields[7] as Buffer };
    });
  }

  /** Asks for a turn: the others leave the next append to those who stand before them. */
  async stand(): Promise<void> {
    await this.#ofTurns(STAND);
  }

  #ofTurns(text: string): Promise<unknown> {
    const { head, log, turn, until, ears, bell } = this.#keys;
    return this.#limited(script(this.client, text, [head, log, turn, until, ears], [this.me, TURN_LAPSE_MS, bell]));
  }

  /** Lets go of the turn, or of the wait for one; a courtesy, so a failure does not matter. */
  async pass(): Promise<void> {
    await this.#ofTurns(PASS).catch(() => undefined);
  }

  /** Key of a piece of a snapshot, of which `copy` is the name. */
  #piece(copy: string, at: number): string {
    return this.key(`snapshot:${copy}:${at}`);
  }

  /** A piece goes by itself unless its snapshot is published. */
  async putPiece(copy: string, at: number, piece: Buffer, keptMs: number): Promise<void> {
    await this.#limited(this.client.set(this.#piece(copy, at), piece, 'PX', keptMs));
  }

  getPiece(copy: string, at: number): Promise<Buffer | null> {
    return this.#limited(this.client.getBuffer(this.#piece(copy, at)));
  }

  async dropPieces(copy: string, pieces: number): Promise<void> {
    for (let at = 0; at < pieces; at++) await this.#limited(this.client.unlink(this.#piece(copy, at)));
  }

  /** False when a newer snapshot is there already, or the log does not hold what this one is a copy of. */
  async publishSnapshot(p: {
    readonly log: string;
    readonly version: number;
    readonly entry: string;
    readonly copy: string;
    readonly pieces: number;
    readonly bytes: number;
    readonly trimBelow: number;
    readonly keepOldMs: number;
  }): Promise<boolean> {
    const { head, log } = this.#keys;
    const values = [p.log, p.version, p.entry, p.copy, p.pieces, p.bytes, p.trimBelow, this.key('snapshot:'), p.keepOldMs];
    return (await this.#limited(script(this.client, PUBLISH_SNAPSHOT, [head, log], values))) === 1;
  }

  /** Takes the lease of whoever makes the snapshot; false when somebody has it. */
  async takeLease(ms: number): Promise<boolean> {
    return (await this.#limited(this.client.set(this.key('snapshot-lease'), this.me, 'PX', ms, 'NX'))) !== null;
  }

  /** The lease lasts so long from now; 0 ends it. False when it is not ours any more. */
  async keepLease(ms: number): Promise<boolean> {
    return (await this.#limited(script(this.client, KEEP_LEASE, [this.key('snapshot-lease')], [this.me, ms]))) === 1;
  }

  /** Milliseconds since a process first met this server after it was started anew; -1 when it never was. */
  async sinceRestart(): Promise<number> {
    const run = /^run_id:(\S+)/m.exec(await this.#limited(this.client.info('server')))?.[1] ?? '';
    return (await this.#limited(script(this.client, MEET, [this.key('run')], [run]))) as number;
  }

  /** Redis's clock less ours, ms. */
  async skew(now: () => number): Promise<number> {
    const before = now();
    const [seconds, micros] = await this.#limited(this.client.time());
    return Math.round(Number(seconds) * 1_000 + Number(micros) / 1_000 - (before + now()) / 2);
  }

  /** A server that does not answer is cut off, which fails what is under way: its connection may come back, its silence may not. */
  async #limited<T>(reply: Promise<T>, client = this.client): Promise<T> {
    const timer = setTimeout(() => client.disconnect(true), REPLY_LIMIT_MS);
    try {
      return await reply;
    } finally {
      clearTimeout(timer);
    }
  }

  disconnect(): void {
    this.client.disconnect();
    this.#bells.disconnect();
  }
}
