// Owns arithmetic, comparison and equality on plain JSON: one number type, real division, no silent conversion, no loss.
import type { Json, JsonObject } from '../domain/json.ts';
import { invalid } from './failure.ts';
import type { Meter } from './meter.ts';
import { isList, kindOf } from './value.ts';

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';
export type OrderOperator = '<' | '<=' | '>' | '>=';

export function add(left: Json, right: Json, meter: Meter): Json {
  if (typeof left === 'number' && typeof right === 'number') return exact(left + right, left, right);
  if (typeof left === 'string' && typeof right === 'string') {
    meter.text(left.length + right.length);
    return left + right;
  }
  if (isList(left) && isList(right)) {
    meter.list(left.length + right.length);
    return [...left, ...right];
  }
  throw unfit('+', left, right);
}

/** `-`, `*`, `/` (3 / 2 is 1.5) and `%` (sign of the left side). */
export function calculate(operator: Exclude<ArithmeticOperator, '+'>, left: Json, right: Json): number {
  if (typeof left !== 'number' || typeof right !== 'number') throw unfit(operator, left, right);
  switch (operator) {
    case '-':
      return exact(left - right, left, right);
    case '*':
      return exact(left * right, left, right);
    case '/':
      if (right === 0) throw invalid('Division by zero.');
      return exact(left / right, left, right);
    case '%':
      if (right === 0) throw invalid('Remainder of a division by zero.');
      return exact(left % right, left, right);
  }
}

export function negate(value: Json): number {
  if (typeof value !== 'number') throw invalid(`"-" needs a number, got ${kindOf(value)}.`);
  return value === 0 ? 0 : -value;
}

export function order(operator: OrderOperator, left: Json, right: Json, meter: Meter): boolean {
  const compared = compare(left, right, meter);
  switch (operator) {
    case '<':
      return compared < 0;
    case '<=':
      return compared <= 0;
    case '>':
      return compared > 0;
    case '>=':
      return compared >= 0;
  }
}

/** Negative, zero or positive; numbers by value, texts by code unit, false before true. Other kinds have no order. */
export function compare(left: Json, right: Json, meter: Meter): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') {
    meter.spend(1 + (Math.min(left.length, right.length) >> 6));
    if (left === right) return 0;
    return left < right ? -1 : 1;
  }
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  throw invalid(`${kindOf(left)} and ${kindOf(right)} have no order.`, 'two numbers, two texts or two bools; convert with number(x) or string(x)');
}

/** Equality of any two JSON values; values of different kinds are unequal, never an error. */
export function equal(left: Json, right: Json, meter: Meter): boolean {
  if (typeof left === 'string' && typeof right === 'string') {
    if (left.length !== right.length) return false;
    meter.spend(1 + (left.length >> 6));
    return left === right;
  }
  if (left === right) return true;
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false;
  if (isList(left)) {
    if (!isList(right) || left.length !== right.length) return false;
    meter.spend(1 + left.length);
    return left.every((element, i) => equal(element, right[i] as Json, meter));
  }
  if (isList(right)) return false;
  const keys = Object.keys(left);
  meter.spend(1 + keys.length * 2);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && equal((left as JsonObject)[key] as Json, (right as JsonObject)[key] as Json, meter));
}

/** `x in list` (by equality) and `key in object`. */
export function isIn(wanted: Json, collection: Json, meter: Meter): boolean {
  if (isList(collection)) {
    meter.spend(1 + collection.length);
    return collection.some((element) => equal(wanted, element, meter));
  }
  if (collection !== null && typeof collection === 'object') {
    if (typeof wanted !== 'string') throw invalid(`"in" on an object needs a string as key, got ${kindOf(wanted)}.`);
    return Object.hasOwn(collection, wanted);
  }
  throw invalid(`"in" needs a list or an object on its right, got ${kindOf(collection)}.`, typeof collection === 'string' ? 'text.contains(part)' : undefined);
}

/** Refuses results JSON cannot hold and whole numbers that would silently lose digits. */
function exact(result: number, left: number, right: number): number {
  if (!Number.isFinite(result)) throw invalid('The result is too large for a number.');
  if (Number.isInteger(result) && !Number.isSafeInteger(result) && Number.isSafeInteger(left) && Number.isSafeInteger(right)) {
    throw invalid('The whole number lies beyond 2^53 and would lose digits.', 'keep such numbers as text');
  }
  return result === 0 ? 0 : result;
}

function unfit(operator: ArithmeticOperator, left: Json, right: Json): Error {
  const kinds = [kindOf(left), kindOf(right)];
  let expected: string | undefined;
  if (operator === '+' && kinds.includes('string')) expected = 'two texts: string(x) + text, or text with several ${{ … }} in it';
  else if (operator === '+' && kinds.includes('object')) expected = 'merge(a, b) joins objects';
  else if (kinds.includes('string')) expected = 'two numbers: number(text) converts';
  else if (kinds.includes('null')) expected = 'two numbers: default(x, 0) replaces null';
  return invalid(`"${operator}" does not work on ${kinds[0]} and ${kinds[1]}.`, expected);
}
