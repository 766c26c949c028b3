// Owns the way from raw arguments to a tool's result: aliases, what is not built, one strict parse, the handler.
import type { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import { isJsonObject, type JsonObject } from '../src/domain/json.ts';
import { parseInput } from '../src/domain/parse-input.ts';
import type { ToolContext, ToolSpec } from './tool.ts';

/** Parses and runs; throws LogisticsError for bad input. */
export async function callTool(spec: ToolSpec, context: ToolContext, raw: unknown): Promise<JsonObject> {
  return spec.handle(context, parseArguments(spec, raw));
}

/** The parsed arguments of a call; throws invalid_input with every fault, or not_available for what is not built yet. */
export function parseArguments<I extends z.ZodType>(spec: ToolSpec<I>, raw: unknown): z.output<I> {
  return parseInput(spec.input, namedAsOurs(spec, raw), `The arguments of ${spec.name} are wrong`);
}

/** Arguments under our names; what is done under an old name is the same call. */
export function namedAsOurs(spec: ToolSpec, raw: unknown): unknown {
  if (!isJsonObject(raw)) return raw ?? {};
  for (const [name, instead] of Object.entries(spec.notBuilt ?? {})) {
    if (Object.hasOwn(raw, name))
      throw new LogisticsError('not_available', `${spec.name} cannot take ${name}: it is not built yet.`, { path: name, nextActions: [instead] });
  }
  if (spec.aliases === undefined) return raw;
  const aliases = spec.aliases;
  for (const [old, ours] of Object.entries(aliases)) {
    if (Object.hasOwn(raw, old) && Object.hasOwn(raw, ours)) {
      throw new LogisticsError('invalid_input', `${old} is another name of ${ours}; both are given.`, { path: old, expected: `${ours} only` });
    }
  }
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [Object.hasOwn(aliases, name) ? (aliases[name] as string) : name, value]));
}
