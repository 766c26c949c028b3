// Owns `get`: one thing by its id, in the view asked for; a workflow also by its name, an artifact also into a file.
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import { kindOfId } from '../../domain/id.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { numberOrText } from '../flag-values.ts';
import { withEngine } from '../open.ts';
import { bytesText } from '../render/text.ts';
import { viewLines } from '../render/view.ts';
import { toolData } from '../tool-data.ts';

interface GetFlags {
  readonly view?: string;
  readonly step?: string;
  readonly cursor?: string;
  readonly limit?: string;
  readonly detailed?: boolean;
  readonly save?: string;
}

const FLAG_OF = { id: '<id>', view: '--view', step: '--step', cursor: '--cursor', limit: '--limit' };
const PIECE = 1_048_576;

export function addGet(program: Command, invoke: Invoke): void {
  program
    .command('get')
    .argument('<id>', 'an id (exec_, job_, sched_, sess_, wf_, art_, wrk_), or the name of a workflow')
    .description('show one thing')
    .option('--view <view>', 'summary (default), steps, events, output, logs, graph, timeline or explain')
    .option('--step <id>', 'one step of an execution')
    .option('--cursor <cursor>', 'the next part')
    .option('--limit <n>', 'rows, 1 to 100')
    .option('--detailed', 'with the definition of a workflow')
    .option('--save <file>', 'write the content of an artifact to a file')
    .addHelpText(
      'after',
      examples('logistics-mcp get exec_06d3v8q2k1h7m9p4r5s6t7v8w9 --view explain', 'logistics-mcp get art_06d3v8q2k1h7m9p4r5s6t7v8w9 --save report.md'),
    )
    .action((id: string, flags: GetFlags, command: Command) => invoke(command, (context) => get(context, id, flags)));
}

function get(context: CommandContext, text: string, flags: GetFlags): Promise<number> {
  const { out } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const id = idOf(engine, text);
    if (flags.save !== undefined) return save(engine, id, flags.save, context);
    const data = await toolData(
      engine,
      'get',
      {
        id,
        view: flags.view,
        step: flags.step,
        cursor: flags.cursor,
        limit: numberOrText(flags.limit),
        response_format: flags.detailed === true ? 'detailed' : undefined,
      },
      { flags: FLAG_OF },
    );
    out.data(data);
    out.print(viewLines(flags.view ?? 'summary', data, { now: engine.now, width: out.width, colors: out.colors }));
    return EXIT.ok;
  });
}

function idOf(engine: OrchestrationEngine, text: string): string {
  if (kindOfId(text) !== undefined) return text;
  return engine.backend.findDefinition({ namespace: engine.namespace, name: text })?.id ?? text;
}

async function save(engine: OrchestrationEngine, id: string, file: string, { io, out }: CommandContext): Promise<number> {
  if (kindOfId(id) !== 'artifact')
    throw new LogisticsError('invalid_input', `Only the content of an artifact can be saved, and ${id} is none.`, {
      path: '--save',
      expected: 'an id that begins with art_',
    });
  const info = engine.backend.getArtifact({ id, offset: 0, limit: 0 })?.info;
  if (info === undefined) throw new LogisticsError('not_found', `There is no artifact ${id}.`, { path: 'id' });
  const path = resolve(io.context.cwd, file);
  const target = await open(path, 'wx').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EEXIST' ? 'exists already' : `cannot be written (${cause.code ?? 'unknown'})`;
    throw new LogisticsError('invalid_input', `The file ${path} ${why}.`, {
      path: '--save',
      expected: 'a file that does not exist yet',
      nextActions: ['Choose another name.'],
      cause,
    });
  });
  try {
    for (let offset = 0; offset < info.bytes; offset += PIECE)
      await target.write(engine.backend.getArtifact({ id, offset, limit: PIECE })?.content ?? new Uint8Array());
  } finally {
    await target.close();
  }
  out.data({ artifact_id: id, file: path, bytes: info.bytes, sha256: info.sha256 });
  out.print([`${out.colors.green('✓')} ${path}  ${out.colors.dim(bytesText(info.bytes))}`]);
  return EXIT.ok;
}
