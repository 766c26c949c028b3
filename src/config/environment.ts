// Owns the names under which the environment and the command line set configuration.
import { nearMatches } from '../domain/near-match.ts';
import { PARENT_VARIABLE } from '../runtime/current-work.ts';
import { SECRET_ENV_PREFIX } from '../runtime/secrets.ts';
import type { ConfigKey } from './config-schema.ts';

export const ENV_NAMES = {
  LOGISTICS_DATA_DIR: 'dataDir',
  LOGISTICS_STORE: 'store',
  LOGISTICS_TOOLSETS: 'toolsets',
  LOGISTICS_CONCURRENCY: 'concurrency',
  LOGISTICS_DURABILITY: 'durability',
  LOGISTICS_NAMESPACE: 'namespace',
  LOGISTICS_LOG_LEVEL: 'logLevel',
  LOGISTICS_TOKENS_FILE: 'tokensFile',
  LOGISTICS_BACKGROUND: 'background',
} as const satisfies Record<string, ConfigKey>;

/** Flags by their camelCase names; texts as typed. `config` names the file. */
export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly store?: string | undefined;
  readonly toolsets?: string | undefined;
  readonly concurrency?: string | number | undefined;
  readonly durability?: string | undefined;
  readonly namespace?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly background?: string | undefined;
  readonly tokensFile?: string | undefined;
}

const FLAG_KEYS = [
  'dataDir',
  'store',
  'toolsets',
  'concurrency',
  'durability',
  'namespace',
  'logLevel',
  'background',
  'tokensFile',
] as const satisfies readonly ConfigKey[];

/** Raw configuration of a source, and how each key is called there. */
export interface RawSource {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly nameOf: ReadonlyMap<string, string>;
}

/** What the environment sets; an empty variable counts as not set. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): RawSource {
  const raw: Record<string, unknown> = {};
  const nameOf = new Map<string, string>();
  for (const [variable, key] of Object.entries(ENV_NAMES)) {
    const value = env[variable];
    if (value === undefined || value === '') continue;
    raw[key] = fromText(key, value);
    nameOf.set(key, variable);
  }
  return { raw, nameOf };
}

/** What the command line sets. */
export function fromFlags(flags: ConfigFlags): RawSource {
  const raw: Record<string, unknown> = {};
  const nameOf = new Map<string, string>();
  for (const key of FLAG_KEYS) {
    const value = flags[key];
    if (value === undefined) continue;
    raw[key] = typeof value === 'string' ? fromText(key, value) : value;
    nameOf.set(key, `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  }
  return { raw, nameOf };
}

/** What a program that `worker --exec` runs is told of its job. */
const OF_A_JOB = ['JOB_ID', 'TASK', 'QUEUE', 'ATTEMPT', 'MAX_ATTEMPTS', 'LEASE_TOKEN', 'IDEMPOTENCY_KEY', 'EXECUTION_ID', 'STEP_ID', 'ITEM_INDEX'].map(
  (name) => `LOGISTICS_${name}`,
);

/** Variables that look like ours and are not, each with the known names that are near. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): { readonly name: string; readonly near: readonly string[] }[] {
  const known = Object.keys(ENV_NAMES);
  const told = [...known, PARENT_VARIABLE, ...OF_A_JOB];
  return Object.keys(env)
    .filter((name) => name.startsWith('LOGISTICS_') && !name.startsWith(SECRET_ENV_PREFIX) && !told.includes(name))
    .sort()
    .map((name) => ({ name, near: nearMatches(name, [...known, SECRET_ENV_PREFIX]) }));
}

function fromText(key: ConfigKey, value: string): unknown {
  if (key === 'concurrency') return /^\d{1,9}$/.test(value.trim()) ? Number(value) : value;
  if (key === 'toolsets')
    return value
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
  return value;
}
