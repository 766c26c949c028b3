// Owns running the command line as a process of its own, without the composition root.
import { runCli } from '../../src/cli/cli.ts';

process.exitCode = await runCli(process.argv.slice(2));
