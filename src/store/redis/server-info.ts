// Owns what Redis says of itself: version, how it keeps its data, what it does when memory runs out.
import type { Redis } from 'ioredis';
import { parseRedisAddress } from '../redis-address.ts';
import { CommitLog } from './commit-log.ts';

/** What a Redis server says of itself, and how far its clock is from ours. */
export interface RedisFacts {
  /** Without user and password. */
  readonly shown: string;
  readonly version: string;
  /** null = it does not say. */
  readonly appendOnly: boolean | null;
  readonly appendFsync: string | null;
  readonly maxmemoryPolicy: string | null;
  /** Its clock less ours, ms. */
  readonly skewMs: number;
}

type ServerInfo = Omit<RedisFacts, 'shown' | 'skewMs'>;

/** Connects, asks and leaves. */
export async function inspect(url: string, now: () => number): Promise<RedisFacts> {
  const address = parseRedisAddress(url);
  const log = await CommitLog.open(address, () => undefined);
  try {
    return { shown: address.shown, ...(await infoOf(log.client)), skewMs: await log.skew(now) };
  } finally {
    log.disconnect();
  }
}

/** CONFIG tells most; where it is forbidden, as on managed servers, INFO tells the rest. */
export async function infoOf(client: Redis): Promise<ServerInfo> {
  const info = fieldsOf(await client.info());
  const config = await configOf(client);
  const enabled = info.get('aof_enabled');
  return {
    version: info.get('valkey_version') ?? info.get('redis_version') ?? '0',
    appendOnly: enabled === undefined ? null : enabled === '1',
    appendFsync: config.get('appendfsync') ?? null,
    maxmemoryPolicy: config.get('maxmemory-policy') ?? info.get('maxmemory_policy') ?? null,
  };
}

export function durabilityOf(info: ServerInfo | null): string {
  if (info === null || info.appendOnly !== true) return 'none';
  return info.appendFsync === 'always' ? 'aof_always' : 'aof_everysec';
}

async function configOf(client: Redis): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of ['appendfsync', 'maxmemory-policy']) {
    const reply = (await client.config('GET', name).catch(() => [])) as readonly string[];
    if (reply[1] !== undefined) found.set(name, reply[1]);
  }
  return found;
}

function fieldsOf(text: string): Map<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  );
}
