// Owns the verbs that change jobs and queues.
import { type ErrorData, StoreError } from '../../domain/errors.ts';
import type { NewJob } from '../../domain/job.ts';
import type { Json } from '../../domain/json.ts';
import { projectOf } from '../../domain/project.ts';
import type { Decide } from '../../domain/transition.ts';
import type { Backend } from '../backend.ts';
import { JOB } from './codes.ts';
import type { Host } from './host.ts';
import type { JobSql } from './job-rows.ts';
import type { Parts } from './parts.ts';
import { lookUp, remember } from './receipts.ts';

const CHUNK = 500;
const NO_NEEDS = { open: [], failed: 0 };

type Verbs = Pick<Backend, 'enqueueJobs' | 'claimJobs' | 'hasReadyJobs' | 'settleJob' | 'reportProgress' | 'cancelJob' | 'redriveJob' | 'clearQueue'>;

export function jobVerbs(host: Host): Verbs {
  return {
    enqueueJobs: (p) =>
      host.write((parts) => {
        const receipt = lookUp(parts.tx, p.receipt);
        if (receipt.kind === 'conflict') return { kind: 'conflict', error: receipt.error };
        if (receipt.kind === 'replay') return { kind: 'enqueued', ...toReply(receipt.reply), replayed: true };
        const refusal = refusalOf(parts, p.jobs);
        if (refusal !== null) return { kind: 'conflict', ...refusal };
        const reply = enqueueAll(parts, p.jobs);
        remember(
          parts.tx,
          p.receipt,
          reply.deduplicated.length === 0 ? [...reply.jobIds] : { jobIds: [...reply.jobIds], deduplicated: [...reply.deduplicated] },
        );
        return { kind: 'enqueued', ...reply, replayed: false };
      }),

    claimJobs: (p) => host.write(({ claims }) => claims.claim(p)),

    hasReadyJobs: (p) => host.parts.claims.hasReady(p),

    settleJob: (p) => host.write(({ jobs }) => jobs.settle(p)),

    reportProgress: (p) =>
      host.write(({ tx, jobs, budgets }) => {
        const progress = p.share === null ? null : JSON.stringify({ share: p.share, message: p.message });
        const row = tx
          .sql('UPDATE job SET progress = coalesce(?, progress) WHERE id = ? AND token = ? AND status = 1 AND owner IS NOT NULL RETURNING *')
          .get(progress, p.jobId, p.token) as JobSql | undefined;
        if (row === undefined) return false;
        jobs.addLogs(row.num, p.logs);
        if (p.usage !== undefined) budgets.report(row, p.usage);
        budgets.check(p.decide ?? null);
        return true;
      }),

    cancelJob: (p) => host.writeOnce(p.receipt, ({ jobs }) => ({ ...jobs.cancel(p), jobId: p.jobId })).then(({ kind, status }) => ({ kind, status })),

    redriveJob: (p) =>
      host
        .writeOnce(p.receipt, ({ jobs, dedupes }) => ({ ...jobs.redrive(p.jobId, (job) => dedupes.takeBack(job)), jobId: p.jobId }))
        .then(({ jobId: _jobId, ...result }) => result),

    clearQueue: (p) => host.write((parts) => clear(parts, p)),
  };
}

interface Refusal {
  readonly error: ErrorData;
  readonly jobId?: string;
}

/** Why the batch cannot be taken: a closed session, resources that can never be had, a dependency that does not exist before the job itself, a dedupe key that is taken. */
function refusalOf(parts: Parts, jobs: readonly NewJob[]): Refusal | null {
  let lastSession: string | null = null;
  const linked = jobs.some((job) => job.dependsOn.length > 0);
  const own = new Set<string>();
  for (const job of jobs) {
    if (job.sessionId !== null && job.sessionId !== lastSession) {
      const refusal = parts.sessions.refusal(job.sessionId);
      if (refusal !== null) return { error: refusal };
      lastSession = job.sessionId;
    }
    for (const need of job.dependsOn) {
      if (own.has(need) || parts.tx.sql('SELECT 1 FROM job WHERE id = ?').get(need) !== undefined) continue;
      return { error: missingNeed(job, need, jobs), jobId: job.id };
    }
    if (job.resources) {
      const resolved = parts.pools.resolve(parts.tx.findNamespace(job.namespace) ?? -1, job.resources, 'resources');
      if ('error' in resolved) return { error: resolved.error, jobId: job.id };
    }
    if (linked) own.add(job.id);
  }
  return ofProjects(parts, jobs) ?? ofBudgets(parts, jobs) ?? (jobs.some((job) => job.dedupe) ? parts.dedupes.refusal(jobs) : null);
}

/** Of jobs in queues of projects: a project that takes none, or would have more than its quota. */
function ofProjects(parts: Parts, jobs: readonly NewJob[]): Refusal | null {
  const counts = new Map<string, { readonly job: NewJob; n: number }>();
  for (const job of jobs) {
    const name = projectOf(job.queue);
    if (name === null) continue;
    const known = counts.get(name);
    if (known === undefined) counts.set(name, { job, n: 1 });
    else known.n++;
  }
  for (const { job, n } of counts.values()) {
    const error = parts.projects.refusal(parts.tx.namespace(job.namespace), job.queue, n);
    if (error !== null) return { error, jobId: job.id };
  }
  return null;
}

/** Of jobs whose session or project has used up its budget. */
function ofBudgets(parts: Parts, jobs: readonly NewJob[]): Refusal | null {
  const { tx, budgets } = parts;
  if (!budgets.rows.any) return null;
  const seen = new Set<string>();
  for (const job of jobs) {
    const of = `${job.sessionId ?? ''} ${job.queue}`;
    if (seen.has(of)) continue;
    seen.add(of);
    const session = job.sessionId === null ? null : tx.sessionNum(job.sessionId);
    const error = budgets.refusal({ ns: tx.namespace(job.namespace), session, schedule: null, name: job.queue, plan: null });
    if (error !== null) return { error, jobId: job.id };
  }
  return null;
}

function missingNeed(job: NewJob, need: string, jobs: readonly NewJob[]): ErrorData {
  if (jobs.some((other) => other.id === need)) {
    const expected = 'each job after those it depends on, without a cycle';
    return new StoreError('invalid_input', `${job.id} depends on ${need}, which comes no earlier in the batch.`, { path: 'depends_on', expected }).toData();
  }
  const expected = 'ids of jobs that exist';
  return new StoreError('not_found', `depends_on names ${need}, which does not exist.`, { path: 'depends_on', expected }).toData();
}

interface Reply {
  readonly jobIds: readonly string[];
  readonly deduplicated: readonly string[];
}

function toReply(receipt: Json): Reply {
  return Array.isArray(receipt) ? { jobIds: receipt as string[], deduplicated: [] } : (receipt as unknown as Reply);
}

function enqueueAll(parts: Parts, jobs: readonly NewJob[]): Reply {
  /** Job of the batch -> the earlier one that stands for it. */
  const standIns = new Map<string, string>();
  for (const job of jobs) {
    if (!job.dedupe) {
      enqueueOne(parts, withNeeds(job, standIns));
      continue;
    }
    const outcome = parts.dedupes.meet(job, job.dedupe);
    if (outcome.kind === 'stands') {
      standIns.set(job.id, outcome.id);
      continue;
    }
    const made = withNeeds(job, standIns);
    const num = enqueueOne(parts, outcome.behind === null ? made : { ...made, dependsOn: [outcome.behind], when: 'all_done' });
    parts.dedupes.name(job, job.dedupe, num);
  }
  const jobIds = jobs.map((job) => standIns.get(job.id) ?? job.id);
  if (standIns.size === 0) return { jobIds, deduplicated: [] };
  const own = new Set(jobs.map((job) => job.id));
  return { jobIds, deduplicated: [...new Set(standIns.values())].filter((id) => !own.has(id)) };
}

function withNeeds(job: NewJob, standIns: ReadonlyMap<string, string>): NewJob {
  if (standIns.size === 0 || job.dependsOn.length === 0) return job;
  return { ...job, dependsOn: job.dependsOn.map((id) => standIns.get(id) ?? id) };
}

function enqueueOne(parts: Parts, job: NewJob): number {
  const num = insertOne(parts, job);
  const { tx, lineage } = parts;
  const cause = job.cause ? lineage.causeIn(tx.namespace(job.namespace), job.cause) : null;
  if (cause !== null) tx.sql('UPDATE job SET cause = ? WHERE num = ?').run(cause, num);
  return num;
}

function insertOne(parts: Parts, job: NewJob): number {
  if (job.dependsOn.length === 0) return parts.jobRows.insert(job, NO_NEEDS);
  const open: number[] = [];
  let failed = 0;
  for (const id of new Set(job.dependsOn)) {
    const need = parts.tx.sql('SELECT num, status FROM job WHERE id = ?').get(id) as { num: number; status: number };
    if (need.status === JOB.failed || need.status === JOB.cancelled) failed++;
    else if (need.status !== JOB.completed) open.push(need.num);
  }
  const isRefused = failed > 0 && job.when === 'all_success';
  const num = parts.jobRows.insert(job, isRefused ? { open: [], failed } : { open, failed });
  if (isRefused) parts.dependents.refuse(parts.jobRows.byNum(num) as JobSql);
  return num;
}

/** Cancels waiting standalone jobs: first those of the ready index, then those that wait for a moment, a gate or another job. */
function clear(parts: Parts, p: { readonly namespace: string; readonly queue: string; readonly limit: number }): number {
  const { tx, jobs } = parts;
  const queue = queueNum(parts, p.namespace, p.queue);
  const limit = Math.min(p.limit, CHUNK);
  const ready = tx
    .sql('SELECT id FROM job WHERE lane IN (SELECT num FROM lane WHERE queue = ?) AND rank IS NOT NULL AND execution IS NULL LIMIT ?')
    .all(queue, limit) as { id: string }[];
  const rest =
    ready.length > 0
      ? []
      : (tx
          .sql('SELECT id FROM job INDEXED BY job_waiting WHERE queue = ? AND execution IS NULL AND rank IS NULL AND status IN (0, 5) ORDER BY num LIMIT ?')
          .all(queue, limit) as { id: string }[]);
  let count = 0;
  for (const { id } of [...ready, ...rest]) {
    if (jobs.cancel({ jobId: id, reason: 'The queue was cleared.', decide: NO_DECISION }).kind === 'cancelled') count++;
  }
  return count;
}

export function queueNum(parts: Parts, namespace: string, queue: string): number {
  const ns = parts.tx.findNamespace(namespace);
  return ns === undefined ? -1 : (parts.tx.findQueue(ns, queue) ?? -1);
}

/** For verbs that touch standalone jobs only. */
const NO_DECISION: Decide = () => {
  throw new StoreError('internal', 'A standalone job cannot advance an execution.');
};
