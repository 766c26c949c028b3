// Owns `service`: a worker of this namespace that the machine itself keeps running for this user; it never needs root.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { loadFor } from '../open.ts';
import type { ServiceDefinition, ServiceManager } from '../service/definition.ts';
import { launchdService } from '../service/launchd.ts';
import { runAll, runCommand, shellText } from '../service/run-commands.ts';
import { systemdService } from '../service/systemd.ts';

interface ServiceFlags {
  readonly dryRun?: boolean;
  readonly envFile?: string;
  readonly concurrency?: string;
}

type Verb = (context: CommandContext, flags: ServiceFlags) => Promise<number>;

export function addService(program: Command, invoke: Invoke): void {
  const service = program
    .command('service')
    .description('let this machine keep a worker of this namespace running (systemd, launchd)')
    .addHelpText('after', examples('logistics-mcp service install', 'logistics-mcp service install --dry-run', 'logistics-mcp service status'));
  const verb = (name: string, description: string, run: Verb): Command =>
    service
      .command(name)
      .description(description)
      .addHelpText('after', examples(`logistics-mcp service ${name}`))
      .action((flags: ServiceFlags, command: Command) => invoke(command, (context) => run(context, flags)));
  verb('install', 'write the service of this namespace and start it', install)
    .option('--dry-run', 'print the file, change nothing')
    .option('--env-file <file>', 'file with variables for it, such as LOGISTICS_SECRET_…')
    .option('--concurrency <n>', 'jobs at once');
  verb('uninstall', 'stop the service of this namespace and remove it', uninstall);
  verb('status', 'say whether the service is there and runs', status);
}

async function install(context: CommandContext, flags: ServiceFlags): Promise<number> {
  const { out, io } = context;
  const manager = await managerFor(context, flags);
  if (flags.dryRun === true) {
    out.data({ kind: manager.kind, file: manager.file, text: manager.text });
    if (!out.json) out.raw(manager.text);
    return EXIT.ok;
  }
  mkdirSync(dirname(manager.file), { recursive: true });
  // An older one runs with what it was started with: it is stopped before it is replaced.
  if (existsSync(manager.file)) await runAll(manager.stop, io.context.env);
  writeFileSync(manager.file, manager.text, { mode: 0o600 });
  const failed = await runAll(manager.install, io.context.env);
  const commands = manager.install.map(shellText);
  out.data({
    kind: manager.kind,
    file: manager.file,
    installed: true,
    started: failed === null,
    ...(failed === null ? {} : { reason: failed.output, commands }),
  });
  out.print([`${out.colors.green('✓')} written: ${manager.file}`]);
  if (failed !== null)
    out.warn(
      `It could not be started: ${shellText(failed.argv)}: ${failed.output}`,
      commands.map((text) => `Run: ${text}`),
    );
  else out.print(['  It runs now, and again after each login.', ...manager.hints.map((hint) => `  ${out.colors.dim('→')} ${hint}`)]);
  return EXIT.ok;
}

async function uninstall(context: CommandContext, flags: ServiceFlags): Promise<number> {
  const { out, io } = context;
  const manager = await managerFor(context, flags);
  const there = existsSync(manager.file);
  const failed = there ? await runAll(manager.stop, io.context.env) : null;
  if (there) {
    rmSync(manager.file);
    await runAll(manager.afterRemoval, io.context.env);
  }
  out.data({ kind: manager.kind, file: manager.file, removed: there, stopped: there && failed === null });
  out.print([there ? `${out.colors.green('✓')} removed: ${manager.file}` : `There is no service ${manager.file}.`]);
  if (failed !== null)
    out.warn(`It could not be stopped: ${shellText(failed.argv)}: ${failed.output}`, ['If it still runs, end its process; logistics-mcp status names it.']);
  return EXIT.ok;
}

async function status(context: CommandContext, flags: ServiceFlags): Promise<number> {
  const { out, io } = context;
  const manager = await managerFor(context, flags);
  const installed = existsSync(manager.file);
  const end = installed ? await runCommand(manager.isActive, io.context.env) : null;
  const active = end?.code === 0;
  // What cannot be asked is not known: it may run all the same.
  const unknown = end !== null && end.code === null;
  out.data({ kind: manager.kind, file: manager.file, installed, active: unknown ? null : active });
  const c = out.colors;
  if (!installed) out.print([`${c.dim('○')} not installed`, `  ${c.dim('→')} logistics-mcp service install`]);
  else if (unknown) out.print([`${c.yellow('●')} installed; whether it runs cannot be asked: ${end.output}`]);
  else out.print([active ? `${c.green('●')} runs: ${manager.file}` : `${c.yellow('●')} installed, but does not run: ${end?.output ?? ''}`]);
  return active ? EXIT.ok : EXIT.failed;
}

/** Says all that flags and environment set here, so that the service works on the same store; a found config file is found again from the same folder. */
async function managerFor(context: CommandContext, flags: ServiceFlags): Promise<ServiceManager> {
  const { io } = context;
  const { env, cwd, homeDir, platform = process.platform } = io.context;
  if (platform !== 'linux' && platform !== 'darwin') {
    throw new LogisticsError('not_available', `Services are installed on Linux (systemd) and macOS (launchd), not on ${platform}.`, {
      path: 'service',
      nextActions: ['Let a scheduler of this machine start: logistics-mcp worker'],
    });
  }
  const { config } = await loadFor({ ...context, flags: { ...context.flags, concurrency: flags.concurrency } });
  if (config.store === 'in_memory') {
    throw new LogisticsError('invalid_input', 'A service on a store in memory would never see a job.', {
      path: 'store',
      expected: 'a store that processes share',
    });
  }
  const [file = process.execPath, ...args] = io.program;
  if (flags.envFile !== undefined && !existsSync(resolve(cwd, flags.envFile)))
    throw new LogisticsError('invalid_input', `There is no file ${flags.envFile}.`, { path: '--env-file', expected: 'a file with lines NAME=value' });
  // A store's address may hold a password: everybody may read a command line, only the user this file.
  const store = context.flags.store ?? env.LOGISTICS_STORE;
  const service: ServiceDefinition = {
    name: `logistics-mcp-${config.namespace}`,
    description: `logistics-mcp worker of ${config.namespace}`,
    argv: [
      file,
      ...(flags.envFile === undefined ? [] : [`--env-file=${resolve(cwd, flags.envFile)}`]),
      ...args,
      'worker',
      ...(context.flags.config === undefined ? [] : ['--config', resolve(cwd, context.flags.config)]),
      ...['--data-dir', config.dataDir, '--namespace', config.namespace, '--log-level', config.logLevel],
      ...(flags.concurrency === undefined ? [] : ['--concurrency', String(config.concurrency)]),
    ],
    workingFolder: cwd,
    variables: { PATH: env.PATH ?? '/usr/local/bin:/usr/bin:/bin', ...(store === undefined || store === '' ? {} : { LOGISTICS_STORE: store }) },
    stopMs: config.limits.shutdownGraceMs,
  };
  return platform === 'linux'
    ? systemdService(service, env.XDG_CONFIG_HOME || posix.join(homeDir, '.config'))
    : launchdService(service, { homeDir, uid: process.getuid?.() ?? 0, logFile: join(config.dataDir, 'logs', `${service.name}.log`) });
}
