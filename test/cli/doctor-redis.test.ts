// Tests what the doctor says of a store on Redis: settings that would lose acknowledged work are refused, each with what to do.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../src/cli/doctor/check.ts';
import { checkRedis } from '../../src/cli/doctor/redis.ts';
import { RedisServer, reasonToSkip } from '../support/redis-server.ts';
import { cliFolder } from './cli-folder.ts';

const GOOD = { shown: 'redis://h:1/0', version: '7.0.15', appendOnly: true, appendFsync: 'everysec', maxmemoryPolicy: 'noeviction', skewMs: 3 };
const stateOf = (checks: readonly Check[], name: string): string | undefined => checks.find((check) => check.name === name)?.state;

describe('the settings of a Redis', () => {
  it('are all well', () => {
    expect(checkRedis(GOOD).map((check) => check.state)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it.each([
    ['redis', { version: '6.0.9' }, 'fail'],
    ['append-only file', { appendOnly: false }, 'fail'],
    ['append-only file', { appendOnly: null }, 'warn'],
    ['append-only file', { appendFsync: 'no' }, 'warn'],
    ['eviction', { maxmemoryPolicy: 'allkeys-lru' }, 'fail'],
    ['eviction', { maxmemoryPolicy: null }, 'warn'],
    ['clock skew', { skewMs: -1_500 }, 'fail'],
  ] as const)('%s: %j is %s', (name, facts, state) => {
    const checks = checkRedis({ ...GOOD, ...facts });
    expect(stateOf(checks, name)).toBe(state);
    expect(checks.filter((check) => check.state !== 'ok').map((check) => check.action)).toEqual([expect.any(String)]);
  });
});

const reason = reasonToSkip('redis-server');

describe.skipIf(reason !== null)(`doctor with a Redis${reason === null ? '' : ` (${reason})`}`, () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  it('looks at the server, then opens the store on it', async () => {
    const folder = cliFolder();
    const { checks, healthy } = (await folder.json(['doctor', '--store', server.url('doctor')])) as { checks: Check[]; healthy: boolean };
    expect(healthy).toBe(true);
    for (const name of ['data folder', 'redis', 'append-only file', 'eviction', 'clock skew', 'store', 'durability']) expect(stateOf(checks, name)).toBe('ok');
    expect(checks.find((check) => check.name === 'store')?.detail).toContain('redis, schema');
  });

  it('refuses one that keeps nothing, and does not open it', async () => {
    const client = server.client();
    await client.config('SET', 'appendonly', 'no');
    const { code, stdout } = await cliFolder().cli(['doctor', '--store', server.url('none')]);
    expect(code).toBe(1);
    expect(stdout).toContain('Set appendonly yes in Redis.');
    expect(await client.exists('{none}:head')).toBe(0);
    client.disconnect();
  });

  it('says that nobody answers', async () => {
    const { code, stdout } = await cliFolder().cli(['doctor', '--store', 'redis://:hunter2@127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stdout).toContain('Redis at 127.0.0.1:1 cannot be used');
    expect(stdout).not.toContain('hunter2');
  });
});
