// Owns the rules between fields of one source; they look at what was written, so they are reported beside the schema's faults.

import { allToolSpecs } from '../../tools/registry.ts';
import { AddressGuard } from '../actions/address-guard.ts';
import { checkPatterns } from '../actions/shell-allow.ts';
import { parseDuration } from '../domain/duration.ts';
import { LogisticsError } from '../domain/errors.ts';
import { isJsonObject } from '../domain/json.ts';
import { DELIVER_TASK } from '../domain/outlet.ts';
import { type ConfigFault, pathText } from './config-faults.ts';
import { DEFAULT_LIMITS } from './defaults.ts';
import { checkHooks } from './hook-checks.ts';
import { DEFAULT_NOTIFY_NAME, isAddress } from './outlet-schema.ts';

type Raw = Readonly<Record<string, unknown>>;
type Report = (path: readonly PropertyKey[], message: string, expected?: string) => void;

/** Faults of names, of mixed kinds and of limits that contradict each other. */
export function crossFaults(raw: unknown, source: string): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const report: Report = (path, message, expected) => {
    faults.push({ source, path: pathText(path), code: 'invalid_input', message, ...(expected === undefined ? {} : { expected }) });
  };
  protoKeys(raw, [], report);
  if (!isJsonObject(raw)) return faults;
  checkServers(raw, report);
  checkSecrets(raw, report);
  checkAliases(raw, report);
  checkLimits(raw, report);
  checkReach(raw, report);
  checkPublished(raw, report);
  checkOutlets(raw, report);
  checkHooks(raw, report);
  return faults;
}

/** Own keys called __proto__ are refused everywhere: some readers drop them silently. */
function protoKeys(value: unknown, path: readonly PropertyKey[], report: Report): void {
  if (typeof value !== 'object' || value === null || path.length > 10) return;
  for (const key of Object.keys(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    // The top level is a strict map and reports it as an unknown key.
    if (key === '__proto__' && path.length > 0) report(at, 'is not a usable name');
    else protoKeys((value as Raw)[key], at, report);
  }
}

function checkServers(raw: Raw, report: Report): void {
  for (const [name, server] of records(raw.mcpServers)) {
    const at = ['mcpServers', name];
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) report(at, 'is not a usable server name', 'up to 64 letters, digits, dots, dashes or underscores');
    const stdio = server.command !== undefined;
    if (stdio === (server.url !== undefined))
      report(at, 'names neither or both of command and url', 'a command for a stdio server, or a url for an HTTP server');
    else {
      for (const key of stdio ? ['headers'] : ['args', 'env', 'cwd'])
        if (server[key] !== undefined) report([...at, key], `has no meaning beside ${stdio ? 'command' : 'url'}`);
      const type = server.type;
      if (typeof type === 'string' && type !== 'sse' && (type === 'stdio') !== stdio)
        report([...at, 'type'], `does not fit a server with a ${stdio ? 'command' : 'url'}`);
    }
  }
}

function checkSecrets(raw: Raw, report: Report): void {
  for (const [name, secret] of records(raw.secrets)) {
    const at = ['secrets', name];
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name))
      report(at, 'is not a usable secret name', 'up to 64 letters, digits or underscores, as in secrets.GITHUB_TOKEN');
    const from = secret.from ?? 'env';
    if (from === 'command' && secret.command === undefined) report([...at, 'command'], 'is missing', 'the program and its arguments as a list');
    if (from !== 'command' && secret.command !== undefined) report([...at, 'command'], 'acts only with from: command');
    if (from === 'file' && raw.secretsFile === undefined) report([...at, 'from'], 'needs secretsFile in the same configuration');
    const tasks = Array.isArray(secret.tasks) ? (secret.tasks as unknown[]) : [];
    for (const [task, list] of [
      ['http.request', 'hosts'],
      [DELIVER_TASK, 'hosts'],
      ['mcp.call', 'servers'],
    ] as const) {
      const targets = secret[list];
      const some = Array.isArray(targets) && targets.length > 0;
      if (tasks.includes(task) && !some && (targets === undefined || Array.isArray(targets)))
        report([...at, list], `is needed for ${task}`, `the ${list} that the secret may go to`);
    }
  }
}

/** A workflow takes no name that a tool has, whatever sets are switched on later. */
function checkPublished(raw: Raw, report: Report): void {
  const entries = Array.isArray(raw.published) ? (raw.published as unknown[]) : [];
  const taken = new Map(allToolSpecs.map(({ name }) => [name, 'a tool of this server']));
  for (const [index, entry] of entries.entries()) {
    if (!isJsonObject(entry)) continue;
    const name = entry.as ?? entry.workflow;
    if (typeof name !== 'string') continue;
    const at = ['published', index, entry.as === undefined ? 'workflow' : 'as'];
    const by = taken.get(name);
    if (by !== undefined) report(at, `is the name of ${by}`, 'another name, given with as');
    else if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name))
      report(at, 'is not usable as the name of a tool', 'a name of letters, digits, underscores and dashes, given with as');
    taken.set(name, 'another published workflow');
  }
  if (Array.isArray(raw.toolsets) && raw.toolsets.includes('published') && entries.length === 0)
    report(['toolsets'], 'names the set published, but no workflow is published', 'workflows under published');
}

/** Names are the identity of outlets in the store; a notification goes to one place, which is there. */
function checkOutlets(raw: Raw, report: Report): void {
  const webhooks = (Array.isArray(raw.webhooks) ? (raw.webhooks as unknown[]) : []).map((entry) => (isJsonObject(entry) ? entry : {}));
  const notify = (Array.isArray(raw.notify) ? (raw.notify as unknown[]) : []).map((entry) => (isJsonObject(entry) ? entry : {}));
  const taken = new Set<unknown>();
  for (const [key, entries] of [
    ['webhooks', webhooks],
    ['notify', notify],
  ] as const) {
    for (const [index, { name = key === 'notify' ? DEFAULT_NOTIFY_NAME : undefined }] of entries.entries()) {
      if (name !== undefined && taken.has(name)) report([key, index, 'name'], `is the name of another webhook or notification`, 'a name of its own');
      taken.add(name);
    }
  }
  for (const [index, { webhook, command, headers, passEnv }] of notify.entries()) {
    const at = ['notify', index];
    if ((webhook === undefined) === (command === undefined)) report(at, 'names neither or both of webhook and command', 'a webhook, or a command');
    if (typeof webhook === 'string' && !webhooks.some(({ name }) => name === webhook) && !(isAddress(webhook) && URL.canParse(webhook)))
      report([...at, 'webhook'], 'is neither an address nor the name of a webhook of this configuration', 'an http or https address, or a name under webhooks');
    if (command !== undefined && headers !== undefined) report([...at, 'headers'], 'has no meaning beside command');
    if (command === undefined && passEnv !== undefined) report([...at, 'passEnv'], 'acts only with command');
  }
  for (const [index, { url }] of webhooks.entries())
    if (typeof url === 'string' && /^https?:/.test(url) && !URL.canParse(url)) report(['webhooks', index, 'url'], 'is no address');
}

function checkAliases(raw: Raw, report: Report): void {
  if (!isJsonObject(raw.taskAliases)) return;
  for (const name of Object.keys(raw.taskAliases)) {
    if (!/^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+$/.test(name)) report(['taskAliases', name], 'is not a usable alias', 'module.action');
  }
}

function checkLimits(raw: Raw, report: Report): void {
  const limits = isJsonObject(raw.limits) ? raw.limits : {};
  const ms = (value: unknown, fallback: number): number | undefined =>
    value === undefined ? fallback : typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined;
  const lease = ms(limits.processLease, DEFAULT_LIMITS.processLeaseMs);
  const heartbeat = ms(limits.heartbeat, DEFAULT_LIMITS.heartbeatMs);
  // With less than two heartbeats in a lease, one late beat looks like a dead process.
  if (lease !== undefined && heartbeat !== undefined && heartbeat * 2 > lease)
    report(['limits', 'heartbeat'], 'is too long for the lease', 'at most half of limits.processLease');
}

/** The guards that will use these lists are asked themselves, one entry at a time, so that all faults are found. */
function checkReach(raw: Raw, report: Report): void {
  const ask = (path: readonly PropertyKey[], check: () => void): void => {
    try {
      check();
    } catch (error) {
      if (!(error instanceof LogisticsError)) throw error;
      report(path, error.message.replace(/^[\w.]+\[\d+\]:\s*/, '').replace(/\.$/, ''), error.expected);
    }
  };
  for (const [i, entry] of listOf(raw.http, 'allowAddresses').entries()) {
    if (typeof entry === 'string') ask(['http', 'allowAddresses', i], () => new AddressGuard([entry]));
  }
  for (const [i, entry] of listOf(raw.shell, 'allow').entries()) {
    const { profile, argv } = isJsonObject(entry) ? entry : {};
    const usable = Array.isArray(argv) && argv.length > 0 && argv.every((token) => typeof token === 'string' && token !== '');
    if (usable && (profile === undefined || typeof profile === 'string'))
      ask(['shell', 'allow', i], () => checkPatterns([{ profile, argv: argv as string[] }]));
  }
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = isJsonObject(value) ? value[key] : undefined;
  return Array.isArray(list) ? list : [];
}

function records(value: unknown): [string, Raw][] {
  return isJsonObject(value) ? Object.entries(value).filter((entry): entry is [string, Raw & (typeof entry)[1]] => isJsonObject(entry[1])) : [];
}
