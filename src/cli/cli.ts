// Owns the command line's end: every way a command can end becomes one exit code, every failure one rendered error.
import type { CommanderError } from 'commander';
import { ERROR_TABLE, type ErrorData, toErrorData } from '../domain/errors.ts';
import { EXIT } from './command-context.ts';
import { type CliIo, processIo } from './io.ts';

const BAD_INPUT = new Set([400, 404, 413, 501]);

/** Runs one command; `argv` without node and script. Resolves to the exit code: 0 done, 1 failed, 2 bad input, 130 cancelled. */
export async function runCli(argv: readonly string[], io: CliIo = processIo()): Promise<number> {
  const { Output } = await import('./output.ts');
  const { createProgram } = await import('./program.ts');
  let code: number = EXIT.ok;
  const program = createProgram(io, (exit) => {
    code = exit;
  });
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT.ok;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    const { usageError } = await import('./usage-error.ts');
    if (isCommanderError(error) && error.exitCode === 0) return EXIT.ok;
    const data = isCommanderError(error) ? usageError(error, program, argv).toData() : toErrorData(error, 'internal');
    new Output(io, { json: wantsJson(argv) }).error(data);
    return exitCodeFor(data);
  }
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && error.name === 'CommanderError';
}

function exitCodeFor(error: ErrorData): number {
  const row = Object.hasOwn(ERROR_TABLE, error.code) ? ERROR_TABLE[error.code as keyof typeof ERROR_TABLE] : undefined;
  return row !== undefined && BAD_INPUT.has(row.status) ? EXIT.badInput : EXIT.failed;
}
