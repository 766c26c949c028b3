// Owns the run of the Inspector's command line: over every transport it lists what there is, strictly, and calls every tool with its example.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { configFromCode } from '../../src/config.ts';
import { isJsonObject, type JsonObject } from '../../src/domain/json.ts';
import { type RunningServer, startServer } from '../../src/http/serve.ts';
import { silentLogger } from '../../src/logger.ts';
import { allToolSpecs, toolSetOf } from '../../tools/registry.ts';
import { EXAMPLE_NEEDS, TOOL_EXAMPLES } from '../../tools/tool-examples.ts';
import { Story } from './example-story.ts';
import { type Outcome, runNode, tell, twoAtOnce } from './run-program.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** It has a lock file of its own. */
export const INSPECTOR_FOLDER = join(root, 'test', 'inspector');
const PROGRAM = join(INSPECTOR_FOLDER, 'node_modules', '@modelcontextprotocol', 'inspector', 'clients', 'launcher', 'build', 'index.js');
const CALL_MS = 60_000;
/** A call that has not ended by then goes on as a task. */
const FOLLOW_MS = 4_000;
/** A task is followed until all other calls are over: 30 of them take over a minute on a loaded machine. */
const FOLLOWED_MS = 600_000;

/** A stored workflow that is a tool of its own; the example of create_workflow stores it. */
const PUBLISHED = { workflow: 'greet', as: 'greet_somebody', example: { who: 'Grace', wait_ms: 5_000 } } as const;
const SETTINGS = {
  background: 'off',
  toolsets: [...new Set<string>(allToolSpecs.flatMap(({ name }) => toolSetOf(name) ?? [])), 'published'],
  published: [{ workflow: PUBLISHED.workflow, as: PUBLISHED.as }],
};

interface Transport {
  readonly name: string;
  /** As a file of servers has it. */
  readonly server: JsonObject;
  readonly isModern: boolean;
  readonly stop: () => Promise<void>;
}

/** Resolves to whether all calls over all transports went well. */
export async function checkWithInspector(folder: string): Promise<boolean> {
  const without = allToolSpecs.filter(({ name }) => TOOL_EXAMPLES[name] === undefined).map(({ name }) => name);
  if (without.length > 0) return tell(false, 'inspector', `no example of ${without.join(', ')} in tools/tool-examples.ts`);
  const transports = [stdio(folder), await http(folder, 'http legacy'), await http(folder, 'http modern'), await http(folder, 'sse')];
  try {
    return await twoAtOnce(transports.map((transport) => () => new Inspection(transport, folder).run()));
  } finally {
    await Promise.all(transports.map(({ stop }) => stop()));
  }
}

/** Each call starts the program anew, on the same data folder. */
function stdio(folder: string): Transport {
  const home = join(folder, 'stdio');
  mkdirSync(home);
  const config = join(home, 'logistics.config.json');
  writeFileSync(config, JSON.stringify({ ...SETTINGS, dataDir: join(home, 'data'), namespace: 'inspector' }));
  const server = { command: process.execPath, args: [join(root, 'bin', 'logistics-mcp.js'), 'stdio', '--config', config] };
  return { name: 'stdio', server, isModern: false, stop: () => Promise.resolve() };
}

async function http(folder: string, name: 'http legacy' | 'http modern' | 'sse'): Promise<Transport> {
  const home = join(folder, name.replace(' ', '-'));
  mkdirSync(home);
  const config = configFromCode(
    { ...SETTINGS, store: 'in_memory', dataDir: home, namespace: 'inspector', serve: { port: 0 } },
    { env: {}, cwd: home, homeDir: home },
  );
  const running: RunningServer = await startServer({ config, engine: { logger: silentLogger() }, platform: process.platform, now: Date.now });
  const isModern = name === 'http modern';
  const server: JsonObject =
    name === 'sse'
      ? { type: 'sse', url: `${running.url}/sse` }
      : { type: 'streamable-http', url: `${running.url}/mcp`, protocolEra: isModern ? 'modern' : 'legacy' };
  return { name, server, isModern, stop: () => running.stop() };
}

class Inspection {
  readonly #transport: Transport;
  readonly #folder: string;
  readonly #servers: string;
  /** Calls that became tasks: the Inspector follows each until it ends. */
  readonly #following: Promise<void>[] = [];
  #isEnding = false;
  readonly #story = new Story();
  readonly #faults: string[] = [];

  constructor(transport: Transport, folder: string) {
    this.#transport = transport;
    this.#folder = folder;
    this.#servers = join(folder, `${transport.name.replace(' ', '-')}.json`);
    writeFileSync(this.#servers, JSON.stringify({ mcpServers: { logistics: transport.server } }));
  }

  async run(): Promise<boolean> {
    const names = allToolSpecs.map(({ name }) => name);
    const warnings = await this.#listTools(names);
    for (const name of names) await this.#callExample(name);
    await this.#listTools([...names, PUBLISHED.as]);
    await this.#call(PUBLISHED.as, PUBLISHED.example);
    this.#isEnding = this.#following.length > 0;
    if (this.#isEnding) await this.#call('control', { filter: { kind: 'jobs', status: 'pending' }, action: 'cancel' });
    await Promise.all(this.#following);
    const counts = [];
    for (const [method, field] of [
      ['resources/list', 'resources'],
      ['resources/templates/list', 'resourceTemplates'],
      ['prompts/list', 'prompts'],
    ] as const)
      counts.push(`${await this.#count(method, field)} ${field}`);
    await this.#result('resources/read', ['--uri', 'logistics://status']);
    await this.#result('prompts/get', ['--prompt-name', 'design_workflow', '--prompt-args', 'goal=greet everybody']);
    if (this.#transport.isModern) await this.#result('skills/list', ['--verify']);
    const detail =
      this.#faults.length === 0
        ? `${names.length + 1} tools called, 0 schema errors (${warnings} hints), ${counts.join(', ')}`
        : `${this.#faults.length} faults`;
    for (const fault of this.#faults) process.stdout.write(`  ${this.#transport.name}: ${fault}\n`);
    return tell(this.#faults.length === 0, `inspector ${this.#transport.name}`, detail);
  }

  /** Strictly: a schema that some client cannot read is a fault. Gives back how many hints there are that are none. */
  async #listTools(expected: readonly string[]): Promise<number> {
    const { outcome, result } = await this.#result('tools/list', ['--strict']);
    const listed = new Set((Array.isArray(result?.tools) ? result.tools : []).flatMap((tool) => (isJsonObject(tool) ? [tool.name] : [])));
    const missing = expected.filter((name) => !listed.has(name));
    if (missing.length > 0) this.#faults.push(`tools/list lacks ${missing.join(', ')}`);
    if (listed.size > expected.length) this.#faults.push(`tools/list names ${listed.size} tools instead of ${expected.length}`);
    return Number(/(\d+) warnings/.exec(outcome.stderr)?.[1] ?? 0);
  }

  async #callExample(name: string): Promise<void> {
    for (const { tool, args } of EXAMPLE_NEEDS[name] ?? []) await this.#call(tool, args);
    await this.#call(name, TOOL_EXAMPLES[name] as JsonObject);
  }

  /** Resolves when the call has ended, or goes on as a task that another call has to end. */
  async #call(name: string, example: JsonObject): Promise<void> {
    const isFollowed = this.#transport.isModern && allToolSpecs.find((spec) => spec.name === name)?.followUp !== undefined;
    const ended = this.#callToEnd(name, this.#story.tell(example), isFollowed ? FOLLOWED_MS : CALL_MS);
    if (!isFollowed) return ended;
    this.#following.push(ended);
    const later = new AbortController();
    await Promise.race([ended, sleep(FOLLOW_MS, undefined, { signal: later.signal }).catch(() => undefined)]);
    later.abort();
  }

  async #callToEnd(name: string, args: JsonObject, mostMs: number): Promise<void> {
    const { result } = await this.#result('tools/call', ['--tool-name', name, '--tool-args-json', JSON.stringify(args)], mostMs);
    if (result === undefined) return;
    if (isJsonObject(result.structuredContent)) this.#story.hear(result.structuredContent);
    else this.#faults.push(`${name} answers without structured content`);
  }

  async #count(method: string, field: string): Promise<number> {
    const list = (await this.#result(method)).result?.[field];
    if (Array.isArray(list) && list.length > 0) return list.length;
    this.#faults.push(`${method} lists nothing`);
    return 0;
  }

  /** One call of the program; a result is there only when it ended well. */
  async #result(
    method: string,
    more: readonly string[] = [],
    mostMs: number = CALL_MS,
  ): Promise<{ readonly outcome: Outcome; readonly result: JsonObject | undefined }> {
    const outcome = await runNode(
      [PROGRAM, '--cli', '--config', this.#servers, '--server', 'logistics', '--method', method, ...more, '--format', 'json', '-q'],
      {
        cwd: this.#folder,
        // Nothing of the user's own settings, and nothing left in them.
        env: { MCP_INSPECTOR_SECRET_STORE: 'memory', HOME: this.#folder, USERPROFILE: this.#folder },
        mostMs,
      },
    );
    // A task that this run ended, in the words of the Inspector.
    if (outcome.code === 1 && this.#isEnding && /\\"(\w+)\\" was cancelled/.test(outcome.stderr)) return { outcome, result: undefined };
    if (outcome.code !== 0) {
      this.#faults.push(
        `${method} ${more.join(' ')}: exit ${outcome.code ?? 'none, its time was over'}\n    ${`${outcome.stderr}${outcome.stdout}`.slice(0, 2_000)}`,
      );
      return { outcome, result: undefined };
    }
    const printed: unknown = JSON.parse(outcome.stdout.split('\n')[0] ?? '');
    return { outcome, result: isJsonObject(printed) && isJsonObject(printed.result) ? printed.result : undefined };
  }
}
