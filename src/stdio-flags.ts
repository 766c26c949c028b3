// Owns the question whether a command line means the plain server: only flags that it knows, and no command but stdio.
import type { ConfigFlags } from './config/environment.ts';

const NAMES: Readonly<Record<string, keyof ConfigFlags>> = {
  '--config': 'config',
  '--data-dir': 'dataDir',
  '--store': 'store',
  '--namespace': 'namespace',
  '--log-level': 'logLevel',
  '--durability': 'durability',
  '--concurrency': 'concurrency',
  '--toolsets': 'toolsets',
  '--background': 'background',
};

/** The flags of the server; undefined when anything else is asked, which the command line then does or refuses. */
export function stdioFlags(argv: readonly string[]): ConfigFlags | undefined {
  const flags: Record<string, string> = {};
  let command = false;
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at] as string;
    if (arg === 'stdio' && !command) {
      command = true;
      continue;
    }
    const [name, inline] = split(arg);
    const key = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
    const value = inline ?? argv[++at];
    if (key === undefined || value === undefined || (inline === undefined && value.startsWith('--'))) return undefined;
    flags[key] = value;
  }
  return flags;
}

function split(arg: string): [name: string, inline: string | undefined] {
  const at = arg.indexOf('=');
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}
