// Owns the door to other MCP servers: one shared connection per configured server, made at the first call and again after a loss.
import { orAbort } from '../actions/or-abort.ts';
import type { McpCaller } from '../domain/action.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import { nearMatches } from '../domain/near-match.ts';
import type { TraceContext } from '../domain/trace-context.ts';
import { PARENT_META } from '../runtime/current-work.ts';
import { McpConnectFault, type McpConnection, openConnection } from './mcp-connection.ts';
import { callFailure, toolOutput, wasNotSent } from './mcp-result.ts';
import { checkMcpServer, hideSecrets, type McpServerConfig } from './mcp-server-config.ts';

const CONNECT_TIMEOUT_MS = 10_000;
// The step's own timeout aborts the signal; the SDK's would end every call after a minute.
const NO_TIMEOUT_MS = 2_147_483_647;

export interface McpCallerOptions {
  /** Longest time to connect, and for listTools to answer; default 10 s. */
  readonly connectTimeoutMs?: number | undefined;
}

/** Throws `invalid_input` for an entry of the wrong shape and `not_available` for a transport that is not supported. Nothing is started before the first call. */
export function createMcpCaller(servers: Readonly<Record<string, unknown>>, options: McpCallerOptions = {}): McpCaller {
  return new SharedMcpCaller(new Map(Object.entries(servers).map(([name, config]) => [name, checkMcpServer(name, config)])), options);
}

class SharedMcpCaller implements McpCaller {
  readonly #configs: ReadonlyMap<string, McpServerConfig>;
  readonly #connections = new Map<string, Promise<McpConnection>>();
  readonly #connectTimeoutMs: number;
  readonly #closing = new AbortController();

  constructor(configs: ReadonlyMap<string, McpServerConfig>, options: McpCallerOptions) {
    this.#configs = configs;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  }

  get servers(): readonly string[] {
    return [...this.#configs.keys()];
  }

  async call(server: string, tool: string, args: JsonObject, signal: AbortSignal, trace?: TraceContext, parent?: string): Promise<Json> {
    const meta = { ...trace, ...(parent === undefined ? {} : { [PARENT_META]: parent }) };
    for (let again = true; ; again = false) {
      const connection = await orAbort(this.#connection(server), signal);
      try {
        const result = await connection.client.callTool(
          { name: tool, arguments: args, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) },
          { signal, timeout: NO_TIMEOUT_MS },
        );
        return toolOutput(result, server, tool);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (wasNotSent(error)) {
          await this.#drop(server, connection);
          if (again) continue;
        }
        throw callFailure(error, server, `${server}.${tool}`, connection.alive() ? '' : connection.note(), (text) => hideSecrets(this.#config(server), text));
      }
    }
  }

  async listTools(server: string, signal: AbortSignal): Promise<readonly { readonly name: string; readonly inputSchema: JsonObject }[] | undefined> {
    this.#config(server);
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(this.#connectTimeoutMs)]);
    try {
      const connection = await orAbort(this.#connection(server), bounded);
      const tools = await orAbort(connection.tools(this.#connectTimeoutMs), bounded);
      return tools.map(({ name, inputSchema }) => ({ name, inputSchema: inputSchema as JsonObject }));
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const open = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.allSettled(open.map(async (connection) => (await connection).close()));
  }

  #config(server: string): McpServerConfig {
    const config = this.#configs.get(server);
    if (config !== undefined) return config;
    throw new LogisticsError('not_allowed', `No MCP server named "${server}" is configured.`, {
      path: 'server',
      nearMatches: nearMatches(server, this.#configs.keys()),
      nextActions: ['Add it under mcpServers in a trusted config file.'],
    });
  }

  async #connection(server: string): Promise<McpConnection> {
    const config = this.#config(server);
    if (this.#closing.signal.aborted) throw new LogisticsError('shutting_down', 'The connections to other MCP servers are closed.');
    const known = this.#connections.get(server);
    if (known !== undefined) {
      const connection = await known;
      if (connection.alive()) return connection;
      // Another caller may have replaced it meanwhile.
      if (this.#connections.get(server) === known) this.#connections.delete(server);
      return this.#connection(server);
    }
    const opening = openConnection(config, this.#connectTimeoutMs, this.#closing.signal).catch((error: unknown) => {
      if (this.#connections.get(server) === opening) this.#connections.delete(server);
      const fault = error instanceof McpConnectFault ? error : new McpConnectFault(error, '');
      throw callFailure(fault.cause, server, `The MCP server "${server}" could not be reached`, fault.note, (text) => hideSecrets(config, text));
    });
    this.#connections.set(server, opening);
    return opening;
  }

  async #drop(server: string, connection: McpConnection): Promise<void> {
    const known = this.#connections.get(server);
    if (known !== undefined && (await known.catch(() => undefined)) === connection && this.#connections.get(server) === known) this.#connections.delete(server);
    await connection.close();
  }
}
