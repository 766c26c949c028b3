// Owns where a value is kept: small ones in their row, ones over 256 KiB as artifact rows passed by reference.
import { createHash } from 'node:crypto';
import { LogisticsError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { StoredValue } from '../../domain/workflow-execution.ts';
import type { Tx } from './tx.ts';

export const INLINE_BYTES = 262_144;
export const MAX_OUTPUT_BYTES = 16_777_216;

export interface ValueColumns {
  readonly kind: number;
  readonly text: string | null;
  readonly bytes: number | null;
}

const NONE: ValueColumns = { kind: 0, text: null, bytes: null };

export function toColumns(value: StoredValue | null): ValueColumns {
  if (value === null) return NONE;
  if (value.kind === 'inline') return { kind: 1, text: value.json, bytes: null };
  if (value.kind === 'artifact') return { kind: 2, text: value.id, bytes: value.bytes };
  return { kind: 3, text: null, bytes: null };
}

export function fromColumns(kind: number, text: string | null, bytes: number | null): StoredValue | null {
  if (kind === 1) return { kind: 'inline', json: text ?? 'null' };
  if (kind === 2) return { kind: 'artifact', id: text as string, bytes: bytes ?? 0 };
  if (kind === 3) return { kind: 'items' };
  return null;
}

/** Keeps a JSON text inline or as an artifact of the execution or job; `maxBytes` bounds what a handler may give. */
export function storeJson(
  tx: Tx,
  json: string,
  owner: { readonly execution: number | null; readonly job: number | null; readonly name: string },
  maxBytes: number = Number.POSITIVE_INFINITY,
): StoredValue {
  if (json.length <= INLINE_BYTES / 4) return { kind: 'inline', json };
  const content = Buffer.from(json, 'utf8');
  if (content.length <= INLINE_BYTES) return { kind: 'inline', json };
  if (content.length > maxBytes) {
    throw new LogisticsError('output_too_large', `The output has ${content.length} bytes.`, { expected: `at most ${maxBytes} bytes` });
  }
  const id = tx.env.newId('artifact');
  const sha256 = createHash('sha256').update(content).digest('hex');
  tx.sql('INSERT INTO artifact (id, execution, job, name, media_type, bytes, sha256, created_at, kept, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)').run(
    id,
    owner.execution,
    owner.job,
    owner.name,
    'application/json',
    content.length,
    sha256,
    tx.now,
    content,
  );
  return { kind: 'artifact', id, bytes: content.length };
}

/** Parsed value of an inline or artifact value; `items` are assembled by the execution part. */
export function readStored(tx: Tx, value: StoredValue): Json {
  if (value.kind === 'inline') return JSON.parse(value.json) as Json;
  if (value.kind === 'artifact') {
    const row = tx.sql('SELECT content FROM artifact WHERE id = ?').get(value.id) as { content: Buffer } | undefined;
    if (row === undefined) throw new LogisticsError('not_found', `The artifact ${value.id} of this output was removed.`);
    return JSON.parse(row.content.toString('utf8')) as Json;
  }
  throw new LogisticsError('internal', 'A forEach output has no text of its own.');
}
