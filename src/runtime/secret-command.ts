// Owns running a secret's command: without a shell, without input, ended after ten seconds, its output in no error.
import { execFile } from 'node:child_process';
import { LogisticsError } from '../domain/errors.ts';

export const SECRET_COMMAND_LIMIT_MS = 10_000;
const MAX_OUTPUT_BYTES = 65_536;

/** Standard output of the program; throws command_failed or timeout. */
export function runSecretCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  limitMs = SECRET_COMMAND_LIMIT_MS,
): Promise<string> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const limits = { timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES, windowsHide: true, shell: false } as const;
    const child = execFile(program, args, { ...limits, env, encoding: 'utf8' }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(describe(program, error, limitMs));
    });
    // A program that asks for a password on its input ends at once instead of waiting for the limit.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
  });
}

/** Neither output nor the system's error is passed on: both may hold the secret or its arguments. */
function describe(
  program: string,
  error: Error & { readonly code?: string | number | null; readonly killed?: boolean; readonly signal?: string | null },
  limitMs: number,
): LogisticsError {
  const nextActions = ['Run the command by hand and look at what it prints.'];
  if (error.killed === true && error.code !== 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    return new LogisticsError('timeout', `The secret's command ${program} did not end within ${limitMs} ms.`, { nextActions });
  }
  const why = typeof error.code === 'number' ? `ended with exit code ${error.code}` : `could not be run (${error.code ?? error.signal ?? 'unknown'})`;
  return new LogisticsError('command_failed', `The secret's command ${program} ${why}.`, { nextActions });
}
