// Owns the one door to adapters: it alone names them, loads one, and refuses what does not exist; there is no silent fallback.
import { join } from 'node:path';
import { StoreError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { Backend, BackendEnvironment } from './backend.ts';
import type { RedisFacts } from './redis/server-info.ts';
import { isRedisUrl } from './redis-address.ts';

export interface StoreSettings {
  /** `sqlite`, `in_memory`, or `redis://…`. */
  readonly store: string;
  readonly dataDir: string;
  readonly durability: 'full' | 'normal';
}

export const STORE_FILE = 'logistics.db';

export async function openBackend(settings: StoreSettings, env: BackendEnvironment): Promise<Backend> {
  if (settings.store === 'sqlite' || settings.store === 'in_memory') {
    const { openSqliteBackend } = await import('./sqlite/sqlite-backend.ts');
    const path = settings.store === 'in_memory' ? ':memory:' : join(settings.dataDir, STORE_FILE);
    return openSqliteBackend({ path, durability: settings.durability }, env);
  }
  if (isRedisUrl(settings.store)) {
    const { openRedisBackend } = await import('./redis/redis-backend.ts');
    return openRedisBackend({ url: settings.store, dataDir: settings.dataDir }, env);
  }
  // An address is not repeated: it may hold a password.
  const named = settings.store.includes('://') ? 'at such an address' : `"${settings.store}"`;
  throw new StoreError('invalid_input', `There is no store ${named}.`, {
    path: 'store',
    expected: 'sqlite, in_memory, redis://host:port',
    nearMatches: nearMatches(settings.store, ['sqlite', 'in_memory', 'redis://localhost:6379']),
  });
}

/** Asks a Redis without opening a store on it. Throws StoreError. */
export async function inspectRedis(url: string, now: () => number): Promise<RedisFacts> {
  const { inspect } = await import('./redis/server-info.ts');
  return inspect(url, now);
}
