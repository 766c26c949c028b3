// Owns what a command may touch of its process, so that a test can stand in for the terminal, the clock and Ctrl-C.
import { type ConfigContext, processContext } from '../config.ts';

export interface CliStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

export interface CliIo {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  readonly context: ConfigContext;
  readonly now: () => number;
  /** How this program is started: the file, its flags, the script. */
  readonly program: readonly string[];
  /** Called for each SIGINT and SIGTERM from now on; returns the way to stop. */
  readonly onInterrupt: (handler: () => void) => () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** The real process. */
export function processIo(): CliIo {
  // A reader that closes the pipe early (`… | head`) has what it wanted.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    context: processContext(),
    now: Date.now,
    program: [process.execPath, ...process.execArgv, process.argv[1] as string],
    onInterrupt: (handler) => {
      const signals = ['SIGINT', 'SIGTERM'] as const;
      for (const signal of signals) process.on(signal, handler);
      return () => {
        for (const signal of signals) process.removeListener(signal, handler);
      };
    },
    exit: (code) => process.exit(code),
  };
}
