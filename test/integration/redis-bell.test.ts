// The connection that hears of others' commits is cut while it is being set up: a process neither hangs at its start nor later.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enqueue, LogBench, until } from '../store/redis-bench.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { atEnd } from '../support/test-engine.ts';

const reason = reasonToSkip('redis-server');

/** A way to Redis that cuts the next connections that ask to hear something; `cut` also ends those that hear now. */
class DeafProxy {
  next = 0;
  readonly #hearing = new Set<Socket>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(target: number) {
    this.#server = createServer((near) => {
      const far = dial(target, '127.0.0.1');
      const end = (): void => {
        near.destroy();
        far.destroy();
      };
      near.on('data', (data) => {
        if (!data.toString('latin1').toLowerCase().includes('subscribe')) return void far.write(data);
        if (this.next > 0) {
          this.next--;
          end();
          return;
        }
        this.#hearing.add(near);
        far.write(data);
      });
      far.on('data', (data) => void near.write(data));
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('close', end).on('error', end);
      }
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port)));
  }

  cut(): void {
    for (const socket of this.#hearing) socket.destroy();
    this.#hearing.clear();
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

describe.skipIf(reason !== null)(`a bell that is cut while it is asked for${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;
  let bench: LogBench;
  let proxy: DeafProxy;
  let url: string;

  beforeEach(async () => {
    server = await RedisServer.start();
    bench = new LogBench(server);
    proxy = new DeafProxy(server.port);
    atEnd(() => proxy.stop());
    url = `redis://127.0.0.1:${await proxy.listen()}/0?prefix=${bench.prefix}`;
  });
  afterEach(async () => {
    await bench.dispose();
    await server.stop();
  });

  it('at the start: refused as unavailable, which a second try may mend', async () => {
    proxy.next = 1;
    await expect(bench.open({ url })).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await enqueue(await bench.open({ url }))).toMatch(/^job_/);
  }, 10_000);

  it('later: it asks again, hears again, and writes meanwhile', async () => {
    const backend = await bench.open({ url });
    const other = await bench.open();
    proxy.next = 2;
    proxy.cut();
    expect(await enqueue(backend)).toMatch(/^job_/);
    await until(() => proxy.next === 0, 5_000);
    let heard = 0;
    backend.onCommit(({ foreign }) => {
      if (foreign) heard++;
    });
    await until(async () => {
      await enqueue(other);
      return heard > 0;
    }, 4_000);
    expect(await enqueue(backend)).toMatch(/^job_/);
  }, 15_000);
});
