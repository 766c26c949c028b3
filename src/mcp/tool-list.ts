// Owns the answer to tools/list: made once per list of tools, since building the schemas costs milliseconds.
import type { ListToolsResult, Tool } from '@modelcontextprotocol/server';
import { inputSchemaOf, jsonSchema } from '../../tools/json-schema.ts';
import type { ToolSpec } from '../../tools/tool.ts';

const made = new WeakMap<readonly ToolSpec[], ListToolsResult>();

export function toolList(specs: readonly ToolSpec[]): ListToolsResult {
  let list = made.get(specs);
  if (list === undefined) {
    list = { tools: specs.map(toTool) };
    made.set(specs, list);
  }
  return list;
}

function toTool(spec: ToolSpec): Tool {
  return {
    name: spec.name,
    title: spec.title,
    description: spec.description,
    inputSchema: inputSchemaOf(spec) as Tool['inputSchema'],
    outputSchema: jsonSchema(spec.output, 'output') as NonNullable<Tool['outputSchema']>,
    annotations: {
      title: spec.title,
      readOnlyHint: spec.kind === 'read',
      destructiveHint: spec.kind === 'destroy',
      idempotentHint: spec.idempotent,
      openWorldHint: spec.openWorld,
    },
  };
}
