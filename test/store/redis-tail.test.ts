// Tests what a replica remembers of entries that it no longer keeps: their ids, until they are too old.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createReplica, openWriter } from '../../src/store/redis/replica-file.ts';
import { Tail } from '../../src/store/redis/tail.ts';

const LARGE = Buffer.alloc(12 * 1024 * 1024);

it('entries that take too much room go, their ids stay, for 50,000 versions', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tail-'));
  const path = join(folder, 'replica.db');
  createReplica(path, 'a log', []);
  const db = openWriter(path);
  const tail = new Tail(db);
  const add = (version: number): void => tail.add({ version, id: `entry ${version}`, prev: `entry ${version - 1}`, at: 0, payload: LARGE });
  try {
    for (const version of [1, 2, 3]) add(version);
    expect(tail.after(0).map(({ version }) => version)).toEqual([3]);
    expect([tail.idOf(1), tail.idOf(3)]).toEqual([undefined, 'entry 3']);
    expect([1, 2, 3, 4].map((version) => tail.pastIdOf(version))).toEqual(['entry 1', 'entry 2', 'entry 3', undefined]);
    for (const version of [50_002, 50_003]) add(version);
    expect([1, 2, 3, 50_002].map((version) => tail.pastIdOf(version))).toEqual([undefined, undefined, 'entry 3', 'entry 50002']);
  } finally {
    db.close();
    await rm(folder, { recursive: true, force: true });
  }
});
