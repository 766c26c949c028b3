// Owns that a command and the tool of the same meaning give the same data: it calls the tool, as a person.

import { callTool } from '../../tools/call-tool.ts';
import { allToolSpecs } from '../../tools/registry.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import { LOCAL_HUMAN } from '../orchestration/caller.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';

export interface ToolDataOptions {
  readonly signal?: AbortSignal | undefined;
  /** Parameter of the tool -> the flag by which a person gives it, so that an error names what they typed. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
}

/** Arguments under the tool's names; members that are undefined are not given. */
export async function toolData(
  engine: OrchestrationEngine,
  name: string,
  raw: Readonly<Record<string, unknown>>,
  options: ToolDataOptions = {},
): Promise<JsonObject> {
  const spec = allToolSpecs.find((each) => each.name === name);
  if (spec === undefined) throw new Error(`There is no tool ${name}.`);
  try {
    return await callTool(spec, { engine, caller: LOCAL_HUMAN, signal: options.signal }, given(raw));
  } catch (error) {
    const flag = error instanceof LogisticsError && error.path !== undefined ? options.flags?.[error.path] : undefined;
    if (flag === undefined) throw error;
    const { code, message, expected, nearMatches, retryable, nextActions, details } = error as LogisticsError;
    throw new LogisticsError(code, message, { path: flag, expected, nearMatches, retryable, nextActions, details, cause: error });
  }
}

function given(raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined));
}
