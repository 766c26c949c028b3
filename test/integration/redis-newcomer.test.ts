// A process that starts just after Redis came back without its last second: it lets those who live give back what is lost, and then writes.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enqueue, LogBench, until } from '../store/redis-bench.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { atEnd, tempFolder } from '../support/test-engine.ts';

const reason = reasonToSkip('redis-server');

describe.skipIf(reason !== null)(`a newcomer on a Redis that lost something${reason === null ? '' : ` (${reason})`}`, () => {
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

  it('does not write before the survivors had their turn', async () => {
    const proxy = await LossyProxy.start(server.port);
    atEnd(() => proxy.stop());
    const survivor = await bench.open({ url: `redis://127.0.0.1:${proxy.port}/0?prefix=${bench.prefix}` });
    const early = await enqueue(survivor);
    const log = join(server.folder, 'appendonlydir');
    const kept = join(tempFolder(), 'kept');
    cpSync(log, kept, { recursive: true });
    const late = await enqueue(survivor);
    proxy.cut();
    await server.kill();
    rmSync(log, { recursive: true });
    cpSync(kept, log, { recursive: true });
    await server.up();
    const newcomer = await bench.open();
    expect(newcomer.getJob(late)).toBeNull();
    const added = enqueue(newcomer);
    // The survivor is a little late: its next try to connect comes when it comes.
    await sleep(300);
    proxy.restore();
    const ids = [early, late, await added];
    for (const backend of [survivor, newcomer]) {
      await until(async () => {
        await backend.refresh?.();
        return ids.every((id) => backend.getJob(id) !== null);
      }, 5_000);
    }
    expect(bench.errors).toEqual([]);
  }, 30_000);
});
