// Owns the gate of resources: a job passes it last and whole. A ready job holds nothing, it takes what it asks for at its claim; of each
// lane only as many are ready as could start, and a first one that proves at its claim that the lane is served.
import { ceilingOf } from '../../domain/refill.ts';
import { armGate } from './rates.ts';
import { gateOf, levelKey, levelsIn, type Part, ResourceLevels, type Turn, toLevel } from './resource-levels.ts';
import type { Tx } from './tx.ts';

/** A job whose turn it is and that nobody claims keeps it so long; then those behind it go. */
export const CLAIM_WITHIN_MS = 30_000;
/** Admissions of one look, about 30 µs each; the rest follows in the next. */
const ADMITTED_AT_ONCE = 200;
/** Jobs of a workflow whose pool is not there wait here until pools change. */
export const NO_POOL = 'a:?';

interface Head extends Turn {
  readonly gate: string;
  readonly lane: number;
}

export class ResourceGate {
  readonly levels: ResourceLevels;
  readonly #tx: Tx;
  /** Set by the jobs: makes a waiting one ready if it may be; false when it stays. */
  moveJob: (num: number, gate: string) => boolean = () => false;
  /** Set by the allocations. */
  grant: (num: number) => boolean = () => false;

  constructor(tx: Tx) {
    this.#tx = tx;
    this.levels = new ResourceLevels(tx);
  }

  /**
   * Lets a job of this lane become ready; false when it waits. `tried`: it was claimed and there was too little, so its lane is served and it takes its turn.
   * `from` is the gate that it waited at.
   */
  enter(parts: readonly Part[], lane: number, turn: Turn, from: string | null, tried: boolean): boolean {
    const gate = gateOf(parts);
    if (gate !== from && this.#isBehind(gate, lane, turn)) return this.#wait(parts, turn, false);
    const hadTurn = tried || this.levels.hasTurn(turn);
    let fits = true;
    let proves = !hadTurn;
    for (const [level, amount] of parts) {
      const row = this.levels.row(level);
      const ready = this.#ready(level, lane);
      if (row === undefined || amount > ceilingOf(toLevel(row)) || this.levels.isTaken(level, turn)) fits = proves = false;
      else if (this.levels.free(level) - ready < amount) fits = false;
      if (ready > 0) proves = false;
    }
    if (!fits && !proves) return this.#wait(parts, turn, hadTurn);
    for (const [level, amount] of parts)
      this.#tx
        .sql('INSERT INTO gate_lane (key, lane, ready) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET ready = ready + excluded.ready')
        .run(levelKey(level), lane, amount);
    if (hadTurn) this.levels.keepUntil(parts, turn, this.#tx.now + CLAIM_WITHIN_MS);
    return true;
  }

  #wait(parts: readonly Part[], turn: Turn, takesTurn: boolean): false {
    this.watch(parts);
    this.levels.waitFor(parts, turn, takesTurn);
    return false;
  }

  /** Somebody waits for these levels: whoever gives some of one back looks there. */
  watch(parts: readonly Part[]): void {
    const gate = gateOf(parts);
    for (const [level] of parts) this.#tx.sql('INSERT OR IGNORE INTO resource_set (level, gate) VALUES (?, ?)').run(level, gate);
    this.#tx.changed('resource_set', true);
  }

  #ready(level: number, lane: number): number {
    return (this.#tx.sql('SELECT ready FROM gate_lane WHERE key = ? AND lane = ?').get(levelKey(level), lane) as { ready: number } | undefined)?.ready ?? 0;
  }

  #isBehind(gate: string, lane: number, turn: Turn): boolean {
    if (!this.#tx.holdsRows('resource_set')) return false;
    const best = this.#headOf(gate, lane);
    return best !== undefined && (best.rank < turn.rank || (best.rank === turn.rank && best.num < turn.num));
  }

  #headOf(gate: string, lane: number): { readonly rank: number; readonly num: number } | undefined {
    const sql = `SELECT gate_rank AS rank, num FROM job WHERE ${AT_GATE} AND lane = ? ORDER BY gate_rank, num LIMIT 1`;
    return this.#tx.sql(sql).get(gate, lane) as { rank: number; num: number } | undefined;
  }

  /** A ready job is none any more: claimed, stopped or put aside. */
  forsake(parts: readonly Part[], lane: number): void {
    for (const [level, amount] of parts) {
      const key = levelKey(level);
      const { changes } = this.#tx.sql('DELETE FROM gate_lane WHERE key = ? AND lane = ? AND ready <= ?').run(key, lane, amount);
      if (changes === 0) this.#tx.sql('UPDATE gate_lane SET ready = ready - ? WHERE key = ? AND lane = ?').run(amount, key, lane);
    }
  }

  /** The claim of a ready job that `canTake`. */
  take(parts: readonly Part[], lane: number, turn: Turn, arrivedAt: number): void {
    this.levels.take(parts, arrivedAt);
    this.forsake(parts, lane);
    if (this.levels.drop(turn)) this.admit(parts.map(([level]) => level));
    // Nobody gives a quota back, so who waits for it looks himself.
    else if (this.#tx.holdsRows('resource_set')) this.#lookAtQuotas(parts);
  }

  #lookAtQuotas(parts: readonly Part[]): void {
    for (const [level] of parts) if (this.levels.row(level)?.refill_ms !== null) armGate(this.#tx, levelKey(level), this.#tx.now);
  }

  /** What waits for these levels moves on in the order of ranks, as far as there is room; how many did. */
  admit(levels: readonly number[]): number {
    const tx = this.#tx;
    if (!tx.holdsRows('resource_set')) return 0;
    const gates = new Set<string>();
    for (const level of levels)
      for (const { gate } of tx.sql('SELECT gate FROM resource_set WHERE level = ? ORDER BY gate').all(level) as { gate: string }[]) gates.add(gate);
    const heads = [...gates].flatMap((gate) => this.#headsOf(gate));
    let moved = 0;
    for (let next = first(heads); next !== undefined; next = first(heads)) {
      heads.splice(heads.indexOf(next), 1);
      const has = next.kind === 0 ? this.grant(next.num) : this.moveJob(next.num, next.gate);
      if (!has) continue;
      moved++;
      if (moved >= ADMITTED_AT_ONCE) {
        for (const level of levels) armGate(tx, levelKey(level), tx.now);
        return moved;
      }
      const after = next.kind === 0 ? this.#allocationAt(next.gate) : this.#jobAt(next.gate, next.lane);
      if (after !== undefined) heads.push(after);
    }
    return moved;
  }

  /** The best of each who waits at a gate: allocations, and the jobs of each lane. */
  #headsOf(gate: string): Head[] {
    const tx = this.#tx;
    const allocation = this.#allocationAt(gate);
    const heads: Head[] = allocation === undefined ? [] : [allocation];
    for (let lane = this.#laneAfter(gate, -1); lane !== null; lane = this.#laneAfter(gate, lane)) {
      const head = this.#jobAt(gate, lane);
      if (head !== undefined) heads.push(head);
    }
    if (heads.length === 0) {
      tx.sql('DELETE FROM resource_set WHERE gate = ?').run(gate);
      tx.changed('resource_set', undefined);
    }
    return heads;
  }

  #laneAfter(gate: string, lane: number): number | null {
    return (this.#tx.sql(`SELECT min(lane) AS lane FROM job WHERE ${AT_GATE} AND lane > ?`).get(gate, lane) as { lane: number | null }).lane;
  }

  #jobAt(gate: string, lane: number): Head | undefined {
    const head = this.#headOf(gate, lane);
    return head === undefined ? undefined : { ...head, kind: 1, gate, lane };
  }

  #allocationAt(gate: string): Head | undefined {
    const head = this.#tx.sql('SELECT rank, num FROM allocation WHERE status = 0 AND gate = ? ORDER BY rank, num LIMIT 1').get(gate) as
      | { rank: number; num: number }
      | undefined;
    return head === undefined ? undefined : { ...head, kind: 0, gate, lane: -1 };
  }
}

// The second term is that of the index job_gate_lane.
const AT_GATE = "gate = ? AND gate GLOB '[ajqr]:*'";

function first(heads: readonly Head[]): Head | undefined {
  return heads.reduce<Head | undefined>((best, head) => (best === undefined || isBefore(head, best) ? head : best), undefined);
}

function isBefore(a: Turn, b: Turn): boolean {
  return a.rank !== b.rank ? a.rank < b.rank : a.kind !== b.kind ? a.kind < b.kind : a.num < b.num;
}

/** Levels that a key of the gate names; none for the one without pools. */
export function levelsOf(gate: string): number[] {
  return gate === NO_POOL ? [] : levelsIn(gate);
}
