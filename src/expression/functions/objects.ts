// Owns object helpers: own members only.
import type { Json } from '../../domain/json.ts';
import { objectOf } from '../value.ts';
import { define, type FunctionSpec } from './arguments.ts';

export const OBJECTS: Readonly<Record<string, FunctionSpec>> = {
  keys: define('keys(object)', [1, 1], (read, args, meter) => {
    const names = Object.keys(read.object(args, 0));
    meter.list(names.length);
    return names;
  }),
  values: define('values(object)', [1, 1], (read, args, meter) => {
    const members = Object.values(read.object(args, 0));
    meter.list(members.length);
    return members;
  }),
  entries: define('entries(object)', [1, 1], (read, args, meter) => {
    const members = Object.entries(read.object(args, 0));
    meter.list(members.length * 4);
    return members.map(([key, value]) => ({ key, value }));
  }),
  merge: define('merge(a, b, …)', [1, 32], (read, args, meter) => {
    const members: (readonly [string, Json])[] = [];
    args.forEach((_, i) => {
      const own = Object.entries(read.object(args, i));
      meter.list(own.length * 2);
      for (const entry of own) members.push(entry);
    });
    return objectOf(members);
  }),
};
