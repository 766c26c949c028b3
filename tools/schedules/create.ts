// Owns the one way from a rule and the shared fields to a stored schedule, or with dry_run to how it would look.
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { inProject } from '../../src/domain/project.ts';
import type { Schedule } from '../../src/domain/schedule.ts';
import { receiptFor } from '../../src/orchestration/caller.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import type { NormalRule } from '../../src/schedule/rule-input.ts';
import type { ScheduleInput } from '../../src/schedule/schedule-input.ts';
import { type ProjectScope, queueIn, scopeOf, workflowIn } from '../in-project.ts';
import type { ToolContext } from '../tool.ts';
import { scheduleReply } from '../wire/schedule.ts';
import { type ChangeFields, toScheduleInput } from './fields.ts';
import { underOwnPaths } from './own-paths.ts';

type Fields = ChangeFields & {
  readonly session_id?: string | undefined;
  readonly project?: string | undefined;
  readonly budget?: JsonObject | null | undefined;
  readonly dry_run?: boolean | undefined;
  readonly idempotency_key?: string | undefined;
};

/** `args` are the whole call, for its receipt. */
export async function createSchedule(
  { engine, caller }: ToolContext,
  tool: string,
  rule: () => NormalRule,
  fields: Fields,
  args: Readonly<Record<string, unknown>>,
): Promise<JsonObject> {
  const { session_id, dry_run, idempotency_key, project, budget, name: given, ...asked } = fields;
  const sessionId = session_id ?? caller.sessionId;
  const scope = scopeOf(engine, project, sessionId);
  const name = scope === null || given === undefined ? given : inProject(scope.name, given);
  const rest = { ...asked, target: targetIn(engine, scope, asked.target) };
  const owner = { principal: caller.principal, sessionId, cause: caller.cause };
  const receipt = receiptFor(caller, tool, idempotency_key, args);
  // What was right at the first call may have passed by now.
  const known = dry_run === true ? null : engine.schedules.recall(receipt);
  if (known !== null) return stored(engine, known.schedule, true, []);
  const normal = rule();
  const input = withBudget(
    budget,
    toScheduleInput(
      name ?? engine.schedules.freeName(scope === null ? baseOf(rest.target) : inProject(scope.name, baseOf(rest.target))),
      normal,
      rest,
      sessionId,
    ),
  );
  if (dry_run === true) {
    if (idempotency_key !== undefined)
      throw new LogisticsError('invalid_input', 'A dry run stores nothing, so it keeps no receipt.', {
        path: 'idempotency_key',
        expected: 'no idempotency_key',
      });
    const { schedule, description } = await underOwnPaths(() => engine.schedules.draft(input, owner));
    return { ...scheduleReply(engine, schedule, description, normal.notes), status: 'preview', next: ['Call again without dry_run to store it.'] };
  }
  const { schedule, replayed } = await underOwnPaths(() => engine.schedules.create(input, owner, receipt));
  return stored(engine, schedule, replayed, replayed ? [] : normal.notes);
}

function withBudget(budget: Fields['budget'], input: ScheduleInput): ScheduleInput {
  return budget ? { ...input, budget: budget as ScheduleInput['budget'] } : input;
}

function stored(engine: OrchestrationEngine, schedule: Schedule, replayed: boolean, notes: readonly string[]): JsonObject {
  return {
    schedule_id: schedule.id,
    ...scheduleReply(engine, schedule, engine.schedules.describe(schedule), notes),
    replayed,
    next: [
      `get id=${schedule.id} view=events shows each planned time and what became of it`,
      'simulate_schedule or control action=pause, trigger, update, delete',
    ],
  };
}

function targetIn(engine: OrchestrationEngine, scope: ProjectScope | null, target: Fields['target']): Fields['target'] {
  if (scope === null || target === undefined) return target;
  return target.workflow === undefined
    ? { ...target, queue: queueIn(scope, target.queue) }
    : { ...target, workflow: workflowIn(engine, scope, target.workflow) };
}

function baseOf(target: Fields['target']): string {
  return target?.workflow ?? target?.task ?? 'schedule';
}
