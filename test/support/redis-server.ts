// Owns a Redis of the tests' own: from PATH, on a private port and in a folder of its own, ended by its process id.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

/** Servers that may be there; the contract holds on each that is. */
export const SERVERS = ['redis-server', 'valkey-server'] as const;
export type ServerName = (typeof SERVERS)[number];

export function isInstalled(name: ServerName): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why tests on a server cannot run, or null. With CI set they must: then it throws. */
export function reasonToSkip(name: ServerName): string | null {
  if (isInstalled(name)) return null;
  const reason = `${name} is not on PATH`;
  if (name === 'redis-server' && process.env.CI !== undefined && process.env.CI !== '') throw new Error(`${reason}, and CI is set: install it`);
  return reason;
}

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #name: ServerName;
  #child: ChildProcess | null = null;

  private constructor(name: ServerName, port: number, folder: string) {
    this.#name = name;
    this.port = port;
    this.folder = folder;
  }

  static async start(name: ServerName = 'redis-server', more: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(name, await freePort(), await mkdtemp(join(tmpdir(), 'redis-')));
    await server.up(more);
    return server;
  }

  url(prefix: string): string {
    return `redis://127.0.0.1:${this.port}/0?prefix=${prefix}`;
  }

  /** Starts the process on the same port and folder, and waits until it answers. */
  async up(more: readonly string[] = []): Promise<void> {
    const args = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', '', '--maxmemory-policy', 'noeviction'];
    const child = spawn(this.#name, [...args, '--appendonly', 'yes', '--appendfsync', 'everysec', ...more], { stdio: 'ignore' });
    this.#child = child;
    const client = this.client();
    try {
      await new Promise<void>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`${this.#name} ended with ${code}`)));
        client.ping().then(() => resolve(), reject);
      });
    } finally {
      client.disconnect();
    }
  }

  /** A plain client that waits for the server. */
  client(): Redis {
    const client = new Redis({ host: '127.0.0.1', port: this.port, retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    return client;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** SIGSTOP or SIGCONT: a server that is there but silent. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
