// Owns text helpers; every result is measured before it is made.

import type { Json } from '../../domain/json.ts';
import { invalid } from '../failure.ts';
import type { Meter } from '../meter.ts';
import { isIn } from '../operators.ts';
import { isList } from '../value.ts';
import { define, type FunctionSpec } from './arguments.ts';
import { toText } from './conversions.ts';

const SURROGATE = /[\ud800-\udfff]/;

export const STRINGS: Readonly<Record<string, FunctionSpec>> = {
  upper: define('upper(text)', [1, 1], (read, args, meter) => converted(read.text(args, 0), (text) => text.toUpperCase(), meter)),
  lower: define('lower(text)', [1, 1], (read, args, meter) => converted(read.text(args, 0), (text) => text.toLowerCase(), meter)),
  trim: define('trim(text)', [1, 1], (read, args, meter) => converted(read.text(args, 0), (text) => text.trim(), meter)),
  startsWith: define('text.startsWith(part)', [2, 2], (read, args, meter) => {
    meter.spend(1 + (read.text(args, 1).length >> 6));
    return read.text(args, 0).startsWith(read.text(args, 1));
  }),
  endsWith: define('text.endsWith(part)', [2, 2], (read, args, meter) => {
    meter.spend(1 + (read.text(args, 1).length >> 6));
    return read.text(args, 0).endsWith(read.text(args, 1));
  }),
  contains: define('text.contains(part) or list.contains(x)', [2, 2], (read, args, meter) => {
    if (isList(args[0] as Json)) return isIn(args[1] as Json, args[0] as Json, meter);
    return find(read.text(args, 0), read.text(args, 1), 0, meter) >= 0;
  }),
  substring: define('substring(text, start, end)', [2, 3], (read, args, meter) => {
    const text = characters(read.text(args, 0), meter);
    const start = read.whole(args, 1);
    const end = read.whole(args, 2, text.length);
    if (start < 0 || end < start || end > text.length)
      throw invalid(`substring(text, start, end): ${start} to ${end} does not lie inside 0 to ${text.length}.`);
    return typeof text === 'string' ? text.slice(start, end) : text.slice(start, end).join('');
  }),
  padStart: define('padStart(x, length, fill)', [2, 3], (read, args, meter) =>
    padded(args, read.whole(args, 1), read.text([...args, ' '], 2), meter, 'padStart'),
  ),
  padEnd: define('padEnd(x, length, fill)', [2, 3], (read, args, meter) => padded(args, read.whole(args, 1), read.text([...args, ' '], 2), meter, 'padEnd')),
  replace: define('replace(text, from, to)', [3, 3], (read, args, meter) => replaced(read.text(args, 0), read.text(args, 1), read.text(args, 2), meter)),
  split: define('split(text, separator)', [2, 2], (read, args, meter) => {
    const separator = read.text(args, 1);
    const text = read.text(args, 0);
    if (separator === '') {
      const parts = characters(text, meter);
      meter.list(parts.length);
      return [...parts];
    }
    return cut(text, separator, meter);
  }),
  join: define('join(list, separator)', [1, 2], (read, args, meter) => {
    const list = read.list(args, 0);
    const separator = args.length > 1 ? read.text(args, 1) : ',';
    meter.list(list.length);
    let length = separator.length * Math.max(0, list.length - 1);
    const parts = list.map((element) => {
      const part = toText(element, meter);
      length += part.length;
      if (length > meter.limits.outputSize) meter.text(length);
      return part;
    });
    meter.text(length);
    return parts.join(separator);
  }),
};

/** Length in characters, as size(text) counts. */
export function textSize(text: string, meter: Meter): number {
  return characters(text, meter).length;
}

/** The text itself when each UTF-16 unit is one character, else the list of its characters. */
function characters(text: string, meter: Meter): string | readonly string[] {
  meter.spend(1 + (text.length >> 4));
  if (!SURROGATE.test(text)) return text;
  meter.spend(text.length);
  return [...text];
}

function converted(text: string, convert: (text: string) => string, meter: Meter): string {
  meter.spend(text.length >> 3);
  // Upper case grows a text threefold at most (one ligature to three letters).
  meter.text(text.length);
  return convert(text);
}

function padded(args: readonly Json[], length: number, fill: string, meter: Meter, side: 'padStart' | 'padEnd'): string {
  const text = toText(args[0] as Json, meter);
  if (length < 0) throw invalid(`${side}(x, length, fill): the length is not negative.`);
  meter.text(Math.max(text.length, length));
  return text[side](length, fill);
}

function find(text: string, part: string, from: number, meter: Meter): number {
  // indexOf is quadratic at worst: long parts that almost match everywhere. Pay for the worst beyond 16 characters.
  const span = Math.max(0, text.length - from);
  meter.spend(1 + (span >> 4) * (part.length > 16 ? 1 + (Math.min(part.length, span) >> 4) : 1));
  return text.indexOf(part, from);
}

function cut(text: string, separator: string, meter: Meter): string[] {
  meter.spend(1 + (text.length >> 4) * (1 + (Math.min(separator.length, text.length) >> 4)));
  const parts = text.split(separator, meter.limits.listLength + 1);
  meter.list(parts.length);
  return parts;
}

function replaced(text: string, from: string, to: string, meter: Meter): string {
  if (from === '') throw invalid('replace(text, from, to): "from" is not empty.');
  const parts = cut(text, from, meter);
  meter.text(text.length + (parts.length - 1) * (to.length - from.length));
  return parts.join(to);
}
