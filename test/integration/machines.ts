// Owns machines for tests: nodes that share nothing but a Redis; each in a network of its own where that can be made, else only in a folder of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { type SharedFolder, sharedFolder } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { commandOf, type Reply } from '../support/stdio-server.ts';
import { atEnd, tempFolder } from '../support/test-engine.ts';

/** Short, so that a test sees a lease end. */
const LIMITS = { processLease: '1s', heartbeat: '200ms', sweep: '200ms', shutdownGrace: '100ms' };

export interface Node {
  readonly pid: number;
  call(tool: string, args: Record<string, unknown>): Promise<Reply>;
  /** Ends the process at once. */
  kill(): Promise<void>;
}

export class Machine {
  readonly #store: string;
  readonly #prefix: readonly string[];
  readonly #config: object;
  #folder: SharedFolder;

  /** `prefix` starts a program inside the machine. */
  constructor(store: string, prefix: readonly string[], config: object) {
    this.#store = store;
    this.#prefix = prefix;
    this.#config = config;
    this.#folder = this.#newFolder();
  }

  get folder(): SharedFolder {
    return this.#folder;
  }

  #newFolder(): SharedFolder {
    return sharedFolder({ store: this.#store, limits: LIMITS, ...this.#config });
  }

  /** Starts an MCP server on this machine and connects a client to it. */
  async start(): Promise<Node> {
    const { command, args, cwd, env } = commandOf(this.#folder);
    const [program = command, ...rest] = [...this.#prefix, command, ...args];
    const transport = new StdioClientTransport({ command: program, args: rest, cwd, env, stderr: 'inherit' });
    const client = new Client({ name: 'machine', version: '1' }, { capabilities: {}, versionNegotiation: { mode: 'legacy' } });
    const ended = new Promise<void>((resolve) => {
      client.onclose = resolve;
    });
    await client.connect(transport);
    const pid = transport.pid ?? 0;
    atEnd(() => client.close());
    return {
      pid,
      call: async (name, input) => {
        const result = await client.callTool({ name, arguments: input });
        if (result.isError === true || result.structuredContent === undefined) throw new Error((result.content as { text: string }[])[0]?.text);
        return result.structuredContent as Reply;
      },
      kill: async () => {
        process.kill(pid, 'SIGKILL');
        await ended;
      },
    };
  }

  /** What it had on its disk is gone; it starts anew with an empty one. */
  lose(): void {
    rmSync(this.#folder.dataDir, { recursive: true, force: true });
    this.#folder = this.#newFolder();
  }
}

/** Why there can be no networks, or null. */
export function reasonWithoutNetworks(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `lgtest-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.error !== undefined) return 'ip of iproute2 is not on PATH';
  if (made.status !== 0) return `ip netns add: ${made.stderr.trim()}`;
  spawnSync('ip', ['netns', 'del', name]);
  return null;
}

let networks = 0;

/** Two networks joined by a cable: Redis and one machine in the first, the other machine in the second. */
export async function inTwoNetworks(config: object): Promise<readonly [Machine, Machine]> {
  const id = `lg${process.pid % 100_000}-${++networks}`;
  const [here, there] = [`${id}a`, `${id}b`];
  const address = (n: number): string => `10.203.${networks}.${n}`;
  const ip = (...args: string[]): void => {
    const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  };
  for (const name of [here, there]) {
    ip('netns', 'add', name);
    atEnd(() => void spawnSync('ip', ['netns', 'del', name]));
  }
  ip('link', 'add', here, 'netns', here, 'type', 'veth', 'peer', 'name', there, 'netns', there);
  for (const [n, name] of [here, there].entries()) {
    ip('-n', name, 'addr', 'add', `${address(n + 1)}/24`, 'dev', name);
    ip('-n', name, 'link', 'set', name, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  await redisIn(here, address(1));
  const url = `redis://${address(1)}:6379/0?prefix=machines`;
  return [new Machine(url, ['ip', 'netns', 'exec', here], config), new Machine(url, ['ip', 'netns', 'exec', there], config)];
}

/** Starts Redis inside a network, where the test itself cannot reach it. */
async function redisIn(network: string, address: string): Promise<void> {
  const where = ['--bind', address, '--port', '6379', '--dir', tempFolder(), '--save', '', '--appendonly', 'yes', '--protected-mode', 'no'];
  const server: ChildProcess = spawn('ip', ['netns', 'exec', network, 'redis-server', ...where], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  atEnd(async () => {
    server.kill('SIGKILL');
    await ended;
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    server.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Ready to accept connections')) resolve();
    });
    server.once('error', reject);
    void ended.then(() => reject(new Error(`redis-server ended: ${said}`)));
  });
}

/** Two machines that have only folders of their own. */
export async function inTwoFolders(config: object): Promise<readonly [Machine, Machine]> {
  const server = await RedisServer.start();
  atEnd(() => server.stop());
  return [new Machine(server.url('machines'), [], config), new Machine(server.url('machines'), [], config)];
}
