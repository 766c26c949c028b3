// Owns how a command opens the engine: the configuration with its warnings told once, quiet logs, and a sure end.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedConfig } from '../config.ts';
import type { OpenOptions } from '../open-engine.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { PARENT_VARIABLE, parentOf } from '../runtime/current-work.ts';
import type { ProcessInfo } from '../store/backend.ts';
import { STORE_FILE } from '../store/open-backend.ts';
import type { CommandContext } from './command-context.ts';

export interface Opened {
  readonly engine: OrchestrationEngine;
  readonly loaded: LoadedConfig;
}

/** Reads the configuration and tells its warnings on standard error. */
export async function loadFor(context: CommandContext): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config.ts');
  const loaded = await loadConfig({ ...context.io.context, argvFlags: context.flags });
  const untrusted = loaded.warnings.filter((warning) => warning.code === 'untrusted_config');
  const first = untrusted[0];
  // Several keys of one file have one reason and one remedy: say it once.
  if (first !== undefined) context.out.warn(untrusted.length === 1 ? first.message : together(loaded, first.message), first.nextActions);
  for (const warning of loaded.warnings) if (warning.code !== 'untrusted_config') context.out.warn(warning.message, warning.nextActions);
  return loaded;
}

function together({ untrusted }: LoadedConfig, first: string): string {
  const reason = first.slice(first.indexOf('does not act') + 'does not act'.length);
  return `${untrusted?.keys.join(', ')} in ${untrusted?.file} do not act${reason}`;
}

/** `client` only reads and writes; `worker` runs jobs too. The engine is stopped whatever happens. */
export async function withEngine(
  context: CommandContext,
  role: 'client' | 'worker',
  use: (opened: Opened) => Promise<number>,
  options: Pick<OpenOptions, 'host' | 'queues' | 'capabilities' | 'sole'> = {},
): Promise<number> {
  return withLoaded(context, await loadFor(context), role, use, options);
}

/** An engine for checks that need no stored data: where there is no store yet, none is made. */
export async function withCheckingEngine(context: CommandContext, use: (opened: Opened) => Promise<number>): Promise<number> {
  const loaded = await loadFor(context);
  const stored = loaded.config.store !== 'sqlite' || existsSync(join(loaded.config.dataDir, STORE_FILE));
  return withLoaded(context, stored ? loaded : { ...loaded, config: { ...loaded.config, store: 'in_memory' } }, 'client', use);
}

async function withLoaded(
  context: CommandContext,
  loaded: LoadedConfig,
  role: 'client' | 'worker',
  use: (opened: Opened) => Promise<number>,
  options: Pick<OpenOptions, 'host' | 'queues' | 'capabilities' | 'sole'> = {},
): Promise<number> {
  const { openEngineWith } = await import('../open-engine.ts');
  const { env } = context.io.context;
  // A server logs at info; a command that a person reads speaks up only when something is wrong.
  const asked = context.flags.logLevel !== undefined || (env.LOGISTICS_LOG_LEVEL ?? '') !== '';
  const config = asked || loaded.config.logLevel !== 'info' ? loaded.config : { ...loaded.config, logLevel: 'warn' as const };
  const engine = await openEngineWith(config, {
    role,
    host: 'cli',
    ...options,
    env,
    parent: role === 'client' ? parentOf(env[PARENT_VARIABLE]) : undefined,
    warnings: loaded.warnings.map((warning) => warning.message),
    untrustedFile: loaded.untrusted?.file,
  });
  try {
    return await use({ engine, loaded });
  } finally {
    await engine.stop();
  }
}

export function isSelf(info: ProcessInfo): boolean {
  return info.self || info.pid === process.pid;
}

/** Other processes that run jobs on this store and namespace. */
export function otherWorkers(engine: OrchestrationEngine): number {
  const alive = engine.backend.listProcesses().filter((info) => !isSelf(info) && !info.role.endsWith('(client)'));
  return alive.filter((info) => info.namespace === engine.namespace).length;
}

export const NOBODY_WORKS =
  'No process is running on this store now; the work waits until one is: an MCP host with logistics-mcp, logistics-mcp worker, or logistics-mcp run.';
