// Owns how pieces of text look on a screen: their width, clipped, padded, without control characters, and times in words.
import { stripVTControlCharacters } from 'node:util';
import type { createColors } from 'picocolors';
import { formatDuration } from '../../domain/duration.ts';

export type Colors = ReturnType<typeof createColors>;

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Names and messages come from workflows: what could steer a terminal is taken out. */
export function stripControls(text: string): string {
  return [...stripVTControlCharacters(text)].filter((char) => !isControl(char.codePointAt(0) as number)).join('');
}

/** C0 but tab and line feed, DEL, C1. */
function isControl(code: number): boolean {
  return (code < 0x20 && code !== 0x09 && code !== 0x0a) || (code >= 0x7f && code <= 0x9f);
}

/** One line without control characters. */
export function oneLine(text: string): string {
  return stripControls(text).replace(/\s+/g, ' ').trim();
}

/** Columns that a text takes; colours take none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of stripVTControlCharacters(text)) width += WIDE.test(char) ? 2 : 1;
  return width;
}

/** At most `width` columns, with an ellipsis where something was cut. Not for coloured text. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let out = '';
  let used = 0;
  for (const char of text) {
    used += WIDE.test(char) ? 2 : 1;
    if (used > width - 1) break;
    out += char;
  }
  return width <= 0 ? '' : `${out}…`;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}

/** `3m ago`, `in 2h`, `now`. */
export function fromNow(at: number, now: number): string {
  const distance = Math.abs(at - now);
  if (distance < 1_000) return 'now';
  const text = formatDuration(distance < 60_000 ? Math.round(distance / 1_000) * 1_000 : distance);
  return at > now ? `in ${text}` : `${text} ago`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1_024;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}
