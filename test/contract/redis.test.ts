// Runs the contract on the redis adapter: one server per kind, one log and one folder of replicas per place. After each test a new
// replica, made from the log alone, must hold what the others hold: nothing was written that the log does not tell.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BackendEnvironment } from '../../src/store/backend.ts';
import { openBackend } from '../../src/store/open-backend.ts';
import { RedisServer, reasonToSkip, SERVERS } from '../support/redis-server.ts';
import { backendContract } from './backend-contract.ts';

for (const name of SERVERS) {
  const reason = reasonToSkip(name);
  describe.skipIf(reason !== null)(reason === null ? name : `${name} (${reason})`, () => {
    let server: RedisServer;
    let places = 0;

    beforeAll(async () => {
      server = await RedisServer.start(name);
    });

    afterAll(() => server.stop());

    backendContract(
      async () => {
        const dataDir = await mkdtemp(join(tmpdir(), 'contract-'));
        const store = server.url(`place-${++places}`);
        let last: BackendEnvironment | undefined;
        return {
          open: (env) => {
            last = env;
            return openBackend({ store, dataDir, durability: 'normal' }, env);
          },
          dispose: async () => {
            const fresh = await mkdtemp(join(tmpdir(), 'contract-'));
            try {
              if (last !== undefined) {
                const both = [dataDir, fresh].map((folder) => ({ store, dataDir: folder, durability: 'normal' }) as const);
                for (const settings of both) await (await openBackend(settings, last)).close();
                expect(await contentOf(fresh)).toEqual(await contentOf(dataDir));
              }
            } finally {
              await rm(fresh, { recursive: true, force: true });
              await rm(dataDir, { recursive: true, force: true });
            }
          },
        };
      },
      { shared: true, textSearch: true },
    );
  });
}

/** Every row of the first replica in a folder, but for the tail, of which each process keeps what it likes. */
async function contentOf(dataDir: string): Promise<Record<string, unknown>> {
  const [file] = (await readdir(join(dataDir, 'replicas'))).filter((found) => found.endsWith('-0.db'));
  const db = new Database(join(dataDir, 'replicas', file as string), { readonly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'log_tail' ORDER BY name").pluck().all() as string[];
    return Object.fromEntries(tables.map((table) => [table, db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all()]));
  } finally {
    db.close();
  }
}
