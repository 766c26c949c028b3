// Tests the way to a store on Redis: addresses, what is missing, what does not answer; a password is never shown.
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../src/store/open-backend.ts';
import { loadRedis } from '../../src/store/redis/connect.ts';
import { parseRedisAddress } from '../../src/store/redis-address.ts';
import { SCHEMA_VERSION } from '../../src/store/sqlite/schema.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { enqueue, LogBench } from './redis-bench.ts';

const reason = reasonToSkip('redis-server');

describe('the address', () => {
  it('names host, port, database, user and prefix', () => {
    expect(parseRedisAddress('redis://localhost')).toMatchObject({ host: 'localhost', port: 6379, db: 0, tls: false, prefix: 'logistics-mcp' });
    expect(parseRedisAddress('rediss://me:p%40ss@[::1]:6390/3?prefix=team.a')).toMatchObject({
      host: '::1',
      port: 6390,
      db: 3,
      tls: true,
      username: 'me',
      password: 'p@ss',
      prefix: 'team.a',
    });
  });

  it('is shown without user and password', () => {
    expect(parseRedisAddress('redis://me:hunter2@h:1/2?prefix=x').shown).toBe('redis://h:1/2?prefix=x');
    expect(parseRedisAddress('redis://:hunter2@h').shown).toBe('redis://h:6379/0');
  });

  it.each([
    'redis://',
    'redis://:hunter2@h/x',
    'redis://:hunter2@h?prefix={a}',
    'redis://:hunter2@h?prefx=a',
    'http://:hunter2@h',
    'redis://:%zz@h',
    'redis:hunter2',
  ])('refuses %s without repeating it', (text) => {
    try {
      parseRedisAddress(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_input', path: 'store' });
      expect((error as Error).message).not.toContain('hunter2');
    }
  });
});

describe('opening', () => {
  it('without the package says what to install', async () => {
    const load = (): Promise<never> => Promise.reject(new Error("Cannot find package 'ioredis'"));
    await expect(loadRedis(load)).rejects.toMatchObject({ code: 'missing_package', message: expect.stringContaining('npm install ioredis') });
  });

  it('where nobody listens fails soon and names host and port, not the password', async () => {
    const bench = new LogBench({ url: () => 'redis://:hunter2@127.0.0.1:1' } as unknown as RedisServer);
    const error = (await bench.open().catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject({ code: 'store_unavailable', retryable: true });
    expect(error.message).toContain('127.0.0.1:1');
    expect(JSON.stringify(error) + error.message + String(error.stack)).not.toContain('hunter2');
    await bench.dispose();
  });

  it('where somebody listens and never answers gives up within 5 s', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const bench = new LogBench({ url: () => `redis://127.0.0.1:${port}` } as unknown as RedisServer);
    const started = performance.now();
    await expect(bench.open()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(performance.now() - started).toBeLessThan(6_000);
    silent.close();
    await bench.dispose();
  }, 10_000);

  it('an unknown store is refused, and an address of one is not repeated', async () => {
    const open = (store: string): Promise<unknown> => openBackend({ store, dataDir: '/nowhere', durability: 'full' }, new LogBench({} as RedisServer).env());
    await expect(open('redis')).rejects.toMatchObject({ code: 'invalid_input', nearMatches: ['redis://localhost:6379'] });
    const error = (await open('reddis://:hunter2@h').catch((caught: unknown) => caught)) as Error;
    expect(error.message).not.toContain('hunter2');
  });
});

describe.skipIf(reason !== null)(`a server with a password${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;
  const benches: LogBench[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.dispose();
  });

  it('lets in who knows it; neither status nor errors show it', async () => {
    const bench = new LogBench(server);
    benches.push(bench);
    const client = server.client();
    await client.config('SET', 'requirepass', 'hunter2');
    const url = (password: string): string => `redis://:${password}@127.0.0.1:${server.port}/0?prefix=secret`;
    const backend = await bench.open({ url: url('hunter2') });
    await enqueue(backend);
    const status = backend.status();
    expect(status).toMatchObject({
      kind: 'redis',
      location: `redis://127.0.0.1:${server.port}/0?prefix=secret`,
      durability: 'aof_everysec',
      schemaVersion: SCHEMA_VERSION,
    });
    expect(status.bytes).toBeGreaterThan(0);
    const error = (await bench.open({ url: url('wrong-hunter3') }).catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject({ code: 'store_unavailable' });
    expect(JSON.stringify({ status, error, message: error.message, cause: String(error.cause) })).not.toMatch(/hunter/);
    client.disconnect();
  });

  it('says so when the clocks differ', async () => {
    const bench = new LogBench(server);
    benches.push(bench);
    await bench.open({ url: `redis://:hunter2@127.0.0.1:${server.port}/0?prefix=skew` }, { now: () => Date.now() + 60_000 });
    expect((bench.errors[0] as Error).message).toContain('differ by -60 s');
  });
});
