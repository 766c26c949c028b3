// Owns the thread in which nested loops run: started on first use, one template at a time, ended when its time is up.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type ErrorData, LogisticsError } from '../domain/errors.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { ExpressionLimits } from './limits.ts';

/** What the thread is asked. */
export interface RenderRequest {
  readonly template: Json;
  readonly values: JsonObject;
  readonly failed: boolean;
}

/** `ready` once after the start, then one answer per request. */
export type RenderReply = { readonly ready: true } | { readonly value: Json } | { readonly error: ErrorData };

interface Pending {
  readonly request: RenderRequest;
  readonly limitMs: number;
  readonly resolve: (value: Json) => void;
  readonly reject: (error: LogisticsError) => void;
}

/** Starting takes about 100 ms; it does not count against the limit of a template. */
const START_LIMIT_MS = 30_000;

export class RenderThread {
  readonly #limits: ExpressionLimits;
  readonly #queue: Pending[] = [];
  #worker: Worker | undefined;
  #ready = false;
  #current: Pending | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(limits: ExpressionLimits) {
    this.#limits = limits;
  }

  /** Value of the template, or LogisticsError; `limitMs` counts from when the thread begins with it. */
  render(request: RenderRequest, limitMs: number): Promise<Json> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, limitMs, resolve, reject });
      this.#next();
    });
  }

  /** Ends the thread; templates under way are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const pending = [...(this.#current ? [this.#current] : []), ...this.#queue.splice(0)];
    const worker = this.#worker;
    this.#forget();
    for (const { reject } of pending) reject(closedError());
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current || this.#closed) return;
    const pending = this.#queue.shift();
    if (!pending) {
      // A waiting caller keeps the process alive, an idle thread does not.
      this.#worker?.unref();
      return;
    }
    this.#current = pending;
    try {
      if (this.#worker) this.#worker.ref();
      else this.#start();
      if (this.#ready) this.#send(pending);
    } catch (error) {
      this.#end(error instanceof LogisticsError ? error : new LogisticsError('internal', 'The expression thread could not be started.', { cause: error }));
    }
  }

  #start(): void {
    const worker = new Worker(entry(), {
      workerData: this.#limits,
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.threadHeapMb },
    });
    this.#worker = worker;
    this.#timer = setTimeout(() => this.#end(new LogisticsError('timeout', 'The expression thread did not start in time.')), START_LIMIT_MS);
    worker.on('message', (reply: RenderReply) => {
      if (worker === this.#worker) this.#receive(reply);
    });
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#end(crashError(error));
    });
    worker.on('exit', () => {
      if (worker === this.#worker) this.#end(new LogisticsError('internal', 'The expression thread ended unexpectedly.'));
    });
  }

  #send(pending: Pending): void {
    clearTimeout(this.#timer);
    try {
      this.#worker?.postMessage(pending.request);
    } catch (error) {
      this.#settle(() => pending.reject(new LogisticsError('internal', 'The values of the expression are not plain JSON.', { cause: error })));
      return;
    }
    const seconds = pending.limitMs / 1_000;
    this.#timer = setTimeout(() => {
      this.#end(new LogisticsError('expression_too_costly', `The expression took longer than ${seconds} s.`));
    }, pending.limitMs);
  }

  #receive(reply: RenderReply): void {
    const current = this.#current;
    if ('ready' in reply) {
      this.#ready = true;
      if (current) this.#send(current);
      return;
    }
    this.#settle(() => ('error' in reply ? current?.reject(fromData(reply.error)) : current?.resolve(reply.value)));
  }

  #settle(settle: () => void): void {
    clearTimeout(this.#timer);
    this.#current = undefined;
    settle();
    this.#next();
  }

  /** Gives the thread up: what it worked on fails, the rest goes to a new one. */
  #end(error: LogisticsError): void {
    const current = this.#current;
    const worker = this.#worker;
    this.#forget();
    void worker?.terminate();
    this.#settle(() => current?.reject(error));
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#worker = undefined;
    this.#ready = false;
    this.#current = undefined;
  }
}

/** Beside this file when run from source, beside or above the bundle when built. */
function entry(): URL {
  const candidates = ['./render-worker.ts', './render-worker.js', '../render-worker.js'].map((name) => new URL(name, import.meta.url));
  const found = candidates.find((url) => existsSync(fileURLToPath(url)));
  if (found) return found;
  throw new LogisticsError('internal', 'The file render-worker.js is missing from the installation.');
}

function closedError(): LogisticsError {
  return new LogisticsError('shutting_down', 'The expression evaluator is closed.');
}

function crashError(error: Error): LogisticsError {
  if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new LogisticsError('expression_too_costly', 'The expression used too much memory.');
  return new LogisticsError('internal', 'The expression thread failed.', { cause: error });
}

function fromData(data: ErrorData): LogisticsError {
  return new LogisticsError(data.code, data.message, {
    path: data.path,
    expected: data.expected,
    nearMatches: data.nearMatches,
    nextActions: data.nextActions,
    retryable: data.retryable,
    details: data.details as never,
  });
}
