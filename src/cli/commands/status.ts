// Owns `status`: how it is going, on one screen; with --since what happened meanwhile.
import type { Command } from 'commander';
import { parseDuration } from '../../domain/duration.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { otherWorkers, withEngine } from '../open.ts';
import { statusLines } from '../render/status.ts';
import { toolData } from '../tool-data.ts';

interface StatusFlags {
  readonly since?: string;
  readonly detailed?: boolean;
}

export function addStatus(program: Command, invoke: Invoke): void {
  program
    .command('status')
    .description('show what runs, waits, failed and comes next')
    .option('--since <moment>', 'also what changed: 1h (ago), a time, or the cursor of an earlier status')
    .option('--detailed', 'longer lists and more sections')
    .addHelpText('after', examples('logistics-mcp status', 'logistics-mcp status --since 1h', 'logistics-mcp status --json'))
    .action((flags: StatusFlags, command: Command) => invoke(command, (context) => status(context, flags)));
}

function status(context: CommandContext, flags: StatusFlags): Promise<number> {
  const { out } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const data = await toolData(
      engine,
      'get_system_status',
      { since: sinceOf(flags.since, engine.now), response_format: flags.detailed === true ? 'detailed' : undefined },
      { flags: { since: '--since' } },
    );
    out.data(data);
    out.print(statusLines(data, { now: engine.now, width: out.width, colors: out.colors, workers: otherWorkers(engine) }));
    return EXIT.ok;
  });
}

/** `1h` is that long ago; whole numbers are cursors, as the tool takes them. */
function sinceOf(text: string | undefined, now: number): string | undefined {
  if (text === undefined || /^\d+$/.test(text)) return text;
  const ago = parseDuration(text);
  return ago === undefined ? text : new Date(now - ago).toISOString();
}
