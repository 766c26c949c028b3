// Tests which snapshots a log takes: only copies of what it holds, whole, and of whoever has the lease; and that nothing stays of the others.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommitLog } from '../../src/store/redis/commit-log.ts';
import { parseRedisAddress } from '../../src/store/redis-address.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { enqueue, LogBench, until } from './redis-bench.ts';

const reason = reasonToSkip('redis-server');

describe.skipIf(reason !== null)(`a snapshot and its log${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;
  let bench: LogBench;
  let logs: CommitLog[];

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    bench = new LogBench(server);
    logs = [];
  });
  afterEach(async () => {
    for (const log of logs) log.disconnect();
    await bench.dispose();
  });

  const key = (name: string): string => `{${bench.prefix}}:${name}`;
  async function opened(): Promise<CommitLog> {
    const log = await CommitLog.open(parseRedisAddress(bench.url), () => undefined);
    logs.push(log);
    return log;
  }

  it('is published when the log holds the entry that it is a copy of, and all its pieces are there', async () => {
    const backend = await bench.open();
    for (let i = 0; i < 6; i++) await enqueue(backend);
    const log = await opened();
    const { log: id, version } = (await log.head()) ?? expect.unreachable();
    const [third, fourth] = [version - 3, version - 2];
    const entryOf = async (at: number): Promise<string> => (await log.read(at - 1, 1))[0]?.id ?? '';
    const publish = async (at: number, copy: string, entry?: string): Promise<boolean> =>
      log.publishSnapshot({ log: id, version: at, entry: entry ?? (await entryOf(at)), copy, pieces: 2, bytes: 9, trimBelow: 1, keepOldMs: 60_000 });
    const lifetimes = (copy: string): Promise<number[]> => Promise.all([0, 1].map((at) => log.client.pttl(key(`snapshot:${copy}:${at}`))));

    await log.putPiece('a', 0, Buffer.from('1'), 900_000);
    expect(await publish(third, 'a')).toBe(false);
    await log.putPiece('a', 1, Buffer.from('2'), 900_000);
    expect(await publish(third, 'a', 'the entry of a branch that the log has left')).toBe(false);
    for (const left of await lifetimes('a')) expect(left).toBeGreaterThan(0);
    expect((await log.head())?.snapshot).toBe(0);
    expect(await publish(third, 'a')).toBe(true);
    expect(await lifetimes('a')).toEqual([-1, -1]);
    expect(await log.head()).toMatchObject({ snapshot: third, copy: 'a', pieces: 2, since: 0 });

    for (const at of [0, 1]) await log.putPiece('b', at, Buffer.from('3'), 900_000);
    expect(await publish(third, 'b')).toBe(false);
    expect(await publish(fourth, 'b')).toBe(true);
    expect(await lifetimes('b')).toEqual([-1, -1]);
    for (const left of await lifetimes('a')) expect(left).toBeGreaterThan(0);
  });

  it('is made by one process: only whoever has the lease keeps or ends it', async () => {
    const [one, two] = [await opened(), await opened()];
    expect(await one.takeLease(60_000)).toBe(true);
    expect(await two.takeLease(60_000)).toBe(false);
    expect(await two.keepLease(0)).toBe(false);
    expect(await one.keepLease(90_000)).toBe(true);
    expect(await one.client.pttl(key('snapshot-lease'))).toBeGreaterThan(60_000);
    expect(await one.keepLease(0)).toBe(true);
    expect(await one.keepLease(0)).toBe(false);
    expect(await two.takeLease(60_000)).toBe(true);
  });

  it.each(['lacks the next entry', 'went another way'])(
    'that does not belong to it, since the log %s, is one error',
    async (what) => {
      const backend = await bench.open({ snapshots: { logBytes: 20_000, pieceBytes: 16_384, margin: 5, keepOldMs: 50 } });
      const client = server.client();
      const snapshot = async (): Promise<number> => Number(await client.hget(key('head'), 'snapshot'));
      await until(async () => {
        await enqueue(backend, { payload: 'x'.repeat(500) + Math.random() });
        return (await snapshot()) > 0;
      });
      for (let i = 0; i < 3; i++) await enqueue(backend);
      await backend.close();
      const next = `${(await snapshot()) + 1}-0`;
      const entries = await client.xrange(key('log'), next, '+');
      await client.del(key('log'));
      for (const [id, fields] of entries) {
        if (id !== next) await client.xadd(key('log'), id, ...fields);
        else if (what === 'went another way') await client.xadd(key('log'), id, ...fields.with(3, 'another'));
      }
      client.disconnect();
      await expect(bench.open()).rejects.toMatchObject({ code: 'store_corrupt', message: expect.stringContaining('snapshot') });
      expect(bench.errors.length).toBeLessThanOrEqual(1);
    },
    20_000,
  );
});
