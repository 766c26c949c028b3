// Owns the chapter on configuration: every key with its default from the normal form; a key without a meaning here does not compile.
import { CONFIG_KEYS, ConfigInput, type ConfigKey, GUARDED_KEYS, LimitsInput } from '../../src/config/config-schema.ts';
import { ENV_NAMES } from '../../src/config/environment.ts';
import { normalForm } from '../../src/config/normal-form.ts';
import { ServeInput, serveForm } from '../../src/config/serve-schema.ts';
import { code, fenced, table } from '../../tools/reference/markdown.ts';

const MEANING: Readonly<Record<ConfigKey, string>> = {
  dataDir: "Folder of the store. Default: the user's data folder of this platform, then `logistics-mcp`.",
  store: '`sqlite`, `in_memory`, or `redis://[user:password@]host[:port][/db][?prefix=name]` (`rediss://` for TLS): a log that any number of machines share.',
  durability: '`full`: on disk before an id is told. `normal`: survives a killed process, not a power cut.',
  namespace: 'Which work belongs together. Default: one per workspace (nearest folder upwards with `.git` or a config file).',
  concurrency: 'Jobs that this process runs at once, 1–1000.',
  toolsets:
    'Sets of tools beside `default`, which is always there: `workers` adds claim_job and report_job, `planning` adds simulate_schedule and plan_workflow, `resources` define_pool, allocate_resources and release_resources, `projects` create_project and manage_project, `compat` names of codomyrmex, `published` the workflows listed under `published` (the list alone does so too).',
  published:
    'Stored workflows that are tools of their own: a list of `{workflow, as?, description?}`. The tool takes the input of the workflow by its schema, and `wait_ms`, `idempotency_key`; clients are told when the list changes.',
  logLevel: 'On standard error.',
  metrics:
    '`{port}`: page of [metrics](#metrics) of a `worker` or background host, on 127.0.0.1; 0 for any free port. Each process needs a port of its own; a background host goes on without when it is taken. `serve` has them on its own port.',
  background: '`auto`: where work is left, an MCP server starts a background host that goes on with it when the client exits. `off`: none is started.',
  tokensFile: 'Hashed tokens of `serve`, mode 0600; made by `logistics-mcp token add`. Default: `tokens.json` beside the store, when it is there.',
  serve: 'The HTTP server; see below.',
  workflowsDir: 'Folder of workflow files, stored as versions when they change.',
  handlers: 'Module with task types of your own (`.mjs`, `.js`, `.ts`, `.mts`).',
  taskAliases: 'Further names of task types: `{"module.action": "task.type"}`.',
  mcpServers: 'Servers that `mcp.call` may use, as every MCP host writes them: `command`, `args`, `env`, `cwd`, or `url`, `headers`.',
  shell: '`shell.run`: `allow` (list of `{argv, profile?}`), `root`, `passEnv`. Without it shell.run is off.',
  http: '`http.request`: `allowAddresses`, private hosts or ranges that may be reached after all.',
  secrets: 'By name: `from` (`env`, `file`, `command`), `tasks`, `hosts`, `servers` they may go to.',
  secretsFile: 'YAML or JSON file, mode 0600, that holds values.',
  queues:
    'Limits by queue: `{mail: {concurrency: 2, rateLimit: {limit: 100, period: 1m}}}`. Set when a process that runs jobs starts; null takes a limit away. `order`: `fifo` (default, by priority and age), `sjf`, `edf`, `wspt` or `fair`.',
  pools:
    'Pools of resources by name, as define_pool takes them: `{gpu: {type: gpu, capacity: 2}, llm: {type: api_quota, capacity: {requests: 60, tokens: 90000}, refill: 1m}, host: detect}`; `detect` is cores and memory of this machine. Written when a process that runs jobs starts; one that is taken out of the file stays until it is deleted.',
  webhooks:
    'Who is told of events: a list of `{name, url, events, secret?, filter?, headers?, retry?, timeout?}`. `events` are types of the log or `*`, `filter` is `{workflow?, queue?, schedule?}`. Each event is a POST, signed as Standard Webhooks has it when `secret` names one.',
  notify:
    'Who tells a person: a list of `{name?, on?, webhook | command, passEnv?, filter?, headers?, retry?, timeout?}`. `on` is by default approval_requested, schedule_missed, budget_exceeded; `webhook` is an address or the name of one, and gets `{text, event}`; `command` is a program with arguments, which gets the same on standard input and `LOGISTICS_TEXT`.',
  hooks:
    'What other programs may set off with `POST /hooks/{name}` of `serve`: a list of `{name, secret, signature, start | signal, when?, deliveryId?, idempotency?, namespace?, maxBody?}`. `secret` names a secret bound to `hook.verify`, or several while one is changed; `signature` is `standard_webhooks`, `github` or `{header, encoding?, prefix?}` (HMAC-SHA256 of the body, `hex` by default); `start` is `{workflow, input?}`, `signal` `{execution | workflow and key, name, payload?}`. Texts may hold expressions over `body`, `headers` and `delivery.id`.',
  limits: 'See below.',
  retention: '`{days, executions}`: finished work older than that, or beyond that many, is removed.',
};

const LIMIT_MEANING: Readonly<Record<keyof typeof LimitsInput.shape, string>> = {
  processLease: 'A process silent for this long is taken for dead.',
  heartbeat: 'How often a process says that it lives.',
  sweep: 'How often dead processes are looked for.',
  hostIdle: 'The background host stops this long after nothing is left to do.',
  shutdownGrace: 'Time for running jobs when the process stops.',
  approvalExpiry: 'A wait.approval without a timeout fails after this long.',
  ageStep: 'Waiting time worth one point of priority; 0 = strict priority.',
  maxCrashes: 'A job whose process died more often than this while it ran fails as crash_loop.',
  maxAttempts: 'Attempts of a job or step that names no retry policy.',
  sessionParallelTasks: 'Jobs of a session at once, when it names no limit.',
  sessionParallelWorkflows: 'Executions of a session at once, when it names no limit.',
  scheduleDepth: 'How many schedules may stand above one that running work makes; 0 = scheduled work makes none.',
  claimBatch: 'Jobs taken in one claim.',
};

const SERVE_MEANING: Readonly<Record<keyof typeof ServeInput.shape, string>> = {
  host: 'Address to listen on. Others than loopback need tokens or `serve.jwt`.',
  port: 'Port to listen on; 0 for any free one.',
  publicUrl: 'Address of `/mcp` as clients see it, behind a proxy.',
  allowedHosts: 'Host names that requests may be for, beside loopback and the address listened on.',
  allowedOrigins: 'Origins whose pages may call and read answers.',
  jwt: '`{issuer, audience, jwksUrl?, namespaceClaim?}`: believe tokens of this issuer. Without `namespaceClaim` they work in the namespace of the server.',
  maxBody: 'Bytes of a request.',
  maxResult:
    'Bytes of a reply of a tool or a resource; a longer one is refused with how to read it in pieces. The content of artifacts is sent piece by piece and not limited.',
  rateLimit: '`{limit, period}`: requests of one token; null takes it away.',
  maxConcurrent: 'Requests of one token at once.',
  maxStreams: 'Event streams of one token at once.',
  maxSessions: 'Sessions of 2025-era clients; one principal may hold half of them.',
  maxConnections: 'Open connections.',
  sessionIdle: 'A session without a request for this long ends.',
  requestTimeout: 'Time for a request to arrive whole.',
};

export function configPart(): string {
  const config = normalForm(ConfigInput.parse({}), { dataDir: '', namespace: '', workspaceRoot: '' });
  const variableOf = new Map<string, string>(Object.entries(ENV_NAMES).map(([variable, key]) => [key, variable]));
  const defaultOf = (key: ConfigKey): string => {
    if (key === 'dataDir' || key === 'namespace' || key === 'limits' || key === 'serve') return '';
    if (key === 'webhooks' || key === 'notify' || key === 'hooks') return 'none';
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
    table(['HTTP server', 'default', 'meaning'], serveRows()),
    'Secrets come from `LOGISTICS_SECRET_<NAME>` too. An example:',
    fenced('yaml', EXAMPLE),
  ].join('\n\n');
}

function serveRows(): string[][] {
  const defaults = new Map<string, unknown>(Object.entries(serveForm()));
  return (Object.keys(ServeInput.shape) as (keyof typeof ServeInput.shape)[]).map((key) => {
    const value = [key, `${key}Ms`, `${key}Bytes`].map((name) => defaults.get(name)).find((found) => found !== undefined);
    return [code(`serve.${key}`), value == null ? 'none' : code(JSON.stringify(value)), SERVE_MEANING[key]];
  });
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
