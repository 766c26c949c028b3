// Owns what expressions of a schedule may read, and that nothing else is named: known when it is made, given when it fires.
import { normaliseCondition } from '../domain/condition-text.ts';
import type { Evaluator } from '../domain/evaluator.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { FiringFacts, LastRun } from '../store/backend.ts';
import { ScheduleError } from './schedule-error.ts';
import { localIso } from './timezone-manager.ts';
import { zoneOf } from './zone.ts';

const SCHEDULE_FIELDS = ['plannedAt', 'firedAt', 'id', 'name', 'runNumber', 'timezone'] as const;
const FIELDS: Readonly<Record<string, readonly string[]>> = { schedule: SCHEDULE_FIELDS, last: ['status', 'output'], session: ['context'] };

/** `schedule` as expressions see it; times are ISO 8601 with the offset of the schedule's zone. */
function scheduleValues(facts: FiringFacts): JsonObject {
  const zone = zoneOf(facts.timezone);
  return {
    plannedAt: localIso(facts.plannedAt, zone),
    firedAt: localIso(facts.firedAt, zone),
    id: facts.id,
    name: facts.name,
    runNumber: facts.runNumber,
    timezone: facts.timezone,
  };
}

/** The input of a run; a template without expressions is given back as it is. */
export function renderInput(evaluator: Evaluator, facts: FiringFacts, template: Json): Json {
  return evaluator.isDynamic(template) ? evaluator.render(template, { values: { schedule: scheduleValues(facts) } }, 'schedule') : template;
}

/** Whether the condition holds; throws when it gives no boolean. */
export function evaluateWhen(evaluator: Evaluator, source: string, facts: FiringFacts, last: LastRun | null, context: Json): boolean {
  // Before the first run its fields are null, so that a condition on them can be asked from the start.
  const values = { schedule: scheduleValues(facts), last: { status: last?.status ?? null, output: last?.output ?? null }, session: { context } };
  const value = evaluator.render(source, { values }, 'schedule');
  if (typeof value === 'boolean') return value;
  throw new ScheduleError('invalid_expression', `The condition gives ${JSON.stringify(value)?.slice(0, 60)}, not true or false.`, {
    path: 'when',
    expected: 'an expression that is true or false',
  });
}

/** The normal form of a condition; throws for what is no expression or names what has no value there. */
export function checkedCondition(evaluator: Evaluator, text: string): string {
  const source = normaliseCondition(text);
  if (source === undefined)
    throw new ScheduleError('invalid_expression', 'The condition is not one expression.', { path: 'when', expected: 'for example last.status == "completed"' });
  checkTemplate(evaluator, source, 'when', ['schedule', 'last', 'session']);
  return source;
}

/** Throws for expressions with faults, and for names without a value. */
export function checkTemplate(evaluator: Evaluator, template: Json, path: string, roots: readonly string[] = ['schedule']): void {
  const [fault] = evaluator.check(template, 'schedule');
  if (fault !== undefined) {
    throw new ScheduleError(fault.code, fault.message, {
      path: path + fault.path.replaceAll('/', '.'),
      expected: fault.expected,
      nearMatches: fault.nearMatches,
    });
  }
  for (const [root = '', field] of evaluator.references(template)) {
    if (!roots.includes(root)) {
      throw new ScheduleError('unresolved_reference', `There is no ${root} to read when a schedule fires.`, {
        path,
        expected: `one of ${roots.join(', ')}`,
        nearMatches: nearMatches(root, roots),
      });
    }
    const known = FIELDS[root] as readonly string[];
    if (field !== undefined && !known.includes(field)) {
      throw new ScheduleError('unresolved_reference', `${root} has no field ${field}.`, {
        path,
        expected: `one of ${known.join(', ')}`,
        nearMatches: nearMatches(field, known),
      });
    }
  }
}
