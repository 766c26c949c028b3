// Owns what is known of other MCP servers' tools at validation: asked within a short limit, remembered, never a reason to wait.
import type { McpCaller } from '../domain/action.ts';
import { isJsonObject, type Json } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { DefinitionFault, WorkflowDefinition } from '../domain/workflow-definition.ts';

export interface ToolCatalogOptions {
  readonly caller: McpCaller;
  readonly now: () => number;
  /** Longest wait for a server; default 1 s. */
  readonly limitMs?: number | undefined;
}

export interface ToolFindings {
  readonly faults: readonly DefinitionFault[];
  readonly warnings: readonly DefinitionFault[];
}

const LIMIT_MS = 1_000;
const KNOWN_MS = 60_000;
/** A server that did not answer may be starting: it is asked again soon. */
const UNREACHED_MS = 5_000;
const NAMES_SHOWN = 30;
const NOTHING: ToolFindings = { faults: [], warnings: [] };

type Tools = readonly string[] | undefined;

interface Use {
  readonly server: string;
  readonly tool: string;
  readonly path: string;
}

export class ToolCatalog {
  readonly #o: ToolCatalogOptions;
  readonly #known = new Map<string, { readonly until: number; readonly tools: Tools }>();
  readonly #asked = new Map<string, Promise<Tools>>();

  constructor(options: ToolCatalogOptions) {
    this.#o = options;
  }

  /** A tool that its server does not have is a fault; a server that does not answer in time is a warning. Paths name the normal form. */
  async check(definition: WorkflowDefinition): Promise<ToolFindings> {
    const uses = usesOf(definition).filter(({ server }) => this.#o.caller.servers.includes(server));
    if (uses.length === 0) return NOTHING;
    const servers = [...new Set(uses.map(({ server }) => server))];
    const tools = new Map(await Promise.all(servers.map(async (server) => [server, await this.#toolsOf(server)] as const)));
    const faults: DefinitionFault[] = [];
    const warnings: DefinitionFault[] = [];
    for (const { server, tool, path } of uses) {
      const names = tools.get(server);
      if (names === undefined) {
        warnings.push({ path: `${path}.server`, code: 'network', message: `The MCP server ${server} did not answer, so its tools were not checked.` });
      } else if (!names.includes(tool)) {
        const near = nearMatches(tool, names);
        faults.push({
          path: `${path}.tool`,
          code: 'not_found',
          message: `The MCP server ${server} has no tool ${tool}.`,
          ...(near.length > 0 ? { nearMatches: near } : { expected: `one of ${names.slice(0, NAMES_SHOWN).join(', ')}` }),
        });
      }
    }
    return { faults, warnings };
  }

  #toolsOf(server: string): Promise<Tools> {
    const known = this.#known.get(server);
    if (known !== undefined && known.until > this.#o.now()) return Promise.resolve(known.tools);
    const asked = this.#asked.get(server) ?? this.#ask(server).finally(() => this.#asked.delete(server));
    this.#asked.set(server, asked);
    return asked;
  }

  async #ask(server: string): Promise<Tools> {
    const { caller, now, limitMs = LIMIT_MS } = this.#o;
    let tools: Tools;
    try {
      tools = (await caller.listTools(server, AbortSignal.timeout(limitMs)))?.map(({ name }) => name);
    } catch {
      // The limit passed, or the connections are closed.
      tools = undefined;
    }
    this.#known.set(server, { tools, until: now() + (tools === undefined ? UNREACHED_MS : KNOWN_MS) });
    return tools;
  }
}

/** Calls whose server and tool are written out, not computed. */
function usesOf(definition: WorkflowDefinition): Use[] {
  const uses: Use[] = [];
  const add = (task: string, input: Json, path: string): void => {
    if (task !== 'mcp.call' || !isJsonObject(input)) return;
    const { server, tool } = input;
    if (typeof server === 'string' && typeof tool === 'string' && !server.includes('${{') && !tool.includes('${{')) uses.push({ server, tool, path });
  };
  for (const [i, step] of definition.steps.entries()) {
    add(step.task, step.with, `steps[${i}].with`);
    if (step.compensate !== undefined) add(step.compensate.task, step.compensate.with, `steps[${i}].compensate.with`);
  }
  for (const [i, step] of definition.onFailure.entries()) add(step.task, step.with, `onFailure[${i}].with`);
  return uses;
}
