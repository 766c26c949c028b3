// Owns counts that outlive the rows they were taken from: what became of planned times, with how late they were, and leases that ran out.
import { bucketOf } from '../../domain/histogram.ts';
import type { OccurrenceStatus } from '../../domain/schedule.ts';
import type { Tx } from './tx.ts';

export const LEASE_LOST = 'lease_lost';
/** Bucket of what has no duration. */
const NONE = -1;
/** Not an end: something is still before it. */
const OPEN_STATUSES: ReadonlySet<OccurrenceStatus> = new Set(['planned', 'buffered']);

export function tally(tx: Tx, ns: number, what: OccurrenceStatus | typeof LEASE_LOST, n: number, ms: number | null = null): void {
  tx.sql('INSERT INTO tally (ns, what, bucket, n, ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n, ms = ms + excluded.ms').run(
    ns,
    what,
    ms === null ? NONE : bucketOf(ms),
    n,
    ms ?? 0,
  );
}

/** Counts planned times of a schedule that have come to an end. */
export function tallyTimes(tx: Tx, schedule: number, status: OccurrenceStatus, n: number, lateness: number | null = null): void {
  if (OPEN_STATUSES.has(status)) return;
  const row = tx.sql('SELECT ns FROM schedule WHERE num = ?').get(schedule) as { ns: number } | undefined;
  if (row !== undefined) tally(tx, row.ns, status, n, lateness);
}
