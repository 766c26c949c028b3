// Owns one job of `worker --exec`: the command is run with the lease on its standard input, watched, and what came of it is reported.
import { leaseToWire } from '../../tools/wire/lease.ts';
import { type ProcessResult, runProcess } from '../actions/process-tree.ts';
import { LogisticsError, toErrorData } from '../domain/errors.ts';
import { MAX_JOB_LOG_LINES } from '../domain/job.ts';
import type { Json } from '../domain/json.ts';
import { readTrace, traceVariables } from '../domain/trace-context.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { PARENT_VARIABLE } from '../runtime/current-work.ts';
import { SECRET_ENV_PREFIX } from '../runtime/secrets.ts';
import type { JobLogLine, WorkerReport, WorkerReportResult } from '../store/backend.ts';
import type { AgentLease } from '../task/worker-agents.ts';
import { agentOutput } from './agent-output.ts';
import { pauseFor } from './pause-for.ts';

export interface ExecCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Limit of one run, beside the job's own. */
  readonly timeoutMs: number | null;
}

export interface ExecJobOptions {
  readonly engine: OrchestrationEngine;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly command: ExecCommand;
  /** Aborted when the worker stops and its grace is over: the job is given back. */
  readonly stop: AbortSignal;
  /** The store did not take a report; it is tried again. */
  readonly onTrouble: (error: LogisticsError) => void;
}

export interface ExecOutcome {
  /** Of the job after the report; `lease_lost` when it was no longer ours. */
  readonly status: string;
  readonly code: string | null;
  readonly message: string | null;
  /** The command cannot be started at all, so no job can be done. */
  readonly broken: LogisticsError | null;
}

const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
const LOOK_MS = 500;
/** A report that the store did not take is tried again after this, then ever later up to the longest. */
const RETRY_MS = 200;
const RETRY_MAX_MS = 5_000;
/** As sysexits.h has them: bad data, bad configuration. Another try would end the same way. */
const NOT_RETRYABLE = new Set([65, 78]);

/** Whoever may start programs on this machine. */
export const EXEC_PRINCIPAL = 'local';

const LOST = new LogisticsError('lease_lost', 'The job is no longer held by this worker.');
const CANCELLED = new LogisticsError('cancelled', 'Cancelled on request.');

/** Runs the command for one lease and reports. Never throws for what the command does. */
export async function execJob(lease: AgentLease, o: ExecJobOptions): Promise<ExecOutcome> {
  const abort = new AbortController();
  const stopWatching = watch(lease, o, abort);
  const signal = AbortSignal.any([abort.signal, o.stop]);
  try {
    let rejected: Json = null;
    for (let run = 1; ; run++) {
      const result = await runOnce(lease, rejected, o, signal, abort);
      if (signal.aborted) return await ended(lease, abort.signal.aborted ? (abort.signal.reason as LogisticsError) : null, result, o);
      const fault = faultOf(result, o.command.file);
      if (result.startFault !== undefined) {
        await report(lease, { kind: 'release', note: undefined }, [], o);
        return { status: 'pending', code: null, message: null, broken: fault };
      }
      if (fault !== null) return outcomeOf(await report(lease, { kind: 'fail', error: fault.toData() }, logsOf(result, o), o), fault);
      const output = agentOutput(new TextDecoder().decode(result.stdout));
      const answer = await report(lease, { kind: 'complete', output }, logsOf(result, o), o);
      if (answer.kind !== 'output_invalid') return outcomeOf(answer, null);
      const faults = answer.faults.map(({ path, message }) => ({ path, message }));
      if (run > 1) return await rejectedTwice(lease, faults, result, o);
      rejected = { output, faults };
    }
  } finally {
    stopWatching();
  }
}

/** Looks whether the job is still ours and wanted, and keeps the lease. */
function watch(lease: AgentLease, { engine, workerId, leaseMs }: ExecJobOptions, abort: AbortController): () => void {
  const { jobId, token } = lease.job;
  const look = setInterval(
    () => {
      const job = seen(engine, jobId);
      if (job === undefined) return;
      if (job === null || job.status !== 'running' || job.worker?.id !== workerId) abort.abort(LOST);
      else if (job.cancelRequested) abort.abort(CANCELLED);
    },
    Math.min(LOOK_MS, leaseMs / 3),
  );
  const beat = setInterval(() => {
    engine.workerAgents.report({ workerId, principal: EXEC_PRINCIPAL, jobId, token, report: { kind: 'heartbeat' } }).then(
      (answer) => {
        if (answer.kind === 'lease_lost') abort.abort(LOST);
      },
      (error: unknown) => engine.logger.warn({ err: error, job_id: jobId }, 'a lease could not be renewed'),
    );
  }, leaseMs / 3);
  return () => {
    clearInterval(look);
    clearInterval(beat);
  };
}

/** Undefined while the store cannot be read: whether the job is ours is then not known. */
function seen(engine: OrchestrationEngine, jobId: string): ReturnType<OrchestrationEngine['backend']['getJob']> | undefined {
  try {
    return engine.backend.getJob(jobId);
  } catch {
    return undefined;
  }
}

async function runOnce(lease: AgentLease, rejected: Json, o: ExecJobOptions, signal: AbortSignal, abort: AbortController): Promise<ProcessResult> {
  const { command } = o;
  const limits = [command.timeoutMs, lease.job.timeoutMs, lease.job.deadlineAt === null ? null : lease.job.deadlineAt - o.engine.now];
  const limit = Math.min(...limits.map((ms) => ms ?? Number.POSITIVE_INFINITY), 2 ** 31 - 1);
  const timer = setTimeout(() => abort.abort(new LogisticsError('timeout', `The command took longer than ${limit} ms.`)), Math.max(0, limit));
  try {
    return await runProcess(
      {
        file: command.file,
        args: command.args,
        cwd: command.cwd,
        env: environment(lease, command.env),
        stdin: `${JSON.stringify({ ...leaseToWire(lease), ...(rejected === null ? {} : { rejected }) })}\n`,
        maxOutputBytes: MAX_OUTPUT_BYTES,
      },
      signal,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** The caller's environment without the secrets that are for steps, and what the job is called. */
function environment(lease: AgentLease, env: ExecCommand['env']): Record<string, string> {
  const { job } = lease;
  const kept = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith(SECRET_ENV_PREFIX));
  return {
    ...Object.fromEntries(kept),
    LOGISTICS_JOB_ID: job.jobId,
    [PARENT_VARIABLE]: job.jobId,
    LOGISTICS_TASK: job.task,
    LOGISTICS_QUEUE: job.queue,
    LOGISTICS_ATTEMPT: String(job.attempt),
    LOGISTICS_MAX_ATTEMPTS: String(job.retry.maxAttempts),
    LOGISTICS_LEASE_TOKEN: String(job.token),
    LOGISTICS_IDEMPOTENCY_KEY: lease.idempotencyKey,
    ...(job.step === null ? {} : { LOGISTICS_EXECUTION_ID: job.step.executionId, LOGISTICS_STEP_ID: lease.stepId ?? '' }),
    ...traceVariables((job.trace === null ? null : readTrace(job.trace)) ?? {}),
    ...(job.step?.item == null ? {} : { LOGISTICS_ITEM_INDEX: String(job.step.item) }),
  };
}

function faultOf({ exitCode, signal, startFault, stderr, stdout, truncated }: ProcessResult, file: string): LogisticsError | null {
  if (startFault !== undefined) {
    return new LogisticsError('command_failed', `${file} could not be started (${startFault}).`, {
      path: '--exec',
      retryable: false,
      nextActions: ['Write the program with its path, or put it into PATH.'],
    });
  }
  if (exitCode === 0 && truncated)
    return new LogisticsError('output_too_large', `${file} printed more than ${MAX_OUTPUT_BYTES} bytes.`, { expected: `at most ${MAX_OUTPUT_BYTES} bytes` });
  if (exitCode === 0) return null;
  const how = exitCode === undefined ? `was ended by ${signal ?? 'a signal'}` : `exited with ${exitCode}`;
  return new LogisticsError('command_failed', `${file} ${how}.`, {
    retryable: exitCode === undefined || !NOT_RETRYABLE.has(exitCode),
    details: { exitCode: exitCode ?? null, signal: signal ?? null, stderr: stderr.slice(-4_000), stdout: stdout.subarray(-4_000).toString('utf8') },
  });
}

/** After an abort: given back when the worker stops, said to have failed when it was cancelled or too slow, nothing when it is lost. */
async function ended(lease: AgentLease, reason: LogisticsError | null, result: ProcessResult, o: ExecJobOptions): Promise<ExecOutcome> {
  if (reason === LOST) return { status: 'lease_lost', code: LOST.code, message: LOST.message, broken: null };
  const what: WorkerReport = reason === null ? { kind: 'release', note: undefined } : { kind: 'fail', error: reason.toData() };
  return outcomeOf(await report(lease, what, logsOf(result, o), o), reason);
}

async function rejectedTwice(
  lease: AgentLease,
  faults: readonly { readonly path: string; readonly message: string }[],
  result: ProcessResult,
  o: ExecJobOptions,
): Promise<ExecOutcome> {
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const error = new LogisticsError('output_invalid', `The command printed an output that does not fit, twice: ${text}`, {
    retryable: true,
    details: { faults: faults.map((fault) => ({ ...fault })), stdout: result.stdout.subarray(-4_000).toString('utf8') },
  });
  return outcomeOf(await report(lease, { kind: 'fail', error: error.toData() }, logsOf(result, o), o), error);
}

/** Of the store, for now: the same call may work later. */
export function isPassing(error: unknown): error is LogisticsError {
  return error instanceof LogisticsError && error.retryable && error.code !== 'internal';
}

/**
 * While the store does not answer the report is tried again: what was done is not lost, and nobody can have taken the job meanwhile. The store knows a repeat,
 * and says when the lease is over. With the stop it is tried a last time. What the store will never take becomes the failure of the job.
 */
async function report(lease: AgentLease, what: WorkerReport, logs: readonly JobLogLine[], o: ExecJobOptions): Promise<WorkerReportResult> {
  const { engine, workerId, stop, onTrouble } = o;
  const { jobId, token } = lease.job;
  for (let pause = RETRY_MS; ; pause = Math.min(2 * pause, RETRY_MAX_MS)) {
    const last = stop.aborted;
    try {
      return await engine.workerAgents.report({ workerId, principal: EXEC_PRINCIPAL, jobId, token, report: what, logs });
    } catch (error) {
      if (!isPassing(error)) {
        if (what.kind !== 'complete') throw error;
        return await report(lease, { kind: 'fail', error: toErrorData(error, 'internal') }, [], o);
      }
      if (last) throw error;
      onTrouble(error);
      await pauseFor(pause, stop);
    }
  }
}

/** What the command said on standard error, its end when there was more. */
function logsOf({ stderr }: ProcessResult, { engine }: ExecJobOptions): JobLogLine[] {
  const lines = stderr.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.slice(-MAX_JOB_LOG_LINES).map((line) => ({ at: engine.now, level: 'info', message: line.slice(0, 8_000), fields: null }));
}

function outcomeOf(answer: WorkerReportResult, fault: LogisticsError | null): ExecOutcome {
  const status = answer.kind === 'ok' || answer.kind === 'replayed' ? answer.status : answer.kind;
  return { status, code: fault?.code ?? null, message: fault?.message ?? null, broken: null };
}
