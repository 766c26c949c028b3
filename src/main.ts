// Owns the start of the program: MCP over stdio unless another command is named, and then nothing of the other one is loaded.
import { homedir } from 'node:os';
import { stdioFlags } from './stdio-flags.ts';

/** Long enough for the last bytes to leave; a handle that somebody forgot must not keep the process. */
const LINGER_MS = 2_000;

const argv = process.argv.slice(2);
const flags = stdioFlags(argv);
process.exitCode =
  flags === undefined
    ? await import('./cli/cli.ts').then(({ runCli }) => runCli(argv))
    : await import('./mcp/stdio.ts').then(({ runStdio }) =>
        runStdio({
          flags,
          context: { env: process.env, cwd: process.cwd(), homeDir: homedir() },
          program: [process.execPath, ...process.execArgv, process.argv[1] as string],
        }),
      );
setTimeout(() => process.exit(), LINGER_MS).unref();
