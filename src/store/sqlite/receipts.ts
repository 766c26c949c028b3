// Owns idempotency: a receipt is written in the commit it speaks of, so a repeated call finds either both or neither.
import { LogisticsError, type ErrorData } from '../../domain/errors.ts';
import type { Json } from '../../domain/json.ts';
import type { Receipt } from '../backend.ts';
import type { Tx } from './tx.ts';

export type ReceiptLookup = { readonly kind: 'new' } | { readonly kind: 'replay'; readonly reply: Json } | { readonly kind: 'conflict'; readonly error: ErrorData };

/** Looks whether this call was made before. */
export function lookUp(tx: Tx, receipt: Receipt | undefined): ReceiptLookup {
  if (receipt === undefined) return { kind: 'new' };
  const row = tx.sql('SELECT digest, reply FROM receipt WHERE principal = ? AND tool = ? AND key = ?').get(receipt.principal, receipt.tool, receipt.key) as { digest: string; reply: string } | undefined;
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
  tx.sql('INSERT INTO receipt (principal, tool, key, digest, reply, created_at) VALUES (?, ?, ?, ?, ?, ?)').run(receipt.principal, receipt.tool, receipt.key, receipt.digest, JSON.stringify(reply), tx.now);
}
