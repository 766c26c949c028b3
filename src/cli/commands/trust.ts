// Owns `trust`: shows what a found config file would be allowed to do, then records that a person has approved it.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { configError } from '../../config/config-faults.ts';
import { isCodeFile, readConfigFile } from '../../config/config-file.ts';
import { parseSource } from '../../config/parse-source.ts';
import { trustFile } from '../../config/trust.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { trustLines } from '../render/trust.ts';
import { allowances } from '../trust-allowances.ts';

interface TrustFlags {
  readonly dryRun?: boolean;
}

export function addTrust(program: Command, invoke: Invoke): void {
  program
    .command('trust')
    .argument('<file>', 'a logistics.config.yaml, .json or .mjs')
    .description('let a config file run commands, reach servers and use secrets')
    .option('--dry-run', 'show what it would allow, record nothing')
    .addHelpText('after', examples('logistics-mcp trust logistics.config.yaml --dry-run', 'logistics-mcp trust logistics.config.yaml'))
    .addHelpText('after', '\nThe content is recorded: a later change of the file ends the trust.')
    .action((file: string, flags: TrustFlags, command: Command) => invoke(command, (context) => trust(context, file, flags.dryRun === true)));
}

async function trust({ io, out }: CommandContext, file: string, dryRun: boolean): Promise<number> {
  const { env, cwd, homeDir } = io.context;
  const path = resolve(cwd, file);
  // To read a .mjs file is to run it; that is what is being asked for, so it waits for the trust itself.
  const code = isCodeFile(path);
  const read = code ? null : parseSource(await readConfigFile(path), path);
  if (read !== null && read.faults.length > 0) throw configError(read.faults);
  const allowed = read === null ? null : allowances(read.fields);
  const platform = io.context.platform ?? process.platform;
  const covers = dryRun ? [] : await trustFile(path, { env, cwd, homeDir, platform, now: io.now });
  out.data({ file: path, trusted: !dryRun, runs_code: code, allows: allowed, covers });
  out.print(trustLines({ file: path, code, allowed: allowed ?? [], covers, dryRun }, out.colors));
  return EXIT.ok;
}
