// Owns `serve`: MCP over HTTP for many clients at once, by a process that runs jobs too and stays.
import type { Command } from 'commander';
import { configError } from '../../config/config-faults.ts';
import type { Config } from '../../config/normal-form.ts';
import { parseSource } from '../../config/parse-source.ts';
import type { RunningServer } from '../../http/serve.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { interruptible } from '../interrupt.ts';
import { loadFor } from '../open.ts';

interface ServeFlags {
  readonly host?: string;
  readonly port?: string;
  readonly tokensFile?: string;
  readonly concurrency?: string;
  readonly toolsets?: string;
}

export function addServe(program: Command, invoke: Invoke): void {
  program
    .command('serve')
    .description('serve MCP over HTTP to many clients, and run jobs')
    .option('--host <address>', 'address to listen on; default 127.0.0.1, others need tokens')
    .option('--port <n>', 'port to listen on, 0 for any free one; default 8787')
    .option('--tokens-file <file>', 'hashed tokens; default tokens.json beside the store, when it is there')
    .option('--concurrency <n>', 'jobs at once')
    .option('--toolsets <names>', 'sets of tools beside the default one, separated by commas')
    .addHelpText('after', examples('logistics-mcp serve', 'logistics-mcp serve --host 0.0.0.0 --port 8080 --tokens-file tokens.json --toolsets workers'))
    .action((flags: ServeFlags, command: Command) => invoke(command, (context) => serve(context, flags)));
}

async function serve(context: CommandContext, { host, port, tokensFile, concurrency, toolsets }: ServeFlags): Promise<number> {
  const { io, out } = context;
  const { env, platform = process.platform } = io.context;
  const loaded = await loadFor({ ...context, flags: { ...context.flags, tokensFile, concurrency, toolsets } });
  const config = listenAt(loaded.config, { host, port });
  const { startServer } = await import('../../http/serve.ts');
  await interruptible(
    io,
    () => out.line({ event: 'stopping' }, ['stopping: requests finish, what runs is finished or given back; once more ends at once']),
    async (signal) => {
      const engine = { env, warnings: loaded.warnings.map((warning) => warning.message), untrustedFile: loaded.untrusted?.file };
      const server = await startServer({ config, engine, platform, now: io.now });
      try {
        tell(context, server, config);
        await untilTold(signal);
      } finally {
        await server.stop();
      }
    },
  );
  out.line({ event: 'stopped' }, ['stopped']);
  return EXIT.ok;
}

/** Flags are held to the same rules as the file. */
function listenAt(config: Config, { host, port }: ServeFlags): Config {
  const raw = { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port: /^\d{1,9}$/.test(port) ? Number(port) : port }) };
  const names = new Map([['serve', '--host, --port']]);
  const { fields, faults } = parseSource({ serve: raw }, 'command line', names);
  if (faults.length > 0) throw configError(faults);
  return {
    ...config,
    serve: {
      ...config.serve,
      ...(fields.serve?.host === undefined ? {} : { host: fields.serve.host }),
      ...(fields.serve?.port === undefined ? {} : { port: fields.serve.port }),
    },
  };
}

function tell({ out }: CommandContext, { url, engine, auth }: RunningServer, config: Config): void {
  const header = auth.needed ? ` --header "Authorization: Bearer ${auth.secretFile === null ? '<token>' : `$(cat ${auth.secretFile})`}"` : '';
  out.line(
    {
      event: 'started',
      pid: process.pid,
      url,
      mcp: `${url}/mcp`,
      sse: `${url}/sse`,
      namespace: engine.namespace,
      token_needed: auth.needed,
      token_file: auth.secretFile,
    },
    [
      `serving ${engine.namespace} in ${config.dataDir} (pid ${process.pid})`,
      `  MCP         ${url}/mcp`,
      `  older SSE   ${url}/sse`,
      `  token       ${auth.needed ? 'needed' : 'not needed'}: ${auth.why}`,
      ...(auth.secretFile === null ? [] : [`              one is in ${auth.secretFile}`]),
      `  connect     claude mcp add --transport http logistics ${url}/mcp${header}`,
    ],
  );
}

/** The listening server holds the process open. */
function untilTold(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
