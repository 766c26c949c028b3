// Owns the MCP server of one connection: the low-level Server of the SDK over the list of tools, for every era of the protocol.
import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type ElicitRequestFormParams,
  inputRequired,
  inputResponse,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { toolSpecs } from '../../tools/registry.ts';
import { type PersonAnswer, PersonNeeded, type PersonQuestion, type ToolSpec } from '../../tools/tool.ts';
import { nearMatches } from '../domain/near-match.ts';
import { VERSION } from '../version.ts';
import type { ConnectionSession } from './connection-session.ts';
import { INSTRUCTIONS } from './instructions.ts';
import type { EngineDoor } from './lazy-engine.ts';
import { progressTeller } from './progress.ts';
import { ToolCaller } from './tool-caller.ts';
import { toolList } from './tool-list.ts';
import { errorResult, successResult } from './tool-result.ts';

export interface McpServerParts {
  readonly engine: EngineDoor;
  /** Whom the work belongs to: the user of this machine, or a token. */
  readonly principal: string;
  readonly session: ConnectionSession | null;
  readonly tools?: readonly ToolSpec[] | undefined;
}

type ElicitSchema = ElicitRequestFormParams['requestedSchema'];
type ToolReply = CallToolResult | ReturnType<typeof inputRequired>;

/** Cheap: what costs time is made once, beside it. */
export function createMcpServer(parts: McpServerParts): Server {
  const tools = parts.tools ?? toolSpecs;
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const caller = new ToolCaller(parts);
  const server = new Server(
    { name: 'logistics-mcp', title: 'Logistics', version: VERSION },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS, cacheHints: { 'tools/list': { ttlMs: 3_600_000, cacheScope: 'public' } } },
  );
  server.setRequestHandler('tools/list', () => toolList(tools));
  server.setRequestHandler('tools/call', async (request, context): Promise<ToolReply> => {
    const { name, arguments: args } = request.params;
    const spec = byName.get(name);
    if (spec === undefined) throw unknownTool(name, byName.keys());
    const outcome = await caller.call(spec, args, {
      signal: context.mcpReq.signal,
      progress: progressTeller(context),
      askPerson: canAsk(server, context) ? (question) => answerTo(question, context) : undefined,
    });
    if (outcome.kind === 'done') return successResult(outcome.data);
    return outcome.kind === 'failed' ? errorResult(outcome.error) : ask(outcome.question);
  });
  return server;
}

function unknownTool(name: string, known: Iterable<string>): ProtocolError {
  const names = [...known];
  const [near] = nearMatches(name.slice(0, 100), names);
  const hint = near === undefined ? `Tools: ${names.join(', ')}` : `Did you mean ${near}?`;
  return new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool ${name.slice(0, 100)}. ${hint}`);
}

/** Since 2026 a client says with each request what it can do, before it said so once. */
function canAsk(server: Server, context: ServerContext): boolean {
  const envelope = context.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined;
  const declared = (envelope?.[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined) ?? server.getClientCapabilities();
  const elicitation = declared?.elicitation;
  // An empty declaration means forms.
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}

function answerTo(question: PersonQuestion, context: ServerContext): PersonAnswer {
  const response = inputResponse(context.mcpReq.inputResponses, question.key);
  if (response.kind !== 'elicit') throw new PersonNeeded(question);
  return response.action === 'accept' ? { action: 'accept', content: response.content ?? {} } : { action: response.action };
}

function ask({ key, message, fields, required }: PersonQuestion): ReturnType<typeof inputRequired> {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { type, title }]) => [name, { type, title }]));
  return inputRequired({
    inputRequests: { [key]: inputRequired.elicit({ message, requestedSchema: { type: 'object', properties, required: [...required] } as ElicitSchema }) },
  });
}
