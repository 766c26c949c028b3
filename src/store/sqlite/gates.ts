// Owns capacity: a holder passes its gates in a fixed order and waits in the first closed one; whoever gives capacity back
// admits the next in the same commit, so a claim never scans.
import type { Tx } from './tx.ts';

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
export function acquire(tx: Tx, key: string, cap: number): boolean {
  const row = tx.sql('SELECT used, cap FROM gate WHERE key = ?').get(key) as { used: number; cap: number } | undefined;
  if (row === undefined) {
    tx.sql('INSERT INTO gate (key, cap, used) VALUES (?, ?, 1)').run(key, cap);
    return true;
  }
  if (row.used >= cap) return false;
  tx.sql('UPDATE gate SET used = used + 1, cap = ? WHERE key = ?').run(cap, key);
  return true;
}

/** Gives one unit back. */
export function release(tx: Tx, key: string): void {
  const row = tx.sql('UPDATE gate SET used = used - 1 WHERE key = ? RETURNING used').get(key) as { used: number } | undefined;
  if (row !== undefined && row.used <= 0) tx.sql('DELETE FROM gate WHERE key = ? AND used <= 0').run(key);
}
