// Owns `project`: projects are made, shown, run, moved and packed into a file; the same data as the tools give.
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { LOCAL_HUMAN } from '../../orchestration/caller.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { readInput } from '../input-flags.ts';
import { otherWorkers, withEngine } from '../open.ts';
import { listLines } from '../render/list.ts';
import { recordLines } from '../render/record.ts';
import { toolData } from '../tool-data.ts';

const NOBODY_RUNS = 'No process is running on this store now; nothing runs until one is: logistics-mcp worker, or an MCP host with logistics-mcp.';

interface Flags {
  readonly description?: string;
  readonly template?: string;
  readonly parameter?: readonly string[];
  readonly planning?: boolean;
  readonly workflow?: string;
  readonly input?: readonly string[];
  readonly inputFile?: string;
  readonly reason?: string;
  readonly force?: boolean;
  readonly file?: string;
  readonly name?: string;
  readonly status?: string;
}

export function addProject(program: Command, invoke: Invoke): void {
  const project = program
    .command('project')
    .description('group workflows into projects with quotas, milestones and a plan')
    .addHelpText(
      'after',
      examples(
        'logistics-mcp project templates',
        'logistics-mcp project create site --template web_application --parameter url=https://example.org/health',
        'logistics-mcp project run site --input version=1.2.0',
      ),
    );
  const on = (name: string, description: string, example: string): Command =>
    project
      .command(name)
      .argument('<project>', 'its name or id')
      .description(description)
      .addHelpText('after', examples(`logistics-mcp project ${name} ${example}`));
  project
    .command('create')
    .argument('<name>', 'a letter, then letters, digits, - or _')
    .description('make a project, empty or of a template')
    .option('--template <name>', 'see project templates')
    .option('--parameter <name=value...>', 'of the template')
    .option('--description <text>', 'what it is for')
    .option('--planning', 'nothing starts until it is activated')
    .addHelpText('after', examples('logistics-mcp project create nightly --template data_pipeline --parameter source=https://example.org/records.json'))
    .action((name: string, flags: Flags, command: Command) => invoke(command, (context) => create(context, name, flags)));
  project
    .command('list')
    .description('list projects')
    .option('--status <status>', 'planning, active, paused, completed, archived, failed')
    .addHelpText('after', examples('logistics-mcp project list --status active'))
    .action((flags: Flags, command: Command) => invoke(command, (context) => list(context, flags)));
  project
    .command('templates')
    .description('list templates with their parameters')
    .addHelpText('after', examples('logistics-mcp project templates'))
    .action((_: Flags, command: Command) => invoke(command, (context) => act(context, undefined, 'list_templates', {})));
  on('show', 'show a project, its quota, milestones and newest runs', 'site').action((ref: string, _: Flags, command: Command) =>
    invoke(command, (context) => act(context, ref, 'get', {})),
  );
  on('run', 'start the plan, or one workflow, of a project', 'site --input version=1.2.0')
    .option('--workflow <name>', 'of the project, instead of its plan')
    .option('--input <k=v...>', 'input')
    .option('--input-file <file>', 'input as JSON or YAML')
    .action((ref: string, flags: Flags, command: Command) => invoke(command, (context) => run(context, ref, flags)));
  for (const [name, description] of MOVES)
    on(name, description, 'site')
      .option('--reason <text>', 'why')
      .action((ref: string, flags: Flags, command: Command) => invoke(command, (context) => act(context, ref, name, { reason: flags.reason })));
  on('delete', 'remove a project with its workflows and schedules', 'site')
    .option('--force', 'cancel what is open first')
    .action((ref: string, flags: Flags, command: Command) => invoke(command, (context) => act(context, ref, 'delete', { force: flags.force })));
  on('archive', 'take a project out of service and write it to one file', 'site --file site.project.gz')
    .option('--file <file>', 'default <name>.project.gz')
    .action((ref: string, flags: Flags, command: Command) => invoke(command, (context) => archive(context, ref, flags)));
  project
    .command('restore')
    .argument('[project]', 'an archived project of this store')
    .description('bring an archived project back, or make one of an archive file')
    .option('--file <file>', 'an archive; the project is paused then')
    .option('--name <name>', 'another name for it')
    .addHelpText('after', examples('logistics-mcp project restore site', 'logistics-mcp project restore --file site.project.gz --name site2'))
    .action((ref: string | undefined, flags: Flags, command: Command) => invoke(command, (context) => restore(context, ref, flags)));
}

const MOVES = [
  ['activate', 'let work start'],
  ['pause', 'pause its runs, schedules and queues'],
  ['resume', 'go on with what a pause held'],
  ['complete', 'mark it as done'],
  ['fail', 'mark it as failed'],
  ['cancel', 'cancel all that is open'],
] as const;

function create(context: CommandContext, name: string, flags: Flags): Promise<number> {
  return withEngine(context, 'client', async ({ engine }) => {
    const parameters = flags.parameter === undefined ? undefined : await readInput(flags.parameter, undefined, undefined, context.io.context.cwd);
    const args = { name, template: flags.template, parameters, description: flags.description, status: flags.planning === true ? 'planning' : undefined };
    const data = await toolData(engine, 'create_project', args, { flags: { name: '<name>', template: '--template', parameters: '--parameter' } });
    return shown(context, engine, data);
  });
}

function list(context: CommandContext, flags: Flags): Promise<number> {
  const { out } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const data = await toolData(
      engine,
      'list',
      { kind: 'projects', filter: flags.status === undefined ? undefined : { status: flags.status } },
      { flags: { 'filter.status': '--status' } },
    );
    out.data(data);
    out.print(listLines('projects', data, { now: engine.now, width: out.width, colors: out.colors, filtered: flags.status !== undefined }));
    return EXIT.ok;
  });
}

function act(context: CommandContext, project: string | undefined, action: string, args: Readonly<Record<string, unknown>>): Promise<number> {
  return withEngine(context, 'client', async ({ engine }) =>
    shown(
      context,
      engine,
      await toolData(engine, 'manage_project', { project, action, ...args }, { flags: { project: '<project>', reason: '--reason', force: '--force' } }),
    ),
  );
}

function run(context: CommandContext, project: string, flags: Flags): Promise<number> {
  return withEngine(context, 'client', async ({ engine }) => {
    const input = await readInput(flags.input, flags.inputFile, undefined, context.io.context.cwd);
    const data = await toolData(
      engine,
      'manage_project',
      { project, action: 'run', workflow: flags.workflow, input },
      { flags: { project: '<project>', workflow: '--workflow', input: '--input' } },
    );
    const code = shown(context, engine, data);
    context.out.note(otherWorkers(engine) === 0 ? NOBODY_RUNS : `logistics-mcp watch ${String(data.execution_id)}`);
    return code;
  });
}

function archive(context: CommandContext, ref: string, flags: Flags): Promise<number> {
  return withEngine(context, 'client', async ({ engine }) => {
    const { project, file } = await engine.projects.archive(ref, LOCAL_HUMAN);
    const path = resolve(context.io.context.cwd, flags.file ?? `${project.name}.project.gz`);
    // Never over a file that is there: it may be the only copy of another archive.
    await writeFile(path, file, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
      throw new LogisticsError(cause.code === 'EEXIST' ? 'conflict' : 'invalid_input', `${path} cannot be written (${cause.code ?? 'unknown'}).`, {
        path: '--file',
        expected: 'a new file in a folder that exists',
        nextActions: ['The project is archived and its file is kept in the store: call again with another --file.'],
        cause,
      });
    });
    context.out.data({ project_id: project.id, name: project.name, status: project.status, file: path, bytes: file.length });
    context.out.print([`${project.name} is archived: ${path} (${file.length} bytes)`]);
    return EXIT.ok;
  });
}

function restore(context: CommandContext, ref: string | undefined, flags: Flags): Promise<number> {
  return withEngine(context, 'client', async ({ engine }) => {
    if ((ref === undefined) === (flags.file === undefined))
      throw new LogisticsError('invalid_input', 'restore takes a project or a file.', {
        path: '--file',
        expected: 'the name of an archived project, or --file',
      });
    if (ref !== undefined)
      return shown(
        context,
        engine,
        await toolData(engine, 'manage_project', { project: ref, action: 'restore', name: flags.name }, { flags: { project: '[project]', name: '--name' } }),
      );
    const path = resolve(context.io.context.cwd, flags.file as string);
    const file = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
      throw new LogisticsError('not_found', `${path} cannot be read (${cause.code ?? 'unknown'}).`, {
        path: '--file',
        nextActions: ['Correct the path.'],
        cause,
      });
    });
    const { project, replayed } = await engine.projects.restoreFrom(file, flags.name, LOCAL_HUMAN);
    const data = await toolData(engine, 'manage_project', { project: project.id, action: 'get' });
    return shown(context, engine, { ...data, replayed });
  });
}

function shown({ out }: CommandContext, engine: OrchestrationEngine, { action: _, ...data }: JsonObject): number {
  out.data(data);
  out.print(recordLines(data, { now: engine.now, width: out.width, colors: out.colors }));
  return EXIT.ok;
}
