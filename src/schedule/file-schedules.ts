// Owns schedules that stand in files beside their workflow: what a block says, and how stored schedules come to agree with it.
import { z } from 'zod';
import { LogisticsError } from '../domain/errors.ts';
import { canonicalJson, isJsonObject, Json, type JsonObject } from '../domain/json.ts';
import { parseInput } from '../domain/parse-input.ts';
import { type Schedule, ScheduleName } from '../domain/schedule.ts';
import type { ScheduleSpec } from '../store/backend.ts';
import { CronWords, RecurringWords, ruleOfWords } from './rule-words.ts';
import { refuse, under } from './schedule-error.ts';
import type { ScheduleInput, SchedulePatch } from './schedule-input.ts';
import type { ScheduleManager } from './schedule-manager.ts';
import { patchOfRule, patchOfWords, ScheduleWords } from './schedule-words.ts';

const MAX_SCHEDULES = 100;
const PAGE = 200;
/** A file means the same whenever it is read, so what is counted in periods is counted from this local time unless it says otherwise. */
const ANCHOR = '1970-01-01T00:00:00';
/** Other names of words. */
const ALIASES: Readonly<Record<string, string>> = { cron: 'expression', once: 'at', start: 'start_at', end: 'end_at', payload: 'input' };

/** The words of the tools; the target is the workflow of the file. */
const Entry = z.strictObject({
  name: ScheduleName.optional(),
  input: Json.optional(),
  ...CronWords.shape,
  ...RecurringWords.shape,
  ...ScheduleWords.shape,
});
type Entry = z.output<typeof Entry>;

/** A schedule of a file. What it means depends on when it is read: a delay counts from then. */
export interface FileSchedule {
  readonly name: string;
  readonly read: (at: number) => ScheduleInput;
}

export interface Reconciled {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly deleted: readonly string[];
}

/** The schedules of a `schedules` block; throws a LogisticsError with the path of the field. */
export function readBlock(block: Json, workflow: string): FileSchedule[] {
  const entries = Array.isArray(block)
    ? block
    : isJsonObject(block)
      ? Object.entries(block).map(([name, entry]) => (isJsonObject(entry) ? { name, ...entry } : entry))
      : null;
  const expected = `a list such as [{expression: "0 3 * * *", timezone: Europe/Berlin}]`;
  if (entries === null) refuse('schedules is no list.', { path: 'schedules', expected });
  if (entries.length > MAX_SCHEDULES) refuse(`There are ${entries.length} schedules.`, { path: 'schedules', expected: `at most ${MAX_SCHEDULES}` });
  const names = new Set<string>();
  return entries.map((entry: Json, i: number) => {
    const path = `schedules[${i}]`;
    if (!isJsonObject(entry)) refuse('This is no schedule.', { path, expected: '{expression: "0 3 * * *", timezone: Europe/Berlin}' });
    if (entry.target !== undefined) refuse('The target is the workflow of the file.', { path: `${path}.target`, expected: 'no target' });
    const words = parseInput(Entry, withoutAliases(entry, path), 'A schedule is wrong', path);
    const name = words.name ?? (i === 0 ? workflow : `${workflow}-${i + 1}`);
    if (names.has(name)) refuse(`Two schedules are named ${name}.`, { path: `${path}.name`, expected: 'a name of its own' });
    names.add(name);
    const read = (at: number): ScheduleInput => under(path, () => inputOf(words, name, workflow, at));
    // As of 1970, so that only what is wrong at any time is refused here.
    read(0);
    return { name, read };
  });
}

function withoutAliases(entry: JsonObject, path: string): JsonObject {
  const named: Record<string, Json> = {};
  for (const [key, value] of Object.entries(entry)) {
    const ours = ALIASES[key] ?? key;
    if (ours !== key && Object.hasOwn(entry, ours)) {
      refuse(`${key} is another name of ${ours}; both are given.`, { path: `${path}.${key}`, expected: `${ours} only` });
    }
    named[ours] = value;
  }
  return named;
}

function inputOf(words: Entry, name: string, workflow: string, at: number): ScheduleInput {
  const { name: _name, input, overlap, catchup, jitter, start_at, end_at, max_runs, exclude, pause_on_failure, when, ...rule } = words;
  const normal = ruleOfWords({ ...rule, ...anchorOf(rule) }, at);
  const fields = patchOfWords({ overlap, catchup, jitter, start_at, end_at, max_runs, exclude, pause_on_failure, when }, normal.rule.timezone);
  return { ...patchOfRule(normal), ...fields, name, rule: normal.rule, target: { workflow }, session_id: null, ...(input === undefined ? {} : { input }) };
}

function anchorOf({ anchor, rrule, expression, at, delay, every }: RecurringWords & { readonly expression?: string | undefined }): {
  readonly anchor?: string;
} {
  const isOnce = (at !== undefined && every === undefined) || delay !== undefined;
  if (anchor !== undefined || expression !== undefined || isOnce) return {};
  return rrule !== undefined && /\bDTSTART\b/i.test(rrule) ? {} : { anchor: ANCHOR };
}

/**
 * Makes the stored schedules of an owner agree with what is wanted: missing ones are made, other ones changed, further ones deleted.
 * What cannot be taken over holds up nothing else; throws the first refusal at the end.
 */
export async function reconcile(manager: ScheduleManager, owner: string, wanted: readonly FileSchedule[]): Promise<Reconciled> {
  const stored = new Map(ownedBy(manager, (principal) => principal === owner).map((schedule) => [schedule.name, schedule]));
  const done = { created: [] as string[], updated: [] as string[], deleted: [] as string[] };
  const refused: LogisticsError[] = [];
  for (const each of wanted) {
    const known = stored.get(each.name);
    stored.delete(each.name);
    try {
      if (known === undefined) {
        await create(manager, owner, each);
        done.created.push(each.name);
      } else if (await update(manager, owner, each, known)) done.updated.push(each.name);
    } catch (error) {
      if (!(error instanceof LogisticsError)) throw error;
      refused.push(error);
    }
  }
  for (const schedule of stored.values()) {
    await manager.delete(schedule.id);
    done.deleted.push(schedule.name);
  }
  if (refused[0] !== undefined) throw refused[0];
  return done;
}

async function create(manager: ScheduleManager, owner: string, wanted: FileSchedule): Promise<void> {
  if (manager.get(wanted.name) !== null)
    throw new LogisticsError('conflict', `The schedule ${wanted.name} was made elsewhere.`, { path: 'name', expected: 'a name of its own' });
  await manager.create(wanted.read(manager.now), { principal: owner, sessionId: null });
}

/** Read as when the schedule was made, so that the same file gives the same schedule however often it is read. */
async function update(manager: ScheduleManager, owner: string, wanted: FileSchedule, known: Schedule): Promise<boolean> {
  const input = wanted.read(known.createdAt);
  const spec = manager.specOf(input, known.createdAt);
  if (specText(spec) === specText(known)) return false;
  const { rule, catchup, start, end, jitterMs, maxRuns, exclusions, pauseOnFailure, overlap } = spec;
  const { target, when = null } = input;
  const patch: SchedulePatch = {
    ...{
      rule,
      target,
      when,
      overlap,
      start,
      end,
      input: spec.input,
      jitter: jitterMs,
      max_runs: maxRuns,
      exclude: exclusions,
      pause_on_failure: pauseOnFailure,
    },
    catchup: { mode: catchup.mode, window: catchup.windowMs, cap: catchup.cap },
  };
  await manager.update(known.id, patch, { principal: owner, sessionId: null });
  return true;
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

function specText(s: ScheduleSpec): string {
  const { rule, target, input, overlap, catchup, jitterMs, start, end, maxRuns, exclusions, pauseOnFailure, when } = s;
  return canonicalJson({ rule, target, input, overlap, catchup, jitterMs, start, end, maxRuns, exclusions, pauseOnFailure, when } as never);
}
