// Owns what processes know of each other: whose lock is held, which one sweeps for all, and whether a namespace needs a process.

import type { Unfinished } from '../backend.ts';
import { JOB } from './codes.ts';
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

/** What is left, and whether a process with these capabilities is needed for it. */
export function unfinished(parts: Parts, namespace: string, capabilities: readonly string[]): Unfinished {
  const { tx } = parts;
  const ns = tx.findNamespace(namespace);
  if (ns === undefined) return { runs: 0, jobs: 0, schedules: 0, needed: false };
  const runs = tx.sql('SELECT count(*) AS n FROM (SELECT 1 FROM execution WHERE ended_at IS NULL AND ns = ? LIMIT ?)').get(ns, COUNTED) as { n: number };
  const jobs = tx
    .sql('SELECT coalesce(sum(c.n), 0) AS n FROM counter c JOIN queue q ON q.num = c.queue WHERE q.ns = ? AND c.status IN (?, ?, ?)')
    .get(ns, JOB.pending, JOB.running, JOB.retry) as { n: number };
  const schedules = tx
    // What waits for the end of a run is due in the commit of that end.
    .sql('SELECT count(*) AS n FROM (SELECT 1 FROM schedule WHERE due_at IS NOT NULL AND ns = ? LIMIT ?)')
    .get(ns, COUNTED) as { n: number };
  const left = { runs: runs.n, jobs: Math.min(COUNTED, jobs.n), schedules: schedules.n };
  const needed = left.schedules > 0 || (left.runs + left.jobs > 0 && (parts.claims.hasReady({ namespace, capabilities }) || goesOn(tx, ns)));
  return { ...left, needed };
}

/**
 * Whether something runs, falls due, lies in an inbox, or waits for a signal, event or person. All else waits for one of these (a gate, a need, a child), or
 * for what no process gives: a worker agent, a capability that is not offered, the end of a pause.
 */
function goesOn(tx: Tx, ns: number): boolean {
  const running = tx.sql('SELECT 1 FROM counter c JOIN queue q ON q.num = c.queue WHERE q.ns = ? AND c.status IN (?, ?) AND c.n > 0 LIMIT 1');
  if (running.get(ns, JOB.running, JOB.retry) !== undefined) return true;
  return (
    isAmong(tx, ns, 'SELECT ns FROM job WHERE due_at IS NOT NULL LIMIT ?') ||
    isAmong(tx, ns, 'SELECT e.ns FROM inbox i JOIN execution e ON e.num = i.execution LIMIT ?') ||
    isAmong(tx, ns, 'SELECT e.ns FROM timer t JOIN execution e ON e.num = t.execution LIMIT ?') ||
    isAmong(tx, ns, 'SELECT e.ns FROM waiter w JOIN execution e ON e.num = w.execution WHERE e.paused = 0 LIMIT ?') ||
    isAmong(tx, ns, 'SELECT ns FROM session WHERE cancels_at IS NOT NULL LIMIT ?') ||
    // A rate is of some namespace; what waits for it is let go within its period.
    tx.sql('SELECT 1 FROM gate_timer LIMIT 1').get() !== undefined
  );
}

/** Whether one of the rows is of the namespace; where there are too many to look at, one may be. */
function isAmong(tx: Tx, ns: number, rows: string): boolean {
  const { own, all } = tx.sql(`SELECT coalesce(sum(ns = ?), 0) AS own, count(*) AS "all" FROM (${rows})`).get(ns, COUNTED) as { own: number; all: number };
  return own > 0 || all >= COUNTED;
}

/** Whether this process is needed, inside a transaction whose earlier operations may not have written their rows and counters yet. */
export function isNeeded(parts: Parts, namespace: string, epoch: number): boolean {
  const { tx, rows } = parts;
  rows.flush();
  tx.flushCounters();
  const own = tx.sql('SELECT capabilities FROM process WHERE epoch = ?').get(epoch) as { capabilities: string } | undefined;
  return unfinished(parts, namespace, own === undefined ? [] : (JSON.parse(own.capabilities) as string[])).needed;
}

/** The process that does a duty for all, whether it lives or not. */
export function leaderOf(tx: Tx, duty: string = SWEEPS): LeaderSql | null {
  return (tx.sql('SELECT epoch, until FROM leader WHERE name = ?').get(duty) as LeaderSql | undefined) ?? null;
}

/** A leader whose lease lapsed, whose row is gone or whose lock can be taken leads no more. */
export function leads(tx: Tx, processes: Processes, leader: LeaderSql | null, now: number): boolean {
  return leader !== null && leader.until > now && !processes.isGone(tx, leader.epoch);
}

/** Takes or renews the lead, unless another did since `seen` was read. */
export function takeLead(
  tx: Tx,
  p: { readonly epoch: number; readonly seen: LeaderSql | null; readonly leaseMs: number; readonly duty?: string | undefined },
): boolean {
  const now = leaderOf(tx, p.duty);
  if (now?.epoch !== p.seen?.epoch || now?.until !== p.seen?.until) return false;
  if (tx.sql('SELECT 1 FROM process WHERE epoch = ?').get(p.epoch) === undefined) return false;
  tx.sql('INSERT INTO leader (name, epoch, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, until = excluded.until').run(
    p.duty ?? SWEEPS,
    p.epoch,
    tx.now + p.leaseMs,
  );
  return true;
}
