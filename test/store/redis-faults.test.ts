// Tests what a store on Redis does when connections are cut and when Redis dies, forgets, or refuses: nothing acknowledged is lost
// while one process lives, nothing is stored twice, and callers are told the truth.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaimedJob } from '../../src/store/backend.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { claim, complete, enqueue, joined, LogBench, size, until } from './redis-bench.ts';

const reason = reasonToSkip('redis-server');
const message = (error: unknown): string => (error as Error).message;

describe.skipIf(reason !== null)(`a Redis that fails${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;
  let bench: LogBench;

  beforeEach(async () => {
    server = await RedisServer.start();
    bench = new LogBench(server);
  });
  afterEach(async () => {
    await bench.dispose();
    await server.stop();
  });

  it('connections cut again and again: each job is stored once and done once', async () => {
    const backend = await bench.open();
    const epoch = await joined(backend);
    const killer = server.client();
    let cuts = 0;
    let stop = false;
    const cutting = (async () => {
      while (!stop) {
        await killer.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        cuts++;
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    })();
    const ids: string[] = [];
    for (let i = 0; i < 150; i++) ids.push(...(await Promise.all([enqueue(backend), enqueue(backend)])));
    let done = 0;
    while (done < 300) {
      const jobs = await claim(backend, epoch, 10);
      const results = await Promise.all(jobs.map((job) => complete(backend, job)));
      expect(results.every((result) => result.kind === 'settled')).toBe(true);
      done += jobs.length;
    }
    stop = true;
    await cutting;
    killer.disconnect();
    expect(cuts).toBeGreaterThan(5);
    expect(new Set(ids).size).toBe(300);
    expect(backend.queueStats({})[0]).toMatchObject({ completed: 300, retries: 0, failed: 0 });
    expect(backend.listJobs({ filter: {}, limit: 500, cursor: null }).items).toHaveLength(300);
    expect(bench.errors).toEqual([]);
  }, 60_000);

  it('an answer that never came: the commit counts, once', async () => {
    const backend = await bench.open();
    await enqueue(backend);
    server.signal('SIGSTOP');
    // Redis gets it before it sees that the connection is cut, and its answer goes nowhere.
    const pending = Promise.all([enqueue(backend), enqueue(backend), enqueue(backend)]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const waited = until(async () => bench.errors.length > 0 || !(await isReady(backend)), 8_000).catch(() => undefined);
    await waited;
    server.signal('SIGCONT');
    expect(new Set(await pending).size).toBe(3);
    expect(size(backend)).toBe(4);
    const other = await bench.open();
    expect(size(other)).toBe(4);
  }, 30_000);

  it('an answer that was lost on the way: the commit counts, once, with its results', async () => {
    const proxy = await LossyProxy.start(server.port);
    try {
      const backend = await bench.open({ url: `redis://127.0.0.1:${proxy.port}/0?prefix=${bench.prefix}` });
      const epoch = await joined(backend);
      await enqueue(backend);
      for (let round = 0; round < 5; round++) {
        const id = await proxy.loseAnswerOf(() => enqueue(backend));
        expect(backend.getJob(id)?.status).toBe('pending');
        const [job] = await proxy.loseAnswerOf(() => claim(backend, epoch));
        expect(job).toMatchObject({ token: 1, attempt: 1 });
        expect(await proxy.loseAnswerOf(() => complete(backend, job as ClaimedJob))).toMatchObject({ kind: 'settled' });
      }
      expect(backend.listJobs({ filter: {}, limit: 50, cursor: null }).items).toHaveLength(6);
      expect(backend.queueStats({})[0]).toMatchObject({ completed: 5 });
      expect(bench.errors).toEqual([]);
    } finally {
      await proxy.stop();
    }
  }, 30_000);

  it('killed and started again: what was acknowledged is there, work goes on by itself', async () => {
    const [one, two] = [await bench.open(), await bench.open()];
    const ids: string[] = [];
    for (let i = 0; i < 50; i++) ids.push(await enqueue(i % 2 === 0 ? one : two));
    await server.kill();
    expect(size(one)).toBeGreaterThan(0);
    const waiting = [enqueue(one), enqueue(two)];
    await server.up();
    ids.push(...(await Promise.all(waiting)));
    for (const backend of [one, two]) {
      await until(async () => {
        await backend.refresh?.();
        return size(backend) === 52;
      });
    }
    expect(ids.every((id) => one.getJob(id) !== null && two.getJob(id) !== null)).toBe(true);
    const fresh = await bench.open();
    expect(size(fresh)).toBe(52);
  }, 30_000);

  it('a tail that Redis lost is given back by whoever has it', async () => {
    const [one, two] = [await bench.open(), await bench.open()];
    const early = await enqueue(one);
    await two.refresh?.();
    // The file as it was at this moment is what is left after the crash.
    const client = server.client();
    await client.config('SET', 'appendonly', 'no');
    await client.bgsave();
    await until(async () => (await client.info('persistence')).includes('rdb_bgsave_in_progress:0'));
    const late = await Promise.all([enqueue(one), enqueue(one), enqueue(two)]);
    client.disconnect();
    await server.kill();
    await rm(join(server.folder, 'appendonlydir'), { recursive: true, force: true });
    await server.up(['--appendonly', 'no']);
    const next = await enqueue(two);
    await until(async () => {
      await one.refresh?.();
      return one.getJob(next) !== null;
    });
    const fresh = await bench.open();
    for (const backend of [one, two, fresh]) expect([early, ...late, next].map((id) => backend.getJob(id)?.id)).toEqual([early, ...late, next]);
    expect(bench.errors).toEqual([]);
  }, 30_000);

  it('a Redis that was emptied is a new store; that something is gone is reported', async () => {
    const backend = await bench.open();
    await enqueue(backend);
    const client = server.client();
    await client.flushall();
    await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    client.disconnect();
    const id = await enqueue(backend);
    expect(size(backend)).toBe(1);
    expect(backend.getJob(id)).not.toBeNull();
    expect(bench.errors.map((error) => (error as { code: string }).code)).toEqual(['store_corrupt']);
  });

  it('emptied under a living connection, the next commit notices', async () => {
    const backend = await bench.open();
    await enqueue(backend);
    const client = server.client();
    await client.flushall();
    client.disconnect();
    await enqueue(backend);
    expect(size(backend)).toBe(1);
    expect(message(bench.errors[0])).toContain('another log');
  });

  it('away for longer than the limit: refused as unavailable, reads go on, and it recovers', async () => {
    const backend = await bench.open({ awayLimitMs: 300 });
    const id = await enqueue(backend);
    await server.kill();
    // The first may have been sent to the dying server, which nobody can know; the next was surely not.
    expect((await enqueue(backend).catch((error: { code: string }) => error)) as { code: string }).toHaveProperty('code');
    const refused = await enqueue(backend).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'store_unavailable', retryable: true });
    expect(message(refused)).toContain(`127.0.0.1:${server.port}`);
    expect(backend.getJob(id)?.id).toBe(id);
    await backend.refresh?.();
    await server.up();
    await until(async () => (await enqueue(backend).catch(() => null)) !== null);
  }, 30_000);

  it('out of memory: refused as full, and goes on when there is room', async () => {
    const backend = await bench.open();
    const client = server.client();
    await client.config('SET', 'maxmemory', '1');
    await expect(enqueue(backend)).rejects.toMatchObject({ code: 'store_full' });
    await client.config('SET', 'maxmemory', '0');
    client.disconnect();
    await enqueue(backend);
    expect(size(backend)).toBe(1);
  });
});

async function isReady(backend: { refresh?(): Promise<void> }): Promise<boolean> {
  const answer = await Promise.race([backend.refresh?.().then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500))]);
  return answer === true;
}
