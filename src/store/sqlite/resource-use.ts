// Owns what is known of the use of levels: summed up in memory during a transaction, written once per minute and hour at its end.

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Minutes and hours that are kept. */
export const KEPT_MINUTES = 120;
export const KEPT_HOURS = 720;

interface Sink {
  sql(text: string): { run(...values: (string | number)[]): unknown };
}

interface Sums {
  grants: number;
  amount: number;
  waited: number;
  waitMs: number;
  waitMax: number;
  area: number;
  peak: number;
}

const SLOTS = [
  { hourly: 0, lengthMs: MINUTE_MS, kept: KEPT_MINUTES },
  { hourly: 1, lengthMs: HOUR_MS, kept: KEPT_HOURS },
] as const;

export class ResourceUse {
  readonly #sums = new Map<string, { readonly level: number; readonly hourly: number; readonly slot: number; readonly sums: Sums }>();

  /** So much was held from `from` to `to`; a longer time than is kept counts in the part that is. */
  held(level: number, used: number, from: number, to: number): void {
    if (used <= 0 || to <= from) return;
    for (const { hourly, lengthMs, kept } of SLOTS) {
      for (let slot = Math.max(Math.floor(from / lengthMs), Math.floor(to / lengthMs) - kept); slot * lengthMs < to; slot++) {
        const sums = this.#of(level, hourly, slot);
        sums.area += used * (Math.min(to, (slot + 1) * lengthMs) - Math.max(from, slot * lengthMs));
        sums.peak = Math.max(sums.peak, used);
      }
    }
  }

  granted(level: number, amount: number, used: number, waitMs: number, now: number): void {
    for (const { hourly, lengthMs } of SLOTS) {
      const sums = this.#of(level, hourly, Math.floor(now / lengthMs));
      sums.grants++;
      sums.amount += amount;
      sums.peak = Math.max(sums.peak, used);
      if (waitMs <= 0) continue;
      sums.waited++;
      sums.waitMs += waitMs;
      sums.waitMax = Math.max(sums.waitMax, waitMs);
    }
  }

  #of(level: number, hourly: number, slot: number): Sums {
    const key = `${level}/${hourly}/${slot}`;
    let entry = this.#sums.get(key);
    if (entry === undefined) {
      entry = { level, hourly, slot, sums: { grants: 0, amount: 0, waited: 0, waitMs: 0, waitMax: 0, area: 0, peak: 0 } };
      this.#sums.set(key, entry);
    }
    return entry.sums;
  }

  flush(tx: Sink): void {
    if (this.#sums.size === 0) return;
    for (const { level, hourly, slot, sums } of this.#sums.values()) {
      tx.sql(
        `INSERT INTO resource_use (level, hourly, slot, grants, amount, waited, wait_ms, wait_max, area, peak) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET grants = grants + excluded.grants, amount = amount + excluded.amount, waited = waited + excluded.waited, wait_ms = wait_ms + excluded.wait_ms,
         wait_max = max(wait_max, excluded.wait_max), area = area + excluded.area, peak = max(peak, excluded.peak)`,
      ).run(level, hourly, slot, sums.grants, sums.amount, sums.waited, sums.waitMs, sums.waitMax, sums.area, sums.peak);
    }
    this.#sums.clear();
  }

  clear(): void {
    this.#sums.clear();
  }
}
