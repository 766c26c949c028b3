// Owns list helpers; all of them return new lists and leave their arguments as they are.
import { canonicalJson, type Json } from '../../domain/json.ts';
import { ExpressionFailure, invalid } from '../failure.ts';
import type { Meter } from '../meter.ts';
import { compare } from '../operators.ts';
import { isList, kindOf, objectOf } from '../value.ts';
import { define, type FunctionSpec } from './arguments.ts';
import { toText } from './conversions.ts';
import { textSize } from './strings.ts';

export const LISTS: Readonly<Record<string, FunctionSpec>> = {
  size: define('size(x)', [1, 1], (_, args, meter) => {
    const value = args[0] as Json;
    if (typeof value === 'string') return textSize(value, meter);
    if (isList(value)) return value.length;
    if (value === null || typeof value !== 'object') throw invalid(`size(x) needs text, a list or an object, got ${kindOf(value)}.`);
    const count = Object.keys(value).length;
    meter.spend(count);
    return count;
  }),
  first: define('first(list)', [1, 1], (read, args) => read.list(args, 0)[0] ?? null),
  last: define('last(list)', [1, 1], (read, args) => read.list(args, 0).at(-1) ?? null),
  reverse: define('reverse(list)', [1, 1], (read, args, meter) => {
    meter.list(read.list(args, 0).length);
    return [...read.list(args, 0)].reverse();
  }),
  sort: define('sort(list)', [1, 1], (read, args, meter) => sorted(read.list(args, 0), (element) => element, meter)),
  sortBy: define("sortBy(list, 'key')", [2, 2], (read, args, meter) => {
    const key = read.text(args, 1);
    return sorted(read.list(args, 0), (element) => member(element, key) ?? null, meter);
  }),
  unique: define('unique(list)', [1, 1], (read, args, meter) => {
    const list = read.list(args, 0);
    meter.list(list.length);
    const seen = new Set<string>();
    return list.filter((element) => {
      const identity = identityOf(element, meter);
      return seen.size !== seen.add(identity).size;
    });
  }),
  flatten: define('flatten(list, depth)', [1, 2], (read, args, meter) => {
    const depth = read.whole(args, 1, 1);
    if (depth < 0 || depth > 20) throw invalid('flatten(list, depth): the depth lies between 0 and 20.');
    const result: Json[] = [];
    flattenInto(result, read.list(args, 0), depth, meter);
    return result;
  }),
  range: define('range(end) or range(start, end)', [1, 2], (read, args, meter) => {
    const start = args.length > 1 ? read.whole(args, 0) : 0;
    const length = Math.max(0, read.whole(args, args.length - 1) - start);
    if (length > meter.limits.rangeLength) {
      throw new ExpressionFailure('expression_too_costly', `range() makes at most ${meter.limits.rangeLength} elements.`);
    }
    meter.list(length);
    return Array.from({ length }, (_, i) => start + i);
  }),
  zip: define('zip(a, b)', [2, 2], (read, args, meter) => {
    const [a, b] = [read.list(args, 0), read.list(args, 1)];
    const length = Math.min(a.length, b.length);
    meter.list(length * 2);
    return a.slice(0, length).map((element, i) => [element, b[i] as Json]);
  }),
  groupBy: define("groupBy(list, 'key')", [2, 2], (read, args, meter) => objectOf(grouped(read.list(args, 0), read.text(args, 1), meter))),
  countBy: define("countBy(list, 'key')", [2, 2], (read, args, meter) => {
    const groups = [...grouped(read.list(args, 0), read.text(args, 1), meter)];
    return objectOf(groups.map(([key, elements]) => [key, elements.length] as const));
  }),
};

function member(element: Json, key: string): Json | undefined {
  if (element === null || typeof element !== 'object' || isList(element) || !Object.hasOwn(element, key)) return undefined;
  return (element as { readonly [key: string]: Json })[key];
}

/** Stable and ascending; null comes last, kinds do not mix. */
function sorted(list: readonly Json[], keyOf: (element: Json) => Json, meter: Meter): Json[] {
  meter.list(list.length);
  const keyed = list.map((element) => [keyOf(element), element] as const);
  keyed.sort(([a], [b]) => {
    meter.spend(4);
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return compare(a, b, meter);
  });
  return keyed.map(([, element]) => element);
}

function identityOf(element: Json, meter: Meter): string {
  if (typeof element === 'string') {
    meter.spend(1 + (element.length >> 4));
    return `"${element}`;
  }
  if (element === null || typeof element !== 'object') return String(element);
  meter.spend(3 * meter.measure(element));
  return canonicalJson(element);
}

function flattenInto(result: Json[], list: readonly Json[], depth: number, meter: Meter): void {
  meter.list(list.length);
  for (const element of list) {
    if (depth > 0 && isList(element)) flattenInto(result, element, depth - 1, meter);
    else result.push(element);
  }
  if (result.length > meter.limits.listLength) meter.list(result.length);
}

/** Groups keep the order in which their first element came. */
function grouped(list: readonly Json[], key: string, meter: Meter): Map<string, Json[]> {
  meter.list(list.length * 2);
  const groups = new Map<string, Json[]>();
  list.forEach((element, i) => {
    const value = member(element, key);
    if (value === undefined) {
      const message = `Element ${i} of the list has no field "${key}" to group by.`;
      throw new ExpressionFailure('unresolved_reference', message, {
        reference: key,
        owner: element !== null && typeof element === 'object' ? element : undefined,
        key,
      });
    }
    const name = value !== null && typeof value === 'object' ? toText(value, meter) : String(value);
    const group = groups.get(name);
    if (group) group.push(element);
    else groups.set(name, [element]);
  });
  return groups;
}
