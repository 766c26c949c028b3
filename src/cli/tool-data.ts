// Owns that a command and the tool of the same meaning give the same data: it calls the tool, as a person.
import type { JsonObject } from '../domain/json.ts';
import { LOCAL_HUMAN } from '../orchestration/caller.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { callTool } from '../../tools/call-tool.ts';
import { toolSpecs } from '../../tools/registry.ts';

/** Arguments under the tool's names; members that are undefined are not given. */
export function toolData(engine: OrchestrationEngine, name: string, raw: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<JsonObject> {
  const spec = toolSpecs.find((each) => each.name === name);
  if (spec === undefined) throw new Error(`There is no tool ${name}.`);
  return callTool(spec, { engine, caller: LOCAL_HUMAN, signal }, given(raw));
}

function given(raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined));
}
