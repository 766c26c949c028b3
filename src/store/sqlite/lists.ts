// Owns pages: newest first by row number, which is the order of creation; a page looks at a bounded number of rows, so a rare
// filter gives a short page with a cursor, never a long wait.

import { LogisticsError } from '../../domain/errors.ts';
import type { Job } from '../../domain/job.ts';
import { namesOf } from '../../domain/project.ts';
import type { Schedule } from '../../domain/schedule.ts';
import type { Session } from '../../domain/session.ts';
import type { WorkerAgent } from '../../domain/worker-agent.ts';
import type { StoredDefinition } from '../../domain/workflow-definition.ts';
import type { ExecutionSummary } from '../backend.ts';
import type { ListFilter, Page } from '../port/common.ts';
import { executionCodes, jobCodes, scheduleCodes, sessionCodes, workerCodes } from './codes.ts';
import type { Tx } from './tx.ts';
import { numsOf } from './views.ts';

// 20,000 rows are scanned in about 15 ms; more would be felt by the workers of the same process.
const SCAN_ROWS = 20_000;

/** Conditions with an index of their own: their rows are few, so all of them are looked at. */
const INDEXED = /^(session|execution|parent) = |^status = [35]$|^num >= /;

const NOTHING = { from: 0, to: -1 };

interface Query {
  readonly table: 'execution' | 'job' | 'session' | 'definition' | 'worker' | 'schedule';
  readonly where: readonly string[];
  readonly values: readonly (string | number)[];
}

export interface ListReaders {
  readonly execution: (raw: unknown) => ExecutionSummary;
  readonly job: (raw: unknown) => Job;
  readonly session: (raw: unknown) => Session;
  readonly schedule: (raw: unknown) => Schedule;
  readonly definition: (raw: unknown) => StoredDefinition;
  readonly worker: (raw: unknown) => WorkerAgent;
}

export class Lists {
  readonly #tx: Tx;
  readonly #read: ListReaders;

  constructor(tx: Tx, read: ListReaders) {
    this.#tx = tx;
    this.#read = read;
  }

  executions(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<ExecutionSummary> {
    const q = this.#common(p.filter, 'execution');
    // A literal, so that the index of failed rows serves it.
    if (p.filter.status === 'failed') q.where.push('status = 5');
    else if (p.filter.status !== undefined) add(q, 'status = ?', executionCodes.find(p.filter.status) ?? -1);
    if (p.filter.workflow !== undefined) add(q, 'workflow = ?', p.filter.workflow);
    if (p.filter.project !== undefined) addRange(q, 'workflow', p.filter.project);
    if (p.filter.executionId !== undefined) add(q, 'parent = (SELECT num FROM execution WHERE id = ?)', p.filter.executionId);
    if (p.filter.text !== undefined) add(q, 'instr(lower(workflow), lower(?)) > 0', p.filter.text);
    return this.#page(q, p, this.#read.execution);
  }

  jobs(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<Job> {
    const q = this.#common(p.filter, 'job');
    if (p.filter.status === 'failed' || (p.filter.dead === true && p.filter.status === undefined)) q.where.push('status = 3');
    else if (p.filter.status !== undefined) add(q, 'status = ?', jobCodes.find(p.filter.status) ?? -1);
    if (p.filter.dead !== undefined) add(q, 'dead = ?', p.filter.dead ? 1 : 0);
    const nums = p.filter.batch === undefined ? undefined : (numsOf(this.#tx, p.filter.batch) ?? NOTHING);
    if (nums !== undefined) add(q, 'num >= ?', nums.from);
    if (p.filter.errorCode !== undefined) add(q, "error IS NOT NULL AND json_extract(error, '$.code') = ?", p.filter.errorCode);
    if (p.filter.project !== undefined) {
      const [from, to] = namesOf(p.filter.project);
      q.where.push(
        '(queue IN (SELECT num FROM queue WHERE name >= ? AND name < ?) OR execution IN (SELECT num FROM execution WHERE workflow >= ? AND workflow < ?))',
      );
      q.values.push(from, to, from, to);
    }
    if (p.filter.queue !== undefined) add(q, 'queue IN (SELECT num FROM queue WHERE name = ?)', p.filter.queue);
    if (p.filter.task !== undefined) add(q, 'task = (SELECT num FROM task WHERE name = ?)', p.filter.task);
    if (p.filter.executionId !== undefined) add(q, 'execution = (SELECT num FROM execution WHERE id = ?)', p.filter.executionId);
    if (p.filter.text !== undefined) add(q, "instr(lower(coalesce(name, '')), lower(?)) > 0", p.filter.text);
    return this.#page(q, p, this.#read.job, nums?.to);
  }

  sessions(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<Session> {
    const q = this.#common({ ...p.filter, sessionId: undefined }, 'session');
    if (p.filter.status !== undefined) add(q, 'status = ?', sessionCodes.find(p.filter.status) ?? -1);
    if (p.filter.text !== undefined) add(q, "instr(lower(coalesce(name, '')), lower(?)) > 0", p.filter.text);
    return this.#page(q, p, this.#read.session);
  }

  schedules(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<Schedule> {
    const q = this.#common(p.filter, 'schedule');
    q.where.push('deleted_at IS NULL');
    if (p.filter.project !== undefined) addRange(q, 'name', p.filter.project);
    if (p.filter.status !== undefined) add(q, 'status = ?', scheduleCodes.find(p.filter.status) ?? -1);
    if (p.filter.text !== undefined) add(q, 'instr(lower(name), lower(?)) > 0', p.filter.text);
    return this.#page(q, p, this.#read.schedule);
  }

  definitions(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<StoredDefinition> {
    const q = this.#common({ ...p.filter, sessionId: undefined }, 'definition');
    add(q, 'deleted = ?', 0);
    if (p.filter.project !== undefined) addRange(q, 'name', p.filter.project);
    if (p.filter.workflow !== undefined) add(q, 'name = ?', p.filter.workflow);
    else q.where.push('version = (SELECT max(d.version) FROM definition d WHERE d.ns = definition.ns AND d.name = definition.name AND d.deleted = 0)');
    if (p.filter.text !== undefined) add(q, 'instr(lower(name), lower(?)) > 0', p.filter.text);
    return this.#page(q, p, this.#read.definition);
  }

  workers(p: { readonly filter: ListFilter; readonly limit: number; readonly cursor: string | null }): Page<WorkerAgent> {
    const q = this.#common({ ...p.filter, sessionId: undefined, since: undefined, until: undefined }, 'worker');
    if (p.filter.since !== undefined) add(q, 'registered_at >= ?', p.filter.since);
    if (p.filter.until !== undefined) add(q, 'registered_at <= ?', p.filter.until);
    if (p.filter.status !== undefined) add(q, 'status = ?', workerCodes.find(p.filter.status) ?? -1);
    if (p.filter.text !== undefined) add(q, 'instr(lower(name), lower(?)) > 0', p.filter.text);
    return this.#page(q, p, this.#read.worker);
  }

  #common(filter: ListFilter, table: Query['table']): { table: Query['table']; where: string[]; values: (string | number)[] } {
    const q = { table, where: [] as string[], values: [] as (string | number)[] };
    if (filter.namespace !== undefined) add(q, 'ns = ?', this.#tx.findNamespace(filter.namespace) ?? -1);
    if (filter.sessionId !== undefined) add(q, 'session = ?', this.#tx.sessionNum(filter.sessionId) ?? -1);
    if (filter.since !== undefined) add(q, 'created_at >= ?', filter.since);
    if (filter.until !== undefined) add(q, 'created_at <= ?', filter.until);
    return q;
  }

  #page<T>(q: Query, p: { readonly limit: number; readonly cursor: string | null }, read: (raw: unknown) => T, newest = Number.MAX_SAFE_INTEGER - 1): Page<T> {
    const before = Math.min(p.cursor === null ? Number.MAX_SAFE_INTEGER : decodeCursor(p.cursor), newest + 1);
    // A session's rows come from its own index; all else walks the table from the newest row down.
    const bounded = q.where.some((part) => INDEXED.test(part)) ? 0 : this.#floor(q.table, before);
    const where = ['num < ?', 'num > ?', ...q.where].join(' AND ');
    const rows = this.#tx.sql(`SELECT * FROM ${q.table} WHERE ${where} ORDER BY num DESC LIMIT ?`).all(before, bounded, ...q.values, p.limit + 1) as {
      num: number;
    }[];
    const page = rows.slice(0, p.limit);
    const more = rows.length > p.limit;
    const next = more ? (page.at(-1) as { num: number }).num : bounded > 0 ? bounded + 1 : null;
    return { items: page.map(read), nextCursor: next === null ? null : encodeCursor(next) };
  }

  /** Lowest row this page looks at; 0 when it reaches the end. */
  #floor(table: Query['table'], before: number): number {
    const row = this.#tx.sql(`SELECT num FROM ${table} WHERE num < ? ORDER BY num DESC LIMIT 1 OFFSET ${SCAN_ROWS}`).get(before) as { num: number } | undefined;
    return row?.num ?? 0;
  }
}

function add(q: { where: string[]; values: (string | number)[] }, condition: string, value: string | number): void {
  q.where.push(condition);
  q.values.push(value);
}

function addRange(q: { where: string[]; values: (string | number)[] }, column: string, project: string): void {
  const [from, to] = namesOf(project);
  q.where.push(`${column} >= ? AND ${column} < ?`);
  q.values.push(from, to);
}

export function encodeCursor(num: number): string {
  return `c${num.toString(36)}`;
}

export function decodeCursor(cursor: string): number {
  const num = /^c[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN;
  if (!Number.isSafeInteger(num))
    throw new LogisticsError('invalid_input', `"${cursor.slice(0, 40)}" is not a cursor.`, { path: 'cursor', expected: 'next_cursor of an earlier reply' });
  return num;
}
