// Owns one run of user code inside QuickJS: bounded time, memory, stack and output, and no way out but JSON text.
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten-core';

export interface SandboxRequest {
  readonly code: string;
  /** JSON text of `input`. */
  readonly input: string;
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  readonly maxOutputBytes: number;
}

export type SandboxReply =
  | { readonly ok: true; readonly output: string }
  | {
      readonly ok: false;
      readonly fault: 'thrown' | 'timeout' | 'memory' | 'output_size' | 'output_kind' | 'broken';
      readonly message: string;
      readonly line: number | null;
    };

export type SandboxLog = (level: string, text: string) => void;

export interface Sandbox {
  run(request: SandboxRequest, log: SandboxLog): SandboxReply;
  /** False once the engine itself is suspect (it aborted, or its memory, which never shrinks, has grown large). */
  readonly usable: () => boolean;
}

const FILE = 'code.js';
const STACK_BYTES = 256 * 1024;
const MAX_WASM_BYTES = 96 * 1024 * 1024;
const MAX_LOG_LINES = 200;
const MAX_TEXT = 2_000;

// Runs before the user's code and keeps its own references, so that code cannot replace them by patching globals.
const PRELUDE = `(function (write) {
  const { stringify, parse } = JSON, Text = String, slice = Function.prototype.call.bind(String.prototype.slice);
  const show = (value) => {
    if (typeof value === 'string') return value;
    try { return stringify(value) ?? Text(value); } catch { return Text(value); }
  };
  const say = (level) => (...values) => {
    let line = '';
    for (let i = 0; i < values.length && line.length <= ${MAX_TEXT}; i++) line += (i ? ' ' : '') + show(values[i]);
    write(level, slice(line, 0, ${MAX_TEXT}));
  };
  globalThis.console = { debug: say('debug'), log: say('info'), info: say('info'), warn: say('warn'), error: say('error') };
  return {
    parse,
    encode: (value) => value === undefined ? 'null' : stringify(value),
    describe: (error) => {
      const known = error !== null && typeof error === 'object';
      const message = known && typeof error.message === 'string' ? error.message : show(error);
      return stringify([known ? Text(error.name) : '', slice(message, 0, ${MAX_TEXT}), known ? slice(Text(error.stack), 0, ${MAX_TEXT}) : '', known ? error.lineNumber : null]);
    },
  };
})`;

/** Loads the engine; each run then gets a fresh runtime of it. */
export async function createSandbox(): Promise<Sandbox> {
  const { newQuickJSWASMModuleFromVariant } = await import('quickjs-emscripten-core');
  const engine = await newQuickJSWASMModuleFromVariant(import('@jitl/quickjs-wasmfile-release-sync'));
  let broken = false;
  return {
    usable: () => !broken && engine.getWasmMemory().buffer.byteLength <= MAX_WASM_BYTES,
    run: (request, log) => {
      const clock = startClock(request.timeoutMs);
      let reply: SandboxReply;
      try {
        reply = runOnce(engine, request, log, clock);
      } catch {
        // The engine itself failed (its native stack, or an abort on what an interrupted run left); the error may hold the whole context.
        broken = true;
        reply = { ok: false, fault: 'broken', message: 'The code exhausted the stack of the sandbox.', line: null };
      }
      return clock.late && !reply.ok ? timedOut(request.timeoutMs) : reply;
    },
  };
}

interface RunClock {
  /** True from the first look after the deadline. */
  late: boolean;
  readonly deadline: number;
}

function startClock(timeoutMs: number): RunClock {
  return { late: false, deadline: performance.now() + timeoutMs };
}

/** The reply to a run that was stopped by the clock. */
export function timedOut(timeoutMs: number): SandboxReply {
  return { ok: false, fault: 'timeout', message: `The code ran longer than ${timeoutMs} ms.`, line: null };
}

function runOnce(engine: QuickJSWASMModule, request: SandboxRequest, log: SandboxLog, clock: RunClock): SandboxReply {
  const runtime = engine.newRuntime();
  runtime.setMemoryLimit(request.memoryBytes);
  runtime.setMaxStackSize(STACK_BYTES);
  runtime.setInterruptHandler(() => {
    clock.late ||= performance.now() > clock.deadline;
    return clock.late;
  });
  const context = runtime.newContext();
  const reply = new Run(runtime, context, request, log).reply();
  context.dispose();
  runtime.dispose();
  return reply;
}

/** Every handle is released before the runtime is: a leaked one makes its disposal abort. */
class Run {
  readonly #runtime: QuickJSRuntime;
  readonly #context: QuickJSContext;
  readonly #request: SandboxRequest;
  readonly #log: SandboxLog;
  readonly #handles: QuickJSHandle[] = [];
  #lines = 0;
  #error: QuickJSHandle | undefined;

  constructor(runtime: QuickJSRuntime, context: QuickJSContext, request: SandboxRequest, log: SandboxLog) {
    this.#runtime = runtime;
    this.#context = context;
    this.#request = request;
    this.#log = log;
  }

  reply(): SandboxReply {
    try {
      return this.#evaluate();
    } finally {
      for (const handle of this.#handles.reverse()) if (handle.alive) handle.dispose();
    }
  }

  #evaluate(): SandboxReply {
    const context = this.#context;
    const prelude = this.#keep(context.evalCode(PRELUDE, 'prelude.js'));
    const helpers = prelude && this.#call(prelude, this.#own(context.newFunction('write', (level, line) => this.#write(level, line))));
    if (!helpers) return this.#failure(undefined);
    const [parse, encode, describe] = ['parse', 'encode', 'describe'].map((name) => this.#own(context.getProp(helpers, name))) as [
      QuickJSHandle,
      QuickJSHandle,
      QuickJSHandle,
    ];
    const input = this.#call(parse, this.#own(context.newString(this.#request.input)));
    if (!input) return this.#failure(describe);
    // On one line with the head, so that line numbers are the user's.
    const main = this.#keep(context.evalCode(`(function (input) {${this.#request.code}\n})`, FILE));
    const returned = main && this.#call(main, input);
    if (!returned) return this.#failure(describe);
    const value = this.#settled(returned);
    if (value === 'pending')
      return { ok: false, fault: 'thrown', message: 'The returned promise never settles: there is nothing to wait for in the sandbox.', line: null };
    if (!value) return this.#failure(describe);
    const encoded = this.#call(encode, value);
    return encoded ? this.#output(encoded) : this.#failure(describe);
  }

  #settled(returned: QuickJSHandle): QuickJSHandle | 'pending' | undefined {
    const jobs = this.#runtime.executePendingJobs();
    if (jobs.error) {
      this.#error = this.#own(jobs.error);
      return undefined;
    }
    jobs.dispose();
    const state = this.#context.getPromiseState(returned);
    if (state.type === 'pending') return 'pending';
    if (state.type === 'fulfilled') return state.notAPromise ? returned : this.#own(state.value);
    this.#error = this.#own(state.error);
    return undefined;
  }

  #output(encoded: QuickJSHandle): SandboxReply {
    const context = this.#context;
    const { maxOutputBytes } = this.#request;
    if (context.typeof(encoded) !== 'string')
      return { ok: false, fault: 'output_kind', message: 'The code returned something that is no JSON value.', line: null };
    const tooLarge: SandboxReply = { ok: false, fault: 'output_size', message: `The code returned more than ${maxOutputBytes} bytes of JSON.`, line: null };
    if (context.getNumber(this.#own(context.getProp(encoded, 'length'))) > maxOutputBytes) return tooLarge;
    const output = context.getString(encoded);
    return Buffer.byteLength(output) > maxOutputBytes ? tooLarge : { ok: true, output };
  }

  #write(level: QuickJSHandle, line: QuickJSHandle): void {
    this.#lines += 1;
    if (this.#lines < MAX_LOG_LINES) this.#log(this.#context.getString(level), this.#context.getString(line));
    else if (this.#lines === MAX_LOG_LINES) this.#log('warn', `Further lines are dropped: one run may log ${MAX_LOG_LINES} lines.`);
  }

  #failure(describe: QuickJSHandle | undefined): SandboxReply {
    const error = this.#error;
    const described = describe && error && this.#call(describe, error);
    const [name, message, stack, lineNumber] = described
      ? (JSON.parse(this.#context.getString(described)) as [string, string, string, number | null])
      : ['Error', '', '', null];
    if (name === 'InternalError' && message === 'out of memory') {
      return {
        ok: false,
        fault: 'memory',
        message: `The code needed more than ${Math.round(this.#request.memoryBytes / 1_048_576)} MB of memory.`,
        line: null,
      };
    }
    const line = lineNumber ?? Number(/code\.js:(\d+)/.exec(stack)?.[1] ?? Number.NaN);
    return {
      ok: false,
      fault: 'thrown',
      message: `${name ? `${name}: ` : ''}${message || 'The code failed without a message.'}`,
      line: Number.isInteger(line) ? line : null,
    };
  }

  #call(fn: QuickJSHandle, ...args: QuickJSHandle[]): QuickJSHandle | undefined {
    return this.#keep(this.#context.callFunction(fn, this.#context.undefined, ...args));
  }

  #keep(result: ReturnType<QuickJSContext['evalCode']>): QuickJSHandle | undefined {
    if (result.error === undefined) return this.#own(result.value);
    this.#error = this.#own(result.error);
    return undefined;
  }

  #own(handle: QuickJSHandle): QuickJSHandle {
    this.#handles.push(handle);
    return handle;
  }
}
