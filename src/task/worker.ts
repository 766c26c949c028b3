// Owns running jobs in this process: it claims no more than it has slots for, settles each attempt exactly once, and gives back
// what it cannot finish when it stops.
import PQueue from 'p-queue';
import { LogisticsError } from '../domain/errors.ts';
import type { Logger } from '../domain/log.ts';
import type { Service } from '../domain/service.ts';
import type { Decide } from '../domain/transition.ts';
import type { ClaimedJob, CommitNotice } from '../store/backend.ts';
import { Attempt, type AttemptSources } from './attempt.ts';

export interface WorkerOptions extends AttemptSources {
  readonly decide: Decide;
  readonly namespace: string;
  readonly concurrency: number;
  readonly claimBatch: number;
  readonly shutdownGraceMs: number;
  readonly epoch: () => number;
  readonly logger: Logger;
  /** Only jobs of these queues; default: all. */
  readonly queues?: readonly string[] | undefined;
}

// With nothing to do, look again this often: a commit of another process is noticed by the change poller, this is the net below.
const IDLE_MS = 2_000;
const SETTLE_AGAIN_MS = 5_000;

export class Worker implements Service {
  readonly name = 'worker';
  readonly #o: WorkerOptions;
  readonly #slots: PQueue;
  readonly #running = new Map<string, Attempt>();
  /** Handlers that have ended and whose result is not stored yet. */
  readonly #settling = new Set<string>();
  /** Jobs asked to stop while a claim is on its way: it may bring them. */
  readonly #stopsWhileClaiming = new Map<string, boolean>();
  #free: number;
  #claiming = false;
  #again = false;
  #claimSoon = false;
  #started = false;
  #idle: NodeJS.Timeout | null = null;
  #drained: (() => void)[] = [];

  constructor(options: WorkerOptions) {
    this.#o = options;
    this.#slots = new PQueue({ concurrency: options.concurrency });
    this.#free = options.concurrency;
  }

  get running(): number {
    return this.#running.size;
  }

  start(): void {
    this.#started = true;
    this.wake();
  }

  /** Finishes what runs within the grace period, then aborts and gives back the rest. */
  async stop(): Promise<void> {
    this.#started = false;
    if (this.#idle !== null) clearTimeout(this.#idle);
    if (!(await this.#allDone(this.#o.shutdownGraceMs))) {
      for (const attempt of this.#running.values()) attempt.abort(STOPPING);
      await this.#allDone(3_000);
    }
  }

  #allDone(limitMs: number): Promise<boolean> {
    if (this.#running.size === 0 && !this.#claiming) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      this.#drained.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  notify(notice: CommitNotice): void {
    for (const { jobId, forced } of notice.stopJobs) {
      const attempt = this.#running.get(jobId);
      if (attempt !== undefined) attempt.abort(forced ? ENDED : CANCELLED);
      else if (this.#claiming) this.#stopsWhileClaiming.set(jobId, forced);
    }
    if (notice.foreign) this.#guarded(() => this.#stopLost());
    if (notice.foreign ? this.#seesWork() : notice.jobsReady) this.wake();
  }

  /** Looks before it claims: a claim takes the write lock, which other processes need. */
  #seesWork(): boolean {
    const { backend, namespace, registry, queues } = this.#o;
    if (!this.#started || this.#free === 0) return false;
    return this.#guarded(() => backend.hasReadyJobs({ namespace, capabilities: registry.capabilities(), queues })) ?? false;
  }

  #lookLater(): void {
    this.#idle = setTimeout(() => {
      if (this.#seesWork()) this.wake();
      else if (this.#started) this.#lookLater();
    }, IDLE_MS);
    this.#idle.unref();
  }

  /** Another process may have cancelled, or taken back, what runs here: one narrow read, however much runs. */
  #stopLost(): void {
    if (this.#running.size === 0) return;
    const held = new Map(this.#o.backend.runningJobs({ epoch: this.#o.epoch() }).map((row) => [row.jobId, row]));
    for (const [jobId, attempt] of this.#running) {
      const row = held.get(jobId);
      if (row === undefined || row.token !== attempt.job.token) attempt.abort(LOST);
      else if (row.cancelRequested) attempt.abort(CANCELLED);
    }
  }

  /**
   * Gives back jobs that the store says run here and that do not: a claim whose commit ended unknown, a result that could not be
   * stored. No lease ends them, for this process is alive.
   */
  async giveBackOrphans(): Promise<void> {
    if (!this.#started || this.#claiming) return;
    for (const { jobId, token } of this.#o.backend.runningJobs({ epoch: this.#o.epoch() })) {
      if (this.#running.has(jobId) || this.#settling.has(jobId)) continue;
      this.#o.logger.warn({ job_id: jobId }, 'the store says this job runs here, but it does not; it is given back');
      await this.#o.backend.settleJob({ jobId, token, outcome: { status: 'released' }, logs: [], decide: this.#o.decide });
    }
  }

  /** A read can fail (another process recovers the file, a connection is being replaced); the next look comes soon. */
  #guarded<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#o.logger.warn({ err: error }, 'a look at the store failed');
      return undefined;
    }
  }

  wake(): void {
    if (!this.#started) return;
    if (this.#claiming) {
      this.#again = true;
      return;
    }
    void this.tick();
  }

  /** One claim for all slots that become free in this turn: it is asked for before their results are stored, so it rides in their commit. */
  #claimWithResults(): void {
    if (this.#claimSoon) return;
    this.#claimSoon = true;
    setImmediate(() => {
      this.#claimSoon = false;
      this.wake();
    });
  }

  /** One claim; resolves when what it brought has started. */
  async tick(): Promise<number> {
    if (this.#free === 0 || this.#claiming) return IDLE_MS;
    this.#claiming = true;
    this.#again = false;
    if (this.#idle !== null) clearTimeout(this.#idle);
    const limit = Math.min(this.#free, Math.max(this.#o.claimBatch, 1));
    const epoch = this.#o.epoch();
    try {
      const jobs = await this.#o.backend.claimJobs({
        epoch,
        namespace: this.#o.namespace,
        capabilities: this.#o.registry.capabilities(),
        limit,
        queues: this.#o.queues,
      });
      for (const job of jobs) this.#begin(job, epoch);
      if (jobs.length === limit) this.#again = true;
    } catch (error) {
      this.#o.logger.error({ err: error }, 'claim failed');
    } finally {
      this.#claiming = false;
      this.#stopsWhileClaiming.clear();
    }
    if (this.#running.size === 0) this.#tellDrained();
    if (this.#started) {
      if (this.#again && this.#free > 0) this.wake();
      else this.#lookLater();
    }
    return IDLE_MS;
  }

  #begin(job: ClaimedJob, epoch: number): void {
    const plan = job.step === null ? null : this.#guarded(() => this.#o.backend.planOf(job.step?.hash ?? ''));
    if (plan === undefined || (plan === null && job.step !== null)) {
      // Without its plan it cannot start now; the sweep gives it back.
      this.#o.logger.error({ job_id: job.jobId, execution_id: job.step?.executionId, attempt: job.attempt }, 'the plan of a claimed step could not be read');
      return;
    }
    const attempt = new Attempt(job, epoch, plan === null || job.step === null ? null : (plan.nodes[job.step.index] ?? null), this.#o);
    // Claimed while the process was told to stop: nothing starts any more.
    if (!this.#started) attempt.abort(STOPPING);
    const forced = this.#stopsWhileClaiming.get(job.jobId);
    if (forced !== undefined) attempt.abort(forced ? ENDED : CANCELLED);
    // After a freeze of this process an earlier attempt of the same job may still run here; its token is stale.
    this.#running.get(job.jobId)?.abort(LOST);
    this.#free--;
    this.#running.set(job.jobId, attempt);
    void this.#slots.add(() => this.#run(attempt));
  }

  async #run(attempt: Attempt): Promise<void> {
    const { job } = attempt;
    const { signal } = attempt.controller;
    const { logger } = this.#o;
    const isTold = logger.isLevelEnabled?.('debug') !== false;
    if (isTold) logger.debug(attempt.about, 'attempt started');
    const outcome = signal.reason === STOPPING ? ({ status: 'released' } as const) : await attempt.run();
    const released = signal.reason === STOPPING && outcome.status === 'failed';
    if (outcome.status === 'failed' && !released) logger.info({ ...attempt.about, code: outcome.error.code, error: outcome.error.message }, 'attempt failed');
    else if (isTold) logger.debug(attempt.about, released ? 'attempt given back' : 'attempt completed');
    // The slot is free once the handler is done; the next claim shares the commit that stores this result.
    this.#free++;
    if (this.#running.get(job.jobId) === attempt) this.#running.delete(job.jobId);
    this.#claimWithResults();
    const settled = this.#settle(attempt, released ? { status: 'released' } : outcome);
    await settled;
    if (this.#running.size === 0) this.#tellDrained();
  }

  async #settle(attempt: Attempt, outcome: Parameters<WorkerOptions['backend']['settleJob']>[0]['outcome']): Promise<void> {
    const { job } = attempt;
    this.#settling.add(job.jobId);
    try {
      for (let round = 0; ; round++) {
        if (await this.#trySettle(attempt, outcome, round)) return;
        await new Promise((resolve) => setTimeout(resolve, Math.min(SETTLE_AGAIN_MS, 10 * 2 ** round)));
      }
    } finally {
      this.#settling.delete(job.jobId);
    }
  }

  /** True when nothing more can be done: stored, refused, or a fault that time does not mend (the sweep then gives the job back). */
  async #trySettle(attempt: Attempt, outcome: Parameters<WorkerOptions['backend']['settleJob']>[0]['outcome'], round: number): Promise<boolean> {
    const { job } = attempt;
    try {
      const logs = round === 0 ? attempt.takeLogs() : [];
      const result = await this.#o.backend.settleJob({ jobId: job.jobId, token: job.token, outcome, logs, usage: attempt.usage, decide: this.#o.decide });
      if (result.kind === 'lease_lost') this.#o.logger.warn(attempt.about, 'result refused: another holder has this job, or it was ended');
      return true;
    } catch (error) {
      // The result of finished work is worth waiting for: a full disk may have room again in a minute.
      const retryable = this.#started && error instanceof LogisticsError && error.retryable && error.code !== 'shutting_down' && error.code !== 'internal';
      if (round === 0 || !retryable)
        this.#o.logger.error({ err: error, ...attempt.about }, retryable ? 'result not stored yet; trying on' : 'result could not be stored');
      return !retryable;
    }
  }

  #tellDrained(): void {
    if (this.#claiming) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

const CANCELLED = new LogisticsError('cancelled', 'Cancelled on request.');
const ENDED = new LogisticsError('lease_lost', 'The job was ended.');
const LOST = new LogisticsError('lease_lost', 'Another process has this job, or it was ended.');
const STOPPING = new LogisticsError('shutting_down', 'This process is stopping; the job is given back.');
