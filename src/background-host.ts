// Owns that unfinished work has somebody when a client goes: where no process stays, it starts a detached host on the same folder.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigFlags } from './config/environment.ts';
import type { Config } from './config/normal-form.ts';
import type { Logger } from './domain/log.ts';
import { alwaysOn, type Background, needsProcess } from './orchestration/liveness.ts';
import type { OrchestrationEngine } from './orchestration/orchestration-engine.ts';
import type { Backend } from './store/backend.ts';

/** How this very program is started again. */
export interface ProgramCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

// Work that is done within a moment needs no second process; work that takes longer must outlive even a killed client.
const FIRST_LOOK_MS = 1_000;
const NEXT_LOOK_MS = 15_000;
/** Time for a started host to be seen; one that never is is started again ever more rarely. */
const APPEAR_MS = 10_000;
const RARELY_MS = 300_000;

export class BackgroundHost implements Background {
  readonly mode: 'auto' | 'off';
  readonly hostIdleMs: number;
  readonly #start: () => Promise<void>;
  readonly #now: () => number;
  #backend: Backend | null = null;
  #namespace = '';
  #capabilities: () => readonly string[] = () => [];
  #logger: Logger | null = null;
  #timer: NodeJS.Timeout | null = null;
  #problem: string | null = null;
  /** Starts since a host was last seen, and when the last one was. */
  #tries = 0;
  #lastTry = Number.NEGATIVE_INFINITY;

  constructor(p: { readonly mode: 'auto' | 'off'; readonly hostIdleMs: number; readonly start: () => Promise<void>; readonly now?: () => number }) {
    this.mode = p.mode;
    this.hostIdleMs = p.hostIdleMs;
    this.#start = p.start;
    this.#now = p.now ?? Date.now;
  }

  problem(): string | null {
    return this.#problem;
  }

  /** Looks a moment after each commit, and once more when the engine has given everything back. */
  watch(engine: OrchestrationEngine): void {
    if (this.mode === 'off' || !engine.backend.capabilities.shared) return;
    this.#backend = engine.backend;
    this.#namespace = engine.namespace;
    this.#capabilities = () => engine.registry.capabilities();
    this.#logger = engine.logger;
    engine.backend.onCommit(() => this.#lookIn(FIRST_LOOK_MS));
    engine.beforeClose(async () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#tries = 0;
      await this.look();
      this.#backend = null;
    });
    this.#lookIn(FIRST_LOOK_MS);
  }

  #lookIn(ms: number): void {
    if (this.#timer !== null || this.#backend === null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.look().catch((error: unknown) => this.#logger?.warn({ err: error }, 'a look for unfinished work failed'));
    }, ms);
    this.#timer.unref();
  }

  /** One look; true when a host was started. */
  async look(): Promise<boolean> {
    const backend = this.#backend;
    if (backend === null || !needsProcess(backend, this.#namespace, this.#capabilities())) return false;
    this.#lookIn(NEXT_LOOK_MS);
    if (alwaysOn(backend, this.#namespace) !== null) {
      this.#tries = 0;
      this.#problem = null;
      return false;
    }
    const pause = this.#tries === 0 ? 0 : Math.min(RARELY_MS, APPEAR_MS * 2 ** (this.#tries - 1));
    if (this.#now() - this.#lastTry < pause) return false;
    if (this.#tries > 0) this.#problem = 'it was started and did not appear; its log in the folder logs beside the store says why.';
    this.#tries++;
    this.#lastTry = this.#now();
    try {
      await this.#start();
      this.#logger?.info({ namespace: this.#namespace }, 'a background host was started: it goes on with the work that is left');
      return true;
    } catch (error) {
      this.#problem = `it could not be started (${error instanceof Error ? error.message : String(error)}).`;
      this.#logger?.warn({ err: error }, 'a background host could not be started');
      return false;
    }
  }
}

export function hostLogFile(config: Pick<Config, 'dataDir' | 'namespace'>): string {
  return join(config.dataDir, 'logs', `host-${config.namespace}.log`);
}

/** Starts the host as a process of its own, with the same environment, working folder and config file; resolves once it runs. */
export async function startHost(program: ProgramCommand, config: Config, flags: ConfigFlags): Promise<void> {
  const file = hostLogFile(config);
  mkdirSync(join(config.dataDir, 'logs'), { recursive: true, mode: 0o700 });
  const log = openSync(file, 'a', 0o600);
  try {
    const child = spawn(program.file, [...program.args, ...hostArguments(config, flags)], {
      cwd: program.cwd,
      env: program.env,
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log, log],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
  } finally {
    closeSync(log);
  }
}

/** The flags that this process was given; all else comes from the same file and environment, so that no password of a store gets onto a command line. */
function hostArguments(config: Config, flags: ConfigFlags): string[] {
  const given = [
    ['--config', flags.config],
    ['--store', flags.store],
    ['--durability', flags.durability],
    ['--concurrency', flags.concurrency],
  ].flatMap(([name, value]) => (value === undefined ? [] : [String(name), String(value)]));
  return ['host', ...given, '--data-dir', config.dataDir, '--namespace', config.namespace, '--log-level', config.logLevel];
}
