// Owns how the zod schemas of tools are told to clients: as JSON Schema, without what says nothing.
import { z } from 'zod';
import type { ToolSpec } from './tool.ts';

/** Of the arguments as a client gives them. */
export function inputSchemaOf(spec: ToolSpec): Record<string, unknown> {
  return spec.inputSchema ?? jsonSchema(spec.input, 'input');
}

/** Without `$schema`: clients of the 1.x line know draft-07 only and throw on a name they do not know; what is used is in both. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
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
