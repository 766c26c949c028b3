// Owns local time and instant: which zones exist, what a local time means where a change of the clock skips or repeats it, and back.
import { IANAZone } from 'luxon';
import { nearMatches } from '../domain/near-match.ts';
import type { FoldPolicy, GapPolicy } from '../domain/schedule.ts';
import { localOfSeconds, secondsOfLocal, two } from './civil.ts';
import { refuse } from './schedule-error.ts';
import { type Zone, zoneOf } from './zone.ts';

/** A change of offset. `localFrom` to `localTo` are the local times that it skips (gap) or repeats (fold). */
export interface ZoneTransition {
  readonly at: number;
  readonly kind: 'gap' | 'fold';
  readonly offsetBeforeMs: number;
  readonly offsetAfterMs: number;
  readonly localFrom: string;
  readonly localTo: string;
}

/** What a local time is: one instant, none (`at` is the end of the gap, `shifted` as far into the time after it), or two. */
export type LocalMeaning =
  | { readonly kind: 'unique'; readonly at: number }
  | { readonly kind: 'gap'; readonly at: number; readonly shifted: number }
  | { readonly kind: 'fold'; readonly first: number; readonly second: number };

const EXPECTED_ZONE = 'an IANA time zone such as Europe/Berlin, America/New_York or UTC';

/** What people mean by an abbreviation; most are shared by several places, and none knows summer time. */
const ABBREVIATIONS: Readonly<Record<string, readonly string[]>> = {
  EST: ['America/New_York'],
  EDT: ['America/New_York'],
  EST5EDT: ['America/New_York'],
  CST: ['America/Chicago', 'Asia/Shanghai'],
  CDT: ['America/Chicago'],
  CST6CDT: ['America/Chicago'],
  MST: ['America/Denver', 'America/Phoenix'],
  MDT: ['America/Denver'],
  MST7MDT: ['America/Denver'],
  PST: ['America/Los_Angeles'],
  PDT: ['America/Los_Angeles'],
  PST8PDT: ['America/Los_Angeles'],
  HST: ['Pacific/Honolulu'],
  CET: ['Europe/Berlin', 'Europe/Paris'],
  CEST: ['Europe/Berlin', 'Europe/Paris'],
  MET: ['Europe/Berlin'],
  MEZ: ['Europe/Berlin'],
  EET: ['Europe/Helsinki'],
  EEST: ['Europe/Helsinki'],
  WET: ['Europe/Lisbon'],
  BST: ['Europe/London'],
  IST: ['Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem'],
  JST: ['Asia/Tokyo'],
  AEST: ['Australia/Sydney'],
  AEDT: ['Australia/Sydney'],
};

let known: ReadonlyMap<string, string> | undefined;

/** Names of Intl by their lower case. */
function knownZones(): ReadonlyMap<string, string> {
  known ??= new Map(['UTC', ...Intl.supportedValuesOf('timeZone')].map((name) => [name.toLowerCase(), name]));
  return known;
}

/** The zone's name with its case repaired; anything else than an IANA name is refused with what may be meant. */
export function validZone(name: string, path = 'timezone'): string {
  const text = name.trim();
  const lower = text.toLowerCase();
  if (lower === 'utc' || lower === 'etc/utc' || lower === 'z' || lower === 'gmt') return 'UTC';
  if (/^[+-]\d/.test(text) || /^(utc|gmt)[+-]\d/i.test(text)) {
    refuse(`${text} is an offset, not a time zone: it does not know when the clocks change.`, { path, expected: EXPECTED_ZONE });
  }
  const meant = ABBREVIATIONS[text.toUpperCase()];
  if (meant !== undefined || /^[A-Z]{2,5}$/.test(text)) {
    refuse(`${text} is an abbreviation, not a time zone: it names one offset, often that of several places.`, {
      path,
      expected: EXPECTED_ZONE,
      nearMatches: meant ?? [],
    });
  }
  const exact = knownZones().get(lower);
  if (exact !== undefined) return exact;
  // Older names such as US/Eastern or Asia/Kathmandu, which Intl knows but does not list.
  if (/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(text) && IANAZone.isValidZone(text)) return capitals(text);
  refuse(`There is no time zone "${text}".`, { path, expected: EXPECTED_ZONE, nearMatches: nearMatches(text.replaceAll(' ', '_'), knownZones().values()) });
}

/** `asia/kathmandu` as Asia/Kathmandu; a name with capitals stays as it is written. */
function capitals(name: string): string {
  return name === name.toLowerCase() ? name.replace(/(^|[/_-])([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase()) : name;
}

/** Conversions between local times and instants (epoch ms) of IANA zones. */
export class TimezoneManager {
  /** The default zone of conversions that name none. */
  readonly timezone: string;

  constructor(timezone = 'UTC') {
    this.timezone = validZone(timezone);
  }

  /** The zone's name with its case repaired; throws ScheduleError `invalid_input` with near matches. */
  validate(name: string): string {
    return validZone(name);
  }

  /** Milliseconds to add to UTC at the instant. */
  offsetAt(at: number, timezone: string = this.timezone): number {
    return this.#zone(timezone).offsetAt(Math.floor(at / 1_000)) * 1_000;
  }

  /** Changes of offset after `from` and up to `to`. */
  transitions(from: number, to: number, timezone: string = this.timezone): ZoneTransition[] {
    const zone = this.#zone(timezone);
    const last = Math.floor(to / 1_000);
    const found: ZoneTransition[] = [];
    let stretch = zone.stretchAt(Math.floor(from / 1_000));
    while (stretch.to <= last) {
      const { to: at, offset, next } = stretch;
      if (next !== offset) {
        found.push({
          at: at * 1_000,
          kind: next > offset ? 'gap' : 'fold',
          offsetBeforeMs: offset * 1_000,
          offsetAfterMs: next * 1_000,
          localFrom: localOfSeconds(at + Math.min(offset, next)),
          localTo: localOfSeconds(at + Math.max(offset, next)),
        });
      }
      stretch = zone.stretchAt(at);
    }
    return found;
  }

  /** What a local time such as `2026-03-29T02:30:00` means in the zone. */
  meaningOf(local: string, timezone: string = this.timezone): LocalMeaning {
    const seconds = secondsOfLocal(local);
    if (seconds === undefined) refuse(`"${local}" is no local time.`, { path: 'local', expected: 'a date and time such as 2026-03-29T02:30:00' });
    return meaningOfLocal(this.#zone(timezone), seconds);
  }

  /** The instants of a local time under the policies: none, one or two. */
  toInstants(local: string, policy: { readonly gap: GapPolicy; readonly fold: FoldPolicy }, timezone: string = this.timezone): number[] {
    const meaning = this.meaningOf(local, timezone);
    if (meaning.kind === 'unique') return [meaning.at];
    if (meaning.kind === 'gap') return policy.gap === 'skip' ? [] : [policy.gap === 'shift' ? meaning.shifted : meaning.at];
    return policy.fold === 'both' ? [meaning.first, meaning.second] : [policy.fold === 'first' ? meaning.first : meaning.second];
  }

  /** ISO 8601 with the offset of the zone, `2026-03-29T03:00:00+02:00`. */
  toLocal(at: number, timezone: string = this.timezone): string {
    return localIso(at, this.#zone(timezone));
  }

  /** The local time in one zone of a local time in another, with its offset; a time in a gap or fold is read as its first valid instant. */
  convert(local: string, from: string, to: string): string {
    const [at] = this.toInstants(local, { gap: 'next_valid', fold: 'first' }, from);
    return this.toLocal(at as number, to);
  }

  #zone(name: string): Zone {
    return zoneOf(validZone(name));
  }
}

/** What a local time, in seconds as if UTC, means. */
export function meaningOfLocal(zone: Zone, local: number): LocalMeaning {
  // An offset is less than a day: the instant lies in a stretch that touches this range.
  let stretch = zone.stretchAt(local - 86_400);
  const instants: number[] = [];
  let gap: { at: number; shifted: number } | undefined;
  for (;;) {
    const { from, to, offset, before } = stretch;
    if (local >= from + offset && local < to + offset) instants.push((local - offset) * 1_000);
    if (local >= from + before && local < from + offset) gap = { at: from * 1_000, shifted: (local - before) * 1_000 };
    if (to > local + 86_400) break;
    stretch = zone.stretchAt(to);
  }
  const [first, second] = instants;
  if (first !== undefined && second !== undefined) return { kind: 'fold', first, second };
  if (first !== undefined) return { kind: 'unique', at: first };
  return { kind: 'gap', ...(gap as { at: number; shifted: number }) };
}

/** ISO 8601 with offset; milliseconds only when there are some, seconds of the offset only where history has them. */
export function localIso(at: number, zone: Zone): string {
  const second = Math.floor(at / 1_000);
  const ms = at - second * 1_000;
  const offset = zone.offsetAt(second);
  const size = Math.abs(offset);
  const rest = size % 60 === 0 ? '' : `:${two(size % 60)}`;
  const sign = offset < 0 ? '-' : '+';
  return `${localOfSeconds(second + offset)}${ms === 0 ? '' : `.${String(ms).padStart(3, '0')}`}${sign}${two(Math.floor(size / 3_600))}:${two(Math.floor(size / 60) % 60)}${rest}`;
}
