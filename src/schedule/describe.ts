// Owns what is told of a schedule: its sentence, its next fires, the policies that apply, and what may not be meant.
import { formatDuration } from '../domain/duration.ts';
import type { Json } from '../domain/json.ts';
import type { ScheduleRule } from '../domain/schedule.ts';
import type { PlannedTimes } from '../domain/schedule-view.ts';
import type { ScheduleSpec } from '../store/backend.ts';
import { TimezoneManager } from './timezone-manager.ts';

const DAY_MS = 86_400_000;

/** A planned time as it is shown: epoch ms, local time with offset, and what is special about it. */
export interface ShownFire {
  readonly at: number;
  readonly local: string;
  readonly note: string | null;
  /** With its jitter, epoch ms. */
  readonly dueAt: number;
}

export function shownFire(rule: ScheduleRule, at: number, dueAt = at): ShownFire {
  return { at, local: new TimezoneManager(rule.timezone).toLocal(at), note: clockNote(rule, at), dueAt };
}

/** What a change of the clock does to a planned time, or null. */
export function clockNote(rule: ScheduleRule, at: number): string | null {
  if (rule.timezone === 'UTC' || !('gap' in rule)) return null;
  const zone = new TimezoneManager(rule.timezone);
  for (const change of zone.transitions(at - DAY_MS, at + DAY_MS)) {
    const size = Math.abs(change.offsetAfterMs - change.offsetBeforeMs);
    const span = `${change.localFrom.slice(11, 16)} to ${change.localTo.slice(11, 16)}`;
    if (change.kind === 'gap' && at >= change.at && at < change.at + (rule.gap === 'shift' ? size : 1)) return `The clocks skip ${span} (gap ${rule.gap}).`;
    if (change.kind === 'fold' && at >= change.at - size && at < change.at) return `The clocks repeat ${span}; this is the first time (fold ${rule.fold}).`;
    if (change.kind === 'fold' && at >= change.at && at < change.at + size) return `The clocks repeat ${span}; this is the second time (fold ${rule.fold}).`;
  }
  return null;
}

/** The next n planned times after an instant; jitter delays them and leaves their order. */
export function nextFires(times: PlannedTimes, rule: ScheduleRule, n: number, after: number, delayOf: (plannedAt: number) => number = () => 0): ShownFire[] {
  const fires: ShownFire[] = [];
  let dueAt = Number.NEGATIVE_INFINITY;
  for (let at = times.next(after); at !== null && fires.length < n; at = times.next(at)) {
    dueAt = Math.max(dueAt, at + delayOf(at));
    fires.push(shownFire(rule, at, dueAt));
  }
  return fires;
}

/** The policies that apply, as they are written; values by default stand beside those that were named. */
export function policiesOf(spec: ScheduleSpec): Readonly<Record<string, Json>> {
  const { rule, catchup } = spec;
  return {
    timezone: rule.timezone,
    overlap: spec.overlap,
    catchup: { mode: catchup.mode, window: formatDuration(catchup.windowMs), cap: catchup.cap },
    ...('gap' in rule ? { gap: rule.gap, fold: rule.fold } : {}),
    ...('shortMonth' in rule ? { shortMonth: rule.shortMonth } : {}),
    ...(spec.jitterMs === 0 ? {} : { jitter: formatDuration(spec.jitterMs) }),
  };
}
