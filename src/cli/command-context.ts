// Owns what every command is given: the process, the output, and the flags that all commands share.
import type { Command } from 'commander';
import type { ConfigFlags } from '../config/environment.ts';
import type { CliIo } from './io.ts';
import type { Output } from './output.ts';

export interface CommandContext {
  readonly io: CliIo;
  readonly out: Output;
  readonly flags: ConfigFlags;
}

/** Runs a handler with its context; the number is the exit code. */
export type Invoke = (command: Command, handler: (context: CommandContext) => Promise<number>) => Promise<void>;

export const EXIT = { ok: 0, failed: 1, badInput: 2, interrupted: 130 } as const;

/** The exit code of a status that something ended with. */
export function exitCodeOf(status: string): number {
  if (status === 'completed') return EXIT.ok;
  return status === 'cancelled' ? EXIT.interrupted : EXIT.failed;
}

/** Text below the options of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}
