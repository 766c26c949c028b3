// Owns reading results: step outputs parsed once, forEach outputs assembled in input order from the runs of their items.
import type { Json } from '../../domain/json.ts';
import type { StepRow, StoredValue } from '../../domain/workflow-execution.ts';
import type { Tx } from './tx.ts';
import { fromColumns, readStored } from './values.ts';

const KEPT = 64;

export class Outputs {
  readonly #tx: Tx;
  /** Outputs of completed steps never change, so a parsed one stays right for ever. */
  readonly #kept = new Map<string, Json>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** Parsed value of a step's output. Small values are parsed anew: that is cheaper than keeping them. */
  ofStep(execution: number, index: number, stored: StoredValue): Json {
    if (stored.kind === 'inline' && stored.json.length < 2_048) return JSON.parse(stored.json) as Json;
    return this.#cached(`o${execution}/${index}`, () => (stored.kind === 'items' ? this.#assemble(execution, index) : readStored(this.#tx, stored)));
  }

  /** One item of a forEach. */
  item(execution: number, index: number, item: number): Json {
    const items = this.#cached(`i${execution}/${index}`, () => {
      const row = this.#tx.sql('SELECT json FROM step_items WHERE execution = ? AND idx = ?').get(execution, index) as { json: string } | undefined;
      return row === undefined ? [] : (JSON.parse(row.json) as Json);
    }) as readonly Json[];
    return items[item] ?? null;
  }

  forget(): void {
    this.#kept.clear();
  }

  #cached(key: string, read: () => Json): Json {
    let value = this.#kept.get(key);
    if (value === undefined) {
      value = read();
      if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    } else {
      this.#kept.delete(key);
    }
    this.#kept.set(key, value);
    return value;
  }

  #assemble(execution: number, index: number): Json {
    const tx = this.#tx;
    const items = tx.sql('SELECT json_array_length(json) AS n FROM step_items WHERE execution = ? AND idx = ?').get(execution, index) as
      | { n: number }
      | undefined;
    const result: Json[] = new Array<Json>(items?.n ?? 0).fill(null);
    type Row = { item: number; kind: number; text: string | null; bytes: number | null };
    const jobs = tx
      .sql(
        'SELECT item, result_kind AS kind, result AS text, result_bytes AS bytes FROM job WHERE execution = ? AND idx = ? AND item IS NOT NULL AND status = 2 ORDER BY num',
      )
      .iterate(execution, index) as IterableIterator<Row>;
    const large: Row[] = [];
    for (const row of jobs) {
      if (row.kind === 2) large.push(row);
      else result[row.item] = row.kind === 1 ? (JSON.parse(row.text as string) as Json) : null;
    }
    const children = tx
      .sql(
        'SELECT parent_item AS item, output_kind AS kind, output AS text, output_bytes AS bytes FROM execution WHERE parent = ? AND parent_step = ? AND parent_item IS NOT NULL AND status = 4 ORDER BY num',
      )
      .all(execution, index) as Row[];
    for (const row of [...large, ...children]) {
      const stored = fromColumns(row.kind, row.text, row.bytes);
      result[row.item] = stored === null ? null : readStored(tx, stored);
    }
    return result;
  }
}

/** The value of a completed step, or null. */
export function outputOf(outputs: Outputs, execution: number, row: StepRow | undefined): Json {
  return row === undefined || row.output === null || row.status !== 'completed' ? null : outputs.ofStep(execution, row.index, row.output);
}
