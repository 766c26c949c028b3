// Owns the redis adapter: the whole port on a shared log in Redis and a replica of it per process.
import { StoreError } from '../../domain/errors.ts';
import type { Backend, BackendEnvironment, StoreStatus } from '../backend.ts';
import { parseRedisAddress } from '../redis-address.ts';
import { verbsOn } from '../sqlite/sqlite-backend.ts';
import { RedisHost, type RedisSettings } from './redis-host.ts';
import { durabilityOf, infoOf } from './server-info.ts';

export type RedisOptions = Omit<RedisSettings, 'address'> & {
  /** `redis://…` or `rediss://…`. */
  readonly url: string;
};

/** A clock that differs by more makes due times and leases of different machines disagree. */
export const MAX_SKEW_MS = 1_000;

/** Connects within about 5 s or throws StoreError; there is no fallback. */
export async function openRedisBackend(options: RedisOptions, env: BackendEnvironment): Promise<Backend> {
  const address = parseRedisAddress(options.url);
  const host = await RedisHost.open({ ...options, address }, env);
  const durability = durabilityOf(await infoOf(host.log.client).catch(() => null));
  const skew = await host.log.skew(env.now).catch(() => 0);
  if (Math.abs(skew) > MAX_SKEW_MS) {
    env.onError?.(new StoreError('store_unavailable', `The clock of this machine and that of Redis differ by ${Math.round(skew / 1_000)} s.`));
  }
  const verbs = verbsOn(host);
  return {
    kind: 'redis',
    capabilities: { textSearch: true, durable: true, shared: true },
    ...verbs,
    status: (p): StoreStatus => ({ ...verbs.status(p), kind: 'redis', location: address.shown, durability }),
    refresh: () => host.refresh(),
  };
}
