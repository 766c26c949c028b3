// Owns conversions between JSON kinds: number, string, bool, JSON text.
import type { Json } from '../../domain/json.ts';
import { ExpressionFailure, invalid } from '../failure.ts';
import type { Meter } from '../meter.ts';
import { kindOf } from '../value.ts';
import { define, type FunctionSpec } from './arguments.ts';

const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;

/** Text of a value inside mixed text: texts as they are, null as nothing, everything else as JSON. */
export function toText(value: Json, meter: Meter): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  return typeof value === 'object' ? meter.json(value) : String(value);
}

export const CONVERSIONS: Readonly<Record<string, FunctionSpec>> = {
  number: define('number(x)', [1, 1], (_, args) => toNumber(args[0] as Json)),
  double: define('double(x)', [1, 1], (_, args) => toNumber(args[0] as Json)),
  int: define('int(x)', [1, 1], (_, args) => {
    const whole = Math.trunc(toNumber(args[0] as Json));
    if (!Number.isSafeInteger(whole)) throw invalid('int(x): the number lies beyond 2^53.');
    return whole === 0 ? 0 : whole;
  }),
  string: define('string(x)', [1, 1], (_, args, meter) => toText(args[0] as Json, meter)),
  bool: define('bool(x)', [1, 1], (_, args) => toBool(args[0] as Json)),
  type: define('type(x)', [1, 1], (_, args) => kindOf(args[0] as Json)),
  toJson: define('toJson(x)', [1, 1], (_, args, meter) => meter.json(args[0] as Json)),
  fromJson: define('fromJson(text)', [1, 1], (read, args, meter) => {
    const text = read.text(args, 0);
    meter.spend(1 + (text.length >> 2));
    try {
      return JSON.parse(text) as Json;
    } catch (error) {
      if (error instanceof RangeError) throw error;
      // The parser's own message quotes the text, which may hold a secret.
      throw invalid('fromJson(text): the text is not valid JSON.');
    }
  }),
};

function toNumber(value: Json): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') {
    const parsed = value.length <= 400 && NUMBER.test(value) ? Number(value) : Number.NaN;
    if (Number.isFinite(parsed)) return parsed;
    throw invalid('number(x): the text is not a number.', 'digits such as 12, -3.5 or 1e6');
  }
  throw new ExpressionFailure('invalid_expression', `number(x) cannot convert ${kindOf(value)}.`, {
    expected: 'a number, text or bool; default(x, 0) replaces null',
  });
}

function toBool(value: Json): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null) return false;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string') {
    const text = value.trim().toLowerCase();
    if (['true', '1', 'yes', 'on'].includes(text)) return true;
    if (['false', '0', 'no', 'off', ''].includes(text)) return false;
    throw invalid('bool(x): the text is neither true nor false.', 'true, false, yes, no, on, off, 1, 0 or empty');
  }
  throw invalid(`bool(x) cannot convert ${kindOf(value)}.`, 'size(x) > 0 tells whether a list or an object has anything in it');
}
