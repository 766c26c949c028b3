// Owns a server on standard input and output: the handshake first, the engine behind it, and a clean end with the end of the input.
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { ConfigFlags } from '../config/environment.ts';
import type { ConfigContext } from '../config.ts';
import { LogisticsError } from '../domain/errors.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { ConnectionSession } from './connection-session.ts';
import { LazyEngine } from './lazy-engine.ts';
import { createMcpServer } from './server.ts';
import { asLogisticsError, errorText } from './tool-result.ts';

const PRINCIPAL = 'local';
/** A client that says nothing yet does not keep a restarted server from taking up its work. */
const OPEN_AFTER_MS = 200;
const INTERRUPTED = 130;

export interface StdioOptions {
  readonly flags: ConfigFlags;
  readonly context: ConfigContext;
}

/** Serves until the input ends or a signal comes; resolves to the exit code when all is put away. */
export async function runStdio({ flags, context }: StdioOptions): Promise<number> {
  const engine = new LazyEngine(() => openEngineFor(flags, context), tellOnce());
  const session = new ConnectionSession(PRINCIPAL);
  const late = setTimeout(() => engine.start(), OPEN_AFTER_MS);
  const transport = new StdioServerTransport();
  const handle = serveStdio(
    () => {
      // After the answer to this first message is written.
      setImmediate(() => setImmediate(() => engine.start()));
      return createMcpServer({ engine, principal: PRINCIPAL, session });
    },
    { transport, onerror: (error) => say(`protocol: ${error.message}`) },
  );
  await ended(transport);
  clearTimeout(late);
  await handle.close();
  const opened = await engine.stop();
  if (opened !== null) await putAway(opened, session);
  return 0;
}

async function openEngineFor(flags: ConfigFlags, context: ConfigContext): Promise<OrchestrationEngine> {
  const [{ loadConfig }, { openEngineWith }] = await Promise.all([import('../config.ts'), import('../open-engine.ts')]);
  const loaded = await loadConfig({ ...context, argvFlags: flags });
  return openEngineWith(loaded.config, {
    host: 'stdio',
    env: context.env,
    warnings: loaded.warnings.map((warning) => warning.message),
    untrustedFile: loaded.untrusted?.file,
  });
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
