// Owns snapshots: a copy of a replica in Redis, so that the log before it can be cut and a new process need not read it all.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { StoreError } from '../../domain/errors.ts';
import type { CommitLog, Head } from './commit-log.ts';

export interface CopyRequest {
  readonly from: string;
  readonly to: string;
}

export interface CopyReply {
  readonly log: string;
  readonly version: number;
  /** Id of the entry of that version. */
  readonly entry: string;
}

export interface SnapshotLimits {
  /** A snapshot is due once the log since the last one is longer than this and longer than that snapshot. */
  readonly logBytes: number;
  readonly pieceBytes: number;
  /** Entries before the snapshot that stay in the log, so that those who are only a little behind need not load it. */
  readonly margin: number;
  /** The pieces of the snapshot before go this late: somebody may be reading them. */
  readonly keepOldMs: number;
}

export const SNAPSHOT_LIMITS: SnapshotLimits = { logBytes: 64 * 1024 * 1024, pieceBytes: 2 * 1024 * 1024, margin: 1_000, keepOldMs: 60_000 };

/** Renewed with each piece. */
const LEASE_MS = 120_000;
/** The pieces of a snapshot that is never published go after so long. */
const PIECE_MS = 900_000;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export class Snapshots {
  readonly #log: CommitLog;
  readonly #limits: SnapshotLimits;
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;

  constructor(log: CommitLog, limits: SnapshotLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  /** After a commit: starts a snapshot when one is due, unless somebody makes one already. Faults go to `onError`. */
  maybe(since: number, replicaPath: string, onError: (error: unknown) => void): void {
    if (since < this.#limits.logBytes || this.#running !== null || this.#stopping.signal.aborted) return;
    this.#running = this.#make(replicaPath)
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) onError(error);
      })
      .finally(() => {
        this.#running = null;
      });
  }

  /** Resolves when no snapshot is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Gives up a snapshot that is under way; its pieces go by themselves. */
  stop(): void {
    this.#stopping.abort();
  }

  async #make(replicaPath: string): Promise<void> {
    if (!(await this.#log.takeLease(LEASE_MS))) return;
    try {
      const head = await this.#log.head();
      if (head === null || head.since < Math.max(this.#limits.logBytes, head.snapshotBytes)) return;
      await this.#write(head, replicaPath);
    } finally {
      await this.#log.keepLease(0).catch(() => false);
    }
  }

  async #write(head: Head, replicaPath: string): Promise<void> {
    const file = `${replicaPath}.snapshot`;
    try {
      this.#stopping.signal.throwIfAborted();
      const { log, version, entry } = await copyOf({ from: replicaPath, to: file }, this.#stopping.signal);
      if (log !== head.log || version <= head.snapshot) return;
      const copy = `${version}-${randomUUID()}`;
      const uploaded = await this.#upload(file, copy);
      if (uploaded === null) return;
      const { pieces, bytes } = uploaded;
      const { margin, keepOldMs } = this.#limits;
      // Without an answer the pieces stay: if it is published they are needed, otherwise they go by themselves.
      const published = await this.#log.publishSnapshot({ log, version, entry, copy, pieces, bytes, trimBelow: Math.max(1, version - margin), keepOldMs });
      if (!published) await this.#log.dropPieces(copy, pieces);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Null when somebody else makes the snapshot by now. */
  async #upload(file: string, copy: string): Promise<{ readonly pieces: number; readonly bytes: number } | null> {
    const handle = await open(file, 'r');
    let pieces = 0;
    let bytes = 0;
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(this.#limits.pieceBytes) });
        if (bytesRead === 0) return { pieces, bytes };
        const piece = await compress(buffer.subarray(0, bytesRead));
        this.#stopping.signal.throwIfAborted();
        if (!(await this.#log.keepLease(LEASE_MS))) return null;
        await this.#log.putPiece(copy, pieces++, piece, PIECE_MS);
        bytes += piece.length;
      }
    } finally {
      await handle.close();
    }
  }

  /** Writes the snapshot of a head to a file; false when it has been replaced meanwhile. */
  async load(head: Head, file: string): Promise<boolean> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(file, 'w', 0o600);
      for (let at = 0; at < head.pieces; at++) {
        const piece = await this.#log.getPiece(head.copy, at);
        if (piece === null) return false;
        await handle.write(await decompress(piece));
      }
      return (await handle.stat()).size > 0;
    } finally {
      await handle?.close();
    }
  }
}

/** The thread's own memory and time; an exit without an answer is a failure. */
async function copyOf(request: CopyRequest, signal: AbortSignal): Promise<CopyReply> {
  const worker = new Worker(entry(), { workerData: request, execArgv: [], env: {} });
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop);
  worker.unref();
  try {
    return await new Promise<CopyReply>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new StoreError('internal', 'The snapshot thread ended without an answer.')));
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
    const size = await stat(request.to).then(
      (found) => found.size,
      () => 0,
    );
    if (size === 0) await rm(request.to, { force: true });
  }
}

/** Beside this file when run from source, beside or above the bundle when built. */
function entry(): URL {
  const candidates = ['./snapshot-worker.ts', './snapshot-worker.js', '../snapshot-worker.js'].map((name) => new URL(name, import.meta.url));
  const found = candidates.find((url) => existsSync(fileURLToPath(url)));
  if (found) return found;
  throw new StoreError('internal', 'The file snapshot-worker.js is missing from the installation.');
}
