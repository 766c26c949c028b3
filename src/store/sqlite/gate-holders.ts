// Owns the answer to "who holds this gate": those whose list of gates names it and who have passed it.
import type { GateList } from './gates.ts';
import type { Tx } from './tx.ts';

interface Candidate {
  readonly id: string;
  readonly gates: string | null;
  readonly gate_pos: number;
}

// A key's candidates are its open runs or jobs; this many are looked at in about 5 ms.
const LOOKED_AT = 5_000;

const CANDIDATES: Readonly<Record<string, string>> = {
  q: 'SELECT id, gates, gate_pos FROM job WHERE owner IS NOT NULL AND queue = ? ORDER BY num LIMIT ?',
  j: 'SELECT id, gates, gate_pos FROM job WHERE owner IS NOT NULL AND ns = ? ORDER BY num LIMIT ?',
  k: 'SELECT id, gates, gate_pos FROM execution WHERE concurrency_key = ? AND ended_at IS NULL ORDER BY num LIMIT ?',
  w: 'SELECT id, gates, gate_pos FROM execution WHERE session = ? AND ended_at IS NULL ORDER BY num LIMIT ?',
  s: 'SELECT id, gates, gate_pos FROM job WHERE session = ? AND gate_pos > 0 ORDER BY num LIMIT ?',
  x: 'SELECT id, gates, gate_pos FROM job WHERE execution = ? AND gate_pos > 0 ORDER BY num LIMIT ?',
};

export function gateHolders(tx: Tx, gate: string, limit: number): { limit: number; used: number; holders: string[] } {
  const row = tx.sql('SELECT cap, used FROM gate WHERE key = ?').get(gate) as { cap: number; used: number } | undefined;
  const sql = CANDIDATES[gate.charAt(0)];
  if (row === undefined || sql === undefined) return { limit: row?.cap ?? 0, used: row?.used ?? 0, holders: [] };
  const candidates = tx.sql(sql).all(gate.startsWith('k:') ? gate : Number.parseInt(gate.slice(2), 10), LOOKED_AT) as Candidate[];
  const holders = candidates.filter((candidate) => {
    const at = candidate.gates === null ? -1 : (JSON.parse(candidate.gates) as GateList).findIndex(([key]) => key === gate);
    return at >= 0 && at < candidate.gate_pos;
  });
  return { limit: row.cap, used: row.used, holders: holders.slice(0, limit).map((holder) => holder.id) };
}
