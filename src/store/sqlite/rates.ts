// Owns rate limits as gates: a ready job holds one free start, its claim uses it up, and time gives it back.
import { freeStarts, notAhead, type RateLimit, type Starts, withStart } from '../../domain/rate-limit.ts';
import type { Tx } from './tx.ts';

interface RateRow {
  readonly lim: number;
  readonly period: number;
  readonly starts: string;
}

/** Moment at which a gate is looked at again; an earlier one stands. */
export function armGate(tx: Tx, key: string, at: number): void {
  tx.sql('INSERT INTO gate_timer (key, due_at) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET due_at = min(due_at, excluded.due_at)').run(key, at);
  tx.notice.timersChanged = true;
}

export function hasWaiters(tx: Tx, key: string): boolean {
  return tx.sql('SELECT 1 FROM job WHERE gate = ? LIMIT 1').get(key) !== undefined;
}

/** Whether one may start now, whatever is reserved. */
export function hasFreeStart(tx: Tx, key: string, own: RateLimit): boolean {
  const { rate, starts } = stateOf(tx, key, own);
  return rate === null || freeStarts(starts, rate, tx.now).free > 0;
}

/** How many more may be ready at once; a closed rate is looked at again when its oldest start no longer counts. */
export function freeAt(tx: Tx, key: string, own: RateLimit, reserved: number): number {
  const { rate, starts } = stateOf(tx, key, own);
  if (rate === null) return Number.POSITIVE_INFINITY;
  const { free, nextAt } = freeStarts(starts, rate, tx.now);
  if (free <= reserved && nextAt !== null) armGate(tx, key, nextAt);
  return free - reserved;
}

/** Uses up one start: the claim of a job that held one. */
export function recordStart(tx: Tx, key: string, own: RateLimit): void {
  const { rate, starts } = stateOf(tx, key, own);
  if (rate === null) return;
  const after = withStart(starts, rate, tx.now);
  tx.sql(
    'INSERT INTO rate (key, lim, period, starts, last_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET starts = excluded.starts, last_at = excluded.last_at',
  ).run(key, rate.limit, rate.periodMs, JSON.stringify(after), tx.now);
  const { nextAt } = freeStarts(after, rate, tx.now);
  if (nextAt !== null && hasWaiters(tx, key)) armGate(tx, key, nextAt);
}

/** The newest job of a key says how large its rate is. */
export function setRate(tx: Tx, key: string, rate: RateLimit): void {
  const { changes } = tx
    .sql('UPDATE rate SET lim = ?, period = ? WHERE key = ? AND (lim != ? OR period != ?)')
    .run(rate.limit, rate.periodMs, key, rate.limit, rate.periodMs);
  if (changes > 0) armGate(tx, key, tx.now);
}

/** After the clock was set back: what waits for a moment of the old time is looked at now. */
export function lookAhead(tx: Tx): void {
  const keys = tx.sql('SELECT key FROM rate WHERE last_at > ? ORDER BY key').all(tx.now) as { key: string }[];
  for (const { key } of keys) stateOf(tx, key, NO_LIMIT);
}

const NO_LIMIT: RateLimit = { limit: 1, periodMs: 1 };

/** A queue's own rate is that of its settings, any other the last one that a job of its key brought. */
function stateOf(tx: Tx, key: string, own: RateLimit): { readonly rate: RateLimit | null; readonly starts: Starts } {
  const row = tx.sql('SELECT lim, period, starts FROM rate WHERE key = ?').get(key) as RateRow | undefined;
  const rate = rateOf(tx, key, row, own);
  const starts = row === undefined ? [] : (JSON.parse(row.starts) as Starts);
  if (rate === null) return { rate, starts };
  const kept = notAhead(starts, rate, tx.now);
  if (kept !== starts) {
    tx.sql('UPDATE rate SET starts = ?, last_at = ? WHERE key = ?').run(JSON.stringify(kept), tx.now, key);
    armGate(tx, key, tx.now);
  }
  return { rate, starts: kept };
}

function rateOf(tx: Tx, key: string, row: RateRow | undefined, own: RateLimit): RateLimit | null {
  if (key.startsWith('r:q')) return tx.queueLimits(Number(key.slice(3)))?.rateLimit ?? null;
  return row === undefined ? own : { limit: row.lim, periodMs: row.period };
}
