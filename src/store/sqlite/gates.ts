// Owns capacity: a holder passes its gates in a fixed order and waits in the first closed one; whoever gives capacity back
// admits the next in the same commit, so a claim never scans.
import { runsAllowed } from '../../domain/project.ts';
import type { SessionMode } from '../../domain/session.ts';
import { projectCodes, sessionModes } from './codes.ts';
import type { Part } from './resource-levels.ts';
import type { Tx } from './tx.ts';

/** Cap of a gate whose limit was taken away. */
export const UNLIMITED = 2 ** 31;

/** `parts` are those of the gate of resources: base units of each level. */
export type Gate = readonly [key: string, cap: number, periodMs?: number, parts?: readonly Part[]];
export type GateList = readonly Gate[];

/** Keys: `x:<execution>` maxParallel of a run, `s:<session>` its jobs, `w:<session>` its workflows, `k:<namespace>/<workflow>/<key>` a concurrency key of runs,
 * `a:<levels>` resources, `j:<namespace>/<key>` one of jobs, `q:<queue>` the jobs of a queue, `r:q<queue>` its rate, `r:<namespace>/…` a rate that jobs brought, `P:<project>` the runs of a project. */
export const gateKeys = {
  execution: (num: number): string => `x:${num}`,
  sessionTasks: (num: number): string => `s:${num}`,
  sessionWorkflows: (num: number): string => `w:${num}`,
  concurrency: (ns: number, workflow: string, key: string): string => `k:${ns}/${workflow}/${key}`,
  paused: (execution: number): string => `p:${execution}`,
  jobs: (ns: number, key: string): string => `j:${ns}/${key}`,
  queue: (num: number): string => `q:${num}`,
  queueRate: (num: number): string => `r:q${num}`,
  project: (num: number): string => `P:${num}`,
  rate: (ns: number, queue: number, key: string | null): string => (key === null ? `r:${ns}/q${queue}` : `r:${ns}/k/${key}`),
};

/** Takes one unit; false when the gate is closed. */
export function acquire(tx: Tx, key: string, limit: number): boolean {
  const row = tx.sql('SELECT used, cap FROM gate WHERE key = ?').get(key) as { used: number; cap: number } | undefined;
  const used = row?.used ?? 0;
  const cap = capOf(tx, key, limit, row?.cap);
  if (used >= cap) return false;
  if (row === undefined) {
    tx.sql('INSERT INTO gate (key, cap, used) VALUES (?, ?, 1)').run(key, cap);
    return true;
  }
  tx.sql('UPDATE gate SET used = used + 1, cap = ? WHERE key = ?').run(cap, key);
  return true;
}

/** Limits of a session may change while work waits: the row says, not what stood there when the work was added. */
export function capOf(tx: Tx, key: string, limit: number, stored: number | undefined): number {
  if (key.startsWith('q:')) return tx.queueLimits(Number(key.slice(2)))?.concurrency ?? UNLIMITED;
  if (key.startsWith('P:')) {
    const project = tx.sql('SELECT status, max_runs AS runs FROM project WHERE num = ?').get(Number(key.slice(2))) as
      | { status: number; runs: number | null }
      | undefined;
    return project === undefined ? UNLIMITED : runsAllowed(projectCodes.name(project.status), project.runs ?? UNLIMITED);
  }
  if (key.startsWith('j:')) return stored ?? limit;
  if (key.startsWith('s:'))
    return (tx.sql('SELECT max_tasks AS n FROM session WHERE num = ?').get(Number(key.slice(2))) as { n: number | null } | undefined)?.n ?? UNLIMITED;
  if (key.startsWith('w:'))
    return (tx.sql('SELECT max_workflows AS n FROM session WHERE num = ?').get(Number(key.slice(2))) as { n: number | null } | undefined)?.n ?? UNLIMITED;
  return limit;
}

/** Who goes first at this gate is said by the mode of its session; null for a gate that is none of a session. */
export function sessionModeAt(tx: Tx, key: string): SessionMode | null {
  if (!key.startsWith('s:') && !key.startsWith('w:')) return null;
  const row = tx.sql('SELECT mode FROM session WHERE num = ?').get(Number(key.slice(2))) as { mode: number } | undefined;
  return row === undefined ? null : sessionModes.name(row.mode);
}

/** Takes one unit even when the gate is closed: for what held it before. */
export function acquireAnyway(tx: Tx, key: string, limit: number): void {
  if (!acquire(tx, key, limit)) tx.sql('UPDATE gate SET used = used + 1 WHERE key = ?').run(key);
}

/** Gives one unit back. */
export function release(tx: Tx, key: string): void {
  const row = tx.sql('UPDATE gate SET used = used - 1 WHERE key = ? RETURNING used').get(key) as { used: number } | undefined;
  if (row !== undefined && row.used <= 0) tx.sql('DELETE FROM gate WHERE key = ? AND used <= 0').run(key);
}

/** A rate is used up at the claim: what runs holds no unit of it. */
export function isRate(key: string): boolean {
  return key.startsWith('r:');
}

/** A limit of a queue or of jobs by a key: its size may change while work waits, and it is taken at the claim. */
export function isOfQueues(key: string): boolean {
  return isRate(key) || key.startsWith('q:') || key.startsWith('j:');
}

/** What a job holds of pools; taken at the claim, whole. */
export function isOfResources(key: string): boolean {
  return key.startsWith('a:');
}
