// Owns how one-off times and bounds are written: ISO 8601 with an offset, a local time in a zone, or a delay.
import { formatDuration } from '../domain/duration.ts';
import type { FoldPolicy, GapPolicy, OnceRule } from '../domain/schedule.ts';
import { localOfSeconds, secondsOfLocal } from './civil.ts';
import { refuse } from './schedule-error.ts';
import { localIso, meaningOfLocal } from './timezone-manager.ts';
import { zoneOf } from './zone.ts';

/** A one-off time that passed less than this ago is taken and fires at once. */
export const GRACE_MS = 60_000;

export interface OnceInput {
  /** `2026-03-29T02:30:00+02:00`, or without an offset a local time of the zone. */
  readonly at?: string | undefined;
  readonly delayMs?: number | undefined;
  readonly gap?: GapPolicy | undefined;
  readonly fold?: FoldPolicy | undefined;
}

/** A moment and what was decided about it: that its local time is skipped or repeated by a change of the clock. */
export interface ReadMoment {
  readonly at: number;
  readonly notes: readonly string[];
}

const EXPECTED = 'ISO 8601 such as 2026-03-29T09:00:00+02:00, or a local time such as 2026-03-29T09:00 with a timezone';

const OFFSET = /[T ]\d.*(Z|[+-]\d{2}(:?\d{2})?)$/i;

/** Throws ScheduleError `invalid_input` for a time that has passed. */
export function readOnce(input: OnceInput, timezone: string, now: number): { readonly rule: OnceRule; readonly notes: readonly string[] } {
  if ((input.at === undefined) === (input.delayMs === undefined)) {
    refuse('A one-off rule has one of at and delay.', { path: 'at', expected: `${EXPECTED}; or delay such as "10m"` });
  }
  const idle = (['gap', 'fold'] as const).find((policy) => input[policy] !== undefined);
  if (idle !== undefined && (input.at === undefined || OFFSET.test(input.at.trim()))) {
    refuse(`${idle} does not act on ${input.at === undefined ? 'a delay' : 'a time with an offset'}.`, { path: idle, expected: 'a local time with it' });
  }
  if (input.delayMs !== undefined) return { rule: { kind: 'once', at: now + input.delayMs, timezone }, notes: [] };
  const { at, notes } = readMoment(input.at as string, timezone, 'at', input);
  if (at < now - GRACE_MS) {
    refuse(`${input.at} has passed: it was ${formatDuration(now - at)} ago.`, { path: 'at', expected: `a time after ${localIso(now, zoneOf(timezone))}` });
  }
  return { rule: { kind: 'once', at, timezone }, notes };
}

/** A moment in epoch ms; a local time in a gap or fold is read by the policies, `next_valid` and `first` by default. */
export function readMoment(text: string, timezone: string, path: string, policy: Pick<OnceInput, 'gap' | 'fold'> = {}): ReadMoment {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,3})\d*)?)?)?(?:\s*(Z|[+-]\d{2}(?::?\d{2})?))?$/i.exec(text.trim());
  const [, date, minute = '00:00', second = '00', fraction = '', offset] = match ?? [];
  const local = date === undefined ? undefined : secondsOfLocal(`${date}T${minute}:${second}`);
  if (local === undefined) refuse(`"${text}" is no time.`, { path, expected: EXPECTED });
  const ms = Number(fraction.padEnd(3, '0'));
  if (offset !== undefined) return { at: (local - offsetSeconds(offset, text, path)) * 1_000 + ms, notes: [] };
  const meaning = meaningOfLocal(zoneOf(timezone), local);
  const shown = `${localOfSeconds(local)} in ${timezone}`;
  if (meaning.kind === 'unique') return { at: meaning.at + ms, notes: [] };
  if (meaning.kind === 'fold') {
    if (policy.fold === 'both') refuse('A one-off time is one instant: fold "both" does not fit.', { path: 'fold', expected: 'first or second' });
    const at = (policy.fold === 'second' ? meaning.second : meaning.first) + ms;
    return { at, notes: [`${shown} happens twice; the ${policy.fold ?? 'first'} one is meant, ${localIso(at, zoneOf(timezone))}.`] };
  }
  if (policy.gap === 'skip') {
    refuse(`${shown} does not exist: the clocks skip it.`, { path, expected: 'a local time that exists, or gap next_valid or shift' });
  }
  const at = policy.gap === 'shift' ? meaning.shifted + ms : meaning.at;
  return { at, notes: [`${shown} does not exist, the clocks skip it; ${localIso(at, zoneOf(timezone))} is taken.`] };
}

function offsetSeconds(offset: string, text: string, path: string): number {
  if (/^z$/i.test(offset)) return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(3).replace(':', '') || '0');
  if (hours > 18 || minutes > 59) refuse(`"${text}" has no valid offset.`, { path, expected: EXPECTED });
  return (offset.startsWith('-') ? -1 : 1) * (hours * 3_600 + minutes * 60);
}
