// Owns bringing a shared log to this program's schema: the change is an entry like any other, and refused while older programs live.
import { StoreError } from '../../domain/errors.ts';
import { refuseOlderProcesses } from '../sqlite/schema.ts';
import type { Chain } from './chain.ts';
import type { CommitLog } from './commit-log.ts';

const ROUNDS = 50;

/** Throws store_newer when the log is ahead of this program, store_busy while a process of an older schema runs on it. */
export async function migrateLog(chain: Chain, log: CommitLog, migrations: readonly string[], now: () => number): Promise<void> {
  const known = migrations.length;
  for (let round = 0; round < ROUNDS; round++) {
    const { replica } = chain;
    if (replica.schema > known) {
      throw new StoreError('store_newer', `${log.address.shown} was written by a newer version (schema ${replica.schema}, this program knows ${known}).`);
    }
    if (replica.schema === known) return;
    refuseOlderProcesses(replica.writer.db, log.address.shown, now(), known);
    const entry = replica.sealMigration(migrations.slice(replica.schema), now());
    const { kind } = await log.append(replica.log, entry, { more: false, schema: known });
    if (kind === 'ok') replica.apply([entry]);
    else if (kind === 'wait') await new Promise((resolve) => setTimeout(resolve, 50));
    await chain.catchUp(await log.version());
  }
  throw log.unavailable('other processes write all the time');
}

/** While a process runs, a newer one may change the schema under it. */
export function newerSchema(schema: number): StoreError {
  return new StoreError('store_newer', `A newer version of this program migrated the store (schema ${schema}); this process can no longer write to it.`, {
    nextActions: ['Restart this process with the newer version.'],
  });
}
