// Owns real processes of the program for tests: workers and hosts on one folder, handlers that take a while, and no process left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { commandOf, type ServerPlace, serverPlace } from './stdio-server.ts';
import { atEnd, engineFor } from './test-engine.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const DEFINE_TASK = fileURLToPath(new URL('../../src/task/define-task.ts', import.meta.url));

/** `nap` notes its begin and end in a file and takes as long as it is told to; it ends at once when it is aborted. */
const HANDLERS = `
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineTask } from ${JSON.stringify(DEFINE_TASK)};
export const tasks = [
  defineTask({ type: 'nap', run: async ({ ms, file, n }, { signal, attempt }) => {
    appendFileSync(file, 'begin ' + n + ' ' + process.pid + ' ' + attempt + '\\n');
    await sleep(ms, undefined, { signal });
    appendFileSync(file, 'end ' + n + ' ' + process.pid + ' ' + attempt + '\\n');
    return process.pid;
  } }),
];
`;

export interface SharedFolder extends ServerPlace {
  /** What the naps noted: `begin|end <n> <pid> <attempt>`. */
  noted(): string[];
  readonly file: string;
}

/** A place whose processes know `nap`; `limits` and the like go into its config file. */
export function sharedFolder(config: object = {}, env: Readonly<Record<string, string>> = {}): SharedFolder {
  const place = serverPlace();
  const own = join(place.dataDir, 'own.config.json');
  const file = join(place.dataDir, 'naps.txt');
  writeFileSync(join(place.dataDir, 'handlers.mjs'), HANDLERS);
  writeFileSync(own, JSON.stringify({ handlers: './handlers.mjs', durability: 'normal', ...config }));
  writeFileSync(file, '');
  mkdirSync(join(place.dataDir, 'store'), { recursive: true });
  const noted = (): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return { ...place, flags: ['--config', own], env, noted, file };
}

/** An engine of the test on the folder: it only reads, enqueues and waits. */
export function clientOf(place: ServerPlace): Promise<OrchestrationEngine> {
  return engineFor({ dataDir: join(place.dataDir, 'store') }, { role: 'client', tasks: [defineTask({ type: 'nap', run: () => null })] });
}

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdout: () => string;
  /** Resolves to the lines of JSON once there are so many. */
  lines(count: number): Promise<Record<string, unknown>[]>;
  exit(): Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Starts a command of the program on the folder, such as `worker`. */
export function startCommand(place: ServerPlace, command: readonly string[]): Running {
  const { cwd, env, args } = commandOf(place);
  const child = spawn(process.execPath, [MAIN, ...command, ...args.slice(1)], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let out = '';
  const waiting: { count: number; resolve: () => void }[] = [];
  const seen = (): number => out.split('\n').length - 1;
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    for (const { count, resolve } of waiting) if (seen() >= count) resolve();
  });
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => out,
    lines: async (count) => {
      if (seen() < count) await new Promise<void>((resolve) => waiting.push({ count, resolve }));
      return out
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    exit: async () => {
      const [code, signal] = await exited;
      return { code, signal };
    },
  };
}

/** Kills, after the test, whatever process of the program is still registered on the folder: detached hosts too. */
export function endRegistered(client: OrchestrationEngine): void {
  atEnd(() => {
    for (const { pid } of client.backend.listProcesses()) {
      if (pid === process.pid) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has gone by itself.
      }
    }
  });
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Resolves once what other processes do has led to this; the test's time limit bounds it. */
export async function comesTrue(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 10));
}
