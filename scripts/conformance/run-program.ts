// Owns how the programs of the conformance run are installed, run within a time, and told of, a line each.
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export interface Outcome {
  /** Null when it was ended because its time was over. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MOST_MS = 180_000;

/** Installs what the lock file of this folder names. */
export function install(folder: string): void {
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' });
  if (done.status !== 0) throw new Error(`What ${folder} needs could not be installed.`);
}

/** Runs a script on this Node; what it says is kept, and it ends with its time. */
export function runNode(
  args: readonly string[],
  { cwd, env = {}, mostMs = MOST_MS }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly mostMs?: number } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: mostMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Tells one line; gives back whether all is well. */
export function tell(passed: boolean, what: string, detail: string): boolean {
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${what}: ${detail}\n`);
  return passed;
}

/** All of them, as many at once as there are processors, two at most: they share the machine with the servers they call. */
export async function twoAtOnce(work: readonly (() => Promise<boolean>)[]): Promise<boolean> {
  const left = [...work];
  let passed = true;
  const lane = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) passed = (await next()) && passed;
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane));
  return passed;
}
