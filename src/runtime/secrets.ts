// Owns who may have a secret: a value leaves only for a task type, and a host or server, that its binding names.
import { LogisticsError } from '../domain/errors.ts';
import { nearMatches } from '../domain/near-match.ts';
import { DELIVER_TASK } from '../domain/outlet.ts';
import type { Redactor } from './redact.ts';
import { runSecretCommand } from './secret-command.ts';
import { readSecretFile } from './secret-file.ts';

export const SECRET_ENV_PREFIX = 'LOGISTICS_SECRET_';

/** Where one secret comes from and where it may go. Hosts are exact names (with a port: that port only) or `*.example.org`. */
export interface SecretBinding {
  readonly from: 'env' | 'file' | 'command';
  /** Program and arguments, when `from` is `command`. */
  readonly command?: readonly string[] | undefined;
  readonly tasks: readonly string[];
  readonly hosts: readonly string[];
  readonly servers: readonly string[];
}

export interface SecretSources {
  readonly secrets: Readonly<Record<string, SecretBinding>>;
  readonly secretsFile: string | null;
}

/** What wants a secret: its task type, and the names of the one host or server that its input reaches. */
export interface SecretUse {
  readonly task: string;
  readonly targets: readonly string[];
}

export type RunCommand = (argv: readonly string[], env: Readonly<Record<string, string | undefined>>) => Promise<string>;

export interface SecretStore {
  /** Names that are configured or present in the environment, sorted. */
  names(): readonly string[];
  /** The value; throws not_found, not_allowed, command_failed or timeout. No error ever holds a value. */
  resolve(name: string, use: SecretUse): Promise<string>;
}

export interface SecretStoreOptions {
  readonly redactor?: Redactor | undefined;
  readonly runCommand?: RunCommand | undefined;
  readonly platform?: NodeJS.Platform | undefined;
}

/** A store over the configured sources; every value that it reads is registered with the redactor before it is given out. */
export function createSecretStore(sources: SecretSources, env: Readonly<Record<string, string | undefined>>, options: SecretStoreOptions = {}): SecretStore {
  const { redactor, runCommand = runSecretCommand, platform = process.platform } = options;
  const commandResults = new Map<string, Promise<string>>();
  const inEnv = new Map<string, string>();
  for (const [key, value] of Object.entries(env)) {
    if (!key.startsWith(SECRET_ENV_PREFIX) || value === undefined || value === '') continue;
    inEnv.set(key.slice(SECRET_ENV_PREFIX.length), value);
    redactor?.add(key.slice(SECRET_ENV_PREFIX.length), value);
  }
  const names = (): string[] => [...new Set([...Object.keys(sources.secrets), ...inEnv.keys()])].sort();

  const fromCommand = (name: string, argv: readonly string[]): Promise<string> => {
    const known = commandResults.get(name);
    if (known !== undefined) return known;
    const childEnv = Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith(SECRET_ENV_PREFIX)));
    const result = runCommand(argv, childEnv).then((output) => output.trim());
    commandResults.set(name, result);
    // A failure is not remembered: the password manager may be unlocked by the next attempt.
    result.catch(() => commandResults.delete(name));
    return result;
  };

  const read = async (name: string, binding: SecretBinding): Promise<string | undefined> => {
    if (binding.from === 'env') return inEnv.get(name);
    if (binding.from === 'command') return fromCommand(name, binding.command ?? []);
    if (sources.secretsFile === null) return undefined;
    const values = await readSecretFile(sources.secretsFile, platform);
    for (const [key, value] of values) redactor?.add(key, value);
    return values.get(name);
  };

  return {
    names,
    async resolve(name, use): Promise<string> {
      const binding = Object.hasOwn(sources.secrets, name) ? sources.secrets[name] : undefined;
      if (binding === undefined) throw inEnv.has(name) ? notBound(name, use) : notFound(name, names());
      assertAllowed(name, binding, use);
      const value = await read(name, binding);
      if (value === undefined || value === '') throw noValue(name, binding, sources.secretsFile);
      redactor?.add(name, value);
      return value;
    },
  };
}

/** True when the host is the pattern, or lies under `*.example.org`. Case and a final dot do not matter. */
export function hostMatches(pattern: string, host: string): boolean {
  const wanted = pattern.toLowerCase().replace(/\.$/, '');
  const actual = host.toLowerCase().replace(/\.$/, '');
  return wanted.startsWith('*.') ? actual.length > wanted.length - 1 && actual.endsWith(wanted.slice(1)) : actual === wanted;
}

function assertAllowed(name: string, binding: SecretBinding, use: SecretUse): void {
  if (!binding.tasks.includes(use.task)) {
    throw refuse(
      name,
      `may not be used by ${use.task}`,
      `Add ${use.task} to secrets.${name}.tasks in a trusted config file.`,
      binding,
      `secrets.${name}.tasks`,
    );
  }
  const kind = use.task === 'http.request' || use.task === DELIVER_TASK ? 'hosts' : use.task === 'mcp.call' ? 'servers' : undefined;
  if (kind !== undefined && use.targets.length === 0) {
    throw refuse(
      name,
      `may go to named ${kind} only, and this input names none`,
      `Name the ${kind.slice(0, -1)} in the input.`,
      binding,
      `secrets.${name}.${kind}`,
    );
  }
  if (use.targets.length === 0) return;
  // The targets are names of one place (host, host:port), so one that is bound is enough.
  const bound = use.targets.some(
    (target) => (kind !== 'servers' && binding.hosts.some((pattern) => hostMatches(pattern, target))) || (kind !== 'hosts' && binding.servers.includes(target)),
  );
  if (bound) return;
  const target = use.targets[0] as string;
  const list = kind ?? 'hosts';
  throw refuse(name, `may not go to ${target}`, `Add ${target} to secrets.${name}.${list} in a trusted config file.`, binding, `secrets.${name}.${list}`);
}

function refuse(name: string, why: string, nextAction: string, binding: SecretBinding, path: string): LogisticsError {
  return new LogisticsError('not_allowed', `The secret ${name} ${why}.`, {
    path,
    nextActions: [nextAction],
    details: { secret: name, tasks: binding.tasks, hosts: binding.hosts, servers: binding.servers },
  });
}

function notBound(name: string, use: SecretUse): LogisticsError {
  const target =
    use.task === 'http.request' || use.task === DELIVER_TASK
      ? `, hosts: [${use.targets[0] ?? 'api.example.org'}]`
      : use.task === 'mcp.call'
        ? `, servers: [${use.targets[0] ?? 'name'}]`
        : '';
  return new LogisticsError('not_allowed', `The secret ${name} has a value, but the config does not say where it may go.`, {
    path: `secrets.${name}`,
    expected: 'a binding to task types and hosts or servers',
    nextActions: [`Add to a trusted config file: secrets: {${name}: {from: env, tasks: [${use.task}]${target}}}`],
  });
}

function notFound(name: string, known: readonly string[]): LogisticsError {
  return new LogisticsError('not_found', `There is no secret ${name}.`, {
    path: `secrets.${name}`,
    expected: known.length === 0 ? 'a configured secret; none is configured' : `one of ${known.slice(0, 20).join(', ')}`,
    nearMatches: nearMatches(name, known),
    nextActions: ['Name it under secrets in a trusted config file.'],
  });
}

function noValue(name: string, binding: SecretBinding, file: string | null): LogisticsError {
  const place = {
    env: `the environment variable ${SECRET_ENV_PREFIX}${name}`,
    file: `the secrets file ${file ?? '(secretsFile is not set)'}`,
    command: 'the output of its command',
  };
  return new LogisticsError('not_found', `The secret ${name} is configured, but ${place[binding.from]} holds no value for it.`, {
    path: `secrets.${name}`,
    nextActions: [`Put the value of ${name} there, or change secrets.${name}.from.`],
  });
}
