// Owns what keeps replies small: nothing is said that is not there, and a long value is cut, marked, and can be read elsewhere.
import type { Json, JsonObject } from '../../src/domain/json.ts';

/** Drops members that are null or undefined. */
export function compact(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== null && entry[1] !== undefined));
}

/** Epoch ms as ISO 8601 with offset (always UTC, `Z`). */
export function iso(at: number): string;
export function iso(at: number | null | undefined): string | undefined;
export function iso(at: number | null | undefined): string | undefined {
  return at === null || at === undefined ? undefined : new Date(at).toISOString();
}

/** The value under its name when its JSON is short enough; else the beginning of the JSON text as `<name>_preview`, and its length. */
export function clipped(name: string, value: Json | undefined, maxChars: number): JsonObject {
  if (value === undefined || value === null) return {};
  const text = JSON.stringify(value);
  if (text.length <= maxChars) return { [name]: value };
  return { [`${name}_preview`]: cut(text, maxChars), [`${name}_chars`]: text.length, truncated: true };
}

/** At most `maxChars` of a text, with no half of a character pair at its end. */
export function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const last = text.charCodeAt(maxChars - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? maxChars - 1 : maxChars);
}

/** A message in one reply among others. */
export function shortText(text: string, maxChars = 300): string {
  return text.length <= maxChars ? text : `${cut(text, maxChars - 1)}…`;
}

export function round(value: number | null): number | undefined {
  return value === null ? undefined : Math.round(value * 100) / 100;
}
