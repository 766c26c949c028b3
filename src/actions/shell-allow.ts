// Owns which command lines may run: every argument of a call must fit a configured pattern.
import { posix, win32 } from 'node:path';
import { LogisticsError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';

/**
 * One allowed command line. The first token of `argv` is the program: a bare name, looked up in the fixed folders, or an
 * absolute path. Each further token fits one argument: an exact text; `*` any argument that does not begin with `-`;
 * `-*` any argument that begins with `-`; `prefix*` any argument that begins with that prefix; and, as the last token
 * only, `**` any further arguments at all.
 *
 * Naming a program alone is not safe: `['git', '**']` allows `git -c core.pager=<any command> log`, and
 * `['node', '**']` allows `node -e <any code>`. Spell the subcommand and each option out, as in
 * `['git', 'log', '--format=*', '*']`. Patterns fit text, not meaning: `*` also fits `../other/path`.
 */
export interface ShellPattern {
  /** Group of patterns that a step chooses with `profile`; default `default`. */
  readonly profile?: string | undefined;
  readonly argv: readonly string[];
}

export const PROFILE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
export const DEFAULT_PROFILE = 'default';

/** Profiles with at least one pattern, sorted. */
export function profilesOf(allow: readonly ShellPattern[]): string[] {
  return [...new Set(allow.map((pattern) => pattern.profile ?? DEFAULT_PROFILE))].sort();
}

/** Throws `invalid_input` for a pattern that could never do what it seems to say. */
export function checkPatterns(allow: readonly ShellPattern[]): void {
  for (const [index, { profile, argv }] of allow.entries()) {
    const path = `shell.allow[${index}]`;
    const fail = (message: string, expected: string): never => {
      throw new LogisticsError('invalid_input', `${path}: ${message}`, { path, expected });
    };
    if (profile !== undefined && !PROFILE_NAME.test(profile)) fail(`"${profile}" is no profile name.`, 'letters, digits, dot, dash and underscore');
    const [program, ...tokens] = argv;
    if (!program || program.includes('*') || program.includes('\0'))
      fail('the first token names the program literally.', 'a program name such as "git", or an absolute path');
    else if (/[/\\]/.test(program) && !isAbsolute(program)) fail(`"${program}" is a relative path.`, 'a bare program name or an absolute path');
    for (const [at, token] of tokens.entries()) {
      if (token === '**' && at !== tokens.length - 1) fail('"**" stands at the end only.', 'a pattern such as ["git", "log", "**"]');
      if (token !== '**' && token.slice(0, -1).includes('*'))
        fail(`"${token}" has a star before its end.`, 'an exact text, "*", "-*", "prefix*" or, last, "**"');
    }
  }
}

/**
 * The program to run (as configured) for a call that some pattern of the profile allows. Throws `not_allowed` with the
 * call and the nearest patterns otherwise.
 */
export function allowedProgram(allow: readonly ShellPattern[], profile: string, command: string, args: readonly string[]): string {
  const usable = allow.filter((pattern) => (pattern.profile ?? DEFAULT_PROFILE) === profile);
  const found = usable.find(({ argv: [program, ...tokens] }) => namesProgram(command, program as string) && fits(tokens, args));
  if (found !== undefined) return found.argv[0] as string;
  const call = [command, ...args];
  if (usable.length === 0) {
    throw new LogisticsError(
      'not_allowed',
      allow.length === 0 ? 'shell.run is off: no argv pattern is allow-listed.' : `No argv pattern is allow-listed for the profile "${profile}".`,
      {
        path: 'profile',
        nearMatches: profilesOf(allow),
        details: { argv: call, profile },
      },
    );
  }
  const likely = nearMatches(
    command,
    usable.map(({ argv }) => argv[0] as string),
  );
  const sameProgram = usable.filter(({ argv: [program] }) => namesProgram(command, program as string) || likely.includes(program as string));
  const near = new Set([...nearMatches(call.join(' '), usable.map(describe)), ...sameProgram.map(describe)]);
  throw new LogisticsError('not_allowed', `No allow-listed pattern fits: ${JSON.stringify(call)}`, {
    path: 'command',
    expected: 'a command line that fits one of the allow-listed argv patterns in every argument',
    nearMatches: [...near].slice(0, 3),
    details: { argv: call, profile },
  });
}

function describe(pattern: ShellPattern): string {
  return pattern.argv.join(' ');
}

/** A call may name a configured absolute path by its last part; it may never bring a path of its own. */
function namesProgram(command: string, program: string): boolean {
  return (
    command === program || (isAbsolute(program) && command === (win32.isAbsolute(program) && !posix.isAbsolute(program) ? win32 : posix).basename(program))
  );
}

function isAbsolute(program: string): boolean {
  return posix.isAbsolute(program) || (process.platform === 'win32' && win32.isAbsolute(program));
}

function fits(tokens: readonly string[], args: readonly string[]): boolean {
  const open = tokens.at(-1) === '**';
  const fixed = open ? tokens.slice(0, -1) : tokens;
  if (args.length < fixed.length || (!open && args.length > fixed.length)) return false;
  return fixed.every((token, index) => fitsOne(token, args[index] as string));
}

function fitsOne(token: string, argument: string): boolean {
  if (token === '*') return !argument.startsWith('-');
  if (token.endsWith('*')) return argument.startsWith(token.slice(0, -1));
  return token === argument;
}
