// Owns `worker --exec`: a worker agent that leases jobs and does each by running a command; it stops taking, then finishes or gives back.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { parseDuration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import type { AgentClaim, AgentLease } from '../task/worker-agents.ts';
import { type CommandContext, EXIT } from './command-context.ts';
import { commandWords } from './command-words.ts';
import { takeFromDead } from './dead-workers.ts';
import { EXEC_PRINCIPAL, type ExecCommand, type ExecOutcome, execJob, isPassing } from './exec-job.ts';
import { interruptible } from './interrupt.ts';
import { withEngine } from './open.ts';
import { pauseFor } from './pause-for.ts';
import { sign } from './render/symbols.ts';
import { count } from './render/text.ts';

export interface ExecFlags {
  readonly exec: string;
  readonly name?: string;
  readonly concurrency?: string;
  readonly queue?: readonly string[];
  readonly capability?: readonly string[];
  readonly lease?: string;
  readonly timeout?: string;
  readonly once?: boolean;
}

interface Settings {
  readonly name: string;
  readonly command: ExecCommand;
  readonly capabilities: readonly string[];
  readonly queue: string | undefined;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly once: boolean;
}

const DEFAULT_LEASE_MS = 600_000;
const MIN_LEASE_MS = 1_000;
const MAX_LEASE_MS = 86_400_000;
const MAX_CONCURRENCY = 100;
const POLL_MS = 60_000;
/** After a claim that the store did not take, or that gave nothing at once. */
const PAUSE_MS = 1_000;

const STOPPING = new LogisticsError('shutting_down', 'The worker is stopping; the job is given back.');

export async function execWorker(context: CommandContext, flags: ExecFlags): Promise<number> {
  const settings = settingsOf(context, flags);
  return interruptible(
    context.io,
    () => context.out.note('stopping: no further job is taken, what runs may finish within the grace period; once more ends at once'),
    (signal) =>
      withEngine(
        context,
        'client',
        ({ engine, loaded: { config } }) => {
          if (!engine.backend.capabilities.shared)
            throw new LogisticsError('invalid_input', 'A worker on a store in memory would never see a job.', {
              path: 'store',
              expected: 'a store that processes share',
              nextActions: ['Leave out --store in_memory.'],
            });
          return new ExecWorker(context, engine, settings, config.limits.shutdownGraceMs).run(signal);
        },
        { host: 'worker --exec' },
      ),
  );
}

function settingsOf({ io: { context } }: CommandContext, flags: ExecFlags): Settings {
  const [file, ...args] = commandWords(flags.exec, '--exec');
  if ((flags.queue?.length ?? 0) > 1)
    throw new LogisticsError('invalid_input', `A worker agent takes from one queue, or from all; ${flags.queue?.length} are given.`, {
      path: '--queue',
      expected: 'one queue',
      nextActions: ['Start one worker per queue.'],
    });
  const { timeout, lease } = flags;
  return {
    // Of this process alone: two that share a name would take each other's jobs for their own.
    name: `${flags.name ?? `${basename(file)}@${hostname()}`}-${randomBytes(3).toString('hex')}`,
    command: { file, args, cwd: context.cwd, env: context.env, timeoutMs: timeout === undefined ? null : duration(timeout, '--timeout', 1, MAX_LEASE_MS) },
    capabilities: flags.capability ?? [],
    queue: flags.queue?.[0],
    concurrency: flags.concurrency === undefined ? 1 : whole(flags.concurrency, '--concurrency'),
    leaseMs: lease === undefined ? DEFAULT_LEASE_MS : duration(lease, '--lease', MIN_LEASE_MS, MAX_LEASE_MS),
    once: flags.once === true,
  };
}

function duration(text: string, flag: string, min: number, max: number): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= min && ms <= max) return ms;
  throw new LogisticsError('invalid_input', `${JSON.stringify(text)} does not fit ${flag}.`, {
    path: flag,
    expected: `a duration from ${min} ms to 24h, such as 10m`,
  });
}

function whole(text: string, flag: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_CONCURRENCY) return value;
  throw new LogisticsError('invalid_input', `${JSON.stringify(text)} does not fit ${flag}.`, { path: flag, expected: `1 to ${MAX_CONCURRENCY}` });
}

class ExecWorker {
  readonly #context: CommandContext;
  readonly #engine: OrchestrationEngine;
  readonly #settings: Settings;
  readonly #graceMs: number;
  /** By job and token. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #broken: LogisticsError | null = null;
  #failed = false;
  /** The store was said to be away. */
  #troubled = false;
  #workerId: string | null = null;

  constructor(context: CommandContext, engine: OrchestrationEngine, settings: Settings, graceMs: number) {
    this.#context = context;
    this.#engine = engine;
    this.#settings = settings;
    this.#graceMs = graceMs;
  }

  async run(signal: AbortSignal): Promise<number> {
    const { name, command, concurrency, capabilities, once } = this.#settings;
    const words = [command.file, ...command.args].join(' ');
    this.#tell({ event: 'started', pid: process.pid, worker: name, namespace: this.#engine.namespace, capabilities, command: words }, [
      `${name} takes work${capabilities.length === 0 ? '' : ` for [${capabilities.join(', ')}]`}, ${count(concurrency, 'job')} at once: ${words}`,
    ]);
    const stopped = aborted(signal);
    try {
      await takeFromDead(this.#engine);
      while (!signal.aborted && this.#broken === null) {
        if (this.#running.size >= concurrency) {
          await Promise.race([...this.#running.values(), stopped]);
          continue;
        }
        const claim = await this.#claim(signal);
        if (claim === null) continue;
        for (const lease of claim.leases) this.#begin(lease);
        const strays = await this.#giveBackStrays(claim);
        if (claim.leases.length > 0 || strays) continue;
        if (once) break;
        // Full of what could not be given back: it is looked at again, not all the time.
        if (claim.held.length >= concurrency) await pauseFor(PAUSE_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted && this.#broken === null) throw error;
    } finally {
      await this.#finish(signal);
    }
    if (this.#broken !== null) throw this.#broken;
    this.#tell({ event: 'stopped' }, ['stopped']);
    return once && this.#failed ? EXIT.failed : EXIT.ok;
  }

  /** Null when the store did not take it for now; the loop then comes back after a pause. */
  async #claim(signal: AbortSignal): Promise<AgentClaim | null> {
    const { name, capabilities, concurrency, leaseMs, queue, once } = this.#settings;
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    const labels = { host: hostname(), pid: process.pid, process: this.#engine.epoch };
    try {
      const claim = await this.#engine.workerAgents.claim({
        worker: { id: this.#workerId, name, principal: EXEC_PRINCIPAL, capabilities, labels, capacity: concurrency, leaseMs },
        limit: concurrency - this.#running.size,
        queue,
        waitMs: once ? 0 : POLL_MS,
        signal: stop,
      });
      this.#workerId = claim.worker.id;
      this.#troubled = false;
      return claim;
    } catch (error) {
      if (stop.aborted) return null;
      // Forgotten with other old rows, after a silence longer than the retention: it registers anew.
      if (this.#workerId !== null && error instanceof LogisticsError && error.code === 'not_found') this.#workerId = null;
      else if (isPassing(error) && !once) this.#onTrouble(error);
      else throw error;
      await pauseFor(PAUSE_MS, stop);
      return null;
    }
  }

  /** Held without being run here: the answer of a claim was lost, or a report was given up. True when it has been given back. */
  async #giveBackStrays({ held, worker }: AgentClaim): Promise<boolean> {
    let any = false;
    for (const { job } of held) {
      if (this.#running.has(runKey(job))) continue;
      const report = { kind: 'release', note: undefined } as const;
      try {
        await this.#engine.workerAgents.report({ workerId: worker.id, principal: EXEC_PRINCIPAL, jobId: job.jobId, token: job.token, report });
        any = true;
      } catch (error) {
        this.#engine.logger.warn({ err: error, job_id: job.jobId }, 'a job that is not run here could not be given back');
      }
    }
    return any;
  }

  #onTrouble(error: LogisticsError): void {
    if (this.#troubled) return;
    this.#troubled = true;
    this.#tell({ event: 'trouble', code: error.code, message: error.message }, [`${error.code}: ${error.message} It is tried again.`]);
  }

  #begin(lease: AgentLease): void {
    const { command, leaseMs } = this.#settings;
    const startedAt = performance.now();
    this.#tell({ event: 'claimed', job_id: lease.job.jobId, attempt: lease.job.attempt }, []);
    const onTrouble = (error: LogisticsError): void => this.#onTrouble(error);
    const options = { engine: this.#engine, workerId: this.#workerId as string, leaseMs, command, stop: this.#stop.signal, onTrouble };
    const work = execJob(lease, options)
      .then(
        (outcome) => this.#tellOutcome(lease, outcome, performance.now() - startedAt),
        (error: unknown) => this.#engine.logger.error({ err: error, job_id: lease.job.jobId }, 'what came of a job could not be reported'),
      )
      .finally(() => this.#running.delete(runKey(lease.job)));
    this.#running.set(runKey(lease.job), work);
  }

  #tellOutcome(lease: AgentLease, outcome: ExecOutcome, durationMs: number): void {
    const { job } = lease;
    if (outcome.broken !== null) this.#giveUp(outcome.broken);
    if (outcome.status !== 'completed') this.#failed = true;
    const { status, code, message } = outcome;
    const took = Math.round(durationMs);
    const what = lease.stepId === null ? (job.name ?? job.task) : `${lease.stepId}${job.step?.item == null ? '' : `[${job.step.item}]`}`;
    this.#tell({ event: 'job', job_id: job.jobId, status, attempt: job.attempt, duration_ms: took, ...(code === null ? {} : { code, message }) }, [
      `${sign(status, this.#context.out.colors)} ${status}  ${what}  ${job.jobId}  ${took} ms${code === null ? '' : `  ${code}: ${message}`}`,
    ]);
  }

  #giveUp(why: LogisticsError): void {
    this.#broken ??= why;
    this.#stop.abort(STOPPING);
  }

  /** What runs may end by itself within the grace period; then its processes are ended and the jobs given back. */
  async #finish(signal: AbortSignal): Promise<void> {
    let grace: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      grace = setTimeout(() => this.#stop.abort(STOPPING), this.#graceMs);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    while (this.#running.size > 0) await Promise.allSettled([...this.#running.values()]);
    clearTimeout(grace);
    signal.removeEventListener('abort', onAbort);
    if (this.#workerId === null) return;
    await this.#engine.workerAgents
      .leave(this.#workerId, EXEC_PRINCIPAL)
      .catch((error: unknown) => this.#engine.logger.warn({ err: error }, 'the worker could not sign off; its lease ends by itself'));
  }

  /** Standard output is for programs; people read along on standard error. */
  #tell(event: Readonly<Record<string, unknown>>, lines: readonly string[]): void {
    const { out } = this.#context;
    if (out.json) out.line(event, []);
    else for (const line of lines) out.note(line);
  }
}

function runKey({ jobId, token }: { readonly jobId: string; readonly token: number }): string {
  return `${jobId}/${token}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
