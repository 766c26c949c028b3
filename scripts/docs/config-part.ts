// Owns the chapter on configuration: every key with its default from the normal form; a key without a meaning here does not compile.
import { CONFIG_KEYS, ConfigInput, type ConfigKey, GUARDED_KEYS, LimitsInput } from '../../src/config/config-schema.ts';
import { ENV_NAMES } from '../../src/config/environment.ts';
import { normalForm } from '../../src/config/normal-form.ts';
import { code, fenced, table } from './markdown.ts';

const MEANING: Readonly<Record<ConfigKey, string>> = {
  dataDir: "Folder of the store. Default: the user's data folder of this platform, then `logistics-mcp`.",
  store: '`sqlite` or `in_memory`. `redis` is refused: not built yet.',
  durability: '`full`: on disk before an id is told. `normal`: survives a killed process, not a power cut.',
  namespace: 'Which work belongs together. Default: one per workspace (nearest folder upwards with `.git` or a config file).',
  concurrency: 'Jobs that this process runs at once, 1–1000.',
  toolsets: 'Only `default`; further sets are refused: not built yet.',
  logLevel: 'On standard error.',
  background: 'Only `off`; `auto` is refused: the background host is not built yet.',
  tokensFile: 'Refused: belongs to the HTTP server, which is not built yet.',
  workflowsDir: 'Folder of workflow files, stored as versions when they change.',
  handlers: 'Module with task types of your own (`.mjs`, `.js`, `.ts`, `.mts`).',
  taskAliases: 'Further names of task types: `{"module.action": "task.type"}`.',
  mcpServers: 'Servers that `mcp.call` may use, as every MCP host writes them: `command`, `args`, `env`, `cwd`, or `url`, `headers`.',
  shell: '`shell.run`: `allow` (list of `{argv, profile?}`), `root`, `passEnv`. Without it shell.run is off.',
  http: '`http.request`: `allowAddresses`, private hosts or ranges that may be reached after all.',
  secrets: 'By name: `from` (`env`, `file`, `command`), `tasks`, `hosts`, `servers` they may go to.',
  secretsFile: 'YAML or JSON file, mode 0600, that holds values.',
  limits: 'See below.',
  retention: '`{days, executions}`: finished work older than that, or beyond that many, is removed.',
};

const LIMIT_MEANING: Readonly<Record<keyof typeof LimitsInput.shape, string>> = {
  processLease: 'A process silent for this long is taken for dead.',
  heartbeat: 'How often a process says that it lives.',
  sweep: 'How often dead processes are looked for.',
  shutdownGrace: 'Time for running jobs when the process stops.',
  approvalExpiry: 'A wait.approval without a timeout fails after this long.',
  ageStep: 'Waiting time worth one point of priority; 0 = strict priority.',
  maxCrashes: 'A job whose process died more often than this while it ran fails as crash_loop.',
  maxAttempts: 'Attempts of a job or step that names no retry policy.',
  sessionParallelTasks: 'Jobs of a session at once, when it names no limit.',
  sessionParallelWorkflows: 'Executions of a session at once, when it names no limit.',
  claimBatch: 'Jobs taken in one claim.',
};

export function configPart(): string {
  const config = normalForm(ConfigInput.parse({}), { dataDir: '', namespace: '', workspaceRoot: '' });
  const variableOf = new Map<string, string>(Object.entries(ENV_NAMES).map(([variable, key]) => [key, variable]));
  const defaultOf = (key: ConfigKey): string => {
    if (key === 'dataDir' || key === 'namespace' || key === 'limits' || key === 'tokensFile') return '';
    const value = config[key];
    return value === null ? 'none' : code(JSON.stringify(value));
  };
  const rows = CONFIG_KEYS.map((key) => [
    code(key),
    defaultOf(key),
    variableOf.has(key) ? code(variableOf.get(key) as string) : '',
    (GUARDED_KEYS as readonly string[]).includes(key) ? 'yes' : '',
    MEANING[key],
  ]);
  const limits = (Object.keys(LimitsInput.shape) as (keyof typeof LimitsInput.shape)[]).map((key) => {
    const value = (config.limits as Readonly<Record<string, number>>)[key] ?? (config.limits as Readonly<Record<string, number>>)[`${key}Ms`];
    if (value === undefined) throw new Error(`no default for limits.${key}`);
    return [code(`limits.${key}`), `${value}${key in config.limits ? '' : ' ms'}`, LIMIT_MEANING[key]];
  });
  return [
    '## Configuration',
    'One file `logistics.config.yaml`, `.json` or `.mjs`: named with `--config`, else the nearest upwards from the working folder, else the one in your config folder. The environment overrides the file, flags override both. Unknown keys are refused with the nearest known one.',
    'Guarded keys run something or widen what may be reached. From a file that was merely found they do not act until you run `logistics-mcp trust <file>`; from a file named with `--config` they do.',
    table(['key', 'default', 'environment', 'guarded', 'meaning'], rows),
    table(['limit', 'default', 'meaning'], limits),
    'Secrets come from `LOGISTICS_SECRET_<NAME>` too. An example:',
    fenced('yaml', EXAMPLE),
  ].join('\n\n');
}

export const EXAMPLE = `concurrency: 8
workflowsDir: ./workflows
shell:
  root: .
  allow:
    - argv: [git, log, "--format=*"]
mcpServers:
  github: {command: npx, args: [-y, "@modelcontextprotocol/server-github"]}
secrets:
  API_TOKEN: {from: env, tasks: [http.request], hosts: [api.example.org]}
limits: {maxAttempts: 5, shutdownGrace: 20s}
`;
