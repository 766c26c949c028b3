// Owns the one door to adapters: it alone names them, loads one, and refuses what does not exist; there is no silent fallback.
import { join } from 'node:path';
import { StoreError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { Backend, BackendEnvironment } from './backend.ts';

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
  if (settings.store === 'redis' || /^rediss?:\/\//.test(settings.store)) {
    throw new StoreError('not_available', 'The redis store is not built yet.', { path: 'store', expected: 'sqlite or in_memory' });
  }
  throw new StoreError('invalid_input', `There is no store "${settings.store}".`, {
    path: 'store',
    expected: 'sqlite, in_memory',
    nearMatches: nearMatches(settings.store, ['sqlite', 'in_memory', 'redis']),
  });
}
