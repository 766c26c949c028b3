// Owns the offsets of one time zone: stretches of constant offset, found by bisection over luxon once per year and kept.
import { IANAZone } from 'luxon';

/** A stretch of time in one offset. All fields are in seconds; `from` belongs to it, `to` does not. A border may also lie between two equal offsets. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  /** The offset just before `from`, and from `to` on. */
  readonly before: number;
  readonly next: number;
}

/** Most changes happen at a quarter of an hour, so they are looked for there first. */
const QUARTER = 900;
/** One chunk is a Julian year: a whole number of quarters. */
const CHUNK = 31_557_600;
/** The shortest stay in an offset since 1970 was Brazil's week of summer time in 2000; since 2005 none was shorter than Cairo's three weeks in 2010. */
const PROBE = 3 * 86_400;
const PROBE_SINCE_2005 = 14 * 86_400;
const YEAR_2005 = 1_104_537_600;
/** Chunks kept per zone; each holds about three stretches. */
const MAX_CHUNKS = 512;

export class Zone {
  readonly name: string;
  readonly #luxon: IANAZone | undefined;
  readonly #chunks = new Map<number, readonly Stretch[]>();

  constructor(name: string) {
    this.name = name;
    this.#luxon = name === 'UTC' ? undefined : IANAZone.create(name);
  }

  /** The stretch that holds the instant, in seconds. */
  stretchAt(second: number): Stretch {
    if (this.#luxon === undefined) return FOREVER;
    const number = Math.floor(second / CHUNK);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      if (this.#chunks.size >= MAX_CHUNKS) this.#chunks.clear();
      chunk = this.#build(number * CHUNK);
      this.#chunks.set(number, chunk);
    }
    let at = chunk.length - 1;
    while ((chunk[at] as Stretch).from > second) at--;
    return chunk[at] as Stretch;
  }

  /** Seconds to add to UTC. */
  offsetAt(second: number): number {
    return this.stretchAt(second).offset;
  }

  #build(start: number): Stretch[] {
    const end = start + CHUNK;
    const borders: { readonly at: number; readonly offset: number }[] = [{ at: start, offset: this.#read(start) }];
    const step = start < YEAR_2005 ? PROBE : PROBE_SINCE_2005;
    let probe = start;
    let offset = this.#read(start);
    while (probe < end) {
      const ahead = Math.min(probe + step, end);
      const found = this.#read(ahead);
      if (found !== offset && ahead < end) borders.push({ at: this.#bisect(probe, ahead, offset), offset: found });
      else if (found !== offset) {
        // Between the last probe and the end of the chunk; at the end itself it belongs to the next chunk.
        const at = this.#bisect(probe, end, offset);
        if (at < end) borders.push({ at, offset: found });
      }
      offset = found;
      probe = ahead;
    }
    const beforeChunk = this.#read(start - 1);
    return borders.map((border, i) => {
      const following = borders[i + 1];
      return {
        from: border.at,
        to: following?.at ?? end,
        offset: border.offset,
        before: borders[i - 1]?.offset ?? beforeChunk,
        next: following?.offset ?? offset,
      };
    });
  }

  /** The first second after `low` whose offset is no longer `offset`; low and high are whole quarters. */
  #bisect(low: number, high: number, offset: number): number {
    const [inside, outside] = this.#narrow(low, high, offset, QUARTER);
    return this.#read(outside - 1) === offset ? outside : this.#narrow(inside, outside - 1, offset, 1)[1];
  }

  /** Halves the range down to `unit`; its lower end is in the offset, its upper end is not. */
  #narrow(low: number, high: number, offset: number, unit: number): readonly [number, number] {
    let [inside, outside] = [low, high];
    while (outside - inside > unit) {
      const middle = inside + Math.floor((outside - inside) / unit / 2) * unit;
      if (this.#read(middle) === offset) inside = middle;
      else outside = middle;
    }
    return [inside, outside];
  }

  #read(second: number): number {
    return Math.round((this.#luxon as IANAZone).offset(second * 1_000) * 60);
  }
}

const FOREVER: Stretch = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, offset: 0, before: 0, next: 0 };

/** Facts about zones, shared by all rules: ten thousand schedules in one zone keep its transitions once. */
const zones = new Map<string, Zone>();

/** The zone of a validated IANA name. */
export function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = new Zone(name);
    zones.set(name, zone);
  }
  return zone;
}
