// Owns how tools, commands and files name what a schedule has beside its rule and its target, and the way from there to the input of the manager.
import { z } from 'zod';
import { Duration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import { JsonObject } from '../domain/json.ts';
import { OverlapPolicy } from '../domain/schedule.ts';
import { readMoment } from './once.ts';
import type { NormalRule } from './rule-input.ts';
import type { SchedulePatch } from './schedule-input.ts';

export const Moment = z.union([z.string().min(1).max(50), z.int().min(0)]);
const Count = z.int().min(1).max(1_000_000_000);
const CatchupMode = z.enum(['one', 'skip', 'all']);
const Catchup = z.strictObject({ policy: CatchupMode.optional(), window: Duration.optional(), cap: z.int().min(1).max(10_000).optional() });
const LocalText = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?$/, 'expected a local date such as 2026-12-25, or a time such as 2026-12-25T18:00');
const WakeTask = z.strictObject({ task: z.string().min(1).max(200), input: JsonObject.optional() });

/** Null takes a bound away. */
export const ScheduleWords = z.strictObject({
  overlap: OverlapPolicy.optional(),
  catchup: z.union([CatchupMode, Catchup]).optional(),
  jitter: Duration.optional(),
  start_at: Moment.nullable().optional(),
  end_at: Moment.nullable().optional(),
  max_runs: Count.nullable().optional(),
  exclude: z
    .array(z.union([LocalText, z.strictObject({ from: LocalText, to: LocalText })]))
    .max(1_000)
    .optional(),
  pause_on_failure: z.int().min(1).max(1_000).nullable().optional(),
  when: z
    .union([z.string().min(1).max(2_000), WakeTask])
    .nullable()
    .optional(),
});
export type ScheduleWords = z.output<typeof ScheduleWords>;

/** Only what is given; local times are read in the zone. */
export function patchOfWords(words: ScheduleWords, timezone: string): SchedulePatch {
  const { overlap, catchup, jitter, start_at, end_at, max_runs, exclude, pause_on_failure, when } = words;
  const start = start_at === undefined ? undefined : momentOf(start_at, timezone, 'start_at');
  const end = end_at === undefined ? undefined : momentOf(end_at, timezone, 'end_at');
  if (typeof start === 'number' && typeof end === 'number' && end <= start) {
    throw new LogisticsError('invalid_input', 'It ends before it starts.', { path: 'end_at', expected: 'a moment after start_at' });
  }
  return given({
    overlap,
    catchup: typeof catchup === 'string' ? { mode: catchup } : catchup && given({ mode: catchup.policy, window: catchup.window, cap: catchup.cap }),
    jitter,
    start,
    end,
    max_runs,
    exclude: exclude?.map((each) => (typeof each === 'string' ? local(each) : { from: local(each.from), to: local(each.to) })),
    pause_on_failure,
    when,
  }) as SchedulePatch;
}

/** What a rule says beside itself, such as UNTIL; a field that is given overrules it. */
export function patchOfRule({ start, end, maxRuns, exclusions }: NormalRule): SchedulePatch {
  return given({ start, end, max_runs: maxRuns, exclude: exclusions && [...exclusions] }) as SchedulePatch;
}

function given(members: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** Epoch ms; a local time is read in the zone. */
export function momentOf(value: string | number | null, timezone: string, path: string): number | null {
  return typeof value === 'string' ? readMoment(value, timezone, path).at : value;
}

/** `2026-12-25 09:30` is `2026-12-25T09:30:00`. */
function local(text: string): string {
  const joined = text.replace(' ', 'T');
  return /T\d{2}:\d{2}$/.test(joined) ? `${joined}:00` : joined;
}
