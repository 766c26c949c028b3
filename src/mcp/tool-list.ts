// Owns the answer to tools/list: made once per list of tools, since building the schemas costs milliseconds.
import type { ListToolsResult, Tool } from '@modelcontextprotocol/server';
import { z } from 'zod';
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
    inputSchema: (spec.inputSchema ?? jsonSchema(spec.input, 'input')) as Tool['inputSchema'],
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

/** Without `$schema`: clients of the 1.x line know draft-07 only and throw on a name they do not know; what is used is in both. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema: node }) => {
      // Every key of an object is text, and an object that may hold anything needs no empty rule for it.
      delete node.propertyNames;
      if (node.type === 'object' && typeof node.additionalProperties === 'object' && Object.keys(node.additionalProperties).length === 0)
        delete node.additionalProperties;
      if (node.type === 'object' && node.properties !== undefined && Object.keys(node.properties).length === 0 && node.additionalProperties !== false)
        delete node.properties;
      if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
    },
  });
  return rest;
}
