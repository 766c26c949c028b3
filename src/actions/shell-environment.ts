// Owns what an allowed command sees of this machine: its folder, its environment, and where its program comes from.
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { LogisticsError } from '../domain/errors.ts';

const IS_WINDOWS = process.platform === 'win32';

/** Where programs are looked up when the config names no folders. */
export const DEFAULT_SEARCH_PATH = IS_WINDOWS
  ? ['C:\\Windows\\System32', 'C:\\Windows', 'C:\\Program Files\\Git\\cmd', 'C:\\Program Files\\nodejs'].join(delimiter)
  : ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin', '/opt/homebrew/bin'].join(delimiter);

const ALWAYS_PASSED = ['LANG', 'LC_ALL', 'TZ', ...(IS_WINDOWS ? ['SystemRoot', 'SystemDrive', 'windir', 'TEMP', 'TMP', 'PATHEXT', 'COMSPEC'] : [])];

// Each of these makes some common program load code, read a config or start another program.
const DENIED =
  /^(PATH|HOME|SHELL|IFS|ENV|PS[0-4]|CDPATH|GLOBIGNORE|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|EDITOR|VISUAL|PAGER|BROWSER|MANPAGER|LESS(OPEN|CLOSE)?|PATHEXT|COMSPEC|SYSTEMROOT|WINDIR|_?JAVA_(TOOL_)?OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|MAKEFLAGS|MFLAGS|GNUMAKEFLAGS|RUSTC_WRAPPER|RUSTFLAGS|CC|CXX|LOCPATH|NLSPATH|GCONV_PATH|HOSTALIASES|RES_OPTIONS|TERMINFO(_DIRS)?|TERMCAP|XDG_.*|LD_.*|DYLD_.*|BASH_.*|GIT_.*|SSH_.*|NODE_.*|NPM_.*|YARN_.*|PNPM_.*|BUN_.*|DENO_.*|PYTHON.*|PIP_.*|PERL.*|RUBY.*|GEM_.*|BUNDLE_.*|PHP.*|LUA_.*|CARGO_.*|GO(FLAGS|ENV|PROXY|ROOT|PATH|TOOLCHAIN)|DOTNET_.*|COR(ECLR)?_.*|MAVEN_.*|GRADLE_.*|OPENSSL_.*|SSL(KEYLOGFILE|_.*)|GLIBC_.*|MALLOC_.*|.*_PROXY)$/i;

export interface ShellSurroundings {
  /** The folder commands run in and below; also their HOME. */
  readonly root: string;
  /** Names of variables handed on from `env`. */
  readonly passEnv?: readonly string[] | undefined;
  /** Where passEnv, LANG, LC_ALL and TZ are taken from; none when absent. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Folders programs are looked up in, joined as in PATH; relative ones do not count. */
  readonly path?: string | undefined;
}

/** The scrubbed environment. Throws `not_allowed` for a variable that could change what a program runs. */
export function commandEnvironment(around: ShellSurroundings, root: string, wished: Readonly<Record<string, string>>): Record<string, string> {
  const passed = [...ALWAYS_PASSED, ...(around.passEnv ?? [])].flatMap((name) => {
    const value = around.env?.[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  for (const name of Object.keys(wished)) {
    if (DENIED.test(name)) {
      throw new LogisticsError('not_allowed', `A step may not set ${name}: it changes what programs run or load.`, {
        path: `env.${name}`,
        nextActions: ['List it in passEnv of a trusted config file if commands need it.'],
      });
    }
  }
  return { ...Object.fromEntries(passed), ...wished, PATH: searchFolders(around).join(delimiter), HOME: root };
}

/** The real path of the working folder. Throws `invalid_input` when it is missing or outside the root. */
export async function workingFolder(root: string, cwd: string | undefined): Promise<{ root: string; cwd: string }> {
  const realRoot = await realpath(root).catch(() => {
    throw new LogisticsError('invalid_input', `The root folder of shell.run does not exist: ${root}`, { path: 'shell.root' });
  });
  if (cwd === undefined) return { root: realRoot, cwd: realRoot };
  const outside = (): never => {
    throw new LogisticsError('invalid_input', `"${cwd}" is no folder inside the root.`, { path: 'cwd', expected: 'a folder relative to the root' });
  };
  if (isAbsolute(cwd) || cwd.includes('\0')) return outside();
  const real = await realpath(resolve(realRoot, cwd)).catch(outside);
  const inside = relative(realRoot, real);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return outside();
  return (await stat(real)).isDirectory() ? { root: realRoot, cwd: real } : outside();
}

/** The file a configured program name stands for. Throws `command_failed` (not retryable) when there is none. */
export async function programFile(around: ShellSurroundings, program: string): Promise<string> {
  if (isAbsolute(program)) return program;
  // Batch files are left out: Windows runs them through a shell, which would read the arguments anew.
  const endings = IS_WINDOWS && !/\.(exe|com)$/i.test(program) ? ['.exe', '.com'] : [''];
  for (const folder of searchFolders(around)) {
    for (const ending of endings) {
      const file = join(folder, program + ending);
      if (await isProgram(file)) return file;
    }
  }
  throw new LogisticsError('command_failed', `The program "${program}" is not installed in ${searchFolders(around).join(', ')}.`, {
    path: 'command',
    retryable: false,
    nextActions: ['Install it, or allow-list it by its absolute path.'],
  });
}

function searchFolders(around: ShellSurroundings): string[] {
  return (around.path ?? DEFAULT_SEARCH_PATH).split(delimiter).filter((folder) => isAbsolute(folder));
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
