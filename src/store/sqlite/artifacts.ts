// Owns artifact rows: bulk content beside the rows that refer to it.
import type { ArtifactInfo } from '../backend.ts';
import { JOB } from './codes.ts';
import type { ExecutionRows } from './execution-rows.ts';
import type { Tx } from './tx.ts';

interface ArtifactSql {
  id: string;
  execution: number | null;
  job: number | null;
  name: string;
  media_type: string;
  bytes: number;
  sha256: string;
  created_at: number;
  content?: Buffer;
}

const COLUMNS = 'id, execution, job, name, media_type, bytes, sha256, created_at';

export class Artifacts {
  readonly #tx: Tx;
  readonly #rows: ExecutionRows;

  constructor(tx: Tx, rows: ExecutionRows) {
    this.#tx = tx;
    this.#rows = rows;
  }

  /** Content without an owner is removed after an hour. Null when the job is not running under this token. */
  insert(p: {
    readonly id: string;
    readonly jobId: string | null;
    readonly token: number | null;
    readonly executionId: string | null;
    readonly name: string;
    readonly mediaType: string;
    readonly content: Uint8Array;
    readonly sha256: string;
  }): ArtifactInfo | null {
    const tx = this.#tx;
    const execution = p.executionId === null ? null : (this.#rows.numOf(p.executionId) ?? null);
    const held = p.jobId === null ? null : this.#heldJob(p.jobId, p.token);
    if (held === undefined) return null;
    const job = held?.num ?? null;
    tx.sql('INSERT INTO artifact (id, execution, job, name, media_type, bytes, sha256, created_at, kept, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      p.id,
      execution,
      execution === null ? job : null,
      p.name,
      p.mediaType,
      p.content.length,
      p.sha256,
      tx.now,
      execution === null && job === null ? 0 : 1,
      Buffer.from(p.content),
    );
    return {
      id: p.id,
      name: p.name,
      mediaType: p.mediaType,
      bytes: p.content.length,
      sha256: p.sha256,
      createdAt: tx.now,
      executionId: p.executionId,
      jobId: execution === null ? p.jobId : null,
    };
  }

  #heldJob(id: string, token: number | null): { readonly num: number } | undefined {
    const job = this.#tx.sql('SELECT num FROM job WHERE id = ? AND token = ? AND status = ?').get(id, token, JOB.running);
    return job as { num: number } | undefined;
  }

  get(p: { readonly id: string; readonly offset: number; readonly limit: number }): { info: ArtifactInfo; content: Uint8Array } | null {
    const row = this.#tx.sql(`SELECT ${COLUMNS}, substr(content, ?, ?) AS content FROM artifact WHERE id = ?`).get(p.offset + 1, p.limit, p.id) as
      | ArtifactSql
      | undefined;
    return row === undefined ? null : { info: this.#info(row), content: row.content ?? new Uint8Array() };
  }

  list(executionId: string): ArtifactInfo[] {
    const rows = this.#tx
      .sql(`SELECT ${COLUMNS} FROM artifact WHERE execution = ? ORDER BY num LIMIT 1000`)
      .all(this.#rows.numOf(executionId) ?? -1) as ArtifactSql[];
    return rows.map((row) => this.#info(row));
  }

  #info(row: ArtifactSql): ArtifactInfo {
    return {
      id: row.id,
      name: row.name,
      mediaType: row.media_type,
      bytes: row.bytes,
      sha256: row.sha256,
      createdAt: row.created_at,
      executionId: row.execution === null ? null : this.#rows.idOf(row.execution),
      jobId: row.job === null ? null : ((this.#tx.sql('SELECT id FROM job WHERE num = ?').get(row.job) as { id: string } | undefined)?.id ?? null),
    };
  }
}
