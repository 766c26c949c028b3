// Owns running the machine's own service commands: one after the other, until one is missing or fails.
import { spawn } from 'node:child_process';

export interface CommandEnd {
  /** null = it could not be started. */
  readonly code: number | null;
  readonly output: string;
}

const LONGEST_OUTPUT = 2_000;

export function runCommand(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<CommandEnd> {
  const [file = '', ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output = (output + chunk).slice(0, LONGEST_OUTPUT);
      });
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, output: output.trim() }));
  });
}

/** The first that did not end well, or null. */
export async function runAll(
  commands: readonly (readonly string[])[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly argv: readonly string[]; readonly output: string } | null> {
  for (const argv of commands) {
    const { code, output } = await runCommand(argv, env);
    if (code !== 0) return { argv, output };
  }
  return null;
}

/** As a person types it into a shell. */
export function shellText(argv: readonly string[]): string {
  return argv.map((each) => (/^[A-Za-z0-9_./:=@-]+$/.test(each) ? each : `'${each.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}
