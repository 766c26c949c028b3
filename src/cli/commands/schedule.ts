// Owns `schedule`: schedules are made, shown and acted on; the same data as the tools give, by name as well as by id.
import type { Command } from 'commander';
import { parseDuration } from '../../domain/duration.ts';
import { LogisticsError } from '../../domain/errors.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { numberOrText } from '../flag-values.ts';
import { parseJsonFlag } from '../input-flags.ts';
import { otherWorkers, withEngine } from '../open.ts';
import { controlLines } from '../render/control.ts';
import { listLines } from '../render/list.ts';
import { ledgerLines, previewLines, scheduleLines } from '../render/schedule.ts';
import { viewLines } from '../render/view.ts';
import { given, SCHEDULE_FLAG_OF, type ScheduleFlags, scheduleArguments, withTargetFlags } from '../schedule-flags.ts';
import { scheduleIdOf } from '../schedule-ref.ts';
import { toolData } from '../tool-data.ts';

const NOBODY_FIRES = 'No process is running on this store now; nothing fires until one is: logistics-mcp worker, or an MCP host with logistics-mcp.';

interface RuleFlags extends ScheduleFlags {
  readonly at?: readonly string[];
  readonly on?: readonly string[];
  readonly months?: readonly string[];
  readonly shortMonth?: string;
  readonly anchor?: string;
}

export function addSchedule(program: Command, invoke: Invoke): void {
  const schedule = program
    .command('schedule')
    .description('run workflows and tasks by cron, at intervals or once')
    .addHelpText(
      'after',
      examples(
        'logistics-mcp schedule cron "0 9 * * 1-5" --timezone Europe/Berlin --workflow report',
        'logistics-mcp schedule every 15m --task http.request --input url=https://example.org',
        'logistics-mcp schedule at 2026-12-01T09:00 --timezone Europe/Berlin --workflow report',
        'logistics-mcp schedule ledger report',
      ),
    );
  addMaking(schedule, invoke);
  addReading(schedule, invoke);
  addActing(schedule, invoke);
}

function addMaking(schedule: Command, invoke: Invoke): void {
  withTargetFlags(
    schedule
      .command('cron')
      .argument('<expression>', 'minute hour day month weekday, or six fields with seconds first')
      .option('--monday-zero', 'weekday numbers count from Monday = 0'),
  )
    .description('schedule by a cron expression')
    .addHelpText('after', examples('logistics-mcp schedule cron "0 9 * * 1-5" --timezone Europe/Berlin --workflow report --input day=today'))
    .action((expression: string, flags: ScheduleFlags, command: Command) =>
      invoke(command, (context) => make(context, 'schedule_cron', { expression }, flags)),
    );
  withTargetFlags(
    schedule
      .command('every')
      .argument('<interval>', '90s, 15m, 2h; day, week, month, year with --at and --on')
      .option('--at <times...>', 'local times of day')
      .option('--on <days...>', 'mon thu, weekdays; 1, last, "2nd tuesday"')
      .option('--months <months...>', 'of every year')
      .option('--short-month <policy>', 'day 31 in a shorter month: last_day (default) or skip')
      .option('--anchor <time>', 'from when periods are counted; default now'),
  )
    .description('schedule at an interval, or on days at local times')
    .addHelpText(
      'after',
      examples(
        'logistics-mcp schedule every 15m --workflow sync',
        'logistics-mcp schedule every month --on last --at 18:00 --timezone Europe/Paris --workflow bill',
      ),
    )
    .action((every: string, flags: RuleFlags, command: Command) =>
      invoke(command, (context) => make(context, 'schedule_recurring', everyRule(every, flags), flags)),
    );
  withTargetFlags(schedule.command('at').argument('<moment>', '2026-12-01T09:00+01:00, a local time with --timezone, or a delay such as 10m'))
    .description('schedule once')
    .addHelpText(
      'after',
      examples('logistics-mcp schedule at 10m --task echo --input value=hello', 'logistics-mcp schedule at 2026-12-01T09:00:00+01:00 --workflow report'),
    )
    .action((moment: string, flags: ScheduleFlags, command: Command) =>
      invoke(command, (context) =>
        make(context, 'schedule_recurring', parseDuration(moment) === undefined ? { at: moment } : { delay: moment }, flags, {
          at: '<moment>',
          delay: '<moment>',
        }),
      ),
    );
  withTargetFlags(schedule.command('rrule').argument('<rule>', 'RFC 5545, such as FREQ=WEEKLY;BYDAY=MO'))
    .description('schedule by an RFC 5545 rule')
    .addHelpText('after', examples('logistics-mcp schedule rrule "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9" --workflow report'))
    .action((rrule: string, flags: ScheduleFlags, command: Command) =>
      invoke(command, (context) => make(context, 'schedule_recurring', { rrule }, flags, { rrule: '<rule>' })),
    );
}

/** Several times or days as a list, one alone as it is. */
export function everyRule(every: string, { at, on, months, shortMonth, anchor }: RuleFlags): Record<string, unknown> {
  const days = on?.map(numberOrText);
  // "weekdays" is a word for five days.
  return given({ every, at, on: days?.length === 1 ? days[0] : days, months: months?.map(numberOrText), short_month: shortMonth, anchor });
}

function make(
  context: CommandContext,
  tool: string,
  rule: Readonly<Record<string, unknown>>,
  flags: ScheduleFlags,
  flagOf: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { out, io } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const data = await toolData(
      engine,
      tool,
      { ...rule, ...(await scheduleArguments(engine, flags, io.context.cwd)) },
      { flags: { ...SCHEDULE_FLAG_OF, ...flagOf } },
    );
    out.data(data);
    out.print(scheduleLines(data, { now: engine.now, width: out.width, colors: out.colors }));
    if (data.schedule_id !== undefined && !engine.backend.capabilities.durable)
      out.warn('The store lives in memory: the schedule is gone now that this command ends.', ['Leave out --store in_memory.']);
    else if (data.schedule_id !== undefined && otherWorkers(engine) === 0) out.note(NOBODY_FIRES);
    return EXIT.ok;
  });
}

interface ReadFlags {
  readonly status?: string;
  readonly text?: string;
  readonly limit?: string;
  readonly cursor?: string;
  readonly count?: string;
}

function addReading(schedule: Command, invoke: Invoke): void {
  const paged = (command: Command): Command => command.option('--limit <n>', 'rows, 1 to 100; default 20').option('--cursor <cursor>', 'the next page');
  paged(schedule.command('list').option('--status <status>', 'active, paused or completed').option('--text <part>', 'with this in the name'))
    .description('list schedules with their next and last fire')
    .addHelpText('after', examples('logistics-mcp schedule list --status paused'))
    .action((flags: ReadFlags, command: Command) => invoke(command, (context) => list(context, flags)));
  const one = (name: string, description: string, show: (context: CommandContext, ref: string, flags: ReadFlags) => Promise<number>): Command =>
    schedule
      .command(name)
      .argument('<schedule>', 'its name or id')
      .description(description)
      .addHelpText('after', examples(`logistics-mcp schedule ${name} report`))
      .action((ref: string, flags: ReadFlags, command: Command) => invoke(command, (context) => show(context, ref, flags)));
  one('get', 'show a schedule, its next fires and who fires it', (context, ref) => read(context, ref, 'summary', {}));
  one('explain', 'say why a schedule did or did not run', (context, ref) => read(context, ref, 'explain', {}));
  paged(one('ledger', 'show each planned time and what became of it', (context, ref, flags) => read(context, ref, 'events', flags)));
  one('preview', 'show the next planned times', preview).option('--count <n>', 'how many, 1 to 1000; default 10');
}

function list(context: CommandContext, flags: ReadFlags): Promise<number> {
  const { out } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const filter = given({ status: flags.status, text: flags.text });
    const filtered = Object.keys(filter).length > 0;
    const data = await toolData(
      engine,
      'list',
      { kind: 'schedules', filter: filtered ? filter : undefined, limit: numberOrText(flags.limit), cursor: flags.cursor },
      { flags: { 'filter.status': '--status', 'filter.text': '--text', limit: '--limit', cursor: '--cursor' } },
    );
    out.data(data);
    out.print(listLines('schedules', data, { now: engine.now, width: out.width, colors: out.colors, filtered }));
    return EXIT.ok;
  });
}

function read(context: CommandContext, ref: string, view: string, flags: ReadFlags): Promise<number> {
  const { out } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const args = { id: scheduleIdOf(engine, ref), view, limit: numberOrText(flags.limit), cursor: flags.cursor };
    const data = await toolData(engine, 'get', args, { flags: { id: '<schedule>', limit: '--limit', cursor: '--cursor' } });
    const screen = { now: engine.now, width: out.width, colors: out.colors };
    out.data(data);
    out.print(view === 'summary' ? scheduleLines(data, screen) : view === 'events' ? ledgerLines(data, screen) : viewLines(view, data, screen));
    return EXIT.ok;
  });
}

function preview(context: CommandContext, ref: string, { count = '10' }: ReadFlags): Promise<number> {
  const { out } = context;
  const n = Number(count);
  if (!Number.isInteger(n) || n < 1 || n > 1_000)
    throw new LogisticsError('invalid_input', `${JSON.stringify(count)} is no count.`, { path: '--count', expected: '1 to 1000' });
  return withEngine(context, 'client', async ({ engine }) => {
    const id = scheduleIdOf(engine, ref);
    const fires = engine.schedules.preview(id, n).map(({ at, local, note, dueAt }) => ({
      ...{ local, utc: new Date(at).toISOString() },
      ...(dueAt === at ? {} : { fires_at: new Date(dueAt).toISOString() }),
      ...(note === null ? {} : { note }),
    }));
    out.data({ schedule_id: id, fires });
    out.print(previewLines(fires, { now: engine.now, width: out.width, colors: out.colors }));
    return EXIT.ok;
  });
}

interface ActFlags {
  readonly reason?: string;
  readonly input?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly idempotencyKey?: string;
}

function addActing(schedule: Command, invoke: Invoke): void {
  const verb = (name: string, description: string, example: string): Command =>
    schedule
      .command(name)
      .argument('<schedule>', 'its name or id')
      .description(description)
      .option('--idempotency-key <key>', 'the same key again acts once')
      .addHelpText('after', examples(`logistics-mcp schedule ${name} report${example}`))
      .action((ref: string, flags: ActFlags, command: Command) => invoke(command, (context) => act(context, ref, name, actionArguments(flags))));
  verb('pause', 'fire no more until it is resumed', ' --reason "maintenance"').option('--reason <text>', 'why');
  verb('resume', 'fire again from the next planned time on', '');
  verb('trigger', 'run it once now', '').option('--input <json>', 'in place of the stored input');
  verb('backfill', 'run the planned times of a past range', ' --from 2026-11-01T00:00 --to 2026-11-07T00:00')
    .requiredOption('--from <time>', 'first planned time')
    .requiredOption('--to <time>', 'last planned time')
    .option('--limit <n>', 'at most so many; default 1000');
  verb('delete', 'remove it; runs that it started go on', '');
  schedule
    .command('update')
    .argument('<schedule>', 'its name or id')
    .argument('<json>', 'fields as in schedule_cron and schedule_recurring; null takes a bound away')
    .description('change a schedule')
    .option('--idempotency-key <key>', 'the same key again acts once')
    .addHelpText('after', examples(`logistics-mcp schedule update report '{"expression": "0 8 * * 1-5", "end_at": null}'`))
    .action((ref: string, json: string, flags: ActFlags, command: Command) =>
      invoke(command, (context) => act(context, ref, 'update', { change: parseJsonFlag(json, '<json>'), idempotency_key: flags.idempotencyKey })),
    );
}

function actionArguments(flags: ActFlags): Record<string, unknown> {
  return {
    reason: flags.reason,
    input: flags.input === undefined ? undefined : parseJsonFlag(flags.input, '--input'),
    from: flags.from,
    to: flags.to,
    limit: numberOrText(flags.limit),
    idempotency_key: flags.idempotencyKey,
  };
}

function act(context: CommandContext, ref: string, action: string, args: Readonly<Record<string, unknown>>): Promise<number> {
  const { out } = context;
  return withEngine(context, 'client', async ({ engine }) => {
    const flags = { id: '<schedule>', from: '--from', to: '--to', limit: '--limit', input: '--input', reason: '--reason' };
    const data = await toolData(engine, 'control', { id: scheduleIdOf(engine, ref), action, ...args }, { flags });
    out.data(data);
    const screen = { now: engine.now, width: out.width, colors: out.colors };
    out.print(action === 'update' ? scheduleLines(data, screen) : controlLines(data, out.colors));
    return EXIT.ok;
  });
}
