// Owns the mcp.call task: one tool of another configured MCP server, through the door it is given.
import { z } from 'zod';
import type { ActionContext, McpCaller, TaskType } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import { type Json, JsonObject } from '../domain/json.ts';
import type { TraceContext } from '../domain/trace-context.ts';

const McpCallInput = z
  .strictObject({
    server: z.string().min(1).describe('Name of a server under mcpServers in the config.'),
    tool: z.string().min(1).describe('Name of the tool on that server.'),
    arguments: JsonObject.optional().describe('Arguments of the tool.'),
    args: JsonObject.optional().describe('Another name for arguments.'),
  })
  .refine((input) => input.arguments === undefined || input.args === undefined, { path: ['args'], error: 'give only one of arguments and args' });

/** Without a caller every call is refused with `not_allowed`. */
export function createMcpCall(caller: McpCaller | undefined): TaskType {
  return {
    type: 'mcp.call',
    version: 1,
    description: 'Calls a tool of another configured MCP server and returns its structured content, JSON or text.',
    input: McpCallInput,
    example: { server: 'github', tool: 'create_release', arguments: { tag: '${{ input.tag }}' } },
    capability: ({ server }) => (typeof server === 'string' && !server.includes('${{') ? `mcp:${server}` : 'mcp'),
    secretTargets: ({ server }) => (typeof server === 'string' ? [server] : []),
    run: async (input: z.infer<typeof McpCallInput>, context: ActionContext): Promise<Json> => {
      if (caller === undefined) {
        throw new LogisticsError('not_allowed', `No MCP server named "${input.server}" is configured.`, {
          path: 'server',
          nextActions: ['Add it under mcpServers in a trusted config file.'],
        });
      }
      const { server, tool } = input;
      const call = (trace?: TraceContext): Promise<Json> =>
        caller.call(server, tool, input.arguments ?? input.args ?? {}, context.signal, trace, context.jobId);
      if (context.trace === undefined) return call();
      const attributes = { 'mcp.method.name': 'tools/call', 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': tool, 'logistics.mcp_server': server };
      return context.trace.client(`tools/call ${tool}`, attributes, call);
    },
  };
}
