// Owns reading the log: entries in one order, each with a cursor that grows.
import type { EventType, LogisticsEvent } from '../../domain/event.ts';
import type { JsonObject } from '../../domain/json.ts';
import { eventCodes } from './codes.ts';
import type { ExecutionRows } from './execution-rows.ts';
import type { Plans } from './plans.ts';
import type { Tx } from './tx.ts';

interface EventSql {
  cursor: number;
  at: number;
  type: number;
  ns: number;
  execution: number | null;
  idx: number | null;
  item: number | null;
  job: number | null;
  session: number | null;
  data: string | null;
}

export interface EventQuery {
  readonly after: number;
  readonly until?: number | undefined;
  readonly limit: number;
  readonly namespace?: string | undefined;
  readonly executionId?: string | undefined;
  readonly jobId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly types?: readonly EventType[] | undefined;
  readonly newestFirst?: boolean | undefined;
}

function removedOf(ns: number): string {
  return `removed events of ${ns}`;
}

export class EventLog {
  readonly #tx: Tx;
  readonly #rows: ExecutionRows;
  readonly #plans: Plans;

  constructor(tx: Tx, rows: ExecutionRows, plans: Plans) {
    this.#tx = tx;
    this.#rows = rows;
    this.#plans = plans;
  }

  read(q: EventQuery): LogisticsEvent[] {
    const where = [q.newestFirst ? 'cursor < ?' : 'cursor > ?'];
    const values: (string | number)[] = [q.newestFirst && q.after === 0 ? Number.MAX_SAFE_INTEGER : q.after];
    if (q.until !== undefined) {
      where.push('cursor <= ?');
      values.push(q.until);
    }
    if (q.namespace !== undefined) {
      where.push('ns = ?');
      values.push(this.#tx.findNamespace(q.namespace) ?? -1);
    }
    if (q.executionId !== undefined) {
      where.push('execution = ?');
      values.push(this.#rows.numOf(q.executionId) ?? -1);
    }
    if (q.jobId !== undefined) {
      const job = this.#tx.sql('SELECT num, execution FROM job WHERE id = ?').get(q.jobId) as { num: number; execution: number | null } | undefined;
      where.push(job?.execution ? 'execution = ? AND job = ?' : 'execution IS NULL AND job = ?');
      if (job?.execution) values.push(job.execution);
      values.push(job?.num ?? -1);
    }
    if (q.sessionId !== undefined) {
      where.push('session = ?');
      values.push(this.#tx.sessionNum(q.sessionId) ?? -1);
    }
    if (q.types !== undefined) where.push(`type IN (${q.types.map((type) => eventCodes.of(type)).join(', ')})`);
    const sql = `SELECT * FROM event WHERE ${where.join(' AND ')} ORDER BY cursor ${q.newestFirst ? 'DESC' : 'ASC'} LIMIT ?`;
    return (this.#tx.sql(sql).all(...values, q.limit) as EventSql[]).map((row) => this.#event(row));
  }

  /** Cursor of the last entry at or before a time; 0 when there is none. Times grow with cursors, so this is a binary search. */
  cursorAt(at: number): number {
    let low = 0;
    let high = this.last();
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const row = this.#tx.sql('SELECT cursor, at FROM event WHERE cursor <= ? ORDER BY cursor DESC LIMIT 1').get(middle) as
        | { cursor: number; at: number }
        | undefined;
      if (row === undefined || row.at <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Of removed entries of a namespace the newest's cursor; 0 when none was. */
  keptAfter(namespace: string): number {
    const ns = this.#tx.findNamespace(namespace);
    if (ns === undefined) return 0;
    return (this.#tx.sql('SELECT num FROM last_num WHERE name = ?').get(removedOf(ns)) as { num: number } | undefined)?.num ?? 0;
  }

  /** Entries were removed: remembers up to where, for readers that come back. */
  removed(ns: number, cursor: number): void {
    this.#tx.sql('INSERT INTO last_num (name, num) VALUES (?, ?) ON CONFLICT DO UPDATE SET num = max(num, excluded.num)').run(removedOf(ns), cursor);
  }

  last(): number {
    return this.#tx.lastNum('event');
  }

  #event(row: EventSql): LogisticsEvent {
    const tx = this.#tx;
    const hash =
      row.execution === null ? undefined : (tx.sql('SELECT hash FROM execution WHERE num = ?').get(row.execution) as { hash: string } | undefined)?.hash;
    const stepId = row.idx === null || hash === undefined ? undefined : this.#plans.find(hash)?.nodes[row.idx]?.id;
    const jobId = row.job === null ? undefined : (tx.sql('SELECT id FROM job WHERE num = ?').get(row.job) as { id: string } | undefined)?.id;
    return {
      cursor: row.cursor,
      at: row.at,
      type: eventCodes.name(row.type),
      namespace: tx.namespaceName(row.ns),
      ...(row.execution === null ? {} : { executionId: this.#rows.idOf(row.execution) }),
      ...(stepId === undefined ? {} : { stepId }),
      ...(row.item === null ? {} : { itemIndex: row.item }),
      ...(jobId === undefined ? {} : { jobId }),
      ...(row.session === null ? {} : { sessionId: tx.sessionId(row.session) }),
      data: row.data === null ? {} : (JSON.parse(row.data) as JsonObject),
    };
  }
}
