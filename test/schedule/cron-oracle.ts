// Owns what a cron expression ought to do: minute by minute over the wall clocks that Intl shows, sharing nothing with the implementation.

export interface Wanted {
  /** Seconds 0 when there is no such field. */
  readonly seconds: readonly number[];
  readonly fits: (wall: Wall) => boolean;
  readonly gap: 'next_valid' | 'shift' | 'skip';
  readonly fold: 'first' | 'second' | 'both';
}

export interface Wall {
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly monthLength: number;
}

/** A window of one zone: every local minute that its wall clock shows, and every one that it skips. */
export interface Table {
  readonly zone: string;
  /** Epoch ms; between these the window is judged. Its first and last day are there to see changes at the border. */
  readonly from: number;
  readonly to: number;
  readonly shown: readonly { readonly wall: Wall; readonly times: number[] }[];
  readonly skipped: readonly { readonly wall: Wall; readonly end: number; readonly shifted: number }[];
}

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** Minutes on the wall clock of a zone, as if UTC. */
export function wallOf(zone: string, at: number): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    clocks.set(zone, clock);
  }
  const text = clock.format(at);
  const part = (start: number, end: number): number => Number(text.slice(start, end));
  return Date.UTC(part(0, 4), part(5, 7) - 1, part(8, 10), part(12, 14), part(15, 17)) / MINUTE;
}

export function tableOf(zone: string, from: number, days: number): Table {
  const shown = new Map<number, { wall: Wall; times: number[] }>();
  const skipped: { wall: Wall; end: number; shifted: number }[] = [];
  let before: number | undefined;
  for (let at = from; at < from + days * DAY; at += MINUTE) {
    const wall = wallOf(zone, at);
    for (let missing = (before ?? wall) + 1; missing < wall; missing++) {
      skipped.push({ wall: partsOf(missing), end: at, shifted: at - MINUTE + (missing - (before as number)) * MINUTE });
    }
    const entry = shown.get(wall) ?? { wall: partsOf(wall), times: [] };
    entry.times.push(at);
    shown.set(wall, entry);
    before = wall;
  }
  return { zone, from: from + DAY, to: from + (days - 1) * DAY, shown: [...shown.values()], skipped };
}

/** Windows of six days around every change of the clock in the year. */
export function changesIn(zone: string, year: number): Table[] {
  const tables: Table[] = [];
  const start = Date.UTC(year, 0, 1);
  for (let at = start; at < Date.UTC(year + 1, 0, 1); at += 60 * MINUTE) {
    if (wallOf(zone, at + 60 * MINUTE) - wallOf(zone, at) !== 60) tables.push(tableOf(zone, at - 3 * 1_440 * MINUTE, 6));
  }
  return tables;
}

/** Every fire inside the window. */
export function firesOf({ shown, skipped, from, to }: Table, wanted: Wanted): number[] {
  const fires = new Set<number>();
  for (const { wall, end, shifted } of skipped) {
    if (wanted.gap === 'skip' || !wanted.fits(wall)) continue;
    if (wanted.gap === 'next_valid') fires.add(end);
    else for (const second of wanted.seconds) fires.add(shifted + second * 1_000);
  }
  for (const { wall, times } of shown) {
    if (!wanted.fits(wall)) continue;
    const meant = wanted.fold === 'both' ? times : [wanted.fold === 'first' ? times[0] : times.at(-1)];
    for (const at of meant) for (const second of wanted.seconds) fires.add((at as number) + second * 1_000);
  }
  return [...fires].filter((at) => at > from && at < to).sort((a, b) => a - b);
}

function partsOf(wall: number): Wall {
  const date = new Date(wall * MINUTE);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return {
    month: month + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    weekday: date.getUTCDay(),
    monthLength: new Date(Date.UTC(year, month + 1, 0)).getUTCDate(),
  };
}
