// Owns session rows: limits, context with its version, owned work, and the bounded history of calls.

import { type ErrorData, LogisticsError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { type ClosePolicy, MAX_SESSION_CALLS, type Session, type SessionCall } from '../../domain/session.ts';
import type { Decide } from '../../domain/transition.ts';
import type { Allocations } from './allocations.ts';
import { sessionCodes, sessionModes } from './codes.ts';
import type { Executions } from './executions.ts';
import { gateKeys } from './gates.ts';
import { isPast, type JobRows, type JobSql } from './job-rows.ts';
import type { Jobs } from './jobs.ts';
import type { ScheduleChanges } from './schedule-changes.ts';
import type { Tx } from './tx.ts';

interface SessionSql {
  num: number;
  id: string;
  ns: number;
  name: string | null;
  status: number;
  implicit: number;
  principal: string;
  mode: number;
  context_version: number;
  max_tasks: number | null;
  max_workflows: number | null;
  timeout_ms: number | null;
  expires_at: number | null;
  created_at: number;
  closed_at: number | null;
  /** Since when its close has to cancel more of its work, or null. */
  cancels_at: number | null;
  metadata: string;
  context: string;
}

const CHUNK = 500;
// The term of the index session_connection.
const OF_CONNECTION = "json_extract(metadata, '$.epoch')";
const NONE_CANCELLED = { cancelled: 0, more: false } as const;

export class Sessions {
  readonly #tx: Tx;
  readonly #executions: Executions;
  readonly #jobs: Jobs;
  readonly #rows: JobRows;
  readonly #schedules: ScheduleChanges;
  readonly #allocations: Allocations;

  constructor(tx: Tx, executions: Executions, jobs: Jobs, rows: JobRows, schedules: ScheduleChanges, allocations: Allocations) {
    this.#tx = tx;
    this.#allocations = allocations;
    this.#schedules = schedules;
    this.#rows = rows;
    this.#executions = executions;
    this.#jobs = jobs;
  }

  insert(session: Session): number {
    const tx = this.#tx;
    const ns = tx.namespace(session.namespace);
    const num = tx.nextNum('session');
    tx.sql(
      `INSERT INTO session (num, id, ns, name, status, implicit, principal, mode, context_version, max_tasks, max_workflows, timeout_ms, expires_at, created_at, closed_at, metadata, context)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      num,
      session.id,
      ns,
      session.name,
      sessionCodes.of(session.status),
      session.implicit ? 1 : 0,
      session.principal,
      sessionModes.of(session.mode),
      session.contextVersion,
      session.maxParallelTasks,
      session.maxParallelWorkflows,
      session.timeoutMs,
      session.expiresAt,
      session.createdAt,
      session.closedAt,
      JSON.stringify(session.metadata),
      JSON.stringify(session.context),
    );
    tx.log({ ns, session: num }, { type: 'session_created', data: session.name === null ? undefined : { name: session.name } });
    if (session.expiresAt !== null) tx.notice.timersChanged = true;
    return num;
  }

  get(id: string): Session | null {
    const sql = this.#sql(id);
    return sql === undefined ? null : this.read(sql);
  }

  #sql(id: string): SessionSql | undefined {
    return this.#tx.sql('SELECT * FROM session WHERE id = ?').get(id) as SessionSql | undefined;
  }

  /** Stores the fields of a session that may change: context, metadata, limits, name, expiry, status. */
  update(id: string, change: (session: Session) => Session): Session | null {
    const sql = this.#sql(id);
    if (sql === undefined) return null;
    const next = change(this.read(sql));
    const more = isMore(sql.max_tasks, next.maxParallelTasks);
    const moreWorkflows = isMore(sql.max_workflows, next.maxParallelWorkflows);
    this.#tx
      .sql(
        'UPDATE session SET name = ?, status = ?, context_version = ?, max_tasks = ?, max_workflows = ?, timeout_ms = ?, expires_at = ?, closed_at = ?, metadata = ?, context = ? WHERE num = ?',
      )
      .run(
        next.name,
        sessionCodes.of(next.status),
        next.contextVersion,
        next.maxParallelTasks,
        next.maxParallelWorkflows,
        next.timeoutMs,
        next.expiresAt,
        next.closedAt,
        JSON.stringify(next.metadata),
        JSON.stringify(next.context),
        sql.num,
      );
    if (next.expiresAt !== null && next.expiresAt !== sql.expires_at) this.#tx.notice.timersChanged = true;
    if (more) for (let left = CHUNK; left > 0 && this.#rows.admitNextAt(gateKeys.sessionTasks(sql.num)); ) left--;
    if (moreWorkflows) for (let left = CHUNK; left > 0 && this.#executions.admitNextAt(gateKeys.sessionWorkflows(sql.num)); ) left--;
    return next;
  }

  /** Ends a session; with policy cancel its open work is cancelled, a chunk at a time: while there may be `more` it is due, so that whoever fires due times goes on. */
  close(
    id: string,
    status: 'completed' | 'cancelled' | 'failed' | 'expired',
    policy: ClosePolicy,
    decide: Decide,
  ): { session: Session | null; closed: boolean; cancelled: number; more: boolean } {
    const tx = this.#tx;
    const sql = this.#sql(id);
    if (sql === undefined) return { session: null, closed: false, cancelled: 0, more: false };
    const first = sql.closed_at === null;
    if (first) {
      this.update(id, (session) => ({ ...session, status, closedAt: tx.now }));
      tx.log({ ns: sql.ns, session: sql.num }, { type: status === 'expired' ? 'session_expired' : 'session_closed', data: { policy } });
      tx.notice.ended.push(id);
      this.#allocations.endAllOf({ session: sql.num }, 'Its session was closed.');
    }
    const { cancelled, more } = policy === 'cancel' ? this.#cancelOwned(sql, decide) : NONE_CANCELLED;
    return { session: this.get(id), closed: first, cancelled, more };
  }

  /** What is left of a close with policy cancel, when it is due. */
  goOnCancelling(id: string, decide: Decide): void {
    const sql = this.#sql(id);
    if (sql !== undefined && isPast(sql.cancels_at, this.#tx.now)) this.#cancelOwned(sql, decide);
  }

  #cancelOwned({ num: session, cancels_at }: SessionSql, decide: Decide): { readonly cancelled: number; readonly more: boolean } {
    const tx = this.#tx;
    // First of all, so that nothing starts anew behind what is cancelled.
    const schedules = this.#schedules.deleteOf(session, decide);
    this.#executions.rows.flush();
    const executions = tx
      .sql('SELECT num FROM execution WHERE session = ? AND ended_at IS NULL AND parent IS NULL AND stopping IS NULL ORDER BY num LIMIT ?')
      .all(session, CHUNK) as { num: number }[];
    for (const { num } of executions) {
      const record = this.#executions.rows.load(num);
      if (record !== undefined)
        this.#executions.update(record, [{ type: 'cancel', reason: 'Its session was closed.', code: 'session_closed', by: 'session' }], decide);
    }
    const jobs = tx
      .sql('SELECT * FROM job WHERE session = ? AND execution IS NULL AND status IN (0, 1, 5) AND cancel_requested = 0 ORDER BY num LIMIT ?')
      .all(session, CHUNK) as JobSql[];
    for (const job of jobs) this.#jobs.cancel({ jobId: job.id, reason: 'Its session was closed.', decide });
    const more = Math.max(executions.length, jobs.length, schedules) === CHUNK;
    if (more || cancels_at !== null) tx.sql('UPDATE session SET cancels_at = ? WHERE num = ?').run(more ? tx.now : null, session);
    if (more) tx.notice.timersChanged = true;
    return { cancelled: executions.length + jobs.length + schedules, more };
  }

  /** Closes a session if it is past its expiry. */
  expire(id: string, decide: Decide): void {
    const due = this.#tx.sql('SELECT 1 FROM session WHERE id = ? AND expires_at <= ? AND closed_at IS NULL').get(id, this.#tx.now);
    if (due !== undefined) this.close(id, 'expired', 'detach', decide);
  }

  /** A connection ends with its process; what it started goes on. How many ended, at most a chunk. */
  closeOf(epoch: number, status: 'completed' | 'failed', decide: Decide): number {
    const lost = this.#tx.sql(`SELECT id FROM session WHERE ${OF_CONNECTION} = ? AND implicit = 1 AND closed_at IS NULL LIMIT ?`).all(epoch, CHUNK) as {
      id: string;
    }[];
    for (const { id } of lost) this.close(id, status, 'detach', decide);
    return lost.length;
  }

  recordCall(id: string, call: Omit<SessionCall, 'seq'>): void {
    const tx = this.#tx;
    const num = tx.sessionNum(id);
    if (num === null) return;
    const seq = (tx.sql('SELECT coalesce(max(seq), 0) AS n FROM session_call WHERE session = ?').get(num) as { n: number }).n + 1;
    tx.sql('INSERT INTO session_call (session, seq, at, tool, digest, outcome, result, duration_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      num,
      seq,
      call.at,
      call.tool,
      call.argumentsDigest,
      call.outcome,
      call.result,
      call.durationMs,
    );
    if (seq > MAX_SESSION_CALLS) tx.sql('DELETE FROM session_call WHERE session = ? AND seq <= ?').run(num, seq - MAX_SESSION_CALLS);
  }

  calls(id: string, limit: number): SessionCall[] {
    const num = this.#tx.sessionNum(id);
    if (num === null) return [];
    const rows = this.#tx
      .sql('SELECT seq, at, tool, digest, outcome, result, duration_ms FROM session_call WHERE session = ? ORDER BY seq DESC LIMIT ?')
      .all(num, limit) as {
      seq: number;
      at: number;
      tool: string;
      digest: string;
      outcome: string;
      result: string | null;
      duration_ms: number;
    }[];
    return rows
      .map((row) => ({
        seq: row.seq,
        at: row.at,
        tool: row.tool,
        argumentsDigest: row.digest,
        outcome: row.outcome,
        result: row.result,
        durationMs: row.duration_ms,
      }))
      .reverse();
  }

  /** Why work may not be added to the session, or null. */
  refusal(id: string): ErrorData | null {
    const session = this.get(id);
    if (session === null) return new LogisticsError('not_found', `There is no session ${id}.`, { path: 'session_id' }).toData();
    if (session.closedAt !== null) return new LogisticsError('session_closed', `The session ${id} is ${session.status}.`, { path: 'session_id' }).toData();
    return null;
  }

  read(raw: unknown): Session {
    const sql = raw as SessionSql;
    return {
      id: sql.id,
      namespace: this.#tx.namespaceName(sql.ns),
      name: sql.name,
      status: sessionCodes.name(sql.status),
      implicit: sql.implicit === 1,
      principal: sql.principal,
      mode: sessionModes.name(sql.mode),
      context: JSON.parse(sql.context) as JsonObject,
      contextVersion: sql.context_version,
      metadata: JSON.parse(sql.metadata) as JsonObject,
      maxParallelTasks: sql.max_tasks,
      maxParallelWorkflows: sql.max_workflows,
      timeoutMs: sql.timeout_ms,
      expiresAt: sql.expires_at,
      createdAt: sql.created_at,
      closedAt: sql.closed_at,
    };
  }
}

function isMore(before: number | null, after: number | null): boolean {
  return before !== null && (after === null || after > before);
}
