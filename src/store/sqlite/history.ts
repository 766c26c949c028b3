// Owns the history of run times: summed up in memory during a transaction and journalled in its commit, one row a namespace; the journal is folded
// into one row per step, later.
import { addAttempt, type Cells, type DurationHistory, type DurationSums, foldIn, NO_HISTORY } from '../../domain/duration-history.ts';

/** Where it is written: the transaction. */
interface Sink {
  readonly now: number;
  sql(text: string): {
    run(...values: (string | number)[]): unknown;
    get(...values: (string | number)[]): unknown;
    all(...values: (string | number)[]): unknown[];
  };
}

/** Entry of the journal: workflow -> steps. The workflow '' holds task types, the step '' whole runs. */
type Journalled = readonly (readonly [workflow: string, steps: readonly JournalledSums[]])[];
type JournalledSums = readonly [step: string, ended: number, recovered: number, eachRuns: number, items: number, cells: Cells];

interface Sums {
  ended: number;
  recovered: number;
  eachRuns: number;
  items: number;
  cells: number[];
}

interface JournalSql {
  readonly seq: number;
  readonly ns: number;
  readonly at: number;
  readonly json: string;
}

/**
 * An upsert for each step would cost 3.2 µs of a step's 45 (a graph of 10,000 steps has as many rows, measured), one row of journal for all steps of a
 * commit 0.3. Past so many rows of its own a process folds, at most so many steps in one commit (8 µs each).
 */
const JOURNAL_ROWS = 256;
const FOLDED_AT_ONCE = 1_000;
/** What was not run for this long is forgotten. */
const KEPT_MS = 180 * 86_400_000;
const CHUNK = 500;

/** Steps of a workflow, or with workflow '' task types of the namespace. */
export const TASK_TYPES = '';
export const WHOLE_RUN = '';

export interface Ended {
  readonly completed: boolean;
  readonly ms: number;
  /** It will not be tried again. */
  readonly final: boolean;
  /** It failed before. */
  readonly retried: boolean;
}

export class HistoryJournal {
  readonly #sums = new Map<number, Map<string, Map<string, Sums>>>();
  #rows = 0;

  attempt(ns: number, workflow: string, step: string, ended: Ended): void {
    const sums = this.#of(ns, workflow, step);
    addAttempt(sums.cells, ended.completed, ended.ms);
    if (!ended.final) return;
    sums.ended++;
    if (ended.completed && ended.retried) sums.recovered++;
  }

  each(ns: number, workflow: string, step: string, items: number): void {
    const sums = this.#of(ns, workflow, step);
    sums.eachRuns++;
    sums.items += items;
  }

  #of(ns: number, workflow: string, step: string): Sums {
    let workflows = this.#sums.get(ns);
    if (workflows === undefined) {
      workflows = new Map();
      this.#sums.set(ns, workflows);
    }
    let steps = workflows.get(workflow);
    if (steps === undefined) {
      steps = new Map();
      workflows.set(workflow, steps);
    }
    let sums = steps.get(step);
    if (sums === undefined) {
      sums = { ended: 0, recovered: 0, eachRuns: 0, items: 0, cells: [] };
      steps.set(step, sums);
    }
    return sums;
  }

  flush(tx: Sink): void {
    if (this.#sums.size === 0) return;
    for (const [ns, workflows] of this.#sums) {
      const entry: Journalled = [...workflows].map(([workflow, steps]) => [
        workflow,
        [...steps].map(([step, s]): JournalledSums => [step, s.ended, s.recovered, s.eachRuns, s.items, s.cells]),
      ]);
      tx.sql('INSERT INTO history_journal (ns, at, json) VALUES (?, ?, ?)').run(ns, tx.now, JSON.stringify(entry));
      this.#rows++;
    }
    this.#sums.clear();
    if (this.#rows >= JOURNAL_ROWS) this.#rows = Math.max(0, this.#rows - foldJournal(tx).rows);
  }

  clear(): void {
    this.#sums.clear();
  }
}

/** Folds the oldest rows of the journal; `more` when some are left. */
export function foldJournal(tx: Sink): { readonly rows: number; readonly more: boolean } {
  const found = tx.sql('SELECT * FROM history_journal ORDER BY seq LIMIT ?').all(JOURNAL_ROWS + 1) as JournalSql[];
  const taken: JournalSql[] = [];
  const sums = new Map<string, { readonly ns: number; readonly workflow: string; readonly step: string; at: number; readonly seen: DurationSums[] }>();
  for (const row of found) {
    if (sums.size >= FOLDED_AT_ONCE || taken.length === JOURNAL_ROWS) break;
    taken.push(row);
    for (const [workflow, step, seen] of entriesOf(row)) {
      const key = JSON.stringify([row.ns, workflow, step]);
      const known = sums.get(key);
      if (known === undefined) sums.set(key, { ns: row.ns, workflow, step, at: row.at, seen: [seen] });
      else {
        known.seen.push(seen);
        known.at = row.at;
      }
    }
  }
  const last = taken.at(-1);
  if (last === undefined) return { rows: 0, more: false };
  for (const { ns, workflow, step, at, seen } of sums.values()) {
    const stored = tx.sql('SELECT json FROM history WHERE ns = ? AND workflow = ? AND step = ?').get(ns, workflow, step) as { json: string } | undefined;
    const history = seen.reduce(foldIn, stored === undefined ? NO_HISTORY : readHistory(stored.json));
    tx.sql(
      'INSERT INTO history (ns, workflow, step, at, json) VALUES (?, ?, ?, ?, ?) ON CONFLICT (ns, workflow, step) DO UPDATE SET at = excluded.at, json = excluded.json',
    ).run(ns, workflow, step, at, writeHistory(history));
  }
  tx.sql('DELETE FROM history_journal WHERE seq <= ?').run(last.seq);
  return { rows: taken.length, more: taken.length < found.length };
}

export function forgetHistory(tx: Sink): void {
  tx.sql('DELETE FROM history WHERE num IN (SELECT num FROM history WHERE at < ? ORDER BY at, num LIMIT ?)').run(tx.now - KEPT_MS, CHUNK);
}

/** By step id (or task type) what was seen so far, the journal included. */
export function readHistories(tx: Sink, ns: number, workflow: string): ReadonlyMap<string, DurationHistory> {
  const found = new Map<string, DurationHistory>();
  const rows = tx.sql('SELECT step, json FROM history WHERE ns = ? AND workflow = ?').all(ns, workflow) as { step: string; json: string }[];
  for (const row of rows) found.set(row.step, readHistory(row.json));
  for (const row of tx.sql('SELECT * FROM history_journal ORDER BY seq').all() as JournalSql[]) {
    if (row.ns !== ns) continue;
    for (const [of, step, seen] of entriesOf(row)) if (of === workflow) found.set(step, foldIn(found.get(step) ?? NO_HISTORY, seen));
  }
  return found;
}

/** Steps, whole runs and task types that were run last: those in the journal, and `limit` others. */
export function readRecent(tx: Sink, ns: number, limit: number): { readonly workflow: string; readonly step: string; readonly history: DurationHistory }[] {
  const found = new Map<string, { readonly workflow: string; readonly step: string; history: DurationHistory }>();
  const rows = tx.sql('SELECT workflow, step, json FROM history WHERE ns = ? ORDER BY at DESC LIMIT ?').all(ns, limit) as {
    workflow: string;
    step: string;
    json: string;
  }[];
  for (const { workflow, step, json } of rows) found.set(JSON.stringify([workflow, step]), { workflow, step, history: readHistory(json) });
  for (const row of tx.sql('SELECT * FROM history_journal ORDER BY seq').all() as JournalSql[]) {
    if (row.ns !== ns) continue;
    for (const [workflow, step, seen] of entriesOf(row)) {
      const key = JSON.stringify([workflow, step]);
      const known = found.get(key);
      if (known !== undefined) known.history = foldIn(known.history, seen);
      else found.set(key, { workflow, step, history: foldIn(NO_HISTORY, seen) });
    }
  }
  return [...found.values()];
}

function entriesOf(row: JournalSql): (readonly [workflow: string, step: string, seen: DurationSums])[] {
  return (JSON.parse(row.json) as Journalled).flatMap(([workflow, steps]) =>
    steps.map(([step, ended, recovered, eachRuns, items, cells]) => [workflow, step, { ended, recovered, eachRuns, items, cells }] as const),
  );
}

type StoredSums = readonly [ended: number, recovered: number, eachRuns: number, items: number, cells: Cells];

function writeHistory({ newest, earlier }: DurationHistory): string {
  const sums = (s: DurationSums): StoredSums => [s.ended, s.recovered, s.eachRuns, s.items, s.cells];
  return JSON.stringify([sums(newest), sums(earlier)]);
}

function readHistory(json: string): DurationHistory {
  const [newest, earlier] = (JSON.parse(json) as [StoredSums, StoredSums]).map(([ended, recovered, eachRuns, items, cells]) => ({
    ended,
    recovered,
    eachRuns,
    items,
    cells,
  })) as [DurationSums, DurationSums];
  return { newest, earlier };
}
