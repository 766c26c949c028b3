// Owns what worker agents do: claim, with the same leases for the same nonce, and report, by the holder of the token alone.
import { LogisticsError } from '../../domain/errors.ts';
import type { AttemptRecord } from '../../domain/job.ts';
import type { Json } from '../../domain/json.ts';
import { freePlaces, type NonceEntry, rememberNonce, withoutLease } from '../../domain/worker-agent.ts';
import type { Backend, OutputFault, WorkerClaim, WorkerLease, WorkerReport, WorkerReportResult } from '../backend.ts';
import type { Budgets } from './budgets.ts';
import type { Claims } from './claims.ts';
import { JOB, jobCodes } from './codes.ts';
import type { JobRows, JobSql } from './job-rows.ts';
import type { Jobs } from './jobs.ts';
import type { OutputSchemas } from './output-schemas.ts';
import type { Tx } from './tx.ts';
import { MAX_OUTPUT_BYTES } from './values.ts';
import type { WorkerRows, WorkerSql } from './worker-rows.ts';

type Progress = { readonly share: number; readonly message: string | null } | null;

/** What the worker agents of one connection do. */
export class Workers {
  readonly #tx: Tx;
  readonly #rows: WorkerRows;
  readonly #jobRows: JobRows;
  readonly #jobs: Jobs;
  readonly #claims: Claims;
  readonly #schemas: OutputSchemas;
  readonly #budgets: Budgets;

  constructor(
    tx: Tx,
    rows: WorkerRows,
    of: { readonly jobRows: JobRows; readonly jobs: Jobs; readonly claims: Claims; readonly schemas: OutputSchemas; readonly budgets: Budgets },
  ) {
    this.#budgets = of.budgets;
    this.#tx = tx;
    this.#rows = rows;
    this.#jobRows = of.jobRows;
    this.#jobs = of.jobs;
    this.#claims = of.claims;
    this.#schemas = of.schemas;
  }

  claim(p: Parameters<Backend['claimForWorker']>[0]): WorkerClaim {
    const worker = this.#rows.greet(p.worker);
    if (worker === null) {
      const error = new LogisticsError('not_found', `There is no worker ${p.worker.id}.`, {
        path: 'worker_id',
        nextActions: ['Claim without worker_id to register anew.'],
      });
      return { conflict: error.toData() };
    }
    const before = this.#rows.heldBy(worker.num);
    const held = before.map((job) => this.#leaseOf(job, worker));
    const nonces = JSON.parse(worker.nonces) as NonceEntry[];
    const known = p.nonce === null ? undefined : nonces.find((entry) => entry.nonce === p.nonce);
    if (known !== undefined) {
      const kept = new Set(known.leases.map(([jobId, token]) => `${jobId}/${token}`));
      return { worker: this.#rows.read(worker), leases: held.filter(({ job }) => kept.has(`${job.jobId}/${job.token}`)), replayed: true, held };
    }
    const claimed = this.#claims.claimFor(worker, {
      namespace: p.worker.namespace,
      capabilities: p.worker.capabilities,
      limit: freePlaces(worker.capacity, before.length, p.limit),
      queue: p.queue,
    });
    if (p.nonce !== null && claimed.length > 0) {
      const entry = { nonce: p.nonce, leases: claimed.map((job) => [job.jobId, job.token] as const) };
      this.#tx.sql('UPDATE worker SET nonces = ? WHERE num = ?').run(JSON.stringify(rememberNonce(nonces, entry)), worker.num);
    }
    const leases = claimed.map((job) => this.#leaseOf(this.#jobRows.byId(job.jobId) as JobSql, worker));
    return { worker: this.#rows.read(worker), leases, replayed: false, held };
  }

  report(p: Parameters<Backend['reportForWorker']>[0]): WorkerReportResult {
    const worker = this.#rows.renew(p.workerId, p.principal);
    const job = worker === null ? undefined : this.#jobRows.byId(p.jobId);
    if (worker === null || job === undefined) return { kind: 'not_found' };
    if (job.token !== p.token || job.worker !== worker.num) return { kind: 'lease_lost', holder: this.#holder(job), status: jobCodes.name(job.status) };
    const status = jobCodes.name(job.status);
    if (job.status !== JOB.running) return isRepeated(job, p.report.kind) ? { kind: 'replayed', status } : { kind: 'lease_lost', holder: null, status };
    const { report } = p;
    const leaseUntil = worker.lease_until;
    const faults = report.kind === 'complete' ? this.#faults(job, report.output) : [];
    if (faults.length > 0) return { kind: 'output_invalid', leaseUntil, faults };
    this.#jobs.addLogs(job.num, p.logs);
    if (p.usage !== undefined) this.#budgets.report(job, p.usage);
    if (report.kind === 'progress' || report.kind === 'release') this.#note(job, report);
    if (report.kind === 'release' && report.unheard === true) this.#freeNonce(worker, job);
    if (report.kind === 'heartbeat' || report.kind === 'progress') {
      this.#budgets.check(p.decide);
      return { kind: 'ok', status, runAt: null, leaseUntil, cancelRequested: job.cancel_requested === 1 };
    }
    const settled = this.#jobs.settleHeld(job, outcomeOf(report), p.decide);
    if (settled.status === 'completed') this.#tx.sql('UPDATE worker SET completed = completed + 1 WHERE num = ?').run(worker.num);
    else if (settled.status === 'failed' || settled.status === 'retry') this.#tx.sql('UPDATE worker SET failed = failed + 1 WHERE num = ?').run(worker.num);
    return { kind: 'ok', ...settled, leaseUntil, cancelRequested: job.cancel_requested === 1 };
  }

  /** The claim that gave this lease was never heard of, so it may be made again. */
  #freeNonce(worker: WorkerSql, job: JobSql): void {
    const kept = withoutLease(JSON.parse(worker.nonces) as NonceEntry[], job.id, job.token);
    this.#tx.sql('UPDATE worker SET nonces = ? WHERE num = ?').run(JSON.stringify(kept), worker.num);
  }

  /** What is too large to store is told like a misfit: the worker can still say it shorter. */
  #faults(job: JobSql, output: Json): readonly OutputFault[] {
    const bytes = Buffer.byteLength(JSON.stringify(output));
    if (bytes <= MAX_OUTPUT_BYTES) return this.#schemas.faults(job, output);
    return [{ path: '', message: `The output has ${bytes} bytes of JSON; at most ${MAX_OUTPUT_BYTES} can be stored.` }];
  }

  #note(job: JobSql, report: { readonly note: Json | undefined; readonly share?: number | null; readonly message?: string | null }): void {
    const tx = this.#tx;
    const { note, share = null, message = null } = report;
    if (note !== undefined) tx.sql('UPDATE job SET checkpoint = ? WHERE num = ?').run(note === null ? null : JSON.stringify(note), job.num);
    if (share === null && message === null) return;
    const before = progressOf(job);
    const progress = JSON.stringify({ share: share ?? before?.share ?? 0, message: message ?? before?.message ?? null });
    tx.sql('UPDATE job SET progress = ? WHERE num = ?').run(progress, job.num);
  }

  #holder(job: JobSql): string | null {
    if (job.status !== JOB.running) return null;
    if (job.owner !== null) return `process ${job.owner}`;
    const worker = this.#tx.sql('SELECT id, name FROM worker WHERE num = ?').get(job.worker) as { id: string; name: string } | undefined;
    return worker === undefined ? null : `worker ${worker.name} (${worker.id})`;
  }

  #leaseOf(job: JobSql, worker: WorkerSql): WorkerLease {
    return {
      job: this.#claims.claimedView(job),
      claimedAt: job.started_at as number,
      leaseUntil: worker.lease_until,
      crashes: job.crashes,
      previous: previousOf(job),
      outputSchema: this.#schemas.of(job)?.schema ?? null,
    };
  }
}

function outcomeOf(report: Exclude<WorkerReport, { readonly kind: 'heartbeat' | 'progress' }>): Parameters<Jobs['settleHeld']>[1] {
  if (report.kind === 'complete') return { status: 'completed', output: report.output };
  return report.kind === 'fail' ? { status: 'failed', error: report.error } : { status: 'released' };
}

function progressOf(job: JobSql): Progress {
  return job.progress === null ? null : (JSON.parse(job.progress) as Progress);
}

function lastAttempt(job: JobSql): AttemptRecord | undefined {
  return job.attempts === null ? undefined : (JSON.parse(job.attempts) as AttemptRecord[]).at(-1);
}

/** What the attempts before left; of a job that is held already, also what its holder noted since. */
function previousOf(job: JobSql): WorkerLease['previous'] {
  const last = lastAttempt(job);
  const progress = progressOf(job);
  if (last === undefined && job.checkpoint === null && progress === null) return null;
  return {
    attempt: last?.attempt ?? job.attempt,
    note: job.checkpoint === null ? null : (JSON.parse(job.checkpoint) as Json),
    share: progress?.share ?? null,
    message: progress?.message ?? null,
  };
}

/** Whether the token of this worker ended its attempt in the same way before. */
function isRepeated(job: JobSql, kind: WorkerReport['kind']): boolean {
  if (kind === 'complete') return job.status === JOB.completed;
  const waits = job.status === JOB.pending;
  const error = lastAttempt(job)?.error ?? null;
  if (kind === 'fail') return job.status === JOB.failed || job.status === JOB.retry || (waits && error !== null);
  return kind === 'release' && waits && error === null;
}
