// Owns `host`, which an MCP server starts for work that outlives its client: one per folder and namespace, gone when nothing is left to do.
import { copyFileSync, fstatSync, ftruncateSync } from 'node:fs';
import type { Command } from 'commander';
import { hostLogFile } from '../../background-host.ts';
import type { Config } from '../../config/normal-form.ts';
import { LogisticsError } from '../../domain/errors.ts';
import type { MetricsServer } from '../../http/metrics-server.ts';
import { HOST_ROLE, needsProcess } from '../../orchestration/liveness.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, type Invoke } from '../command-context.ts';
import { interruptible } from '../interrupt.ts';
import { withEngine } from '../open.ts';
import { pauseFor } from '../pause-for.ts';

interface HostFlags {
  readonly concurrency?: string;
  readonly durability?: string;
}

const LOG_BYTES = 1_048_576;
const LOOK_MS = 1_000;
const STDERR = 2;

export function addHost(program: Command, invoke: Invoke): void {
  program
    .command('host', { hidden: true })
    .description('go on with the work of a namespace until nothing is left to do')
    .option('--concurrency <n>', 'jobs at once')
    .option('--durability <kind>', 'full or normal')
    .action((flags: HostFlags, command: Command) => invoke(command, (context) => host(context, flags)));
}

async function host(context: CommandContext, flags: HostFlags): Promise<number> {
  const { io, out } = context;
  const own = { ...context, flags: { ...context.flags, ...flags } };
  let log = (_: string): void => undefined;
  try {
    return await interruptible(
      io,
      () => log('the background host was told to stop'),
      (signal) =>
        withEngine(
          own,
          'worker',
          async ({ engine, loaded: { config } }) => {
            log = (text) => engine.logger.info(text);
            const page = await metricsPage(engine, config);
            try {
              await untilNothingIsLeft(engine, { idleMs: config.limits.hostIdleMs, log: hostLogFile(config), signal });
            } finally {
              await page?.stop();
            }
            return EXIT.ok;
          },
          { host: HOST_ROLE, sole: true },
        ),
    );
  } catch (error) {
    // Two servers that end together both start one: the second finds the first and goes.
    if (!(error instanceof LogisticsError) || error.code !== 'conflict') throw error;
    out.note(error.message);
    return EXIT.ok;
  }
}

/** The work goes on without it where another process has the port. */
async function metricsPage(engine: OrchestrationEngine, { metrics }: Config): Promise<MetricsServer | null> {
  if (metrics === null) return null;
  try {
    return await (await import('../../http/metrics-server.ts')).startMetricsServer(engine, metrics.port);
  } catch (error) {
    engine.logger.warn({ err: error }, 'this process shows no metrics');
    return null;
  }
}

/** Resolves on the signal, or once the engine has retired (nothing was left for `idleMs`, nor in the moment it left) or was replaced by another host. */
async function untilNothingIsLeft(
  engine: OrchestrationEngine,
  p: { readonly idleMs: number; readonly log: string; readonly signal: AbortSignal },
): Promise<void> {
  let idleSince: number | null = null;
  const end = AbortSignal.any([p.signal, engine.stopping]);
  while (!end.aborted) {
    boundLog(p.log);
    const now = engine.now;
    idleSince = needsProcess(engine.backend, engine.namespace, engine.registry.capabilities()) ? null : (idleSince ?? now);
    if (idleSince !== null && now - idleSince >= p.idleMs) {
      if (await engine.retire()) return;
      idleSince = null;
    }
    await pauseFor(Math.min(LOOK_MS, Math.max(10, p.idleMs / 4)), end);
  }
}

/** Standard error is the log file, opened for appending: what is full becomes the one old file that is kept. */
function boundLog(file: string): void {
  try {
    const stat = fstatSync(STDERR);
    if (!stat.isFile() || stat.size < LOG_BYTES) return;
    copyFileSync(file, `${file}.1`);
    ftruncateSync(STDERR, 0);
  } catch {
    // A log that cannot be cut must not end the work.
  }
}
