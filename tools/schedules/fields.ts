// Owns what schedule_cron, schedule_recurring and simulate_schedule take beside their rule, and the way from it to the input of the schedule manager.
import { z } from 'zod';
import { Duration } from '../../src/domain/duration.ts';
import { LogisticsError } from '../../src/domain/errors.ts';
import { QueueName } from '../../src/domain/job.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { Priority } from '../../src/domain/priority.ts';
import { RetryPolicyInput } from '../../src/domain/retry-policy.ts';
import { FoldPolicy, GapPolicy, ScheduleName } from '../../src/domain/schedule.ts';
import type { NormalRule } from '../../src/schedule/rule-input.ts';
import type { ScheduleInput, SchedulePatch } from '../../src/schedule/schedule-input.ts';
import { Moment as AnyMoment, patchOfRule, patchOfWords, ScheduleWords } from '../../src/schedule/schedule-words.ts';
import { AnyJson, AnyObject, BudgetArgument, IdempotencyKey, ProjectRef, SessionId } from '../wire/fields.ts';

/** Strict where it is parsed, short where clients are told of it: the description says the shape. */
export function brief<T extends z.ZodType>(schema: T): z.ZodPipe<z.ZodUnknown, z.ZodType<z.output<T>, unknown>> {
  return z.unknown().pipe(schema as z.ZodType<z.output<T>, unknown>);
}

export function briefObject<T extends z.ZodType>(schema: T): z.ZodPipe<typeof AnyObject, z.ZodType<z.output<T>, JsonObject>> {
  return AnyObject.pipe(schema as z.ZodType<z.output<T>, JsonObject>);
}

const Name = z.string().min(1).max(200).optional();
export const Moment = brief(AnyMoment);
const { overlap, catchup, jitter, start_at, end_at, max_runs, exclude, pause_on_failure, when } = ScheduleWords.shape;

const Target = z
  .strictObject({
    workflow: Name,
    task: Name,
    input: AnyJson.optional(),
    version: brief(z.int().min(1).max(1_000_000_000)).optional(),
    queue: brief(QueueName).optional(),
    priority: brief(Priority).optional(),
    retry: brief(z.union([z.int().min(1).max(1_000), RetryPolicyInput])).optional(),
    timeout: brief(Duration).optional(),
    requires: brief(z.array(z.string().min(1).max(200)).max(20)).optional(),
  })
  .describe('{"workflow": name} (version: pinned), or {"task": type} with job fields as in enqueue_job; input may use ${{ schedule.plannedAt }}.');

/** Fields that a rule reads local times by. */
export const ZoneFields = {
  timezone: z.string().min(1).max(100).optional().describe('IANA, such as Europe/Berlin; default UTC.'),
  gap: GapPolicy.optional().describe('A local time that spring skips.'),
  fold: FoldPolicy.optional().describe('One that autumn repeats.'),
};

/** Fields that may be changed later; null takes a bound away. */
const changeable = {
  target: Target.optional(),
  overlap: overlap.describe('While the run before goes on; default skip.'),
  catchup: brief(catchup.unwrap())
    .optional()
    .describe('After downtime: {"policy": "one" (the newest missed; default) | "skip" | "all", "window": "1h", "cap": 100}.'),
  jitter: brief(jitter.unwrap()).optional().describe('Delay by up to this.'),
  start_at: brief(start_at.unwrap()).optional().describe('ISO 8601; without offset: local time.'),
  end_at: brief(end_at.unwrap()).optional(),
  max_runs: brief(max_runs.unwrap()).optional(),
  exclude: brief(exclude.unwrap()).optional().describe('Local dates ["2026-12-25"], or {from, to}.'),
  pause_on_failure: brief(pause_on_failure.unwrap()).optional().describe('Pause after n failed runs in a row.'),
  when: brief(when.unwrap())
    .optional()
    .describe('Whether to run: an expression (last.status != \'failed\'), or {task, input} whose result is true or {"run": true}.'),
};

export const ScheduleFields = {
  name: ScheduleName.optional().describe('Unique; default: made from the target.'),
  project: ProjectRef,
  ...changeable,
  budget: BudgetArgument,
  session_id: SessionId,
  dry_run: z.boolean().optional().describe('Check and preview; store nothing.'),
  idempotency_key: IdempotencyKey,
};

/** What control update takes in its field change. */
export const ChangeFields = z.strictObject({ name: ScheduleName.optional(), ...changeable });
export type ChangeFields = z.output<typeof ChangeFields>;
type Changeable = Omit<ChangeFields, 'name'>;

/** Names by which these fields are often called -> ours; a dot leads into an object. */
export const FIELD_ALIASES = {
  workflow: 'target.workflow',
  task: 'target.task',
  input: 'target.input',
  payload: 'target.input',
  'target.payload': 'target.input',
  queue: 'target.queue',
  priority: 'target.priority',
  catchup_window: 'catchup.window',
  start: 'start_at',
  end: 'end_at',
} as const;

/** The manager's input; what an RRULE said beside its rule yields to a field that is given. */
export function toScheduleInput(name: string, normal: NormalRule, fields: Changeable, sessionId: string | null): ScheduleInput {
  if (fields.target === undefined) {
    throw new LogisticsError('invalid_input', 'No target is given.', {
      path: 'target',
      expected: 'target.workflow, the name of a stored workflow, or target.task, a task type',
    });
  }
  return { ...patchOfRule(normal), ...toPatch(fields, normal.rule.timezone), name, rule: normal.rule, session_id: sessionId } as ScheduleInput;
}

/** Only what is given; local times are read in the zone. */
export function toPatch(fields: Changeable & { readonly name?: string | undefined }, timezone: string): SchedulePatch {
  const { name, target } = fields;
  const patch = { ...patchOfWords(fields, timezone), ...(name === undefined ? {} : { name }) };
  if (target === undefined) return patch;
  const { input, ...rest } = targetOf(target);
  return { ...patch, ...rest, ...(input === undefined ? {} : { input }) } as SchedulePatch;
}

function targetOf({ workflow, version, task, input, ...job }: z.output<typeof Target>): { target: object; input: Json | undefined } {
  if ((workflow === undefined) === (task === undefined)) {
    throw new LogisticsError(
      'invalid_input',
      workflow === undefined ? 'The target names neither a workflow nor a task.' : 'The target names a workflow and a task.',
      {
        path: 'target',
        expected: 'one of target.workflow, target.task',
      },
    );
  }
  const given = Object.entries(job).filter(([, value]) => value !== undefined);
  if (task !== undefined) {
    if (version !== undefined)
      throw new LogisticsError('invalid_input', 'A task has no version.', { path: 'target.version', expected: 'target.workflow with it' });
    return { target: { task, ...Object.fromEntries(given) }, input };
  }
  const idle = given[0]?.[0];
  if (idle !== undefined) {
    throw new LogisticsError('invalid_input', `${idle} acts on a task only; a workflow has its own per step.`, {
      path: `target.${idle}`,
      expected: 'target.task with it',
    });
  }
  return { target: { workflow, ...(version === undefined ? {} : { version }) }, input };
}
