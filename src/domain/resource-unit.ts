// Owns the units of resources: each belongs to one family with a whole base unit, in which everything is stored and compared.
import { nearMatches } from './near-match.ts';

interface Unit {
  readonly family: string;
  /** How many base units one of it is. */
  readonly factor: number;
}

const COUNTED = ['count', 'requests', 'tokens', 'connections'] as const;

/** Families that only have whole units of one size stand for themselves. */
const UNITS: Readonly<Record<string, Unit>> = {
  ...Object.fromEntries(COUNTED.map((name) => [name, { family: name, factor: 1 }])),
  millicores: { family: 'cores', factor: 1 },
  cores: { family: 'cores', factor: 1_000 },
  B: { family: 'bytes', factor: 1 },
  kB: { family: 'bytes', factor: 1e3 },
  MB: { family: 'bytes', factor: 1e6 },
  GB: { family: 'bytes', factor: 1e9 },
  TB: { family: 'bytes', factor: 1e12 },
  KiB: { family: 'bytes', factor: 2 ** 10 },
  MiB: { family: 'bytes', factor: 2 ** 20 },
  GiB: { family: 'bytes', factor: 2 ** 30 },
  TiB: { family: 'bytes', factor: 2 ** 40 },
  kbps: { family: 'bits per second', factor: 1e3 },
  Mbps: { family: 'bits per second', factor: 1e6 },
  Gbps: { family: 'bits per second', factor: 1e9 },
};

export const UNIT_NAMES: readonly string[] = Object.keys(UNITS);

/** A number in the unit of its pool, or a text with a unit such as "2GiB". */
export type ResourceAmount = number | string;

export type Converted = { readonly base: number } | { readonly fault: string; readonly expected: string; readonly near?: readonly string[] };

export function isUnit(name: string): boolean {
  return Object.hasOwn(UNITS, name);
}

export function isSameFamily(a: string, b: string): boolean {
  return UNITS[a]?.family === UNITS[b]?.family;
}

/** Why a unit does not exist, with the names that lie near. */
export function unknownUnit(name: string): { readonly fault: string; readonly expected: string; readonly near: readonly string[] } {
  return { fault: `There is no unit ${name}.`, expected: `one of ${UNIT_NAMES.join(', ')}`, near: nearMatches(name, UNIT_NAMES) };
}

/** The unit that an amount names itself, or null. */
export function unitIn(amount: ResourceAmount): string | null {
  return typeof amount === 'number' ? null : (WRITTEN.exec(amount)?.[2] ?? null);
}

const WRITTEN = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)?\s*$/;

/** Whole base units of an amount that is more than zero; a fault for anything else. `unit` is that of a number without one. */
export function toBase(amount: ResourceAmount, unit: string): Converted {
  const written = typeof amount === 'number' ? null : WRITTEN.exec(amount);
  if (typeof amount === 'string' && written === null) return { fault: `${JSON.stringify(amount)} is no amount.`, expected: EXPECTED };
  const value = written === null ? (amount as number) : Number(written[1]);
  const own = written?.[2] ?? unit;
  if (!isUnit(own)) return unknownUnit(own);
  if (!isSameFamily(own, unit)) return { fault: `${own} is no unit of this pool.`, expected: `an amount in ${unitsLike(unit).join(' or ')}` };
  if (!Number.isFinite(value) || value <= 0) return { fault: `${value} is no amount.`, expected: EXPECTED };
  const exact = value * (UNITS[own] as Unit).factor;
  const base = Math.round(exact);
  if (Math.abs(exact - base) > 1e-6 * Math.max(1, base) || base < 1)
    return { fault: `${value} ${own} is no whole number of ${baseOf(own)}.`, expected: EXPECTED };
  if (!Number.isSafeInteger(base)) return { fault: `${value} ${own} is too much.`, expected: 'less than 2^53 base units' };
  return { base };
}

const EXPECTED = 'a number more than zero, or one with a unit such as "2GiB"; whole where its unit cannot be divided';

/** Base units in a unit, as a number. */
export function fromBase(base: number, unit: string): number {
  const value = base / (UNITS[unit]?.factor ?? 1);
  return Number.isInteger(value) ? value : Number(value.toPrecision(12));
}

function unitsLike(unit: string): string[] {
  return UNIT_NAMES.filter((name) => isSameFamily(name, unit));
}

function baseOf(unit: string): string {
  return unitsLike(unit).find((name) => UNITS[name]?.factor === 1) ?? unit;
}
