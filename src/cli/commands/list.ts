// Owns `list`: one page of what exists, as a table; an empty one says how to get some.
import type { Command } from 'commander';
import type { JsonObject } from '../../domain/json.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { momentFlag, numberOrText } from '../flag-values.ts';
import { withEngine } from '../open.ts';
import { listLines } from '../render/list.ts';
import { toolData } from '../tool-data.ts';

interface ListFlags {
  readonly status?: string;
  readonly queue?: string;
  readonly task?: string;
  readonly workflow?: string;
  readonly project?: string;
  readonly session?: string;
  readonly execution?: string;
  readonly text?: string;
  readonly since?: string;
  readonly until?: string;
  readonly dead?: boolean;
  readonly batch?: string;
  readonly errorCode?: string;
  readonly allNamespaces?: boolean;
  readonly limit?: string;
  readonly cursor?: string;
}

const FLAG_OF = {
  kind: '<kind>',
  'filter.status': '--status',
  'filter.queue': '--queue',
  'filter.task': '--task',
  'filter.workflow': '--workflow',
  'filter.project': '--project',
  'filter.session_id': '--session',
  'filter.execution_id': '--execution',
  'filter.text': '--text',
  'filter.since': '--since',
  'filter.until': '--until',
  'filter.dead': '--dead',
  'filter.batch': '--batch',
  'filter.error_code': '--error-code',
  limit: '--limit',
  cursor: '--cursor',
};

export function addList(program: Command, invoke: Invoke): void {
  program
    .command('list')
    .argument('<kind>', 'workflows, executions, jobs, schedules, queues, sessions, workers, resources, projects, events or insights (what is amiss)')
    .description('list what exists, newest first')
    .option('--status <status>', 'running, waiting, failed …')
    .option('--workflow <name>', 'of this workflow')
    .option('--project <name>', 'of this project')
    .option('--queue <name>', 'of this queue')
    .option('--task <type>', 'of this task type')
    .option('--session <id>', 'of this session')
    .option('--execution <id>', 'of this execution')
    .option('--text <part>', 'with this in the name')
    .option('--since <moment>', '1h (ago), 2026-11-21T09:00:00Z')
    .option('--until <moment>', '10m (ago), 2026-11-21T09:00:00Z')
    .option('--dead', 'jobs with no attempt left')
    .option('--error-code <code>', 'jobs that ended with this error')
    .option('--batch <batch_id>', 'jobs that were enqueued together')
    .option('--all-namespaces', 'of every workspace')
    .option('--limit <n>', 'rows, 1 to 100; default 20')
    .option('--cursor <cursor>', 'the next page')
    .addHelpText('after', examples('logistics-mcp list executions --status failed --since 1d', 'logistics-mcp list jobs --queue mail --json'))
    .action((kind: string, flags: ListFlags, command: Command) => invoke(command, (context) => list(context, kind, flags)));
}

function list(context: CommandContext, kind: string, flags: ListFlags): Promise<number> {
  const { out, io } = context;
  const filter = filterOf(flags, io.now());
  return withEngine(context, 'client', async ({ engine }) => {
    const data = await toolData(
      engine,
      'list',
      { kind, filter: Object.keys(filter).length === 0 ? undefined : filter, limit: numberOrText(flags.limit), cursor: flags.cursor },
      { flags: FLAG_OF },
    );
    out.data(data);
    out.print(listLines(kind, data, { now: engine.now, width: out.width, colors: out.colors, filtered: Object.keys(filter).length > 0 }));
    return EXIT.ok;
  });
}

function filterOf(flags: ListFlags, now: number): JsonObject {
  const all = {
    status: flags.status,
    queue: flags.queue,
    task: flags.task,
    workflow: flags.workflow,
    project: flags.project,
    session_id: flags.session,
    execution_id: flags.execution,
    text: flags.text,
    since: momentFlag(flags.since, '--since', now),
    until: momentFlag(flags.until, '--until', now),
    dead: flags.dead,
    error_code: flags.errorCode,
    batch: flags.batch,
    namespace: flags.allNamespaces === true ? '*' : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined));
}
