// Tests what keeps the log short, and what a process does that was away while it was cut; and programs of different schemas on one log.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../src/store/sqlite/schema.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { claim, enqueue, joined, LogBench, newJob, size, until } from './redis-bench.ts';

const reason = reasonToSkip('redis-server');
const EAGER = { logBytes: 20_000, pieceBytes: 16_384, margin: 5, keepOldMs: 50 };

describe.skipIf(reason !== null)(`snapshots${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;
  let bench: LogBench;

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  afterEach(() => bench.dispose());

  const key = (name: string): string => `{${bench.prefix}}:${name}`;

  it('cut the log; a new process and one that was away take the snapshot and what came after it', async () => {
    bench = new LogBench(server);
    const dataDir = await bench.folder();
    const away = await bench.open({ dataDir });
    await enqueue(away, { id: 'job_first' });
    await away.close();

    const client = server.client();
    const backend = await bench.open({ snapshots: EAGER });
    let jobs = 1;
    const snapshot = async (): Promise<number> => Number(await client.hget(key('head'), 'snapshot'));
    await until(async () => {
      await enqueue(backend, { payload: 'x'.repeat(500) + Math.random() });
      jobs++;
      return (await snapshot()) > 20;
    });
    const first = await snapshot();
    const version = Number(await client.hget(key('head'), 'version'));
    await until(async () => (await client.xlen(key('log'))) < version);

    const back = await bench.open({ dataDir });
    const fresh = await bench.open();
    for (const one of [back, fresh]) {
      expect(size(one)).toBe(jobs);
      expect(one.getJob('job_first')).not.toBeNull();
    }
    // The next one takes its place, and the pieces of the first go.
    await until(async () => {
      await backend.enqueueJobs({ jobs: Array.from({ length: 20 }, () => newJob({ payload: 'y'.repeat(500) + Math.random() })) });
      jobs += 20;
      return (await snapshot()) > first;
    });
    await until(async () => (await client.exists(key(`snapshot:${first}:0`))) === 0);
    client.disconnect();
    await fresh.refresh?.();
    expect(size(fresh)).toBe(jobs);
    expect(size(await bench.open())).toBe(jobs);
    expect(bench.errors).toEqual([]);
  }, 60_000);

  it('a running process that fell behind the cut takes the snapshot and goes on', async () => {
    bench = new LogBench(server);
    const proxy = await LossyProxy.start(server.port);
    try {
      const backend = await bench.open({ snapshots: EAGER });
      const other = await bench.open({ url: `redis://127.0.0.1:${proxy.port}/0?prefix=${bench.prefix}` });
      await enqueue(other);
      proxy.cut();
      for (let i = 0; i < 300; i++) await enqueue(backend, { payload: 'z'.repeat(400) + Math.random() });
      const client = server.client();
      await until(async () => Number(await client.hget(key('head'), 'snapshot')) > 100);
      client.disconnect();
      expect(size(other)).toBe(1);
      proxy.restore();
      await enqueue(other);
      expect(size(other)).toBe(302);
      await backend.refresh?.();
      expect(size(backend)).toBe(302);
      expect(bench.errors).toEqual([]);
    } finally {
      await proxy.stop();
    }
  }, 60_000);

  it('an append without an answer is found again after the log was cut past it: it counts, once', async () => {
    bench = new LogBench(server);
    const proxy = await LossyProxy.start(server.port);
    try {
      const backend = await bench.open({ snapshots: EAGER });
      const other = await bench.open({ url: `redis://127.0.0.1:${proxy.port}/0?prefix=${bench.prefix}` });
      const epoch = await joined(other);
      for (let i = 0; i < 3; i++) await enqueue(other, { id: `job_${i}` });
      const lost = proxy.loseAnswerAndCut();
      const claimed = claim(other, epoch);
      await lost;
      for (let i = 0; i < 300; i++) await enqueue(backend, { payload: 'z'.repeat(400) + Math.random() });
      const client = server.client();
      await until(async () => Number(await client.hget(key('head'), 'snapshot')) > 100);
      client.disconnect();
      proxy.restore();
      expect((await claimed).map((job) => job.jobId)).toEqual(['job_0']);
      await backend.refresh?.();
      expect(['job_0', 'job_1', 'job_2'].map((id) => backend.getJob(id)?.status)).toEqual(['running', 'pending', 'pending']);
      expect(bench.errors).toEqual([]);
    } finally {
      await proxy.stop();
    }
  }, 60_000);

  it('closing does not wait for a snapshot that waits for a silent Redis', async () => {
    bench = new LogBench(server);
    const proxy = await LossyProxy.start(server.port);
    try {
      const backend = await bench.open({ snapshots: EAGER, url: `redis://127.0.0.1:${proxy.port}/0?prefix=${bench.prefix}` });
      const silent = proxy.silenceAt(':snapshot:');
      await backend.enqueueJobs({ jobs: Array.from({ length: 200 }, () => newJob({ payload: Array.from({ length: 40 }, Math.random).join() })) });
      await silent;
      await backend.close();
      expect(bench.errors).toEqual([]);
    } finally {
      await proxy.stop();
    }
  }, 15_000);

  it('opening says so when Redis falls silent while the snapshot is read', async () => {
    bench = new LogBench(server);
    const proxy = await LossyProxy.start(server.port);
    try {
      const backend = await bench.open({ snapshots: EAGER });
      const client = server.client();
      await until(async () => {
        await enqueue(backend, { payload: 'x'.repeat(500) + Math.random() });
        return Number(await client.hget(key('head'), 'snapshot')) > 0;
      });
      client.disconnect();
      void proxy.silenceAt(':snapshot:');
      await expect(bench.open({ url: `redis://127.0.0.1:${proxy.port}/0?prefix=${bench.prefix}` })).rejects.toMatchObject({ code: 'store_unavailable' });
    } finally {
      await proxy.stop();
    }
  }, 30_000);

  it('a replica is taken up again by the next process, and caught up', async () => {
    bench = new LogBench(server);
    const dataDir = await bench.folder();
    const one = await bench.open({ dataDir });
    const two = await bench.open({ dataDir });
    await enqueue(one);
    await one.close();
    await enqueue(two);
    const again = await bench.open({ dataDir });
    expect(size(again)).toBe(2);
    const files = await readdir(join(dataDir, 'replicas'));
    expect(files.filter((name) => name.endsWith('.db'))).toHaveLength(2);
  });
});

describe.skipIf(reason !== null)('programs of different schemas on one log', () => {
  let server: RedisServer;
  let bench: LogBench;
  const NEXT = [...MIGRATIONS, 'CREATE TABLE later (num INTEGER PRIMARY KEY, note TEXT) STRICT;'];

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  afterEach(() => bench.dispose());

  it('a newer program migrates for all; an older one reads on, but writes no more', async () => {
    bench = new LogBench(server);
    const older = await bench.open();
    const id = await enqueue(older);
    const newer = await bench.open({ migrations: NEXT });
    expect(newer.status().schemaVersion).toBe(NEXT.length);
    expect(newer.getJob(id)).not.toBeNull();
    await older.refresh?.();
    await expect(enqueue(older)).rejects.toMatchObject({ code: 'store_newer' });
    expect(older.getJob(id)).not.toBeNull();
    await expect(bench.open()).rejects.toMatchObject({ code: 'store_newer' });
    const late = await bench.open({ migrations: NEXT });
    expect(late.status().schemaVersion).toBe(NEXT.length);
  });

  it('a newer program waits for older processes to end', async () => {
    bench = new LogBench(server);
    const older = await bench.open();
    await joined(older);
    await expect(bench.open({ migrations: NEXT })).rejects.toMatchObject({ code: 'store_busy' });
  });
});
