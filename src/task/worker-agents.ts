// Owns the way of a job to a worker agent and back: claim, render, lease; nothing is leased to a caller that no longer listens.

import { createHash } from 'node:crypto';
import { LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import type { Json } from '../domain/json.ts';
import type { Logger } from '../domain/log.ts';
import type { Decide } from '../domain/transition.ts';
import type { UsageTotals } from '../domain/usage.ts';
import type { WorkerAgent, WorkerHello } from '../domain/worker-agent.ts';
import type { Redactor } from '../runtime/redact.ts';
import type { CommitNotice, JobLogLine, WorkerLease, WorkerReport, WorkerReportResult } from '../store/backend.ts';
import { type InputSources, inputForAgent } from './step-input.ts';
import { storableError, storableOutput } from './storable.ts';
import type { TaskRegistry } from './task-registry.ts';
import { WorkWatch } from './work-watch.ts';

export interface WorkerAgentsOptions extends InputSources {
  readonly registry: TaskRegistry;
  readonly redactor: Redactor;
  readonly namespace: string;
  readonly decide: Decide;
  readonly now: () => number;
  readonly newId: IdSource;
  readonly logger: Logger;
}

/** How a worker agent asks for work. */
export interface ClaimRequest {
  readonly worker: Omit<WorkerHello, 'namespace'>;
  readonly limit: number;
  readonly queue?: string | undefined;
  /** The same one again gives the same leases again. */
  readonly nonce?: string | undefined;
  /** How long to wait for work, in ms. */
  readonly waitMs: number;
  /** Told who the worker is as soon as it is registered, before any wait. */
  readonly onRegistered?: ((workerId: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A lease with what the agent needs to do the work. */
export interface AgentLease extends WorkerLease {
  /** The payload, or the rendered `with` of the step. */
  readonly payload: Json;
  readonly stepId: string | null;
  readonly idempotencyKey: string;
}

/** What a worker agent was given. */
export interface AgentClaim {
  readonly worker: WorkerAgent;
  readonly leases: readonly AgentLease[];
  readonly replayed: boolean;
  /** What the worker held before this claim. */
  readonly held: readonly WorkerLease[];
}

/** With nothing to take a claim is repeated this often: it renews the lease, and is the net below the notices of commits. */
const LOOK_MS = 5_000;
/** A call renews the lease at most this often, or thrice per lease if that is more often. */
const RENEW_MS = 3_000;
/** Workers whose last renewal is remembered; one that is forgotten is renewed once more. */
const REMEMBERED = 1_000;

/** Worker agents of this engine: claim, report, renew, leave. */
export class WorkerAgents {
  readonly #o: WorkerAgentsOptions;
  readonly #work: WorkWatch;
  readonly #claims = new Set<Promise<unknown>>();
  readonly #renewedAt = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(options: WorkerAgentsOptions) {
    this.#o = options;
    this.#work = new WorkWatch(options.backend);
  }

  /** Told of each commit. */
  notify(notice: CommitNotice): void {
    this.#work.notify(notice);
  }

  /** Ends all waits; what was claimed and not told is given back when this resolves. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#work.close();
    await Promise.allSettled([...this.#claims]);
  }

  /**
   * Registers or renews the worker and leases it the best jobs that it can do, waiting for the first one up to `waitMs`. Throws conflict for
   * another's worker id, and cancelled when the caller gives up.
   */
  claim(request: ClaimRequest): Promise<AgentClaim> {
    const claiming = this.#claim(request);
    this.#claims.add(claiming);
    const done = (): boolean => this.#claims.delete(claiming);
    claiming.then(done, done);
    return claiming;
  }

  async #claim(request: ClaimRequest): Promise<AgentClaim> {
    const until = performance.now() + request.waitMs;
    const wanted = { namespace: this.#o.namespace, capabilities: request.worker.capabilities, queue: request.queue };
    for (let nonce = request.nonce ?? null; ; ) {
      this.#throwIfGivenUp(request.signal);
      const claim = await this.#claimOnce(request, nonce);
      const leases = await this.#rendered(claim.worker, claim.leases);
      if (this.#isGivenUp(request.signal)) {
        if (!claim.replayed) await this.#giveBack(claim.worker, leases);
        this.#throwIfGivenUp(request.signal);
      }
      const left = until - performance.now();
      const full = claim.held.length >= claim.worker.capacity;
      if (leases.length > 0 || claim.replayed || full || left <= 0) return { ...claim, leases };
      // The jobs of this nonce could not be rendered and have failed: the next ones are no repeat of them.
      if (claim.leases.length > 0) nonce = null;
      else await this.#work.next(wanted, Math.min(left, LOOK_MS, claim.worker.leaseMs / 3), request.signal);
    }
  }

  #isGivenUp(signal: AbortSignal | undefined): boolean {
    return this.#closing.signal.aborted || signal?.aborted === true;
  }

  #throwIfGivenUp(signal: AbortSignal | undefined): void {
    if (this.#closing.signal.aborted) throw new LogisticsError('shutting_down', 'This process is stopping; nothing was claimed.');
    if (signal?.aborted) throw new LogisticsError('cancelled', 'The call was given up; nothing was claimed.');
  }

  async #claimOnce(
    { worker, limit, queue, onRegistered }: ClaimRequest,
    nonce: string | null,
  ): Promise<Omit<AgentClaim, 'leases'> & { readonly leases: readonly WorkerLease[] }> {
    const { backend, namespace } = this.#o;
    const claim = await backend.claimForWorker({ worker: { ...worker, namespace }, limit, queue, nonce });
    if ('conflict' in claim) throw new LogisticsError(claim.conflict.code, claim.conflict.message, claim.conflict);
    this.#renewed(claim.worker.id);
    onRegistered?.(claim.worker.id);
    return claim;
  }

  /** With their inputs; a job whose input cannot be made fails, and is not told. */
  async #rendered(worker: WorkerAgent, leases: readonly WorkerLease[]): Promise<AgentLease[]> {
    const all = await Promise.all(
      leases.map(async (lease) => {
        try {
          return await this.#withInput(lease);
        } catch (error) {
          const { jobId, token } = lease.job;
          await this.report({ workerId: worker.id, principal: worker.principal, jobId, token, report: { kind: 'fail', error: storableError(error) as never } });
          return null;
        }
      }),
    );
    return all.filter((lease) => lease !== null);
  }

  async #withInput(lease: WorkerLease): Promise<AgentLease> {
    const { backend, registry } = this.#o;
    const { job } = lease;
    const node = job.step === null ? null : (backend.planOf(job.step.hash)?.nodes[job.step.index] ?? null);
    if (job.step !== null && node === null) throw new LogisticsError('not_found', `The definition of execution ${job.step.executionId} is gone.`);
    const payload = await inputForAgent(this.#o, job, registry.get(job.task), node);
    const item = job.step?.item ?? null;
    const idempotencyKey = job.step === null ? job.jobId : `${job.step.executionId}/${node?.id}${item === null ? '' : `[${item}]`}`;
    return { ...lease, payload, stepId: node?.id ?? null, idempotencyKey };
  }

  /** What a worker says about a job that it holds; secrets that this process knows are masked. A worker of another principal is not found. */
  async report(p: {
    readonly workerId: string;
    /** Who says it. */
    readonly principal: string;
    readonly jobId: string;
    readonly token: number;
    readonly report: WorkerReport;
    readonly logs?: readonly JobLogLine[] | undefined;
    readonly usage?: UsageTotals | undefined;
  }): Promise<WorkerReportResult> {
    const { backend, decide } = this.#o;
    const masked = this.#masked(p.report);
    const report = masked.kind === 'complete' ? { ...masked, output: await this.#kept(p, masked.output) } : masked;
    const result = await backend.reportForWorker({ ...p, report, logs: (p.logs ?? []).map((line) => this.#maskedLine(line)), decide });
    if (result.kind !== 'not_found') this.#renewed(p.workerId);
    return result;
  }

  /** The output, or the reference of the artifact that its step asks for. */
  async #kept(
    { workerId, principal, jobId, token }: { readonly workerId: string; readonly principal: string; readonly jobId: string; readonly token: number },
    output: Json,
  ): Promise<Json> {
    const { backend, newId } = this.#o;
    const job = backend.getJob(jobId);
    if (job === null || job.executionId === null || job.stepId === null) return output;
    if (job.worker?.id !== workerId || backend.getWorker(workerId)?.principal !== principal) return output;
    const plan = backend.planOf(backend.getExecution(job.executionId)?.hash ?? '');
    const artifact = plan?.nodes[plan.indexOf.get(job.stepId) ?? -1]?.step.artifact;
    if (artifact === undefined) return output;
    const content = Buffer.from(typeof output === 'string' ? output : JSON.stringify(output, null, 2), 'utf8');
    const sha256 = createHash('sha256').update(content).digest('hex');
    try {
      const { id, name, mediaType, bytes } = await backend.putArtifact({
        id: newId('artifact'),
        jobId,
        token,
        executionId: job.executionId,
        ...artifact,
        content,
        sha256,
      });
      return { artifact: { id, name, mediaType, bytes, sha256 } };
    } catch (error) {
      // The report is then answered for what it is: a repeat, or one that comes too late.
      if (error instanceof LogisticsError && error.code === 'lease_lost') return output;
      throw error;
    }
  }

  #masked(report: WorkerReport): WorkerReport {
    const { redactor } = this.#o;
    switch (report.kind) {
      case 'complete':
        return { ...report, output: redactor.redactJson(storableOutput('the worker', report.output)) };
      case 'fail':
        return { ...report, error: redactor.redactJson(report.error as never) as never };
      case 'progress':
        return {
          ...report,
          message: report.message === null ? null : redactor.redactText(report.message),
          note: report.note === undefined ? undefined : redactor.redactJson(report.note),
        };
      case 'release':
        return { ...report, note: report.note === undefined ? undefined : redactor.redactJson(report.note) };
      case 'heartbeat':
        return report;
    }
  }

  #maskedLine(line: JobLogLine): JobLogLine {
    const { redactor } = this.#o;
    return { ...line, message: redactor.redactText(line.message), fields: line.fields === null ? null : redactor.redactJson(line.fields) };
  }

  /** Any call by a worker renews its lease; cheap when it was renewed a moment ago. */
  async touch(worker: { readonly id: string; readonly leaseMs: number }, principal: string): Promise<void> {
    const last = this.#renewedAt.get(worker.id) ?? Number.NEGATIVE_INFINITY;
    if (this.#o.now() - last < Math.min(RENEW_MS, worker.leaseMs / 3)) return;
    this.#renewed(worker.id);
    await this.#o.backend.renewWorker({ workerId: worker.id, principal });
  }

  /** The longest ago goes first. */
  #renewed(workerId: string): void {
    this.#renewedAt.delete(workerId);
    this.#renewedAt.set(workerId, this.#o.now());
    const [oldest] = this.#renewedAt.keys();
    if (this.#renewedAt.size > REMEMBERED && oldest !== undefined) this.#renewedAt.delete(oldest);
  }

  /** Gives all that the worker holds back, unharmed unless it crashed; false for one that is unknown or of another principal. */
  leave(workerId: string, principal: string, how: 'released' | 'crashed' = 'released'): Promise<boolean> {
    this.#renewedAt.delete(workerId);
    return this.#o.backend.leaveWorker({ workerId, principal, how, decide: this.#o.decide });
  }

  async #giveBack({ id, principal }: WorkerAgent, leases: readonly WorkerLease[]): Promise<void> {
    for (const { job } of leases) {
      try {
        const report: WorkerReport = { kind: 'release', note: undefined, unheard: true };
        await this.report({ workerId: id, principal, jobId: job.jobId, token: job.token, report });
      } catch (error) {
        // Its lease ends by itself.
        this.#o.logger.warn({ err: error, job_id: job.jobId }, 'a lease that nobody heard of could not be given back');
      }
    }
  }
}
