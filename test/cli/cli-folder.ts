// Owns a throw-away home, workspace and data folder for command line tests, and the two ways to run a command: here, and as a process.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import type { CliIo } from '../../src/cli/io.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Columns of a terminal; without it standard output is a pipe. */
  readonly columns?: number;
  readonly cwd?: string;
  readonly platform?: NodeJS.Platform;
}

export interface CliFolder {
  readonly work: string;
  readonly data: string;
  write(path: string, content: string): string;
  /** Runs a command in this process. */
  cli(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** The parsed result of a command with --json. */
  json(args: readonly string[], options?: CliOptions): Promise<Record<string, unknown>>;
  /** Starts a command as a process of its own. */
  start(args: readonly string[]): RunningCli;
}

export interface RunningCli {
  readonly child: ChildProcess;
  /** Resolves once standard output holds the text. */
  seen(text: string): Promise<void>;
  readonly ended: Promise<CliResult>;
}

const ENTRY = fileURLToPath(new URL('./run-cli.ts', import.meta.url));

export function cliFolder(): CliFolder {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'logistics-cli-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const work = join(root, 'work');
  const home = join(root, 'home');
  const data = join(root, 'data');
  for (const folder of [join(work, '.git'), home]) mkdirSync(folder, { recursive: true });
  const env = { LOGISTICS_DATA_DIR: data, LOGISTICS_BACKGROUND: 'off', HOME: home, PATH: process.env.PATH ?? '' };

  const cli: CliFolder['cli'] = async (args, options = {}) => {
    const out = captured(options.columns);
    const err = captured(undefined);
    const io: CliIo = {
      stdout: out.stream,
      stderr: err.stream,
      context: { env: { ...env, ...options.env }, cwd: options.cwd ?? work, homeDir: home, platform: options.platform },
      now: Date.now,
      program: ['/opt/node 24/bin/node', '/opt/it\'s 100% "$HOME"/cli.mjs'],
      onInterrupt: () => () => undefined,
      exit: () => undefined,
    };
    const code = await runCli(args, io);
    return { code, stdout: out.text(), stderr: err.text() };
  };

  return {
    work,
    data,
    cli,
    write: (path, content) => {
      const file = join(work, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    json: async (args, options) => JSON.parse((await cli([...args, '--json'], options)).stdout) as Record<string, unknown>,
    start: (args) => startProcess(args, work, env),
  };
}

function captured(columns: number | undefined): { stream: CliIo['stdout']; text: () => string } {
  let text = '';
  const write = (chunk: string): boolean => {
    text += chunk;
    return true;
  };
  return { stream: columns === undefined ? { write } : { write, isTTY: true, columns, rows: 30 }, text: () => text };
}

function startProcess(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): RunningCli {
  const child = spawn(process.execPath, [ENTRY, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    for (const each of waiting) if (stdout.includes(each.text)) each.resolve();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<CliResult>((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr })));
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const seen = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (stdout.includes(text)) resolve();
      else waiting.push({ text, resolve });
      void ended.then(() => reject(new Error(`it ended without saying ${text}: ${stdout}${stderr}`)));
    });
  return { child, seen, ended };
}

/** Whether a store was made. */
export function hasStore(folder: CliFolder): boolean {
  return existsSync(join(folder.data, 'logistics.db'));
}

export const FLOW = `
name: notes
input: {type: object, properties: {repo: {type: string}, days: {type: integer, default: 7}}, required: [repo]}
steps:
  - {id: fetch, task: echo, with: {value: "\${{ input.repo }}"}}
  - {id: each, needs: [fetch], forEach: [1, 2, 3], task: echo, with: {value: "\${{ item * input.days }}"}}
  - {id: report, needs: [each], task: log, with: {message: done}}
output: {repo: "\${{ steps.fetch.output }}", items: "\${{ steps.each.output }}"}
`;

export const SLEEPY = `
name: sleepy
steps:
  - {id: nap, task: sleep, with: {duration: 10m}}
`;

export const GATE = `
name: gate
steps:
  - {id: approve, task: wait.approval, with: {message: "Publish?"}}
  - {id: publish, needs: [approve], if: "\${{ steps.approve.output.approved }}", task: echo, with: {value: 1}}
`;

export const FAULTY = `
name: faulty
steps:
  - {id: fetch, task: ech, with: {value: 1}}
  - {id: b, needs: [fetchh], task: log, with: {message: hi}}
`;
