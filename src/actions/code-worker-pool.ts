// Owns the threads that run user code: at most two, each used by one run at a time and replaced when spent.
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { LogisticsError } from '../domain/errors.ts';
import type { WorkerMessage } from './code-run-worker.ts';
import { type SandboxLog, type SandboxReply, type SandboxRequest, timedOut } from './code-sandbox.ts';
import { orAbort } from './or-abort.ts';

const MAX_WORKERS = 2;
// Fragmentation and wasm memory only ever grow; a new thread costs about 60 ms.
const RUNS_PER_WORKER = 200;
const START_LIMIT_MS = 20_000;
/** The sandbox stops itself at its deadline; only what it cannot interrupt (one native call) runs into this. */
const BACKSTOP_MS = 1_000;

// Beside this file in the sources and in the library; at or above the chunks in the bundle.
const ENTRIES = ['./code-run-worker.ts', './code-run-worker.js', '../code-run-worker.js'];

interface Thread {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  runs: number;
}

export class CodeWorkerPool {
  readonly #idle: Thread[] = [];
  readonly #all = new Set<Thread>();
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  /** Runs code in a free thread. Rejects with the signal's reason on abort; the thread is ended then. Waiting for a thread does not count as run time. */
  async run(request: SandboxRequest, signal: AbortSignal, log: SandboxLog): Promise<SandboxReply> {
    const thread = await this.#take(signal);
    let reusable = false;
    try {
      thread.worker.ref();
      await orAbort(thread.ready, signal);
      const done = await exchange(thread.worker, request, signal, log);
      thread.runs += 1;
      reusable = done.usable && thread.runs < RUNS_PER_WORKER;
      return done.reply;
    } finally {
      await this.#giveBack(thread, reusable);
    }
  }

  /** Ends all threads; a run in hand rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#all].map((thread) => thread.worker.terminate()));
  }

  async #take(signal: AbortSignal): Promise<Thread> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#closed) throw new LogisticsError('shutting_down', 'The code sandbox is closed.');
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#all.size < MAX_WORKERS) {
        const thread = startThread();
        this.#all.add(thread);
        return thread;
      }
      await this.#free(signal);
    }
  }

  #free(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        const index = this.#waiting.indexOf(wake);
        // Already woken: hand the turn on, or a free thread would stay unnoticed.
        if (index === -1) this.#waiting.shift()?.();
        else this.#waiting.splice(index, 1);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(wake);
    });
  }

  async #giveBack(thread: Thread, reusable: boolean): Promise<void> {
    if (reusable && !this.#closed) {
      thread.worker.unref();
      this.#idle.push(thread);
    } else {
      await thread.worker.terminate();
      this.#all.delete(thread);
    }
    this.#waiting.shift()?.();
  }
}

function startThread(): Thread {
  const entry = ENTRIES.map((name) => new URL(name, import.meta.url)).find((url) => existsSync(url));
  if (entry === undefined) throw new LogisticsError('internal', 'The file of the code sandbox (code-run-worker.js) is missing.');
  // Its own output streams, since stdout of this process is the protocol; they are drained and dropped.
  const worker = new Worker(entry, {
    env: {},
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 128, stackSizeMb: 8 },
  });
  worker.stdout.resume();
  worker.stderr.resume();
  const ready = new Promise<void>((resolve, reject) => {
    const broken = (cause: unknown): void => reject(new LogisticsError('internal', 'The code sandbox did not start.', { cause }));
    const limit = setTimeout(() => broken(undefined), START_LIMIT_MS);
    worker.once('message', resolve).once('error', broken).once('exit', broken);
    worker.once('exit', () => clearTimeout(limit)).once('message', () => clearTimeout(limit));
  });
  return { worker, ready, runs: 0 };
}

function exchange(worker: Worker, request: SandboxRequest, signal: AbortSignal, log: SandboxLog): Promise<{ reply: SandboxReply; usable: boolean }> {
  return new Promise((resolve, reject) => {
    const failed = (message: string): { reply: SandboxReply; usable: boolean } => ({
      reply: { ok: false, fault: 'broken', message, line: null },
      usable: false,
    });
    const onMessage = (message: WorkerMessage): void => {
      if (message.type === 'log') log(message.level, message.text);
      else if (message.type === 'done') settle(() => resolve(message));
    };
    const onEnd = (): void => settle(() => resolve(failed('The sandbox ended before the code did.')));
    const onAbort = (): void => settle(() => reject(signal.reason));
    const backstop = setTimeout(() => settle(() => resolve({ reply: timedOut(request.timeoutMs), usable: false })), request.timeoutMs + BACKSTOP_MS);
    const settle = (finish: () => void): void => {
      clearTimeout(backstop);
      signal.removeEventListener('abort', onAbort);
      worker.off('message', onMessage).off('exit', onEnd).off('error', onEnd);
      finish();
    };
    worker.on('message', onMessage).once('exit', onEnd).once('error', onEnd);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else worker.postMessage(request);
  });
}
