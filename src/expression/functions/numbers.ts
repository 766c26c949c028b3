// Owns numeric helpers: rounding and the reductions over numbers.
import type { Json } from '../../domain/json.ts';
import { invalid } from '../failure.ts';
import type { Meter } from '../meter.ts';
import { add, compare } from '../operators.ts';
import { isList, kindOf } from '../value.ts';
import { define, type FunctionSpec } from './arguments.ts';

export const NUMBERS: Readonly<Record<string, FunctionSpec>> = {
  round: define('round(x, digits)', [1, 2], (read, args) => {
    const value = read.number(args, 0);
    const digits = read.whole(args, 1, 0);
    if (digits < 0 || digits > 15) throw invalid('round(x, digits): digits lie between 0 and 15.');
    return round(value, digits);
  }),
  floor: define('floor(x)', [1, 1], (read, args) => positiveZero(Math.floor(read.number(args, 0)))),
  ceil: define('ceil(x)', [1, 1], (read, args) => positiveZero(Math.ceil(read.number(args, 0)))),
  abs: define('abs(x)', [1, 1], (read, args) => Math.abs(read.number(args, 0))),
  sum: define('sum(list)', [1, 1], (read, args, meter) => total(read.list(args, 0), 'sum(list)', meter)),
  avg: define('avg(list)', [1, 1], (read, args, meter) => {
    const list = read.list(args, 0);
    return list.length === 0 ? null : total(list, 'avg(list)', meter) / list.length;
  }),
  min: define('min(list) or min(a, b, …)', [1, 32], (_, args, meter) => extreme('min', args, meter, -1)),
  max: define('max(list) or max(a, b, …)', [1, 32], (_, args, meter) => extreme('max', args, meter, 1)),
};

/** Half away from zero on the decimal text, so that round(1.005, 2) is 1.01. */
function round(value: number, digits: number): number {
  if (Number.isInteger(value) || Math.abs(value) >= 1e15) return value;
  const magnitude = Math.abs(value);
  const shifted = Math.round(Number(shiftExponent(magnitude, digits)));
  const rounded = Number(shiftExponent(shifted, -digits));
  return positiveZero(value < 0 ? -rounded : rounded);
}

function shiftExponent(value: number, by: number): string {
  const [mantissa, exponent = '0'] = String(value).split('e');
  return `${mantissa}e${Number(exponent) + by}`;
}

function positiveZero(value: number): number {
  return value === 0 ? 0 : value;
}

function total(list: readonly Json[], usage: string, meter: Meter): number {
  meter.spend(1 + list.length);
  let sum = 0;
  for (const element of list) {
    if (typeof element !== 'number') throw invalid(`${usage} needs numbers only, got ${kindOf(element)}.`, 'list.map(e, number(e.amount)) makes numbers');
    sum = add(sum, element, meter) as number;
  }
  return sum;
}

/** null of an empty list; a single list, or the values themselves. */
function extreme(name: string, args: readonly Json[], meter: Meter, sign: 1 | -1): Json {
  const first = args[0] as Json;
  if (args.length === 1 && !isList(first)) throw invalid(`${name}(list) needs a list or several values, got ${kindOf(first)}.`);
  const list = args.length === 1 ? (first as readonly Json[]) : args;
  meter.spend(1 + list.length);
  let best: Json | undefined;
  for (const element of list) {
    if (best === undefined) {
      compare(element, element, meter);
      best = element;
    } else if (compare(element, best, meter) * sign > 0) best = element;
  }
  return best ?? null;
}
