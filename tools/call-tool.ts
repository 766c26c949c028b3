// Owns the way from raw arguments to a tool's result: aliases, what is not built, one strict parse, the handler.
import type { z } from 'zod';
import { LogisticsError } from '../src/domain/errors.ts';
import { isJsonObject, type JsonObject } from '../src/domain/json.ts';
import { parseInput } from '../src/domain/parse-input.ts';
import { MAX_JSON_DEPTH } from '../src/domain/plain-json.ts';
import { underOurNames } from './aliases.ts';
import type { ToolContext, ToolSpec } from './tool.ts';

/** Parses and runs; throws LogisticsError for bad input. */
export async function callTool(spec: ToolSpec, context: ToolContext, raw: unknown): Promise<JsonObject> {
  const args = parseArguments(spec, raw);
  // On a store of several machines a client may come from another one: it sees what it was told there.
  await context.engine.backend.refresh?.();
  return spec.handle(context, args);
}

/** The parsed arguments of a call; throws invalid_input with every fault, or not_available for what is not built yet. */
export function parseArguments<I extends z.ZodType>(spec: ToolSpec<I>, raw: unknown): z.output<I> {
  checkDepth(raw);
  return parseInput(spec.input, namedAsOurs(spec, raw), `The arguments of ${spec.name} are wrong`);
}

/** What is nested deeper would exhaust the stack of everything that walks it later. */
function checkDepth(raw: unknown): void {
  // Two levels more than a definition may have, which lies inside the arguments.
  const deepest = MAX_JSON_DEPTH + 2;
  let level: unknown[] = [raw];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest)
      throw new LogisticsError('limit_exceeded', `The arguments are nested deeper than ${deepest} levels.`, { expected: `at most ${deepest} levels` });
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
}

/** Arguments under our names; what is done under an old name is the same call. */
export function namedAsOurs(spec: ToolSpec, given: unknown): unknown {
  if (!isJsonObject(given)) return given ?? {};
  const raw = spec.adopt?.(given) ?? given;
  for (const [name, instead] of Object.entries(spec.notBuilt ?? {})) {
    if (Object.hasOwn(raw, name))
      throw new LogisticsError('not_available', `${spec.name} cannot take ${name}: it is not built yet.`, { path: name, nextActions: [instead] });
  }
  return spec.aliases === undefined ? raw : underOurNames(raw, spec.aliases);
}
