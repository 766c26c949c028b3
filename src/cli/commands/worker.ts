// Owns `worker`: a process that only runs jobs of this store; a signal makes it finish or give back what it holds.
import type { Command } from 'commander';
import { LogisticsError } from '../../domain/errors.ts';
import type { MetricsServer } from '../../http/metrics-server.ts';
import type { OrchestrationEngine } from '../../orchestration/orchestration-engine.ts';
import { type CommandContext, EXIT, examples, type Invoke } from '../command-context.ts';
import { interruptible } from '../interrupt.ts';
import { withEngine } from '../open.ts';
import { count } from '../render/text.ts';
import { untilIdle } from '../until-idle.ts';

/** Flags that act only with --exec. */
const EXEC_ONLY = ['name', 'lease', 'timeout', 'once'] as const;

const EXEC_HELP = `
The command of --exec, once per job, without a shell:
  standard input   the lease as JSON: payload, attempt, previous, output_schema …; after an output that did not fit, also rejected {output, faults}
  environment      LOGISTICS_JOB_ID, LOGISTICS_ATTEMPT, LOGISTICS_IDEMPOTENCY_KEY and others; no LOGISTICS_SECRET_ variable
  standard output  the output: JSON, or the last JSON block or object that ends it, else {text}
  standard error   the log of the job
  exit code        0 done; 65 and 78 failed for good; any other failed, to be tried again
`;

export interface WorkerFlags {
  readonly concurrency?: string;
  readonly queue?: readonly string[];
  readonly capability?: readonly string[];
  readonly untilIdle?: boolean;
  readonly metricsPort?: string;
  readonly exec?: string;
  readonly name?: string;
  readonly lease?: string;
  readonly timeout?: string;
  readonly once?: boolean;
}

export function addWorker(program: Command, invoke: Invoke): void {
  program
    .command('worker')
    .description('run the jobs of this store, without MCP')
    .option('--concurrency <n>', 'jobs at once')
    .option('--queue <names...>', 'only these queues; default: all')
    .option('--capability <names...>', 'what this process offers beside its task types')
    .option('--metrics-port <n>', 'show metrics on this port of 127.0.0.1; 0: any free one')
    .option('--until-idle', 'exit when nothing runs, is ready, or comes due within a minute')
    .option('--exec <command>', 'be a worker agent: run this agent command for each job, with the lease as JSON on its standard input')
    .option('--name <name>', 'with --exec: name of the worker agent, to which each process adds an ending of its own; default: program and host')
    .option('--lease <duration>', 'with --exec: how long it may be silent, 1s to 24h; default 10m')
    .option('--timeout <duration>', 'with --exec: limit of one run of the command')
    .option('--once', 'with --exec: do what is ready until nothing is, exit')
    .addHelpText(
      'after',
      examples(
        'logistics-mcp worker --concurrency 32',
        'logistics-mcp worker --queue mail reports --until-idle',
        'logistics-mcp worker --exec "claude -p" --capability code-review --lease 15m',
      ),
    )
    .addHelpText('after', EXEC_HELP)
    .action((flags: WorkerFlags, command: Command) =>
      invoke(command, (context) => (flags.exec === undefined ? work(context, flags) : exec(context, { ...flags, exec: flags.exec }))),
    );
}

async function exec(context: CommandContext, flags: WorkerFlags & { readonly exec: string }): Promise<number> {
  if (flags.untilIdle === true) throw misplaced('--until-idle', 'does not act with --exec', 'Use --once.');
  if (flags.metricsPort !== undefined) throw misplaced('--metrics-port', 'does not act with --exec', 'Run another worker for it, or serve.');
  const { execWorker } = await import('../exec-worker.ts');
  return execWorker(context, flags);
}

function misplaced(flag: string, why: string, next: string): LogisticsError {
  return new LogisticsError('invalid_input', `${flag} ${why}.`, { path: flag, nextActions: [next] });
}

async function work(context: CommandContext, flags: WorkerFlags): Promise<number> {
  const idle = EXEC_ONLY.find((flag) => flags[flag] !== undefined);
  if (idle !== undefined) throw misplaced(`--${idle}`, 'acts only with --exec', 'Leave it out, or add --exec "<agent command>".');
  const { io, out } = context;
  let running = (): number => 0;
  await interruptible(
    io,
    () => out.line({ event: 'stopping', running: running() }, ['stopping: what runs is finished or given back; once more ends at once']),
    (signal) =>
      withEngine(
        { ...context, flags: { ...context.flags, concurrency: flags.concurrency } },
        'worker',
        async ({ engine, loaded: { config } }) => {
          if (!engine.backend.capabilities.shared) throw memoryOnly();
          running = () => engine.runningHere;
          const page = await metricsPage(engine, portOf(flags) ?? config.metrics?.port);
          const at = page === null ? {} : { metrics: `${page.url}/metrics` };
          out.line({ event: 'started', pid: process.pid, namespace: engine.namespace, store: engine.backend.kind, concurrency: config.concurrency, ...at }, [
            `working on ${engine.namespace} in ${config.dataDir}, up to ${count(config.concurrency, 'job')} at once (pid ${process.pid})`,
            ...(page === null ? [] : [`  metrics     ${page.url}/metrics`]),
          ]);
          try {
            await (flags.untilIdle === true ? untilIdle(engine, flags.queue, signal) : untilTold(signal));
          } finally {
            await page?.stop();
          }
          return EXIT.ok;
        },
        { host: roleOf(flags), queues: flags.queue, capabilities: flags.capability },
      ),
  );
  out.line({ event: 'stopped' }, ['stopped']);
  return EXIT.ok;
}

function portOf({ metricsPort }: WorkerFlags): number | undefined {
  if (metricsPort === undefined) return undefined;
  const port = /^\d{1,5}$/.test(metricsPort) ? Number(metricsPort) : Number.NaN;
  if (port <= 65_535) return port;
  throw new LogisticsError('invalid_input', `${JSON.stringify(metricsPort)} is no port.`, { path: '--metrics-port', expected: 'a number from 0 to 65535' });
}

async function metricsPage(engine: OrchestrationEngine, port: number | undefined): Promise<MetricsServer | null> {
  return port === undefined ? null : (await import('../../http/metrics-server.ts')).startMetricsServer(engine, port);
}

/** Only a worker that takes every job and stays counts as a process that goes on when others end. */
function roleOf({ queue, untilIdle: leaves }: WorkerFlags): string {
  const limits = [...(queue === undefined ? [] : [`queues ${queue.join(', ')}`]), ...(leaves === true ? ['until idle'] : [])];
  return limits.length === 0 ? 'worker' : `worker (${limits.join('; ')})`;
}

function memoryOnly(): LogisticsError {
  return new LogisticsError('invalid_input', 'A worker on a store in memory would never see a job.', {
    path: 'store',
    expected: 'a store that processes share',
    nextActions: ['Leave out --store in_memory.'],
  });
}

/** Timers of the engine do not hold a process open; this one does. */
function untilTold(signal: AbortSignal): Promise<void> {
  const held = setInterval(() => undefined, 60_000);
  return new Promise((resolve) => {
    const done = (): void => {
      clearInterval(held);
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}
