// Owns the processes of a chaos run: how they are started, killed, frozen and thawed, and that none ends by itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ChildOptions } from './child.ts';

export interface Child {
  readonly mode: ChildOptions['mode'];
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** True once it is ready, false when it ended before. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly stderr: () => string;
  isReady: boolean;
  killed: boolean;
  frozen: boolean;
}

const READY_LIMIT_MS = 40_000;
const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));

export class Children {
  readonly live: Child[] = [];
  readonly #cacheDir: string;
  readonly #onFault: (what: string) => void;

  /** `onFault` hears of children that end although nobody killed them. */
  constructor(cacheDir: string, onFault: (what: string) => void) {
    this.#cacheDir = cacheDir;
    this.#onFault = onFault;
  }

  /** Those that work now: neither frozen nor still starting. */
  get working(): readonly Child[] {
    return this.live.filter((child) => child.isReady && !child.frozen);
  }

  start(options: ChildOptions): Child {
    const child = spawnChild(options, this.#cacheDir);
    this.live.push(child);
    const slow = setTimeout(() => {
      this.#onFault(`a child was not ready after ${READY_LIMIT_MS} ms: ${child.stderr().slice(-2_000)}`);
      void this.kill(child);
    }, READY_LIMIT_MS);
    void child.ready.then((ready) => {
      clearTimeout(slow);
      child.isReady = ready;
    });
    void child.ended.then(({ code, signal }) => {
      this.live.splice(this.live.indexOf(child), 1);
      if (options.mode !== 'drain' && !child.killed) this.#onFault(`a child ended by itself (code ${code}, signal ${signal}): ${child.stderr().slice(-2_000)}`);
    });
    return child;
  }

  async kill(child: Child): Promise<void> {
    child.killed = true;
    child.process.kill('SIGKILL');
    await child.ended;
  }

  freeze(child: Child): void {
    child.frozen = true;
    child.process.kill('SIGSTOP');
  }

  thaw(child: Child): void {
    if (!child.frozen) return;
    child.frozen = false;
    child.process.kill('SIGCONT');
  }

  async killAll(): Promise<void> {
    await Promise.all(this.live.map((child) => this.kill(child)));
  }
}

function spawnChild(options: ChildOptions, cacheDir: string): Child {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cacheDir },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      errors += error.message;
      resolve({ code: -1, signal: null });
    });
  });
  const ready = Promise.race([new Promise<boolean>((resolve) => child.stdout.once('data', () => resolve(true))), ended.then(() => false)]);
  return { mode: options.mode, dataDir: options.dataDir, process: child, ready, ended, stderr: () => errors, isReady: false, killed: false, frozen: false };
}
