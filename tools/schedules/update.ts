// Owns how a schedule is changed: the fields by which it was made, and a new rule only where a field of a rule is given.
import { z } from 'zod';
import { LogisticsError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseInput } from '../../src/domain/parse-input.ts';
import type { Schedule, ScheduleRule } from '../../src/domain/schedule.ts';
import type { NormalRule } from '../../src/schedule/rule-input.ts';
import { ruleOfWords } from '../../src/schedule/rule-words.ts';
import type { SchedulePatch } from '../../src/schedule/schedule-input.ts';
import { patchOfRule } from '../../src/schedule/schedule-words.ts';
import { validZone } from '../../src/schedule/timezone-manager.ts';
import { underOurNames } from '../aliases.ts';
import { AnyJson } from '../wire/fields.ts';
import { ChangeFields, FIELD_ALIASES, toPatch } from './fields.ts';
import { CronFields, RecurringFields } from './recurring-rule.ts';

const Change = z.strictObject({
  expression: z.string().min(1).max(1_000).optional(),
  input: AnyJson.optional(),
  ...CronFields,
  ...RecurringFields,
  ...ChangeFields.shape,
});
type Change = z.output<typeof Change>;

const { input: _, payload: __, ...TARGET_ALIASES } = FIELD_ALIASES;
/** The input changes alone, too. */
const ALIASES = { ...TARGET_ALIASES, payload: 'input' };

const RULE_FIELDS = Object.keys(RecurringFields).filter((name) => !['timezone', 'gap', 'fold'].includes(name));

export function patchOf(raw: JsonObject, schedule: Schedule, now: number): { readonly patch: SchedulePatch; readonly notes: readonly string[] } {
  if (Object.keys(raw).length === 0)
    throw new LogisticsError('invalid_input', 'Nothing is to be changed.', { path: 'change', expected: 'fields of schedule_cron or schedule_recurring' });
  const change = parseInput(Change, underOurNames(raw, ALIASES), 'The change is wrong', 'change');
  const normal = ruleOf(change, schedule.rule, now);
  const timezone = normal?.rule.timezone ?? schedule.rule.timezone;
  const { input, ...fields } = change;
  if (input !== undefined && fields.target?.input !== undefined)
    throw new LogisticsError('invalid_input', 'The input is given twice.', { path: 'change.input', expected: 'input or target.input' });
  const patch: Record<string, unknown> = { ...(normal === undefined ? {} : patchOfRule(normal)), ...toPatch(fields, timezone) };
  if (input !== undefined) patch.input = input;
  if (normal !== undefined) patch.rule = normal.rule;
  return { patch: patch as SchedulePatch, notes: normal?.notes ?? [] };
}

/** A new rule takes its own defaults; of the old one it keeps the zone. */
function ruleOf(change: Change, old: ScheduleRule, now: number): NormalRule | undefined {
  const { expression, monday_zero, timezone = old.timezone, gap, fold } = change;
  const words = Object.fromEntries(RULE_FIELDS.map((name) => [name, change[name as keyof Change]]));
  if ([expression, monday_zero, ...Object.values(words)].some((value) => value !== undefined))
    return ruleOfWords({ ...words, expression, monday_zero, timezone, gap, fold }, now);
  if (change.timezone === undefined && gap === undefined && fold === undefined) return undefined;
  return { rule: zoned(old, validZone(timezone), change), notes: [] };
}

/** The same rule, read in another zone or by other policies. */
function zoned(old: ScheduleRule, timezone: string, { gap, fold }: Change): ScheduleRule {
  if ('gap' in old) return { ...old, timezone, gap: gap ?? old.gap, fold: fold ?? old.fold };
  const idle = gap !== undefined ? 'gap' : fold !== undefined ? 'fold' : undefined;
  if (idle !== undefined)
    throw new LogisticsError('invalid_input', `${idle} does not act on a rule of elapsed time or of one moment.`, {
      path: `change.${idle}`,
      expected: 'a rule of local times',
    });
  return { ...old, timezone };
}
