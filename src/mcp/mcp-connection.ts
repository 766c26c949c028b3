// Owns one live connection to another MCP server: made once, shared by all calls, known to be dead when it is.
import type { Client, Transport } from '@modelcontextprotocol/client';
import { hideSecrets, type McpServerConfig } from './mcp-server-config.ts';

const STDERR_TAIL = 2_048;
const CLOSE_LIMIT_MS = 5_000;

export interface McpTool {
  readonly name: string;
  readonly inputSchema: Record<string, unknown>;
}

export interface McpConnection {
  readonly client: Client;
  /** False once the server has gone. */
  alive(): boolean;
  /** The end of the server's stderr without values of its env and headers; '' for HTTP. */
  note(): string;
  /** Listed once and again after the server says that the list changed. */
  tools(timeoutMs: number): Promise<readonly McpTool[]>;
  /** Ends the session and the child process. */
  close(): Promise<void>;
}

/** A connection attempt that failed, with what the server said while it died. */
export class McpConnectFault extends Error {
  readonly note: string;
  constructor(cause: unknown, note: string) {
    super('connect failed', { cause });
    this.note = note;
  }
}

/**
 * Connects within `timeoutMs`; `closing` ends the attempt. A local server is greeted with the 2025 handshake that all of them know, and only when it
 * refuses that is it probed for the 2026 revision, since a probe costs a second process; a remote one is probed at once.
 */
export async function openConnection(config: McpServerConfig, timeoutMs: number, closing: AbortSignal): Promise<McpConnection> {
  if ('url' in config) return attempt(config, timeoutMs, 'auto', closing);
  try {
    return await attempt(config, timeoutMs, 'legacy', closing);
  } catch (error) {
    const code = ((error as Error).cause as { code?: unknown } | undefined)?.code;
    // A JSON-RPC error is an answer; anything else (no such program, exit, silence) would only happen again.
    if (typeof code !== 'number') throw error;
    return attempt(config, timeoutMs, 'auto', closing);
  }
}

async function attempt(config: McpServerConfig, timeoutMs: number, mode: 'auto' | 'legacy', closing: AbortSignal): Promise<McpConnection> {
  const { Client: ClientClass } = await import('@modelcontextprotocol/client');
  const { transport, note } = await createTransport(config);
  let listed: Promise<readonly McpTool[]> | undefined;
  const client = new ClientClass(
    { name: 'logistics-mcp', version: '1' },
    {
      versionNegotiation: { mode },
      listChanged: {
        tools: {
          autoRefresh: false,
          onChanged: () => {
            listed = undefined;
          },
        },
      },
    },
  );
  let alive = true;
  client.onclose = () => {
    alive = false;
  };
  client.onerror = () => {}; // faults reach the calls they concern
  const close = async (): Promise<void> => {
    alive = false;
    await withLimit(endSession(transport), 1_000);
    await withLimit(client.close(), CLOSE_LIMIT_MS);
  };
  try {
    await client.connect(transport, { timeout: timeoutMs, signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), closing]) });
  } catch (error) {
    await withLimit(client.close(), CLOSE_LIMIT_MS);
    await withLimit(transport.close(), CLOSE_LIMIT_MS);
    throw new McpConnectFault(error, note());
  }
  return {
    client,
    alive: () => alive,
    note,
    tools: (limitMs) => {
      listed ??= client.listTools(undefined, { timeout: limitMs }).then(
        (result) => result.tools.map(({ name, inputSchema }) => ({ name, inputSchema })),
        (error: unknown) => {
          listed = undefined;
          throw error;
        },
      );
      return listed;
    },
    close,
  };
}

async function createTransport(config: McpServerConfig): Promise<{ transport: Transport; note: () => string }> {
  if ('url' in config) {
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
    return { transport: new StreamableHTTPClientTransport(new URL(config.url), { requestInit: { headers: { ...config.headers } } }), note: () => '' };
  }
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  const transport = new StdioClientTransport({
    command: config.command,
    args: [...(config.args ?? [])],
    ...(config.env === undefined ? {} : { env: { ...config.env } }),
    ...(config.cwd === undefined ? {} : { cwd: config.cwd }),
    stderr: 'pipe',
  });
  let tail = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString('utf8')).slice(-STDERR_TAIL);
  });
  return { transport, note: () => hideSecrets(config, tail).trim() };
}

/** Tells a remote server that its session may go; one that keeps none answers 405, which is as good. */
async function endSession(transport: Transport): Promise<void> {
  await (transport as { terminateSession?: () => Promise<void> }).terminateSession?.();
}

async function withLimit(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work.catch(() => {}), limit]);
  clearTimeout(timer);
}
