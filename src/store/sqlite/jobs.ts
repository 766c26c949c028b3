// Owns what happens to jobs once claimed or due: settle, cancel, redrive, due times. Every rule of an attempt comes from the domain.

import type { ErrorData } from '../../domain/errors.ts';
import { LogisticsError } from '../../domain/errors.ts';
import type { AttemptRecord, JobStatus } from '../../domain/job.ts';
import { MAX_JOB_LOG_LINES } from '../../domain/job.ts';
import { settleAttempt } from '../../domain/job-lifecycle.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../../domain/retry-policy.ts';
import type { Decide } from '../../domain/transition.ts';
import type { UsageTotals } from '../../domain/usage.ts';
import type { StoredValue } from '../../domain/workflow-execution.ts';
import type { AttemptOutcome, CancelResult, JobLogLine, RedriveResult, SettleResult } from '../backend.ts';
import type { Budgets } from './budgets.ts';
import { JOB, jobCodes } from './codes.ts';
import type { Dependents } from './dependents.ts';
import type { Executions } from './executions.ts';
import { type Ended, TASK_TYPES } from './history.ts';
import { earliest, expiryOf, isPast, type JobRows, type JobSql } from './job-rows.ts';
import { type OutputSchemas, outputInvalid } from './output-schemas.ts';
import type { Plans } from './plans.ts';
import type { Tx } from './tx.ts';
import { MAX_OUTPUT_BYTES, readStored, storeJson, toColumns } from './values.ts';

/** A cancelled running job that does not stop is ended after this long. */
export const CANCEL_GRACE_MS = 10_000;

export class Jobs {
  readonly #tx: Tx;
  readonly #rows: JobRows;
  readonly #dependents: Dependents;
  readonly #executions: Executions;
  readonly #plans: Plans;
  readonly #schemas: OutputSchemas;
  readonly #budgets: Budgets;

  constructor(tx: Tx, rows: JobRows, dependents: Dependents, executions: Executions, plans: Plans, schemas: OutputSchemas, budgets: Budgets) {
    this.#budgets = budgets;
    this.#tx = tx;
    this.#rows = rows;
    this.#dependents = dependents;
    this.#executions = executions;
    this.#plans = plans;
    this.#schemas = schemas;
  }

  /** The end of one attempt, by the holder of the token. */
  settle(p: {
    readonly jobId: string;
    readonly token: number;
    readonly outcome: AttemptOutcome;
    readonly logs: readonly JobLogLine[];
    readonly usage?: UsageTotals | undefined;
    readonly decide: Decide;
  }): SettleResult {
    const job = this.#rows.byId(p.jobId);
    if (job === undefined || job.token !== p.token || isBeyondProcesses(job)) return { kind: 'lease_lost' };
    if (job.status !== JOB.running) {
      return isRepeated(job.status, p.outcome.status) ? { kind: 'replayed', status: jobCodes.name(job.status) } : { kind: 'lease_lost' };
    }
    this.addLogs(job.num, p.logs);
    if (p.usage !== undefined) this.#budgets.report(job, p.usage);
    const faults = p.outcome.status === 'completed' ? this.#schemas.faults(job, p.outcome.output) : [];
    return this.#settleRunning(job, faults.length === 0 ? p.outcome : { status: 'failed', error: outputInvalid(faults) }, p.decide);
  }

  /** The end of an attempt by the worker agent that holds the job. */
  settleHeld(job: JobSql, outcome: AttemptOutcome, decide: Decide): { readonly status: JobStatus; readonly runAt: number | null } {
    const { status, runAt } = this.#settleRunning(job, outcome, decide);
    return { status, runAt };
  }

  /** Gives a job that a worker agent holds back unharmed; what happened to it in the meantime counts. */
  takeFromWorker(worker: number, num: number, decide: Decide): void {
    const job = this.#rows.byNum(num);
    if (job !== undefined && job.status === JOB.running && job.worker === worker) this.#settleRunning(job, { status: 'released' }, decide);
  }

  /** Takes a running job from its epoch: its process died, or gives it back unharmed. What happened to it in the meantime counts. */
  takeFrom(epoch: number, num: number, how: 'crashed' | 'released', decide: Decide): void {
    const job = this.#rows.byNum(num);
    if (job !== undefined && job.status === JOB.running && job.owner === epoch) this.#settleRunning(job, { status: how }, decide);
  }

  /** The budgets are looked at last, so that a run which ends right now is not paused before. */
  #settleRunning(job: JobSql, outcome: AttemptOutcome | { readonly status: 'crashed' }, decide: Decide): Settled {
    const settled = this.#settleAttempt(job, outcome, decide);
    this.#budgets.check(decide);
    return settled;
  }

  #settleAttempt(job: JobSql, outcome: AttemptOutcome | { readonly status: 'crashed' }, decide: Decide): Settled {
    const tx = this.#tx;
    const policy = this.#policyOf(job);
    const stored = outcome.status === 'completed' ? this.#storeOutput(job, outcome.output) : null;
    const attempt =
      stored !== null && 'error' in stored
        ? ({ status: 'failed', error: stored.error } as const)
        : outcome.status === 'completed'
          ? ({ status: 'completed' } as const)
          : outcome;
    const next = settleAttempt(
      { attempt: job.attempt, crashes: job.crashes, deadlineAt: job.deadline_at, cancelRequested: job.cancel_requested === 1 },
      attempt,
      policy,
      { maxCrashes: tx.env.limits.maxCrashes },
      tx.now,
      tx.env.random,
    );
    const value = stored !== null && 'value' in stored && next.status === 'completed' ? stored.value : null;
    this.#rows.releaseGates(job);
    const code = jobCodes.of(next.status);
    const ended = next.status === 'completed' || next.status === 'failed' || next.status === 'cancelled';
    // The output of a plain step stands in its step row; a job keeps its own and that of an item.
    const kept = job.execution !== null && job.item === null ? null : value;
    const columns = toColumns(kept);
    const attempts = next.status === 'completed' && job.attempts === null ? null : appendAttempt(job, next.error, tx.now);
    if (next.status === 'completed') {
      tx.sql(
        'UPDATE job SET status = 2, owner = NULL, due_at = NULL, gate_pos = 0, ended_at = ?, attempts = ?, error = NULL, result_kind = ?, result = ?, result_bytes = ? WHERE num = ?',
      ).run(tx.now, attempts, columns.kind, columns.text, columns.bytes, job.num);
    } else {
      tx.sql(
        'UPDATE job SET status = ?, owner = NULL, gate_pos = 0, ended_at = ?, attempt = ?, crashes = ?, dead = ?, due_at = ?, run_at = ?, attempts = ?, error = ? WHERE num = ?',
      ).run(
        code,
        ended ? tx.now : null,
        next.attempt,
        next.crashes,
        next.dead ? 1 : 0,
        ended ? null : next.runAt === null ? null : (earliest(next.runAt, job.deadline_at) as number),
        next.runAt,
        attempts,
        next.error === null ? null : JSON.stringify(next.error),
        job.num,
      );
    }
    tx.count(job.queue, job.task, JOB.running, code);
    if (attempt.status === 'completed' || attempt.status === 'failed') {
      const runMs = tx.now - (job.started_at ?? tx.now);
      tx.measure(
        job.queue,
        job.task,
        next.status === 'completed' ? 'completed' : next.status === 'failed' ? 'failed' : 'retry',
        runMs,
        Math.max(0, (job.started_at ?? tx.now) - (job.ready_at ?? job.created_at)),
      );
      this.#remember(
        job,
        { completed: next.status === 'completed', ms: runMs, final: ended, retried: job.attempts !== null },
        next.status === 'completed' ? null : (next.error?.code ?? 'failed'),
      );
      this.#budgets.attempted(job, runMs);
    }
    if (!ended) {
      if (next.runAt === null) this.#rows.admit(this.#rows.byNum(job.num) as JobSql);
      else tx.notice.timersChanged = true;
      this.#logRetry(job, next.error, next.runAt);
      return { kind: 'settled', status: next.status, runAt: next.runAt };
    }
    tx.notice.ended.push(job.id);
    this.#afterEnd(job, next.status as 'completed' | 'failed' | 'cancelled', value, next.error, next.attempt, decide);
    return { kind: 'settled', status: next.status, runAt: null };
  }

  /** For what is expected of the next runs of this step and of this task type. */
  #remember(job: JobSql, ended: Ended, code: string | null): void {
    const { history, failures } = this.#tx;
    history.attempt(job.ns, TASK_TYPES, this.#tx.taskName(job.task), ended);
    const record = job.execution === null ? undefined : this.#executions.rows.load(job.execution);
    const node = record === undefined ? undefined : this.#plans.require(record.row.hash).nodes[job.idx as number];
    if (record !== undefined && node !== undefined) history.attempt(job.ns, record.row.workflow, node.id, ended);
    if (code === null) return;
    const worker =
      job.worker === null ? '' : ((this.#tx.sql('SELECT name FROM worker WHERE num = ?').get(job.worker) as { name: string } | undefined)?.name ?? '');
    const [workflow, step] = record === undefined || node === undefined ? ['', this.#tx.taskName(job.task)] : [record.row.workflow, node.id];
    failures.add({ ns: job.ns, workflow, step, code, worker, example: job.id });
  }

  #logRetry(job: JobSql, error: ErrorData | null, runAt: number | null): void {
    if (error === null && job.execution === null) return;
    const tx = this.#tx;
    const data: JsonObject = { attempt: job.attempt, code: error?.code ?? 'released', ...(runAt === null ? {} : { run_at: runAt }) };
    const stepId = job.execution === null ? undefined : this.#stepId(job);
    tx.log(
      { ns: job.ns, execution: job.execution, idx: job.idx, item: job.item, job: job.num, session: job.session },
      { type: job.execution === null ? 'job_retry' : 'step_retry', stepId, data },
    );
  }

  #stepId(job: JobSql): string | undefined {
    const record = this.#executions.rows.load(job.execution as number);
    return record === undefined ? undefined : this.#plans.require(record.row.hash).nodes[job.idx as number]?.id;
  }

  /** Tells whoever waits for an ended job: the execution of its step, and the jobs that depend on it. */
  #afterEnd(
    job: JobSql,
    status: 'completed' | 'failed' | 'cancelled',
    value: StoredValue | null,
    error: ErrorData | null,
    attempt: number,
    decide: Decide,
  ): void {
    if (job.execution !== null) {
      this.#executions.stepJobEnded({ ...job, attempt }, status, value, error as never, decide);
    } else {
      this.#tx.log(
        { ns: job.ns, job: job.num, session: job.session },
        {
          type: status === 'completed' ? 'job_completed' : status === 'failed' ? 'job_failed' : 'job_cancelled',
          data: error === null ? undefined : { code: error.code },
        },
      );
    }
    this.#dependents.tell(job.num, status === 'completed');
    if (job.occurrence !== null) this.#tellSchedule(job, job.occurrence, status, value, error);
  }

  #tellSchedule(job: JobSql, occurrence: number, result: 'completed' | 'failed' | 'cancelled', value: StoredValue | null, error: ErrorData | null): void {
    this.#tx.onScheduledEnd({ occurrence, runId: job.id, result, output: () => (value === null ? null : readStored(this.#tx, value)), error });
  }

  /** Ends a job that is not running and tells whoever waits for it. */
  end(job: JobSql, status: 'failed' | 'cancelled', error: ErrorData, dead: boolean, decide: Decide): void {
    this.#rows.end(job, status, error, dead);
    if (job.execution !== null) this.#executions.stepJobEnded(job, status, null, error as never, decide);
    this.#dependents.tell(job.num, false);
    if (job.occurrence !== null) this.#tellSchedule(job, job.occurrence, status, null, error);
  }

  cancel(p: { readonly jobId: string; readonly reason: string; readonly decide: Decide }): CancelResult {
    const tx = this.#tx;
    const job = this.#rows.byId(p.jobId);
    if (job === undefined) return { kind: 'not_found', status: null };
    if (job.status === JOB.running) {
      if (job.cancel_requested === 0) {
        tx.sql('UPDATE job SET cancel_requested = 1, due_at = ? WHERE num = ?').run(tx.now + CANCEL_GRACE_MS, job.num);
        tx.notice.stopJobs.push({ jobId: job.id, forced: false });
        tx.notice.timersChanged = true;
      }
      return { kind: 'requested', status: 'running' };
    }
    if (job.status !== JOB.pending && job.status !== JOB.retry) return { kind: 'already_ended', status: jobCodes.name(job.status) };
    this.end(job, 'cancelled', new LogisticsError('cancelled', p.reason).toData(), false, p.decide);
    return { kind: 'cancelled', status: 'cancelled' };
  }

  /** `takeBack` gives the job its dedupe key again, or names the one that has it. */
  redrive(jobId: string, takeBack: (job: JobSql) => string | null): RedriveResult {
    const tx = this.#tx;
    const job = this.#rows.byId(jobId);
    if (job === undefined) return { kind: 'not_found', status: null };
    if (job.execution !== null || (job.status !== JOB.failed && job.status !== JOB.cancelled)) return { kind: 'refused', status: jobCodes.name(job.status) };
    const by = takeBack(job);
    if (by !== null) return { kind: 'taken', status: jobCodes.name(job.status), by };
    this.#dependents.forgetNeeds(job);
    tx.sql(
      `UPDATE job SET status = 0, started_at = NULL, ended_at = NULL, error = NULL, dead = 0, attempt = 0, crashes = 0, cancel_requested = 0, gate_pos = 0, needs_open = 0, needs_failed = 0,
       expires_at = NULL, progress = NULL WHERE num = ?`,
    ).run(job.num);
    tx.count(job.queue, job.task, job.status, JOB.pending);
    tx.log({ ns: job.ns, job: job.num, session: job.session }, { type: 'job_enqueued', data: { redriven: true } });
    if (job.occurrence !== null) tx.onScheduledReopen({ occurrence: job.occurrence, runId: job.id });
    this.#rows.admit(this.#rows.byNum(job.num) as JobSql);
    return { kind: 'redriven', status: 'pending' };
  }

  /** A job whose moment has come: a future or retrying one is admitted, an expired or overdue one ends. */
  fire(num: number, decide: Decide): void {
    const job = this.#rows.byNum(num);
    if (job !== undefined && isPast(job.due_at, this.#tx.now)) this.#fire(job, decide);
  }

  #fire(job: JobSql, decide: Decide): void {
    const tx = this.#tx;
    if (job.ended_at !== null) {
      // The rest of its dependents.
      tx.sql('UPDATE job SET due_at = NULL WHERE num = ?').run(job.num);
      this.#dependents.tell(job.num, job.status === JOB.completed);
    } else if (job.status === JOB.running) {
      tx.sql('UPDATE job SET due_at = NULL WHERE num = ?').run(job.num);
      this.#fireRunning(job, decide);
    } else if (isPast(job.deadline_at, tx.now)) {
      this.end(job, 'failed', new LogisticsError('timeout', 'The deadline passed.', { retryable: false }).toData(), true, decide);
    } else if (isPast(expiryOf(job), tx.now)) {
      this.end(job, 'failed', new LogisticsError('expired', 'It passed its expires_at before it could start.').toData(), false, decide);
    } else if (job.rank === null && job.gate === null && job.needs_open === 0 && (job.run_at === null || job.run_at <= tx.now)) {
      tx.sql('UPDATE job SET status = 0 WHERE num = ?').run(job.num);
      tx.count(job.queue, job.task, job.status, JOB.pending);
      this.#rows.admit(job);
    } else {
      tx.sql('UPDATE job SET due_at = ? WHERE num = ?').run(laterOf([job.run_at, expiryOf(job), job.deadline_at], tx.now), job.num);
    }
  }

  #fireRunning(job: JobSql, decide: Decide): void {
    const { notice, now } = this.#tx;
    if (isOrphan(job)) {
      this.#settleRunning(job, { status: 'crashed' }, decide);
    } else if (job.cancel_requested === 1) {
      notice.stopJobs.push({ jobId: job.id, forced: true });
      this.end(job, 'cancelled', new LogisticsError('cancelled', 'Cancelled; it did not stop within the grace period.').toData(), false, decide);
    } else if (job.worker !== null) {
      notice.stopJobs.push({ jobId: job.id, forced: true });
      const error = isPast(job.deadline_at, now)
        ? new LogisticsError('timeout', 'The deadline passed.', { retryable: false })
        : new LogisticsError('timeout', `The attempt took longer than ${now - (job.started_at ?? now)} ms.`);
      this.#settleRunning(job, { status: 'failed', error: error.toData() }, decide);
    }
  }

  #policyOf(job: JobSql): RetryPolicy {
    if (job.retry !== null) return JSON.parse(job.retry) as RetryPolicy;
    if (job.execution === null) return DEFAULT_RETRY;
    const record = this.#executions.rows.load(job.execution);
    if (record === undefined) return DEFAULT_RETRY;
    return this.#plans.require(record.row.hash).nodes[job.idx as number]?.retry ?? DEFAULT_RETRY;
  }

  #storeOutput(job: JobSql, output: Json): { readonly value: StoredValue } | { readonly error: ErrorData } {
    try {
      const json = JSON.stringify(output) ?? 'null';
      return { value: storeJson(this.#tx, json, { execution: job.execution, job: job.execution === null ? job.num : null, name: 'output' }, MAX_OUTPUT_BYTES) };
    } catch (error) {
      if (error instanceof LogisticsError) return { error: error.toData() };
      throw error;
    }
  }

  addLogs(job: number, lines: readonly JobLogLine[]): void {
    if (lines.length === 0) return;
    const tx = this.#tx;
    let seq = (tx.sql('SELECT coalesce(max(seq), 0) AS n FROM job_log WHERE job = ?').get(job) as { n: number }).n;
    for (const line of lines) {
      tx.sql('INSERT INTO job_log (job, seq, at, level, message, fields) VALUES (?, ?, ?, ?, ?, ?)').run(
        job,
        ++seq,
        line.at,
        line.level,
        line.message,
        line.fields === null ? null : JSON.stringify(line.fields),
      );
    }
    tx.sql('DELETE FROM job_log WHERE job = ? AND seq <= ?').run(job, seq - MAX_JOB_LOG_LINES);
  }
}

type Settled = Extract<SettleResult, { readonly kind: 'settled' }>;

/** A running job whose worker agent was lost: nobody holds it until its due time takes it back. */
function isOrphan(job: JobSql): boolean {
  return job.status === JOB.running && job.owner === null && job.worker === null;
}

/** Held, or last held, by no process: its token lets no process write. */
function isBeyondProcesses(job: JobSql): boolean {
  return job.worker !== null || isOrphan(job);
}

/** Whether the outcome is the one that the same token led to before. */
function isRepeated(status: number, outcome: AttemptOutcome['status']): boolean {
  if (outcome === 'completed') return status === JOB.completed;
  return outcome === 'failed' && (status === JOB.failed || status === JOB.retry);
}

function laterOf(times: readonly (number | null)[], now: number): number | null {
  return times.filter((time): time is number => time !== null && time > now).reduce<number | null>((best, time) => earliest(best, time), null);
}

const KEPT_ATTEMPTS = 20;

function appendAttempt(job: JobSql, error: ErrorData | null, now: number): string {
  const before = job.attempts === null ? [] : (JSON.parse(job.attempts) as AttemptRecord[]);
  const record: AttemptRecord = { attempt: job.attempt, startedAt: job.started_at ?? now, endedAt: now, error };
  return JSON.stringify([...before, record].slice(-KEPT_ATTEMPTS));
}
