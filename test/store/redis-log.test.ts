// Tests several processes on one log: each sees what the others store, each job is given once, nobody starves.
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/store/backend.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { claim, complete, enqueue, joined, LogBench, newJob, size, until } from './redis-bench.ts';

const reason = reasonToSkip('redis-server');

describe.skipIf(reason !== null)(`processes on one log${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;
  let bench: LogBench;

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  afterEach(() => bench.dispose());

  it('see what the others commit, at once by the bell and surely after refresh', async () => {
    bench = new LogBench(server);
    const [one, two] = [await bench.open(), await bench.open()];
    const notices: boolean[] = [];
    two.onCommit((notice) => notices.push(notice.foreign));
    const id = await enqueue(one);
    await two.refresh?.();
    expect(two.getJob(id)).toMatchObject({ id, status: 'pending' });
    expect(notices).toContain(true);
    expect(two.pollForeign()).toBe(true);
    expect(two.pollForeign()).toBe(false);
    const next = await enqueue(one);
    await until(() => two.getJob(next) !== null);
    expect(size(one)).toBe(2);
  });

  it('a commit that lost the race runs again on what came first', async () => {
    bench = new LogBench(server);
    const processes = await Promise.all([bench.open(), bench.open(), bench.open()]);
    const receipt = { principal: 'p', tool: 't', key: 'k', digest: 'd' };
    const jobs = [newJob({ id: 'job_same' })];
    const results = await Promise.all(processes.map((backend) => backend.enqueueJobs({ jobs, receipt })));
    expect(results.map((result) => result.kind)).toEqual(['enqueued', 'enqueued', 'enqueued']);
    expect(results.filter((result) => result.kind === 'enqueued' && !result.replayed)).toHaveLength(1);
    for (const backend of processes) await backend.refresh?.();
    expect(processes.map(size)).toEqual([1, 1, 1]);
  });

  it('an operation that throws fails alone', async () => {
    bench = new LogBench(server);
    const backend = await bench.open();
    const results = await Promise.allSettled([enqueue(backend, { id: 'job_a' }), enqueue(backend, { id: 'job_a' }), enqueue(backend), enqueue(backend)]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(size(backend)).toBe(3);
  });

  it('a claim elsewhere right after the answer finds the job: an empty answer is never a stale one', async () => {
    bench = new LogBench(server);
    const [one, two] = [await bench.open(), await bench.open()];
    const epoch = await joined(two);
    for (let round = 0; round < 50; round++) {
      const id = await enqueue(one);
      expect((await claim(two, epoch)).map((job) => job.jobId)).toEqual([id]);
    }
  });

  it('large commits are cut into several entries', async () => {
    bench = new LogBench(server);
    const [one, two] = [await bench.open(), await bench.open()];
    const client = server.client();
    const version = async (): Promise<number> => Number(await client.hget(`{${bench.prefix}}:head`, 'version'));
    const before = await version();
    const ids = await Promise.all(Array.from({ length: 24 }, () => enqueue(one, { payload: randomBytes(750_000).toString('base64') })));
    expect((await version()) - before).toBeGreaterThan(1);
    client.disconnect();
    await two.refresh?.();
    for (const id of ids) expect(two.getJob(id)?.payload).toEqual(one.getJob(id)?.payload);
  }, 30_000);

  it('bytes travel as they are', async () => {
    bench = new LogBench(server);
    const [one, two] = [await bench.open(), await bench.open()];
    const content = randomBytes(300_000);
    const artifact = { id: 'art_1', jobId: null, token: null, executionId: null, name: 'a', mediaType: 'application/octet-stream', sha256: 'x', content };
    await one.putArtifact(artifact as Parameters<Backend['putArtifact']>[0]);
    await two.refresh?.();
    expect(Buffer.from(two.getArtifact({ id: 'art_1', offset: 0, limit: 400_000 })?.content ?? []).equals(content)).toBe(true);
  });

  it('what changes nothing makes no entry', async () => {
    bench = new LogBench(server);
    const backend = await bench.open();
    const epoch = await joined(backend);
    const client = server.client();
    const before = await client.hget(`{${bench.prefix}}:head`, 'version');
    for (let i = 0; i < 5; i++) expect(await claim(backend, epoch)).toEqual([]);
    expect(await client.hget(`{${bench.prefix}}:head`, 'version')).toBe(before);
    client.disconnect();
  });

  it('eight claimers in two processes take 10,000 jobs, each once', async () => {
    bench = new LogBench(server);
    const hosts = [await bench.open(), await bench.open()];
    const epochs = await Promise.all(hosts.map(joined));
    for (let i = 0; i < 10; i++) await (hosts[i % 2] as Backend).enqueueJobs({ jobs: Array.from({ length: 1_000 }, () => newJob()) });
    await Promise.all(hosts.map((host) => host.refresh?.()));
    const taken: string[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async (_, at) => {
        const host = hosts[at % 2] as Backend;
        for (;;) {
          const jobs = await claim(host, epochs[at % 2] as number, 25);
          if (jobs.length === 0) return;
          taken.push(...jobs.map((job) => job.jobId));
          for (const result of await Promise.all(jobs.map((job) => complete(host, job)))) expect(result.kind).toBe('settled');
        }
      }),
    );
    expect(taken).toHaveLength(10_000);
    expect(new Set(taken).size).toBe(10_000);
    for (const host of hosts) await host.refresh?.();
    expect(hosts.map(size)).toEqual([0, 0]);
    expect(hosts.map((host) => host.queueStats({})[0]?.completed)).toEqual([10_000, 10_000]);
  }, 60_000);

  it('two busy processes both get on', async () => {
    bench = new LogBench(server);
    const hosts = [await bench.open(), await bench.open()];
    const done = [0, 0];
    let stop = false;
    const busy = hosts.flatMap((host, at) =>
      Array.from({ length: 20 }, async () => {
        while (!stop) {
          await enqueue(host);
          (done[at] as number)++;
        }
      }),
    );
    await until(() => (done[0] as number) + (done[1] as number) > 4_000, 30_000);
    stop = true;
    await Promise.all(busy);
    const sum = (done[0] as number) + (done[1] as number);
    expect(Math.min(...done) / sum).toBeGreaterThan(0.2);
  }, 60_000);

  it('a turn that nobody uses lapses', async () => {
    bench = new LogBench(server);
    const backend = await bench.open();
    const client = server.client();
    const [seconds] = await client.time();
    await client.rpush(`{${bench.prefix}}:turn`, 'somebody who froze');
    await client.set(`{${bench.prefix}}:until`, Number(seconds) * 1_000 + 1_000);
    client.disconnect();
    await enqueue(backend);
    expect(size(backend)).toBe(1);
  });
});
