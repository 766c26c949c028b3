// Owns a server on standard input and output: the handshake first, the engine behind it, and a clean end with the end of the input.
import type { Server } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { PublishedTools } from '../../tools/published.ts';
import { toolsOfSets } from '../../tools/registry.ts';
import type { ToolSpec } from '../../tools/tool.ts';
import type { ConfigFlags } from '../config/environment.ts';
import type { ConfigContext, LoadedConfig } from '../config.ts';
import { ConnectionSession } from '../connection-session.ts';
import { asLogisticsError, LogisticsError } from '../domain/errors.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { PARENT_VARIABLE, parentOf } from '../runtime/current-work.ts';
import { LazyEngine } from './lazy-engine.ts';
import { watchListens } from './listens.ts';
import { publishedSource, type ToolSource } from './published-source.ts';
import { createMcpServer } from './server.ts';
import { errorText } from './tool-result.ts';

const PRINCIPAL = 'local';
/** A client that says nothing yet does not keep a restarted server from taking up its work. */
const OPEN_AFTER_MS = 200;
const INTERRUPTED = 130;

export interface StdioOptions {
  readonly flags: ConfigFlags;
  readonly context: ConfigContext;
  /** The program and its arguments up to its command line, to start a background host with. */
  readonly program: readonly [file: string, ...args: string[]];
}

/** Serves until the input ends or a signal comes; resolves to the exit code when all is put away. */
export async function runStdio({ flags, context, program }: StdioOptions): Promise<number> {
  const config = onceLoaded(flags, context);
  const engine = new LazyEngine(() => openEngineFor(config, { flags, context, program }), tellOnce());
  // A configuration that cannot be used is told by the calls.
  const source = onceMade(config, () => engine.get());
  const tools = (): Promise<readonly ToolSpec[]> =>
    source().then(
      (made) => made.tools(),
      () => toolsOfSets([]),
    );
  const onToolsChange: ToolSource['onToolsChange'] = async (tell) => (await source()).onToolsChange(tell);
  const session = new ConnectionSession(PRINCIPAL);
  const late = setTimeout(() => engine.start(), OPEN_AFTER_MS);
  const transport = new StdioServerTransport();
  let server: Server | null = null;
  const handle = serveStdio(
    () => {
      // After the answer to this first message is written.
      setImmediate(() => setImmediate(() => engine.start()));
      server = createMcpServer({ engine, principal: PRINCIPAL, session, tools, onToolsChange });
      return server;
    },
    { transport, onerror: (error) => say(`protocol: ${error.message}`) },
  );
  watchListens(transport, engine, {
    resource: (uri) => void server?.sendResourceUpdated({ uri }).catch(() => undefined),
    tools: () => void server?.sendToolListChanged().catch(() => undefined),
    onToolsChange,
  });
  await ended(transport);
  clearTimeout(late);
  await handle.close();
  const opened = await engine.stop();
  if (opened !== null) await putAway(opened, session);
  return 0;
}

/** The tools that the configuration chooses. */
function onceMade(config: () => Promise<LoadedConfig>, engine: () => Promise<OrchestrationEngine>): () => Promise<ToolSource> {
  let made: ToolSource | null = null;
  return async () => {
    const { toolsets, published } = (await config()).config;
    const fixed = toolsOfSets(toolsets);
    made ??=
      published.length === 0
        ? { tools: () => Promise.resolve(fixed), onToolsChange: () => Promise.resolve(() => undefined) }
        : publishedSource(fixed, new PublishedTools(fixed, published), engine);
    return made;
  };
}

/** The configuration is read once, for the tools and for the engine; after a fault again. */
function onceLoaded(flags: ConfigFlags, context: ConfigContext): () => Promise<LoadedConfig> {
  let loading: Promise<LoadedConfig> | null = null;
  return () => {
    loading ??= import('../config.ts').then(({ loadConfig }) => loadConfig({ ...context, argvFlags: flags }));
    loading.catch(() => {
      loading = null;
    });
    return loading;
  };
}

async function openEngineFor(loading: () => Promise<LoadedConfig>, { flags, context, program: [file, ...args] }: StdioOptions): Promise<OrchestrationEngine> {
  const [loaded, { openEngineWith }, { BackgroundHost, startHost }] = await Promise.all([
    loading(),
    import('../open-engine.ts'),
    import('../background-host.ts'),
  ]);
  const { config } = loaded;
  const start = (): Promise<void> => startHost({ file, args, cwd: context.cwd, env: context.env }, config, flags);
  const background = new BackgroundHost({ mode: config.background, hostIdleMs: config.limits.hostIdleMs, start });
  const engine = await openEngineWith(config, {
    host: 'stdio',
    background,
    env: context.env,
    parent: parentOf(context.env[PARENT_VARIABLE]),
    warnings: loaded.warnings.map((warning) => warning.message),
    untrustedFile: loaded.untrusted?.file,
  });
  background.watch(engine);
  return engine;
}

/** Resolves when the input ends, the output is gone, or SIGINT or SIGTERM comes; a second signal ends the process at once. */
function ended(transport: StdioServerTransport): Promise<void> {
  return new Promise((resolve) => {
    const { onclose } = transport;
    transport.onclose = () => {
      onclose?.();
      resolve();
    };
    let signals = 0;
    const onSignal = (): void => {
      if (++signals > 1) process.exit(INTERRUPTED);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

async function putAway(engine: OrchestrationEngine, session: ConnectionSession): Promise<void> {
  try {
    await session.close(engine);
  } catch (error) {
    engine.logger.warn({ err: error }, 'the session of this connection could not be closed');
  }
  await engine.stop();
}

/** The same fault is told on standard error once, however many calls meet it. */
function tellOnce(): (error: unknown) => void {
  let last = '';
  return (error) => {
    const text = errorText(asLogisticsError(error).toData());
    if (text === last) return;
    last = text;
    say(text);
    if (!(error instanceof LogisticsError) && error instanceof Error && error.stack !== undefined) say(error.stack);
  };
}

function say(text: string): void {
  process.stderr.write(`logistics-mcp: ${text}\n`);
}
