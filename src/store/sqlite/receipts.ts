// Owns idempotency: a receipt is written in the commit it speaks of, so a repeated call finds either both or neither.
import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { Receipt } from '../port/common.ts';
import type { Tx } from './tx.ts';

export type ReceiptLookup =
  | { readonly kind: 'new' }
  | { readonly kind: 'replay'; readonly reply: Json }
  | { readonly kind: 'conflict'; readonly error: ErrorData };

/** Looks whether this call was made before. */
export function lookUp(tx: Tx, receipt: Receipt | undefined): ReceiptLookup {
  if (receipt === undefined) return { kind: 'new' };
  const row = tx.sql('SELECT digest, reply FROM receipt WHERE principal = ? AND tool = ? AND key = ?').get(receipt.principal, receipt.tool, receipt.key) as
    | { digest: string; reply: string }
    | undefined;
  if (row === undefined) return { kind: 'new' };
  if (row.digest === receipt.digest) return { kind: 'replay', reply: JSON.parse(row.reply) as Json };
  const error = new LogisticsError('conflict', `The idempotency key "${receipt.key}" was used before with other arguments.`, {
    path: 'idempotency_key',
    expected: 'the same arguments as the first call, or a new key',
    nextActions: ['Use a new idempotency_key for other work.'],
  });
  return { kind: 'conflict', error: error.toData() };
}

export function remember(tx: Tx, receipt: Receipt | undefined, reply: Json): void {
  if (receipt === undefined) return;
  tx.sql('INSERT INTO receipt (principal, tool, key, digest, reply, created_at) VALUES (?, ?, ?, ?, ?, ?)').run(
    receipt.principal,
    receipt.tool,
    receipt.key,
    receipt.digest,
    JSON.stringify(reply),
    tx.now,
  );
}

/** Runs a call at most once per receipt; the first reply is given again. */
export function once<T extends Json>(tx: Tx, receipt: Receipt | undefined, run: () => T): { readonly reply: T } | { readonly conflict: ErrorData } {
  const known = lookUp(tx, receipt);
  if (known.kind === 'replay') return { reply: known.reply as T };
  if (known.kind === 'conflict') return { conflict: known.error };
  const reply = run();
  remember(tx, receipt, reply);
  return { reply };
}

/** The reply of a call that may have been made before; throws what it conflicts with. */
export function replyOf<T>(result: { readonly reply: T } | { readonly conflict: ErrorData }): T {
  if ('conflict' in result) throw new LogisticsError('conflict', result.conflict.message, result.conflict);
  return result.reply;
}

const CHUNK = 500;
const NAMES = [
  ['exec_', 'SELECT 1 FROM execution WHERE id = ?'],
  ['job_', 'SELECT 1 FROM job WHERE id = ?'],
  ['sess_', 'SELECT 1 FROM session WHERE id = ?'],
  ['wf_', 'SELECT 1 FROM definition WHERE id = ?'],
  ['sched_', 'SELECT 1 FROM schedule WHERE id = ? AND deleted_at IS NULL'],
] as const;

/** Removes receipts made before a time unless what they name still exists; `after` is where the last round stood. */
export function dropOld(tx: Tx, before: number, after: number): { readonly removed: number; readonly position: number } {
  const rows = tx.sql('SELECT num, reply, created_at FROM receipt WHERE num > ? ORDER BY num LIMIT ?').all(after, CHUNK) as {
    num: number;
    reply: string;
    created_at: number;
  }[];
  let removed = 0;
  for (const row of rows) {
    if (row.created_at >= before) return { removed, position: 0 };
    if (idsIn(JSON.parse(row.reply) as Json).some((id) => exists(tx, id))) continue;
    tx.sql('DELETE FROM receipt WHERE num = ?').run(row.num);
    removed++;
  }
  return { removed, position: rows.length < CHUNK ? 0 : (rows.at(-1) as { num: number }).num };
}

function exists(tx: Tx, id: string): boolean {
  const found = NAMES.find(([prefix]) => id.startsWith(prefix));
  return found !== undefined && tx.sql(found[1]).get(id) !== undefined;
}

function idsIn(reply: Json): string[] {
  if (typeof reply === 'string') return [reply];
  return reply === null || typeof reply !== 'object' ? [] : Object.values(reply).flatMap((value: Json) => idsIn(value));
}
