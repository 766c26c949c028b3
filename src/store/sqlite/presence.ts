// Owns what processes know of each other: whose lock is held, which one sweeps for all, and whether a namespace has work left.

import type { Unfinished } from '../backend.ts';
import { JOB, SCHEDULE } from './codes.ts';
import type { Parts } from './parts.ts';
import type { Processes } from './processes.ts';
import type { Tx } from './tx.ts';

const SWEEPS = 'sweep';
/** Enough to say "many"; counting further would read every open run. */
const COUNTED = 1_000;

interface LeaderSql {
  readonly epoch: number;
  readonly until: number;
}

export function unfinished(tx: Tx, namespace: string): Unfinished {
  const ns = tx.findNamespace(namespace);
  if (ns === undefined) return { runs: 0, jobs: 0, schedules: 0 };
  const runs = tx.sql('SELECT count(*) AS n FROM (SELECT 1 FROM execution WHERE ended_at IS NULL AND ns = ? LIMIT ?)').get(ns, COUNTED) as { n: number };
  const jobs = tx
    .sql('SELECT coalesce(sum(c.n), 0) AS n FROM counter c JOIN queue q ON q.num = c.queue WHERE q.ns = ? AND c.status IN (?, ?, ?)')
    .get(ns, JOB.pending, JOB.running, JOB.retry) as { n: number };
  const schedules = tx
    .sql('SELECT count(*) AS n FROM (SELECT 1 FROM schedule WHERE ns = ? AND status = ? AND deleted_at IS NULL AND next_at IS NOT NULL LIMIT ?)')
    .get(ns, SCHEDULE.active, COUNTED) as { n: number };
  return { runs: runs.n, jobs: Math.min(COUNTED, jobs.n), schedules: schedules.n };
}

/** As `unfinished`, inside a transaction whose earlier operations may not have written their rows and counters yet. */
export function hasWork({ tx, rows }: Parts, namespace: string): boolean {
  rows.flush();
  tx.flushCounters();
  const { runs, jobs, schedules } = unfinished(tx, namespace);
  return runs + jobs + schedules > 0;
}

/** The process that sweeps for all, whether it lives or not. */
export function leaderOf(tx: Tx): LeaderSql | null {
  return (tx.sql('SELECT epoch, until FROM leader WHERE name = ?').get(SWEEPS) as LeaderSql | undefined) ?? null;
}

/** A leader whose lease lapsed, whose row is gone or whose lock can be taken leads no more. */
export function leads(tx: Tx, processes: Processes, leader: LeaderSql | null, now: number): boolean {
  return leader !== null && leader.until > now && !processes.isGone(tx, leader.epoch);
}

/** Takes or renews the lead, unless another did since `seen` was read. */
export function takeLead(tx: Tx, p: { readonly epoch: number; readonly seen: LeaderSql | null; readonly leaseMs: number }): boolean {
  const now = leaderOf(tx);
  if (now?.epoch !== p.seen?.epoch || now?.until !== p.seen?.until) return false;
  if (tx.sql('SELECT 1 FROM process WHERE epoch = ?').get(p.epoch) === undefined) return false;
  tx.sql('INSERT INTO leader (name, epoch, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, until = excluded.until').run(
    SWEEPS,
    p.epoch,
    tx.now + p.leaseMs,
  );
  return true;
}
