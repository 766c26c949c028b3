// Owns the inside of the snapshot thread: one consistent copy of a replica's file, which would hold up the event loop for long.
import { rmSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { CopyReply, CopyRequest } from './snapshot.ts';

const { from, to } = workerData as CopyRequest;

function copy(): CopyReply {
  rmSync(to, { force: true });
  const source = new Database(from, { readonly: true, timeout: 5_000 });
  try {
    source.prepare('VACUUM INTO ?').run(to);
  } finally {
    source.close();
  }
  const made = new Database(to, { readonly: true });
  try {
    return made.prepare('SELECT log, version, entry FROM log_state').get() as CopyReply;
  } finally {
    made.close();
  }
}

parentPort?.postMessage(copy());
