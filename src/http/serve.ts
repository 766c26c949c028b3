// Owns the start of the HTTP server: whether a token is needed and where it is, that nobody is let in from outside without one, and the order of start and end.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolsOfSets } from '../../tools/registry.ts';
import type { Config } from '../config/normal-form.ts';
import { LogisticsError } from '../domain/errors.ts';
import { componentLogger, createLogger } from '../logger.ts';
import { Metrics } from '../observe/metrics.ts';
import type { OpenOptions } from '../open-engine.ts';
import { HookRecord } from '../orchestration/hook-status.ts';
import type { OrchestrationEngine } from '../orchestration/orchestration-engine.ts';
import { createRedactor } from '../runtime/redact.ts';
import { isLoopback } from './address-check.ts';
import { Authenticator } from './authenticator.ts';
import { Engines } from './engines.ts';
import { prepareHooks } from './hooks/prepare-hooks.ts';
import { HttpServer } from './http-server.ts';
import { JwtVerifier } from './jwt.ts';
import { TokenFile } from './token-file.ts';

export const SERVE_ROLE = 'serve';
const TOKENS_FILE = 'tokens.json';

export interface ServeOptions {
  readonly config: Config;
  readonly engine: OpenOptions;
  readonly platform: NodeJS.Platform;
  readonly now: () => number;
}

export interface RunningServer {
  readonly url: string;
  readonly engine: OrchestrationEngine;
  /** Whether a token is asked for, why, and where one was put that was made for this server. */
  readonly auth: { readonly needed: boolean; readonly why: string; readonly secretFile: string | null };
  /** Sessions of 2025-era clients that are open. */
  sessions(): number;
  /** One look for sessions that are idle or no longer allowed; a timer does the same. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

/** The tokens file of a configuration: the named one, or the one beside the store. */
export function tokensPath({ tokensFile, dataDir }: Pick<Config, 'tokensFile' | 'dataDir'>): string {
  return tokensFile ?? join(dataDir, TOKENS_FILE);
}

export async function startServer({ config, engine: options, platform, now }: ServeOptions): Promise<RunningServer> {
  const tokens = new TokenFile(tokensPath(config), platform);
  const auth = prepareAuth(config, tokens, now());
  // One log for all engines: what is a secret to one of them is masked in the lines of the others, and of requests, too.
  const redactor = createRedactor();
  const root = options.logger ?? createLogger({ level: config.logLevel, redactor });
  const logger = componentLogger(root, 'http');
  const record = new HookRecord();
  const engines = new Engines(config, { ...options, host: SERVE_ROLE, logger: root, redactor, hookRecord: record });
  const jwt = config.serve.jwt === null ? null : new JwtVerifier(config.serve.jwt, config.namespace, now);
  const authenticator = new Authenticator({ tokens, jwt, required: auth.needed, namespace: config.namespace, now });
  try {
    const engine = await (auth.needed ? engines.working(config.namespace) : engines.local());
    // Others' schedules fire and their jobs run from now on too, not first when they call.
    if (auth.needed && config.store !== 'in_memory')
      for (const namespace of new Set(tokens.list().map((token) => token.namespace)))
        engines.working(namespace).catch((error: unknown) => logger.error({ err: error, namespace }, 'a namespace could not be opened'));
    const hooks = await prepareHooks(config, engines, record, { env: options.env ?? {}, redactor, logger });
    const metrics = await Metrics.open();
    const server = new HttpServer({
      metrics,
      hooks,
      engines: () => engines.ready,
      config: config.serve,
      authenticator,
      engineOf: (principal) => engines.of(principal),
      readiness: () => engine.readiness(),
      tools: toolsOfSets(config.toolsets),
      published: config.published,
      logger,
      now,
      graceMs: config.limits.shutdownGraceMs,
    });
    const url = await server.listen();
    if (tokens.fault !== null) logger.warn({ err: tokens.fault }, 'no token is believed');
    return {
      url,
      engine,
      auth,
      sessions: () => server.sessions,
      tick: () => server.tick(),
      stop: async () => {
        await server.stop();
        await hooks.evaluator.close();
        await engines.stop();
      },
    };
  } catch (error) {
    await engines.stop();
    throw error;
  }
}

function prepareAuth(config: Config, tokens: TokenFile, now: number): RunningServer['auth'] {
  const { serve, tokensFile } = config;
  if (tokensFile !== null && !tokens.exists) {
    throw new LogisticsError('not_found', `The tokens file ${tokensFile} does not exist.`, {
      path: 'tokensFile',
      nextActions: ['Run: logistics-mcp token add <name>', 'Or leave tokensFile out.'],
    });
  }
  if (tokens.fault !== null) throw tokens.fault;
  if (serve.jwt !== null) return { needed: true, why: `tokens of ${serve.jwt.issuer} are asked for`, secretFile: null };
  if (!isLoopback(serve.host) && !hasValid(tokens, now)) {
    throw new LogisticsError('not_allowed', `Without tokens the server does not listen on ${serve.host}: whoever reaches it could run work on this machine.`, {
      path: 'serve.host',
      expected: 'an address of loopback such as 127.0.0.1, or tokens',
      nextActions: ['Run: logistics-mcp token add <name>, and start again.', 'Or configure serve.jwt.', 'Or leave --host out.'],
    });
  }
  if (tokens.exists) return { needed: true, why: `${tokens.path} is there`, secretFile: minted(config, tokens) };
  const reasons = whatIsAtStake(config);
  if (reasons.length === 0) return { needed: false, why: 'only programs of this machine can connect', secretFile: null };
  return { needed: true, why: `${reasons.join(', ')} configured`, secretFile: mint(config, tokens, now) };
}

/** A page or a program of another user must not run commands here just because it can connect. */
function whatIsAtStake({ shell, mcpServers, handlers, secrets, hooks }: Config): string[] {
  const set = {
    shell: shell !== null,
    mcpServers: Object.keys(mcpServers).length > 0,
    handlers: handlers !== null,
    secrets: Object.keys(secrets).length > 0,
    // The server of a hook is reached from outside, by a tunnel or a proxy.
    hooks: hooks.length > 0,
  };
  return Object.entries(set).flatMap(([name, is]) => (is ? [name] : []));
}

function hasValid(tokens: TokenFile, now: number): boolean {
  return tokens.list().some(({ expires_at }) => expires_at === null || Date.parse(expires_at) > now);
}

function secretPath({ dataDir, namespace }: Config): string {
  return join(dataDir, `serve-${namespace}.token`);
}

function mintedName({ namespace }: Config): string {
  return `serve-${namespace}`.slice(0, 100);
}

/** Makes the token that a server starts with when nobody has made one; its secret is put where only the owner can read it. */
function mint(config: Config, tokens: TokenFile, now: number): string {
  const path = secretPath(config);
  const { secret } = tokens.add({ name: mintedName(config), scopes: ['read', 'write', 'worker'], namespace: config.namespace, expires_at: null }, now);
  // Made anew: an old file keeps the mode that it has.
  rmSync(path, { force: true });
  writeFileSync(path, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  return path;
}

/** Where the secret of an earlier start lies, if it still counts. */
function minted(config: Config, tokens: TokenFile): string | null {
  const path = secretPath(config);
  if (!existsSync(path) || (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)) return null;
  return tokens.find(readFileSync(path, 'utf8').trim())?.name === mintedName(config) ? path : null;
}
