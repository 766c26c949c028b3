// Owns the MCP server of one connection: the low-level Server of the SDK over the list of tools, for every era of the protocol.
import {
  type CacheHint,
  type CallToolResult,
  inputRequired,
  inputResponse,
  type ListToolsResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerCapabilities,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { toolSetOf, toolSpecs } from '../../tools/registry.ts';
import { type PersonAnswer, PersonNeeded, type PersonQuestion, type ToolSpec } from '../../tools/tool.ts';
import type { ConnectionSession } from '../connection-session.ts';
import type { Principal } from '../domain/access.ts';
import { nearMatches } from '../domain/near-match.ts';
import { type AuditEntry, type CallFigure, type EngineDoor, ToolCaller } from '../tool-caller.ts';
import { VERSION } from '../version.ts';
import { callFacts } from './call-facts.ts';
import { canAsk, TASKS_EXTENSION, takesTasks } from './client-capabilities.ts';
import { serveCompletions } from './completions.ts';
import { INSTRUCTIONS } from './instructions.ts';
import { formOf } from './person-form.ts';
import { progressTeller } from './progress.ts';
import { servePrompts } from './prompts.ts';
import type { ToolSource } from './published-source.ts';
import { serveResources } from './resources.ts';
import { SKILLS_EXTENSION, serveSkills } from './skills.ts';
import { serveTasks } from './tasks.ts';
import { toolList } from './tool-list.ts';
import { errorResult, successResult } from './tool-result.ts';

export interface McpServerParts {
  readonly engine: EngineDoor;
  /** Whom the work belongs to: the user of this machine, or a token. */
  readonly principal: string;
  readonly session: ConnectionSession | null;
  /** Who calls now, and with which scopes; absent where no token is asked for. */
  readonly access?: (() => Principal) | undefined;
  /** Told of each call that may have changed something. */
  readonly audit?: ((entry: AuditEntry) => void) | undefined;
  /** Told of each tool call once it has its answer. */
  readonly onCall?: ((figure: CallFigure) => void) | undefined;
  /** A longer reply of a tool or resource is refused; absent: none is. */
  readonly maxResultBytes?: number | undefined;
  /** Default: the default set. */
  readonly tools?: (() => Promise<readonly ToolSpec[]>) | undefined;
  /** Tells of each change of the tools; absent where they never change. */
  readonly onToolsChange?: ToolSource['onToolsChange'] | undefined;
}

type ToolReply = CallToolResult | ReturnType<typeof inputRequired>;

const CAPABILITIES: ServerCapabilities = {
  tools: { listChanged: true },
  resources: { subscribe: true },
  prompts: {},
  completions: {},
  extensions: { [TASKS_EXTENSION]: {}, [SKILLS_EXTENSION]: {} },
};
const STABLE: CacheHint = { ttlMs: 3_600_000, cacheScope: 'public' };
const CACHE_HINTS = { 'tools/list': STABLE, 'prompts/list': STABLE, 'resources/templates/list': STABLE } as const;

/** Cheap: what costs time is made once, beside it. */
export function createMcpServer(parts: McpServerParts): Server {
  const tools = parts.tools ?? (() => Promise.resolve(toolSpecs));
  const caller = new ToolCaller(parts);
  const server = new Server(
    { name: 'logistics-mcp', title: 'Logistics', version: VERSION },
    {
      capabilities: CAPABILITIES,
      instructions: INSTRUCTIONS,
      cacheHints: CACHE_HINTS,
    },
  );
  serveResources(server, parts.engine, parts.maxResultBytes);
  servePrompts(server, parts.engine);
  serveCompletions(server, parts.engine);
  serveSkills(server);
  const tasks = serveTasks(server, { engine: parts.engine, caller });
  server.setRequestHandler('tools/list', async () => listOf(await tools()));
  tellToolChanges(server, parts.onToolsChange);
  server.setRequestHandler('tools/call', async (request, context): Promise<ToolReply> => {
    const { name, arguments: args } = request.params;
    const known = await tools();
    const spec = known.find((tool) => tool.name === name);
    if (spec === undefined) throw unknownTool(name, known);
    const takesTask = takesTasks(context);
    const outcome = await caller.call(spec, args, {
      ...callFacts(context),
      signal: context.mcpReq.signal,
      progress: progressTeller(context),
      takesTask,
      askPerson: canAsk(server, context) ? (question) => answerTo(question, context) : undefined,
    });
    if (outcome.kind === 'done') {
      const task = takesTask && outcome.followUp !== null ? await tasks.begin(outcome.followUp, context) : null;
      return task ?? successResult(outcome.data, outcome.text);
    }
    return outcome.kind === 'failed' ? errorResult(outcome.error) : ask(outcome.question);
  });
  return server;
}

/** A list with published workflows holds for one namespace, and until one of them changes. */
function listOf(specs: readonly ToolSpec[]): ListToolsResult {
  const list = toolList(specs);
  return specs.some(({ inputSchema }) => inputSchema !== undefined) ? { ...list, ttlMs: 0, cacheScope: 'private' } : list;
}

/** To a client of the older eras, once it is there; since 2026 a client listens, which the entry of each transport serves. */
function tellToolChanges(server: Server, onToolsChange: McpServerParts['onToolsChange']): void {
  if (onToolsChange === undefined) return;
  let stop: (() => void) | null = null;
  let closed = false;
  server.oninitialized = () => {
    onToolsChange(() => void server.sendToolListChanged().catch(() => undefined)).then(
      (off) => {
        if (closed) off();
        else stop = off;
      },
      () => undefined,
    );
  };
  const { onclose } = server;
  server.onclose = () => {
    onclose?.();
    closed = true;
    stop?.();
  };
}

function unknownTool(name: string, known: readonly ToolSpec[]): ProtocolError {
  const names = known.map((tool) => tool.name);
  const [near] = nearMatches(name.slice(0, 100), names);
  const set = toolSetOf(name);
  const hint =
    set === undefined ? undefined : `It belongs to the tool set ${set}: set toolsets in the config file, LOGISTICS_TOOLSETS or --toolsets to ${set}.`;
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `Unknown tool ${name.slice(0, 100)}. ${hint ?? (near === undefined ? `Tools: ${names.join(', ')}` : `Did you mean ${near}?`)}`,
  );
}

function answerTo(question: PersonQuestion, context: ServerContext): PersonAnswer {
  const response = inputResponse(context.mcpReq.inputResponses, question.key);
  if (response.kind !== 'elicit') throw new PersonNeeded(question);
  return response.action === 'accept' ? { action: 'accept', content: response.content ?? {} } : { action: response.action };
}

function ask(question: PersonQuestion): ReturnType<typeof inputRequired> {
  return inputRequired({ inputRequests: { [question.key]: inputRequired.elicit(formOf(question)) } });
}
