// Owns the levels of pools: what is free of each, and whose turn it is. Who found a level too low for it has the turn there: whoever
// ranks behind it gets nothing of that level before it, so no request is overtaken for ever.
import { ceilingOf, freeAt, hasRoom, type Level, roomAt, usedAt } from '../../domain/refill.ts';
import { armGate } from './rates.ts';
import type { Tx } from './tx.ts';

/** Base units of one level. */
export type Part = readonly [level: number, amount: number];

/** Place among all who ask: allocations (kind 0) and jobs (kind 1) by one rank. */
export interface Turn {
  readonly rank: number;
  readonly kind: 0 | 1;
  readonly num: number;
}

export interface LevelSql {
  readonly num: number;
  readonly pool: number;
  readonly key: string;
  readonly unit: string;
  readonly capacity: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly burst: number;
  readonly refill_ms: number | null;
  readonly used: number;
  readonly at: number;
  readonly seq: number;
}

/** Holds that are remembered of each level. */
export const KEPT_HOLDS = 2_000;

/** Key of the timer that looks at a level again. */
export function levelKey(level: number): string {
  return `l:${level}`;
}

/** Levels in their order, so that the same set always has the same name. */
export function gateOf(parts: readonly Part[]): string {
  return `a:${parts.map(([level]) => level).join(',')}`;
}

export function levelsIn(gate: string): number[] {
  return gate.slice(2).split(',').map(Number);
}

export function toLevel(sql: LevelSql): Level {
  return { capacity: sql.capacity, burst: sql.burst, refillMs: sql.refill_ms, used: sql.used, at: sql.at };
}

export class ResourceLevels {
  readonly #tx: Tx;

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  row(level: number): LevelSql | undefined {
    return this.#tx.sql('SELECT * FROM resource_level WHERE num = ?').get(level) as LevelSql | undefined;
  }

  #level(level: number): Level | null {
    const row = this.row(level);
    return row === undefined ? null : toLevel(row);
  }

  /** Whether all of it could be taken now, and nobody before has the turn. */
  canTake(parts: readonly Part[], turn: Turn): boolean {
    return this.takeable(parts, turn) !== null;
  }

  /** The rows that `take` would change, or null. */
  takeable(parts: readonly Part[], turn: Turn): readonly LevelSql[] | null {
    const rows: LevelSql[] = [];
    for (const [num, amount] of parts) {
      const row = this.row(num);
      if (row === undefined || !hasRoom(toLevel(row), amount, this.#tx.now) || this.isTaken(num, turn)) return null;
      rows.push(row);
    }
    return rows;
  }

  free(level: number): number {
    const found = this.#level(level);
    return found === null ? 0 : freeAt(found, this.#tx.now);
  }

  /** Whether somebody before it waits for more than this level had. */
  isTaken(level: number, turn: Turn): boolean {
    if (!this.#tx.holdsRows('resource_turn')) return false;
    const { rank, kind, num } = turn;
    const sql =
      'SELECT 1 FROM resource_turn WHERE level = ? AND (rank, kind, num) < (?, ?, ?) AND NOT (kind = ? AND num = ?) AND (until IS NULL OR until > ?) LIMIT 1';
    return this.#tx.sql(sql).get(level, rank, kind, num, kind, num, this.#tx.now) !== undefined;
  }

  hasTurn({ kind, num }: Turn): boolean {
    return this.#tx.holdsRows('resource_turn') && this.#tx.sql('SELECT 1 FROM resource_turn WHERE kind = ? AND num = ? LIMIT 1').get(kind, num) !== undefined;
  }

  /** Takes the turn where there is too little; what can never be had holds up nobody. A quota is looked at when it has refilled. */
  waitFor(parts: readonly Part[], turn: Turn, takesTurn: boolean): void {
    const { now } = this.#tx;
    // Turns are kept until it has all: else it could find the one level taken whenever the other has room.
    if (takesTurn && this.#tx.holdsRows('resource_turn'))
      this.#tx.sql('UPDATE resource_turn SET until = NULL WHERE kind = ? AND num = ? AND until IS NOT NULL').run(turn.kind, turn.num);
    const levels = parts.map(([num, amount]) => ({ num, amount, level: this.#level(num) }));
    const isPossible = levels.every(({ level, amount }) => level !== null && amount <= ceilingOf(level));
    for (const { num, amount, level } of levels) {
      if (level === null || hasRoom(level, amount, now)) continue;
      if (takesTurn && isPossible) this.#turn(num, turn, null);
      const at = roomAt(level, amount, now);
      if (at !== null) armGate(this.#tx, levelKey(num), at);
    }
  }

  /** Keeps the turn at all levels until a moment: a job that may start now but nobody claims must not hold up the others. */
  keepUntil(parts: readonly Part[], turn: Turn, until: number): void {
    this.drop(turn);
    for (const [level] of parts) {
      this.#turn(level, turn, until);
      armGate(this.#tx, levelKey(level), until);
    }
  }

  #turn(level: number, { rank, kind, num }: Turn, until: number | null): void {
    this.#tx.sql('INSERT OR REPLACE INTO resource_turn (level, rank, kind, num, until) VALUES (?, ?, ?, ?, ?)').run(level, rank, kind, num, until);
    this.#tx.changed('resource_turn', true);
  }

  /** Whether it had a turn anywhere. */
  drop({ kind, num }: Pick<Turn, 'kind' | 'num'>): boolean {
    if (!this.#tx.holdsRows('resource_turn')) return false;
    const { changes } = this.#tx.sql('DELETE FROM resource_turn WHERE kind = ? AND num = ?').run(kind, num);
    if (changes > 0) this.#tx.changed('resource_turn', undefined);
    return changes > 0;
  }

  /** `rows` as `takeable` gave them in this very operation. */
  take(parts: readonly Part[], arrivedAt: number, rows: readonly LevelSql[] = parts.map(([num]) => this.row(num) as LevelSql)): void {
    const { now, uses } = this.#tx;
    for (const [at, [num, amount]] of parts.entries()) {
      const row = rows[at] as LevelSql;
      const used = usedAt(toLevel(row), now) + amount;
      if (row.refill_ms === null) uses.held(num, row.used, row.at, now);
      uses.granted(num, amount, used, now - arrivedAt, now);
      const recorded = row.refill_ms === null ? 0 : 1;
      this.#set(row, used, recorded);
      if (recorded === 1) this.#record(row, arrivedAt, now, amount);
    }
  }

  /** Gives back what was held; of a quota nothing: time does. */
  giveBack(parts: readonly Part[], arrivedAt: number, grantedAt: number): void {
    const { now, uses } = this.#tx;
    for (const [num, amount] of parts) {
      const row = this.row(num);
      if (row === undefined || row.refill_ms !== null) continue;
      uses.held(num, row.used, row.at, now);
      this.#set(row, Math.max(0, row.used - amount), 1);
      this.#record(row, arrivedAt, grantedAt, amount);
    }
  }

  #set(row: LevelSql, used: number, recorded: 0 | 1): void {
    this.#tx.sql('UPDATE resource_level SET used = ?, at = ?, seq = ? WHERE num = ?').run(used, this.#tx.now, row.seq + recorded, row.num);
  }

  #record(row: LevelSql, arrivedAt: number, grantedAt: number, amount: number): void {
    this.#tx
      .sql('INSERT OR REPLACE INTO resource_hold (level, slot, arrived_at, granted_at, ended_at, amount) VALUES (?, ?, ?, ?, ?, ?)')
      .run(row.num, (row.seq + 1) % KEPT_HOLDS, arrivedAt, grantedAt, this.#tx.now, amount);
  }
}
