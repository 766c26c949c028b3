// Owns the normal form of the configuration: every field filled in, times in ms, paths absolute.
import { isAbsolute, join, resolve } from 'node:path';
import type { PublishedWorkflow } from '../../tools/published.ts';
import type { Hook } from '../domain/hook.ts';
import type { Outlet } from '../domain/outlet.ts';
import type { QueueLimits } from '../domain/queue.ts';
import type { LogLevel } from '../logger.ts';
import type { PoolDefinition } from '../orchestration/resource-manager.ts';
import type { SecretBinding } from '../runtime/secrets.ts';
import { type ConfigFields, type StoreName, TOOLSETS } from './config-schema.ts';
import { DEFAULT_CONCURRENCY, DEFAULT_LIMITS, DEFAULT_RETENTION } from './defaults.ts';
import { hookForms } from './hook-schema.ts';
import { outletForms } from './outlet-schema.ts';
import { type ServeConfig, serveForm } from './serve-schema.ts';

export type McpServerConfig =
  | {
      readonly transport: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string;
    }
  | { readonly transport: 'http'; readonly url: string; readonly headers: Readonly<Record<string, string>> };

export interface ShellConfig {
  readonly root: string;
  readonly allow: readonly { readonly profile: string; readonly argv: readonly string[] }[];
  readonly passEnv: readonly string[];
}

export type Limits = { readonly [K in keyof typeof DEFAULT_LIMITS]: number };

export interface Config {
  readonly dataDir: string;
  readonly store: StoreName;
  readonly durability: 'full' | 'normal';
  readonly namespace: string;
  /** Nearest folder upwards with `.git` or a config file, else the working folder. */
  readonly workspaceRoot: string;
  readonly concurrency: number;
  readonly toolsets: readonly (typeof TOOLSETS)[number][];
  /** Workflows that are tools of their own, by the name of the tool. */
  readonly published: readonly PublishedWorkflow[];
  readonly logLevel: LogLevel;
  /** Page of metrics of a worker or background host, on loopback; null = none. */
  readonly metrics: { readonly port: number } | null;
  readonly background: 'auto' | 'off';
  /** Hashed tokens of the HTTP server; null = tokens.json beside the store, when it is there. */
  readonly tokensFile: string | null;
  readonly serve: ServeConfig;
  readonly workflowsDir: string | null;
  readonly handlers: string | null;
  readonly taskAliases: Readonly<Record<string, string>>;
  readonly mcpServers: Readonly<Record<string, McpServerConfig>>;
  /** null = shell.run is off. */
  readonly shell: ShellConfig | null;
  readonly http: { readonly allowAddresses: readonly string[] };
  readonly secrets: Readonly<Record<string, SecretBinding>>;
  readonly secretsFile: string | null;
  /** Limits of queues by name; null takes one away, an absent one is left as it is. */
  readonly queues: Readonly<Record<string, QueueLimits>>;
  /** Pools of resources by name. */
  readonly pools: Readonly<Record<string, PoolDefinition>>;
  /** Who is told of events: what `webhooks` and `notify` name. */
  readonly outlets: readonly Outlet[];
  /** What other programs may set off over HTTP. */
  readonly hooks: readonly Hook[];
  readonly limits: Limits;
  readonly retention: { readonly days: number; readonly executions: number };
}

export interface NormalFormContext {
  readonly dataDir: string;
  readonly namespace: string;
  readonly workspaceRoot: string;
  /** Default: auto. */
  readonly background?: 'off' | undefined;
}

/** Paths of one source made absolute: relative ones against `base`, `~/` against the home folder. */
export function absolutePaths(fields: ConfigFields, base: string, homeDir: string): ConfigFields {
  const absolute = (path: string): string =>
    path === '~' || /^~[/\\]/.test(path) ? join(homeDir, path.slice(1)) : isAbsolute(path) ? path : resolve(base, path);
  const out: ConfigFields = { ...fields };
  for (const key of ['dataDir', 'workflowsDir', 'handlers', 'secretsFile', 'tokensFile'] as const) {
    const path = fields[key];
    if (path !== undefined) out[key] = absolute(path);
  }
  if (fields.shell?.root !== undefined) out.shell = { ...fields.shell, root: absolute(fields.shell.root) };
  if (fields.notify !== undefined) {
    // As below: only a program that is written as a path belongs to the file.
    const command = (argv: string[] | undefined): string[] | undefined =>
      argv?.map((part, at) => (at === 0 && /^(\.{1,2}|~)[/\\]/.test(part) ? absolute(part) : part));
    out.notify = fields.notify.map((entry) => ({ ...entry, command: command(entry.command) }));
  }
  if (fields.mcpServers !== undefined) {
    out.mcpServers = Object.fromEntries(
      Object.entries(fields.mcpServers).map(([name, server]) => [
        name,
        {
          ...server,
          // A bare program name is looked up in PATH; only one that is written as a path belongs to the file.
          ...(server.command !== undefined && /^(\.{1,2}|~)[/\\]/.test(server.command) ? { command: absolute(server.command) } : {}),
          ...(server.cwd === undefined ? {} : { cwd: absolute(server.cwd) }),
        },
      ]),
    );
  }
  return out;
}

/** Fills in the defaults. `fields` are checked and their paths absolute. */
export function normalForm(fields: ConfigFields, context: NormalFormContext): Config {
  const limits = fields.limits ?? {};
  return {
    dataDir: fields.dataDir ?? context.dataDir,
    store: fields.store ?? 'sqlite',
    durability: fields.durability ?? 'full',
    namespace: fields.namespace ?? context.namespace,
    workspaceRoot: context.workspaceRoot,
    concurrency: fields.concurrency ?? DEFAULT_CONCURRENCY,
    toolsets: TOOLSETS.filter((name) => name === 'default' || fields.toolsets?.includes(name)),
    published: (fields.published ?? []).map(({ workflow, as, description }) => ({ workflow, tool: as ?? workflow, description: description ?? null })),
    logLevel: fields.logLevel ?? 'info',
    metrics: fields.metrics ?? null,
    background: fields.background ?? context.background ?? 'auto',
    tokensFile: fields.tokensFile ?? null,
    serve: serveForm(fields.serve),
    workflowsDir: fields.workflowsDir ?? null,
    handlers: fields.handlers ?? null,
    taskAliases: fields.taskAliases ?? {},
    mcpServers: Object.fromEntries(Object.entries(fields.mcpServers ?? {}).map(([name, server]) => [name, serverForm(server, context.workspaceRoot)])),
    shell:
      fields.shell === undefined
        ? null
        : {
            root: fields.shell.root ?? context.workspaceRoot,
            allow: fields.shell.allow.map(({ profile, argv }) => ({ profile: profile ?? 'default', argv })),
            passEnv: fields.shell.passEnv ?? [],
          },
    http: { allowAddresses: fields.http?.allowAddresses ?? [] },
    secrets: Object.fromEntries(
      Object.entries(fields.secrets ?? {}).map(([name, { from, command, tasks, hosts, servers }]) => [
        name,
        { from: from ?? 'env', ...(command === undefined ? {} : { command }), tasks, hosts: hosts ?? [], servers: servers ?? [] },
      ]),
    ),
    secretsFile: fields.secretsFile ?? null,
    queues: Object.fromEntries(
      Object.entries(fields.queues ?? {}).map(([name, { concurrency, rateLimit, order }]) => [
        name,
        { concurrency, order, rateLimit: rateLimit ? { limit: rateLimit.limit, periodMs: rateLimit.period } : rateLimit },
      ]),
    ),
    pools: Object.fromEntries(Object.entries(fields.pools ?? {}).map(([name, pool]) => [name, pool === 'detect' ? { detect: true } : pool])),
    outlets: outletForms(fields.webhooks ?? [], fields.notify ?? [], context.workspaceRoot),
    hooks: hookForms(fields.hooks ?? [], fields.namespace ?? context.namespace),
    limits: {
      processLeaseMs: limits.processLease ?? DEFAULT_LIMITS.processLeaseMs,
      heartbeatMs: limits.heartbeat ?? DEFAULT_LIMITS.heartbeatMs,
      sweepMs: limits.sweep ?? DEFAULT_LIMITS.sweepMs,
      hostIdleMs: limits.hostIdle ?? DEFAULT_LIMITS.hostIdleMs,
      shutdownGraceMs: limits.shutdownGrace ?? DEFAULT_LIMITS.shutdownGraceMs,
      approvalExpiryMs: limits.approvalExpiry ?? DEFAULT_LIMITS.approvalExpiryMs,
      ageStepMs: limits.ageStep ?? DEFAULT_LIMITS.ageStepMs,
      maxCrashes: limits.maxCrashes ?? DEFAULT_LIMITS.maxCrashes,
      maxAttempts: limits.maxAttempts ?? DEFAULT_LIMITS.maxAttempts,
      sessionParallelTasks: limits.sessionParallelTasks ?? DEFAULT_LIMITS.sessionParallelTasks,
      sessionParallelWorkflows: limits.sessionParallelWorkflows ?? DEFAULT_LIMITS.sessionParallelWorkflows,
      scheduleDepth: limits.scheduleDepth ?? DEFAULT_LIMITS.scheduleDepth,
      claimBatch: limits.claimBatch ?? DEFAULT_LIMITS.claimBatch,
    },
    retention: { days: fields.retention?.days ?? DEFAULT_RETENTION.days, executions: fields.retention?.executions ?? DEFAULT_RETENTION.executions },
  };
}

function serverForm(server: NonNullable<ConfigFields['mcpServers']>[string], workspaceRoot: string): McpServerConfig {
  if (server.url !== undefined) return { transport: 'http', url: server.url, headers: server.headers ?? {} };
  return { transport: 'stdio', command: server.command ?? '', args: server.args ?? [], env: server.env ?? {}, cwd: server.cwd ?? workspaceRoot };
}
