// Owns the one configuration of a process: defaults < file < environment < flags, checked whole before anything starts.
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { type ConfigFault, configError } from './config/config-faults.ts';
import { configFileIn, foldersUpwards, isCodeFile, readConfigFile } from './config/config-file.ts';
import { type ConfigFields, type ConfigInput, GUARDED_KEYS } from './config/config-schema.ts';
import { type ConfigFlags, fromEnvironment, fromFlags, unknownVariables } from './config/environment.ts';
import { type FolderContext, userFolders } from './config/folders.ts';
import { absolutePaths, type Config, normalForm } from './config/normal-form.ts';
import { parseSource } from './config/parse-source.ts';
import { isTrusted, type Trust } from './config/trust.ts';
import { namespaceOf, workspaceRoot } from './config/workspace.ts';
import { LogisticsError } from './domain/errors.ts';
import { readSecretFile } from './runtime/secret-file.ts';

export type GuardedKey = (typeof GUARDED_KEYS)[number];

export interface ConfigWarning {
  readonly code: 'untrusted_config' | 'unknown_variable' | 'config_not_used' | 'secrets_file';
  /** The key, variable or file that it is about. */
  readonly key: string;
  readonly message: string;
  readonly nearMatches: readonly string[];
  readonly nextActions: readonly string[];
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that acted, or null. */
  readonly file: string | null;
  /** Keys of a found file that do not act until somebody trusts it. Of a `.mjs` that was not run: all that could be in it. */
  readonly untrusted: { readonly file: string; readonly keys: readonly GuardedKey[]; readonly changed: boolean } | null;
  readonly warnings: readonly ConfigWarning[];
}

export interface ConfigContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly homeDir: string;
  readonly platform?: NodeJS.Platform | undefined;
}

/** Environment and folders of this process: the one place that reads them. */
export function processContext(): ConfigContext {
  return { env: process.env, cwd: process.cwd(), homeDir: homedir() };
}

interface FoundFile {
  readonly path: string;
  /** null = may set everything (--config, the user's config folder). */
  readonly trust: Trust | null;
}

/** Reads all sources. Throws one LogisticsError that lists every fault; what does not act is in `warnings`. */
export async function loadConfig({
  argvFlags,
  platform = process.platform,
  ...rest
}: ConfigContext & { readonly argvFlags: ConfigFlags }): Promise<LoadedConfig> {
  const context = { ...rest, platform };
  const warnings: ConfigWarning[] = unknownVariables(context.env).map(variableWarning);
  const found = await findFile(argvFlags.config, context, warnings);
  const blocked = found?.trust != null && found.trust.state !== 'trusted';
  const notRun = found !== undefined && blocked && isCodeFile(found.path);
  const file = found === undefined || notRun ? parseSource({}, 'none') : parseSource(await readConfigFile(found.path), found.path);
  const environment = fromEnvironment(context.env);
  const flags = fromFlags(argvFlags);
  const fromEnv = parseSource(environment.raw, 'environment', environment.nameOf);
  const fromLine = parseSource(flags.raw, 'command line', flags.nameOf);
  const faults: ConfigFault[] = [...file.faults, ...fromEnv.faults, ...fromLine.faults];
  if (faults.length > 0) throw configError(faults);

  let fields = absolutePaths(file.fields, found === undefined ? context.cwd : dirname(found.path), context.homeDir);
  let untrusted: LoadedConfig['untrusted'] = null;
  if (found?.trust != null) {
    const keys = notRun ? [...GUARDED_KEYS] : await withheldKeys(fields, found.trust);
    fields = Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key as GuardedKey)));
    if (keys.length > 0) {
      untrusted = { file: found.path, keys, changed: found.trust.state !== 'unknown' };
      warnings.push(...trustWarnings(found.path, found.trust, notRun ? null : keys));
    }
  }
  const inCwd = (source: ConfigFields): ConfigFields => absolutePaths(source, context.cwd, context.homeDir);
  const config = complete({ ...fields, ...inCwd(fromEnv.fields), ...inCwd(fromLine.fields) }, context);
  await checkSecretsFile(config, platform, warnings);
  return { config, file: found?.path ?? null, untrusted, warnings };
}

/** The configuration of a program that gives it in code: everything may be set, no file and no variable is read. */
export function configFromCode(input: ConfigInput, { platform = process.platform, ...rest }: ConfigContext): Config {
  const { fields, faults } = parseSource(input, 'code');
  if (faults.length > 0) throw configError(faults);
  return complete(absolutePaths(fields, rest.cwd, rest.homeDir), { ...rest, platform }, 'off');
}

function complete(fields: ConfigFields, context: FolderContext & { readonly cwd: string }, background?: 'off'): Config {
  const root = workspaceRoot(context.cwd);
  return normalForm(fields, { dataDir: userFolders(context).data, namespace: namespaceOf(root), workspaceRoot: root, background });
}

/** The one file that acts: --config, else the nearest upwards, else the one in the user's config folder. */
async function findFile(
  explicit: string | undefined,
  context: FolderContext & { readonly cwd: string },
  warnings: ConfigWarning[],
): Promise<FoundFile | undefined> {
  if (explicit !== undefined) return { path: resolve(context.cwd, explicit), trust: null };
  const own = configFileIn(userFolders(context).config);
  for (const folder of foldersUpwards(context.cwd)) {
    const path = configFileIn(folder);
    if (path === undefined) continue;
    if (own !== undefined && (await realpath(dirname(path))) === (await realpath(dirname(own)))) break;
    if (own !== undefined) warnings.push(notUsed(own, path));
    return { path, trust: await isTrusted(path, context) };
  }
  return own === undefined ? undefined : { path: own, trust: null };
}

/** Guarded keys that the file sets and that nobody has approved. */
async function withheldKeys(fields: ConfigFields, trust: Trust): Promise<GuardedKey[]> {
  const set = GUARDED_KEYS.filter((key) => fields[key] !== undefined);
  if (trust.state !== 'trusted') return set;
  if (fields.handlers === undefined) return [];
  // A file may compute or link its handlers path: trust holds only for the module that was seen.
  const module = await realpath(fields.handlers).catch(() => undefined);
  return module !== undefined && trust.covers.includes(module) ? [] : ['handlers'];
}

async function checkSecretsFile(config: Config, platform: NodeJS.Platform, warnings: ConfigWarning[]): Promise<void> {
  if (config.secretsFile === null) return;
  try {
    await readSecretFile(config.secretsFile, platform);
  } catch (error) {
    if (!(error instanceof LogisticsError)) throw error;
    warnings.push({ code: 'secrets_file', key: 'secretsFile', message: error.message, nearMatches: [], nextActions: error.nextActions });
  }
}

function trustWarnings(file: string, trust: Trust, keys: readonly GuardedKey[] | null): ConfigWarning[] {
  const why = trust.reason ?? 'it was found by looking upwards, and nobody has trusted it yet.';
  const nextActions = [`Review the file, then run: logistics-mcp trust ${JSON.stringify(file)}`, `Or name it yourself: --config ${JSON.stringify(file)}`];
  const warn = (key: string, message: string): ConfigWarning => ({ code: 'untrusted_config', key, message, nearMatches: [], nextActions });
  if (keys === null) return [warn(file, `${file} was not run: ${why}`)];
  return keys.map((key) =>
    warn(key === 'http' ? 'http.allowAddresses' : key, `${key === 'http' ? 'http.allowAddresses' : key} in ${file} does not act: ${why}`),
  );
}

function variableWarning({ name, near }: { readonly name: string; readonly near: readonly string[] }): ConfigWarning {
  return {
    code: 'unknown_variable',
    key: name,
    message: `The environment variable ${name} is not known and does not act.`,
    nearMatches: near,
    nextActions: [near[0] === undefined ? `Unset ${name}.` : `Did you mean ${near[0]}?`],
  };
}

function notUsed(own: string, found: string): ConfigWarning {
  return {
    code: 'config_not_used',
    key: own,
    message: `${own} does not act here, because ${found} is nearer; one config file acts at a time.`,
    nearMatches: [],
    nextActions: [`Name the one you want: --config ${JSON.stringify(own)}`],
  };
}
