// Owns `simulate`: a stored or a new schedule on a virtual clock, as a picture and a table.
import type { Command } from 'commander';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { numberOrText } from '../flag-values.ts';
import { withEngine } from '../open.ts';
import { simulationLines } from '../render/simulation.ts';
import { policyArguments, SCHEDULE_FLAG_OF, type ScheduleFlags, withPolicyFlags } from '../schedule-flags.ts';
import { scheduleIdOf } from '../schedule-ref.ts';
import { toolData } from '../tool-data.ts';
import { everyRule } from './schedule.ts';

interface SimulateFlags extends ScheduleFlags {
  readonly cron?: string;
  readonly every?: string;
  readonly at?: readonly string[];
  readonly on?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly runDuration?: string;
  readonly outage?: readonly string[];
  readonly limit?: string;
}

const FLAG_OF = {
  ...SCHEDULE_FLAG_OF,
  schedule_id: '[schedule]',
  expression: '--cron',
  every: '--every',
  from: '--from',
  to: '--to',
  run_duration: '--run-duration',
  outage: '--outage',
  limit: '--limit',
};

export function addSimulate(program: Command, invoke: Invoke): void {
  withPolicyFlags(
    program
      .command('simulate')
      .argument('[schedule]', 'name or id of a stored schedule; or --cron or --every')
      .description('show what a schedule would do, on a virtual clock')
      .requiredOption('--from <time>', 'begin: 2026-12-01, or a time with offset')
      .requiredOption('--to <time>', 'end')
      .option('--cron <expression>', 'a new schedule by cron')
      .option('--monday-zero', 'with --cron: weekday numbers count from Monday = 0')
      .option('--every <interval>', 'a new schedule by interval')
      .option('--at <times...>', 'with --every day, week, month')
      .option('--on <days...>', 'with --every week, month')
      .option('--run-duration <duration>', 'how long each run takes')
      .option('--outage <from..to...>', 'times in which no process runs')
      .option('--limit <n>', 'rows; default 50'),
  )
    .addHelpText(
      'after',
      examples(
        'logistics-mcp simulate report --from 2026-12-01 --to 2026-12-08',
        'logistics-mcp simulate --cron "0 * * * *" --from 2026-12-01 --to 2026-12-02 --run-duration 90m --outage 2026-12-01T05:10..2026-12-01T09:10',
      ),
    )
    .action((ref: string | undefined, flags: SimulateFlags, command: Command) => invoke(command, (context) => simulate(context, ref, flags)));
}

function simulate(context: CommandContext, ref: string | undefined, flags: SimulateFlags): Promise<number> {
  const { out } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const rule = flags.every === undefined ? { at: flags.at, on: flags.on } : everyRule(flags.every, flags);
    const args = {
      schedule_id: ref === undefined ? undefined : scheduleIdOf(engine, ref),
      expression: flags.cron,
      ...rule,
      ...policyArguments(flags),
      from: flags.from,
      to: flags.to,
      run_duration: flags.runDuration,
      outage: flags.outage?.map((text) => ({ from: text.split('..')[0], to: text.split('..')[1] })),
      limit: numberOrText(flags.limit),
    };
    const data = await toolData(engine, 'simulate_schedule', args, { flags: FLAG_OF });
    out.data(data);
    out.print(simulationLines(data, { now: engine.now, width: out.width, colors: out.colors }));
    return EXIT.ok;
  });
}
