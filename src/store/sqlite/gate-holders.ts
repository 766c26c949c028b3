// Owns the answer to "who holds this gate": those whose list of gates names it and who have passed it; of the gates of queues those
// that run, then those that are ready and go first.
import { capOf, type GateList } from './gates.ts';
import type { Tx } from './tx.ts';

interface Candidate {
  readonly id: string;
  readonly gates: string | null;
  readonly gate_pos: number;
}

// A key's candidates are its open runs or jobs; this many are looked at in about 5 ms.
const LOOKED_AT = 5_000;

const COLUMNS = 'SELECT id, gates, gate_pos FROM';
const BY_SCOPE: Readonly<Record<string, readonly string[]>> = {
  q: [
    `${COLUMNS} job WHERE owner IS NOT NULL AND queue = ? ORDER BY num LIMIT ?`,
    `${COLUMNS} job WHERE worker IS NOT NULL AND status = 1 AND queue = ? ORDER BY num LIMIT ?`,
    `${COLUMNS} job INDEXED BY job_ready WHERE lane IN (SELECT num FROM lane WHERE queue = ?) AND rank IS NOT NULL ORDER BY rank, num LIMIT ?`,
  ],
  j: [
    `${COLUMNS} job WHERE owner IS NOT NULL AND ns = ? ORDER BY num LIMIT ?`,
    `${COLUMNS} job WHERE worker IS NOT NULL AND status = 1 AND ns = ? ORDER BY num LIMIT ?`,
    `${COLUMNS} job INDEXED BY job_ready WHERE lane IN (SELECT lane.num FROM lane JOIN queue ON queue.num = lane.queue WHERE queue.ns = ?) AND rank IS NOT NULL ORDER BY rank, num LIMIT ?`,
  ],
  k: [`${COLUMNS} execution WHERE concurrency_key = ? AND ended_at IS NULL ORDER BY num LIMIT ?`],
  w: [`${COLUMNS} execution WHERE session = ? AND ended_at IS NULL ORDER BY num LIMIT ?`],
  s: [`${COLUMNS} job WHERE session = ? AND gate_pos > 0 ORDER BY num LIMIT ?`],
  P: [
    `SELECT e.id, e.gates, e.gate_pos FROM project p JOIN execution e INDEXED BY execution_project ON e.ns = p.ns AND e.workflow >= p.name || '.' AND e.workflow < p.name || '/' AND instr(e.workflow, '.') > 0
     WHERE p.num = ? AND e.ended_at IS NULL ORDER BY e.num LIMIT ?`,
  ],
  x: [`${COLUMNS} job WHERE execution = ? AND gate_pos > 0 ORDER BY num LIMIT ?`],
};

export function gateHolders(tx: Tx, gate: string, limit: number): { limit: number; used: number; holders: string[] } {
  const row = tx.sql('SELECT cap, used FROM gate WHERE key = ?').get(gate) as { cap: number; used: number } | undefined;
  const hasOwnCap = gate.startsWith('q:') || gate.startsWith('P:');
  const texts = BY_SCOPE[gate.charAt(0)];
  if ((row === undefined && !hasOwnCap) || texts === undefined) return { limit: row?.cap ?? 0, used: row?.used ?? 0, holders: [] };
  const scope = gate.startsWith('k:') ? gate : Number.parseInt(gate.slice(2), 10);
  const holders = new Set<string>();
  for (const text of texts) {
    if (holders.size >= limit) break;
    for (const { id, gates, gate_pos } of tx.sql(text).all(scope, LOOKED_AT) as Candidate[]) {
      const at = gates === null ? -1 : (JSON.parse(gates) as GateList).findIndex(([key]) => key === gate);
      if (at >= 0 && at < gate_pos) holders.add(id);
    }
  }
  return { limit: hasOwnCap ? capOf(tx, gate, 0, row?.cap) : (row?.cap ?? 0), used: row?.used ?? 0, holders: [...holders].slice(0, limit) };
}
