// Owns masking: no registered secret value, plain or encoded, leaves in a text or in the strings of a JSON value.
import { Buffer } from 'node:buffer';
import type { Json } from '../domain/json.ts';

/** Values shorter than this are not masked: they would hit ordinary text. */
export const MIN_SECRET_LENGTH = 4;
/** Base64 of a secret inside a longer text starts at one of three offsets; shorter cores than this would hit ordinary text. */
const MIN_BASE64_CORE = 8;

export interface Redactor {
  /** Registers a value under its name; texts then show `[secret:NAME]` in its place. Values under four characters are ignored. */
  add(name: string, value: string): void;
  /** True when nothing is registered, so that callers may skip work. */
  readonly empty: boolean;
  redactText(text: string): string;
  /** Masks every string value at any depth. Keys and numbers stay as they are; without a hit the same object comes back. */
  redactJson<T extends Json>(value: T): T;
}

/** A redactor that knows no secret yet. */
export function createRedactor(): Redactor {
  const masks = new Map<string, string>();
  let pattern: RegExp | null = null;

  const redactText = (text: string): string => {
    if (masks.size === 0) return text;
    pattern ??= compile(masks);
    return text.replace(pattern, (hit) => masks.get(hit) as string);
  };

  const redactValue = (value: Json): Json => {
    if (typeof value === 'string') return redactText(value);
    if (typeof value !== 'object' || value === null) return value;
    return Array.isArray(value) ? redactList(value, redactValue) : redactRecord(value as Record<string, Json>, redactValue);
  };

  return {
    get empty(): boolean {
      return masks.size === 0;
    },
    add(name, value): void {
      if (value.length < MIN_SECRET_LENGTH) return;
      for (const form of formsOf(value)) {
        if (masks.has(form)) continue;
        masks.set(form, `[secret:${name}]`);
        pattern = null;
      }
    },
    redactText,
    redactJson<T extends Json>(value: T): T {
      return masks.size === 0 ? value : (redactValue(value) as T);
    },
  };
}

function redactList(list: readonly Json[], redact: (value: Json) => Json): readonly Json[] {
  let changed: Json[] | null = null;
  for (const [i, item] of list.entries()) {
    const masked = redact(item);
    if (masked === item) continue;
    changed ??= [...list];
    changed[i] = masked;
  }
  return changed ?? list;
}

function redactRecord(record: Record<string, Json>, redact: (value: Json) => Json): Record<string, Json> {
  let entries: [string, Json][] | null = null;
  const keys = Object.keys(record);
  for (const [i, key] of keys.entries()) {
    const item = record[key] as Json;
    const masked = redact(item);
    if (masked === item) continue;
    entries ??= keys.map((name) => [name, record[name] as Json]);
    entries[i] = [key, masked];
  }
  // fromEntries defines its keys, so a key called __proto__ stays a plain key.
  return entries === null ? record : Object.fromEntries(entries);
}

/** Longest first: where one form contains another, the longer one is masked whole. */
function compile(masks: ReadonlyMap<string, string>): RegExp {
  const forms = [...masks.keys()].sort((a, b) => b.length - a.length);
  return new RegExp(forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
}

function formsOf(value: string): Set<string> {
  const plain = new Set([value]);
  // A secret of several lines (a PEM key) is often printed line by line.
  for (const line of value.split(/\r?\n/)) if (line.trim().length >= MIN_BASE64_CORE) plain.add(line);
  const forms = new Set<string>();
  for (const text of plain) {
    const escaped = JSON.stringify(text).slice(1, -1);
    for (const form of [text, escaped, JSON.stringify(escaped).slice(1, -1), ...urlForms(text)]) forms.add(form);
  }
  for (const form of base64Forms(value)) forms.add(form);
  return forms;
}

function urlForms(text: string): string[] {
  const encoded = encodeURIComponent(text.toWellFormed());
  // URLSearchParams and HTML forms escape a little more than encodeURIComponent and write a space as +.
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  const lower = (escaped: string): string => escaped.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [encoded, lower(encoded), form, lower(form)];
}

function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8');
  const forms: string[] = [bytes.toString('base64'), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
  for (const offset of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    // Characters that also encode a neighbouring byte differ from text to text, so only those inside are matched.
    const core = shifted
      .toString('base64')
      .replace(/=+$/, '')
      .slice(Math.ceil((offset * 8) / 6), Math.floor((shifted.length * 8) / 6));
    if (core.length >= MIN_BASE64_CORE) forms.push(core, core.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}
