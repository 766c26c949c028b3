// Owns how tests call tools in process: as an agent, with the reply held to the tool's own output schema and to its size.
import { expect } from 'vitest';
import type { OrchestrationEngine } from '../../src/orchestration/orchestration-engine.ts';
import { callTool } from '../../tools/call-tool.ts';
import { allToolSpecs } from '../../tools/registry.ts';
import type { ToolContext, ToolSpec } from '../../tools/tool.ts';

/** About 2,000 tokens of JSON, with room for values that a test put in itself. */
export const MAX_REPLY_CHARS = 9_000;

export interface Reply {
  readonly [name: string]: unknown;
}

export function toolNamed(name: string): ToolSpec {
  const spec = allToolSpecs.find((tool) => tool.name === name);
  if (spec === undefined) throw new Error(`no tool ${name}`);
  return spec;
}

export type RunTool = (name: string, args?: unknown, context?: Partial<ToolContext>) => Promise<Reply>;

/** Calls tools of one engine as an agent without a session. */
export function toolsOf(engine: OrchestrationEngine): RunTool {
  return async (name, args = {}, context = {}) => {
    const spec = toolNamed(name);
    const data = await callTool(spec, { engine, caller: { principal: 'agent', actor: 'agent', sessionId: null }, ...context }, args);
    const checked = spec.output.safeParse(data);
    expect(checked.error?.issues ?? []).toEqual([]);
    expect(JSON.stringify(data).length).toBeLessThan(MAX_REPLY_CHARS);
    return data as Reply;
  };
}

export { refusal } from './test-engine.ts';
