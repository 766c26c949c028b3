// Owns capacity: a holder passes its gates in a fixed order and waits in the first closed one; whoever gives capacity back
// admits the next in the same commit, so a claim never scans.
import type { Tx } from './tx.ts';

/** Cap of a gate whose limit was taken away. */
const UNLIMITED = 2 ** 31;

export type GateList = readonly (readonly [key: string, cap: number])[];

/** Keys: `x:<execution>` maxParallel of a run, `s:<session>` its jobs, `w:<session>` its workflows, `k:<namespace>/<workflow>/<key>` a concurrency key. */
export const gateKeys = {
  execution: (num: number): string => `x:${num}`,
  sessionTasks: (num: number): string => `s:${num}`,
  sessionWorkflows: (num: number): string => `w:${num}`,
  concurrency: (ns: number, workflow: string, key: string): string => `k:${ns}/${workflow}/${key}`,
  paused: (execution: number): string => `p:${execution}`,
};

/** Takes one unit; false when the gate is closed. */
export function acquire(tx: Tx, key: string, limit: number): boolean {
  const cap = capOf(tx, key, limit);
  const row = tx.sql('SELECT used, cap FROM gate WHERE key = ?').get(key) as { used: number; cap: number } | undefined;
  if (row === undefined) {
    tx.sql('INSERT INTO gate (key, cap, used) VALUES (?, ?, 1)').run(key, cap);
    return true;
  }
  if (row.used >= cap) return false;
  tx.sql('UPDATE gate SET used = used + 1, cap = ? WHERE key = ?').run(cap, key);
  return true;
}

/** Limits of a session may change while work waits: the row says, not what stood there when the work was added. */
function capOf(tx: Tx, key: string, limit: number): number {
  if (key.startsWith('s:'))
    return (tx.sql('SELECT max_tasks AS n FROM session WHERE num = ?').get(Number(key.slice(2))) as { n: number | null } | undefined)?.n ?? UNLIMITED;
  if (key.startsWith('w:'))
    return (tx.sql('SELECT max_workflows AS n FROM session WHERE num = ?').get(Number(key.slice(2))) as { n: number | null } | undefined)?.n ?? UNLIMITED;
  return limit;
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
