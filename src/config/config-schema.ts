// Owns which configuration keys exist, and the shape of each as users write it; unknown keys are refused at every level.
import { z } from 'zod';
import type { LogisticsError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';
import { MAX_QUEUE_CONCURRENCY } from '../domain/queue.ts';
import { QUEUE_ORDERS } from '../domain/queue-order.ts';
import { MAX_RATE_LIMIT } from '../domain/rate-limit.ts';
import { PoolInput, PoolName } from '../domain/resource.ts';
import { LOG_LEVELS } from '../logger.ts';
import { isRedisUrl, parseRedisAddress, type RedisUrl } from '../store/redis-address.ts';
import { choice, type IssueParams } from './choice.ts';
import { HooksInput } from './hook-schema.ts';
import { NotifyInput, WebhooksInput } from './outlet-schema.ts';
import { duration, Path, text } from './schema-parts.ts';
import { ServeInput } from './serve-schema.ts';

const STORES = ['sqlite', 'in_memory'] as const;
export type StoreName = (typeof STORES)[number] | RedisUrl;

/** The value is not repeated in a fault: an address may hold a password. */
const Store = z.string().superRefine((value, context) => {
  if (isRedisUrl(value)) {
    try {
      parseRedisAddress(value);
    } catch (error) {
      const { message, expected } = error as LogisticsError;
      context.addIssue({ code: 'custom', message, params: { ...(expected === undefined ? {} : { expected }) } satisfies IssueParams });
    }
  } else if (!(STORES as readonly string[]).includes(value)) {
    const params: IssueParams = {
      expected: `${STORES.join(', ')} or redis://host:port`,
      nearMatches: nearMatches(value, [...STORES, 'redis://localhost:6379']),
    };
    context.addIssue({ code: 'custom', message: 'is not one of the known values', params: { ...params } });
  }
}) as unknown as z.ZodType<StoreName>;
/** Sets of tools; default is always there. */
export const TOOLSETS = ['default', 'workers', 'planning', 'projects', 'resources', 'compat', 'published'] as const;

/** Keys that execute something or widen what may be reached: they act only from a trusted file. */
export const GUARDED_KEYS = [
  'mcpServers',
  'handlers',
  'shell',
  'http',
  'secrets',
  'secretsFile',
  'serve',
  'tokensFile',
  'metrics',
  'webhooks',
  'notify',
  'hooks',
] as const;

const PlainText = text(/^[^\0]{0,65536}$/, 'a text without NUL characters');
const Argv = z
  .array(text(/^[^\0]{1,65536}$/, 'a text that is not empty'))
  .min(1)
  .max(1_000);
const HeaderText = text(/^[\t\x20-\x7e\x80-\xff]{0,16384}$/, 'a header value on one line');
const TaskName = text(/^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*$/, 'a task type such as http.request');

/** One server as every MCP host writes it: a command, or a url. Which of the two it is, is checked beside the schema. */
const McpServer = z.strictObject({
  type: choice(['stdio', 'http', 'streamable-http', 'streamableHttp'], (value) =>
    value === 'sse' ? 'Servers of the old HTTP+SSE transport are not supported; use type http or a command.' : undefined,
  ).optional(),
  command: text(/^[^\0]{1,4096}$/, 'a program').optional(),
  args: z.array(PlainText).max(1_000).optional(),
  env: z.record(z.string(), PlainText).optional(),
  cwd: Path.optional(),
  url: text(/^https?:\/\/[^\s/]/, 'an http or https address').optional(),
  headers: z.record(z.string(), HeaderText).optional(),
});

const Secret = z.strictObject({
  from: choice(['env', 'file', 'command']).optional(),
  command: Argv.optional(),
  tasks: z.array(TaskName).min(1),
  hosts: z
    .array(
      text(
        /^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:\d{1,5})?$|^\[[0-9a-fA-F:.]+\](:\d{1,5})?$/,
        'a host such as api.example.org, *.example.org or localhost:8080',
      ),
    )
    .optional(),
  servers: z.array(z.string().min(1)).optional(),
});

export const LimitsInput = z.strictObject({
  processLease: duration(1_000).optional(),
  heartbeat: duration(100).optional(),
  sweep: duration(100).optional(),
  shutdownGrace: duration(0).optional(),
  hostIdle: duration(0).optional(),
  approvalExpiry: duration(1_000).optional(),
  /** Waiting time that is worth one point of priority; 0 = strict priority. */
  ageStep: duration(0).optional(),
  maxCrashes: z.int().min(1).max(1_000).optional(),
  maxAttempts: z.int().min(1).max(1_000).optional(),
  sessionParallelTasks: z.int().min(1).max(1_000).optional(),
  sessionParallelWorkflows: z.int().min(1).max(1_000).optional(),
  /** Most schedules above one that running work makes. */
  scheduleDepth: z.int().min(0).max(50).optional(),
  claimBatch: z.int().min(1).max(1_000).optional(),
});

/** The configuration as written in a file or in code; every key is optional. */
export const ConfigInput = z.strictObject({
  dataDir: Path.optional(),
  store: Store.optional(),
  durability: choice(['full', 'normal']).optional(),
  namespace: text(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'up to 100 letters, digits, dots, dashes or underscores').optional(),
  concurrency: z.int().min(1).max(1_000).optional(),
  toolsets: z.array(choice(TOOLSETS)).max(20).optional(),
  published: z
    .array(
      z.strictObject({
        workflow: text(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'the name of a workflow'),
        as: text(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'a tool name: a letter, then up to 63 letters, digits, underscores or dashes').optional(),
        description: text(/^[^\0]{1,2000}$/, 'a text of up to 2000 characters').optional(),
      }),
    )
    .max(100)
    .optional(),
  logLevel: choice(LOG_LEVELS).optional(),
  metrics: z.strictObject({ port: z.int().min(0).max(65_535) }).optional(),
  background: choice(['auto', 'off']).optional(),
  tokensFile: Path.optional(),
  serve: ServeInput.optional(),
  workflowsDir: Path.optional(),
  handlers: Path.optional(),
  taskAliases: z.record(z.string(), TaskName).optional(),
  mcpServers: z.record(z.string(), McpServer).optional(),
  shell: z
    .strictObject({
      root: Path.optional(),
      allow: z.array(z.strictObject({ profile: z.string().optional(), argv: Argv })).max(1_000),
      passEnv: z.array(text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable')).optional(),
    })
    .optional(),
  http: z.strictObject({ allowAddresses: z.array(PlainText).max(1_000).optional() }).optional(),
  secrets: z.record(z.string(), Secret).optional(),
  secretsFile: Path.optional(),
  queues: z
    .record(
      text(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$/, 'the name of a queue'),
      z.strictObject({
        concurrency: z.int().min(1).max(MAX_QUEUE_CONCURRENCY).nullable().optional(),
        rateLimit: z
          .strictObject({ limit: z.int().min(1).max(MAX_RATE_LIMIT), period: duration(1) })
          .nullable()
          .optional(),
        order: z.enum(QUEUE_ORDERS).optional(),
      }),
    )
    .optional(),
  pools: z.record(PoolName, z.union([z.literal('detect'), PoolInput])).optional(),
  webhooks: WebhooksInput.optional(),
  notify: NotifyInput.optional(),
  hooks: HooksInput.optional(),
  limits: LimitsInput.optional(),
  retention: z.strictObject({ days: z.number().positive().max(36_500).optional(), executions: z.int().min(1).max(100_000_000).optional() }).optional(),
});
/** What users write (durations in any written form). */
export type ConfigInput = z.input<typeof ConfigInput>;
/** The same, checked: durations in ms, nothing filled in. */
export type ConfigFields = z.output<typeof ConfigInput>;
export type ConfigKey = keyof ConfigFields;

export const CONFIG_KEYS = Object.keys(ConfigInput.shape) as ConfigKey[];
