// Owns the gates of queues (keys j, q, r): a ready job holds no capacity there, it takes it at its claim. So of each lane only as
// many are ready as could start, and a lane that nobody serves keeps no other one waiting.
import { capOf, type Gate, isRate } from './gates.ts';
import { freeAt, hasFreeStart, hasWaiters, recordStart } from './rates.ts';
import type { Tx } from './tx.ts';

/** Lets a job of this lane become ready as far as this gate is concerned; false when as many of its lane are as could start. */
export function enter(tx: Tx, gate: Gate, lane: number, from: string | null): boolean {
  const [key, limit, periodMs = 0] = gate;
  const row = tx.sql('SELECT ready FROM gate_lane WHERE key = ? AND lane = ?').get(key, lane) as { ready: number } | undefined;
  const ready = row?.ready ?? 0;
  const free = isRate(key) ? freeAt(tx, key, { limit, periodMs }, ready) : freeOf(tx, key, limit) - ready;
  // Who comes new stands behind those who wait already, also while a limit that grew has not let them go yet.
  if (free < 1 || (key !== from && isAwaited(tx, key, lane))) return false;
  tx.sql('INSERT INTO gate_lane (key, lane, ready) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET ready = ready + 1').run(key, lane);
  return true;
}

/** A ready job of this lane is none any more. */
export function forsake(tx: Tx, key: string, lane: number): void {
  const { changes } = tx.sql('DELETE FROM gate_lane WHERE key = ? AND lane = ? AND ready <= 1').run(key, lane);
  if (changes === 0) tx.sql('UPDATE gate_lane SET ready = ready - 1 WHERE key = ? AND lane = ?').run(key, lane);
  else dropUnused(tx, key);
}

/** Whether a job may start now, whoever else is ready. */
export function isOpen(tx: Tx, [key, limit, periodMs = 0]: Gate): boolean {
  return isRate(key) ? hasFreeStart(tx, key, { limit, periodMs }) : freeOf(tx, key, limit) > 0;
}

/** The claim of a ready job: it takes a place, or uses up a start. */
export function take(tx: Tx, [key, limit, periodMs = 0]: Gate, lane: number): void {
  if (isRate(key)) recordStart(tx, key, { limit, periodMs });
  else tx.sql('INSERT INTO gate (key, cap, used) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET used = used + 1').run(key, limit);
  forsake(tx, key, lane);
}

/** What ran gives its place back. */
export function leave(tx: Tx, key: string): void {
  tx.sql('UPDATE gate SET used = used - 1 WHERE key = ?').run(key);
  dropUnused(tx, key);
}

/** The next lane after this one with jobs that wait at a gate of queues. */
export function laneAfter(tx: Tx, key: string, lane: number): number | null {
  return (tx.sql(`SELECT min(lane) AS lane FROM job WHERE ${AT_GATE} AND lane > ?`).get(key, lane) as { lane: number | null }).lane;
}

/** Number of the best job of a lane that waits there. */
export function bestWaiting(tx: Tx, key: string, lane: number): number | undefined {
  return (tx.sql(`SELECT num FROM job WHERE ${AT_GATE} AND lane = ? ORDER BY gate_rank, num LIMIT 1`).get(key, lane) as { num: number } | undefined)?.num;
}

// The second term is that of the index job_gate_lane.
const AT_GATE = "gate = ? AND gate GLOB '[ajqr]:*'";

function isAwaited(tx: Tx, key: string, lane: number): boolean {
  return tx.sql(`SELECT 1 FROM job WHERE ${AT_GATE} AND lane = ? LIMIT 1`).get(key, lane) !== undefined;
}

/** The row of a key keeps the limit that its newest job brought. */
function freeOf(tx: Tx, key: string, limit: number): number {
  const row = tx.sql('SELECT used, cap FROM gate WHERE key = ?').get(key) as { used: number; cap: number } | undefined;
  if (row === undefined && key.startsWith('j:')) tx.sql('INSERT INTO gate (key, cap, used) VALUES (?, ?, 0)').run(key, limit);
  return capOf(tx, key, limit, row?.cap) - (row?.used ?? 0);
}

function dropUnused(tx: Tx, key: string): void {
  if (isRate(key)) return;
  const row = tx.sql('SELECT used FROM gate WHERE key = ?').get(key) as { used: number } | undefined;
  if (row === undefined || row.used > 0) return;
  if (key.startsWith('j:') && (tx.sql('SELECT 1 FROM gate_lane WHERE key = ? LIMIT 1').get(key) !== undefined || hasWaiters(tx, key))) return;
  tx.sql('DELETE FROM gate WHERE key = ?').run(key);
}
