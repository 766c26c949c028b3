// Owns pool rows: their levels, what a request for them amounts to, and what a change of a pool means for those who wait.
import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { nearMatches } from '../../domain/near-match.ts';
import { ceilingOf, roomAt, usedAt } from '../../domain/refill.ts';
import { amountsOf, type PoolSpec, type PoolType, type RequestedAmount, type ResourcePool, type ResourceRequest, SCALAR } from '../../domain/resource.ts';
import { fromBase, isSameFamily, toBase } from '../../domain/resource-unit.ts';
import { armGate } from './rates.ts';
import type { ResourceGate } from './resource-gate.ts';
import { type LevelSql, levelKey, type Part, toLevel } from './resource-levels.ts';
import type { Tx } from './tx.ts';

export interface PoolSql {
  readonly num: number;
  readonly ns: number;
  readonly name: string;
  readonly type: string;
  readonly description: string | null;
  readonly refill_ms: number | null;
  readonly set_by: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly deleted_at: number | null;
}

const SET_BY = ['config', 'call'] as const;

export type Resolved = { readonly parts: readonly Part[] } | { readonly error: ErrorData };

interface LevelName {
  readonly key: string;
  readonly unit: string;
  readonly name: string;
}

interface Memory {
  readonly version: number;
  readonly pools: Map<string, { readonly levels: readonly LevelSql[] }>;
  readonly names: Map<number, LevelName>;
}

export class ResourcePools {
  readonly #tx: Tx;
  readonly #gate: ResourceGate;
  /** Set by the jobs: those that waited for a pool that was not there look again. */
  onDefined: () => void = () => undefined;

  constructor(tx: Tx, gate: ResourceGate) {
    this.#tx = tx;
    this.#gate = gate;
  }

  /** What is known of pools inside a write; looked up for each allocation it took half of the time (measured). */
  #memory: Memory = { version: -1, pools: new Map(), names: new Map() };

  #known(): Memory {
    const version = this.#tx.db.inTransaction ? this.#tx.lanesVersion : -1;
    if (version < 0 || this.#memory.version !== version) this.#memory = { version, pools: new Map(), names: new Map() };
    return this.#memory;
  }

  #forget(): void {
    this.#memory = { version: -1, pools: new Map(), names: new Map() };
  }

  /** A pool that exists, with its levels; what of them is used may be old. */
  #found(ns: number, name: string): { readonly levels: readonly LevelSql[] } | undefined {
    const { pools } = this.#known();
    const known = pools.get(`${ns}/${name}`);
    if (known !== undefined) return known;
    const pool = this.find(ns, name);
    if (pool === undefined) return undefined;
    const found = { levels: this.levels(pool.num) };
    pools.set(`${ns}/${name}`, found);
    return found;
  }

  #named(level: number): LevelName | undefined {
    const { names } = this.#known();
    const known = names.get(level);
    if (known !== undefined) return known;
    const row = this.#tx.sql('SELECT l.key, l.unit, p.name FROM resource_level l JOIN resource_pool p ON p.num = l.pool WHERE l.num = ?').get(level) as
      | LevelName
      | undefined;
    if (row !== undefined) names.set(level, row);
    return row;
  }

  /** A pool that exists. */
  find(ns: number, name: string): PoolSql | undefined {
    return this.#tx.sql('SELECT * FROM resource_pool WHERE ns = ? AND name = ? AND deleted_at IS NULL').get(ns, name) as PoolSql | undefined;
  }

  levels(pool: number): LevelSql[] {
    return this.#tx.sql("SELECT * FROM resource_level WHERE pool = ? AND key NOT LIKE '%#%' ORDER BY key").all(pool) as LevelSql[];
  }

  all(ns: number): PoolSql[] {
    return this.#tx.sql('SELECT * FROM resource_pool WHERE ns = ? AND deleted_at IS NULL ORDER BY name').all(ns) as PoolSql[];
  }

  define(ns: number, spec: PoolSpec, from: (typeof SET_BY)[number]): { readonly created: boolean } | { readonly error: ErrorData } {
    const tx = this.#tx;
    this.#forget();
    const before = tx.sql('SELECT * FROM resource_pool WHERE ns = ? AND name = ?').get(ns, spec.name) as PoolSql | undefined;
    const known = before === undefined ? [] : this.levels(before.num);
    const isLive = before !== undefined && before.deleted_at === null;
    const fault = isLive ? changeFault(known, before, spec) : null;
    if (fault !== null) return { error: fault };
    const num =
      before?.num ??
      (
        tx
          .sql('INSERT INTO resource_pool (ns, name, type, set_by, created_at, updated_at) VALUES (?, ?, ?, 0, ?, ?) RETURNING num')
          .get(ns, spec.name, spec.type, tx.now, tx.now) as {
          num: number;
        }
      ).num;
    tx.sql('UPDATE resource_pool SET type = ?, description = ?, refill_ms = ?, set_by = ?, updated_at = ?, deleted_at = NULL WHERE num = ?').run(
      spec.type,
      spec.description,
      spec.refillMs,
      SET_BY.indexOf(from),
      tx.now,
      num,
    );
    for (const level of known) this.#close(level, spec, isLive);
    for (const key of spec.keys) {
      tx.sql(
        `INSERT INTO resource_level (pool, key, unit, capacity, low, high, burst, refill_ms, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (pool, key) DO UPDATE SET unit = excluded.unit, capacity = excluded.capacity, low = excluded.low, high = excluded.high, burst = excluded.burst, refill_ms = excluded.refill_ms`,
      ).run(num, key.key, key.unit, key.capacity, key.min, key.max, key.burst, spec.refillMs, tx.now);
    }
    this.#forget();
    this.#lookAgain(num);
    return { created: !isLive };
  }

  /** Levels that the new form does not have any more hold nothing; one of another family gets a name that nobody can ask for. */
  #close(level: LevelSql, spec: PoolSpec, isLive: boolean): void {
    const tx = this.#tx;
    const next = spec.keys.find((key) => key.key === level.key);
    if (level.refill_ms !== null && next !== undefined) {
      // What was taken so far, at the old pace.
      tx.sql('UPDATE resource_level SET used = ?, at = ? WHERE num = ?').run(usedAt(toLevel(level), tx.now), tx.now, level.num);
    }
    if (next !== undefined && isSameFamily(next.unit, level.unit)) return;
    if (!isLive) tx.sql("UPDATE resource_level SET capacity = 0, burst = 0, key = key || '#' || num WHERE num = ?").run(level.num);
    else tx.sql('UPDATE resource_level SET capacity = 0, burst = 0 WHERE num = ?').run(level.num);
  }

  #lookAgain(pool: number): void {
    const tx = this.#tx;
    for (const { num } of this.levels(pool)) {
      // A turn that was taken for more than there is now must hold up nobody; who can still be served takes it again.
      if (tx.holdsRows('resource_turn') && tx.sql('DELETE FROM resource_turn WHERE level = ?').run(num).changes > 0) tx.changed('resource_turn', undefined);
      if (tx.holdsRows('resource_set')) armGate(tx, levelKey(num), tx.now);
    }
    this.#gate.admit(this.levels(pool).map((level) => level.num));
    this.onDefined();
  }

  /** Deletes it if nobody holds or waits for any of it. */
  remove(ns: number, name: string): { readonly kind: 'deleted' } | { readonly kind: 'not_found' } | { readonly kind: 'conflict'; readonly error: ErrorData } {
    const tx = this.#tx;
    const pool = this.find(ns, name);
    if (pool === undefined) return { kind: 'not_found' };
    const levels = this.levels(pool.num);
    const used = levels.find((level) => level.refill_ms === null && level.used > 0);
    const waits = levels.some((level) => this.waiting(level.num) > 0);
    if (used !== undefined || waits) {
      const error = new LogisticsError('conflict', `The pool ${name} is in use: ${used !== undefined ? 'parts of it are held' : 'work waits for it'}.`, {
        path: 'id',
        nextActions: [`Use get id=pool:${name} to see who holds it or waits; release or cancel that first.`],
      });
      return { kind: 'conflict', error: error.toData() };
    }
    this.#forget();
    tx.sql('UPDATE resource_pool SET deleted_at = ? WHERE num = ?').run(tx.now, pool.num);
    for (const level of levels) tx.sql('UPDATE resource_level SET capacity = 0, burst = 0 WHERE num = ?').run(level.num);
    return { kind: 'deleted' };
  }

  /** How many wait for a level: allocations and jobs, up to 1,000 each. */
  waiting(level: number): number {
    const tx = this.#tx;
    let sum = 0;
    for (const { gate } of tx.sql('SELECT gate FROM resource_set WHERE level = ?').all(level) as { gate: string }[]) {
      sum += (tx.sql('SELECT count(*) AS n FROM (SELECT 1 FROM allocation WHERE status = 0 AND gate = ? LIMIT 1000)').get(gate) as { n: number }).n;
      sum += (tx.sql('SELECT count(*) AS n FROM (SELECT 1 FROM job WHERE gate = ? LIMIT 1000)').get(gate) as { n: number }).n;
    }
    return sum;
  }

  /** Base units of each level, or why it can never be met. Levels in their order, so that all take them in the same one. */
  resolve(ns: number, request: ResourceRequest, path: string): Resolved {
    const parts: Part[] = [];
    for (const asked of amountsOf(request)) {
      const at = `${path}.${asked.pool}${asked.key === SCALAR ? '' : `.${asked.key}`}`;
      const pool = this.#found(ns, asked.pool);
      if (pool === undefined) return { error: this.#unknownPool(ns, asked.pool, at) };
      const { levels } = pool;
      const level = levels.find((one) => one.key === asked.key);
      if (level === undefined) return { error: unknownKey(asked, levels, at) };
      const converted = toBase(asked.amount, level.unit);
      if ('fault' in converted) return { error: invalid(at, converted.fault, converted.expected, converted.near) };
      const fault = boundFault(level, converted.base);
      if (fault !== null) return { error: invalid(at, `${asked.amount} is not what one request for ${asked.pool} may have.`, fault) };
      parts.push([level.num, converted.base]);
    }
    return { parts: parts.sort((a, b) => a[0] - b[0]) };
  }

  #unknownPool(ns: number, name: string, path: string): ErrorData {
    const names = this.all(ns).map((pool) => pool.name);
    return new LogisticsError('not_found', `There is no pool ${name}.`, {
      path,
      expected: names.length === 0 ? 'a pool that was defined' : `one of ${names.slice(0, 20).join(', ')}`,
      nearMatches: nearMatches(name, names),
      nextActions: ['Define it with define_pool, or as pools in the configuration.', 'list kind=resources shows the pools.'],
    }).toData();
  }

  /** As it was asked for, in the units of the pools. */
  shown(parts: readonly Part[]): JsonObject {
    const shown: Record<string, JsonObject | number> = {};
    for (const [num, amount] of parts) {
      const row = this.#named(num);
      if (row === undefined) continue;
      const value = fromBase(amount, row.unit);
      if (row.key === SCALAR) shown[row.name] = value;
      else shown[row.name] = { ...(shown[row.name] as JsonObject | undefined), [row.key.split('#')[0] as string]: value };
    }
    return shown;
  }

  read(pool: PoolSql, now: number): ResourcePool {
    const levels = this.levels(pool.num).filter((level) => level.capacity > 0);
    return {
      namespace: this.#tx.namespaceName(pool.ns),
      name: pool.name,
      type: pool.type as PoolType,
      description: pool.description,
      refillMs: pool.refill_ms,
      from: SET_BY[pool.set_by] as (typeof SET_BY)[number],
      createdAt: pool.created_at,
      updatedAt: pool.updated_at,
      keys: levels.map((level) => ({
        key: level.key,
        unit: level.unit,
        capacity: level.capacity,
        min: level.low,
        max: level.high,
        burst: level.burst,
        used: usedAt(toLevel(level), now),
        fullAt: level.refill_ms === null ? null : roomAt(toLevel(level), level.burst, now),
      })),
      waiting: levels.length === 0 ? 0 : Math.max(...levels.map((level) => this.waiting(level.num))),
    };
  }
}

function boundFault(level: LevelSql, amount: number): string | null {
  const most = Math.min(level.high ?? Number.POSITIVE_INFINITY, ceilingOf(toLevel(level)));
  const shown = (base: number): string => `${fromBase(base, level.unit)} ${level.unit}`;
  if (amount > most) return `at most ${shown(most)}`;
  return level.low !== null && amount < level.low ? `at least ${shown(level.low)}` : null;
}

function changeFault(levels: readonly LevelSql[], pool: PoolSql, spec: PoolSpec): ErrorData | null {
  const refills = pool.refill_ms !== null;
  if (refills !== (spec.refillMs !== null))
    return conflict('refill', `The pool ${spec.name} ${refills ? 'refills' : 'is given back by its holders'}; that cannot change while it exists.`);
  const other = levels.find((level) => {
    const next = spec.keys.find((key) => key.key === level.key);
    return next !== undefined && level.capacity > 0 && !isSameFamily(next.unit, level.unit);
  });
  return other === undefined ? null : conflict('unit', `The pool ${spec.name} counts in ${other.unit}; another kind of unit would change what is held.`);
}

function conflict(path: string, message: string): ErrorData {
  return new LogisticsError('conflict', message, { path, nextActions: ['Delete the pool first (control action=delete), or choose another name.'] }).toData();
}

function unknownKey(asked: RequestedAmount, levels: readonly LevelSql[], path: string): ErrorData {
  const keys = levels.filter((level) => level.capacity > 0).map((level) => level.key);
  if (keys.includes(SCALAR)) return invalid(path, `The pool ${asked.pool} has no keys.`, 'one amount');
  if (asked.key === SCALAR) return invalid(path, `The pool ${asked.pool} has keys.`, `{${keys.map((key) => `${key}: amount`).join(', ')}}`);
  return invalid(path, `The pool ${asked.pool} has no key ${asked.key}.`, `one of ${keys.join(', ')}`, nearMatches(asked.key, keys));
}

function invalid(path: string, message: string, expected: string, near?: readonly string[]): ErrorData {
  return new LogisticsError('invalid_input', message, { path, expected, nearMatches: near }).toData();
}
