// Owns schedules that stand in files beside their workflow: what a block says, and how stored schedules come to agree with it.
import { LogisticsError } from '../domain/errors.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import type { Schedule } from '../domain/schedule.ts';
import { refuse } from './schedule-error.ts';
import { ScheduleInput, type SchedulePatch } from './schedule-input.ts';
import type { ScheduleManager } from './schedule-manager.ts';

const RULE_FIELDS = ['every', 'rrule', 'at', 'weekdays', 'days', 'months', 'shortMonth', 'anchor', 'delay', 'mondayZero'] as const;
const ZONE_FIELDS = ['timezone', 'gap', 'fold'] as const;
const MAX_SCHEDULES = 100;
const PAGE = 200;
/** A file means the same whenever it is read, so what is counted in periods is counted from here unless it says otherwise. */
const ANCHOR = '1970-01-01T00:00:00Z';

export interface Reconciled {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly deleted: readonly string[];
}

/** The inputs of a `schedules` block; throws ScheduleError with the path of the field. */
export function readBlock(block: Json, workflow: string): ScheduleInput[] {
  const entries = Array.isArray(block)
    ? block
    : isJsonObject(block)
      ? Object.entries(block).map(([name, entry]) => (isJsonObject(entry) ? { name, ...entry } : entry))
      : null;
  const expected = `a list such as [{cron: "0 3 * * *", timezone: Europe/Berlin}]`;
  if (entries === null) refuse('schedules is no list.', { path: 'schedules', expected });
  if (entries.length > MAX_SCHEDULES) refuse(`There are ${entries.length} schedules.`, { path: 'schedules', expected: `at most ${MAX_SCHEDULES}` });
  const names = new Set<string>();
  return entries.map((entry: Json, i: number) => {
    const path = `schedules[${i}]`;
    if (!isJsonObject(entry)) refuse('This is no schedule.', { path, expected: '{cron: "0 3 * * *", timezone: Europe/Berlin}' });
    const input = inputOf(entry, workflow, i === 0 ? workflow : `${workflow}-${i + 1}`, path);
    parseInput(ScheduleInput, input, 'A schedule is wrong', path);
    if (names.has(input.name)) refuse(`Two schedules are named ${input.name}.`, { path: `${path}.name`, expected: 'a name of its own' });
    names.add(input.name);
    return input;
  });
}

function inputOf(entry: JsonObject, workflow: string, fallback: string, path: string): ScheduleInput {
  const { cron, once, rule, target, ...rest } = entry;
  if (target !== undefined) refuse('The target is the workflow of the file.', { path: `${path}.target`, expected: 'no target' });
  const written: Record<string, Json> = {};
  const fields: Record<string, Json> = { ...rest };
  for (const field of [...RULE_FIELDS, ...ZONE_FIELDS]) {
    const value = fields[field];
    if (value !== undefined) written[field] = value;
    delete fields[field];
  }
  return { name: fallback, ...fields, rule: ruleOf({ cron, once, rule }, written, path), target: { workflow }, session_id: null } as ScheduleInput;
}

function ruleOf(given: { cron?: Json | undefined; once?: Json | undefined; rule?: Json | undefined }, written: JsonObject, path: string): Json {
  const isRecurring = RULE_FIELDS.some((field) => written[field] !== undefined && field !== 'mondayZero');
  const named = [given.cron, given.once, given.rule].filter((value) => value !== undefined).length + (isRecurring ? 1 : 0);
  if (named !== 1) refuse(named === 0 ? 'It has no rule.' : 'It has several rules.', { path, expected: 'one of cron, every, rrule, once' });
  if (given.rule !== undefined) return given.rule;
  if (given.cron !== undefined) return { kind: 'cron', expression: given.cron, ...written };
  if (given.once !== undefined) return { kind: 'once', at: given.once, ...written };
  return { kind: 'recurring', ...(written.rrule === undefined && written.anchor === undefined ? { anchor: ANCHOR } : {}), ...written };
}

/** Makes the stored schedules of an owner agree with what is wanted: missing ones are made, other ones changed, further ones deleted. */
export async function reconcile(manager: ScheduleManager, owner: string, wanted: readonly ScheduleInput[]): Promise<Reconciled> {
  const caller = { principal: owner, sessionId: null };
  const stored = new Map(ownedBy(manager, (principal) => principal === owner).map((schedule) => [schedule.name, schedule]));
  const done = { created: [] as string[], updated: [] as string[], deleted: [] as string[] };
  for (const input of wanted) {
    const known = stored.get(input.name);
    stored.delete(input.name);
    if (known === undefined) {
      const other = manager.get(input.name);
      if (other !== null)
        throw new LogisticsError('conflict', `The schedule ${input.name} was made elsewhere.`, { path: 'name', expected: 'a name of its own' });
      await manager.create(input, caller);
      done.created.push(input.name);
    } else if (known.status !== 'completed' || isLasting(input)) {
      const { schedule } = manager.draft(input, caller);
      if (specText(schedule) === specText(known)) continue;
      const { name: _name, session_id: _session, ...fields } = input;
      await manager.update(known.id, { ...WITHOUT, ...fields }, caller);
      done.updated.push(input.name);
    }
  }
  for (const schedule of stored.values()) {
    await manager.delete(schedule.id);
    done.deleted.push(schedule.name);
  }
  return done;
}

/** Schedules whose principal fits; all pages. */
export function ownedBy(manager: ScheduleManager, fits: (principal: string) => boolean): Schedule[] {
  const found: Schedule[] = [];
  let cursor: string | null = null;
  do {
    const page: ReturnType<ScheduleManager['list']> = manager.list({}, PAGE, cursor);
    found.push(...page.items.filter(({ principal }) => fits(principal)));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

/** What a file does not name any more goes back to its default. */
const WITHOUT: SchedulePatch = {
  input: {},
  overlap: 'skip',
  catchup: { mode: 'one', window: 3_600_000, cap: 100 },
  jitter: 0,
  start: null,
  end: null,
  max_runs: null,
  exclude: [],
  pause_on_failure: null,
  when: null,
};

/** A one-off time that has passed cannot be drafted again, and need not be. */
function isLasting(input: ScheduleInput): boolean {
  return (input.rule as { readonly kind?: string }).kind !== 'once';
}

function specText(s: Schedule): string {
  const { rule, target, input, overlap, catchup, jitterMs, start, end, maxRuns, exclusions, pauseOnFailure, when } = s;
  return canonicalJson({ rule, target, input, overlap, catchup, jitterMs, start, end, maxRuns, exclusions, pauseOnFailure, when } as never);
}
