// Owns the Schedule: a rule that plans times, a target that they start, and what is kept of each planned time.
import { z } from 'zod';
import { ErrorData } from './errors.ts';
import { QueueName } from './job.ts';
import { Json, JsonObject } from './json.ts';
import { RetryPolicy } from './retry-policy.ts';

export const SCHEDULE_STATUSES = ['active', 'paused', 'completed'] as const;
export const ScheduleStatus = z.enum(SCHEDULE_STATUSES);
export type ScheduleStatus = z.infer<typeof ScheduleStatus>;

/** Principals that are files begin with it: what a file names is made again when it is gone. */
export const FILE_OWNER = 'file:';

export const ScheduleName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$/);

/** What becomes of a local time that a spring change skips: the first instant after the gap, the same distance into the time after it, or nothing. */
export const GapPolicy = z.enum(['next_valid', 'shift', 'skip']);
export type GapPolicy = z.infer<typeof GapPolicy>;

/** Which instant is meant by a local time that an autumn change repeats. */
export const FoldPolicy = z.enum(['first', 'second', 'both']);
export type FoldPolicy = z.infer<typeof FoldPolicy>;

/** The day that stands for day 29, 30 or 31 in a month without it: its last day, or none. */
export const ShortMonthPolicy = z.enum(['last_day', 'skip']);
export type ShortMonthPolicy = z.infer<typeof ShortMonthPolicy>;

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export const Weekday = z.enum(WEEKDAYS);
export type Weekday = z.infer<typeof Weekday>;

/** A date without a zone, `2026-03-29`. */
export const LocalDate = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
/** A time of day without a zone, `02:30:00`. */
export const LocalTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/);
/** A date, or a date and time of day, without a zone: `2026-03-29` or `2026-03-29T02:30:00`. */
export const LocalMoment = z.string().regex(/^\d{4}-\d{2}-\d{2}(T([01]\d|2[0-3]):[0-5]\d:[0-5]\d)?$/);

/** A day of a month: by number, the last one, or the nth weekday or working day, Monday to Friday (`nth: -1` is the last one). */
export const MonthDay = z.union([
  z.strictObject({ day: z.int().min(1).max(31) }),
  z.strictObject({ last: z.literal(true) }),
  z.strictObject({ nth: z.union([z.literal(-1), z.int().min(1).max(5)]), weekday: z.union([Weekday, z.literal('workday')]) }),
]);
export type MonthDay = z.infer<typeof MonthDay>;

/** Normal form: five fields, or six with seconds first; day of week 0 is Sunday; the policies are those that apply, named or by default. */
export const CronRule = z.strictObject({
  kind: z.literal('cron'),
  expression: z.string(),
  timezone: z.string(),
  gap: GapPolicy,
  fold: FoldPolicy,
});
export type CronRule = z.infer<typeof CronRule>;

const recurring = { kind: z.literal('recurring'), n: z.int().min(1), timezone: z.string() };
const calendar = {
  ...recurring,
  /** The local date from which every nth day, week, month or year is counted, in both directions. */
  anchor: LocalDate,
  /** Local times of day, ascending. */
  at: z.array(LocalTime).min(1),
  gap: GapPolicy,
  fold: FoldPolicy,
};

/** Every n seconds, minutes or hours of elapsed time, counted from `anchor` (epoch ms, whole seconds) in both directions; no change of the clock moves it. */
export const IntervalRule = z.strictObject({ ...recurring, unit: z.enum(['second', 'minute', 'hour']), anchor: z.int() });
export type IntervalRule = z.infer<typeof IntervalRule>;

export const DailyRule = z.strictObject({ ...calendar, unit: z.literal('day') });
/** Weeks begin on Monday. */
export const WeeklyRule = z.strictObject({ ...calendar, unit: z.literal('week'), weekdays: z.array(Weekday).min(1) });
export const MonthlyRule = z.strictObject({ ...calendar, unit: z.literal('month'), days: z.array(MonthDay).min(1), shortMonth: ShortMonthPolicy });
export const YearlyRule = z.strictObject({
  ...calendar,
  unit: z.literal('year'),
  months: z.array(z.int().min(1).max(12)).min(1),
  days: z.array(MonthDay).min(1),
  shortMonth: ShortMonthPolicy,
});
export type CalendarRule = z.infer<typeof DailyRule | typeof WeeklyRule | typeof MonthlyRule | typeof YearlyRule>;

export const RecurringRule = z.discriminatedUnion('unit', [IntervalRule, DailyRule, WeeklyRule, MonthlyRule, YearlyRule]);
export type RecurringRule = z.infer<typeof RecurringRule>;

export const OnceRule = z.strictObject({
  kind: z.literal('once'),
  at: z.int(),
  /** In which local times are shown. */
  timezone: z.string(),
});
export type OnceRule = z.infer<typeof OnceRule>;

export const ScheduleRule = z.union([CronRule, RecurringRule, OnceRule]);
export type ScheduleRule = z.infer<typeof ScheduleRule>;

/** Local times from `from` to `to`, both included, that plan nothing; a `to` without a time of day includes its whole day. */
export const Exclusion = z.strictObject({ from: LocalMoment, to: LocalMoment });
export type Exclusion = z.infer<typeof Exclusion>;

/** What a due time does while the run before it still goes on. */
export const OVERLAP_POLICIES = ['skip', 'buffer_one', 'buffer_all', 'cancel_running', 'allow'] as const;
export const OverlapPolicy = z.enum(OVERLAP_POLICIES);
export type OverlapPolicy = z.infer<typeof OverlapPolicy>;
export const DEFAULT_OVERLAP: OverlapPolicy = 'skip';

/** What becomes of planned times that passed while no process ran: of those in the window the newest, none, or all up to the cap (the newest ones). */
export const CatchupPolicy = z.strictObject({
  mode: z.enum(['one', 'skip', 'all']),
  windowMs: z.int().min(0),
  cap: z.int().min(1).max(10_000),
});
export type CatchupPolicy = z.infer<typeof CatchupPolicy>;
export const DEFAULT_CATCHUP: CatchupPolicy = { mode: 'one', windowMs: 3_600_000, cap: 100 };

export const ScheduleTarget = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('workflow'),
    name: z.string(),
    /** A version by number, or null: the newest at the time of the fire. */
    version: z.int().min(1).nullable(),
  }),
  z.strictObject({
    kind: z.literal('job'),
    task: z.string(),
    queue: QueueName,
    priority: z.int().min(0).max(100),
    retry: RetryPolicy.nullable(),
    timeoutMs: z.int().positive().nullable(),
    requires: z.array(z.string()),
  }),
]);
export type ScheduleTarget = z.infer<typeof ScheduleTarget>;

/** Decides at each due time whether to run: an expression, or a cheap task whose result must be true. */
export const WakePredicate = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('expression'), source: z.string() }),
  z.strictObject({ kind: z.literal('task'), task: z.string(), with: JsonObject }),
]);
export type WakePredicate = z.infer<typeof WakePredicate>;

/** How a run of a schedule ended. */
export const RUN_RESULTS = ['completed', 'failed', 'cancelled'] as const;
export const RunResult = z.enum(RUN_RESULTS);
export type RunResult = z.infer<typeof RunResult>;

export const Schedule = z.object({
  id: z.string(),
  namespace: z.string(),
  name: ScheduleName,
  status: ScheduleStatus,
  rule: ScheduleRule,
  target: ScheduleTarget,
  /** May hold `${{ schedule.plannedAt }}`. */
  input: Json,
  overlap: OverlapPolicy,
  catchup: CatchupPolicy,
  /** Each fire is delayed by up to this, the same for a planned time whoever computes it. */
  jitterMs: z.int().min(0),
  /** Nothing is planned before it, or null. */
  start: z.int().nullable(),
  /** Nothing is planned after it, or null. */
  end: z.int().nullable(),
  /** Completed after so many planned times have fired, or null. */
  maxRuns: z.int().min(1).nullable(),
  exclusions: z.array(Exclusion),
  /** Paused after so many failed runs in a row, or null. */
  pauseOnFailure: z.int().min(1).nullable(),
  when: WakePredicate.nullable(),
  /** Who made it: a principal, never shown as authority. */
  principal: z.string(),
  sessionId: z.string().nullable(),
  createdAt: z.int(),
  updatedAt: z.int(),
  /** It is gone from lists; its ledger stays until retention removes it. */
  deletedAt: z.int().nullable(),
  /** Why it is paused, for people; null while it is not. */
  pauseReason: z.string().nullable(),
  /** Counts changes; a fire that was computed from an older one is not written. */
  revision: z.int().min(1),
  /** Every planned time up to here has its ledger row; never goes back, never removed. */
  watermark: z.int(),
  /** The next planned time, without jitter, or null when there is none. */
  nextAt: z.int().nullable(),
  /** When it is looked at next: the next planned time with its jitter, now when something waits, or null. */
  dueAt: z.int().nullable(),
  /** Planned times that have started a run. */
  runs: z.int().min(0),
  /** Failed runs since the last completed one. */
  failures: z.int().min(0),
  /** The run that ended last, or null. */
  lastRun: z.object({ runId: z.string(), result: RunResult, endedAt: z.int() }).nullable(),
});
export type Schedule = z.infer<typeof Schedule>;

/** The part of a schedule that its next planned time depends on, beside how often it ran. */
export type SchedulePlan = Pick<Schedule, 'rule' | 'start' | 'end' | 'exclusions'>;

/** Who asked for the time: the rule, a backfill of a past range, or somebody now. */
export const OCCURRENCE_ORIGINS = ['plan', 'backfill', 'trigger'] as const;
export const OccurrenceOrigin = z.enum(OCCURRENCE_ORIGINS);
export type OccurrenceOrigin = z.infer<typeof OccurrenceOrigin>;

export const OCCURRENCE_STATUSES = [
  'planned',
  'buffered',
  'fired',
  'late',
  'coalesced',
  'skipped_overlap',
  'skipped_paused',
  'skipped_condition',
  'skipped_limit',
  'missed',
  'failed',
] as const;
export const OccurrenceStatus = z.enum(OCCURRENCE_STATUSES);
export type OccurrenceStatus = z.infer<typeof OccurrenceStatus>;

/** A row of the ledger; `(scheduleId, origin, plannedAt)` is unique. */
export const Occurrence = z.object({
  scheduleId: z.string(),
  origin: OccurrenceOrigin,
  plannedAt: z.int(),
  /** The last planned time that this row speaks for: equal to `plannedAt`, or later when the row stands for a range of times that ended alike. */
  until: z.int(),
  /** How many planned times it speaks for. */
  count: z.int().min(1),
  status: OccurrenceStatus,
  /** Why it did not fire as planned, or null. */
  reason: z.string().nullable(),
  /** When it was decided. */
  decidedAt: z.int().nullable(),
  /** When its run started, or null. */
  firedAt: z.int().nullable(),
  /** From the planned time with its jitter to the start of its run, without the time in which its condition was asked; or null. */
  latenessMs: z.int().nullable(),
  /** The execution or job that it started, before that the job that decides whether to run, or null. */
  runId: z.string().nullable(),
  /** How that ended; null while it goes on. */
  result: RunResult.nullable(),
  endedAt: z.int().nullable(),
  error: ErrorData.nullable(),
});
export type Occurrence = z.infer<typeof Occurrence>;
