// Owns forgetting: whole finished trees, oldest first, in bounded pieces; nothing unfinished, nothing that unfinished work refers to.
import { KEPT_MINUTES, MINUTE_MS } from '../../domain/histogram.ts';
import { forgetBudget } from './budget-rows.ts';
import { JOB } from './codes.ts';
import { forgetDefinitions } from './definition-retention.ts';
import type { EventLog } from './event-log.ts';
import { forgetFailures } from './failures.ts';
import { foldJournal, forgetHistory } from './history.ts';
import type { Outputs } from './outputs.ts';
import { dropOld } from './receipts.ts';
import { forgetLedgers } from './schedule-retention.ts';
import { FIRST_SESSION, forgetSessions } from './session-retention.ts';
import type { StepCaches } from './step-caches.ts';
import type { Tx } from './tx.ts';

const LOOSE_ARTIFACT_MS = 3_600_000;
const DAY_MS = 86_400_000;
const CHUNK = 500;
/** Roots, and rows of jobs, looked at in one call; the next call goes on behind them, so what may not go yet cannot hold it up. */
const ROOTS = 100;
const JOB_ROWS = 5_000;

export interface RetentionParameters {
  readonly olderThan: number;
  readonly keepExecutions: number;
  readonly limit: number;
}

interface JobKey {
  readonly num: number;
  readonly queue: number;
  readonly task: number;
  readonly status: number;
}

/** Tables of an execution with the columns that number their rows. */
const OWNED = [
  ['event', 'cursor'],
  ['step', 'idx'],
  ['step_items', 'idx'],
  ['signal', 'seq'],
  ['waiter', 'idx'],
  ['timer', 'idx'],
  ['inbox', 'seq'],
  ['artifact', 'num'],
] as const;

const LOOSE_JOB_EVENTS = 'job = ? AND execution IS NULL';
const OLD_EVENTS = 'cursor IN (SELECT cursor FROM event WHERE cursor <= ? AND execution IS NULL AND job IS NULL ORDER BY cursor LIMIT ?)';

export class Retention {
  readonly #tx: Tx;
  readonly #outputs: Outputs;
  readonly #log: EventLog;
  readonly #caches: StepCaches;
  #receiptPosition = 0;
  #ledgerPosition = 0;
  #definitionPosition = 0;
  #sessionPosition = FIRST_SESSION;
  /** Where the rounds over roots and over jobs stand; 0 = at the front. */
  #rootPosition = 0;
  #jobPosition = 0;
  /** Namespace -> the newest entry of its log that this round removes. */
  readonly #removedEvents = new Map<number, number>();

  constructor(tx: Tx, outputs: Outputs, log: EventLog, caches: StepCaches) {
    this.#tx = tx;
    this.#outputs = outputs;
    this.#log = log;
    this.#caches = caches;
  }

  run(p: RetentionParameters): { removed: number; more: boolean } {
    this.#tx.keepNumbers();
    this.#removedEvents.clear();
    // A run that goes in this call may have been the last reason to keep a definition that is asked for again right now: so those go before.
    const isNewRound = this.#rootPosition === 0 && this.#jobPosition === 0;
    const definitions = isNewRound ? forgetDefinitions(this.#tx, p.olderThan, this.#definitionPosition) : { removed: 0, position: this.#definitionPosition };
    this.#definitionPosition = definitions.position;
    // One round: first all roots, then all jobs, each in as many calls as it takes.
    let removed = definitions.removed + (this.#jobPosition === 0 ? this.#removeTrees(p) : 0);
    if (removed < p.limit && this.#rootPosition === 0) removed += this.#removeJobs(p.olderThan, p.limit - removed);
    if (removed < p.limit) removed += this.#removeOldEvents(p.olderThan, p.limit - removed);
    removed += this.#removeLoose(p.olderThan);
    if (removed < p.limit) removed += this.#caches.forgetExpired(p.limit - removed);
    for (const [ns, cursor] of this.#removedEvents) this.#log.removed(ns, cursor);
    const journal = foldJournal(this.#tx);
    return {
      removed,
      more:
        journal.more || removed >= p.limit || this.#rootPosition > 0 || this.#jobPosition > 0 || this.#definitionPosition > 0 || this.#sessionPosition.num > 0,
    };
  }

  #removeTrees(p: RetentionParameters): number {
    const tx = this.#tx;
    const finished = (tx.sql('SELECT coalesce(sum(n), 0) AS n FROM execution_counter WHERE status IN (4, 5, 6)').get() as { n: number }).n;
    let surplus = finished - p.keepExecutions;
    let removed = 0;
    for (let looked = 0; looked < ROOTS && removed < p.limit; looked++) {
      const root = this.#nextRoot(this.#rootPosition, p.olderThan, surplus > 0);
      if (root === undefined) {
        this.#rootPosition = 0;
        break;
      }
      if (this.#isInUse(root)) {
        this.#rootPosition = root;
        continue;
      }
      while (removed < p.limit) {
        const member: number =
          (tx.sql('SELECT num FROM execution WHERE root = ? ORDER BY num DESC LIMIT 1').get(root) as { num: number } | undefined)?.num ?? root;
        const part = this.#removeSome(member, p.limit - removed);
        removed += part.rows;
        if (!part.done) break;
        surplus--;
        if (member === root) break;
      }
    }
    return removed;
  }

  /** An execution was made before it ended, so only rows made before the limit are looked at. */
  #nextRoot(after: number, olderThan: number, tooMany: boolean): number | undefined {
    const tx = this.#tx;
    const row = tooMany
      ? tx.sql('SELECT num FROM execution WHERE num > ? AND root IS NULL AND ended_at IS NOT NULL ORDER BY num LIMIT 1').get(after)
      : tx
          .sql(
            `SELECT num FROM execution WHERE num > @after AND num < coalesce((SELECT num FROM execution WHERE num > @after AND created_at >= @olderThan ORDER BY num LIMIT 1), 9e15)
             AND root IS NULL AND ended_at < @olderThan ORDER BY num LIMIT 1`,
          )
          .get({ after, olderThan });
    return (row as { num: number } | undefined)?.num;
  }

  /** A tree with an unfinished member, or one that an unfinished fork still reads. */
  #isInUse(root: number): boolean {
    const tx = this.#tx;
    if (tx.sql('SELECT 1 FROM execution WHERE root = ? AND ended_at IS NULL LIMIT 1').get(root) !== undefined) return true;
    return (
      tx
        .sql(
          `SELECT 1 FROM execution f WHERE f.forked_from IS NOT NULL AND f.ended_at IS NULL
           AND f.forked_from IN (SELECT num FROM execution WHERE root = @root UNION ALL SELECT @root) LIMIT 1`,
        )
        .get({ root }) !== undefined
    );
  }

  #removeSome(execution: number, limit: number): { readonly rows: number; readonly done: boolean } {
    const tx = this.#tx;
    this.#outputs.forget();
    const jobs = tx.sql('SELECT num, queue, task, status FROM job WHERE execution = ? LIMIT ?').all(execution, limit) as JobKey[];
    for (const job of jobs) this.#removeJob(job);
    let left = limit - jobs.length;
    if (left > 0) this.#handOver(execution);
    for (const [table, key] of OWNED) {
      if (left <= 0) return { rows: limit, done: false };
      const last = tx.sql(`SELECT ${key} AS at FROM ${table} WHERE execution = ? ORDER BY ${key} LIMIT 1 OFFSET ?`).get(execution, left - 1) as
        | { at: number }
        | undefined;
      const upTo = last?.at ?? Number.MAX_SAFE_INTEGER;
      if (table === 'event') this.#note('execution = ? AND cursor <= ?', execution, upTo);
      left -= tx.sql(`DELETE FROM ${table} WHERE execution = ? AND ${key} <= ?`).run(execution, upTo).changes;
    }
    if (left <= 0) return { rows: limit, done: false };
    const row = tx.sql('DELETE FROM execution WHERE num = ? RETURNING ns, status').get(execution) as { ns: number; status: number };
    tx.countExecution(row.ns, row.status, null);
    tx.sql('DELETE FROM gate WHERE key = ?').run(`x:${execution}`);
    forgetBudget(tx, 'run', execution);
    return { rows: limit - left + 1, done: true };
  }

  /** An artifact that the step of another execution refers to, as forks do, belongs to that one from now on. */
  #handOver(execution: number): void {
    const other = 'SELECT s.execution FROM step s WHERE s.output = artifact.id AND s.output_kind = 2 AND s.execution != @source';
    this.#tx
      .sql(`UPDATE artifact SET execution = (${other} ORDER BY s.execution LIMIT 1) WHERE execution = @source AND EXISTS (${other})`)
      .run({ source: execution });
  }

  /** An ended job with a due time has dependents that it has not told yet. */
  #removeJobs(olderThan: number, limit: number): number {
    const tx = this.#tx;
    const after = this.#jobPosition;
    // A job was made before it ended, so the round ends at the first row made after the limit.
    const row = 'SELECT num, created_at AS at FROM job WHERE num > ? ORDER BY num LIMIT 1';
    const first = tx.sql(row).get(after) as { num: number; at: number } | undefined;
    if (first === undefined || first.at >= olderThan) {
      this.#jobPosition = 0;
      return 0;
    }
    const last = tx.sql(`${row} OFFSET ?`).get(after, JOB_ROWS - 1) as { num: number; at: number } | undefined;
    const jobs = tx
      .sql(
        `SELECT num, queue, task, status FROM job WHERE num > @after AND num <= @last
         AND execution IS NULL AND status IN (2, 3, 4) AND ended_at < @olderThan AND due_at IS NULL ORDER BY num LIMIT @limit`,
      )
      .all({ after, last: last?.num ?? Number.MAX_SAFE_INTEGER, olderThan, limit }) as JobKey[];
    for (const job of jobs) this.#removeJob(job);
    if (jobs.length === limit) this.#jobPosition = (jobs.at(-1) as JobKey).num;
    else this.#jobPosition = last === undefined || last.at >= olderThan ? 0 : last.num;
    return jobs.length;
  }

  #removeJob(job: JobKey): void {
    const tx = this.#tx;
    if (job.status === JOB.running) return;
    tx.sql('DELETE FROM job WHERE num = ?').run(job.num);
    tx.sql('DELETE FROM job_log WHERE job = ?').run(job.num);
    if (tx.holdsRows('job_need')) tx.sql('DELETE FROM job_need WHERE need = ?').run(job.num);
    this.#note(LOOSE_JOB_EVENTS, job.num);
    tx.sql(`DELETE FROM event WHERE ${LOOSE_JOB_EVENTS}`).run(job.num);
    tx.sql('DELETE FROM artifact WHERE job = ?').run(job.num);
    if (tx.holdsRows('dedupe')) tx.sql('DELETE FROM dedupe WHERE job = ?').run(job.num);
    tx.count(job.queue, job.task, job.status, null);
  }

  /** Entries of no execution and no job: sessions, definitions, processes. */
  #removeOldEvents(olderThan: number, limit: number): number {
    const last = this.#log.cursorAt(olderThan - 1);
    const most = Math.min(limit, CHUNK);
    this.#note(OLD_EVENTS, last, most);
    return this.#tx.sql(`DELETE FROM event WHERE ${OLD_EVENTS}`).run(last, most).changes;
  }

  /** Before entries of the log are removed: remembers up to where each namespace loses some. */
  #note(where: string, ...values: readonly number[]): void {
    const rows = this.#tx.sql(`SELECT ns, max(cursor) AS cursor FROM event WHERE ${where} GROUP BY ns`).all(...values) as { ns: number; cursor: number }[];
    for (const { ns, cursor } of rows) this.#removedEvents.set(ns, Math.max(cursor, this.#removedEvents.get(ns) ?? 0));
  }

  #removeLoose(olderThan: number): number {
    const tx = this.#tx;
    const artifacts = tx
      .sql('DELETE FROM artifact WHERE num IN (SELECT num FROM artifact WHERE kept = 0 AND created_at < ? ORDER BY created_at, num LIMIT ?)')
      .run(tx.now - LOOSE_ARTIFACT_MS, CHUNK).changes;
    const workers = tx
      .sql('DELETE FROM worker WHERE num IN (SELECT num FROM worker WHERE status != 0 AND last_seen_at < ? ORDER BY num LIMIT ?)')
      .run(olderThan, CHUNK).changes;
    tx.sql('DELETE FROM minute WHERE minute < ?').run(Math.floor(tx.now / MINUTE_MS) - KEPT_MINUTES);
    tx.sql('DELETE FROM rate WHERE key IN (SELECT key FROM rate WHERE last_at + period < ? ORDER BY key LIMIT ?)').run(tx.now - MINUTE_MS, CHUNK);
    forgetHistory(tx);
    forgetFailures(tx);
    const receipts = dropOld(tx, tx.now - tx.env.limits.receiptDays * DAY_MS, this.#receiptPosition);
    this.#receiptPosition = receipts.position;
    const ledgers = forgetLedgers(tx, olderThan, this.#ledgerPosition);
    this.#ledgerPosition = ledgers.position;
    const sessions = forgetSessions(tx, olderThan, this.#sessionPosition, (where, ...values) => this.#note(where, ...values));
    this.#sessionPosition = sessions.position;
    return artifacts + receipts.removed + workers + ledgers.removed + sessions.removed;
  }
}
