// Owns a schedule on the wire: its rule and target as they are given, its next fires, an entry of its ledger.
import { formatDuration } from '../../src/domain/duration.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { MonthDay, Occurrence, Schedule, ScheduleRule, ScheduleTarget } from '../../src/domain/schedule.ts';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { writeRRule } from '../../src/schedule/rrule-output.ts';
import type { PreviewedFire, ScheduleDescription } from '../../src/schedule/schedule-replies.ts';
import { localIso } from '../../src/schedule/timezone-manager.ts';
import { zoneOf } from '../../src/schedule/zone.ts';
import { clipped, compact, iso, shortText } from './compact.ts';
import { errorToWire } from './error.ts';

const SHOWN_EXCLUSIONS = 20;
const NO_WORDS = 'RFC 5545 has no words for this rule with its bounds and exclusions.';

/** The row of lists. */
export function scheduleRow(schedule: Schedule): JsonObject {
  return compact({
    schedule_id: schedule.id,
    name: schedule.name,
    status: statusOf(schedule),
    rule: ruleText(schedule.rule),
    timezone: schedule.rule.timezone,
    target: targetText(schedule.target),
    next_at: schedule.status === 'active' ? localTime(schedule.nextAt, schedule.rule) : undefined,
    runs: schedule.runs,
    failures: schedule.failures === 0 ? undefined : schedule.failures,
    pause_reason: schedule.pauseReason === null ? undefined : shortText(schedule.pauseReason),
  });
}

/** The whole schedule, without what is computed from it. */
export function scheduleToWire(schedule: Schedule): JsonObject {
  const { rule, exclusions } = schedule;
  const written = rule.kind === 'recurring' ? writeRRule(rule, schedule) : undefined;
  return {
    ...compact({
      name: schedule.name,
      status: statusOf(schedule),
      pause_reason: schedule.pauseReason,
      rule: ruleToWire(rule),
      rrule: written?.text,
      rrule_differs: written === null ? [NO_WORDS] : written === undefined || written.differs.length === 0 ? undefined : [...written.differs],
      target: targetToWire(schedule.target),
    }),
    ...clipped('input', schedule.input, 2_000),
    ...compact({
      start_at: localTime(schedule.start, rule),
      end_at: localTime(schedule.end, rule),
      max_runs: schedule.maxRuns,
      exclude: exclusions.length === 0 ? undefined : exclusions.slice(0, SHOWN_EXCLUSIONS).map(({ from, to }) => (from === to ? from : { from, to })),
      exclude_total: exclusions.length > SHOWN_EXCLUSIONS ? exclusions.length : undefined,
      when:
        schedule.when === null
          ? undefined
          : schedule.when.kind === 'expression'
            ? schedule.when.source
            : { task: schedule.when.task, input: schedule.when.with },
      session_id: schedule.sessionId,
    }),
  };
}

/** How a new or asked-for schedule is told: the normal form, an English sentence, the next fires, who fires it. */
export function scheduleReply(engine: OrchestrationEngine, schedule: Schedule, description: ScheduleDescription, notes: readonly string[] = []): JsonObject {
  const warnings = [...notes, ...description.warnings];
  const who = engine.whoFires();
  return {
    ...scheduleToWire(schedule),
    sentence: description.sentence,
    next_fires: description.nextFires.slice(0, 5).map(fireToWire),
    policies: policiesToWire(schedule),
    ...(warnings.length === 0 ? {} : { warnings: warnings.map((warning) => shortText(warning)) }),
    fires: { by: who.by, after_this_client: who.afterThis },
  };
}

/** A deleted one is still there by its id. */
export function statusOf({ status, deletedAt }: Schedule): string {
  return deletedAt === null ? status : 'deleted';
}

/** Those that apply, named or by default; what a rule has of its own it says itself. */
function policiesToWire({ overlap, catchup, jitterMs, pauseOnFailure }: Schedule): JsonObject {
  return compact({
    overlap,
    catchup: { policy: catchup.mode, window: formatDuration(catchup.windowMs), cap: catchup.cap },
    jitter: jitterMs === 0 ? undefined : formatDuration(jitterMs),
    pause_on_failure: pauseOnFailure,
  });
}

/** `fires_at` where jitter delays it. */
export function fireToWire({ at, local, note, dueAt }: PreviewedFire): JsonObject {
  return compact({ local, utc: iso(at), fires_at: dueAt === at ? undefined : iso(dueAt), note });
}

/** An entry of the ledger; one with `count` speaks for several planned times that ended alike. */
export function occurrenceToWire(entry: Occurrence, rule: ScheduleRule): JsonObject {
  return compact({
    planned_at: localTime(entry.plannedAt, rule),
    origin: entry.origin === 'plan' ? undefined : entry.origin,
    until: entry.count > 1 ? localTime(entry.until, rule) : undefined,
    count: entry.count > 1 ? entry.count : undefined,
    status: entry.status,
    reason: entry.reason === null ? undefined : shortText(entry.reason),
    fired_at: iso(entry.firedAt),
    // An entry that started a run has been decided when it fired.
    decided_at: entry.firedAt === null ? iso(entry.decidedAt) : undefined,
    lateness_ms: entry.latenessMs,
    ...targetId(entry.runId),
    result: entry.result,
    ended_at: iso(entry.endedAt),
    error: errorToWire(entry.error),
  });
}

/** An execution or a job: the id says which. */
export function targetId(id: string | null): { readonly execution_id?: string; readonly job_id?: string } {
  if (id === null) return {};
  return id.startsWith('job_') ? { job_id: id } : { execution_id: id };
}

export function ruleToWire(rule: ScheduleRule): JsonObject {
  if (rule.kind === 'cron') return { kind: 'cron', expression: rule.expression, timezone: rule.timezone, gap: rule.gap, fold: rule.fold };
  if (rule.kind === 'once') return { kind: 'once', at: localTime(rule.at, rule) as string, timezone: rule.timezone };
  const every = `${rule.n} ${rule.unit}${rule.n === 1 ? '' : 's'}`;
  if (!('at' in rule)) return { kind: 'recurring', every, anchor: localTime(rule.anchor, rule) as string, timezone: rule.timezone };
  return compact({
    kind: 'recurring',
    every,
    on: 'weekdays' in rule ? rule.weekdays : 'days' in rule ? rule.days.map(dayText) : undefined,
    months: 'months' in rule ? rule.months : undefined,
    at: rule.at,
    anchor: rule.anchor,
    timezone: rule.timezone,
    gap: rule.gap,
    fold: rule.fold,
    short_month: 'shortMonth' in rule ? rule.shortMonth : undefined,
  });
}

/** One short text for a column. */
export function ruleText(rule: ScheduleRule): string {
  if (rule.kind === 'cron') return rule.expression;
  if (rule.kind === 'once') return 'once';
  const every = rule.n === 1 ? `every ${rule.unit}` : `every ${rule.n} ${rule.unit}s`;
  if (!('at' in rule)) return every;
  const on = 'weekdays' in rule ? ` on ${rule.weekdays.join(', ')}` : 'days' in rule ? ` on ${rule.days.map(dayText).join(', ')}` : '';
  return `${every}${on} at ${rule.at.map((time) => time.replace(/:00$/, '')).join(', ')}`;
}

function dayText(day: MonthDay): string {
  if ('day' in day) return String(day.day);
  if ('last' in day) return 'last';
  return `${day.nth === -1 ? 'last' : (['1st', '2nd', '3rd', '4th', '5th'][day.nth - 1] as string)} ${day.weekday}`;
}

export function targetText(target: ScheduleTarget): string {
  return target.kind === 'workflow' ? `workflow ${target.name}` : `task ${target.task}`;
}

function targetToWire(target: ScheduleTarget): JsonObject {
  if (target.kind === 'workflow') return compact({ workflow: target.name, version: target.version });
  return compact({
    task: target.task,
    queue: target.queue,
    priority: target.priority,
    retry: target.retry as never,
    timeout: target.timeoutMs === null ? undefined : formatDuration(target.timeoutMs),
    requires: target.requires.length === 0 ? undefined : target.requires,
  });
}

/** ISO 8601 with the offset of the rule's zone. */
export function localTime(at: number | null, rule: ScheduleRule): string | undefined {
  return at === null ? undefined : localIso(at, zoneOf(rule.timezone));
}
