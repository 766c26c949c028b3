// Owns the shape of one entry of `mcpServers`, the one that MCP hosts use.
import { z } from 'zod';
import { LogisticsError } from '../domain/errors.ts';

const LocalServer = z.strictObject({
  type: z.literal('stdio').optional(),
  command: z.string().min(1).describe('Program to start.'),
  args: z.array(z.string()).optional().describe('Its arguments.'),
  env: z.record(z.string(), z.string()).optional().describe('Variables added to a small default environment.'),
  cwd: z.string().optional().describe('Its working folder.'),
});

const RemoteServer = z.strictObject({
  type: z.enum(['http', 'streamable-http']).optional(),
  url: z.url({ protocol: /^https?$/ }).describe('Streamable HTTP endpoint.'),
  headers: z.record(z.string(), z.string()).optional().describe('Sent with each request; may hold secrets and is never logged.'),
});

/** A local server (stdio) or a remote one (Streamable HTTP). */
export const McpServerConfig = z.union([LocalServer, RemoteServer]);
export type McpServerConfig = z.infer<typeof McpServerConfig>;

const MIN_SECRET_LENGTH = 6;

/** The text without the values of the server's env and headers, which a server may echo in its complaints. */
export function hideSecrets(config: McpServerConfig, text: string): string {
  const values = Object.values(('url' in config ? config.headers : config.env) ?? {});
  // A header such as "Bearer abc" is echoed with or without its scheme.
  const secrets = values.flatMap((value) => [value, ...value.split(' ').slice(1)]).filter((value) => value.length >= MIN_SECRET_LENGTH);
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '[redacted]'), text);
}

/** Throws `invalid_input` for an entry of the wrong shape and `not_available` for a transport that is not supported. */
export function checkMcpServer(name: string, config: unknown): McpServerConfig {
  const path = `mcpServers.${name}`;
  const type = (config as { type?: unknown } | null)?.type;
  if (type === 'sse') {
    throw new LogisticsError('not_available', `${path}: the old HTTP+SSE transport is not supported.`, {
      path: `${path}.type`,
      expected: 'stdio, http or streamable-http',
    });
  }
  const parsed = McpServerConfig.safeParse(config);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap((issue) => (issue.code === 'invalid_union' ? (issue.errors[isRemote(config) ? 1 : 0] ?? []) : [issue]));
  const issue = issues[0];
  throw new LogisticsError('invalid_input', `${path} is not the description of an MCP server: ${issue?.message ?? 'unknown shape'}`, {
    path: [path, ...(issue?.path ?? [])].join('.'),
    expected: '{command, args?, env?, cwd?} or {url, headers?, type?}',
  });
}

function isRemote(config: unknown): boolean {
  return typeof config === 'object' && config !== null && 'url' in config;
}
