// Owns what a service of this machine runs, whatever starts it: which program, with which arguments, where, under which name.
import { LogisticsError } from '../../domain/errors.ts';

export interface ServiceDefinition {
  /** Part of file names; one service per namespace. */
  readonly name: string;
  readonly description: string;
  readonly argv: readonly string[];
  readonly workingFolder: string;
  /** PATH, and what must not stand on a command line. */
  readonly variables: Readonly<Record<string, string>>;
  /** Time to finish or give back what runs, ms. */
  readonly stopMs: number;
}

/** A manager of services: where its file lies, how that looks, and the commands for each verb. */
export interface ServiceManager {
  readonly kind: 'systemd' | 'launchd';
  readonly file: string;
  readonly text: string;
  readonly install: readonly (readonly string[])[];
  /** Before the file is removed. */
  readonly stop: readonly (readonly string[])[];
  /** After the file is removed. */
  readonly afterRemoval: readonly (readonly string[])[];
  /** Exits with 0 while it runs. */
  readonly isActive: readonly string[];
  /** What a person may want to do besides. */
  readonly hints: readonly string[];
}

/** Neither kind of file can hold control characters in a line. */
export function refuseControls(texts: readonly string[]): void {
  for (const text of texts) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are looked for
    if (/[\u0000-\u001f\u007f]/.test(text))
      throw new LogisticsError('invalid_input', `${JSON.stringify(text)} holds a control character and cannot be part of a service.`, {
        expected: 'paths and names without control characters',
      });
  }
}
