// Owns a chaos run's Redis and the folders of its machines: how Redis is struck, and whether all replicas are equal in the end.
import { existsSync, mkdirSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, BackendEnvironment } from '../../src/store/backend.ts';
import { DEFAULT_BACKEND_LIMITS } from '../../src/store/backend.ts';
import { openRedisBackend } from '../../src/store/redis/redis-backend.ts';
import { RedisServer } from '../../test/support/redis-server.ts';
import { digestOf } from './digest.ts';
import type { Site } from './site.ts';

const MACHINES = 3;
const UP_ROUNDS = 10;
const SAMPLE_MS = 250;
/** With appendfsync everysec a power cut takes what was written in the last second. */
const EXPOSED_SAMPLES = 4;

export async function redisSite(folder: string): Promise<Site> {
  const server = await RedisServer.start();
  const url = server.url('chaos');
  const folders = Array.from({ length: MACHINES }, (_, n) => join(folder, `machine-${n}`));
  for (const path of folders) mkdirSync(path, { mode: 0o700 });
  const sizes: { file: string; bytes: number }[] = [];
  const sampler = setInterval(() => {
    const file = logFile(server.folder);
    if (file !== null) sizes.push({ file, bytes: statSync(file).size });
    if (sizes.length > EXPOSED_SAMPLES) sizes.shift();
  }, SAMPLE_MS);
  const views = (): string[] => folders.flatMap((path) => replicasOf(path));

  return {
    store: url,
    folders,
    weights: { worker: 42, agent: 12, machine: 6, freeze: 10, cut: 18, redis: 8, power: 4 },
    views,
    strike: async (fault, random) => {
      if (fault === 'cut') {
        const client = server.client();
        await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        // The bells hang on a connection of another type.
        if (random() < 0.5) await client.client('KILL', 'TYPE', 'pubsub');
        client.disconnect();
        return;
      }
      await server.kill();
      if (fault === 'power') loseEnd(server.folder, sizes[0], random());
      sizes.length = 0;
      await upAgain(server);
    },
    settle: async () => {
      const fresh = join(folder, 'fresh');
      mkdirSync(fresh, { mode: 0o700 });
      const errors: unknown[] = [];
      const open: Backend[] = [];
      // As many at once as there are replicas of a folder: each takes another one.
      for (const path of [...folders, fresh]) {
        for (let n = Math.max(1, replicasOf(path).length); n > 0; n--) open.push(await openRedisBackend({ url, dataDir: path }, onlyReads(errors)));
      }
      await Promise.all(open.map((backend) => backend.refresh?.()));
      await Promise.all(open.map((backend) => backend.close()));
      const files = [...views(), ...replicasOf(fresh)];
      const digests = files.map((file) => ({ file, tables: digestOf(file) }));
      const [first] = digests as [(typeof digests)[number]];
      const differences = digests.flatMap(({ file, tables }) =>
        [...tables]
          .filter(([table, digest]) => first.tables.get(table) !== digest)
          .map(([table, digest]) => `${table} in ${file} is ${digest}, and ${first.tables.get(table)} in ${first.file}`),
      );
      return { file: first.file, views: files.length, differences: [...differences, ...errors.map((error) => `while it caught up: ${String(error)}`)] };
    },
    close: async () => {
      clearInterval(sampler);
      await server.stop();
    },
  };
}

/** While nobody listened on it, the port may have been lent to an outgoing connection. */
async function upAgain(server: RedisServer): Promise<void> {
  for (let round = 1; ; round++) {
    try {
      return await server.up();
    } catch (error) {
      if (round === UP_ROUNDS) throw error;
      await sleep(200);
    }
  }
}

function replicasOf(dataDir: string): string[] {
  const folder = join(dataDir, 'replicas');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.db'))
    .map((name) => join(folder, name));
}

/** The file that Redis appends to now. */
function logFile(folder: string): string | null {
  const logs = join(folder, 'appendonlydir');
  if (!existsSync(logs)) return null;
  const numberOf = (name: string): number => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? -1);
  const newest = readdirSync(logs)
    .filter((name) => numberOf(name) >= 0)
    .sort((a, b) => numberOf(b) - numberOf(a))[0];
  return newest === undefined ? null : join(logs, newest);
}

/** Cuts the file somewhere in what was written since the sample. */
function loseEnd(folder: string, sample: { readonly file: string; readonly bytes: number } | undefined, share: number): void {
  const file = logFile(folder);
  if (file === null || sample === undefined || sample.file !== file) return;
  const { size } = statSync(file);
  truncateSync(file, Math.floor(sample.bytes + (size - sample.bytes) * share));
}

function onlyReads(errors: unknown[]): BackendEnvironment {
  const never = (): never => {
    throw new Error('only reads here');
  };
  return {
    now: Date.now,
    random: Math.random,
    newId: never,
    compile: never,
    concurrencyKey: never,
    limits: DEFAULT_BACKEND_LIMITS,
    onError: (error) => errors.push(error),
  };
}
