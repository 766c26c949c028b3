// Tests a queue on Redis: two holders of one address share it, an engine with the same address does not see it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openEngine } from '../../src/open-engine.ts';
import { getQueue } from '../../src/task/get-queue.ts';
import type { Queue } from '../../src/task/queue.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';

const reason = reasonToSkip('redis-server');

describe.skipIf(reason !== null)(`a queue on Redis${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;
  let dataDir: string;
  const open: Queue[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
    dataDir = await mkdtemp(join(tmpdir(), 'queue-redis-'));
  });
  afterAll(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const queue of open.splice(0)) await queue.close();
  });

  const queue = async (): Promise<Queue> => {
    const made = await getQueue('redis', { url: server.url('shared'), dataDir });
    open.push(made);
    return made;
  };

  it('gives each job to one holder, by priority', async () => {
    const [here, there] = [await queue(), await queue()];
    const low = await here.enqueue({ task: 'a', priority: 10 });
    const high = await here.enqueue({ task: 'a', priority: 90 });
    expect((await here.dequeue())?.id).toBe(high.id);
    // A claim that another holder's entry overtakes runs again on what that entry left.
    const second = await Promise.all([there.dequeue(), here.dequeue()]);
    expect(second.filter((job) => job !== null && job !== undefined).map((job) => job?.id)).toEqual([low.id]);
  });

  it('is apart from an engine with the same address', async () => {
    await (await queue()).enqueue({ task: 'a' });
    const engine = await openEngine(
      { store: server.url('shared') as `redis://${string}`, dataDir, namespace: 'default', logLevel: 'silent' },
      { role: 'client' },
    );
    try {
      expect(engine.backend.listJobs({ filter: {}, limit: 10, cursor: null }).items).toEqual([]);
      expect(engine.backend.kind).toBe('redis');
    } finally {
      await engine.stop();
    }
  });
});
