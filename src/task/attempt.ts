// Owns one attempt of one job: its input, its context, its time limit, and an outcome in every case.
import { Buffer, isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { ActionContext, ActionTrace, ArtifactRef, TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { IdSource } from '../domain/id.ts';
import { MAX_JOB_LOG_LINES } from '../domain/job.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { PlanNode } from '../domain/plan.ts';
import { readTrace, type TraceContext, traceIdOf } from '../domain/trace-context.ts';
import type { Decide } from '../domain/transition.ts';
import { addUsage, NO_USAGE, Usage, type UsageReport, type UsageTotals } from '../domain/usage.ts';
import type { CurrentWork } from '../runtime/current-work.ts';
import type { Redactor } from '../runtime/redact.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { AttemptOutcome, ClaimedJob, JobLogLine } from '../store/backend.ts';
import { type InputSources, inputOf } from './step-input.ts';
import { storableError, storableFields, storableOutput } from './storable.ts';
import type { TaskRegistry } from './task-registry.ts';

export interface AttemptSources extends InputSources {
  readonly registry: TaskRegistry;
  readonly redactor: Redactor;
  readonly now: () => number;
  readonly newId: IdSource;
  readonly decide: Decide;
  readonly currentWork: CurrentWork;
  /** Absent where nothing is traced. */
  readonly tracing?: Tracing | null | undefined;
}

// A handler that ignores its signal is left behind after this long; its late result is refused by the fencing token.
const ABANDON_MS = 2_000;
const PROGRESS_EVERY_MS = 250;
const MAX_LOG_CHARS = 8_192;
const LEVELS: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error']);
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Attempt {
  readonly job: ClaimedJob;
  /** Of the process registration that holds the claim. */
  readonly epoch: number;
  readonly controller = new AbortController();
  readonly #sources: AttemptSources;
  readonly #node: PlanNode | null;
  #logs: JobLogLine[] = [];
  #logged = 0;
  #progressAt = 0;
  #progress: { share: number; message: string | null } | null = null;
  #usage: UsageTotals | null = null;
  /** Something of it is not stored yet. */
  #usageNews = false;
  #reporting: NodeJS.Timeout | null = null;
  #limit: NodeJS.Timeout | null = null;
  #trace: TraceContext | null;

  constructor(job: ClaimedJob, epoch: number, node: PlanNode | null, sources: AttemptSources) {
    this.job = job;
    this.epoch = epoch;
    this.#node = node;
    this.#sources = sources;
    this.#trace = job.trace === null ? null : readTrace(job.trace);
  }

  /** What each log line about it says. */
  get about(): Record<string, string | number> {
    const { job } = this;
    return {
      job_id: job.jobId,
      ...(job.step === null ? {} : { execution_id: job.step.executionId, step_id: this.#node?.id ?? '' }),
      ...(job.step?.item == null ? {} : { item_index: job.step.item }),
      ...(job.sessionId === null ? {} : { session_id: job.sessionId }),
      ...(this.#trace === null ? {} : { trace_id: traceIdOf(this.#trace) }),
      queue: job.queue,
      task: job.task,
      attempt: job.attempt,
    };
  }

  /** Asks the handler to stop; `reason` becomes its error. */
  abort(reason: LogisticsError): void {
    this.controller.abort(reason);
  }

  /** What it has used in all, or undefined when nothing was reported. */
  get usage(): UsageTotals | undefined {
    return this.#usage ?? undefined;
  }

  takeLogs(): readonly JobLogLine[] {
    const lines = this.#logs;
    this.#logs = [];
    return lines;
  }

  /** Never throws. */
  run(): Promise<AttemptOutcome> {
    const { tracing } = this.#sources;
    if (!tracing) return this.#run();
    const { job } = this;
    const attributes = {
      'messaging.system': 'logistics',
      'messaging.operation.type': 'process',
      'messaging.destination.name': job.queue,
      'messaging.message.id': job.jobId,
      'logistics.task': job.task,
      'logistics.attempt': job.attempt,
      ...(job.step === null ? {} : { 'logistics.execution_id': job.step.executionId, 'logistics.step_id': this.#node?.id ?? '' }),
      ...(job.sessionId === null ? {} : { 'logistics.session_id': job.sessionId }),
    };
    return tracing.span({ name: `run ${job.task}`, kind: 'consumer', parent: this.#trace, attributes }, async (span) => {
      this.#trace = span.context;
      const outcome = await this.#run();
      if (outcome.status === 'failed') span.fail(outcome.error.code);
      return outcome;
    });
  }

  async #run(): Promise<AttemptOutcome> {
    const limit = this.#timeLimit();
    if (limit !== null) this.#armLimit(limit.ms, limit.error);
    try {
      const type = this.#sources.registry.requireFor(this.job.task, this.job.step?.began ?? null);
      const output = await this.#race(this.#work(type));
      return { status: 'completed', output };
    } catch (error) {
      return { status: 'failed', error: this.#sources.redactor.redactJson(storableError(this.#nameOf(error)) as never) as never };
    } finally {
      if (this.#limit !== null) clearTimeout(this.#limit);
      if (this.#reporting !== null) clearTimeout(this.#reporting);
    }
  }

  /** setTimeout overflows past 24.8 days, so a longer limit is slept in parts. */
  #armLimit(ms: number, error: LogisticsError): void {
    const part = Math.min(ms, LONGEST_TIMER_MS);
    this.#limit = setTimeout(() => (ms > part ? this.#armLimit(ms - part, error) : this.abort(error)), part);
  }

  /** A handler that fails because it was asked to stop failed for that reason. */
  #nameOf(error: unknown): unknown {
    const { signal } = this.controller;
    return signal.aborted && signal.reason instanceof LogisticsError ? signal.reason : error;
  }

  async #work(type: TaskType): Promise<Json> {
    const { redactor } = this.#sources;
    const input = await inputOf(this.#sources, this.job, type, this.#node);
    this.controller.signal.throwIfAborted();
    const raw = await this.#sources.currentWork.run(this.job.jobId, () => type.run(input as never, this.#context()));
    const output = redactor.redactJson(storableOutput(type.type, raw));
    if (type.output !== undefined) {
      const parsed = await type.output.safeParseAsync(output);
      if (!parsed.success) {
        throw new LogisticsError(
          'output_invalid',
          `The output of ${type.type} does not fit its schema: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}.`,
        );
      }
    }
    const artifact = this.#node?.step.artifact;
    if (artifact === undefined) return output;
    const text = typeof output === 'string' ? output : JSON.stringify(output, null, 2);
    return { ...(await this.#putArtifact(artifact.name, text, artifact.mediaType)) };
  }

  /** Waits for the handler, but after an abort only a little longer. */
  #race(work: Promise<Json>): Promise<Json> {
    const { signal } = this.controller;
    return new Promise<Json>((resolve, reject) => {
      let abandon: NodeJS.Timeout | null = null;
      const onAbort = (): void => {
        abandon = setTimeout(() => reject(signal.reason), ABANDON_MS);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const done = (): void => {
        signal.removeEventListener('abort', onAbort);
        if (abandon !== null) clearTimeout(abandon);
      };
      work.then(
        (value) => {
          done();
          resolve(value);
        },
        (error: unknown) => {
          done();
          reject(error);
        },
      );
    });
  }

  #timeLimit(): { readonly ms: number; readonly error: LogisticsError } | null {
    const { timeoutMs, deadlineAt } = this.job;
    const left = deadlineAt === null ? null : Math.max(0, deadlineAt - this.#sources.now());
    if (timeoutMs === null && left === null) return null;
    if (left !== null && (timeoutMs === null || left < timeoutMs))
      return { ms: left, error: new LogisticsError('timeout', 'The deadline passed.', { retryable: false }) };
    return { ms: timeoutMs as number, error: new LogisticsError('timeout', `The attempt took longer than ${timeoutMs} ms.`) };
  }

  #context(): ActionContext {
    const { job } = this;
    const item = job.step?.item ?? null;
    const stepId = this.#node?.id ?? null;
    return {
      jobId: job.jobId,
      executionId: job.step?.executionId ?? null,
      stepId,
      itemIndex: item,
      sessionId: job.sessionId,
      idempotencyKey: job.step === null ? job.jobId : `${job.step.executionId}/${stepId}${item === null ? '' : `[${item}]`}`,
      attempt: job.attempt,
      maxAttempts: job.retry.maxAttempts,
      signal: this.controller.signal,
      trace: this.#actionTrace(),
      log: (level, message, fields) => this.#log(level, message, fields),
      progress: (share, message) => this.#report(share, message ?? null),
      reportUsage: (usage) => this.#addUsage(usage),
      putArtifact: (name, content, mediaType) => this.#putArtifact(name, content, mediaType),
    };
  }

  #actionTrace(): ActionTrace | undefined {
    const context = this.#trace;
    if (context === null) return undefined;
    const { tracing } = this.#sources;
    return {
      context,
      client: (name, attributes, call) =>
        tracing ? tracing.span({ name, kind: 'client', parent: context, attributes }, (span) => call(span.context)) : call(context),
    };
  }

  #log(level: string, message: string, fields?: JsonObject): void {
    const { redactor, now } = this.#sources;
    if (this.#logged === MAX_JOB_LOG_LINES)
      this.#logs.push({ at: now(), level: 'warn', message: `Further lines are not kept (limit ${MAX_JOB_LOG_LINES}).`, fields: null });
    if (this.#logged++ >= MAX_JOB_LOG_LINES) return;
    const written = typeof message === 'string' ? message : String(message);
    // Masked before it is cut: half a secret would not be recognised.
    const text = redactor.redactText(written);
    const kept = storableFields(fields);
    this.#logs.push({
      at: now(),
      level: LEVELS.has(level) ? level : 'info',
      message: text.length > MAX_LOG_CHARS ? `${text.slice(0, MAX_LOG_CHARS)}…` : text,
      fields: kept === null ? null : redactor.redactJson(kept),
    });
    this.#scheduleReport();
  }

  #report(share: number, message: string | null): void {
    if (!Number.isFinite(share)) return;
    this.#progress = {
      share: Math.min(1, Math.max(0, share)),
      message: message === null ? null : this.#sources.redactor.redactText(String(message)).slice(0, 500),
    };
    this.#scheduleReport();
  }

  #addUsage(usage: UsageReport): void {
    this.#usage = addUsage(this.#usage ?? NO_USAGE, parseInput(Usage, usage, 'The usage is wrong', 'usage'));
    this.#usageNews = true;
    this.#scheduleReport();
  }

  /** Progress and log lines reach the store a few times a second at most, and the lines left with the result. */
  #scheduleReport(): void {
    if (this.#reporting !== null || (this.#progress === null && !this.#usageNews)) return;
    const wait = Math.max(0, this.#progressAt + PROGRESS_EVERY_MS - this.#sources.now());
    this.#reporting = setTimeout(() => {
      this.#reporting = null;
      this.#progressAt = this.#sources.now();
      const progress = this.#progress;
      if (progress === null && !this.#usageNews) return;
      this.#progress = null;
      this.#usageNews = false;
      const told = { ...(progress ?? { share: null, message: null }), logs: this.takeLogs(), usage: this.usage, decide: this.#sources.decide };
      void this.#sources.backend.reportProgress({ jobId: this.job.jobId, token: this.job.token, ...told }).catch(() => undefined);
    }, wait);
    this.#reporting.unref();
  }

  async #putArtifact(name: string, content: string | Uint8Array, mediaType: string): Promise<ArtifactRef> {
    if (typeof name !== 'string' || name === '' || name.length > 255 || typeof mediaType !== 'string' || mediaType.length > 255) {
      throw new LogisticsError('invalid_input', 'The artifact has no usable name or media type.', { path: 'name', expected: 'texts of 1 to 255 characters' });
    }
    if (typeof content !== 'string' && !(content instanceof Uint8Array)) {
      throw new LogisticsError('invalid_input', `The content of the artifact ${name} is neither text nor bytes.`, {
        path: 'content',
        expected: 'a string or a Uint8Array',
      });
    }
    const bytes = maskedBytes(content, this.#sources.redactor);
    if (bytes.length > 64 * 1024 * 1024)
      throw new LogisticsError('output_too_large', `The artifact ${name} has ${bytes.length} bytes.`, { expected: 'at most 64 MiB' });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const info = await this.#sources.backend.putArtifact({
      id: this.#sources.newId('artifact'),
      jobId: this.job.jobId,
      token: this.job.token,
      executionId: this.job.step?.executionId ?? null,
      name,
      mediaType,
      content: bytes,
      sha256,
    });
    return { artifact: { id: info.id, name: info.name, mediaType: info.mediaType, bytes: info.bytes, sha256: info.sha256 } };
  }
}

/** Text in bytes is masked as text, other bytes as Latin-1, which changes nothing but what is masked. */
function maskedBytes(content: string | Uint8Array, redactor: Redactor): Uint8Array {
  if (typeof content === 'string') return Buffer.from(redactor.redactText(content), 'utf8');
  if (redactor.empty) return content;
  const encoding = isUtf8(content) ? 'utf8' : 'latin1';
  return Buffer.from(redactor.redactText(Buffer.from(content).toString(encoding)), encoding);
}
