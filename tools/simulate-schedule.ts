// Owns the tool simulate_schedule: a schedule on a virtual clock, so that its policies are seen before they matter.
import { z } from 'zod';
import { Duration } from '../src/domain/duration.ts';
import { LogisticsError } from '../src/domain/errors.ts';
import type { JsonObject } from '../src/domain/json.ts';
import type { OrchestrationEngine } from '../src/orchestration/orchestration-engine.ts';
import { ruleOfWords } from '../src/schedule/rule-words.ts';
import type { ScheduleInput } from '../src/schedule/schedule-input.ts';
import type { Simulated, SimulatedFire } from '../src/schedule/schedule-replies.ts';
import { momentOf } from '../src/schedule/schedule-words.ts';
import { brief, FIELD_ALIASES, Moment, ScheduleFields, toScheduleInput } from './schedules/fields.ts';
import { underOwnPaths } from './schedules/own-paths.ts';
import { CronFields, RecurringFields } from './schedules/recurring-rule.ts';
import { simulationPicture } from './schedules/simulation-picture.ts';
import { defineTool } from './tool.ts';
import { missing } from './views/view.ts';
import { compact, iso, shortText } from './wire/compact.ts';

const SHOWN = 50;
const { session_id: _, dry_run: __, idempotency_key: ___, name: ____, project: _____, budget: ______, ...NewFields } = ScheduleFields;

const Input = z.strictObject({
  schedule_id: z.string().min(1).max(200).optional().describe('A stored schedule, by id or name; or the fields of a new one.'),
  from: Moment.describe('ISO 8601; without offset: local time of the schedule.'),
  to: Moment,
  run_duration: brief(Duration).optional().describe('How long each run takes; default 0.'),
  outage: brief(z.array(z.strictObject({ from: Moment, to: Moment })).max(100))
    .optional()
    .describe('[{from, to}]: times in which no process runs.'),
  limit: z.int().min(1).max(200).optional().describe(`Rows; default ${SHOWN}.`),
  expression: z.string().min(1).max(1_000).optional().describe('Cron; or a rule as in schedule_recurring.'),
  ...CronFields,
  ...RecurringFields,
  ...NewFields,
});
type Args = z.output<typeof Input>;

/** Rows that the counts are made of; what lies beyond is said. */
const COUNTED = 10_000;
const MAX_NOTES = 20;
const DECISIONS = ['from', 'to', 'schedule_id', 'run_duration', 'outage', 'limit'];

export const simulateScheduleTool = defineTool({
  name: 'simulate_schedule',
  title: 'Simulate a schedule',
  description:
    'Simulate a stored or a new schedule on a virtual clock over a range: every fire, clock change, overlap and catch-up decision, before anything runs. Nothing is stored. ' +
    'Example: {"expression": "0 * * * *", "from": "2026-12-01T00:00:00Z", "to": "2026-12-02T00:00:00Z", "run_duration": "90m", "outage": [{"from": "2026-12-01T05:10:00Z", "to": "2026-12-01T09:10:00Z"}]}.',
  kind: 'read',
  idempotent: true,
  openWorld: false,
  aliases: FIELD_ALIASES,
  input: Input,
  output: z.looseObject({
    fires: z.array(z.looseObject({ planned_at: z.string(), status: z.string() })),
    counts: z.looseObject({}),
    picture: z.array(z.string()),
    truncated: z.boolean().optional(),
    notes: z.array(z.string()).optional(),
  }),
  async handle({ engine }, args) {
    const { limit = SHOWN } = args;
    const { zone, request } = subject(engine, args);
    const range = { from: momentOf(args.from, zone, 'from') as number, to: momentOf(args.to, zone, 'to') as number };
    if (range.to <= range.from) throw new LogisticsError('invalid_input', 'The range ends before it begins.', { path: 'to', expected: 'a moment after from' });
    const outages = (args.outage ?? []).map((each, at) => ({
      from: momentOf(each.from, zone, `outage.${at}.from`) as number,
      to: momentOf(each.to, zone, `outage.${at}.to`) as number,
    }));
    const backwards = outages.findIndex((each) => each.to <= each.from);
    if (backwards >= 0)
      throw new LogisticsError('invalid_input', 'An outage ends before it begins.', { path: `outage.${backwards}.to`, expected: 'a moment after its from' });
    const simulated = await underOwnPaths(() => engine.schedules.simulation({ ...request, ...range, runMs: args.run_duration, outages, limit: COUNTED }));
    return reply(simulated, { ...range, outages, limit });
  },
});

function subject(
  engine: OrchestrationEngine,
  args: Args,
): { readonly zone: string; readonly request: { readonly id?: string; readonly input?: ScheduleInput } } {
  const { schedule_id, from: _from, to: _to, run_duration: _run, outage: _outage, limit: _limit, expression, ...rest } = args;
  if (schedule_id !== undefined) {
    const given = Object.keys(args).find((name) => args[name as keyof Args] !== undefined && !DECISIONS.includes(name));
    if (given !== undefined)
      throw new LogisticsError('invalid_input', `Both schedule_id and ${given} are given.`, {
        path: given,
        expected: 'a stored schedule, or the fields of a new one',
      });
    const schedule = engine.schedules.get(schedule_id);
    if (schedule === null) throw missing('schedule', schedule_id, 'schedules');
    return { zone: schedule.rule.timezone, request: { id: schedule.id } };
  }
  const { monday_zero, every, daily, weekly, monthly, yearly, rrule, at, delay, on, months, short_month, anchor, timezone, gap, fold, ...fields } = rest;
  const recurring = { every, daily, weekly, monthly, yearly, rrule, at, delay, on, months, short_month, anchor };
  const normal = ruleOfWords({ expression, monday_zero, ...recurring, timezone, gap, fold }, engine.now);
  // What would run plays no part in when it would.
  const target = fields.target ?? { task: 'echo', input: { value: null } };
  return { zone: normal.rule.timezone, request: { input: toScheduleInput('simulated', normal, { ...fields, target }, null) } };
}

interface Screen {
  readonly from: number;
  readonly to: number;
  readonly outages: readonly { readonly from: number; readonly to: number }[];
  readonly limit: number;
}

function reply({ fires, shown: worked, notes }: Simulated, screen: Screen): JsonObject {
  const counts: Record<string, number> = {};
  for (const fire of fires) counts[fire.status] = (counts[fire.status] ?? 0) + fire.count;
  const shown = fires.slice(0, screen.limit);
  return {
    fires: shown.map((fire) => fireRow(worked(fire))),
    counts,
    picture: simulationPicture(fires, screen),
    ...(shown.length < fires.length ? { truncated: true, rows_total: fires.length } : {}),
    ...(notes.length === 0 ? {} : { notes: notes.slice(0, MAX_NOTES) }),
    ...(fires.length >= COUNTED ? { counted_until: worked(fires.at(-1) as Simulated['fires'][number]).local } : {}),
  };
}

function fireRow(fire: SimulatedFire): JsonObject {
  return compact({
    planned_at: fire.local,
    until: fire.count > 1 ? iso(fire.until) : undefined,
    count: fire.count > 1 ? fire.count : undefined,
    status: fire.status,
    reason: fire.reason === null ? undefined : shortText(fire.reason, 150),
    starts_at: fire.startsAt !== null && fire.startsAt !== fire.plannedAt ? iso(fire.startsAt) : undefined,
    note: fire.note === null ? undefined : shortText(fire.note, 150),
  });
}
