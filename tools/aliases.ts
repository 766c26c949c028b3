// Owns other names of parameters: what is given under one is the same call, and both at once are refused.
import { LogisticsError } from '../src/domain/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../src/domain/json.ts';

/** Other name -> ours; a dot leads into an object, which is made where it is absent. An other name with a dot is one inside that object. */
export type Aliases = Readonly<Record<string, string>>;

export function underOurNames(given: JsonObject, aliases: Aliases): JsonObject {
  const raw = membersUnderOurNames(given, aliases);
  const others = Object.keys(raw).filter((name) => !name.includes('.') && Object.hasOwn(aliases, name));
  if (others.length === 0) return raw;
  const named: Record<string, Json> = Object.fromEntries(Object.entries(raw).filter(([name]) => !others.includes(name)));
  for (const old of others) {
    const ours = aliases[old] as string;
    const [head, member] = ours.split('.') as [string, string | undefined];
    const value = raw[old] as Json;
    const known = Object.hasOwn(named, head) ? named[head] : undefined;
    if (member === undefined ? known !== undefined : isJsonObject(known) && Object.hasOwn(known, member)) throw twice(old, ours);
    if (member === undefined) named[head] = value;
    else if (known === undefined || isJsonObject(known)) named[head] = { ...known, [member]: value };
    else if (head === 'catchup') named[head] = { policy: known, [member]: value };
    else throw twice(old, ours);
  }
  return named;
}

function membersUnderOurNames(raw: JsonObject, aliases: Aliases): JsonObject {
  const named: Record<string, Json> = { ...raw };
  for (const [old, ours] of Object.entries(aliases)) {
    const [head = '', member] = old.split('.');
    const object = named[head];
    if (member === undefined || !isJsonObject(object) || !Object.hasOwn(object, member)) continue;
    const inside = ours.slice(head.length + 1);
    if (Object.hasOwn(object, inside)) throw twice(old, ours);
    const { [member]: value, ...rest } = object;
    named[head] = { ...rest, [inside]: value as Json };
  }
  return named;
}

function twice(old: string, ours: string): LogisticsError {
  return new LogisticsError('invalid_input', `${old} is another name of ${ours}; both are given.`, { path: old, expected: `${ours} only` });
}
