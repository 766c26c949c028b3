// Owns the list of commands, their order in the help, and the flags that all of them share.
import { Command } from 'commander';
import type { ConfigFlags } from '../config/environment.ts';
import { LOG_LEVELS } from '../logger.ts';
import { VERSION } from '../version.ts';
import { examples, type Invoke } from './command-context.ts';
import { addControl } from './commands/control.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEnqueue } from './commands/enqueue.ts';
import { addGet } from './commands/get.ts';
import { addHost } from './commands/host.ts';
import { addImport } from './commands/import.ts';
import { addList } from './commands/list.ts';
import { addPlan } from './commands/plan.ts';
import { addProject } from './commands/project.ts';
import { addRun } from './commands/run.ts';
import { addSchedule } from './commands/schedule.ts';
import { addServe } from './commands/serve.ts';
import { addService } from './commands/service.ts';
import { addSimulate } from './commands/simulate.ts';
import { addStatus } from './commands/status.ts';
import { addStdio } from './commands/stdio.ts';
import { addToken } from './commands/token.ts';
import { addTrust } from './commands/trust.ts';
import { addValidate } from './commands/validate.ts';
import { addWait } from './commands/wait.ts';
import { addWatch } from './commands/watch.ts';
import { addWorker } from './commands/worker.ts';
import type { CliIo } from './io.ts';
import { Output } from './output.ts';
import { helpText } from './render/help.ts';

type SharedFlags = ConfigFlags & { readonly json?: boolean };

export function createProgram(io: CliIo, setExit: (code: number) => void): Command {
  const program = new Command('logistics-mcp');
  const invoke: Invoke = async (command, handler) => {
    const { json, config, dataDir, store, namespace, logLevel } = command.optsWithGlobals<SharedFlags>();
    setExit(await handler({ io, out: new Output(io, { json: json === true }), flags: { config, dataDir, store, namespace, logLevel } }));
  };
  style(program, io);
  program
    .description('Durable workflows, a job queue and schedules for AI agents and people. Alone it serves MCP over stdio.')
    .usage('[command] [flags]')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .option('--json', 'print the result as JSON')
    .option('--config <file>', 'config file to use, instead of the nearest logistics.config.*')
    .option('--data-dir <folder>', 'folder of the store')
    .option('--store <kind>', 'sqlite (default) or in_memory')
    .option('--namespace <name>', 'namespace; default: one per workspace')
    .option('--log-level <level>', `log on standard error: ${LOG_LEVELS.join(', ')}; default warn`)
    .addHelpText(
      'after',
      examples('logistics-mcp run release-notes.yaml --input repo=acme/site', 'logistics-mcp list executions --status failed', 'logistics-mcp doctor'),
    );
  program.commandsGroup('Serve:');
  addStdio(program);
  addServe(program, invoke);
  addWorker(program, invoke);
  addHost(program, invoke);
  program.commandsGroup('Workflows:');
  addRun(program, invoke);
  addValidate(program, invoke);
  addPlan(program, invoke);
  addImport(program, invoke);
  program.commandsGroup('Work:');
  addEnqueue(program, invoke);
  addSchedule(program, invoke);
  addSimulate(program, invoke);
  addProject(program, invoke);
  addList(program, invoke);
  addGet(program, invoke);
  addWait(program, invoke);
  addWatch(program, invoke);
  addControl(program, invoke);
  program.commandsGroup('This machine:');
  addStatus(program, invoke);
  addToken(program, invoke);
  addTrust(program, invoke);
  addService(program, invoke);
  addDoctor(program, invoke);
  return program;
}

/** Set before commands are added: they inherit it. */
function style(program: Command, io: CliIo): void {
  const out = new Output(io, { json: false });
  program
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (text) => out.raw(text),
      writeErr: () => undefined,
      getOutHasColors: () => true,
      stripColor: (text) => text,
    });
  const width = Math.min(100, Number.isFinite(out.width) ? out.width : 100);
  program.configureHelp({ formatHelp: (command, helper) => helpText(command, helper, out.colors, width) });
}
